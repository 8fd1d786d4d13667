"""ML and REML where variances span so many decades that floats lose the small ones: decimal arithmetic.

The trace of P is Σw less (X'WX)⁻¹X'W²X, and a study of dominant weight leaves nothing of that difference in floats: a
score of noise at τ² = 0 has passed for a maximum there. Here every sum has enough digits for the range of the weights,
so that the score is right at each point; the scan is that of `likelihood_maxima.scan`, points a factor of two apart.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext

import numpy as np

from ...effects.measures.base import FloatArray
from .kernels import OK
from .likelihood_maxima import FINEST, GRID_RATIO

__all__ = ["WIDE", "is_wide", "maximum_of_wide"]

WIDE = 1e10
"""From this ratio of the largest to the smallest variance on, floats are not trusted with the score."""
DIGITS = 40
HALVINGS = 60
"""Halvings of log τ² within a factor of two: the root is then exact to the last digit of a float."""

Row = list[Decimal]


def is_wide(v: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which data sets, v (m, k), need decimal arithmetic; variances of 0 and absent studies do not count."""
    live = (v > 0) & (v < np.inf)
    low = np.where(live, v, np.inf).min(axis=-1)
    return np.asarray(np.where(live, v, 0.0).max(axis=-1) > WIDE * low)


def maximum_of_wide(
    y: FloatArray, v: FloatArray, X: FloatArray | None, restricted: bool
) -> tuple[float, int, float, int]:
    """Return the maximum for one data set (k,), the number of modes, the gap to the next, and a status."""
    live = v < np.inf
    y, v = y[live], v[live]
    design = np.ones((y.size, 1)) if X is None else X[live]
    lowest, largest = float(v[v > 0].min()), float(v.max())
    with localcontext(Context(prec=DIGITS + 2 * math.ceil(math.log10(largest / lowest)), Emin=-(10**6), Emax=10**6)):
        likelihood = _Likelihood(y, v, design, restricted)
        grid = _grid(y, design, lowest, largest, bool((v == 0).any()))
        signs = [likelihood.score(t) for t in grid]
        modes = [grid[0]] if signs[0] <= 0 else []
        for i in range(len(grid) - 1):
            if signs[i] > 0 >= signs[i + 1]:
                modes.append(_root(likelihood, grid[i], grid[i + 1]))
        heights = [likelihood.value(t) for t in modes]
    best = heights.index(max(heights))
    second = max((h for i, h in enumerate(heights) if i != best), default=None)
    gap = math.inf if second is None else float(heights[best] - second)
    found = 0.0 if modes[best] == grid[0] else float(modes[best])
    return found, len(modes), gap, OK


def _grid(y: FloatArray, X: FloatArray, lowest: float, largest: float, pinned: bool) -> Row:
    """Return 0 (with a variance of 0: next to it), then points a factor of two apart up to a bound of all roots."""
    r = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    spread = float(r @ r)
    top = 2.0 * (spread + math.sqrt(spread * largest) + lowest)
    low = lowest / FINEST * (1e-12 if pinned else 1.0)
    steps = max(2, math.ceil(math.log2(top / low)) + 1)
    return [
        Decimal(low) / 2 if pinned else Decimal(0),
        *(Decimal(low) * Decimal(GRID_RATIO) ** i for i in range(steps)),
    ]


def _root(likelihood: _Likelihood, low: Decimal, high: Decimal) -> Decimal:
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if likelihood.score(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


class _Likelihood:
    """The (restricted) likelihood of τ² in decimals."""

    def __init__(self, y: FloatArray, v: FloatArray, X: FloatArray, restricted: bool) -> None:
        self.y, self.v = [Decimal(float(x)) for x in y], [Decimal(float(x)) for x in v]
        self.X = [[Decimal(float(x)) for x in row] for row in X]
        self.restricted, self.p = restricted, X.shape[1]

    def _fit(self, t: Decimal) -> tuple[Row, list[Row], Row, Decimal]:
        """Return w, (X'WX)⁻¹, the residuals, and the determinant of X'WX."""
        w = [1 / (x + t) for x in self.v]
        cross = self._cross(w)
        inverse, determinant = _inverted(cross)
        weighted = [a * b for a, b in zip(w, self.y, strict=True)]
        right = [sum((a * row[i] for a, row in zip(weighted, self.X, strict=True)), Decimal(0)) for i in range(self.p)]
        beta = [sum((a * b for a, b in zip(line, right, strict=True)), Decimal(0)) for line in inverse]
        residuals = [
            b - sum((c * x for c, x in zip(beta, row, strict=True)), Decimal(0))
            for b, row in zip(self.y, self.X, strict=True)
        ]
        return w, inverse, residuals, determinant

    def _cross(self, w: Row) -> list[Row]:
        """Return X'WX."""
        return [
            [sum((a * row[i] * row[j] for a, row in zip(w, self.X, strict=True)), Decimal(0)) for j in range(self.p)]
            for i in range(self.p)
        ]

    def score(self, t: Decimal) -> Decimal:
        """Return y'PPy − tr P (ML: − Σw), twice the slope of the log-likelihood."""
        w, inverse, r, _ = self._fit(t)
        down = sum(w, Decimal(0))
        if self.restricted:
            squares = self._cross([a * a for a in w])
            down -= sum((inverse[i][j] * squares[j][i] for i in range(self.p) for j in range(self.p)), Decimal(0))
        return sum(((a * b) ** 2 for a, b in zip(w, r, strict=True)), Decimal(0)) - down

    def value(self, t: Decimal) -> Decimal:
        """Return the log-likelihood up to a constant."""
        w, _, r, determinant = self._fit(t)
        twice = sum((a * b * b for a, b in zip(w, r, strict=True)), Decimal(0)) - sum((a.ln() for a in w), Decimal(0))
        return -(twice + (determinant.ln() if self.restricted else 0)) / 2


def _inverted(matrix: list[Row]) -> tuple[list[Row], Decimal]:
    """Return inverse and determinant of a positive definite matrix, by elimination."""
    p = len(matrix)
    rows = [[*line, *(Decimal(int(i == j)) for j in range(p))] for i, line in enumerate(matrix)]
    determinant = Decimal(1)
    for i in range(p):
        pivot = rows[i][i]
        determinant *= pivot
        rows[i] = [x / pivot for x in rows[i]]
        for j in range(p):
            if j != i:
                factor = rows[j][i]
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [line[p:] for line in rows], determinant
