"""ML and REML: the likelihood of τ², its score, and a maximum that is never a wrong mode.

The likelihood can have several maxima (up to 7 % of ML problems with very unequal variances), and a score
that is negative at τ² = 0 does not mean that the maximum is there. So the score is evaluated on a grid with
ratio 2 from a quarter of the smallest variance up to a bound that holds all roots; every change from + to −
is polished by a bracketed Newton iteration; and the likelihoods are compared, τ² = 0 included.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..effects.measures.base import FloatArray
from .kernels import ITERATION_LIMIT, OUT_OF_ITERATIONS, IntArray, Projection, pick, take

__all__ = ["LikelihoodFit", "information", "log_likelihood", "maximise", "restricted_log_likelihood"]

GRID_RATIO = 2.0
RELATIVE_STOP = 1e-11
"""Newton stops when a step changes t by less than this share; its error is then of the order of the square."""
ROUNDING = 4e-16
LONG = 2000
"""From this number of studies on, one data set is scanned in pieces of `PIECE` studies."""
PIECE = 4096
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
    """Return Σab over the studies."""
    return np.add.reduce(a * b, axis=-1)  # type: ignore[no-any-return]


def _weighted_residuals(y: FloatArray, v: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return w, Σw and Py = w(y − ȳ) of a common mean, for data (…, k) and t (…)."""
    w = 1.0 / (v + t[..., None])
    total = np.add.reduce(w, axis=-1)
    r = y - (_inner(w, y) / total)[..., None]
    r *= w
    return w, total, r


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


class _Sums(NamedTuple):
    """Σw, Σ(Py)², Σw², Σw·Py, Σw(Py)² and Σw³ of a common mean: numbers, or one a data set."""

    total: Any
    up: Any
    squares: Any
    cross: Any
    cubic: Any
    cubes: Any


def _sums(y: FloatArray, v: FloatArray, t: FloatArray | float) -> _Sums:
    """Return the sums for data (…, k) and t (…); one data set, (k,), takes the short way."""
    if isinstance(t, float):
        both = np.empty((2, y.size))
        w, pr = both
        np.divide(1.0, v + t, out=w)
        total = float(np.add.reduce(w))
        np.subtract(y, float(w.dot(y)) / total, out=pr)
        pr *= w
        (squares, cross), (_, up) = both.dot(both.T).tolist()
        cubes, cubic = (both * both).dot(w).tolist()
        return _Sums(total, up, squares, cross, cubic, cubes)
    w, whole, pr = _weighted_residuals(y, v, t)
    square = pr * pr
    up, cubic = np.add.reduce(square, axis=-1), _inner(w, square)
    cross, square = _inner(w, pr), w * w
    return _Sums(whole, up, np.add.reduce(square, axis=-1), cross, cubic, _inner(w, square))


def newton_terms(
    y: FloatArray, v: FloatArray, t: FloatArray | float, X: FloatArray | None, restricted: bool
) -> tuple[Any, Any]:
    """Return h(t) = tr P / y'PPy − 1 (with Σw for ML) and h'(t).

    h is exactly linear in t when all variances are equal, so that Newton's method needs one step then.
    """
    if X is None:
        total, up, squares, cross, cubic, cubes = _sums(y, v, t)
        cubic = cubic - cross * cross / total
        down, curvature = total, squares
        if restricted:
            share = squares / total
            down = total - share
            curvature = squares - 2.0 * cubes / total + share * share
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
    bound = _root_bound(_inner(live * r, r) / np.maximum(k - p, 1.0), lowest, largest)
    bound = np.maximum(np.maximum(bound, np.where(np.isfinite(positive), positive / 2.0, 0.0)), 1e-300)
    low = np.minimum(positive, bound) / 4.0
    low = np.where(pinned, np.minimum(low, 1e-12 * bound), low)
    count = max(2, int(np.ceil(np.log2((bound / low).max()) / np.log2(GRID_RATIO))) + 1)
    inner = low[:, None] * (bound / low)[:, None] ** (np.arange(count) / (count - 1))
    inner[:, -1] = bound
    return np.concatenate([np.where(pinned, low / 2, 0.0)[:, None], inner], axis=1)


def _root_bound(s2: Any, lowest: Any, largest: Any) -> Any:  # noqa: ANN401 numbers, or one a data set
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
        h, slope = newton_terms(y, v, now, X, restricted)
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
    r = y - float(np.add.reduce(y)) / y.size
    largest, lowest = float(np.maximum.reduce(v)), float(np.minimum.reduce(v))
    bound = max(_root_bound(float(r.dot(r)) / (y.size - 1), lowest, largest), lowest / 2)
    points = [0.0, *(lowest / 4 * 2.0**i for i in range(math.ceil(math.log2(4 * bound / lowest)) + 1))]
    h = _signs(y, v, points, restricted)
    status, found = 0, [0.0] if h[0] >= 0 else []
    for i in range(len(points) - 1):
        if h[i] < 0 <= h[i + 1]:
            a, b = points[i], points[i + 1]
            root, lost = _polish_one(y, v, a, b, a + (b - a) * h[i] / (h[i] - h[i + 1]), restricted)
            found.append(root)
            status = max(status, lost)
    best, second = found[0], np.inf
    if len(found) > 1:
        heights = [float(restricted_log_likelihood(y, v, np.array(t), None, restricted)) for t in found]
        best = found[int(np.argmax(heights))]
        second = sorted(heights)[-1] - sorted(heights)[-2]
    return LikelihoodFit(np.array([best]), np.array([len(found)]), np.array([second]), np.array([status]))


def _signs(y: FloatArray, v: FloatArray, points: list[float], restricted: bool) -> list[float]:
    """Return h of one data set at every point; see `newton_terms`."""
    if y.size < LONG:
        up, down = score(y, v, np.array(points), None, restricted)
        with np.errstate(divide="ignore"):
            return (down / up - 1.0).tolist()  # type: ignore[no-any-return]
    sums = _sums_about_zero(y, v, points)
    signs = []
    for t, (total, first, squares, cross, quadratic) in zip(points, sums.tolist(), strict=True):
        mean = first / total
        up = quadratic - 2.0 * mean * cross + mean * mean * squares
        if up < 1e-6 * quadratic:
            signs.append(float(newton_terms(y, v, t, None, restricted)[0]))
        else:
            signs.append((total - squares / total if restricted else total) / up - 1.0)
    return signs


def _sums_about_zero(y: FloatArray, v: FloatArray, points: list[float]) -> FloatArray:
    """Return Σw, Σwy, Σw², Σw²y, Σw²y² at every point, (G, 5), from pieces of the data that stay in cache."""
    out = np.zeros((len(points), 5))
    w = np.empty(PIECE)
    for at in range(0, y.size, PIECE):
        piece, part = v[at : at + PIECE], y[at : at + PIECE]
        powers = np.stack([np.ones(part.size), part, part * part])
        x = w[: part.size]
        for row, t in zip(out, points, strict=True):
            np.divide(1.0, np.add(piece, t, out=x), out=x)
            row[:2] += powers[:2].dot(x)
            x *= x
            row[2:] += powers.dot(x)
    return out


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
