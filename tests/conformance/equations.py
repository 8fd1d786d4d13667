"""The equations that estimates and bounds of τ² solve, written out: nothing here comes from the package.

A rule that lets R's number pass asks of ours that it is a root, or that its likelihood is no lower.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

ROOT = 1e-7
"""How near to its target a bound has to bring the equation, relative to what the equation is about."""


def data_of(fit: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return estimates, variances and model matrix of a fit."""
    y, v = np.asarray(fit.table.yi, dtype=float), np.asarray(fit.table.vi, dtype=float)
    design = getattr(fit, "design", None)
    return y, v, np.ones((y.size, 1)) if design is None else np.asarray(design.X, dtype=float)


def direct_height(fit: Any, t: float, method: str | None = None) -> float:
    """Return the log-likelihood of τ² (restricted for REML) but for a constant."""
    y, v, X = data_of(fit)
    total = v + t
    information = X.T @ (X / total[:, None])
    r = y - X @ np.linalg.solve(information, X.T @ (y / total))
    height = -0.5 * (np.log(total).sum() + (r**2 / total).sum())
    restricted = (method or fit.spec.tau2) == "REML"
    return float(height - (0.5 * np.linalg.slogdet(information)[1] if restricted else 0.0))


def generalised_q(fit: Any, t: float, weights: np.ndarray | None = None) -> float:
    """Return Σ a r², with weights a, or 1/(v + t)."""
    y, v, X = data_of(fit)
    a = 1 / (v + t) if weights is None else weights
    r = y - X @ np.linalg.solve(X.T @ (X * a[:, None]), X.T @ (a * y))
    return float((a * r**2).sum())


def solves(fit: Any, kind: str, bound: float, level: float, side: str, weights: np.ndarray | None) -> bool:
    """Return whether a bound of τ² is a root of the equation of its kind, or 0 where there is none."""
    y, v, X = data_of(fit)
    df, tail = y.size - X.shape[1], 0.5 - level / 2
    if kind == "QP":
        target = float(special.chdtri(df, tail if side == "lb" else 1 - tail))
        excess = generalised_q(fit, bound) / target - 1
        return abs(excess) <= ROOT or (bound == 0 and excess < 0)
    if kind == "PL":
        target = float(special.chdtri(1, 1 - level))
        excess = 2 * (direct_height(fit, fit.tau2) - direct_height(fit, bound)) / target - 1
        return abs(excess) <= ROOT or (bound == 0 and side == "lb" and excess < 0)
    if kind == "GENQ":
        a = 1 / v if weights is None else np.asarray(weights, dtype=float)
        below = q_below(tuple(form_values(v, bound, X, a)), generalised_q(fit, 0.0, a))
        excess = below - (1 - tail if side == "lb" else tail)
        return abs(excess) <= ROOT * tail or (bound == 0 and excess < 0)
    return False


def form_values(v: np.ndarray, t: float, X: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return the weights of the χ²₁ variables that Σ a r² is a sum of."""
    A = np.diag(a) - (X * a[:, None]) @ np.linalg.solve(X.T @ (X * a[:, None]), (X * a[:, None]).T)
    root = np.sqrt(v + t)
    return np.linalg.eigvalsh(root[:, None] * A * root)[X.shape[1] :]


@lru_cache(maxsize=4096)
def q_below(values: tuple[float, ...], q: float) -> float:
    """Return P(Σ λ χ²₁ ≤ q) by Ruben's series (1962, doi:10.1214/aoms/1177704580): mixtures of χ² with one scale.

    Terms are positive with the smallest λ as scale; Imhof's integral in ``tests/oracles`` agrees to 2e-9.
    """
    lam = np.maximum(np.array(values), 1e-300)
    scale, n = float(lam.min()), lam.size
    ratio = 1 - scale / lam
    c = [float(np.exp(0.5 * np.log(scale / lam).sum()))]
    power, g, total, weight = np.ones(n), [], 0.0, 0.0
    for j in range(20_000):
        if j:
            power = power * ratio
            g.append(float(power.sum()))
            c.append(float(np.dot(g, c[::-1])) / (2 * j))
        weight += c[-1]
        total += c[-1] * float(special.chdtr(n + 2 * j, q / scale))
        if 1 - weight < 1e-13 or special.chdtr(n + 2 * j, q / scale) < 1e-14:
            break
    else:
        return float("nan")
    return total
