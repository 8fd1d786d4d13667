"""ML and REML: the likelihood of τ², its score, and a maximum that is never a wrong mode.

The likelihood can have several maxima (up to 7 % of ML problems with very unequal variances), and a score
that is negative at τ² = 0 does not mean that the maximum is there. So the score is evaluated on a grid with
ratio 2 from a quarter of the smallest variance up to a bound that holds all roots; every change from + to −
is polished by a bracketed Newton iteration; and the likelihoods are compared, τ² = 0 included.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..effects.measures.base import FloatArray
from .kernels import ITERATION_LIMIT, OUT_OF_ITERATIONS, IntArray, Projection, pick, take

__all__ = ["LikelihoodFit", "information", "log_likelihood", "maximise", "restricted_log_likelihood"]

GRID_RATIO = 2.0
RELATIVE_STOP = 1e-11
"""Newton stops when a step changes t by less than this share; its error is then of the order of the square."""
ROUNDING = 4e-16
_LOG_2PI = float(np.log(2 * np.pi))


class LikelihoodFit(NamedTuple):
    """Where the likelihood is highest, and what else it shows; one entry a data set."""

    value: FloatArray
    modes: IntArray
    gap: FloatArray
    status: IntArray


def restricted_log_likelihood(
    y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray | None, restricted: bool
) -> FloatArray:
    """Return the log-likelihood of t up to a constant that does not depend on t; absent studies add 0."""
    total = v + t[..., None]
    live = np.isfinite(total)
    w = 1.0 / total
    projection = Projection(w, X)
    r = projection.residuals(y)
    logs = np.log(np.where(live, total, 1.0))
    value = np.add.reduce(w * r * r, axis=-1) + np.add.reduce(logs, axis=-1)
    if restricted:
        value = value + projection.log_determinant()
    return np.asarray(-0.5 * value)


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
        "log_likelihood": value, "deviance": -2 * (value - saturated), "aic": -2 * value + 2 * parameters,
        "bic": -2 * value + parameters * float(np.log(n)),
        "aicc": -2 * value + 2 * parameters * size / (size - parameters - 1),
    }


def _inner(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return Σab over the studies; one data set, (k,), takes the short way."""
    return a.dot(b) if a.ndim == 1 else np.add.reduce(a * b, axis=-1)  # type: ignore[no-any-return]


def _weighted_residuals(
    y: FloatArray, v: FloatArray, t: FloatArray | float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return w, Σw and Py = w(y − ȳ) of a common mean, for data (…, k) and t (…), or (k,) and one number."""
    w = 1.0 / (v + (t if isinstance(t, float) else t[..., None]))
    total = np.add.reduce(w, axis=-1)
    mean = _inner(w, y) / total
    return w, total, w * (y - (mean if w.ndim == 1 else mean[..., None]))


def score(
    y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray | None, restricted: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the numbers whose difference is twice the score: y'PPy and tr P (or Σw)."""
    if X is None:
        w, total, pr = _weighted_residuals(y, v, t)
        return _inner(pr, pr), total - _inner(w, w) / total if restricted else total
    projection = Projection(1.0 / (v + t[..., None]), X)
    pr = projection.apply(y)
    against = projection.trace() if restricted else np.add.reduce(projection.w, axis=-1)
    return np.add.reduce(pr * pr, axis=-1), against


def newton_terms(
    y: FloatArray, v: FloatArray, t: FloatArray | float, X: FloatArray | None, restricted: bool
) -> tuple[FloatArray, FloatArray]:
    """Return h(t) = tr P / y'PPy − 1 (with Σw for ML) and h'(t).

    h is exactly linear in t when all variances are equal, so that Newton's method needs one step then.
    """
    if X is None:
        w, total, pr = _weighted_residuals(y, v, t)
        up, squares, cross = _inner(pr, pr), _inner(w, w), _inner(w, pr)
        cubic = _inner(w, pr * pr) - cross * cross / total
        down, curvature = total, squares
        if restricted:
            share = squares / total
            down = total - share
            curvature = squares - 2.0 * _inner(w * w, w) / total + share * share
    else:
        assert not isinstance(t, float)
        projection = Projection(1.0 / (v + t[..., None]), X)
        w = projection.w
        pr = projection.apply(y)
        up, cubic = np.add.reduce(pr * pr, axis=-1), np.add.reduce(pr * projection.apply(pr), axis=-1)
        down, curvature = np.add.reduce(w, axis=-1), np.add.reduce(w * w, axis=-1)
        if restricted:
            down, curvature = projection.trace(), projection.trace_squared()
    ratio = down / up
    return ratio - 1.0, (2.0 * cubic * ratio - curvature) / up


def _grid(y: FloatArray, v: FloatArray, k: FloatArray, p: int, X: FloatArray | None) -> FloatArray:
    """Return the grid of each data set, (m, G): 0, then geometric up to the bound of all roots."""
    live = v < np.inf
    positive = np.where(live & (v > 0), v, np.inf).min(axis=-1)
    largest = np.where(live, v, 0.0).max(axis=-1)
    r = Projection(live.astype(np.float64), X).residuals(y)
    spread = np.where(live, np.abs(r), 0.0).max(axis=-1)
    bound = np.maximum(largest, 4.0 * spread**2 * (k + 1) / np.maximum(k - p, 1.0))
    bound = np.maximum(bound, 1e-300)
    low = np.minimum(np.where(np.isfinite(positive), positive, bound) / 4.0, bound / 4.0)
    if bool((live & (v == 0)).any()):
        low = np.where((live & (v == 0)).any(axis=-1), np.minimum(low, 1e-12 * bound), low)
    count = max(2, int(np.ceil(np.log2((bound / low).max()) / np.log2(GRID_RATIO))) + 1)
    steps = np.arange(count) / (count - 1)
    inner = low[:, None] * (bound / low)[:, None] ** steps
    first = np.where((live & (v == 0)).any(axis=-1), low / 2, 0.0)
    return np.concatenate([first[:, None], inner, 2.0 * bound[:, None]], axis=1)


def _polish(
    y: FloatArray, v: FloatArray, X: FloatArray | None, low: FloatArray, high: FloatArray, restricted: bool
) -> tuple[FloatArray, IntArray]:
    """Return the root of the score inside each bracket (+ at ``low``, − at ``high``), and a status."""
    t = np.where(low > 0, np.sqrt(low * high), high / 2)
    status = np.zeros(t.shape[0], dtype=np.int64)
    active = np.arange(t.shape[0])
    for _ in range(ITERATION_LIMIT):
        now = t[active]
        h, slope = newton_terms(take(y, active), take(v, active), now, pick(X, active), restricted)
        lo, hi = np.where(h < 0, now, low[active]), np.where(h > 0, now, high[active])
        low[active], high[active] = lo, hi
        with np.errstate(divide="ignore", invalid="ignore"):
            new = now - h / slope
        inside = (new > lo) & (new < hi) & (slope > 0)
        new = np.where(h == 0, now, np.where(inside, new, np.where(lo > 0, np.sqrt(lo * hi), hi / 2)))
        t[active] = new
        moving = (np.abs(new - now) > RELATIVE_STOP * new) & (hi - lo > ROUNDING * hi)
        active = active[moving]
        if active.size == 0:
            return t, status
    status[active] = OUT_OF_ITERATIONS
    return t, status


def _polish_one(
    y: FloatArray, v: FloatArray, low: float, high: float, start: float, restricted: bool
) -> tuple[float, int]:
    """Return the root of the score of one data set inside its bracket, and a status."""
    t = start
    for _ in range(ITERATION_LIMIT):
        h, slope = newton_terms(y, v, t, None, restricted)
        low, high = (t, high) if h < 0 else (low, t)
        new = t - float(h / slope)
        if not (slope > 0 and low < new < high):
            new = (low * high) ** 0.5 if low > 0 else high / 2
        if h == 0 or abs(new - t) <= RELATIVE_STOP * new or high - low <= ROUNDING * high:
            return new if h != 0 else t, 0
        t = new
    return t, OUT_OF_ITERATIONS


def _maximise_one(y: FloatArray, v: FloatArray, restricted: bool) -> LikelihoodFit:
    """Return the global maximum for one complete data set without a design: the same steps, less overhead."""
    k = y.size
    r = y - float(np.add.reduce(y)) / k
    spread, largest, low = float(np.abs(r).max()), float(v.max()), float(v.min()) / 4
    bound = max(largest, 4.0 * spread * spread * (k + 1) / (k - 1))
    grid = np.empty(max(2, math.ceil(math.log2(bound / low))) + 3)
    grid[0] = 0.0
    grid[1:] = np.ldexp(low, np.arange(grid.size - 1))
    up, down = _score_in_pieces(y, v, grid, restricted)
    gap = (down - up).tolist()
    status, found = 0, [0.0] if gap[0] >= 0 else []
    for i in range(grid.size - 1):
        if gap[i] < 0 <= gap[i + 1]:
            a, b, h_a, h_b = float(grid[i]), float(grid[i + 1]), gap[i] / up[i], gap[i + 1] / up[i + 1]
            root, lost = _polish_one(y, v, a, b, float(a + (b - a) * h_a / (h_a - h_b)), restricted)
            found.append(root)
            status = max(status, lost)
    best, second = found[0], np.inf
    if len(found) > 1:
        heights = [float(restricted_log_likelihood(y, v, np.array(t), None, restricted)) for t in found]
        best = found[int(np.argmax(heights))]
        second = sorted(heights)[-1] - sorted(heights)[-2]
    return LikelihoodFit(np.array([best]), np.array([len(found)]), np.array([second]), np.array([status]))


def _score_in_pieces(y: FloatArray, v: FloatArray, grid: FloatArray, restricted: bool) -> tuple[FloatArray, FloatArray]:
    """Return the two parts of the score on a grid; a long data set goes point by point, to stay in cache."""
    if y.size < 2000:
        return score(y[None], v[None], grid, None, restricted)
    parts = []
    for t in grid.tolist():
        w, total, pr = _weighted_residuals(y, v, t)
        parts.append((pr.dot(pr), total - w.dot(w) / total if restricted else total))
    return np.array([a for a, _ in parts]), np.array([b for _, b in parts])


def maximise(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, restricted: bool
) -> LikelihoodFit:
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
    p = 1 if X is None else X.shape[-1]
    if m == 1 and X is None and k[0] == y.shape[1] > 1 and v.min() > 0:
        return _maximise_one(y[0], v[0], restricted)
    y, v = np.asfortranarray(y), np.asfortranarray(v)
    grid = np.asfortranarray(_grid(y, v, k, p, X))
    deep = X if X is None or X.ndim == 2 else X[:, None]
    up, down = score(y[:, None, :], v[:, None, :], grid, deep, restricted)
    rising = up > down
    row, cell = np.nonzero(rising[:, :-1] & ~rising[:, 1:])
    t, status_of = _polish(
        take(y, row), take(v, row), pick(X, row), grid[row, cell].copy(), grid[row, cell + 1].copy(), restricted
    )
    at_zero = np.flatnonzero(~rising[:, 0])
    rows = np.concatenate([at_zero, row])
    places = np.concatenate([grid[at_zero, 0], t])
    heights = restricted_log_likelihood(take(y, rows), take(v, rows), places, pick(X, rows), restricted)
    order = np.lexsort((heights, rows))
    last = np.searchsorted(rows[order], np.arange(m), side="right") - 1
    modes = np.bincount(rows, minlength=m)
    best = places[order][last]
    runner_up = heights[order][np.maximum(last - 1, 0)]
    gap = np.where(modes > 1, heights[order][last] - runner_up, np.inf)
    status = np.zeros(m, dtype=np.int64)
    np.maximum.at(status, row, status_of)
    pinned = (v == 0).any(axis=-1) & (best <= grid[:, 0])
    return LikelihoodFit(np.where(pinned, 0.0, best), modes, gap, status)
