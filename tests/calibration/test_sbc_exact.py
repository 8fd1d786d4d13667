"""Simulation-based calibration: what is drawn from the prior lies anywhere in its posterior with equal chance.

5000 data sets for every family and k; the seed of a cell is [family, k]. Calibration would not see a batch that is
wrong in its sixth digit: a sample of it is compared with the engine that refines its nodes.
"""

import numpy as np
import pytest
from scipy import special

import lamevidence as lam
from lamevidence.bayes.exact.batch import pool_bayes_many
from lamevidence.effects.evidence_table import EvidenceTable
from tests.calibration.ecdf_bands import bands, inside, inside_probability

ALPHA = 1e-4
"""Of one distribution function; 90 are looked at."""
SIZE = 5000
KS = (1, 2, 3, 5, 10)
MEASURE = {"binomial": "PLO", "poisson": "IRLN", "hypergeometric": "OR", "conditional-binomial": "IRR"}
FAMILIES = ("normal", "t", *MEASURE)
SCALES = {"normal": (20.0, 6.0)}
"""Prior standard deviation of μ and scale of τ; for all others 1.5 and 1."""


def truth(rng, size, k, scales, wrong=1.0):
    """μ, τ, effects of a new study and of the studies, from the priors (of τ one ``wrong`` times as wide)."""
    mu, tau = rng.normal(0, scales[0], size), wrong * np.abs(rng.normal(0, scales[1], size))
    theta = mu[:, None] + tau[:, None] * rng.standard_normal((size, k))
    return mu, tau, mu + tau * rng.standard_normal(size), theta


def data(family, rng, theta):
    """What the batch takes."""
    n1, n2 = rng.integers(8, 40, (2, *theta.shape))
    if family == "normal":
        s = np.exp(rng.normal(np.log(3), 0.5, theta.shape))
        return {"yi": theta + s * rng.standard_normal(theta.shape), "vi": s * s}
    if family == "t":
        sigma, df = np.exp(rng.normal(-0.5, 0.5, theta.shape)), rng.integers(4, 20, theta.shape)
        y = theta + sigma * rng.standard_normal(theta.shape)
        return {"yi": y, "vi": sigma**2 * rng.chisquare(df) / df, "df": df}
    if family == "binomial":
        counts = {"xi": rng.binomial(n1, 1 / (1 + np.exp(-theta))), "ni": n1}
    elif family == "poisson":
        counts = {"xi": rng.poisson(n1 * np.exp(theta)), "ti": n1}
    elif family == "conditional-binomial":
        # the total says nothing about the ratio: it is drawn without it, as the conditional likelihood supposes
        total = rng.poisson(10.0, theta.shape)
        x = rng.binomial(total, 1 / (1 + np.exp(-theta - np.log(n1 / n2))))
        counts = {"x1i": x, "t1i": n1, "x2i": total - x, "t2i": n2}
    else:
        # likewise the margins; the first cell by its cumulative probabilities
        total = rng.binomial(n1 + n2, rng.uniform(0.1, 0.6, theta.shape))
        u = np.arange(40)
        b, c, d = n1[..., None] - u, total[..., None] - u, (n2 - total)[..., None] + u
        possible = (b >= 0) & (c >= 0) & (d >= 0)
        log = theta[..., None] * u - sum(special.gammaln(np.maximum(cell, 0) + 1.0) for cell in (u, b, c, d))
        p = np.where(possible, np.exp(log - np.where(possible, log, -np.inf).max(axis=-1, keepdims=True)), 0.0)
        p = np.cumsum(p, axis=-1)
        a = (p < rng.uniform(size=(*theta.shape, 1)) * p[..., -1:]).sum(axis=-1)
        counts = {"ai": a, "bi": n1 - a, "ci": total - a, "di": n2 - total + a}
    return {"counts": {name: np.asarray(column, dtype=float) for name, column in counts.items()}}


def many(family, given):
    mu, tau = SCALES.get(family, (1.5, 1.0))
    return pool_bayes_many(**given, mu=lam.priors.Normal(0, mu), tau=lam.priors.HalfNormal(tau), likelihood=family)


def one(family, given, d):
    """The same data set through the engine that refines."""
    if family in MEASURE:
        counts = {name: column[d] for name, column in given["counts"].items()}
        k = next(iter(counts.values())).size
        names = tuple(f"s{i}" for i in range(k))
        table = EvidenceTable(
            yi=np.zeros(k), vi=np.ones(k), labels=names, studies=names, measure=MEASURE[family], counts=counts
        )
    else:
        n = None if family == "normal" else given["df"][d] + 1
        table = EvidenceTable.from_estimates(given["yi"][d], vi=given["vi"][d], n=n)
    mu, tau = SCALES.get(family, (1.5, 1.0))
    return lam.pool_bayes(table, mu=lam.priors.Normal(0, mu), tau=lam.priors.HalfNormal(tau), likelihood=family)


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("family", FAMILIES)
def test_truth_is_uniform_in_its_posterior(family, k):
    rng = np.random.default_rng([FAMILIES.index(family), k])
    mu, tau, new, theta = truth(rng, SIZE, k, SCALES.get(family, (1.5, 1.0)))
    given = data(family, rng, theta)
    batch = many(family, given)
    below = batch.mu_cdf(mu), batch.tau_cdf(tau), batch.new_cdf(new)
    assert all(inside(u, ALPHA) for u in below)
    assert np.quantile(batch.numerical_error, 0.99) < 1e-3
    if k not in (1, 3):
        return
    d = 0 if k == 1 else int(np.argmax(batch.numerical_error))
    post = one(family, given, d)
    alone = post.mu.cdf(mu[d]), post.tau.cdf(tau[d]), post.theta_new.cdf(new[d])
    tolerance = 1e-5 if k == 1 else max(1e-5, float(batch.numerical_error[d]))
    assert [u[d] for u in below] == pytest.approx(alone, abs=tolerance)
    assert batch.log_marginal[d] == pytest.approx(post.log_marginal, abs=tolerance)
    assert batch.mu_mean[d] == pytest.approx(post.mu.mean, abs=tolerance * post.mu.sd)
    assert batch.tau_mean[d] == pytest.approx(post.tau.mean, rel=tolerance)


@pytest.mark.parametrize(("family", "k"), [*((f, 1) for f in FAMILIES), ("normal", 10), ("binomial", 10)])
def test_a_prior_too_narrow_by_three_tenths_is_seen(family, k):
    rng = np.random.default_rng([FAMILIES.index(family), k, 13])
    _, tau, _, theta = truth(rng, SIZE, k, SCALES.get(family, (1.5, 1.0)), wrong=1.3)
    assert not inside(many(family, data(family, rng, theta)).tau_cdf(tau), ALPHA)


def test_bands_hold_what_they_promise():
    rng = np.random.default_rng(2022)
    for n, alpha in ((100, 0.05), (1000, 0.05), (SIZE, ALPHA)):
        z, low, high = bands(n, alpha)
        outside = 1 - inside_probability(n, low, high, z)
        assert 0.5 * alpha < outside <= alpha  # counts are whole numbers: not every level can be met
        if alpha > 0.01:
            reject = np.mean([not inside(rng.uniform(size=n), alpha) for _ in range(4000)])
            assert abs(reject - outside) < 4 * np.sqrt(alpha / 4000)
