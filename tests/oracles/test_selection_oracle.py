"""Selection models: likelihood against 20-digit quadrature and dense sums, its derivatives against differences."""

import mpmath as mp
import numpy as np
import pytest
from scipy import special

import lamevidence as lam
from lamevidence.checks.selection import fitted as made
from lamevidence.checks.selection.likelihood import terms
from lamevidence.checks.selection.rows import SelectionData, unit_of
from lamevidence.checks.selection.weights import FAR, WEIGHTS

YI = [0.12, 1.18, 0.26, -0.32, 0.30]
VI = [0.0216, 0.1391, 0.1362, 0.0484, 0.0193]
EDGE = 1e-5
"""p is read as if between this and 1 minus this by ``beta`` and ``power``."""


def log_weight(kind, z, delta, edge):
    z = max(-edge, min(edge, z))
    p, q = mp.erfc(z / mp.sqrt(2)) / 2, mp.erfc(-z / mp.sqrt(2)) / 2
    return {
        "beta": lambda: (delta[0] - 1) * mp.log(p) + (delta[1] - 1) * mp.log(q),
        "halfnorm": lambda: -delta[0] * p**2,
        "negexp": lambda: -delta[0] * p,
        "logistic": lambda: mp.log(2) - delta[0] * p - mp.log1p(mp.exp(-delta[0] * p)),
        "power": lambda: delta[0] * mp.log(q),
        "negexppow": lambda: -delta[0] * p ** (1 / delta[1]),
    }[kind]()


def exact(data, kind, beta, tau2, delta):
    edge = mp.sqrt(2) * mp.erfinv(1 - 2 * mp.mpf(EDGE)) if kind in ("beta", "power") else mp.mpf(60)
    inner = [e for e in (-edge, edge) if abs(e) < 30]
    total = mp.mpf(0)
    for y, v, m in zip(data.y, data.v, data.X @ np.array([float(b) for b in beta]), strict=True):
        s, y, m = mp.sqrt(mp.mpf(float(v))), mp.mpf(float(y)), mp.mpf(float(m))
        sd = mp.sqrt(mp.mpf(float(v)) + tau2) / s
        points = sorted({*(m / s + sd * u for u in (-10, -5, 0, 5, 10)), *map(mp.mpf, (-8, -4, 0, 4, 8)), *inner})

        def integrand(z, s=s, m=m, sd=sd):
            return mp.exp(log_weight(kind, z, delta, edge)) * mp.npdf(z, m / s, sd)

        density = mp.log(mp.npdf(y / s, m / s, sd) / s)
        total += density + log_weight(kind, y / s, delta, edge) - mp.log(mp.quad(integrand, points, maxdegree=5))
    return total


@pytest.mark.parametrize("kind", ["beta", "halfnorm", "negexp", "logistic", "power", "negexppow"])
def test_smooth_weights(kind, monkeypatch):
    seen = {}
    found = made.best_fit

    def kept(data, fixed):
        best = found(data, fixed)
        if data.weight is not None:
            seen["data"], seen["best"] = data, best
        return best

    monkeypatch.setattr(made, "best_fit", kept)
    lam.checks.selection_model(lam.pool(lam.EvidenceTable.from_estimates(YI, vi=VI), tau2="ML"), kind)
    data, best = seen["data"], seen["best"]
    with mp.workdps(20):
        delta = [mp.mpf(float(d)) for d in best.delta]
        value = exact(data, kind, best.beta, mp.mpf(best.tau2), delta)
        assert best.log_likelihood == pytest.approx(float(value), abs=1e-11)
    x = np.r_[best.beta, best.tau2 + 0.1, best.delta + 0.1]
    at = terms(data, x, None)
    moved = [[terms(data, x + sign * e, None) for sign in (1, -1)] for e in 1e-5 * np.eye(x.size)]
    np.testing.assert_allclose(at.gradient, [(u.value - d.value) / 2e-5 for u, d in moved], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(at.hessian, [(u.gradient - d.gradient) / 2e-5 for u, d in moved], rtol=1e-6, atol=1e-7)


def ln_weight(kind, z, log_delta, shape, u, full):
    """Return log w at z from log δ₁, δ₂ and the imprecision, as the formulas have it."""
    z = np.clip(z, -FAR, FAR) if kind in ("beta", "power") else np.asarray(z)
    edge = -special.ndtri(full) if full else np.inf

    def plain(z):
        p, q = special.log_ndtr(-z), special.log_ndtr(z)
        power = {"halfnorm": 2.0, "negexppow": 1 / shape}.get(kind, 1.0)
        x = np.exp(np.minimum(log_delta + np.log(u) + power * p, 700.0))
        delta = np.exp(min(log_delta, 50.0))  # of beta and power, whose δ is small here
        return {
            "beta": (delta - 1) * p + (shape - 1) * q,
            "power": delta * u * q,
            "logistic": np.log(2) - x - np.log1p(np.exp(-x)),
        }.get(kind, -x)

    return np.where(z >= edge, 0.0, plain(z) - plain(edge)) if full else plain(z)


def by_sums(kind, y, v, m, t, log_delta, shape, u, full, panels=5000):
    """Return the log-likelihood with expected weights summed over some 40 000 points in logarithms."""
    x, w = np.polynomial.legendre.leggauss(8)
    total = 0.0
    for yi, vi, ti, ui in zip(y, v, t, u, strict=True):
        s = np.sqrt(vi)
        mu, sd = m / s, np.sqrt(ti) / s

        def ln(z, ui=ui, mu=mu, sd=sd):
            return ln_weight(kind, z, log_delta, shape, ui, full) - 0.5 * ((z - mu) / sd) ** 2

        z = np.linspace(mu - 45 * sd, max(mu + 45 * sd, 60.0), 20 * panels + 1)
        kept = z[ln(z) > ln(z).max() - 60]
        low, high = kept[0] - (z[1] - z[0]), kept[-1] + (z[1] - z[0])
        kinks = [e for e in (-FAR, FAR, *([-special.ndtri(full)] if full else [])) if low < e < high]
        edges = np.sort(np.concatenate([np.linspace(low, high, panels + 1), kinks]))
        width = np.diff(edges)[:, None]
        nodes, shares = edges[:-1, None] + width * (x + 1) / 2, width * w / 2
        log_mass = special.logsumexp(ln(nodes), b=shares) - np.log(np.sqrt(2 * np.pi) * sd)
        total += -0.5 * (np.log(2 * np.pi * ti) + (yi - m) ** 2 / ti)
        total += float(ln_weight(kind, yi / s, log_delta, shape, ui, full)) - log_mass
    return total


@pytest.mark.parametrize("kind", ["beta", "halfnorm", "negexp", "logistic", "power", "negexppow"])
@pytest.mark.parametrize("far", [0.0, 8.0, 12.0, 20.0, 30.0, 40.0])
def test_expected_weights_however_far_out(kind, far):
    """δ where the weight falls near the studies, means from 20 standard deviations below to 5 above."""
    rng = np.random.default_rng(int(far) + len(kind))
    for turn in range(6):
        v = rng.uniform(0.3, 3.0, 3) ** 2
        y = (far + rng.normal(size=3)) * np.sqrt(v)
        mean = (far + rng.uniform(-20.0, 5.0)) * np.sqrt(v.mean())
        tau2 = (0.0, 0.3, 5.0)[turn % 3]
        u = np.ones(3) if kind == "beta" or turn < 3 else np.array([1.0, 0.4, 0.1])
        z, weight = y / np.sqrt(v), WEIGHTS[kind]
        full = 0.0 if kind in ("beta", "negexppow") or far or turn % 2 else 0.05
        if full and special.ndtr(-z.min()) <= full:
            full = 0.0
        least, shape = -float(special.log_ndtr(-z.min())), float(np.exp(rng.uniform(-1.0, 3.0)))
        inner = float(rng.uniform(-3.0, 3.0))
        unit = 0.0 if full else unit_of(z, weight)
        if kind == "negexppow":
            log_delta = inner + least / shape
            if log_delta > 690:
                continue
            delta = np.array([np.exp(log_delta), shape])
        else:
            delta = np.array([np.exp(inner), shape])[: weight.size]
            log_delta = inner - unit / (0.5 if kind == "halfnorm" else 1.0)
        none = np.empty((0, 3))
        data = SelectionData(y, v, np.ones((3, 1)), u, none, None, weight, full, True, unit=unit)
        with np.errstate(all="ignore"):
            at = terms(data, np.r_[mean, tau2, delta], None)
        exact = by_sums(kind, y, v, mean, v + tau2, log_delta, shape, u, full)
        assert at.value == pytest.approx(exact, rel=1e-11, abs=1e-10), turn


@pytest.mark.parametrize("kind", ["halfnorm", "negexp", "logistic", "negexppow"])
def test_derivatives_far_out(kind):
    y, v = np.array([9.1, 8.8, 9.4]), np.array([1.0, 1.2, 0.8])
    weight = WEIGHTS[kind]
    delta = np.array([2.0]) if weight.size == 1 else np.array([3e4, 6.0])
    unit = unit_of(y / np.sqrt(v), weight)
    data = SelectionData(y, v, np.ones((3, 1)), np.ones(3), np.empty((0, 3)), None, weight, 0.0, True, unit=unit)
    x = np.r_[2.0, 0.4, delta]
    at = terms(data, x, None)
    steps = 1e-5 * np.diag(np.maximum(1.0, x))
    size = np.diag(steps)
    moved = [[terms(data, x + sign * e, None) for sign in (1, -1)] for e in steps]
    slopes = [(a.value - b.value) / (2 * h) for (a, b), h in zip(moved, size, strict=True)]
    bends = [(a.gradient - b.gradient) / (2 * h) for (a, b), h in zip(moved, size, strict=True)]
    np.testing.assert_allclose(at.gradient, slopes, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(at.hessian, bends, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("mean", [-30.0, 0.0, 45.0])
def test_steps_far_out(mean):
    """Intervals of p far above, between and below the mean, by logarithms of 40-digit probabilities."""
    steps = np.array([1e-12, 0.025, 0.9])
    edges = -special.ndtri(steps)[:, None] * np.ones(2)
    y = np.array([0.5, -2.0])
    interval = np.searchsorted(steps, special.ndtr(-y))
    data = SelectionData(
        y, np.ones(2), np.ones((2, 1)), np.ones(2), edges, interval, None, 0.0, True, reference=2, free=(3,)
    )
    with np.errstate(all="ignore"):
        at = terms(data, np.array([mean, 0.5, 0.3]), None)
    with mp.workdps(60):
        t = mp.mpf(1.5)
        below = [mp.erfc(-(mp.mpf(float(e)) - mean) / mp.sqrt(2 * t)) / 2 for e in edges[:, 0]]
        mass = (below[1] - below[2]) + mp.mpf(0.3) * below[2]
        exact = sum(mp.log(mp.npdf(mp.mpf(float(a)), mean, mp.sqrt(t)) / mass) for a in y) + mp.log(0.3)
    assert at.value == pytest.approx(float(exact), rel=1e-12)


LEE = (
    [
        -0.130053,
        -1.621860,
        0.418369,
        0.079151,
        -0.179468,
        -0.241162,
        -0.380542,
        -1.912387,
        0.000000,
        -1.093087,
        -1.302102,
        -0.453093,
        -3.099032,
        -1.659990,
        -1.168716,
        0.160957,
    ],
    [
        0.130251,
        0.309028,
        0.421800,
        0.082476,
        0.359463,
        0.483766,
        0.069670,
        0.539044,
        2.068966,
        0.287081,
        0.275862,
        0.464313,
        1.170229,
        0.229362,
        0.139351,
        0.099537,
    ],
)
"""Log odds ratios of dat.lee2004 and their variances."""


@pytest.mark.parametrize("kind", ["power", "halfnorm"])
def test_standard_errors_are_those_of_differences_of_sums(kind):
    """By differences of a likelihood of its own; metafor prints .891 for the mean of ``power``, ours is .8606."""
    y, v = map(np.array, LEE)
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), model="random", tau2="ML", interval="z")
    found = lam.checks.selection_model(fit, kind, alternative="less", interval="profile")
    assert found.tau2 > 0  # these fits are inside their ranges
    assert found.delta[0] > 0
    x = np.array([-found.beta[0], found.tau2, *found.delta])

    def value(x):
        return by_sums(kind, -y, v, x[0], v + x[1], np.log(x[2]), 1.0, np.ones(y.size), 0.0, panels=400)

    moves = np.diag(0.02 * np.maximum(np.abs(x), 0.1))

    def crossed(a, b, share):
        a, b = share * a, share * b
        twice = value(x + a + b) - value(x + a - b) - value(x - a + b) + value(x - a - b)
        return twice / (4 * np.abs(a).max() * np.abs(b).max())

    hessian = np.array([[(4 * crossed(a, b, 0.5) - crossed(a, b, 1.0)) / 3 for b in moves] for a in moves])
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    assert np.array([found.se[0], found.se_tau2, *found.se_delta]) == pytest.approx(errors, rel=1e-4)
