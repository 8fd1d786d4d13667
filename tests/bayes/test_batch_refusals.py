"""What a batch of posteriors does not take is refused in words; priors other than the usual ones agree with one fit."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.exact.batch import pool_bayes_many
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import ImproperPosterior, InputError, OptionError, QuadratureError, UnknownName

ONE = np.ones((2, 3))
PRIORS = {"mu": lam.priors.Normal(0, 1.5), "tau": lam.priors.HalfNormal(1)}


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"yi": ONE, "vi": ONE, "likelihood": "cauchy"}, UnknownName, "cauchy"),
        ({"yi": ONE, "vi": ONE, "counts": {"xi": ONE}}, OptionError, "does not use xi"),
        ({"yi": ONE, "vi": ONE, "likelihood": "t"}, OptionError, "missing: df"),
        ({"yi": ONE, "vi": ONE, "df": 0 * ONE, "likelihood": "t"}, InputError, "df"),
        ({"yi": ONE, "vi": np.ones((2, 2))}, InputError, "one shape"),
        ({"yi": np.ones((0, 3)), "vi": np.ones((0, 3))}, InputError, "one shape"),
        ({"yi": ONE, "vi": -ONE}, InputError, "positive"),
        ({"yi": ONE, "vi": ONE, "mu": lam.priors.StudentT(4, 0, 1)}, OptionError, "Normal or Flat"),
        ({"yi": ONE, "vi": ONE, "tau": lam.priors.Uniform(3)}, OptionError, "unbounded"),
        ({"yi": ONE, "vi": ONE, "tau": 1.0}, OptionError, "objects"),
        ({"likelihood": "binomial", "counts": {"xi": 2 * ONE, "ni": ONE}}, InputError, "data sets 0, 1"),
        ({"likelihood": "binomial", "counts": {"xi": 0.5 * ONE, "ni": ONE}}, InputError, "whole"),
        ({"likelihood": "poisson", "counts": {"xi": ONE, "ti": 0 * ONE}}, InputError, "person-time"),
        ({"likelihood": "poisson", "counts": {"xi": ONE * np.nan, "ti": ONE}}, InputError, "whole"),
        (
            {"likelihood": "poisson", "counts": {"xi": 0 * ONE, "ti": ONE}, "mu": lam.priors.Flat()},
            ImproperPosterior,
            "flat",
        ),
    ],
)
def test_refusals(changed, error, words):
    with pytest.raises(error, match=words):
        pool_bayes_many(**(PRIORS | changed))


@pytest.mark.parametrize("mu", [lam.priors.Normal(1, 2), lam.priors.StudentT(4, 0, 2), lam.priors.Flat()], ids=repr)
@pytest.mark.parametrize(
    "tau", [lam.priors.HalfCauchy(0.5), lam.priors.LogNormal(-1, 0.8), lam.priors.Exponential(1)], ids=repr
)
def test_other_priors_agree_with_one_fit(mu, tau):
    x, n = np.array([[3.0, 0, 7, 5], [1, 2, 9, 30]]), np.array([[15.0, 12, 20, 9], [40, 10, 9, 300]])
    many = pool_bayes_many(counts={"xi": x, "ni": n}, mu=mu, tau=tau, likelihood="binomial")
    assert np.all(many.numerical_error < 1e-3)
    names = tuple("abcd")
    for d in range(2):
        counts = {"xi": x[d], "ni": n[d]}
        table = EvidenceTable(yi=np.zeros(4), vi=np.ones(4), labels=names, studies=names, measure="PLO", counts=counts)
        post = lam.pool_bayes(table, mu=mu, tau=tau)
        at = np.full(2, post.mu.median), np.full(2, post.tau.median), np.full(2, post.theta_new.median)
        got = [f(a)[d] for f, a in zip((many.mu_cdf, many.tau_cdf, many.new_cdf), at, strict=True)]
        assert got == pytest.approx([0.5] * 3, abs=max(1e-5, many.numerical_error[d]))
        assert many.log_marginal[d] == pytest.approx(post.state.log_marginal, abs=max(1e-5, many.numerical_error[d]))


def test_a_data_set_beyond_the_rule_is_named():
    # two studies of a million patients each that contradict each other under a prior that allows no spread
    counts = {"xi": np.array([[1e5, 9e5]]), "ni": np.full((1, 2), 1e6)}
    with pytest.raises(QuadratureError, match="pool_bayes"):
        pool_bayes_many(
            counts=counts, mu=lam.priors.Normal(0, 1.5), tau=lam.priors.HalfNormal(1e-3), likelihood="binomial"
        )
