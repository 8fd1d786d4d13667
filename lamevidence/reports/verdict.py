"""The sentences of an answer: what its interval shows, whether one study decides, whether the engines agree.

Each sentence is a function of numbers alone, never of a P value, so that it can be tried with numbers that make it true
and numbers that make it false.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..foundation.values import Interval

__all__ = ["Said", "differ", "verdict", "widest_without"]

MOVED = 0.5
"""Two middles differ when they are further apart than this share of the narrower interval's half width."""
WIDER = 2.0
"""Two intervals differ when one is wider than this many times the other."""


@dataclass(frozen=True, slots=True)
class Said:
    """A middle and its interval, as a reader sees them; ``log`` compares them on the logarithm."""

    middle: float
    interval: Interval
    log: bool = False

    def scaled(self) -> tuple[float, float, float]:
        """Return middle, low and high on the scale on which distances mean the same everywhere."""
        numbers = (self.middle, *self.interval)
        if not self.log:
            return numbers
        return tuple(math.log(x) if x > 0 else -math.inf for x in numbers)  # type: ignore[return-value]

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        _, low, high = self.scaled()
        return (high - low) / 2


def side(interval: Interval, null: float) -> int:
    """Return 1 when the whole interval lies above a value, −1 when below, 0 when it holds the value."""
    return 1 if interval.low > null else -1 if interval.high < null else 0


def verdict(interval: Interval, null: float | None, higher_is: str, compared: bool) -> str:
    """Return what an interval shows of an effect.

    Parameters
    ----------
    interval
        As a reader sees it.
    null
        The value of no effect; None where the number is no effect (a proportion, a mean).
    higher_is
        ``better``, ``worse`` or anything else.
    compared
        Whether arms are compared; a mean of one arm shows a rise or a fall, not a benefit or a harm.
    """
    if null is None:
        return ""
    above = side(interval, null)
    if higher_is in ("better", "worse"):
        good = 1 if higher_is == "better" else -1
        names = ("a benefit", "a harm") if compared else ("an improvement", "a decline")
    else:
        good, names = 1, ("a higher value", "a lower value") if compared else ("a rise", "a fall")
    if above == 0:
        return f"neither {names[0]} nor {names[1]} is shown, nor is either excluded"
    shown, excluded = names if above == good else names[::-1]
    return f"{shown} is shown, {excluded} is excluded"


def differ(one: Said, other: Said, null: float | None) -> tuple[str, ...]:
    """Return in which respects two results differ: ``side``, ``middle``, ``width``; empty when they agree.

    Parameters
    ----------
    one, other
        Results of the same rows.
    null
        The value of no effect, where there is one.
    """
    found = []
    if null is not None and side(one.interval, null) != side(other.interval, null):
        found.append("side")
    narrow, wide = sorted((one.half, other.half))
    if not abs(one.scaled()[0] - other.scaled()[0]) <= MOVED * narrow:
        found.append("middle")
    if not wide <= WIDER * narrow:
        found.append("width")
    return tuple(found)


def widest_without(whole: Said, without: dict[str, Said]) -> str:
    """Return the study without which the interval is less than half as wide, the most so; empty when there is none."""
    halves = {study: said.half for study, said in without.items()}
    if not halves:
        return ""
    study = min(halves, key=lambda name: halves[name])
    return study if halves[study] * WIDER < whole.half else ""
