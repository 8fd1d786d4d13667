"""All maxima of the likelihood of τ² by a scan, for data sets that `certainty` cannot decide.

The score is evaluated on a grid with ratio 2 from a 64th of the smallest variance up to a bound that holds all
roots; every change from + to − is polished by a bracketed Newton iteration; and the likelihoods are compared, τ² = 0
included: a score that is negative at τ² = 0 does not mean that the maximum is there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..effects.measures.base import FloatArray
from .kernels import ITERATION_LIMIT, OUT_OF_ITERATIONS, IntArray, Projection, pick, take
from .likelihood_terms import restricted_log_likelihood, score, terms

__all__ = ["FINEST", "ROUNDING", "LikelihoodFit", "root_bound", "scan"]

GRID_RATIO = 2.0
FINEST = 64.0
"""The grid starts this far below the smallest variance: a likelihood may fall from 0 and rise again below a quarter
of it; what hides below a 64th changes the log likelihood by less than 1e-6."""
RELATIVE_STOP = 1e-11
"""Newton stops when a step changes t by less than this share; its error is then of the order of the square."""
ROUNDING = 4e-16
PIECE = 150_000
"""Numbers (data sets × grid × studies) scanned at once: about what the second-level cache holds."""


class LikelihoodFit(NamedTuple):
    """Where the likelihood is highest, and what else it shows; one entry a data set."""

    value: FloatArray
    modes: IntArray
    gap: FloatArray
    status: IntArray


def _grid(y: FloatArray, v: FloatArray, k: FloatArray, p: int, X: FloatArray | None) -> FloatArray:
    """Return the grid of each data set, (m, G): 0, then geometric up to a bound of all roots.

    With s² = RSS/(k − p) by least squares, y'PPy ≤ s²(k − p)/(min v + t)² and tr P ≥ (k − p)/(max v + t), so a
    root has (min v + t)² ≤ s²(max v + t): nothing is to be found beyond the t of equality.
    """
    live = v < np.inf
    lowest, largest = v.min(axis=-1), np.where(live, v, 0.0).max(axis=-1)
    positive = lowest
    pinned = lowest == 0
    if bool(pinned.any()):
        positive = np.where(live & (v > 0), v, np.inf).min(axis=-1)
    r = Projection(live.astype(np.float64), X).residuals(y)
    s2 = np.add.reduce(live * r * r, axis=-1) / np.maximum(k - p, 1.0)
    bound = np.maximum(root_bound(s2, lowest, largest), np.where(np.isfinite(positive), positive / 2.0, 0.0))
    bound = np.maximum(bound, 1e-300)
    low = np.minimum(positive, bound) / FINEST
    low = np.where(pinned, np.minimum(low, 1e-12 * bound), low)
    count = max(2, int(np.ceil(np.log2((bound / low).max()) / np.log2(GRID_RATIO))) + 1)
    inner = low[:, None] * (bound / low)[:, None] ** (np.arange(count) / (count - 1))
    inner[:, -1] = bound
    return np.concatenate([np.where(pinned, low / 2, 0.0)[:, None], inner], axis=1)


def root_bound(s2: Any, lowest: Any, largest: Any) -> Any:  # noqa: ANN401 numbers, or one a data set
    """Return t with (lowest + t)² = s2 (largest + t), and a little more, as equal variances have their root there."""
    u = 0.5 * (s2 + (s2 * (s2 + 4.0 * (largest - lowest))) ** 0.5)
    return 1.01 * (u - lowest)


def _polish(
    y: FloatArray, v: FloatArray, X: FloatArray | None, low: FloatArray, high: FloatArray, start: FloatArray,
    restricted: bool,
) -> tuple[FloatArray, IntArray]:
    """Return the root of the score inside each bracket (+ at ``low``, − at ``high``), and a status."""
    t = start
    status = np.zeros(t.shape[0], dtype=np.int64)
    active = np.arange(t.shape[0])
    for _ in range(ITERATION_LIMIT):
        now = t[active]
        at = terms(y, v, now, X, restricted)
        h, slope = at.h, at.slope
        lo, hi = np.where(h < 0, now, low), np.where(h > 0, now, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            new = now - h / slope
        inside = (new > lo) & (new < hi) & (slope > 0)
        if not inside.all():
            new = np.where(h == 0, now, np.where(inside, new, np.where(lo > 0, np.sqrt(lo * hi), hi / 2)))
        t[active] = new
        moving = np.flatnonzero((np.abs(new - now) > RELATIVE_STOP * new) & (hi - lo > ROUNDING * hi))
        active = active[moving]
        if active.size == 0:
            return t, status
        low, high = lo[moving], hi[moving]
        if moving.size < now.size:
            y, v, X = take(y, moving), take(v, moving), pick(X, moving)
    status[active] = OUT_OF_ITERATIONS
    return t, status


def scan(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, restricted: bool) -> LikelihoodFit:
    """Return the global maximum for each of m data sets, y and v (m, k), after a look at every scale."""
    m = y.shape[0]
    p = 1 if X is None else X.shape[-1]
    y, v = np.asfortranarray(y), np.asfortranarray(v)
    grid = np.asfortranarray(_grid(y, v, k, p, X))
    up, down = _on_grid(y, v, grid, X, restricted)
    rising = up > down
    row, cell = np.nonzero(rising[:, :-1] & ~rising[:, 1:])
    low, high = grid[row, cell], grid[row, cell + 1]
    below, above = down[row, cell] / up[row, cell] - 1.0, down[row, cell + 1] / up[row, cell + 1] - 1.0
    start = low + (high - low) * below / (below - above)
    t, status_of = _polish(take(y, row), take(v, row), pick(X, row), low, high, start, restricted)
    at_zero = np.flatnonzero(~rising[:, 0])
    rows, places = np.concatenate([at_zero, row]), np.concatenate([grid[at_zero, 0], t])
    modes = np.bincount(rows, minlength=m)
    best, gap = np.empty(m), np.full(m, np.inf)
    best[rows] = places
    several = np.flatnonzero(modes[rows] > 1)
    if several.size:
        rows, places = rows[several], places[several]
        heights = restricted_log_likelihood(take(y, rows), take(v, rows), places, pick(X, rows), restricted)
        order = np.lexsort((heights, rows))
        last = np.flatnonzero(np.diff(rows[order], append=-1))
        which = rows[order][last]
        best[which] = places[order][last]
        gap[which] = heights[order][last] - heights[order][last - 1]
    status = np.zeros(m, dtype=np.int64)
    np.maximum.at(status, row, status_of)
    pinned = (v == 0).any(axis=-1) & (best <= grid[:, 0])
    return LikelihoodFit(np.where(pinned, 0.0, best), modes, gap, status)


def _on_grid(
    y: FloatArray, v: FloatArray, grid: FloatArray, X: FloatArray | None, restricted: bool
) -> tuple[FloatArray, FloatArray]:
    """Return both sides of the score on the grid, (m, G), some columns of it at a time."""
    up, down = np.empty_like(grid), np.empty_like(grid)
    deep = X if X is None or X.ndim == 2 else X[:, None]
    step = max(1, PIECE // max(1, y.size))
    for i in range(0, grid.shape[1], step):
        part = slice(i, i + step)
        up[:, part], down[:, part] = score(y[:, None, :], v[:, None, :], grid[:, part], deep, restricted)
    return up, down
