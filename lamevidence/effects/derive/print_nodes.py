"""Nodes and weights over numbers that are uniform between bounds: as few as the likelihood of a true effect needs.

A likelihood N(y(x) | θ, v(x)) is averaged over x by Gauss and Legendre's rule; nodes are added until its values over a
range of θ stay. A rule that is the product of several has many nodes with about the same place: Gauss' rule of the
discrete law itself, by Lanczos' recursion, needs few (Golub and Welsch 1969, Math. Comput. 23:221).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...foundation.errors import NotEstimable
from ..measures.base import FloatArray

__all__ = ["Side", "mixture_nodes"]

Rule = Callable[[FloatArray], tuple[float, float]]
"""Numbers (d,) → estimate and variance."""

_SIZES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 26)
_CLOSE = 1e-10
"""Largest change of the averaged likelihood, as a share of its peak, that one more node may make."""
_REACH = np.linspace(-7.0, 7.0, 57)
_MOST = 4096
_TINY = 1e-13


class Side(NamedTuple):
    """Bounds of one number."""

    low: float
    high: float


def mixture_nodes(rule: Rule, sides: list[Side]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return estimates, variances and weights, (J,) each, that stand for numbers uniform between their bounds.

    Raises
    ------
    NotEstimable
        Too many nodes, or an integrand that is not smooth.
    """
    middle = np.array([0.5 * (s.low + s.high) for s in sides])
    if not sides:
        y, v = rule(middle)
        return np.array([y]), np.array([v]), np.ones(1)
    sizes, moves = zip(*(_size(rule, middle, sides, j) for j in range(len(sides))), strict=True)
    of_y = [j for j, (y, v) in enumerate(moves) if y and not v]
    of_v = [j for j, (y, v) in enumerate(moves) if v and not y]
    if len(of_y) + len(of_v) < sum(y or v for y, v in moves):
        return _product(rule, middle, sides, [j for j, (y, v) in enumerate(moves) if y or v], sizes)
    places, _, wy = _product(rule, middle, sides, of_y, sizes)
    fixed, spreads, wv = _product(rule, middle, sides, of_v, sizes)
    errors, least = np.sqrt(spreads), float(np.sqrt(spreads.min()))
    if len(of_y) > 1:
        places, wy = _fewer(places, wy, lambda x: (x, np.full(x.size, least)))
    if len(of_v) > 1:
        errors, wv = _fewer(errors, wv, lambda x: (np.full(x.size, fixed[0]), x))
    weight = np.outer(wy, wv).ravel()
    return np.repeat(places, errors.size), np.tile(errors, places.size) ** 2, weight


def _size(rule: Rule, middle: FloatArray, sides: list[Side], j: int) -> tuple[int, tuple[bool, bool]]:
    """Return how many nodes a number needs, and whether estimate and variance move with it."""
    y0, v0 = rule(middle)
    ends = np.array([rule(_with(middle, j, x)) for x in sides[j]])
    moves_y = bool(np.abs(ends[:, 0] - y0).max() > _TINY * max(abs(y0), np.sqrt(v0)))
    moves_v = bool(np.abs(ends[:, 1] - v0).max() > _TINY * v0)
    if not (moves_y or moves_v):
        return 1, (False, False)
    at = y0 + np.sqrt(max(v0, float(ends[:, 1].max()))) * _REACH
    before = None
    for size in _SIZES:
        y, v, w = _product(rule, middle, sides, [j], [size] * len(sides))
        now = _height(at, y, np.sqrt(v), w)
        if before is not None and np.abs(now - before[1]).max() < _CLOSE * now.max():
            return before[0], (moves_y, moves_v)
        before = (size, now)
    return _SIZES[-1], (moves_y, moves_v)


def _with(middle: FloatArray, j: int, x: float) -> FloatArray:
    moved = middle.copy()
    moved[j] = x
    return moved


def _height(at: FloatArray, y: FloatArray, s: FloatArray, w: FloatArray) -> FloatArray:
    """Averaged likelihood at true effects."""
    z = (at[:, None] - y) / s
    with np.errstate(under="ignore"):
        return np.asarray((np.exp(-0.5 * z * z) / s) @ w)


def _product(
    rule: Rule, middle: FloatArray, sides: list[Side], chosen: list[int], sizes: tuple[int, ...] | list[int]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the product of rules over the numbers that are chosen, the others in the middle."""
    rules = [np.polynomial.legendre.leggauss(sizes[j]) for j in chosen]
    if np.prod([x.size for x, _ in rules]) > _MOST:
        raise NotEstimable("the numbers behind it have too many roundings that matter")
    points, weight = middle[None], np.ones(1)
    for j, (x, w) in zip(chosen, rules, strict=True):
        places = 0.5 * (sides[j].low + sides[j].high) + 0.5 * (sides[j].high - sides[j].low) * x
        points, weight = np.repeat(points, x.size, axis=0), np.outer(weight, 0.5 * w).ravel()
        points[:, j] = np.tile(places, points.shape[0] // x.size)
    found = np.array([rule(point) for point in points])
    return found[:, 0], found[:, 1], weight


def _fewer(
    x: FloatArray, w: FloatArray, read: Callable[[FloatArray], tuple[FloatArray, FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Return Gauss' rule of a discrete law, of as many nodes as the averaged likelihood needs."""
    y, s = read(x)
    at = float(w @ y) + float(s.max()) * _REACH
    whole = _height(at, y, s, w)
    for size in _SIZES:
        if size >= x.size:
            break
        some, share = _gauss(x, w, size)
        if np.abs(_height(at, *read(some), share) - whole).max() < _CLOSE * whole.max():
            return some, share
    return x, w


def _gauss(x: FloatArray, w: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights that have the first 2·size moments of a discrete law."""
    centre, scale = float(w @ x), float(np.ptp(x))
    z = (x - centre) / scale
    basis = [np.sqrt(w)]
    diagonal, off = [], []
    for n in range(size):
        q = z * basis[-1]
        diagonal.append(float(q @ basis[-1]))
        for _ in range(2):  # once more: rounding leaves a part in the earlier directions
            for b in basis:
                q = q - (q @ b) * b
        length = float(np.sqrt(q @ q))
        if n + 1 == size or length < 1e-12:
            break
        off.append(length)
        basis.append(q / length)
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return centre + scale * values, vectors[0] ** 2
