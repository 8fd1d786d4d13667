"""The one maximum of the likelihood of τ², where a short proof shows that there is no other.

With d₁ ≤ … the eigenvalues of the error covariance within the space of contrasts, and cᵢ ≥ 0,

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
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray
from .kernels import pick, take
from .likelihood_terms import Terms, terms

__all__ = ["BEYOND", "STEPS", "arrived", "certain", "falls_from_zero", "one_root_from_here", "rises_up_to_here"]

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
    y: FloatArray, v: FloatArray, X: FloatArray | None, restricted: bool, t: FloatArray, sure: NDArray[np.bool_],
    rows: NDArray[np.intp], down_at_zero: FloatArray,
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
