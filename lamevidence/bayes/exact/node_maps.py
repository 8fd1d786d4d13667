"""Where nodes lie on a line: close together around one centre or several, ever farther apart away from them.

t(x) = (1/C) Σ asinh((x − c)/w): with one centre the sinh map, with several each mode has nodes of its own. The map is
analytic, so that the trapezoidal rule in t converges geometrically, and each row (each value of τ) has its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray

__all__ = ["BROAD", "NodeMap"]

BROAD = 2.0
"""A law whose nodes these are has a standard deviation of its width over this: its middle then takes fewer nodes."""

_ROUNDS = 80


@dataclass(frozen=True, slots=True, eq=False)
class NodeMap:
    """Centres and widths of each row, (J, C); a centre may stand more than once."""

    centre: FloatArray
    width: FloatArray

    def __getitem__(self, rows: slice | NDArray[np.intp] | NDArray[np.bool_]) -> NodeMap:
        """Return the map of some rows."""
        return NodeMap(self.centre[rows], self.width[rows])

    @property
    def single(self) -> bool:
        """Whether every row has one centre."""
        return bool(self.centre.shape[1] == 1)

    @property
    def narrowest(self) -> FloatArray:
        """Standard deviation of the narrowest part of each row's law, (J,)."""
        return np.asarray(self.width.min(axis=1) / BROAD)

    def nodes(self, t: FloatArray) -> FloatArray:
        """X at ``t`` (M,), in every row, (J, M)."""
        parts = self.centre[:, None, :] + self.width[:, None, :] * np.sinh(t)[None, :, None]
        if self.single:
            return np.asarray(parts[..., 0])
        # the mean of the asinh is t: x lies between what each alone would give
        low, high = parts.min(axis=2), parts.max(axis=2)
        x = 0.5 * (low + high)
        for _ in range(_ROUNDS):
            scaled = (x[..., None] - self.centre[:, None]) / self.width[:, None]
            gap = np.arcsinh(scaled).mean(axis=2) - t
            rise = (1.0 / (self.width[:, None] * np.sqrt(1.0 + scaled * scaled))).mean(axis=2)
            low, high = np.where(gap > 0.0, low, x), np.where(gap > 0.0, x, high)
            trial = x - gap / rise
            new = np.where((trial >= low) & (trial <= high), trial, 0.5 * (low + high))
            done = np.abs(new - x) * rise < 1e-14 * (1.0 + np.abs(t))
            x = new
            if done.all():
                break
        return np.asarray(x)

    def place(self, row: int | np.intp, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """T at ``x`` and dt/dx there, in one row."""
        c, w = self.centre[row], self.width[row]
        if self.single:
            scaled = (x - c[0]) / w[0]
            return np.asarray(np.arcsinh(scaled)), np.asarray(1.0 / (w[0] * np.sqrt(1.0 + scaled * scaled)))
        scaled = (x[..., None] - c) / w
        return (
            np.asarray(np.arcsinh(scaled).mean(axis=-1)),
            np.asarray((1.0 / (w * np.sqrt(1.0 + scaled * scaled))).mean(axis=-1)),
        )

    def places(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """T at ``x`` (J, …, n) and dt/dx there, row by row."""
        shape = (-1, *(1,) * (x.ndim - 1))
        parts = []
        for c, w in zip(self.centre.T, self.width.T, strict=True):
            scaled = x - c.reshape(shape)
            scaled /= w.reshape(shape)
            place = np.arcsinh(scaled)
            scaled *= scaled
            scaled += 1.0
            np.sqrt(scaled, out=scaled)
            scaled *= w.reshape(shape)
            parts.append((place, np.divide(1.0, scaled, out=scaled)))
        if self.single:
            return parts[0]
        total, rise = (np.asarray(sum(found)) for found in zip(*parts, strict=True))
        return total / len(parts), rise / len(parts)

    def slope(self, x: FloatArray) -> FloatArray:
        """Return dt/dx at ``x`` (J, M), row by row."""
        scaled = (x[..., None] - self.centre[:, None]) / self.width[:, None]
        return np.asarray((1.0 / (self.width[:, None] * np.sqrt(1.0 + scaled * scaled))).mean(axis=2))
