"""The numba twin of the kernels, for batches of many fits.

The same estimators as `kernels`, `likelihood` and `tau2`, held to them by `tests/pooling/test_compiled.py`.
Data sets travel in lanes of 32, studies outermost, so that the inner loops are vector instructions; a lane
never sees its neighbours, so a result does not depend on batch size, order or threads; ``contract`` is the only
liberty taken with IEEE arithmetic. Likelihoods: a few Newton steps with the proof of `certain`, more for
the data sets that are left, a scan for those the proof leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError
from .kernels import SOLVED
from .likelihood_maxima import FINEST, FORESEEN, NEAR, SLACK, STEPS, STOP

__all__ = ["METHODS", "run_compiled"]

METHODS = {"none": 0, "fixed": 1, "DL": 2, "PM": 3, "EB": 3, "REML": 4, "ML": 5}
LANES = 32
LIMIT = 200
SHORT = 4
"""Newton steps that every data set gets; few need more, and a lane that is done waits for the others."""

Function = TypeVar("Function", bound=Callable[..., object])


def _jit(function: Function) -> Function:
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function))


@_jit
def _light(y: FloatArray, v: FloatArray, t: FloatArray, w: FloatArray, out: FloatArray) -> None:
    """Fill the rows of ``out`` that most steps need: 0 Σw, 1 mean, 2 Σ(wr)², 4 Σw², 7 Σwr²."""
    out[:] = 0.0
    for s in range(y.size // LANES):
        for i in range(LANES):
            x = 1.0 / (v[s * LANES + i] + t[i])
            w[s * LANES + i] = x
            out[i] += x
            out[LANES + i] += x * y[s * LANES + i]
    for i in range(LANES):
        out[LANES + i] /= out[i]
    for s in range(y.size // LANES):
        for i in range(LANES):
            x = w[s * LANES + i]
            r = y[s * LANES + i] - out[LANES + i]
            pr = x * r
            out[2 * LANES + i] += pr * pr
            out[4 * LANES + i] += x * x
            out[7 * LANES + i] += pr * r


@_jit
def _sign(out: FloatArray, restricted: bool, h: FloatArray) -> None:
    """Fill h = tr P / y'PPy − 1 (Σw for ML): negative where the likelihood rises."""
    for i in range(LANES):
        down = out[0 * LANES + i] - out[4 * LANES + i] / out[0 * LANES + i] if restricted else out[0 * LANES + i]
        h[i] = down / out[2 * LANES + i] - 1.0


@_jit
def _moments(y: FloatArray, v: FloatArray, t: FloatArray, w: FloatArray, out: FloatArray) -> None:
    """Fill ``out`` rows: Σw, mean, Σ(wr)², Σw·wr, Σw², Σw³, Σw(wr)², Σwr² at τ² = t, for every lane."""
    out[:] = 0.0
    for s in range(y.size // LANES):
        for i in range(LANES):
            x = 1.0 / (v[s * LANES + i] + t[i])
            w[s * LANES + i] = x
            out[0 * LANES + i] += x
            out[1 * LANES + i] += x * y[s * LANES + i]
    for i in range(LANES):
        out[1 * LANES + i] /= out[0 * LANES + i]
    for s in range(y.size // LANES):
        for i in range(LANES):
            x = w[s * LANES + i]
            r = y[s * LANES + i] - out[1 * LANES + i]
            pr = x * r
            out[2 * LANES + i] += pr * pr
            out[3 * LANES + i] += x * pr
            out[4 * LANES + i] += x * x
            out[5 * LANES + i] += x * x * x
            out[6 * LANES + i] += x * pr * pr
            out[7 * LANES + i] += pr * r


@_jit
def _terms(out: FloatArray, restricted: bool) -> None:
    """Turn moments into terms: rows 0 tr P (ML: Σw), 2 y'PPy, 4 tr PP (ML: Σw²), 6 y'PPPy, 7 Q stay or are put."""
    for i in range(LANES):
        total, squares = out[i], out[4 * LANES + i]
        out[6 * LANES + i] -= out[3 * LANES + i] * out[3 * LANES + i] / total
        if restricted:
            share = squares / total
            out[i] = total - share
            out[4 * LANES + i] = squares - 2.0 * out[5 * LANES + i] / total + share * share


@_jit
def _certain(
    y: FloatArray,
    v: FloatArray,
    k: FloatArray,
    restricted: bool,
    t: FloatArray,
    w: FloatArray,
    out: FloatArray,
    q: FloatArray,
    sure: FloatArray,
    steps: int,
) -> None:
    """Fill t and Q; ``sure`` (1 or 0) where t is proven to be the global maximum, as in `certain`."""
    low, high, last = np.zeros(LANES), np.full(LANES, np.inf), np.zeros(LANES)
    at_zero, open_ = np.empty(LANES), np.zeros(LANES)
    t[:] = 0.0
    _moments(y, v, t, w, out)
    _terms(out, restricted)
    for i in range(LANES):
        down, q[i] = out[i], out[7 * LANES + i]
        at_zero[i] = down
        if out[2 * LANES + i] > down:
            n = k[i] - 1.0 if restricted else k[i]
            open_[i], t[i] = 1.0, (q[i] - n if q[i] > n else 0.125 * n) / down
        sure[i] = 1.0 if open_[i] == 0.0 and q[i] * out[4 * LANES + i] < SLACK * down * down else 0.0
    for _ in range(steps):
        if open_.sum() == 0.0:
            return
        _moments(y, v, t, w, out)
        _terms(out, restricted)
        for i in range(LANES):  # no branches: one vector instruction for many lanes
            now, down, up, cubic, curvature = t[i], out[i], out[2 * LANES + i], out[6 * LANES + i], out[4 * LANES + i]
            ratio = down / up
            lo = now if ratio < 1.0 else low[i]
            hi = high[i] if ratio < 1.0 else now
            new = now - (ratio - 1.0) * up / (2.0 * cubic * ratio - curvature)
            inside = (new >= lo) & (new <= hi)
            new = new if inside else (0.5 * (lo + hi) if hi < np.inf else 4.0 * now)
            move = abs(new - now)
            near = (move <= NEAR * new) & (move * move * move <= FORESEEN * new * last[i] * last[i])
            there = inside & ((move <= STOP * new) | near)
            tangent = 1.0 - now * cubic / up
            proven = (out[7 * LANES + i] * curvature < SLACK * down * down) & (tangent * tangent * at_zero[i] < up)
            going = open_[i] > 0.0
            low[i], high[i], last[i] = lo, hi, move if inside else 0.0
            t[i] = new if going else now
            sure[i] = (1.0 if there & proven else 0.0) if going else sure[i]
            open_[i] = 1.0 if going & (not there) else 0.0


@_jit
def _polish(
    y: FloatArray,
    v: FloatArray,
    t: FloatArray,
    low: FloatArray,
    high: FloatArray,
    open_: NDArray[np.bool_],
    restricted: bool,
    w: FloatArray,
    out: FloatArray,
) -> int:
    """Newton inside brackets for the lanes in ``open_``; returns how many did not arrive."""
    for _ in range(LIMIT):
        _moments(y, v, t, w, out)
        _terms(out, restricted)
        left = 0
        for i in range(LANES):
            if not open_[i]:
                continue
            now, up = t[i], out[2 * LANES + i]
            ratio = out[i] / up
            h, slope = ratio - 1.0, (2.0 * out[6 * LANES + i] * ratio - out[4 * LANES + i]) / up
            if h < 0:
                low[i] = now
            else:
                high[i] = now
            new = now - h / slope
            if not (slope > 0 and new > low[i] and new < high[i]):
                new = np.sqrt(low[i] * high[i]) if low[i] > 0 else 0.5 * high[i]
            if h == 0:
                new = now
            t[i] = new
            if abs(new - now) <= STOP * new or high[i] - low[i] <= 4e-16 * high[i]:
                open_[i] = False
            else:
                left += 1
        if left == 0:
            return 0
    return left


@_jit
def _height(y: FloatArray, v: FloatArray, lane: int, t: float, restricted: bool) -> float:
    """Log-likelihood of one lane at t, up to a constant."""
    total, first, logs = 0.0, 0.0, 0.0
    for s in range(y.size // LANES):
        x = v[s * LANES + lane] + t
        if x < np.inf:
            total += 1.0 / x
            first += y[s * LANES + lane] / x
            logs += np.log(x)
    mean, q = first / total, 0.0
    for s in range(y.size // LANES):
        r = y[s * LANES + lane] - mean
        q += r * r / (v[s * LANES + lane] + t)
    value = logs + q
    if restricted:
        value += np.log(total)
    return -0.5 * value


@_jit
def _likelihood(
    y: FloatArray, v: FloatArray, k: FloatArray, restricted: bool, t: FloatArray, w: FloatArray, out: FloatArray
) -> int:
    """Fill t with the global maximum of the (restricted) likelihood of every lane."""
    low, high, first = np.zeros(LANES), np.zeros(LANES), np.full(LANES, np.inf)
    bound, spread = np.zeros(LANES), np.zeros(LANES)
    open_ = np.zeros(LANES, dtype=np.bool_)
    rising, up0 = np.zeros(LANES, dtype=np.bool_), np.zeros(LANES, dtype=np.bool_)
    changes = np.zeros(LANES, dtype=np.int64)
    for s in range(y.size // LANES):
        for i in range(LANES):
            if v[s * LANES + i] < np.inf:
                first[i] = min(first[i], v[s * LANES + i])
                bound[i] = max(bound[i], v[s * LANES + i])
                spread[i] = max(spread[i], abs(y[s * LANES + i]))
    steps = 1
    for i in range(LANES):
        t[i] = 0.0
        bound[i] = max(bound[i], 4.0 * spread[i] ** 2 * (k[i] + 1.0) / max(k[i] - 1.0, 1.0))
        first[i] /= FINEST
        steps = max(steps, int(np.ceil(np.log2(bound[i] / first[i]))) + 2)
    h, before, grid = np.empty(LANES), np.empty(LANES), np.zeros(LANES)
    for g in range(-1, steps):
        _light(y, v, grid, w, out)
        _sign(out, restricted, h)
        for i in range(LANES):
            up = h[i] < 0.0
            if g < 0:
                up0[i] = up
            elif rising[i] and not up:
                changes[i] += 1
                if changes[i] == 1:
                    low[i], high[i] = (grid[i] / 2 if g > 0 else 0.0), grid[i]
                    t[i] = low[i] + (high[i] - low[i]) * before[i] / (before[i] - h[i])
            rising[i], before[i] = up, h[i]
            grid[i] = first[i] if g < 0 else 2.0 * grid[i]
    open_[:] = changes > 0
    lost = _polish(y, v, t, low, high, open_, restricted, w, out)
    for i in range(LANES):
        if changes[i] > 1 or (changes[i] == 1 and not up0[i]):
            t[i] = _best_mode(y, v, i, first[i], steps, up0[i], t[i], restricted)
    return lost


@_jit
def _best_mode(
    y: FloatArray, v: FloatArray, lane: int, first: float, steps: int, up0: bool, found: float, restricted: bool
) -> float:
    """Compare every mode of one lane, t = 0 included; ``found`` is the first of them."""
    yy, vv = np.empty_like(y), np.empty_like(v)
    for s in range(y.size // LANES):
        for i in range(LANES):
            yy[s * LANES + i], vv[s * LANES + i] = y[s * LANES + lane], v[s * LANES + lane]
    w, out = np.empty_like(yy), np.empty(8 * LANES)
    h, grid = np.empty(LANES), np.full(LANES, first)
    best, top = found, _height(y, v, lane, found, restricted)
    if not up0 and _height(y, v, lane, 0.0, restricted) > top:
        best, top = 0.0, _height(y, v, lane, 0.0, restricted)
    rising = up0
    for _ in range(steps):
        _light(yy, vv, grid, w, out)
        _sign(out, restricted, h)
        up = h[0] < 0.0
        if rising and not up:
            low, high = (0.5 * grid if grid[0] > first else np.zeros(LANES)), grid.copy()
            t = np.sqrt(low * high) if low[0] > 0 else 0.5 * high
            _polish(yy, vv, t, low, high, np.ones(LANES, dtype=np.bool_), restricted, w, out)
            height = _height(y, v, lane, t[0], restricted)
            if height > top:
                best, top = t[0], height
        rising = up
        grid *= 2.0
    return best


@_jit
def _paule_mandel(y: FloatArray, v: FloatArray, k: FloatArray, t: FloatArray, w: FloatArray, out: FloatArray) -> int:
    """Fill t with the root of Q(t) = k − 1: Newton on 1/Q from 0."""
    open_ = np.ones(LANES, dtype=np.bool_)
    t[:] = 0.0
    for _ in range(LIMIT):
        _light(y, v, t, w, out)
        left = 0
        for i in range(LANES):
            if not open_[i]:
                continue
            q, now = out[7 * LANES + i], t[i]
            step = (q / (k[i] - 1.0) - 1.0) * q / out[2 * LANES + i] if out[2 * LANES + i] > 0 else 0.0
            new = now + step
            if new < 0:
                new = 0.5 * now
            t[i] = new
            if abs(new - now) <= STOP * new or abs(q / (k[i] - 1.0) - 1.0) < SOLVED:
                open_[i] = False
            else:
                left += 1
        if left == 0:
            return 0
    return left


@_jit
def _load(
    yi: FloatArray,
    vi: FloatArray,
    rows: NDArray[np.int64],
    start: int,
    y: FloatArray,
    v: FloatArray,
    k: FloatArray,
    offset: FloatArray,
    scale: FloatArray,
) -> None:
    """Copy a block of data sets into LANES, centred and scaled as `kernels.centre` does."""
    n = yi.shape[1]
    for i in range(LANES):
        row = rows[min(start + i, rows.size - 1)]
        k[i] = offset[i] = scale[i] = 0.0
        for s in range(n):
            y[s * LANES + i], v[s * LANES + i] = yi[row, s], vi[row, s]
    for s in range(n):
        for i in range(LANES):
            here = v[s * LANES + i] < np.inf
            k[i] += 1.0 if here else 0.0
            offset[i] += y[s * LANES + i] if here else 0.0
            scale[i] += v[s * LANES + i] if here else 0.0
    by = np.empty(LANES)
    bits, opposite = scale.view(np.int64), by.view(np.int64)
    for i in range(LANES):
        some = 1.0 / max(k[i], 1.0)
        offset[i] *= some
        scale[i] *= some
    for i in range(LANES):  # the power of two with half the exponent of the typical variance, and its inverse
        half = ((bits[i] >> 52) - 1022) >> 1
        bits[i], opposite[i] = (1023 + half) << 52, (1023 - half) << 52
    for s in range(n):
        for i in range(LANES):
            here = v[s * LANES + i] < np.inf
            y[s * LANES + i] = (y[s * LANES + i] - offset[i]) * by[i] if here else 0.0
            v[s * LANES + i] *= by[i] * by[i]


@_jit
def _run(
    yi: FloatArray, vi: FloatArray, rows: NDArray[np.int64], method: int, fixed: float, stage: int, result: FloatArray
) -> tuple[int, NDArray[np.int64]]:
    """Fit the rows given; fills k, mean, se, τ², Q, factor; returns how many are lost, and the rows left to do."""
    m, n = rows.size, yi.shape[1]
    y, v, w = np.empty(n * LANES), np.empty(n * LANES), np.empty(n * LANES)
    out, k, t = np.empty(8 * LANES), np.empty(LANES), np.zeros(LANES)
    offset, scale, q = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    zero, sure = np.zeros(LANES), np.ones(LANES)
    left = np.empty(m, dtype=np.int64)
    lost = many = 0
    for start in range(0, m, LANES):
        _load(yi, vi, rows, start, y, v, k, offset, scale)
        if method < 4 or stage == 2:
            _light(y, v, zero, w, out)
            q[:] = out[7 * LANES :]
        if method < 3:
            for i in range(LANES):
                t[i] = fixed / (scale[i] * scale[i])
                if method == 2:
                    t[i] = max(0.0, (q[i] - (k[i] - 1.0)) / (out[i] - out[4 * LANES + i] / out[i]))
        elif method == 3:
            lost += _paule_mandel(y, v, k, t, w, out)
        elif stage == 2:
            lost += _likelihood(y, v, k, method == 4, t, w, out)
        else:
            _certain(y, v, k, method == 4, t, w, out, q, sure, STEPS if stage else SHORT)
        for i in range(LANES):
            t[i] = 0.0 if k[i] < 2 else t[i]
        _light(y, v, t, w, out)
        for i in range(LANES):
            out[LANES + i] = offset[i] + scale[i] * out[LANES + i]
            out[2 * LANES + i] = scale[i] / math.sqrt(out[i])
            out[3 * LANES + i] = scale[i] * scale[i] * t[i]
            out[7 * LANES + i] /= k[i] - 1.0
        for i in range(min(LANES, m - start)):
            row = rows[start + i]
            result[0, row] = k[i]
            if k[i] > 0:
                result[1, row], result[2, row] = out[LANES + i], out[2 * LANES + i]
                result[3, row], result[4, row], result[5, row] = out[3 * LANES + i], q[i], out[7 * LANES + i]
            if sure[i] == 0.0 and k[i] > 1:
                left[many] = row
                many += 1
    return lost, left[:many]


def run_compiled(y: FloatArray, v: FloatArray, method: str, fixed: float) -> FloatArray:
    """Return k, mean, Wald standard error, τ², Q and Knapp-Hartung factor of every row of (m, k) data."""
    result = np.full((6, y.shape[0]), np.nan)
    y, v, rows = np.ascontiguousarray(y), np.ascontiguousarray(v), np.arange(y.shape[0])
    lost = stage = 0
    while rows.size:
        missed, rows = _run(y, v, rows, METHODS[method], fixed if method == "fixed" else 0.0, stage, result)
        lost, stage = lost + missed, stage + 1
    if lost:
        raise ConvergenceError(f"tau2={method!r} did not arrive at its root in {lost} data sets")
    return result
