"""Small values that every chapter speaks of."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Interval"]


class Interval(NamedTuple):
    """A lower and an upper bound, on the scale of whatever it bounds."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """Upper minus lower bound."""
        return self.high - self.low

    def __contains__(self, x: object) -> bool:
        return isinstance(x, int | float) and self.low <= x <= self.high
