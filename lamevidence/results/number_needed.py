"""Numbers needed to treat: the reciprocal of a difference of risks, whose interval may pass through infinity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..foundation.numbers import fixed
from ..foundation.values import Interval

__all__ = ["NumberNeeded", "number_needed"]

Side: TypeAlias = Literal["benefit", "harm", "fewer", "more"]

_SHORT = {"benefit": "NNTB", "harm": "NNTH"}
_ROUNDING = 1e-9
"""A reciprocal this close above a whole number is that number: 1/0.1 is 10, not 11."""


@dataclass(frozen=True, slots=True)
class NumberNeeded:
    """How many patients are treated for one event fewer or more, with its interval.

    Where the difference may be none, the interval of the number needed runs from one bound through infinity to a bound
    on the other side; it is never written as an ordinary interval.

    Attributes
    ----------
    number, side
        1/|difference|, and what it counts: ``benefit`` or ``harm`` where it is known which way is good, else one event
        ``fewer`` or ``more``. Infinite where the difference is 0.
    start, start_side
        The bound on the side of ``number``: the smallest number needed that the interval holds there.
    end, end_side
        The other bound.
    through_infinity
        Whether the interval of the difference holds 0.
    noun
        ``NNT``, or ``patient-years`` for rates.

    References
    ----------
    Altman 1998, doi:10.1136/bmj.317.7168.1309.
    """

    number: float
    side: Side
    start: float
    start_side: Side
    end: float
    end_side: Side
    through_infinity: bool
    noun: str = "NNT"

    def words(self, percent: str, name: str) -> str:
        """Return ``NNTB 10 (95% CI NNTB 4 to ∞ to NNTH 20)``; numbers are rounded up, as is the custom.

        Parameters
        ----------
        percent, name
            Level and name of the interval: ``95%``, ``CI``.
        """
        if self.through_infinity:
            bounds = f"{self._one(self.start, self.start_side)} to ∞ to {self._one(self.end, self.end_side)}"
        else:
            bounds = f"{self._number(self.start)} to {self._number(self.end)}"
        first = self._one(self.number, self.side)
        return f"{first if first.startswith('NNT') else f'{self.noun} {first}'} ({percent} {name} {bounds})"

    def _one(self, number: float, side: Side) -> str:
        if side in _SHORT:
            return f"{_SHORT[side]} {self._number(number)}"
        return f"{self._number(number)} for one event {side}"

    def _number(self, number: float) -> str:
        """Return a number of patients rounded up, of patient-years with two significant digits."""
        if math.isinf(number):
            return "∞"
        if self.noun == "NNT":
            return f"{math.ceil(number * (1 - _ROUNDING)):.0f}"
        return fixed(number, max(0, 1 - math.floor(math.log10(number))))


def number_needed(difference: float, interval: Interval, higher_is: str, noun: str = "NNT") -> NumberNeeded:
    """Return the number needed to treat of a difference of risks (or of rates per patient-year).

    Parameters
    ----------
    difference, interval
        With treatment minus without.
    higher_is
        Whether an event is ``better`` or ``worse``; anything else leaves open which side is the benefit.
    noun
        What is counted. Patient-years are counted for one event fewer or more, whichever is good.
    """
    down, up = _sides(higher_is if noun == "NNT" else "")
    low, high = interval
    own = down if difference < 0 or (difference == 0 and down in ("benefit", "fewer")) else up
    holds_none = low <= 0 <= high
    if not holds_none:
        start, end = (low, high) if own == down else (high, low)
        return NumberNeeded(_inverse(difference), own, _inverse(start), own, _inverse(end), own, False, noun)
    start, end = (low, high) if own == down else (high, low)
    other = up if own == down else down
    return NumberNeeded(_inverse(difference), own, _inverse(start), own, _inverse(end), other, True, noun)


def _sides(higher_is: str) -> tuple[Side, Side]:
    """Return what a lower and what a higher risk mean."""
    if higher_is == "worse":
        return "benefit", "harm"
    return ("harm", "benefit") if higher_is == "better" else ("fewer", "more")


def _inverse(difference: float) -> float:
    return 1 / abs(difference) if difference else math.inf
