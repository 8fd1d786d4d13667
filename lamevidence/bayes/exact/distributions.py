"""What every prior and every posterior of a number can be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, overload

import numpy as np
from numpy.typing import ArrayLike

from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_choice, a_level, shown
from ...foundation.values import Interval

__all__ = ["Distribution", "Improper", "WithoutMoments", "places"]

_SCAN = 41
"""Positions of the lower end tried before the shortest interval is refined."""
_ZOOMS = 12
"""Each zoom narrows the bracket tenfold."""


def places(name: str, given: ArrayLike) -> FloatArray:
    """Return numbers at which a distribution is asked; infinities are places, NaN is none.

    Raises
    ------
    InputError
        Something that is not a number, or NaN.
    """
    x = floats(given, name, "give a number, or numbers in an array")
    if np.isnan(x).any() or isinstance(given, str):
        raise InputError(f"{name}={shown(given)} is not a number · give a number, or numbers in an array")
    return x


class Distribution(ABC):
    """A distribution of one real number: density, distribution function, quantiles and intervals.

    A mean or a standard deviation that does not exist is ``inf`` or ``nan``, and `moment_note` says why.
    """

    __slots__ = ()

    unit: str | None
    """Unit of the number, None for a pure number."""

    @property
    def support(self) -> Interval:
        """Where the density can be positive."""
        return Interval(-np.inf, np.inf)

    @property
    @abstractmethod
    def mean(self) -> float:
        """Mean."""

    @property
    @abstractmethod
    def sd(self) -> float:
        """Standard deviation."""

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite or undefined; empty when both moments exist."""
        return ""

    @abstractmethod
    def _pdf(self, x: FloatArray) -> FloatArray:
        """Density at ``x``, any shape."""

    @abstractmethod
    def _cdf(self, x: FloatArray) -> FloatArray:
        """Distribution function at ``x``, any shape."""

    @abstractmethod
    def _quantile(self, p: FloatArray) -> FloatArray:
        """Inverse of the distribution function, any shape."""

    @overload
    def pdf(self, x: float) -> float: ...
    @overload
    def pdf(self, x: ArrayLike) -> float | FloatArray: ...
    def pdf(self, x: ArrayLike) -> float | FloatArray:
        """Return the density at ``x``."""
        # far out a square overflows, and the density is 0
        with np.errstate(over="ignore"):
            return _as_given(self._pdf(places("x", x)))

    @overload
    def cdf(self, x: float) -> float: ...
    @overload
    def cdf(self, x: ArrayLike) -> float | FloatArray: ...
    def cdf(self, x: ArrayLike) -> float | FloatArray:
        """Return the probability of a value up to ``x``."""
        with np.errstate(over="ignore"):
            return _as_given(self._cdf(places("x", x)))

    @overload
    def quantile(self, p: float) -> float: ...
    @overload
    def quantile(self, p: ArrayLike) -> float | FloatArray: ...
    def quantile(self, p: ArrayLike) -> float | FloatArray:
        """Return the value that is not exceeded with probability ``p``.

        Raises
        ------
        InputError
            A probability outside [0, 1].
        """
        q = places("p", p)
        if not np.all((q >= 0.0) & (q <= 1.0)):
            raise InputError(f"p={shown(p)}: a quantile needs probabilities between 0 and 1 · for 95 % give 0.95")
        low, high = self.support
        inner = (q > 0.0) & (q < 1.0)
        out = np.where(q <= 0.0, low, high)
        out[inner] = self._inner(q[inner])
        return _as_given(out)

    @property
    def median(self) -> float:
        """Median."""
        return float(self._inner(np.array([0.5]))[0])

    def _inner(self, p: FloatArray) -> FloatArray:
        """Quantiles strictly between 0 and 1."""
        # a tail may reach beyond what a double holds: inf
        with np.errstate(over="ignore", divide="ignore"):
            return self._quantile(p)

    @property
    def mode(self) -> float:
        """The value where the density is highest."""
        low, high = self.support
        p = np.linspace(0.002, 0.998, 167)
        grid = self._quantile(p)
        ends = [x for x in (low, high) if np.isfinite(x)]
        grid = np.unique(np.concatenate([grid, ends]))
        for _ in range(_ZOOMS):
            height = self._pdf(grid)
            top = int(np.argmax(height))
            if not np.isfinite(height[top]):
                return float(grid[top])
            a, b = grid[max(top - 1, 0)], grid[min(top + 1, grid.size - 1)]
            if b - a <= 1e-12 * max(abs(a), abs(b)):
                break
            grid = np.linspace(a, b, 21)
        return float(grid[int(np.argmax(self._pdf(grid)))])

    def prob(self, low: float = -np.inf, high: float = np.inf) -> float:
        """Return the probability of a value between ``low`` and ``high``.

        Raises
        ------
        InputError
            Not two numbers, or the lower above the upper.
        """
        ends = np.stack(np.broadcast_arrays(places("low", low), places("high", high)))
        if ends.shape != (2,) or ends[0] > ends[1]:
            raise InputError(f"low={shown(low)}, high={shown(high)} is not a range · give low ≤ high")
        below = self._cdf(ends)
        return float(below[1] - below[0])

    def interval(self, level: float = 0.95, kind: str = "central") -> Interval:
        """Return an interval that holds ``level`` of the probability.

        Parameters
        ----------
        level
            Probability inside.
        kind
            ``central`` leaves the same probability out on either side; ``shortest`` is the narrowest
            single interval, whose ends have the same density unless one lies at the edge of the support.

        Raises
        ------
        OptionError
            A level outside (0, 1), or another kind.
        """
        level = a_level(level)
        if a_choice("kind of interval", kind, ("central", "shortest")) == "shortest":
            return self._shortest(level)
        low, high = self._inner(np.array([(1 - level) / 2, (1 + level) / 2]))
        return Interval(float(low), float(high))

    def _ends(self, below: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
        """Ends of the intervals that leave out ``below`` on the left."""
        edge_low, edge_high = self.support
        inner = np.clip(below, 1e-300, None)
        above = np.minimum(below + level, 1.0 - 1e-16)
        both = self._quantile(np.concatenate([inner, above]))
        low, high = both[: below.size], both[below.size :]
        low = np.where(below <= 0.0, edge_low, low)
        high = np.where(below >= 1.0 - level, edge_high, high)
        return low, high

    def _shortest(self, level: float) -> Interval:
        rest = 1.0 - level
        bounds = [1e-9 * rest, (1 - 1e-9) * rest]
        if np.isfinite(self.support.low):
            bounds[0] = 0.0
        if np.isfinite(self.support.high):
            bounds[1] = rest
        grid = np.linspace(bounds[0], bounds[1], _SCAN)
        low, high = self._ends(grid, level)
        best = int(np.argmin(high - low))
        left, right = max(best - 1, 0), min(best + 1, _SCAN - 1)
        found = self._equal_density(low[[left, right]], level)
        if found is not None:
            return found
        for _ in range(_ZOOMS):
            grid = np.linspace(grid[left], grid[right], 11)
            low, high = self._ends(grid, level)
            best = int(np.argmin(high - low))
            left, right = max(best - 1, 0), min(best + 1, 10)
            if grid[right] - grid[left] <= 1e-11 * rest:
                break
        return Interval(float(low[best]), float(high[best]))

    def _equal_density(self, bracket: FloatArray, level: float) -> Interval | None:
        """Root of f(low) = f(high) on the bracketed lower end, None when the edge of the support wins."""
        a, b = float(bracket[0]), float(bracket[1])

        def gap(lows: FloatArray) -> tuple[FloatArray, FloatArray]:
            highs = self._quantile(np.minimum(self._cdf(lows) + level, 1 - 1e-16))
            return self._pdf(highs) - self._pdf(lows), highs

        if not (np.isfinite(a) and np.isfinite(b) and b > a):
            return None
        ends, _ = gap(np.array([a, b]))
        if not (np.all(np.isfinite(ends)) and ends[0] > 0.0 > ends[1]):
            return None
        lows = np.linspace(a, b, 17)
        for _ in range(_ZOOMS):
            values, highs = gap(lows)
            i = int(np.argmax(values <= 0.0))
            if i == 0 or lows[i] - lows[i - 1] <= 1e-11 * (highs[i] - lows[i]):
                break
            lows = np.linspace(lows[i - 1], lows[i], 17)
        i = max(i, 1)
        share = values[i - 1] / (values[i - 1] - values[i])
        low = lows[i - 1] + share * (lows[i] - lows[i - 1])
        high = self._quantile(np.minimum(self._cdf(np.array([low])) + level, 1 - 1e-16))[0]
        return Interval(float(low), float(high))


class WithoutMoments(Distribution):
    """A tail so heavy that neither moment is finite."""

    __slots__ = ()

    @property
    def mean(self) -> float:
        """Infinite."""
        return float("inf")

    @property
    def sd(self) -> float:
        """Infinite."""
        return float("inf")


class Improper(Distribution):
    """A density that does not integrate: whatever needs its integral is refused."""

    __slots__ = ()

    _instead: ClassVar[str] = "a proper prior"

    def _no(self) -> OptionError:
        return OptionError(
            f"{self!r} is improper: it has no distribution function, quantiles or moments · use {self._instead}"
        )

    def _cdf(self, x: FloatArray) -> FloatArray:
        raise self._no()

    def _quantile(self, p: FloatArray) -> FloatArray:
        raise self._no()

    @property
    def mean(self) -> float:
        """Does not exist."""
        raise self._no()

    @property
    def sd(self) -> float:
        """Does not exist."""
        raise self._no()


def _as_given(x: FloatArray) -> float | FloatArray:
    return float(x) if x.ndim == 0 else x
