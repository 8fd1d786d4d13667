"""Selection models: likelihood at the estimates against 20-digit quadrature, its derivatives against differences."""

import mpmath as mp
import numpy as np
import pytest

import lamevidence as lam
from lamevidence.checks import selection_model as made
from lamevidence.checks.selection_likelihood import terms

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
    lam.selection_model(lam.pool(lam.EvidenceTable.from_estimates(YI, VI), tau2="ML"), kind)
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
