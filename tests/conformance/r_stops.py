"""Where R stops, computed again: Fisher's scoring for REML, and the search for the bounds of τ².

A value of R that its own iteration left short of the root is compared with the same iteration done here; ours has to
solve the equation. Nothing here is told what R printed. Of the package only the distribution of a quadratic form is
used, which `tests/oracles/test_quadratic_forms_mpmath.py` holds to 25 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import special

from lamevidence.pooling.kernel.distributions import weighted_chi2_cdf

THRESHOLD = 1e-5
"""metafor's default: the scoring ends with the first step of τ² that is not larger, in the units of τ²."""
SEARCH = np.finfo(float).eps ** 0.25
"""The default tolerance of R's uniroot."""
EPS = np.finfo(float).eps


def reml_tau2(y: np.ndarray, v: np.ndarray, X: np.ndarray | None = None, *, to_the_end: bool = False) -> float:
    """Return τ² where metafor's scoring for REML stops, or the limit of the same scoring."""
    k = y.size
    X = np.ones((k, 1)) if X is None else X
    M = np.eye(k) - X @ np.linalg.solve(X.T @ X, X.T)
    tau2 = max(0.0, float(y @ M @ y - (np.diag(M) * v).sum()) / (k - X.shape[1]))  # Hedges' estimate
    for _ in range(100_000):
        step = scoring_step(y, v, X, tau2)
        while tau2 + step < 0:
            step /= 2
        tau2 += step
        if abs(step) <= (1e-14 * tau2 if to_the_end else THRESHOLD):
            return tau2
    return tau2


def scoring_step(y: np.ndarray, v: np.ndarray, X: np.ndarray, tau2: float) -> float:
    """Return the step of Fisher's scoring for the restricted likelihood."""
    w = 1 / (v + tau2)
    WX = w[:, None] * X
    P = np.diag(w) - WX @ np.linalg.solve(X.T @ WX, WX.T)
    Py = P @ y
    return float((Py @ Py - np.trace(P)) / (P * P).sum())


def r_uniroot(f: Callable[[float], float], low: float, high: float, tolerance: float = SEARCH) -> float:
    """Return where R's uniroot stops: Brent's zeroin (1973, chapter 4), in the order of R's C code."""
    a, b, fa, fb = low, high, f(low), f(high)
    c, fc = a, fa
    if fa == 0:
        return a
    for _ in range(1000):
        before = b - a
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        near = 2 * EPS * abs(b) + tolerance / 2
        step = (c - b) / 2
        if abs(step) <= near or fb == 0:
            return b
        if abs(before) >= near and abs(fa) > abs(fb):
            t2, wide = fb / fa, c - b
            if a == c:
                p, q = wide * t2, 1 - t2
            else:
                q, t1 = fa / fc, fb / fc
                p, q = t2 * (wide * q * (q - t1) - (b - a) * (t1 - 1)), (q - 1) * (t1 - 1) * (t2 - 1)
            p, q = (p, -q) if p > 0 else (-p, q)
            if p < 0.75 * wide * q - abs(near * q) / 2 and p < abs(before * q / 2):
                step = p / q
        if abs(step) < near:
            step = near if step > 0 else -near
        a, fa = b, fb
        b += step
        fb = f(b)
        if (fb > 0) == (fc > 0) and fb != 0:
            c, fc = a, fa
    raise ArithmeticError("the search does not end")


class Bounds:
    """The equations of the bounds of τ²: Q-profile, or generalised Q with weights v^−power."""

    def __init__(self, y: np.ndarray, v: np.ndarray, level: float, power: float | None = None) -> None:
        self.y, self.v, self.tail, self.power = y, v, 0.5 - level / 2, power
        self.above = lru_cache(maxsize=None)(self._above)

    def _above(self, tau2: float) -> float:
        """Return what falls as Q falls: Q itself, or the probability of less than the Q that was seen."""
        if self.power is None:
            w = 1 / (self.v + tau2)
            return float((w * (self.y - (w * self.y).sum() / w.sum()) ** 2).sum())
        a = self.v**-self.power
        q = float((a * (self.y - (a * self.y).sum() / a.sum()) ** 2).sum())
        root = np.sqrt(self.v + tau2)
        eigen = np.linalg.eigvalsh(root[:, None] * (np.diag(a) - np.outer(a, a) / a.sum()) * root)
        return weighted_chi2_cdf(q, eigen[1:])

    def target(self, upper: bool) -> float:
        """Return what `above` is at the bound."""
        if self.power is None:
            return float(special.chdtri(self.y.size - 1, 1 - self.tail if upper else self.tail))
        return self.tail if upper else 1 - self.tail

    def solves(self, bound: float, upper: bool) -> bool:
        """Return whether a bound solves its equation; 0 where the value at τ² = 0 is not above the target."""
        value, target = self.above(bound), self.target(upper)
        if bound == 0:
            return value <= target * (1 + 1e-9)
        return abs(value - target) <= 1e-7 * target

    def of_r(self, upper: bool, cap: float, tolerance: float = SEARCH) -> float:
        """Return the bound where R's search between 0 and ``cap`` stops."""
        target = self.target(upper)
        if self.above(0.0) < target:
            return 0.0
        if self.above(cap) > target:
            return cap
        return r_uniroot(lambda t: self.above(t) - target, 0.0, cap, tolerance)
