"""Smallest and largest values of several functions over a box: ends of each side, then random points that object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...effects.measures.base import FloatArray

__all__ = ["Extremes", "Objective", "search_box"]

Objective = Callable[[FloatArray], FloatArray]
"""Points (m, d) → values (m, c)."""

SWEEPS = 20
"""More rounds than a search over corners was ever seen to need."""


@dataclass(frozen=True, slots=True, eq=False)
class Extremes:
    """What was found.

    Attributes
    ----------
    points
        Where the smallest and the largest value of each function lie, (c, 2, d).
    values
        These values, (c, 2).
    beyond
        Random points beyond what the search over the sides had found; these were searched from again.
    """

    points: FloatArray
    values: FloatArray
    beyond: int


@dataclass(slots=True, eq=False)
class _Search:
    f: Objective
    grid: FloatArray
    points: FloatArray
    values: FloatArray

    def offer(self, points: FloatArray, values: FloatArray) -> set[int]:
        """Take every point that is better for a target; return the targets that moved."""
        moved = set()
        for target in range(self.values.size):
            c, end = divmod(target, 2)
            column = values[:, c] if end else -values[:, c]
            best = int(np.nanargmax(column)) if np.isfinite(column).any() else -1
            held = self.values[c, end] if end else -self.values[c, end]
            if best >= 0 and column[best] > held + 1e-12 * abs(held):
                self.points[c, end], self.values[c, end] = points[best], values[best, c]
                moved.add(target)
        return moved

    def climb(self, targets: set[int]) -> None:
        """Move one side at a time, and all sides that gain at once, until nothing gains."""
        d = self.grid.shape[1]
        for _ in range(SWEEPS):
            if not targets:
                return
            tried = []
            for target in sorted(targets):
                base = self.points[divmod(target, 2)]
                steps = np.repeat(base[None], self.grid.shape[0] * d, axis=0)
                steps[np.arange(steps.shape[0]), np.tile(np.arange(d), self.grid.shape[0])] = self.grid.ravel()
                tried.append((target, steps))
            values = self.f(np.concatenate([steps for _, steps in tried]))
            jumps, at = [], 0
            for target, steps in tried:
                jumps.append(self._jump(target, steps, values[at : at + len(steps)]))
                at += len(steps)
            everything = np.concatenate([*(steps for _, steps in tried), np.array(jumps)])
            targets = self.offer(everything, np.concatenate([values, self.f(np.array(jumps))]))

    def _jump(self, target: int, steps: FloatArray, values: FloatArray) -> FloatArray:
        """Return the point with every side at its best value of the single steps."""
        c, end = divmod(target, 2)
        n, d = self.grid.shape
        gains = (values[:, c] if end else -values[:, c]).reshape(n, d)
        base = self.values[c, end] if end else -self.values[c, end]
        best = np.nanargmax(np.where(np.isfinite(gains), gains, -np.inf), axis=0)
        better = gains[best, np.arange(d)] > base
        return np.asarray(np.where(better, self.grid[best, np.arange(d)], self.points[c, end]))


def search_box(
    f: Objective,
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
    more: FloatArray,
    *,
    levels: int,
    draws: int,
    seed: int,
) -> Extremes:
    """Return the extremes of every function over a box.

    Parameters
    ----------
    f
        Points (m, d) → values (m, c); NaN where there is none.
    low, high, start
        Sides of the box and a point in it, (d,).
    more
        Further points to begin at, (m, d).
    levels
        Values tried along each side, ends included.
    draws, seed
        Random points, half of them corners, that the result has to stand.
    """
    first = np.concatenate([start[None], more])
    values = f(first)
    c, d = values.shape[1], low.size
    points = np.tile(start, (c, 2, 1))
    search = _Search(f, np.linspace(low, high, levels), points, np.repeat(values[0][:, None], 2, axis=1))
    if d == 0:
        return Extremes(search.points, search.values, 0)
    search.offer(first, values)
    search.climb(set(range(2 * c)))
    random = np.random.default_rng(seed)
    share = random.random((draws, d))
    corners = draws // 2
    share[:corners] = np.round(share[:corners])
    drawn = low + share * (high - low)
    found = f(drawn) if draws else np.empty((0, c))
    with np.errstate(invalid="ignore"):
        width = np.ptp(search.values, axis=1)
        out = (found < search.values[:, 0] - 1e-9 * width) | (found > search.values[:, 1] + 1e-9 * width)
    beyond = int(out.any(axis=1).sum())
    if draws:
        search.climb(search.offer(drawn, found))
    return Extremes(search.points, search.values, beyond)
