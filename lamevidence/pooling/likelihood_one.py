"""The likelihood of τ² for one data set with a common mean: the steps of `certain`, with little overhead.

A few studies are added up in plain numbers, which is faster than any array; many studies in pieces that stay in
cache, with all sums of a piece as one small matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import mul
from typing import TypeAlias

import numpy as np

from ..effects.measures.base import FloatArray
from .likelihood_certain import BEYOND, STEPS, arrived, falls_from_zero, one_root_from_here, rises_up_to_here
from .likelihood_terms import Terms

__all__ = ["maximum_of_one"]

FEW = 32
"""Up to this number of studies plain numbers are faster than arrays."""
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
    """Return the terms as a function of t; the residuals are kept about the mean of the last t."""
    powers = np.empty((3, y.size))
    powers[0] = 1.0
    weights = np.empty((3, min(PIECE, y.size)))

    def about(centre: float) -> None:
        np.subtract(y, centre, out=powers[1])
        np.multiply(powers[1], powers[1], out=powers[2])

    def sums(t: float) -> list[list[float]]:
        found = np.zeros((3, 3))
        for i in range(0, y.size, PIECE):
            part = powers[:, i : i + PIECE]
            w = weights[:, : part.shape[1]]
            np.add(v[i : i + PIECE], t, out=w[0])
            np.divide(1.0, w[0], out=w[0])
            np.multiply(w[0], w[0], out=w[1])
            np.multiply(w[0], w[1], out=w[2])
            found += w.dot(part.T)
        return found.tolist()  # type: ignore[no-any-return]

    centre = 0.0

    def at(t: float) -> Terms:
        nonlocal centre
        for _ in range(2):
            (s10, s11, s12), (s20, s21, s22), (s30, s31, s32) = sums(t)
            mean = s11 / s10
            up = s22 - mean * (2.0 * s21 - mean * s20)
            if up >= KEPT * (s22 + mean * mean * s20):
                break
            centre += mean
            about(centre)
        cross = s21 - mean * s20
        cubic = s32 - mean * (2.0 * s31 - mean * s30) - cross * cross / s10
        down, curvature = s10, s20
        if restricted:
            share = s20 / s10
            down = s10 - share
            curvature = s20 - 2.0 * s30 / s10 + share * share
        return Terms(up, down, s12 - mean * s11, cubic, curvature)

    about(centre)
    return at


def maximum_of_one(y: FloatArray, v: FloatArray, restricted: bool) -> float | None:
    """Return the maximum for one complete data set (k,), None where it is not proven to be the global one."""
    at = _few(y.tolist(), v.tolist(), restricted) if y.size <= FEW else _many(y, v, restricted)
    begin = at(0.0)
    if begin.up <= begin.down:
        falls = one_root_from_here(begin) or (begin.up > 0 and falls_from_zero(begin, at(BEYOND), BEYOND))
        return 0.0 if falls else None
    n = y.size - 1 if restricted else y.size
    t = (begin.q - n if begin.q > n else n / 8.0) / begin.down
    low, high, last = 0.0, np.inf, 0.0
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
        if arrived(move, new, last):
            return new if one_root_from_here(here) and rises_up_to_here(here, t, begin.down) else None
        t, last = new, move
    return None
