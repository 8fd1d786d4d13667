"""Quantiles of any distribution with a distribution function and a density, many probabilities at once.

A start comes from a table, by Hermite interpolation over the normal quantile of its probabilities, in which most laws
are nearly straight lines; two Newton steps then give all digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray

__all__ = ["Ladder", "Law", "Starts", "invert", "ladder", "remembered"]

Law = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""x (n,) → distribution function and density there."""

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_EDGE = 1e-12
"""Probabilities this near 0 or 1 are not tabulated."""
_USUAL = (0.5, 0.5 * (1.0 - 0.95), 0.5 * (1.0 + 0.95))
"""Worked out with the first quantile that is asked: three cost what one costs."""


class Starts(NamedTuple):
    """Which probabilities lie within a table; for these a start and the ends of its cell."""

    inside: FloatArray
    start: FloatArray
    low: FloatArray
    high: FloatArray


class Ladder(NamedTuple):
    """Rungs x with their normal quantiles z, both increasing, and dx/dz."""

    x: FloatArray
    z: FloatArray
    slope: FloatArray

    def starts(self, p: FloatArray) -> Starts:
        """Start for each probability."""
        z = special.ndtri(p)
        if self.z.size < 2:
            return Starts(np.zeros(p.size, dtype=bool), z, z, z)
        cell = self.z.searchsorted(z) - 1
        inside = (cell >= 0) & (cell < self.z.size - 1)
        i = np.minimum(np.maximum(cell, 0), self.z.size - 2)
        low, high, gap = self.x[i], self.x[i + 1], self.z[i + 1] - self.z[i]
        u = (z - self.z[i]) / gap
        rise, a, b = high - low, gap * self.slope[i], gap * self.slope[i + 1]
        start = low + u * (a + u * (3.0 * rise - 2.0 * a - b + u * (a + b - 2.0 * rise)))
        return Starts(inside, start, low, high)


def ladder(x: FloatArray, below: FloatArray, density: FloatArray) -> Ladder:
    """Return the table of those increasing ``x`` where the distribution function ``below`` has digits either side."""
    good = (below > _EDGE) & (below < 1.0 - _EDGE) & (density > 0.0)
    x, below, density = x[good], below[good], density[good]
    if not (below[1:] > below[:-1]).all():
        # steps that rounding took back: nothing that Newton could start from
        x, below, density = x[:0], below[:0], density[:0]
    z = special.ndtri(below)
    return Ladder(x, z, np.exp(-0.5 * z * z) / (_ROOT_2PI * density))


def remembered(memory: dict[float, float], p: FloatArray, solve: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return the quantiles that ``solve`` gives; median and ends of 95 % are kept, whichever is asked first.

    They are always worked out together and without others, so that no digit depends on what was asked before.
    """
    if p.size > len(_USUAL):
        return solve(p)
    asked = p.tolist()
    if not memory and any(x in _USUAL for x in asked):
        memory.update(zip(_USUAL, solve(np.array(_USUAL)).tolist(), strict=True))
    rest = [x for x in asked if x not in memory]
    found = dict(zip(rest, solve(np.array(rest)).tolist(), strict=True)) if rest else {}
    return np.array([memory[x] if x in memory else found[x] for x in asked])


def invert(law: Law, p: FloatArray, low: FloatArray, high: FloatArray, start: FloatArray, spread: float) -> FloatArray:
    """Return x with distribution function p for each p, by Newton steps kept inside a shrinking bracket.

    A step that leaves the bracket is replaced by its middle on an asinh scale around ``start``, so that a bracket
    over hundreds of decades (heavy tails) closes in a few dozen steps. Newton's steps shrink quadratically: they end
    when the next one, d³/d₋₁², would be below rounding.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found, sure = _two_steps(law, p, low, high, start, spread)
        return found if sure else _safeguarded(law, p, low, high, start, spread)


def _two_steps(
    law: Law, p: FloatArray, low: FloatArray, high: FloatArray, start: FloatArray, spread: float
) -> tuple[FloatArray, bool]:
    """Newton's first two steps, and whether they were enough for every probability."""
    below, density = law(start)
    first = (p - below) / density
    x = start + first
    below, density = law(x)
    second = (p - below) / density
    x = x + second
    near = 2e-14 * np.maximum(np.abs(x), spread)
    second = np.abs(second)
    small = (second**3 <= near * first * first) | (second <= near)
    return x, bool((small & (x >= low) & (x <= high)).all())


def _safeguarded(
    law: Law, p: FloatArray, low: FloatArray, high: FloatArray, start: FloatArray, spread: float
) -> FloatArray:
    out = np.minimum(np.maximum(start, low), high)
    todo = np.arange(p.size)
    x, a, b, centre, last = out, low, high, out, np.zeros(p.size)
    for _ in range(200):
        value, density = law(x)
        value = value - p
        over = value > 0.0
        a, b = np.where(over, a, x), np.where(over, x, b)
        step = value / density
        trial = x - step
        size = np.abs(step)
        near = 2e-14 * np.maximum(np.abs(trial), spread)
        within = (trial > a) & (trial < b)
        done = (size <= near) | (value == 0.0) | (within & (size**3 <= near * last * last)) | (b - a <= near)
        trial = np.minimum(np.maximum(trial, a), b)
        lost = ~(within | done)
        if lost.any():
            c = centre[lost]
            ends = np.arcsinh((a[lost] - c) / spread) + np.arcsinh((b[lost] - c) / spread)
            trial[lost], size[lost] = c + spread * np.sinh(0.5 * ends), 0.0
        out[todo] = np.where(value == 0.0, x, trial)
        if done.all():
            break
        left = ~done
        todo, p, x, a, b, centre, last = (c[left] for c in (todo, p, trial, a, b, centre, size))
    return out
