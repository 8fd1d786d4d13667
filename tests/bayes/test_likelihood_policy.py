"""Which likelihood a table gets, its degrees of freedom, what stands beside it, and evidence at a point null."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.bayes.counts.standard_errors import degrees_of_freedom

P = lam.priors
PRIORS = {"mu": P.Normal(0, 4), "tau": P.HalfNormal(1)}


def given(n, **more):
    return lam.EvidenceTable.from_estimates([0.1, 0.4, 0.9], sei=[0.3, 0.2, 0.25], n=n, **more)


@pytest.mark.parametrize("n", [19, 20, 21, 22])
def test_there_is_no_threshold_of_n(n):
    """One patient more or less moves the answer by little, whatever n is."""
    here, next_to = (lam.pool_bayes(given([x, 300, 50]), **PRIORS) for x in (n, n + 1))
    assert here.likelihood == next_to.likelihood == "t"
    assert abs(here.mu.median - next_to.mu.median) < 2e-3 * here.mu.sd


def test_rows_whose_n_is_not_known_are_normal():
    post = lam.pool_bayes(given([12, np.nan, 30]), **PRIORS)
    assert degrees_of_freedom(post.table).tolist() == [11.0, np.inf, 29.0]
    assert "normal for 2" in post.spec.why["likelihood"]
    assert lam.pool_bayes(given([np.nan] * 3), **PRIORS).likelihood == "normal"
    assert (
        lam.pool_bayes(given([12, 9, 30], moderators={"x": [0, 1, 2]}), moderators=["x"], **PRIORS).likelihood
        == "normal"
    )


def test_two_arms_have_their_own_degrees_of_freedom():
    """Welch 1947 with unequal variances, against scipy's own test; n₁ + n₂ − 2 where the variance is pooled."""
    rows = pd.DataFrame({"m1": [5.0], "s1": [2.0], "n1": [9], "m2": [4.0], "s2": [5.0], "n2": [14]})
    columns = {"m1i": "m1", "sd1i": "s1", "n1i": "n1", "m2i": "m2", "sd2i": "s2", "n2i": "n2"}
    welch = lam.EvidenceTable.from_frame(rows, measure="MD", **columns)
    test = stats.ttest_ind_from_stats(5, 2, 9, 4, 5, 14, equal_var=False)
    assert 2 * stats.t.sf(test.statistic, degrees_of_freedom(welch)[0]) == pytest.approx(test.pvalue, rel=1e-12)
    pooled = lam.EvidenceTable.from_frame(rows, measure="MD", vtype="HO", **columns)
    assert degrees_of_freedom(pooled).tolist() == [21.0]


def test_what_stands_beside():
    post = lam.pool_bayes(given([4, 300, 50]), **PRIORS)
    other = lam.pool_bayes(post.table, likelihood="normal", **PRIORS)
    frame = post.alternatives().set_index("likelihood")
    assert list(frame.index) == ["t", "normal"]
    assert frame["chosen"].tolist() == [True, False]
    assert frame.loc["normal", ["mu", "low", "high"]].tolist() == [other.mu.median, *other.interval()]
    assert frame.loc["t", "tau"] == post.tau.median


def test_moments_that_do_not_exist_are_said():
    """One row, 2 degrees of freedom, a flat mean: the posterior of μ falls like |μ|^-3, which has no variance."""
    one = lam.EvidenceTable.from_estimates([1.0], sei=[0.5], n=[3])
    post = lam.pool_bayes(one, mu=P.Flat(), tau=P.HalfNormal(0.5), likelihood="t")
    assert post.mu.mean == pytest.approx(1.0, abs=1e-3)
    for law in (post.mu, post.theta["1"], post.theta_new):
        assert law.sd == np.inf
        assert "standard deviation does not exist" in law.moment_note


def test_evidence_without_spread():
    """Niël-Weise 2007, hypergeometric: log p(y | τ = 0) = −29.0553 under μ ~ N(0, 2), whatever the prior of τ."""
    ai = [0, 1, 2, 0, 5, 1, 1, 1, 1, 1, 0, 0, 3, 6, 0, 0, 1, 4]
    n1i = [116, 44, 208, 130, 151, 98, 174, 74, 97, 113, 66, 70, 188, 187, 118, 252, 345, 64]
    ci = [3, 3, 9, 7, 6, 4, 3, 2, 19, 2, 7, 1, 5, 11, 0, 1, 3, 1]
    n2i = [117, 35, 195, 136, 157, 139, 177, 39, 103, 122, 64, 58, 175, 180, 105, 262, 362, 69]
    frame = pd.DataFrame({"ai": ai, "n1i": n1i, "ci": ci, "n2i": n2i})
    table = lam.EvidenceTable.from_frame(frame, measure="OR", **{c: c for c in frame})
    for tau in (P.InverseGamma(1.79, 0.28), P.HalfNormal(0.5)):
        post = lam.pool_bayes(table, mu=P.Normal(0, 2), tau=tau)
        assert post.log_bayes_factor(tau=0) + post.log_marginal == pytest.approx(-29.0553, abs=1e-4)


def test_bayes_factors_against_plain_integration():
    """Poulsen 2006 with μ ~ t₅(0, .51), τ ~ InverseGamma(1.79, .28): .28547 by sums on fine grids."""
    d = np.array([0.907305, 0.7207589, 1.3305829, 1.7688872, 1.3286828])
    se = np.array([0.2720456, 0.1977769, 0.2721648, 0.2656483, 0.3582617])
    post = lam.pool_bayes(
        lam.EvidenceTable.from_estimates(d, sei=se), mu=P.StudentT(5, 0, 0.51), tau=P.InverseGamma(1.79, 0.28)
    )
    mu, u = np.linspace(-3, 4, 1401), np.linspace(-6, 5, 441)
    prior = stats.t(5, 0, 0.51).pdf(mu) * (mu[1] - mu[0])

    def evidence(tau):
        return float(prior @ np.prod(stats.norm(d[:, None], np.hypot(se, tau)[:, None]).pdf(mu), axis=0))

    law = stats.invgamma(1.79, scale=0.28)
    whole = sum(evidence(t) * law.pdf(t) * t for t in np.exp(u)) * (u[1] - u[0])
    assert post.bayes_factor(tau=0) == pytest.approx(evidence(0.0) / whole, rel=1e-6)
    assert post.bayes_factor(tau=0) == pytest.approx(0.2854, abs=1e-4)


def test_extreme_data_do_not_underflow():
    """With known variances and t₁₀₀₀₀₀₀₀ for N(0, 1) both engines give one number, thousands of nats below 0."""
    table = lam.EvidenceTable.from_estimates([0.0, 100.0, 130.0], vi=[1.0, 1.0, 1.0])
    closed = lam.pool_bayes(table, mu=P.Normal(0, 1), tau=P.HalfNormal(0.5)).log_bayes_factor(tau=0)
    post = lam.pool_bayes(table, mu=P.StudentT(1e7, 0, 1), tau=P.HalfNormal(0.5))
    assert closed < -5000
    # a t law is not the normal one a hundred standard deviations out: z⁴/4ν nats
    assert post.log_bayes_factor(tau=0) == pytest.approx(closed, abs=5.0)
    assert post.bayes_factor(tau=0) == 0.0


def test_priors_that_the_data_define_are_made_anew_without_the_row():
    post = lam.pool_bayes(given([12, 9, 30]), mu=P.Normal(0, 4), tau=P.UniformShrinkage(), likelihood="t")
    loo = post.loo()
    for i, label in enumerate(post.table.labels):
        assert loo.mu[i] == pytest.approx(post.without(label).mu.median, abs=1e-8)
