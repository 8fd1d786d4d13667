"""A fit without each study in turn, for the price of a few fits.

Every number that the (restricted) likelihood of a common mean needs is a sum over studies of wᵃrᵇ with w = 1/(v + τ²)
and r = y − c; without study i it is the sum of all minus one term. The score of all deletions is therefore read off
one grid of τ², and the one change of sign of each deletion is polished by Newton's method, the sums of all studies
interpolated by Chebyshev polynomials in its cell of the grid. Deletions whose likelihood has several maxima, and those
in which one study holds nearly everything (a difference of sums loses digits there), are data sets of their own.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ..kernel.wide_variances import is_wide
from .refits import CentredFits, Mask, Source, refit, refits_of

__all__ = ["deletions"]

NODES = 26
"""The sums have their poles at τ² = −v; a cell [a, 2a] or [0, v/4] then has an error below 6⁻²⁶."""
KEPT = 1e-3
"""A sum of which less than this share stays after a deletion is added up anew."""
STEPS = 60
STOP = 1e-12

_ANGLES = (np.arange(NODES) + 0.5) * np.pi / NODES
_PLACES = np.cos(_ANGLES)
_TO_COEFFICIENTS = 2.0 / NODES * np.cos(np.arange(NODES)[:, None] * _ANGLES)
_TO_COEFFICIENTS[0] /= 2.0


class Sums(NamedTuple):
    """Sums over the studies that stay: ``s{a}{b}`` is Σ wᵃrᵇ."""

    s10: FloatArray
    s11: FloatArray
    s12: FloatArray
    s20: FloatArray
    s21: FloatArray
    s22: FloatArray
    s30: FloatArray
    s31: FloatArray
    s32: FloatArray


def deletions(source: Source) -> CentredFits:
    """Return the fit without each study; nan where the rest cannot be fitted."""
    if not _fast(source):
        return refit(source, ~np.eye(source.k, dtype=bool))
    t, centre, left, sure = _maxima(source)
    mean = left.s11 / left.s10
    factor = (left.s12 - left.s11 * mean) / (source.k - 2)
    q, typical, kept = _at_zero(source)
    sure &= kept & (left.s12 - left.s11 * mean > KEPT * left.s12)
    k = np.full(source.k, source.k - 1.0)
    found = refits_of(
        source,
        (centre + mean)[:, None],
        (1.0 / left.s10)[:, None, None],
        source.variance_factor(factor),
        t,
        q,
        typical,
        k,
    )
    rest = np.flatnonzero(~sure)
    if rest.size:
        alone = np.ones((rest.size, source.k), dtype=bool)
        alone[np.arange(rest.size), rest] = False
        anew = refit(source, alone)
        for name in CentredFits.__slots__:
            getattr(found, name)[rest] = getattr(anew, name)
    return found


def _fast(source: Source) -> bool:
    likely = source.X is None and source.method in ("REML", "ML") and source.k > 2
    return likely and not bool(is_wide(source.v))


def _terms(r: FloatArray, total: FloatArray) -> FloatArray:
    """Return wᵃrᵇ in the order of `Sums`, (9, …)."""
    out = np.empty((3, 3, *total.shape))
    w = np.divide(1.0, total, out=out[0, 0])
    np.multiply(w, w, out=out[1, 0])
    np.multiply(out[1, 0], w, out=out[2, 0])
    np.multiply(out[:, 0], r, out=out[:, 1])
    np.multiply(out[:, 1], r, out=out[:, 2])
    return out.reshape(9, *total.shape)


def _without(r: FloatArray, total: FloatArray) -> tuple[Sums, Mask]:
    """Return the sums without each study, over the last axis, and whether they keep their digits."""
    terms = _terms(r, total)
    whole = np.add.reduce(terms, axis=-1, keepdims=True)
    left = Sums(*(whole - terms))
    return left, _digits(left, Sums(*whole))


def _digits(left: Sums, whole: Sums) -> Mask:
    """Return where neither the weights nor the squares about the mean are a small remainder."""
    mean = left.s11 / left.s10
    about = left.s22 - mean * (2.0 * left.s21 - mean * left.s20)
    kept = (left.s10 > KEPT * whole.s10) & (left.s20 > KEPT * whole.s20)
    return np.asarray(kept & (about > KEPT * (whole.s22 + mean * mean * left.s20)))


def _gap(left: Sums, restricted: bool) -> tuple[FloatArray, FloatArray]:
    """Return h = tr P / y'PPy − 1 (with Σw for ML), negative where the likelihood rises, and its slope in τ²."""
    mean = left.s11 / left.s10
    up = left.s22 - mean * (2.0 * left.s21 - mean * left.s20)
    cross = left.s21 - mean * left.s20
    cubic = left.s32 - mean * (2.0 * left.s31 - mean * left.s30) - cross * cross / left.s10
    down, curvature = left.s10, left.s20
    if restricted:
        share = left.s20 / left.s10
        down = left.s10 - share
        curvature = left.s20 - 2.0 * left.s30 / left.s10 + share * share
    ratio = down / up
    return ratio - 1.0, (2.0 * cubic * ratio - curvature) / up


def _grid(source: Source) -> FloatArray:
    """Return 0, then powers of two times a quarter of the smallest variance up to a bound of all roots."""
    low = float(source.v.min()) / 4.0
    spread = float(np.ptp(source.y))
    bound = max(float(source.v.max()), 4.0 * spread * spread * source.k / (source.k - 2))
    count = max(2, math.ceil(math.log2(bound / low))) + 2
    return np.concatenate([[0.0], np.ldexp(low, np.arange(count))])


def _means(source: Source, t: FloatArray) -> FloatArray:
    w = 1.0 / (source.v + t[:, None])
    return np.asarray((w @ source.y) / np.add.reduce(w, axis=-1))


def _maxima(source: Source) -> tuple[FloatArray, FloatArray, Sums, Mask]:
    """Return τ² without each study, the centre of its sums, the sums there, and whether all that is certain."""
    restricted = source.method == "REML"
    grid = _grid(source)
    r = source.y - _means(source, grid)[:, None]
    left, kept = _without(r, source.v + grid[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        rising = _gap(left, restricted)[0] < 0
    turns = rising[:-1] & ~rising[1:]
    modes = turns.sum(axis=0) + ~rising[0]
    sure = np.asarray((modes == 1) & kept.all(axis=0))
    cells = np.where(rising[0], turns.argmax(axis=0), 0)
    t, centre = np.zeros(source.k), np.zeros(source.k)
    sums = np.ones((9, source.k))
    for cell in np.unique(cells[sure]):
        rows = np.flatnonzero(sure & (cells == cell))
        c = float(_means(source, np.array([(grid[cell] + grid[cell + 1]) / 2]))[0])
        t[rows], sums[:, rows], good = _polish(source, rows, c, grid[cell], grid[cell + 1], rising[0, rows])
        centre[rows], sure[rows] = c, good
    return t, centre, Sums(*sums), sure


def _polish(
    source: Source, rows: NDArray[np.intp], centre: float, low: float, high: float, inside: Mask
) -> tuple[FloatArray, FloatArray, Mask]:
    """Return the roots in one cell of the grid (0 where not ``inside``), the sums there, and whether they are found."""
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    r, v = source.y - centre, source.v
    nodes = (middle + half * _PLACES)[:, None]
    whole = np.add.reduce(_terms(np.broadcast_to(r, (NODES, r.size)), v + nodes), axis=-1)
    coefficients = whole @ _TO_COEFFICIENTS.T

    def left(t: FloatArray) -> FloatArray:
        all_of_them = chebyshev.chebvander((t - middle) / half, NODES - 1) @ coefficients.T
        return np.asarray(all_of_them.T - _terms(r[rows], v[rows] + t))

    lows, highs = np.full(rows.size, low), np.full(rows.size, high)
    t = np.where(inside, middle, 0.0)
    found = ~inside
    for _ in range(STEPS):
        if found.all():
            break
        h, slope = _gap(Sums(*left(t)), source.method == "REML")
        lows, highs = np.where(h < 0, t, lows), np.where(h > 0, t, highs)
        new = t - h / slope
        new = np.where((new > lows) & (new < highs) & (slope > 0), new, (lows + highs) / 2)
        new = np.where(found | (h == 0), t, new)
        found |= (np.abs(new - t) <= STOP * new) | (highs - lows <= STOP * highs)
        t = new
    return t, left(t), found


def _at_zero(source: Source) -> tuple[FloatArray, FloatArray, Mask]:
    """Return Q and the typical variance without each study, and whether they keep their digits."""
    r = source.y - _means(source, np.zeros(1))[0]
    left, kept = _without(r, source.v)
    q = left.s12 - left.s11 * left.s11 / left.s10
    typical = (source.k - 2) / (left.s10 - left.s20 / left.s10)
    return q, typical, np.asarray(kept & (q > KEPT * float(np.add.reduce(r * r / source.v))))
