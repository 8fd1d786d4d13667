"""The exact posterior of hazards against brute force written out here, chains, and its own calibration."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from tests.pooling.test_hazard_one_stage import CLUSTERED, MIXED, likelihood, table


def panels(edges, n):
    x, w = np.polynomial.legendre.leggauss(n)
    mid, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    return (mid[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()


def log_of(x):
    return np.log(np.maximum(x, 1e-300))


def brute(frame, mu, tau, known=None):
    """Log evidence and moments by Gauss-Legendre panels over μ, τ and each study's z; nothing of the package in it."""
    m, wm = panels(np.linspace(mu[0] - 7 * mu[1], mu[0] + 7 * mu[1], 17), 12)
    t, wt = panels(np.array([0, 0.1, 0.4, 1, 2, 4, 7]) * tau, 12)
    z, wz = panels(np.linspace(-7.5, 7.5, 13), 12)
    log = stats.norm.logpdf(m, *mu)[:, None] + stats.halfnorm.logpdf(t, scale=tau)
    for row in frame.to_dict("records"):
        hazard = np.exp(m[:, None, None] + t[:, None] * z)
        log = log + log_of(np.sum(wz * stats.norm.pdf(z) * likelihood(row, hazard), axis=2))
    weight = np.exp(log - log.max()) * wm[:, None] * wt
    total = weight.sum()
    weight /= total
    mean, spread = (weight.sum(1) * m).sum(), (weight.sum(0) * t).sum()
    sd = np.sqrt((weight.sum(1) * (m - mean) ** 2).sum())
    new = np.sqrt(sd**2 + (weight.sum(0) * t**2).sum())
    return np.array([log.max() + np.log(total), mean, sd, spread, new])


def numbers(post):
    return np.array([post.log_marginal, post.mu.mean, post.mu.sd, post.tau.mean, post.theta_new.sd])


@pytest.mark.parametrize(
    ("frame", "mu", "tau"),
    [
        (MIXED, (np.log(0.3), 1.5), 1.0),
        (CLUSTERED, (0.0, 2.0), 0.5),
        (MIXED.iloc[[3, 7]].reset_index(drop=True), (-1.0, 1.0), 0.7),
        (MIXED.iloc[[5]].reset_index(drop=True), (-1.0, 1.0), 0.7),
    ],
    ids=["mixed", "frailty", "no events", "everybody"],
)
def test_posterior_by_brute_force(frame, mu, tau):
    post = lam.pool_bayes(table(frame), mu=lam.priors.Normal(*mu), tau=lam.priors.HalfNormal(tau))
    assert post.likelihood == "hazard"
    np.testing.assert_allclose(numbers(post), brute(frame, mu, tau), atol=3e-6)


def test_the_defaults_are_those_stated():
    post = lam.pool_bayes(table(MIXED))
    asked = lam.pool_bayes(table(MIXED), mu=lam.priors.Normal(np.log(0.3), 1.5), tau=lam.priors.HalfNormal(1))
    assert post.log_marginal == asked.log_marginal
    # what the reason of the default says of it
    low, high = 100 * np.exp(np.log(0.3) + np.array([-1, 1]) * stats.norm.ppf(0.975) * 1.5)
    assert "between 1.6 and 570" in post.spec.why["mu"]
    assert (low, high) == pytest.approx((1.6, 570), rel=0.01)
    assert np.exp(stats.halfnorm.ppf([0.5, 0.95])) == pytest.approx([2, 7], rel=0.02)


def test_the_digits_printed_of_two_series():
    frame = pd.DataFrame({"patients": [5, 10], "total": [25, 22], "time": 1.0})
    post = lam.pool_bayes(table(frame))
    assert numbers(post)[:4] == pytest.approx([-6.589407, -1.04694, 0.58019, 0.72970], abs=6e-6)


def test_a_year_s_risk_at_the_median():
    frame = pd.DataFrame({"patients": [5, 10, 1], "total": [25, 22, 19], "time": [1.0, 1.0, 0.55]})
    post = lam.pool_bayes(table(frame))
    # −1.2733335: median by trapezoids over μ of a density integrated over τ and z as in `brute`
    assert post.mu.median == pytest.approx(-1.2733335, abs=1e-5)
    assert float(lam.effects.hazard_to_risk(post.mu.median, 1)) == pytest.approx(0.244139, abs=1e-5)


def test_leave_one_out_and_refit():
    post = lam.pool_bayes(table(MIXED))
    loo = post.loo()
    for i in (0, 3, 5, 7):
        rest = lam.pool_bayes(table(MIXED.drop(index=i).reset_index(drop=True)))
        assert loo.elpd[i] == pytest.approx(post.log_marginal - rest.log_marginal, abs=1e-7)
        assert post.without(str(i + 1)).mu.mean == pytest.approx(rest.mu.mean, abs=1e-9)
    assert post.refit(table(MIXED)).log_marginal == post.log_marginal


def test_order_of_rows_and_mixed_kinds_do_not_matter():
    post = lam.pool_bayes(table(CLUSTERED))
    turned = lam.pool_bayes(table(CLUSTERED.iloc[::-1].reset_index(drop=True)))
    assert turned.log_marginal == pytest.approx(post.log_marginal, abs=1e-9)


def test_a_drug_s_coefficient_by_brute_force():
    """An intercept given exactly leaves one coefficient: brute force over it as over a mean."""
    frame = MIXED.iloc[:4].reset_index(drop=True)
    priors = [lam.priors.Normal(-1, 1.5), lam.priors.Normal(0, 0.5)]
    X = np.column_stack([np.ones(4), [0, 1, 0, 1]])
    post = lam.pool_bayes(table(frame), moderators=X, mu=priors, tau=lam.priors.HalfNormal(1))
    m, wm = panels(np.linspace(-10.0, 8.0, 13), 8)
    b, wb = panels(np.linspace(-3.5, 3.5, 8), 8)
    t, wt = panels(np.array([0, 0.3, 1, 2.5, 6.0]), 9)
    z, wz = panels(np.linspace(-7.5, 7.5, 9), 9)
    log = stats.norm.logpdf(m, -1, 1.5)[:, None, None] + stats.norm.logpdf(b, 0, 0.5)[:, None]
    log = log + stats.halfnorm.logpdf(t)
    for x, row in zip(X[:, 1], frame.to_dict("records"), strict=True):
        at = m[:, None, None, None] + x * b[:, None, None] + t[:, None] * z
        log = log + log_of((wz * stats.norm.pdf(z) * likelihood(row, np.exp(at))).sum(-1))
    weight = np.exp(log - log.max()) * wm[:, None, None] * wb[:, None] * wt
    assert post.log_marginal == pytest.approx(log.max() + np.log(weight.sum()), abs=2e-5)
    weight /= weight.sum()
    assert post.coefficients["x1"].mean == pytest.approx((weight.sum((0, 2)) * b).sum(), abs=2e-5)
    assert post.mu.mean == pytest.approx((weight.sum((1, 2)) * m).sum(), abs=2e-5)


@pytest.mark.slow
def test_ranks_of_true_values_are_uniform():
    """Simulation-based calibration (Talts 2018): 150 data sets from the priors, the truth's place in the posterior."""
    rng = np.random.default_rng(20)
    places = []
    total, years, exposure = np.array([25, 22, 19]), np.array([1.0, 0.5, 2.0]), np.array([25.0, 10.0])
    for _ in range(150):
        mu, tau = rng.normal(np.log(0.3), 1.5), abs(rng.normal())
        hazard = np.exp(mu + tau * rng.standard_normal(5))
        r = rng.binomial(total, -np.expm1(-hazard[:3] * years))
        x = rng.poisson(np.minimum(hazard[3:] * exposure, 1e9))
        none = [None] * 2
        frame = pd.DataFrame({"patients": [*r, *none], "total": [*total, *none], "time": [*years, *none]})
        frame = frame.assign(events=[None] * 3 + [*x], person_time=[None] * 3 + [*exposure])
        post = lam.pool_bayes(table(frame))
        new = mu + tau * rng.standard_normal()
        places.append([post.mu.cdf(mu), post.tau.cdf(tau), post.theta_new.cdf(new)])
    for place in np.array(places, dtype=float).T:
        assert stats.kstest(place, "uniform").pvalue > 1e-3
