"""True effects of studies under skewed likelihoods, against brute force on uniform grids over (τ, μ, θ)."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable

P = np.array([0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999])


def brute(log_like, theta, mu, tau, log_prior):
    """Distribution functions, (k, n), at the right edges of the cells around ``theta``."""
    like = np.exp(log_like - log_like.max(axis=1, keepdims=True))
    out = np.zeros_like(like)
    for s in tau:
        law = np.exp(-0.5 * ((theta - mu[:, None]) / s) ** 2)
        law /= law.sum(axis=1, keepdims=True)
        inner = law @ like.T + 1e-200
        weight = np.exp(log_prior(mu, s)) * np.prod(inner, axis=1)
        out += like * ((weight[:, None] / inner).T @ law)
    return np.cumsum(out, axis=1) / out.sum(axis=1, keepdims=True)


def table(measure, counts):
    k = next(iter(counts.values())).size
    names = tuple(f"s{i}" for i in range(k))
    return EvidenceTable(yi=np.zeros(k), vi=np.ones(k), labels=names, studies=names, measure=measure, counts=counts)


def binomial(theta):
    r, n = np.array([9.0, 32, 0, 9]), np.array([15.0, 46, 12, 9])
    return table("PLO", {"xi": r, "ni": n}), r[:, None] * theta - n[:, None] * np.logaddexp(0, theta)


def poisson(theta):
    r, t = np.array([0.0, 4, 1]), np.array([6.0, 9, 3])
    return table("IRLN", {"xi": r, "ti": t}), r[:, None] * theta - t[:, None] * np.exp(theta)


def small_t(theta):
    y, s, n = np.array([-1.0, 0.5, 4.0]), np.array([0.5, 0.8, 0.4]), np.array([4.0, 6, 5])
    z = (y[:, None] - theta) / s[:, None]
    return EvidenceTable.from_estimates(y, vi=s**2, n=n), -0.5 * n[:, None] * np.log1p(z**2 / (n[:, None] - 1))


@pytest.mark.parametrize("make", [binomial, poisson, small_t], ids=lambda f: f.__name__)
def test_quantiles_are_exact(make):
    theta, mu, tau = np.linspace(-13, 13, 1301), np.linspace(-7, 7, 281), (np.arange(220) + 0.5) * 0.025
    evidence, log_like = make(theta)
    likelihood = "t" if make is small_t else "auto"
    post = lam.pool_bayes(evidence, mu=lam.priors.Normal(0, 1.5), tau=lam.priors.HalfNormal(1), likelihood=likelihood)
    below = brute(log_like, theta, mu, tau, lambda m, s: -0.5 * (m / 1.5) ** 2 - 0.5 * s * s)
    edges = theta + 0.5 * (theta[1] - theta[0])
    for i, label in enumerate(evidence.labels):
        law = post.theta[label]
        assert np.interp(law.quantile(P), edges, below[i]) == pytest.approx(P, abs=2e-4)
        x = law.quantile(np.linspace(1e-5, 1 - 1e-5, 20_001))
        assert np.trapezoid(law.pdf(x) * x, x) == pytest.approx(law.mean, abs=2e-4 * law.sd)
        assert law.cdf(law.quantile(P)) == pytest.approx(P, abs=1e-12)
