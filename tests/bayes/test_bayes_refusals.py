"""What the Bayesian engine refuses, and says about it."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import (
    ImproperPosterior,
    InputError,
    NotEstimable,
    OptionError,
    TooFewStudies,
    UnknownName,
)


def table(k=3, **more):
    return EvidenceTable.from_estimates(np.linspace(-1.0, 2.0, k), sei=np.full(k, 0.5), **more)


def events(r, n):
    r, n = np.asarray(r, float), np.asarray(n, float)
    names = tuple(f"s{i}" for i in range(r.size))
    return EvidenceTable(
        yi=np.zeros(r.size), vi=np.ones(r.size), labels=names, studies=names, measure="PLO", counts={"xi": r, "ni": n}
    )


GIVEN = {"mu": lam.priors.Normal(0, 4), "tau": lam.priors.HalfNormal(0.5)}


def test_improper_combinations():
    with pytest.raises(ImproperPosterior, match="2 studies"):
        lam.pool_bayes(table(2), mu=lam.priors.Flat(), tau={"flat": {}})
    with pytest.raises(ImproperPosterior, match="does not bound τ"):
        lam.pool_bayes(events([1, 2, 3], [9, 9, 9]), mu=lam.priors.Normal(0, 2), tau=lam.priors.FlatSqrt())


@pytest.mark.parametrize(("r", "side"), [([0, 0, 0], "no events"), ([9, 9, 9], "events only")])
def test_counts_that_do_not_bound_a_flat_mean(r, side):
    with pytest.raises(ImproperPosterior, match=side):
        lam.pool_bayes(events(r, [9, 9, 9]), mu=lam.priors.Flat(), tau=lam.priors.HalfNormal(1))
    assert np.isfinite(
        lam.pool_bayes(events(r, [9, 9, 9]), mu=lam.priors.Normal(0, 1.5), tau=lam.priors.HalfNormal(1)).mu.mean
    )


def test_a_prior_needs_its_unit():
    with pytest.raises(OptionError, match="has no unit but the estimates are in mL/year"):
        lam.pool_bayes(table(unit="mL/year"), mu=lam.priors.Normal(0, 20, unit="mL/year"), tau=lam.priors.HalfNormal(6))


def test_no_anchored_default():
    with pytest.raises(OptionError, match="no anchored prior of τ"):
        lam.pool_bayes(table())
    names = ("a", "b")
    rates = EvidenceTable(
        yi=np.zeros(2), vi=np.ones(2), labels=names, studies=names, measure="IRLN", counts={"xi": [1, 2], "ti": [9, 9]}
    )
    with pytest.raises(OptionError, match="no anchored prior of τ"):
        lam.pool_bayes(rates)


def test_no_study():
    with pytest.raises(TooFewStudies):
        lam.pool_bayes(EvidenceTable(yi=[], vi=[], labels=(), studies=(), measure="GEN"), **GIVEN)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"engine": "stan"}, OptionError, "engine"),
        ({"likelihood": "gamma"}, UnknownName, "likelihood"),
        ({"likelihood": "binomial"}, OptionError, "counts"),
        ({"level": 95}, OptionError, "between 0 and 1"),
        ({"level": float("nan")}, OptionError, "between 0 and 1"),
        ({"moderators": "dose"}, UnknownName, "moderator"),
        ({"moderators": np.ones((2, 2))}, InputError, "one row a study"),
        ({"moderators": np.full((3, 1), np.nan)}, InputError, "missing or infinite"),
        ({"mu": [lam.priors.Flat(), lam.priors.Flat()]}, OptionError, "coefficients"),
        ({"mu": lam.priors.HalfNormal(1)}, OptionError, "not a prior of an effect"),
        ({"tau": lam.priors.Normal(0, 1)}, OptionError, "not a prior of a standard deviation"),
    ],
)
def test_options_that_make_no_sense(options, error, words):
    with pytest.raises(error, match=words):
        lam.pool_bayes(table(), **(GIVEN | options))


def test_dependent_columns_with_flat_priors():
    X = np.ones((3, 2))
    with pytest.raises(NotEstimable, match="linearly dependent"):
        lam.pool_bayes(table(), mu=[lam.priors.Flat(), lam.priors.Flat()], tau=lam.priors.HalfNormal(1), moderators=X)


def test_estimates_that_are_no_evidence():
    names = ("a", "b")
    with pytest.raises(InputError, match="is not a finite number"):
        EvidenceTable(yi=np.array([np.nan, 1.0]), vi=np.ones(2), labels=names, studies=names, measure="GEN")
    for yi, vi in (([0.0, 1.0], [0.0, 1.0]), ([0.0, 1.0], [1.0, np.inf])):
        t = EvidenceTable(yi=np.array(yi), vi=np.array(vi), labels=names, studies=names, measure="GEN")
        with pytest.raises(InputError, match="no finite estimate with a positive variance"):
            lam.pool_bayes(t, **GIVEN)


def test_questions_to_a_result():
    post = lam.pool_bayes(table(), **GIVEN)
    with pytest.raises(OptionError, match="kind"):
        post.interval(kind="hdi")
    with pytest.raises(InputError, match="between 0 and 1"):
        post.mu.quantile(1.5)
    with pytest.raises(OptionError, match="pure numbers"):
        post.probability("mu > 1 mL/year")
    with pytest.raises(OptionError, match="cannot read"):
        post.probability("mu is large")
    with pytest.raises(UnknownName):
        post.probability("sigma > 1")
    with pytest.raises(OptionError, match="name one null"):
        post.bayes_factor()
    with pytest.raises(OptionError, match="the point null of τ is 0"):
        post.bayes_factor(tau=1)
    with pytest.raises(OptionError, match="of at least 1"):
        post.new_study(sd=1.0, n=0)
    with pytest.raises(UnknownName, match="choices: elir"):
        post.ess("best", uisd=1.0)
    flat = lam.pool_bayes(table(), mu=lam.priors.Flat(), tau=lam.priors.HalfNormal(0.5))
    with pytest.raises(OptionError, match="proper"):
        flat.bayes_factor(mu=0)
    with pytest.raises(OptionError, match="needs proper priors"):
        _ = flat.log_marginal


def test_one_study_is_labelled():
    post = lam.pool_bayes(table(1), **GIVEN)
    assert post.tau_learned is False
    assert any("nothing about τ" in note for note in post.notes)
    assert post.tau.median == pytest.approx(lam.priors.HalfNormal(0.5).median, rel=0.15)
