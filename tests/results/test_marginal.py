"""Averages over studies: closed forms and mpmath, likelihoods and posteriors integrated independently, refusals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import lamevidence as lam
from lamevidence.effects.marginal_means import centre_of_average, linked_average
from lamevidence.errors import NotEstimable

DATA = pd.DataFrame({"s": list("abcde"), "x": [3, 5, 2, 8, 22], "n": [20, 40, 30, 35, 50], "t": [10.0, 20, 15, 12, 30]})
Z = np.linspace(-9.0, 9.0, 1201)
SETS, ENOUGH = 2000, 0.93
SHARE = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


def proportions(measure="PLO"):
    return lam.EvidenceTable.from_frame(DATA, measure=measure, study="s", events="x", total="n")


def rates(measure="IRLN"):
    return lam.EvidenceTable.from_frame(DATA, measure=measure, study="s", events="x", person_time="t")


@pytest.mark.parametrize("tau", [0.05, 0.7, 1.9, 2.1, 6.0, 25.0])
@pytest.mark.parametrize("mu", [-9.0, -1.3, 0.0, 4.0])
def test_the_average_of_logits_against_mpmath(mu, tau):
    def part(sign):
        return mp.quad(
            lambda z: mp.npdf(z) / (1 + mp.exp(-sign * (mu + tau * z))), [-14, -6, -mu / tau, 6, 14], maxdegree=8
        )

    with mp.workdps(25):
        expected = float(mp.log(part(1) / part(-1)))
    found, slope = linked_average("logit", np.array([mu]), np.array([tau]))
    assert found[0] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    step = 1e-4
    ahead, behind = (linked_average("logit", np.array([mu + h]), np.array([tau]))[0][0] for h in (step, -step))
    assert slope[0] == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("link", ["log", "logit", "probit"])
def test_the_centre_is_the_inverse(link):
    mu, tau = np.linspace(-12, 12, 25), np.array([[0.0], [0.3], [1.5], [2.5], [12.0]])
    found, slope = centre_of_average(link, *np.broadcast_arrays(linked_average(link, mu, tau)[0], tau))
    np.testing.assert_allclose(found, np.broadcast_to(mu, found.shape), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(slope, 1 / linked_average(link, *np.broadcast_arrays(mu, tau))[1], rtol=1e-8)


def test_estimates_are_the_published_integrals():
    """metafor's transf.ilogit.int and transf.exp.int, to which lam.effects.logit_mean and exp_mean are held."""
    for table, mean in ((proportions(), lam.effects.logit_mean), (rates(), lam.effects.exp_mean)):
        for fit in (lam.pool(table, model="random", tau2="REML"), lam.counts.glmm(table)):
            assert fit.tau2 > 0
            assert fit.marginal() == pytest.approx(float(mean(fit.mu, fit.tau2)), rel=1e-12)
            low, high = fit.marginal_interval()
            assert low < fit.marginal() < high
            assert fit.marginal_interval(0.8).width < high - low
            assert fit.marginal() != pytest.approx(fit.display().estimate / fit.scale().factor, rel=1e-3)
    probit = lam.pool(proportions("PRZ"), model="random", tau2="REML")
    assert probit.marginal() == pytest.approx(stats.norm.cdf(probit.mu / np.sqrt(1 + probit.tau2)), rel=1e-13)


@pytest.mark.parametrize("make", [lambda t: lam.pool(t, model="random", tau2="REML"), lam.counts.glmm])
def test_recovered_interval_of_a_log_rate_is_that_of_a_log_normal_mean(make):
    """L, U = μ + τ²/2 ∓ √{(μ − l)² + (τ² − t)²/4}: Zou, Taleban & Huo 2009, of one log-normal mean."""
    fit = make(rates())
    (l1, u1), (l2, u2) = fit.interval(), fit.tau2_interval()
    centre = fit.mu + fit.tau2 / 2
    low = centre - np.hypot(fit.mu - l1, (fit.tau2 - l2) / 2)
    high = centre + np.hypot(u1 - fit.mu, (u2 - fit.tau2) / 2)
    assert fit.marginal_interval() == pytest.approx((np.exp(low), np.exp(high)), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("poisson", [False, True])
def test_coverage_of_the_average_over_studies(poisson):
    """2 000 sets of 5 studies with τ = .5: the average, integrated here, lies inside in .93 of them and more.

    .93 is what every default interval of the coverage table has to reach; the standard error here is .005.
    """
    rng = np.random.default_rng(5)
    true = np.exp(-1.5 + 0.125) if poisson else float(special.expit(-1.5 + 0.5 * Z) @ SHARE)
    held = 0
    for _ in range(SETS):
        size, theta = rng.integers(30, 150, 5), -1.5 + 0.5 * rng.standard_normal(5)
        x = rng.poisson(size * np.exp(theta)) if poisson else rng.binomial(size, special.expit(theta))
        frame = pd.DataFrame({"s": range(5), "x": x, "n": size.astype(float)})
        column = {"person_time": "n"} if poisson else {"total": "n"}
        code = "IRLN" if poisson else "PLO"
        table = lam.EvidenceTable.from_frame(frame, measure=code, study="s", events="x", **column)
        low, high = lam.counts.glmm(table).marginal_interval()
        held += low <= true <= high
    assert held / SETS >= ENOUGH


def test_without_spread_the_interval_is_read_back():
    for fit in (lam.pool(proportions(), model="common"), lam.counts.glmm(proportions(), tau2="none")):
        assert fit.marginal() == pytest.approx(special.expit(fit.mu))
        assert fit.marginal_interval() == pytest.approx(tuple(special.expit(fit.interval())))
    raw = lam.pool(proportions("PR"), model="random", tau2="REML")
    assert raw.marginal() == raw.mu
    assert raw.marginal_interval() == raw.interval()
    assert lam.pool(proportions()[:1]).marginal() == pytest.approx(3 / 20)


@pytest.mark.parametrize("likelihood", ["normal", None])
def test_posterior_of_a_marginal_proportion_against_a_grid(likelihood):
    """A grid over (μ, τ) of the marginal likelihood times the priors; no code of the engine."""
    table = proportions()
    options = {} if likelihood is None else {"likelihood": likelihood}
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(1), **options)
    mu, tau, nodes = np.linspace(-6, 4, 121), np.linspace(0.0, 5.0, 101), slice(None, None, 15)
    M, T = np.meshgrid(mu, tau, indexing="ij")
    if likelihood == "normal":
        total = table.vi[:, None, None] + T**2
        log = (-0.5 * np.log(total) - 0.5 * (table.yi[:, None, None] - M) ** 2 / total).sum(axis=0)
    else:
        p = special.expit(M[..., None] + T[..., None] * Z)
        log = sum(np.log(stats.binom.pmf(int(x), int(n), p) @ SHARE) for x, n in zip(DATA["x"], DATA["n"], strict=True))
    weight = np.exp(log - log.max()) * stats.norm(0, 2).pdf(M) * np.exp(-(T**2) / 2)
    weight[:, [0, -1]] *= 0.5
    weight /= weight.sum()
    average = special.expit(M[..., None] + T[..., None] * Z[nodes]) @ (SHARE[nodes] / SHARE[nodes].sum())
    found = post.marginal()
    assert found.mean == pytest.approx(float((weight * average).sum()), rel=1e-4)
    assert found.sd == pytest.approx(float(np.sqrt((weight * (average - found.mean) ** 2).sum())), rel=1e-3)
    for p in (0.025, 0.5, 0.975):
        assert float(weight[average <= found.quantile(p)].sum()) == pytest.approx(p, abs=2e-3)
        assert found.cdf(found.quantile(p)) == pytest.approx(p, abs=1e-10)
    x = np.linspace(found.quantile(0.3), found.quantile(0.7), 101)
    assert np.trapezoid(found.pdf(x), x) == pytest.approx(0.4, abs=1e-4)
    assert post.marginal_interval(0.9) == found.interval(0.9)


def test_posterior_of_a_marginal_rate_against_its_draws():
    post = lam.pool_bayes(rates(), mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(1))
    draws = post.draws(20_000, seed=1).flat()
    values = np.exp(draws["beta"][:, 0] + draws["tau"] ** 2 / 2)
    found = post.marginal()
    for p in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert (values <= found.quantile(p)).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 80_000))
    assert np.isnan(found.mean)
    assert "exists only under priors of τ with hardly any tail" in found.moment_note
    assert found.cdf(0.0) == 0.0
    assert found.quantile(1.0) == np.inf


def test_with_hardly_any_spread_the_marginal_law_is_that_of_the_mean():
    post = lam.pool_bayes(proportions(), mu=lam.priors.Normal(0, 2), tau=lam.priors.Uniform(1e-4))
    p = np.array([0.025, 0.5, 0.975])
    np.testing.assert_allclose(post.marginal().quantile(p), special.expit(post.mu.quantile(p)), rtol=1e-7)
    raw = lam.pool_bayes(proportions("PR"), tau=lam.priors.HalfNormal(0.2), likelihood="normal")
    assert raw.marginal() is raw.mu


def test_other_measures_have_no_average_on_the_natural_scale():
    ratios = lam.EvidenceTable.from_estimates([0.1, 0.4, 0.3], vi=[0.02, 0.03, 0.04], measure="OR")
    for fit in (lam.pool(ratios), lam.pool_bayes(ratios)):
        with pytest.raises(NotEstimable, match="one arm, not of log odds ratio · display"):
            fit.marginal()
        assert "average over studies" not in fit.describe()
        fit.display()  # the remedy
    for code, remedy in (("PFT", "PLO"), ("PAS", "PLO")):
        with pytest.raises(NotEstimable, match=f"pool the same counts as '{remedy}'"):
            lam.pool(proportions(code)).marginal_interval()
        assert lam.pool(proportions(remedy)).marginal() > 0


def test_the_sentence_is_there_where_studies_differ():
    fit = lam.pool(proportions(), model="random", tau2="REML")
    low, high = (100 * end for end in fit.marginal_interval())
    told = f"average over studies (not the median study) {100 * fit.marginal():.1f}% (95% CI {low:.1f} to {high:.1f})"
    assert told in fit.describe()
    assert "average over studies" not in lam.pool(proportions(), model="common").describe()
    assert "average over studies" not in lam.pool(proportions("PR"), model="random").describe()
    post = lam.pool_bayes(rates(), mu=lam.priors.Normal(0, 2), tau=lam.priors.HalfNormal(1))
    assert f"average over studies (not the median study) {post.marginal().median:.2f} (95% cred" in post.describe()
