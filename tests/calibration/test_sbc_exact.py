"""Simulation-based calibration: what is drawn from the prior lies anywhere in its posterior with equal chance."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.batch import pool_bayes_many
from lamevidence.effects.evidence_table import EvidenceTable

ALPHA = 1e-4


def inside_band(u):
    """Kolmogorov's band at ALPHA: sup |F − x| ≤ sqrt(log(2/α)/2n) (Massart 1990)."""
    u = np.sort(u)
    n = u.size
    gap = max(np.max(np.arange(1, n + 1) / n - u), np.max(u - np.arange(n) / n))
    return gap <= np.sqrt(np.log(2 / ALPHA) / (2 * n))


@pytest.mark.parametrize("k", [1, 2, 3, 5, 10])
def test_normal_family(k):
    rng = np.random.default_rng(100 + k)
    size, mu0, tau0 = 5000, lam.Normal(0, 20), lam.HalfNormal(6)
    mu, tau = rng.normal(0, 20, size), np.abs(rng.normal(0, 6, size))
    s = np.exp(rng.normal(np.log(3), 0.5, (size, k)))
    y = mu[:, None] + tau[:, None] * rng.standard_normal((size, k)) + s * rng.standard_normal((size, k))
    many = pool_bayes_many(y, s**2, mu=mu0, tau=tau0)
    assert inside_band(many.mu_cdf(mu))
    assert inside_band(many.tau_cdf(tau))
    assert inside_band(many.new_cdf(mu + tau * rng.standard_normal(size)))


def table_of(family, k, rng):
    """One data set of a family with its true (μ, τ)."""
    names = tuple(f"s{i}" for i in range(k))
    mu, tau = rng.normal(0, 1.5), abs(rng.normal(0, 1))
    theta = mu + tau * rng.standard_normal(k)
    nothing = {"yi": np.zeros(k), "vi": np.ones(k), "labels": names, "studies": names}
    n = rng.integers(8, 40, k).astype(float)
    if family == "binomial":
        return (
            mu,
            tau,
            EvidenceTable(
                **nothing, measure="PLO", counts={"xi": rng.binomial(n.astype(int), 1 / (1 + np.exp(-theta))), "ni": n}
            ),
        )
    if family == "poisson":
        return mu, tau, EvidenceTable(**nothing, measure="IRLN", counts={"xi": rng.poisson(n * np.exp(theta)), "ti": n})
    if family == "conditional-binomial":
        t1, t2 = n, rng.integers(8, 40, k).astype(float)
        base = np.exp(rng.normal(-1, 0.5, k))
        return (
            mu,
            tau,
            EvidenceTable(
                **nothing,
                measure="IRR",
                counts={
                    "x1i": rng.poisson(t1 * base * np.exp(theta)),
                    "t1i": t1,
                    "x2i": rng.poisson(t2 * base),
                    "t2i": t2,
                },
            ),
        )
    n2 = rng.integers(8, 40, k).astype(float)
    base = rng.normal(-0.5, 0.7, k)
    p1, p2 = (1 / (1 + np.exp(-x)) for x in (base + theta, base))
    a, c = rng.binomial(n.astype(int), p1).astype(float), rng.binomial(n2.astype(int), p2).astype(float)
    return mu, tau, EvidenceTable(**nothing, measure="OR", counts={"ai": a, "bi": n - a, "ci": c, "di": n2 - c})


@pytest.mark.parametrize("family", ["binomial", "poisson", "hypergeometric", "conditional-binomial"])
@pytest.mark.parametrize("k", [1, 3])
def test_count_families(family, k):
    rng = np.random.default_rng(sum(map(ord, family)) + k)
    out = []
    for _ in range(100):
        mu, tau, table = table_of(family, k, rng)
        post = lam.pool_bayes(table, mu=lam.Normal(0, 1.5), tau=lam.HalfNormal(1), likelihood=family)
        out.append((post.mu.cdf(mu), post.tau.cdf(tau), post.theta_new.cdf(mu + tau * rng.standard_normal())))
    u = np.array(out)
    assert all(inside_band(column) for column in u.T)
