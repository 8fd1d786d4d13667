"""ML and REML: the likelihood of τ², and a maximum that is never a wrong mode.

The likelihood can have several maxima (up to 7 % of ML problems with very unequal variances), and a score
that is negative at τ² = 0 does not mean that the maximum is there. Newton's method finds one maximum, a short proof
shows for most data sets that it is the only one (`certain`), all others are scanned (`scan`).

`maximum_of_one` takes the same steps for one data set with little overhead: a few studies are added up in plain
numbers, which is faster than any array; many studies in pieces that stay in cache, with all sums of a piece as one
small matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import mul
from typing import TypeAlias

import numpy as np

from ...effects.measures.base import FloatArray
from .kernels import OK, OUT_OF_ITERATIONS, Projection, pick, take
from .likelihood_maxima import (
    BEYOND,
    FINEST,
    ROUNDING,
    STEPS,
    LikelihoodFit,
    arrived,
    certain,
    falls_from_zero,
    one_root_from_here,
    rises_up_to_here,
    root_bound,
    scan,
)
from .likelihood_terms import Terms, restricted_log_likelihood, score
from .wide_variances import WIDE, is_wide, maximum_of_wide

__all__ = [
    "LikelihoodFit",
    "information",
    "log_likelihood",
    "maximise",
    "maximum_of_one",
    "restricted_log_likelihood",
    "score",
]

SCANNED = 1000
"""Data sets scanned at once."""
_LOG_2PI = float(np.log(2 * np.pi))


def log_likelihood(
    y: FloatArray, v: FloatArray, t: float, X: FloatArray, *, restricted: bool, residuals: FloatArray | None = None
) -> float:
    """Return the full (restricted) log-likelihood of one data set, all constants included."""
    k, p = X.shape
    w = 1.0 / (v + t)
    projection = Projection(w, X)
    r = projection.residuals(y) if residuals is None else residuals
    rss = float(np.sum(w * r * r))
    logs = float(np.sum(np.log(v + t)))
    if not restricted:
        return float(-0.5 * (k * _LOG_2PI + logs + rss))
    within = float(np.linalg.slogdet(X.T @ X)[1])
    return float(-0.5 * ((k - p) * _LOG_2PI - within + logs + float(projection.log_determinant()) + rss))


def information(value: float, v: FloatArray, p: int, estimated: bool, restricted: bool) -> dict[str, float]:
    """Return log-likelihood, deviance, AIC, BIC and AICc.

    Parameters
    ----------
    value
        Log-likelihood at the estimate.
    v
        Variances, (k,); the saturated model of the ML deviance.
    p, estimated
        Number of coefficients, and whether τ² was estimated.
    restricted
        REML: k − p observations, deviance −2ℓ.
    """
    k, parameters = v.size, p + int(estimated)
    n = k - p if restricted else k
    saturated = 0.0 if restricted else -0.5 * float(np.sum(_LOG_2PI + np.log(v)))
    size = max(n, parameters + 2)
    return {
        "log_likelihood": value,
        "deviance": -2 * (value - saturated),
        "aic": -2 * value + 2 * parameters,
        "bic": -2 * value + parameters * float(np.log(n)),
        "aicc": -2 * value + 2 * parameters * size / (size - parameters - 1),
    }


def maximise(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, restricted: bool) -> LikelihoodFit:
    """Return the global maximum of the (restricted) likelihood of τ² for each of m data sets.

    Parameters
    ----------
    y, v
        Centred data, (m, k).
    k
        Number of live studies, (m,).
    X
        Design, (k, p) or (m, k, p), or None.
    restricted
        REML if True, ML otherwise.
    """
    m = y.shape[0]
    if m == 1 and X is None and k[0] == y.shape[1] > 1 and v.min() > 0:
        return LikelihoodFit(*(np.array([x]) for x in maximum_of_one(y[0], v[0], restricted)))
    wide = is_wide(v)
    if wide.any():
        return _each_its_way(y, v, k, X, restricted, wide)
    y, v = np.asfortranarray(y), np.asfortranarray(v)
    t, sure = certain(y, v, k - (0 if not restricted else 1 if X is None else X.shape[-1]), X, restricted)
    fit = LikelihoodFit(t, np.ones(m, dtype=np.int64), np.full(m, np.inf), np.zeros(m, dtype=np.int64))
    rest = np.flatnonzero(~sure)
    if rest.size == 1:  # one row alone would be added up in another order than rows side by side
        rest = np.repeat(rest, 2)
    for i in range(0, rest.size, SCANNED):
        rows = rest[max(0, min(i, rest.size - 2)) : i + SCANNED]
        found = scan(take(y, rows), take(v, rows), k[rows], pick(X, rows), restricted)
        for all_of_them, some in zip(fit, found, strict=True):
            all_of_them[rows] = some
    return fit


def _each_its_way(
    y: FloatArray,
    v: FloatArray,
    k: FloatArray,
    X: FloatArray | None,
    restricted: bool,
    wide: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> LikelihoodFit:
    """Return `maximise` where some data sets have variances over so many decades that they need decimals."""
    m = y.shape[0]
    fit = LikelihoodFit(np.zeros(m), np.ones(m, dtype=np.int64), np.full(m, np.inf), np.zeros(m, dtype=np.int64))
    usual = np.flatnonzero(~wide)
    if usual.size:
        rows = np.repeat(usual, 2) if usual.size == 1 else usual
        for column, found in zip(fit, maximise(y[rows], v[rows], k[rows], pick(X, rows), restricted), strict=True):
            column[rows] = found
    for i in np.flatnonzero(wide):
        design = X if X is None or X.ndim == 2 else X[i]
        for column, value in zip(fit, maximum_of_wide(y[i], v[i], design, restricted), strict=True):
            column[i] = value
    return fit


# ---- one data set ----------------------------------------------------------------------------
FEW = 32
"""Up to this number of studies plain numbers are faster than arrays."""
LONG = 2000
"""From this number of studies on, a grid of τ² is read one point after the other."""
PIECE = 8192
KEPT = 1e-3
"""A sum about another centre that leaves less than this share is added up anew about its own."""

At: TypeAlias = Callable[[float], Terms]


def _few(y: list[float], v: list[float], restricted: bool) -> At:
    """Return the terms as a function of t."""

    def at(t: float) -> Terms:
        w = [1.0 / (x + t) for x in v]
        total = sum(w)
        mean = sum(map(mul, w, y)) / total
        up = q = cross = cubic = squares = cubes = 0.0
        for a, b in zip(w, y, strict=True):
            r = b - mean
            pr = a * r
            square, aa = pr * pr, a * a
            up += square
            q += pr * r
            cross += a * pr
            cubic += a * square
            squares += aa
            cubes += aa * a
        cubic -= cross * cross / total
        if not restricted:
            return Terms(up, total, q, cubic, squares)
        share = squares / total
        return Terms(up, total - share, q, cubic, squares - 2.0 * cubes / total + share * share)

    return at


def _many(y: FloatArray, v: FloatArray, restricted: bool) -> At:
    """Return the terms as a function of t; residuals are about the mean of an earlier t."""
    work = np.empty((6, min(PIECE, y.size)))
    work[3] = 1.0

    def sums(t: float, centre: float) -> list[list[float]]:
        found = np.zeros((3, 3))
        for i in range(0, y.size, PIECE):
            part = y[i : i + PIECE]
            w, ww, www, _, r, rr = here = work[:, : part.size]
            np.add(v[i : i + PIECE], t, out=w)
            np.divide(1.0, w, out=w)
            np.multiply(w, w, out=ww)
            np.multiply(w, ww, out=www)
            np.subtract(part, centre, out=r)
            np.multiply(r, r, out=rr)
            found += here[:3].dot(here[3:].T)
        return found.tolist()  # type: ignore[no-any-return]

    centre = 0.0

    def at(t: float) -> Terms:
        nonlocal centre
        for _ in range(2):
            (s10, s11, s12), (s20, s21, s22), (s30, s31, s32) = sums(t, centre)
            mean = s11 / s10
            up = s22 - mean * (2.0 * s21 - mean * s20)
            if up >= KEPT * (s22 + mean * mean * s20):
                break
            centre += mean
        cross = s21 - mean * s20
        cubic = s32 - mean * (2.0 * s31 - mean * s30) - cross * cross / s10
        down, curvature = s10, s20
        if restricted:
            share = s20 / s10
            down = s10 - share
            curvature = s20 - 2.0 * s30 / s10 + share * share
        return Terms(up, down, s12 - mean * s11, cubic, curvature)

    return at


def _root(at: At, t: float, low: float, high: float) -> tuple[float, Terms, float, bool]:
    """Return a maximum by Newton's method from ``t``, the terms of its last step and where they were, and success."""
    last = 0.0
    for _ in range(STEPS):
        here = at(t)
        ratio = here.down / here.up
        slope = (2.0 * here.cubic * ratio - here.curvature) / here.up
        if ratio < 1.0:
            low = t
        else:
            high = t
        new = t - (ratio - 1.0) / slope if slope != 0.0 else -1.0
        if not low <= new <= high:
            t, last = (0.5 * (low + high) if high < np.inf else 4.0 * t), 0.0
            continue
        move = abs(new - t)
        if arrived(move, new, last) or high - low <= ROUNDING * low:
            return new, here, t, True
        t, last = new, move
    return t, here, t, False


def maximum_of_one(y: FloatArray, v: FloatArray, restricted: bool) -> tuple[float, int, float, int]:
    """Return the maximum for one complete data set (k,), the number of modes, the gap to the next, and a status."""
    if y.size <= FEW:
        variances = v.tolist()
        wide, at = max(variances) > WIDE * min(variances), _few(y.tolist(), variances, restricted)
    else:
        wide, at = bool(is_wide(v)), _many(y, v, restricted)
    if wide:
        return maximum_of_wide(y, v, None, restricted)
    begin = at(0.0)
    if begin.up <= begin.down:
        if one_root_from_here(begin) or (begin.up > 0 and falls_from_zero(begin, at(BEYOND), BEYOND)):
            return 0.0, 1, math.inf, OK
    else:
        n = y.size - 1 if restricted else y.size
        t, here, where, found = _root(at, (begin.q - n if begin.q > n else n / 8.0) / begin.down, 0.0, np.inf)
        if found and one_root_from_here(here) and rises_up_to_here(here, where, begin.down):
            return t, 1, math.inf, OK
    return _scanned(at, y, v, restricted)


def _scanned(at: At, y: FloatArray, v: FloatArray, restricted: bool) -> tuple[float, int, float, int]:
    """Return the same after a look at every scale, as `scan` does."""
    lowest, largest = float(v.min()), float(v.max())
    r = y - float(np.add.reduce(y)) / y.size
    bound = max(root_bound(float(r.dot(r)) / (y.size - 1), lowest, largest), lowest / 2)
    grid = [0.0, *(lowest / FINEST * 2.0**i for i in range(math.ceil(math.log2(FINEST * bound / lowest)) + 1))]
    if y.size < LONG:
        up, down = score(y, v, np.array(grid), None, restricted)
        h = (down / up - 1.0).tolist()
    else:
        h = [at(t).h for t in grid]
    status, modes = OK, [0.0] if h[0] >= 0 else []
    for i in range(len(grid) - 1):
        if h[i] < 0 <= h[i + 1]:
            a, b = grid[i], grid[i + 1]
            t, _, _, found = _root(at, a + (b - a) * h[i] / (h[i] - h[i + 1]), a, b)
            modes.append(t)
            status = status if found else OUT_OF_ITERATIONS
    if len(modes) == 1:
        return modes[0], 1, math.inf, status
    heights = [float(restricted_log_likelihood(y, v, np.array(t), None, restricted)) for t in modes]
    second, top = sorted(heights)[-2:]
    return modes[heights.index(top)], len(modes), top - second, status
