"""The global maximum of the likelihood of τ²: a climb that proves itself, and a scan for what it cannot prove.

The climb ends at the one maximum where a short proof shows that there is no other. With d₁ ≤ … the eigenvalues of the
error covariance within the space of contrasts, and cᵢ ≥ 0,

    tr P = Σ 1/(dᵢ + t),   y'PPy = Σ cᵢ/(dᵢ + t)²,   Q = y'Py = Σ cᵢ/(dᵢ + t)

(for ML Σw takes the place of tr P, and Σw² that of tr PP). Two facts follow.

1. At a root of the score y'PPy = tr P, so by Cauchy and Schwarz y'PPPy ≥ (tr P)²/Q: where Q < 2 (tr P)²/tr PP, the
   score crosses from + to −. Q falls and (tr P)²/tr PP rises with t, so the inequality stays true: from there on there
   is one root at most.
2. (y'PPy)^−½ and 1/tr P are concave in t: the first is below its tangent, the second above its chord. If the tangent
   at b, squared, is below 1/tr P at t = 0, the score is positive on [0, b).

So: a root at which 1. and 2. are true is the only one, and no point is evaluated for the proof that the search does not
need anyway. A score that is not positive at 0 with 1. true there means that the maximum is at 0; where 1. becomes true
only at some b, the first function being above its chord on [0, b] and the second below its tangents settles it.
Everything else (3 % of ordinary data sets, most of those with variances over several decades) goes to `scan`.

The scan finds all maxima of data sets that the proof cannot decide. The score is evaluated on a grid with ratio 2
from a 64th of the smallest variance up to a bound that holds all roots; every change from + to − is polished by a
bracketed Newton iteration; and the likelihoods are compared, τ² = 0 included: a score that is negative at τ² = 0 does
not mean that the maximum is there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from .kernels import ITERATION_LIMIT, OUT_OF_ITERATIONS, IntArray, Projection, pick, take
from .likelihood_terms import Terms, restricted_log_likelihood, score, terms

__all__ = [
    "BEYOND",
    "FINEST",
    "ROUNDING",
    "STEPS",
    "LikelihoodFit",
    "arrived",
    "certain",
    "falls_from_zero",
    "one_root_from_here",
    "rises_up_to_here",
    "root_bound",
    "scan",
]

STEPS = 40
SLACK = 1.96
"""The 2 of the first fact, less what rounding could do."""
BEYOND = 0.25
"""The b of a falling score, in units of the centred scale, on which the typical variance is near 1."""
STOP = 1e-11
NEAR = 1e-5
FORESEEN = 1e-14
"""Newton stops after a step of less than `STOP`, or of less than `NEAR` if the next is foreseen below this share."""


def one_root_from_here(at: Terms) -> Any:  # noqa: ANN401 a truth value, or one a data set
    """Return where the score has one root at most from this t on."""
    return at.q * at.curvature < SLACK * at.down * at.down


def rises_up_to_here(at: Terms, t: Any, down_at_zero: Any) -> Any:  # noqa: ANN401
    """Return where the score is positive on [0, t)."""
    tangent = 1.0 - t * at.cubic / at.up
    return tangent * tangent * down_at_zero < at.up


def falls_from_zero(zero: Terms, at: Terms, b: float) -> Any:  # noqa: ANN401
    """Return where the score is negative on (0, ∞), from the terms at 0, where it is not positive, and at ``b``."""
    u, d, d_b = zero.up**-0.5, 1.0 / zero.down, 1.0 / at.down
    rise, slope, slope_b = (at.up**-0.5 - u) / b, zero.curvature * d * d, at.curvature * d_b * d_b
    meet = np.clip((d_b - slope_b * b - d) / np.maximum(slope - slope_b, 1e-300), 0.0, b)

    def above(tangent_at_zero: Any, slope: Any, low: Any, high: Any) -> Any:  # noqa: ANN401
        lowest = np.clip((slope / rise - 2.0 * u) / (2.0 * rise), low, high)
        return (u + rise * lowest) ** 2 >= tangent_at_zero + slope * lowest

    everywhere = above(d, slope, 0.0, meet) & above(d_b - slope_b * b, slope_b, meet, b)
    return everywhere & (at.up < at.down) & one_root_from_here(at)


def arrived(move: Any, new: Any, last: Any) -> Any:  # noqa: ANN401
    """Return whether Newton's method is there: its next step is about step³/(step before)²."""
    return (move <= STOP * new) | ((move <= NEAR * new) & (move * move * move <= FORESEEN * new * last * last))


def certain(
    y: FloatArray, v: FloatArray, n: FloatArray, X: FloatArray | None, restricted: bool
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the maximum of every data set, and where it is proven to be the global one.

    Parameters
    ----------
    y, v
        Centred data, (m, k), studies outermost in memory.
    n
        Expectation of Q at τ² = 0, (m,).
    X, restricted
        As in `maximise`.
    """
    t = np.zeros(y.shape[0])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at = terms(y, v, t, X, restricted)
        rising = at.up > at.down
        sure = ~rising & one_root_from_here(at)
        open_ = np.flatnonzero(~rising & ~sure)
        if open_.size:
            open_ = _paired(open_)
            far = terms(take(y, open_), take(v, open_), np.full(open_.size, BEYOND), pick(X, open_), restricted)
            sure[open_] = falls_from_zero(Terms(*(x[open_] for x in at)), far, BEYOND)
        active = np.flatnonzero(rising & np.isfinite(at.up))
        t[active] = (np.where(at.q > n, at.q - n, n / 8.0) / at.down)[active]
        _climb(y, v, X, restricted, t, sure, active, at.down)
    return t, sure


def _paired(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return rows, one alone twice: by itself it would be added up in another order than rows side by side."""
    return np.repeat(rows, 2) if rows.size == 1 else rows


def _climb(
    y: FloatArray,
    v: FloatArray,
    X: FloatArray | None,
    restricted: bool,
    t: FloatArray,
    sure: NDArray[np.bool_],
    rows: NDArray[np.intp],
    down_at_zero: FloatArray,
) -> None:
    """Newton from ``t`` for the rows given; fills ``t`` and ``sure``."""
    rows = _paired(rows)
    if rows.size < t.size:
        y, v, X = take(y, rows), take(v, rows), pick(X, rows)
    now, zero = t[rows], down_at_zero[rows]
    low, high, last = np.zeros(rows.size), np.full(rows.size, np.inf), np.zeros(rows.size)
    for _ in range(STEPS if rows.size else 0):
        at = terms(y, v, now, X, restricted)
        ratio = at.down / at.up
        rising = ratio < 1.0
        np.copyto(low, now, where=rising)
        np.copyto(high, now, where=~rising)
        new = now - (ratio - 1.0) * at.up / (2.0 * at.cubic * ratio - at.curvature)
        inside = (new >= low) & (new <= high)
        move = np.abs(new - now)
        there = inside & arrived(move, new, last)
        if there.any():
            t[rows[there]] = new[there]
            sure[rows] = there & one_root_from_here(at) & rises_up_to_here(at, now, zero)
        if not inside.all():
            new = np.where(inside, new, np.where(high < np.inf, 0.5 * (low + high), 4.0 * now))
            move = np.where(inside, move, 0.0)
        now, last = new, move
        if there.any():
            left = np.flatnonzero(~there)
            if left.size == 0:
                return
            left = _paired(left)
            y, v, X, rows, zero = take(y, left), take(v, left), pick(X, left), rows[left], zero[left]
            low, high, now, last = low[left], high[left], now[left], last[left]


# ---- the scan --------------------------------------------------------------------------------
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
    # steps of exactly 2, so that a data set has the same grid in any company
    inner = np.minimum(low[:, None] * GRID_RATIO ** np.arange(count), bound[:, None])
    return np.concatenate([np.where(pinned, low / 2, 0.0)[:, None], inner], axis=1)


def root_bound(s2: Any, lowest: Any, largest: Any) -> Any:  # noqa: ANN401 numbers, or one a data set
    """Return t with (lowest + t)² = s2 (largest + t), and a little more, as equal variances have their root there."""
    u = 0.5 * (s2 + (s2 * (s2 + 4.0 * (largest - lowest))) ** 0.5)
    return 1.01 * (u - lowest)


def _polish(
    y: FloatArray,
    v: FloatArray,
    X: FloatArray | None,
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
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
