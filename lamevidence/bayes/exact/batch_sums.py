"""Compiled sums behind batches of two-level posteriors: p(data | μ, τ) at the nodes of many data sets.

The likelihood l of a row is tabulated once, on steps of 0.2 of the shortest length on which it changes. With τ above
0.22 of that length ∫ l(θ) N(θ | μ, τ²) dθ is a trapezoidal sum over the entries, with a larger τ over every second or
fourth, and with a smaller τ a Gauss-Hermite sum of at most five interpolated values around μ, each good to about 1e-7.
A t likelihood is a scale mixture of normals, whose integral is closed for each scale. Nodes are visited outwards from
the middle and left at zero once they fall 17 nats below the highest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit

from ...effects.measures.base import FloatArray

__all__ = ["FAMILIES", "fill", "jit"]

FAMILIES = {"binomial": 0, "conditional-binomial": 0, "poisson": 1, "hypergeometric": 2, "t": 3}

_TABLE = 2001
_MIDDLE = _TABLE // 2
_STEP = 0.2
_ROOT_2PI = math.sqrt(2.0 * math.pi)
_FINE, _WIDE, _WIDER = 0.22, 0.45, 1.2
"""τ over the width of a row from which every entry of the table is enough, every second, every fourth."""
_DEEP = 45.0
"""The table ends where the likelihood is this many nats down; further out it is 0."""
_ONE = 1e-13
"""A likelihood this close to 1 stays there (no events, all events)."""
_NOISE = 7.0
"""Standard deviations of N(μ, τ²) visited either side."""
_CUT = 17.0
_LIMITS = np.array([1e-5, 5e-3, 5e-2, np.inf])
_COUNTS = np.array([1, 3, 4, 5])
"""τ over the width up to which so many Gauss-Hermite nodes do."""


def _hermite(counts: list[int]) -> tuple[FloatArray, FloatArray]:
    places, shares = np.zeros((2, len(counts), max(counts)))
    for i, size in enumerate(counts):
        x, w = np.polynomial.hermite_e.hermegauss(size)
        places[i, :size], shares[i, :size] = x, w / w.sum()
    return places, shares


_PLACES, _SHARES = _hermite([1, 3, 4, 5])
Function = TypeVar("Function", bound=Callable[..., object])


def jit(function: Function) -> Function:
    """Return the compiled function, kept on disk."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function))


@jit
def _start(family: int, row: FloatArray) -> tuple[float, float]:
    """Centre of a row's likelihood and the shortest length on which it changes, half an event added to each cell."""
    if family == 0:
        a, b = row[0] + 0.5, row[1] - row[0] + 0.5
        centre, width, least = math.log(a / b) - row[2], math.sqrt(1.0 / a + 1.0 / b), min(a, b)
    elif family == 1:
        a = row[0] + 0.5
        centre, width, least = math.log(a / row[1]), math.sqrt(1.0 / a), a
    else:
        a, b, c = row[0] + 0.5, row[1] - row[0] + 0.5, row[2] - row[0] + 0.5
        d = row[3] - row[2] + row[0] + 0.5
        centre, width = math.log(a * d / (b * c)), math.sqrt(1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d)
        least = min(a, b, c, d)
    # singular at a distance of π whatever the counts, and without a mode steepest where it has fallen
    return centre, min(width, 0.6 if least > 0.5 else 0.5)


@jit
def _point(family: int, row: FloatArray, const: float, theta: float, out: FloatArray) -> None:
    """Log likelihood and its first two derivatives."""
    if family == 0:
        x = theta + row[2]
        small = math.exp(-abs(x))
        p = 1.0 / (1.0 + small) if x > 0 else small / (1.0 + small)
        out[0] = const + (row[0] * x if x < 0 else (row[0] - row[1]) * x) - row[1] * math.log1p(small)
        out[1], out[2] = row[0] - row[1] * p, -row[1] * p * (1.0 - p)
        return
    if family == 1:
        rate = row[1] * math.exp(theta)
        out[0] = const + row[0] * (theta + math.log(row[1])) - rate
        out[1], out[2] = row[0] - rate, -rate
        return
    # terms relative to that of the observed count, upwards and downwards until they no longer matter
    a, n1, m, n2 = row[0], row[1], row[2], row[3]
    odds = math.exp(theta)
    s0, s1, s2 = 1.0, 0.0, 0.0
    for up in (True, False):
        w, u = 1.0, a
        while True:
            if up:
                factor = (n1 - u) * (m - u) / ((u + 1.0) * (n2 - m + u + 1.0)) * odds
                u += 1.0
            else:
                factor = u * (n2 - m + u) / ((n1 - u + 1.0) * (m - u + 1.0)) / odds
                u -= 1.0
            w *= factor
            gap = u - a
            s0, s1, s2 = s0 + w, s1 + w * gap, s2 + w * gap * gap
            if w <= 0.0 or (factor < 1.0 and w * gap * gap < 1e-17 * s0):
                break
    mean = s1 / s0
    out[0], out[1], out[2] = -math.log(s0), -mean, -(s2 / s0 - mean * mean)


@jit
def _constant(family: int, row: FloatArray) -> float:
    if family == 0:
        return math.lgamma(row[1] + 1.0) - math.lgamma(row[0] + 1.0) - math.lgamma(row[1] - row[0] + 1.0)
    return -math.lgamma(row[0] + 1.0) if family == 1 else 0.0


@jit
def _tabulate(family: int, row: FloatArray, f: FloatArray, like: FloatArray, ends: FloatArray) -> bool:
    """Fill the quintics f (T, 6) of log l and ``like`` (T,), l itself.

    ``ends``: centre, step, first entry, last, value beyond the first, beyond the last, width.
    """
    centre, width = _start(family, row)
    const, step = _constant(family, row), _STEP * width
    point = np.empty(3)
    peak = -np.inf
    for side in (1, -1):
        i, beyond = _MIDDLE, -1.0
        while beyond < 0.0:
            if not 0 <= i < _TABLE:
                return False
            _point(family, row, const, centre + step * (i - _MIDDLE), point)
            f[i, 0], f[i, 1], f[i, 2] = point[0], step * point[1], 0.5 * step * step * point[2]
            like[i] = math.exp(point[0])
            peak = max(peak, point[0])
            if point[0] > -_ONE:
                beyond = 1.0
            elif point[0] < peak - _DEEP:
                beyond = 0.0
            i += side
        if side > 0:
            ends[3], ends[5] = i - 1, beyond
        else:
            ends[2], ends[4] = i + 1, beyond
    ends[0], ends[1], ends[6] = centre, step, width
    like[: int(ends[2])], like[int(ends[3]) + 1 :] = ends[4], ends[5]
    for i in range(int(ends[2]), int(ends[3])):
        gap = f[i + 1, 0] - f[i, 0] - f[i, 1] - f[i, 2]
        bend, turn = f[i + 1, 1] - f[i, 1] - 2.0 * f[i, 2], f[i + 1, 2] - f[i, 2]
        f[i, 3] = 10.0 * gap - 4.0 * bend + turn
        f[i, 4] = -15.0 * gap + 7.0 * bend - 2.0 * turn
        f[i, 5] = 6.0 * gap - 3.0 * bend + turn
    return True


@jit
def _interpolated(place: float, row: int, f: FloatArray, ends: FloatArray) -> float:
    """Likelihood at a place between entries of the table, or beyond them."""
    if place <= ends[row, 2]:
        return float(ends[row, 4])
    if place >= ends[row, 3]:
        return float(ends[row, 5])
    i = int(place)
    x = place - i
    tail = f[row, i, 3] + x * (f[row, i, 4] + x * f[row, i, 5])
    return math.exp(f[row, i, 0] + x * (f[row, i, 1] + x * (f[row, i, 2] + x * tail)))


@jit
def _marginal(mu: float, tau: float, row: int, f: FloatArray, like: FloatArray, ends: FloatArray) -> float:
    """∫ l(θ) N(θ | μ, τ²) dθ from the table."""
    ratio = tau / ends[row, 6]
    place = (mu - ends[row, 0]) / ends[row, 1] + _MIDDLE
    if ratio < _FINE:
        rule = 0
        while ratio > _LIMITS[rule]:
            rule += 1
        if rule == 0:
            return _interpolated(place, row, f, ends)
        total = 0.0
        for q in range(_COUNTS[rule]):
            total += _SHARES[rule, q] * _interpolated(place + tau / ends[row, 1] * _PLACES[rule, q], row, f, ends)
        return total
    stride = 4 if ratio >= _WIDER else (2 if ratio >= _WIDE else 1)
    step = stride * ends[row, 1]
    # past its last entry a likelihood is 0 and the sum ends, or stays 1 and the sum runs on
    low = 0 if ends[row, 4] > 0.0 else int(ends[row, 2])
    high = _TABLE - 1 if ends[row, 5] > 0.0 else int(ends[row, 3])
    middle = min(max(math.floor(place + 0.5), low), high)
    gap = (middle - place) * ends[row, 1]
    if abs(gap) > 30.0 * tau:
        return 0.0
    # exp(−(d + q h)²/2τ²) = e^(−d²/2τ²) a^q b^(q²): powers of a on either side of the entry next to μ
    precision = 1.0 / (tau * tau)
    a, b = math.exp(-gap * step * precision), math.exp(-0.5 * step * step * precision)
    reach = _NOISE * tau / ends[row, 1]
    above = (min(int(min(float(high), place + reach) - middle) // stride + 2, (_TABLE - 1 - middle) // stride) // 2) * 2
    under = (min(int(middle - max(float(low), place - reach)) // stride + 2, middle // stride) // 2) * 2
    total = like[row, middle] + _side(a, b, stride, middle, above, row, like)
    total += _side(1.0 / a, b, -stride, middle, under, row, like)
    out = total * math.exp(-0.5 * gap * gap * precision) * step / (tau * _ROOT_2PI)
    if ends[row, 5] > 0.0 and middle + above * stride < place + reach:
        out += _rest((above + 0.5) * step + gap, tau, step)
    if ends[row, 4] > 0.0 and middle - under * stride > place - reach:
        out += _rest((under + 0.5) * step - gap, tau, step)
    return float(out)


@jit
def _rest(distance: float, tau: float, step: float) -> float:
    """Sum of normal weights beyond the end of the table: their integral and its first correction for the step."""
    z = distance / tau
    return 0.5 * math.erfc(z * math.sqrt(0.5)) - (step / tau) ** 2 / 24.0 * z * math.exp(-0.5 * z * z) / _ROOT_2PI


@jit
def _side(a: float, b: float, stride: int, middle: int, terms: int, row: int, like: FloatArray) -> float:
    """Σ l(middle + q·stride) a^q b^(q²) over q = 1 … terms, even and odd q in chains of their own."""
    b2 = b * b
    turn = b2 * b2 * b2 * b2
    odd, odd_ratio = a * b, a * a * turn
    even, even_ratio = a * a * b2 * b2, a * a * turn * b2 * b2
    s0 = s1 = 0.0
    i = middle
    for _ in range(terms // 2):
        s0 += odd * like[row, i + stride]
        i += 2 * stride
        s1 += even * like[row, i]
        odd *= odd_ratio
        even *= even_ratio
        odd_ratio *= turn
        even_ratio *= turn
    return s0 + s1


@jit
def _mixture(
    mu: float, tau: float, y: float, v: float, df: float, const: float, row: int, size: int, parts: FloatArray
) -> float:
    """∫ t(θ) N(θ | μ, τ²) dθ; ``parts`` (k, 2, Q) holds the heights of the components and −½ of their precisions."""
    gap = y - mu
    total = 0.0
    ratio = tau / math.sqrt(v)
    if ratio < 0.15:
        rule = 0
        while ratio > _LIMITS[rule]:
            rule += 1
        for q in range(_COUNTS[rule]):
            x = gap - tau * _PLACES[rule, q]
            total += _SHARES[rule, q] * math.exp(const - 0.5 * (df + 1.0) * math.log1p(x * x / (v * df)))
        return total
    for q in range(size):
        total += parts[row, 0, q] * math.exp(parts[row, 1, q] * gap * gap)
    return total


@jit
def _prior(x: float, law: FloatArray) -> float:
    """Log density of μ: ``law`` holds degrees of freedom (∞ normal, 0 flat), centre, scale and constant."""
    if law[0] == 0.0:
        return 0.0
    z = (x - law[1]) / law[2]
    if law[0] == np.inf:
        return float(law[3] - 0.5 * z * z)
    return float(law[3] - 0.5 * (law[0] + 1.0) * math.log1p(z * z / law[0]))


@jit
def fill(
    family: int,
    data: FloatArray,
    shares: FloatArray,
    scales: FloatArray,
    sizes: FloatArray,
    law: FloatArray,
    tau: FloatArray,
    outer: FloatArray,
    loc: FloatArray,
    scale: FloatArray,
    s: FloatArray,
    joint: FloatArray,
    peaks: FloatArray,
) -> int:
    """Fill ``joint`` (D, J, M) with the weights of the nodes over the highest, 0 where negligible; ``peaks`` (D,).

    ``data`` (D, k, 4); ``shares`` and ``scales`` (D, k, Q) with ``sizes`` (D, k) entries are the scale mixtures of a t
    likelihood; ``outer`` (D, J) is the logarithm of the prior of τ and of all slopes; μ = ``loc`` + ``scale`` sinh s.
    Returns the first data set whose table is too long, or −1.
    """
    sets, k, _ = data.shape
    rows, columns = tau.shape[1], s.size
    f, like, ends = np.empty((k, _TABLE, 6)), np.empty((k, _TABLE)), np.empty((k, 7))
    parts = np.empty((k, 2, shares.shape[2]))
    consts = np.empty(k)
    x, slope = np.sinh(s), np.log(np.cosh(s))
    value = np.empty((rows, columns))
    for d in range(sets):
        for i in range(k):
            if family == 3:
                v, df = data[d, i, 1], data[d, i, 2]
                consts[i] = math.lgamma(0.5 * df + 0.5) - math.lgamma(0.5 * df) - 0.5 * math.log(df * math.pi * v)
            elif not _tabulate(family, data[d, i], f[i], like[i], ends[i]):
                return d
        top = -np.inf
        value[:] = -np.inf
        for way in (1, -1):
            j, best = (rows // 2 if way > 0 else rows // 2 - 1), columns // 2
            while 0 <= j < rows:
                t = tau[d, j]
                if family == 3:
                    for i in range(k):
                        for q in range(int(sizes[d, i])):
                            total = scales[d, i, q] + t * t
                            parts[i, 0, q] = shares[d, i, q] / math.sqrt(2.0 * math.pi * total)
                            parts[i, 1, q] = -0.5 / total
                highest, place = -np.inf, best
                for side in (1, -1):
                    m = best if side > 0 else best - 1
                    while 0 <= m < columns:
                        mu = loc[d, j] + scale[d, j] * x[m]
                        height, product = outer[d, j] + slope[m] + _prior(mu, law), 1.0
                        for i in range(k):
                            if family == 3:
                                y, v, df, size = data[d, i, 0], data[d, i, 1], data[d, i, 2], int(sizes[d, i])
                                product *= _mixture(mu, t, y, v, df, consts[i], i, size, parts)
                            else:
                                product *= _marginal(mu, t, i, f, like, ends)
                            if product < 1e-200:
                                height += math.log(product)
                                product = 1.0
                        height += math.log(product)
                        value[j, m] = height
                        if height > highest:
                            highest, place = height, m
                        top = max(top, height)
                        m += side
                        if height < top - _CUT and height < highest:
                            break
                best = place
                j += way
                if highest < top - _CUT:
                    break
        peaks[d] = top
        for j in range(rows):
            for m in range(columns):
                gap = value[j, m] - top
                joint[d, j, m] = math.exp(gap) if gap > -2.0 * _CUT else 0.0
    return -1
