"""The exact engine against 25-digit quadrature written independently with mpmath."""

import itertools

import mpmath
import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.exact.existence import existence
from lamevidence.effects.evidence_table import EvidenceTable

mp = mpmath.MPContext()
mp.dps = 20

TAU = [
    lam.priors.HalfNormal(4),
    lam.priors.HalfCauchy(2),
    lam.priors.HalfStudentT(4, 3),
    lam.priors.Exponential(3),
    lam.priors.LogNormal(0.5, 0.8),
    lam.priors.LogStudentT(5, 0.5, 0.8),
    lam.priors.HalfLogistic(2),
    lam.priors.Rayleigh(3),
    lam.priors.Lomax(3, 2),
    lam.priors.InverseChi(3, 2),
    lam.priors.InverseGamma(2, 2),
    lam.priors.Uniform(12),
    lam.priors.DuMouchel(),
    lam.priors.UniformShrinkage(),
]


def log_prior(prior, v, t):
    """Densities as printed in papers, in mpmath."""
    name = type(prior).__name__
    s0 = mp.sqrt(len(v) / sum(1 / x for x in v))
    if name == "HalfNormal":
        return mp.log(mp.sqrt(2 / mp.pi) / prior.scale) - t**2 / (2 * prior.scale**2)
    if name in ("HalfCauchy", "HalfStudentT"):
        nu = mp.mpf(getattr(prior, "df", 1))
        c = 2 * mp.gamma((nu + 1) / 2) / (mp.gamma(nu / 2) * mp.sqrt(nu * mp.pi) * prior.scale)
        return mp.log(c) - (nu + 1) / 2 * mp.log(1 + (t / prior.scale) ** 2 / nu)
    if name == "Exponential":
        return -mp.log(prior.scale) - t / prior.scale
    if name == "LogNormal":
        return -mp.log(t * prior.sdlog * mp.sqrt(2 * mp.pi)) - (mp.log(t) - prior.meanlog) ** 2 / (
            2 * mp.mpf(prior.sdlog) ** 2
        )
    if name == "LogStudentT":
        nu = mp.mpf(prior.df)
        c = mp.gamma((nu + 1) / 2) / (mp.gamma(nu / 2) * mp.sqrt(nu * mp.pi) * prior.sdlog)
        return mp.log(c / t) - (nu + 1) / 2 * mp.log(1 + ((mp.log(t) - prior.meanlog) / prior.sdlog) ** 2 / nu)
    if name == "HalfLogistic":
        e = mp.exp(-t / prior.scale)
        return mp.log(2 * e / (prior.scale * (1 + e) ** 2))
    if name == "Rayleigh":
        return mp.log(t / prior.scale**2) - t**2 / (2 * prior.scale**2)
    if name == "Lomax":
        return mp.log(prior.shape / prior.scale) - (prior.shape + 1) * mp.log(1 + t / prior.scale)
    if name == "InverseChi":
        nu, s = mp.mpf(prior.df), mp.mpf(prior.scale)
        return mp.log(2 ** (1 - nu / 2) * s**nu / mp.gamma(nu / 2)) - (nu + 1) * mp.log(t) - s**2 / (2 * t**2)
    if name == "InverseGamma":
        a, s = mp.mpf(prior.shape), mp.mpf(prior.scale)
        return mp.log(s**a / mp.gamma(a)) - (a + 1) * mp.log(t) - s / t
    if name == "Uniform":
        return -mp.log(prior.high)
    if name == "DuMouchel":
        return mp.log(s0) - 2 * mp.log(s0 + t)
    return mp.log(2 * s0**2 * t) - 2 * mp.log(s0**2 + t**2)


def reference(y, v, m0, s0, prior):
    """(log ml, E mu, sd mu, P(mu <= m0 + 1), E tau or None)."""
    y, v = [mp.mpf(float(a)) for a in y], [mp.mpf(float(a)) for a in v]
    upper = mp.mpf(prior.upper) if np.isfinite(prior.upper) else None

    def parts(t):
        w = [1 / (a + t * t) for a in v]
        P = sum(w) + 1 / mp.mpf(s0) ** 2
        b = (sum(a * c for a, c in zip(w, y, strict=True)) + m0 / mp.mpf(s0) ** 2) / P
        q = sum(a * (c - b) ** 2 for a, c in zip(w, y, strict=True)) + (b - m0) ** 2 / mp.mpf(s0) ** 2
        log = -(len(y) * mp.log(2 * mp.pi) - sum(mp.log(a) for a in w) + q + mp.log(P) + 2 * mp.log(s0)) / 2
        return mp.exp(log + log_prior(prior, v, t)), b, 1 / P

    centre, wide = np.log(4.0), isinstance(prior, lam.priors.LogStudentT)
    far = 60.0 if wide else 24.0
    cuts = [
        mp.mpf(c)
        for c in [
            *np.linspace(-far, centre - 3, 9),
            *np.linspace(centre - 2.5, centre + 2.5, 11),
            *np.linspace(centre + 3, far, 9),
        ]
    ]
    if upper is not None:
        cuts = [c for c in cuts if c < mp.log(upper)] + [mp.log(upper)]

    x, sums = m0 + mp.mpf(1), [mp.mpf(0)] * 4
    nodes, weights = np.polynomial.legendre.leggauss(24)
    for low, high in itertools.pairwise(cuts):
        half = (high - low) / 2
        for node, weight in zip(nodes, weights, strict=True):
            t = mp.exp(low + half * (1 + mp.mpf(float(node))))
            g, b, V = parts(t)
            g *= t * half * mp.mpf(float(weight))
            for i, value in enumerate((1, b, V + b * b, mp.ncdf((x - b) / mp.sqrt(V)))):
                sums[i] += g * value
    Z, mean, second, below = sums[0], sums[1] / sums[0], sums[2] / sums[0], sums[3] / sums[0]
    return float(mp.log(Z)), float(mean), float(mp.sqrt(second - mean**2)), float(below)


def data(k, ratio, seed):
    rng = np.random.default_rng(seed)
    s = 2 * np.exp(np.linspace(0, np.log(ratio), k)) if k > 1 else np.array([2.0])
    return rng.normal(1, 3, k) + s * rng.standard_normal(k) * 0.8, s**2


def check(y, v, prior, tolerance):
    table = EvidenceTable.from_estimates(y, vi=v)
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0.5, 20), tau=prior, likelihood="normal")
    ml, mean, sd, below = reference(y, v, 0.5, 20, post.prior_tau)
    assert post.log_marginal == pytest.approx(ml, abs=tolerance)
    assert post.mu.mean == pytest.approx(mean, abs=tolerance * sd)
    assert post.mu.sd == pytest.approx(sd, rel=tolerance)
    assert post.mu.cdf(1.5) == pytest.approx(below, abs=tolerance)
    assert existence(post.prior_tau, len(y), 0).exponent > 1


@pytest.mark.parametrize("prior", TAU, ids=lambda p: type(p).__name__)
def test_every_prior_at_three_studies(prior):
    # a log-t density falls so slowly that 1e-10 of it lies beyond the panels of the reference
    check(*data(3, 3.0, 1), prior, 5e-7 if isinstance(prior, lam.priors.LogStudentT) else 1e-10)


@pytest.mark.parametrize("k", [1, 2, 5, 10, 20])
def test_number_of_studies(k):
    check(*data(k, 2.0, k), lam.priors.HalfNormal(4), 1e-10)


@pytest.mark.parametrize("ratio", [1e3, 1e6])
def test_standard_errors_over_many_decades(ratio):
    check(*data(6, ratio, 9), lam.priors.HalfNormal(4), 1e-10)
