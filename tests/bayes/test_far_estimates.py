"""Estimates hundreds of standard errors off under the t likelihood. Oracles: SciPy's t density, a grid over μ and τ."""

import numpy as np
import pytest
from scipy import special, stats

import lamevidence as lam
from lamevidence.bayes.counts.families import study_likelihoods
from lamevidence.bayes.counts.t_scales import t_scales


@pytest.mark.parametrize("df", [1, 2, 5, 11, 24, 30, 60])
@pytest.mark.parametrize("z", [0.0, 2.0, 10.0, 80.0, 300.0])
def test_scales_make_the_density_of_t_however_far(df, z):
    weight, scale = t_scales(df, 61, z * z)
    logs = np.log(weight) + stats.norm.logpdf(z, 0.0, np.sqrt(scale))
    assert special.logsumexp(logs) == pytest.approx(stats.t.logpdf(z, df), abs=2e-9)


def test_a_row_far_from_the_others_by_the_whole_integral_over_its_effect():
    """∫ t(y | θ) N(θ | μ, τ) dθ by a grid of θ; truncated scales gave it a normal tail (log 300 too low)."""
    table = lam.EvidenceTable.from_estimates([14.0], sei=[0.05], n=[31])
    (row,) = study_likelihoods(table, "t")
    mu, tau = np.array([[0.0, 0.5]]), np.array([[0.3], [1.0]])
    found = row.integrate(mu, tau, 61).log
    for i, t in enumerate(tau[:, 0]):
        for j, m in enumerate(mu[0]):
            theta = np.linspace(m - 40 * t, m + 40 * t, 400_001)
            log = stats.t.logpdf(14.0, 30, theta, 0.05) + stats.norm.logpdf(theta, m, t) + np.log(theta[1] - theta[0])
            assert found[i, j] == pytest.approx(special.logsumexp(log), abs=1e-6)


@pytest.mark.parametrize("seed", [5, 19, 52, 55])
def test_far_outliers_are_integrated(seed):
    """These of sixty random sets ended in a QuadratureError: the rule over scales stopped short of where they lie."""
    rng = np.random.default_rng(seed)
    k = int(rng.choice([3, 5, 8, 12, 20]))
    n, se = rng.integers(4, 40, k), rng.uniform(0.05, 0.6, k)
    y = rng.normal(0, 1, k) * se + rng.normal(0, 0.3, k)
    for _ in range(int(rng.integers(1, 3))):
        y[rng.integers(k)] = rng.choice([-1, 1]) * rng.uniform(2, 15)
    mu = lam.priors.Normal(0, float(rng.choice([1.5, 2, 10])))
    tau = lam.priors.HalfNormal(float(rng.choice([0.3, 0.5, 0.7, 1])))
    table = lam.EvidenceTable.from_estimates(y, sei=se, n=n)
    post = lam.pool_bayes(table, mu=mu, tau=tau, likelihood="t")
    assert post.numerical_error < 1e-7
    turned = lam.pool_bayes(lam.EvidenceTable.from_estimates(-y, sei=se, n=n), mu=mu, tau=tau, likelihood="t")
    assert turned.log_marginal == pytest.approx(post.log_marginal, abs=1e-7)
    assert turned.mu.mean == pytest.approx(-post.mu.mean, abs=1e-7)
