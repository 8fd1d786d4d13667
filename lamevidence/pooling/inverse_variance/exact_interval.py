"""The interval of Michael, Thornton, Xie and Tian for a mean of few studies: exact under the normal model, k ≥ 2.

Each (μ, τ²) is tested by T = (μ̂ − μ)² Σŵ + c {ℓ(μ̂, τ̂²) − ℓ(μ, τ²)}, ŵ = 1/(v + τ̂²), with DerSimonian and Laird's
estimates and the normal log-likelihood ℓ. The null distribution of T depends on τ² alone; it is computed on a fixed set
of quasi-random normal numbers, so that the answer is the same each time. The interval is the projection of the
confidence region of (μ, τ²): every μ that is accepted at some τ². Given τ² the accepted μ solve a quadratic inequality.
T grows with log τ² and its null distribution does not, so that the region ends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.values import Interval

__all__ = ["ExactRegion", "exact_region"]

_POINTS = 8192
"""Quasi-random samples of k normal numbers."""
_PLACES = (np.arange(_POINTS) + 0.5) / _POINTS
"""Probabilities of the sorted samples, between which quantiles are interpolated."""
_GRID, _ZOOMS, _ZOOMED = 30, 2, 9
_DOUBLINGS = 200


def mixing(k: int) -> float:
    """Return the weight c of the likelihood ratio that the authors chose for k studies."""
    return 1.2 if k < 6 else 0.6 if k < 10 else 0.2


@lru_cache(maxsize=8)
def _normals(k: int) -> FloatArray:
    """Return the same quasi-random standard normal numbers each time, (k, B)."""
    from scipy.stats import qmc

    return np.asarray(special.ndtri(qmc.Sobol(k, scramble=True, rng=20190413).random(_POINTS))).T


@dataclass(frozen=True, slots=True, eq=False)
class ExactRegion:
    """The confidence region of (μ, τ²) of one data set; null distributions that were computed are kept.

    Attributes
    ----------
    y, v
        Estimates and variances, (k,), in an order that does not depend on that of the rows.
    c
        Weight of the likelihood ratio in T.
    mean, total
        DerSimonian and Laird's mean, and the sum of its weights.
    top
        −2 times their log-likelihood, without constants.
    """

    y: FloatArray
    v: FloatArray
    c: float
    mean: float
    total: float
    top: float
    _null: dict[float, FloatArray] = field(default_factory=dict, repr=False)

    def null(self, t: float) -> FloatArray:
        """Return T under the null hypothesis at τ² = ``t``, sorted, (B,)."""
        if t not in self._null:
            z, v = _normals(self.y.size), self.v[:, None]
            x = np.sqrt(v + t) * z
            mean, spread = _dersimonian_laird(x, v)
            w = 1.0 / (v + spread)
            ratio = np.log((v + t) * w).sum(axis=0) + (z * z).sum(axis=0) - ((x - mean) ** 2 * w).sum(axis=0)
            self._null[t] = np.sort(mean**2 * w.sum(axis=0) + self.c / 2 * ratio)
        return self._null[t]

    def _quadratic(self, t: float) -> tuple[float, float, float]:
        """Return (a, b, d): T at (μ, t) is a μ² + b μ + d, with μ counted from ``mean``."""
        w, gap = 1.0 / (self.v + t), self.y - self.mean
        half = self.c / 2
        a = self.total + half * float(w.sum())
        b = -2 * half * float(w @ gap)
        return a, b, half * (float(w @ gap**2) + float(np.log(self.v + t).sum()) - self.top)

    def accepted(self, t: float, level: float) -> tuple[float, float] | None:
        """Return the interval of μ that is accepted at τ² = ``t``, None where there is none."""
        a, b, d = self._quadratic(t)
        q = float(np.interp(level, _PLACES, self.null(t)))
        root = b * b - 4 * a * (d - q)
        if root < 0:
            return None
        half, middle = root**0.5 / (2 * a), self.mean - b / (2 * a)
        return middle - half, middle + half

    def p_value(self, mu: float) -> float:
        """Return the largest p value of ``mu`` over τ²."""

        def at(t: float) -> float:
            a, b, d = self._quadratic(t)
            x = mu - self.mean
            return 1.0 - float(np.interp(a * x * x + b * x + d, self.null(t), _PLACES))

        grid = self._grid(100.0 * max(float(np.var(self.y)), (mu - self.mean) ** 2, float(self.v.max())))
        best = 0.0
        for _ in range(_ZOOMS + 1):
            p = [at(t) for t in grid.tolist()]
            best, i = max(best, *p), int(np.argmax(p))
            grid = np.linspace(grid[max(i - 1, 0)], grid[min(i + 1, grid.size - 1)], _ZOOMED)
        return best

    def interval(self, level: float) -> Interval:
        """Return the projection of the region on μ."""
        end = self._last(level)
        found = []
        for side, sign in ((0, -1.0), (1, 1.0)):
            grid = self._grid(end)
            for _ in range(_ZOOMS + 1):
                reach = [
                    -np.inf if (got := self.accepted(t, level)) is None else sign * got[side] for t in grid.tolist()
                ]
                i = int(np.argmax(reach))
                grid = np.linspace(grid[max(i - 1, 0)], grid[min(i + 1, grid.size - 1)], _ZOOMED)
            found.append(self.mean if reach[i] == -np.inf else sign * reach[i])
        return Interval(float(found[0]), float(found[1]))

    def _grid(self, end: float) -> FloatArray:
        return np.concatenate([[0.0], np.geomspace(1e-3 * float(self.v.min()), end, _GRID)])

    def _last(self, level: float) -> float:
        """Return a τ² beyond which no μ is accepted."""
        t = 4.0 * float(np.var(self.y)) + float(self.v.max())
        for _ in range(_DOUBLINGS):
            if self.accepted(t, level) is None and self.accepted(8.0 * t, level) is None:
                break
            t *= 2.0
        return t


def exact_region(y: FloatArray, v: FloatArray, c: float | None = None) -> ExactRegion:
    """Return the confidence region of one data set.

    Parameters
    ----------
    y, v
        Estimates and variances above 0, (k,), k ≥ 2.
    c
        Weight of the likelihood ratio; that of `mixing` when left out.
    """
    order = np.lexsort((y, v))  # which study gets which quasi-random numbers does not depend on the order of rows
    y, v = y[order], v[order]
    mean, spread = (float(x[0]) for x in _dersimonian_laird(y[:, None], v[:, None]))
    w = 1.0 / (v + spread)
    top = float(w @ (y - mean) ** 2) + float(np.log(v + spread).sum())
    return ExactRegion(y, v, mixing(y.size) if c is None else c, mean, float(w.sum()), top)


def _dersimonian_laird(x: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and τ² of many data sets, a column each: x (k, B), v (k, 1)."""
    w = 1.0 / v
    total = float(w.sum())
    gap = x - (w * x).sum(axis=0) / total
    spread = np.maximum(0.0, ((w * gap**2).sum(axis=0) - (v.size - 1)) / (total - float((w * w).sum()) / total))
    weight = 1.0 / (v + spread)
    return (weight * x).sum(axis=0) / weight.sum(axis=0), spread
