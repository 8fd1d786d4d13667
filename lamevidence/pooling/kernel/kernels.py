"""The numerical core: weighted projections, bracketed Newton roots, and a scan of the likelihood.

Studies lie on the last axis, any leading axes; ``v = inf`` marks an absent study (weight 0). Nothing here
raises or prints: status codes go up, and the layer above turns them into errors.

Notation: w = 1/(v + t), P = W − WX(X'WX)⁻¹X'W. ``X`` is None for a single common mean, which is by far
the most frequent model and gets closed forms.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray

__all__ = [
    "ITERATION_LIMIT",
    "OK",
    "OUT_OF_ITERATIONS",
    "Centred",
    "IntArray",
    "Projection",
    "Roots",
    "centre",
    "centre_one",
    "generalised_q",
    "pick",
    "solve_decreasing",
    "take",
]

OK = 0
OUT_OF_ITERATIONS = 1
IntArray: TypeAlias = NDArray[np.int64]
ITERATION_LIMIT = 200
RELATIVE_STOP = 1e-11
"""Newton stops when a step changes t by less than this share; its error is then of the order of the square."""
SOLVED = 1e-14
"""A generalised Q this close to its target, relatively, is at it."""


class Centred(NamedTuple):
    """Data moved and scaled so that neither an offset of 1e8 nor a unit of 1e-6 costs digits.

    ``scale`` is a power of two, so that scaling is exact; y = (yi − offset)/scale, v = vi/scale².
    """

    y: FloatArray
    v: FloatArray
    offset: FloatArray
    scale: FloatArray
    k: FloatArray


def centre(yi: FloatArray, vi: FloatArray) -> Centred:
    """Return data with their mean near 0 and their typical variance near 1; absent studies get y = 0."""
    live = vi < np.inf
    k = np.add.reduce(live, axis=-1, dtype=np.float64)
    everywhere = bool(live.all())
    y0 = yi if everywhere else np.where(live, yi, 0.0)
    v0 = vi if everywhere else np.where(live, vi, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        offset = np.add.reduce(y0, axis=-1) / k
        typical = np.add.reduce(v0, axis=-1) / k
    _, exponent = np.frexp(typical)
    half = exponent // 2
    scale = np.ldexp(1.0, half)
    y = (y0 - offset[..., None]) * np.ldexp(1.0, -half)[..., None]
    v = vi * np.ldexp(1.0, -2 * half)[..., None]
    if not everywhere:
        y = np.where(live, y, 0.0)
    return Centred(y, v, offset, scale, k)


def centre_one(yi: FloatArray, vi: FloatArray) -> tuple[FloatArray, FloatArray, float, float]:
    """Return y, v, offset and scale of one complete data set (k,), as `centre` does."""
    k = yi.size
    offset = float(np.add.reduce(yi)) / k
    half = math.frexp(float(np.add.reduce(vi)) / k)[1] // 2
    return (yi - offset) * math.ldexp(1.0, -half), vi * math.ldexp(1.0, -2 * half), offset, math.ldexp(1.0, half)


class Projection:
    """Everything that depends on the weights ``w`` alone: X'WX, its inverse, P and its traces.

    Parameters
    ----------
    w
        Weights, (…, k).
    X
        Design, (…, k, p), full rank where w > 0, or None for the common mean.
    """

    __slots__ = ("G", "W", "X", "w")

    def __init__(self, w: FloatArray, X: FloatArray | None = None) -> None:
        self.w, self.X = w, X
        if X is None:
            self.W: FloatArray = np.add.reduce(w, axis=-1)
        else:
            cross = np.swapaxes(X, -1, -2) @ (w[..., None] * X)
            self.G: FloatArray = np.asarray(np.linalg.inv(cross), dtype=np.float64)

    def coefficients(self, z: FloatArray) -> FloatArray:
        """Return (X'WX)⁻¹X'Wz, (…, p); shape (…, 1) without a design."""
        if self.X is None:
            return np.asarray(np.add.reduce(self.w * z, axis=-1) / self.W)[..., None]
        right = np.swapaxes(self.X, -1, -2) @ (self.w * z)[..., None]
        return np.asarray((self.G @ right)[..., 0])

    def residuals(self, z: FloatArray) -> FloatArray:
        """Return z − X(X'WX)⁻¹X'Wz, (…, k)."""
        if self.X is None:
            return np.asarray(z - (np.add.reduce(self.w * z, axis=-1) / self.W)[..., None])
        return np.asarray(z - (self.X @ self.coefficients(z)[..., None])[..., 0])

    def apply(self, z: FloatArray) -> FloatArray:
        """Return Pz, (…, k)."""
        return np.asarray(self.w * self.residuals(z))

    def _inner(self, d: FloatArray) -> FloatArray:
        """Return (X'WX)⁻¹X'DX for a diagonal D, (…, p, p)."""
        assert self.X is not None
        return np.asarray(self.G @ (np.swapaxes(self.X, -1, -2) @ (d[..., None] * self.X)))

    def trace(self, d: FloatArray | None = None) -> FloatArray:
        """Return tr(PD) for a diagonal D, or tr P."""
        w, first = self.w, self.w if d is None else self.w * d
        if self.X is None:
            return np.asarray(np.add.reduce(first, axis=-1) - np.add.reduce(w * first, axis=-1) / self.W)
        return np.asarray(np.add.reduce(first, axis=-1) - np.trace(self._inner(w * first), axis1=-2, axis2=-1))

    def trace_squared(self, d: FloatArray | None = None) -> FloatArray:
        """Return tr(PDPD) for a diagonal D, or tr PP."""
        wd = self.w if d is None else self.w * d
        wwd = self.w * wd
        if self.X is None:
            one = np.add.reduce(wwd, axis=-1) / self.W
            two = np.add.reduce(wwd * wd, axis=-1) / self.W
            return np.asarray(np.add.reduce(wd * wd, axis=-1) - 2 * two + one * one)
        inner = self._inner(wwd)
        two = np.trace(self._inner(wwd * wd), axis1=-2, axis2=-1)
        one = np.trace(inner @ inner, axis1=-2, axis2=-1)
        return np.asarray(np.add.reduce(wd * wd, axis=-1) - 2 * two + one)

    def log_determinant(self) -> FloatArray:
        """Return log |X'WX|."""
        if self.X is None:
            return np.asarray(np.log(self.W))
        return np.asarray(-np.linalg.slogdet(self.G)[1])


class Roots(NamedTuple):
    """A value per data set, the number of iterations spent, and a status code."""

    value: FloatArray
    iterations: int
    status: IntArray


def take(a: FloatArray, rows: IntArray) -> FloatArray:
    """Return some rows of (m, k) data, studies outermost in memory: then every sum over studies runs in vectors."""
    return a.T.take(rows, axis=1).T


def pick(X: FloatArray | None, rows: IntArray | int) -> FloatArray | None:
    """Return the designs of some data sets; a design shared by all stays shared."""
    return X if X is None or X.ndim == 2 else X[rows]


def generalised_q(y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return Q(t) = y'P(t)y and −Q'(t) = y'P(t)P(t)y."""
    projection = Projection(1.0 / (v + t[..., None]), X)
    r = projection.residuals(y)
    pr = projection.w * r
    return np.add.reduce(pr * r, axis=-1), np.add.reduce(pr * pr, axis=-1)


def solve_decreasing(y: FloatArray, v: FloatArray, X: FloatArray | None, target: FloatArray) -> Roots:
    """Return t ≥ 0 with Q(t) = target, 0 where Q(0) ≤ target already; shapes (m, k) and (m,).

    Newton on 1/Q(t) − 1/target: 1/Q is increasing and nearly linear in t (exactly linear when all v are
    equal), so the iteration arrives in a handful of steps from t = 0 at any scale, with no upper limit.
    """
    t = np.zeros(y.shape[0])
    status = np.zeros(y.shape[0], dtype=np.int64)
    active = np.arange(y.shape[0])
    for iteration in range(1, ITERATION_LIMIT + 1):
        q, slope = generalised_q(take(y, active), take(v, active), t[active], pick(X, active))
        goal = target[active]
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (q / goal - 1.0) * q / slope
        step = np.where(slope > 0, step, 0.0)
        old = t[active]
        new = old + step
        new = np.where(new < 0, np.where(old > 0, old / 2, 0.0), new)
        t[active] = new
        moving = (np.abs(new - old) > RELATIVE_STOP * new) & (np.abs(q / goal - 1.0) > SOLVED)
        active = active[moving]
        if active.size == 0:
            return Roots(t, iteration, status)
    status[active] = OUT_OF_ITERATIONS
    return Roots(t, ITERATION_LIMIT, status)
