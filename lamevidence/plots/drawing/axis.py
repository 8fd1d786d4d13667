"""The axis of a plot: its limits, its ticks and where a value stands, in points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...foundation.errors import OptionError
from ...foundation.numbers import fixed
from ...foundation.options import a_number, shown

__all__ = ["Scale", "check_limits", "limits", "tick_label", "ticks"]

_WIDE = 4.0
"""An interval this many times wider than the median one does not stretch the axis."""
_REACH = 4.0
"""Points and summaries stretch the axis each way by at most this many times the span of the bulk."""
_STEPS = (1.0, 2.0, 2.5, 5.0)
_MOST_TICKS, _MOST_LOG_TICKS = 7, 8


@dataclass(frozen=True, slots=True)
class Scale:
    """Values on a panel: ``low`` and ``high`` stand at ``left + pad`` and ``right - pad`` points."""

    low: float
    high: float
    left: float
    right: float
    pad: float
    log: bool = False

    def _position(self, value: float) -> float:
        if not self.log:
            return value
        return math.log(value) if value > 0 else -math.inf

    def x(self, value: float) -> float:
        """Return the place of a value, in points; infinite for a value beyond any axis."""
        a, b = self._position(self.low), self._position(self.high)
        share = (self._position(value) - a) / (b - a)
        return self.left + self.pad + share * (self.right - self.left - 2 * self.pad)

    def value(self, x: float) -> float:
        """Return the value at a place."""
        a, b = self._position(self.low), self._position(self.high)
        share = (x - self.left - self.pad) / (self.right - self.left - 2 * self.pad)
        position = a + share * (b - a)
        return math.exp(position) if self.log else position

    def holds(self, value: float) -> bool:
        """Return whether a value lies within the limits."""
        return self.low <= value <= self.high

    @property
    def edges(self) -> tuple[float, float]:
        """Values at the edges of the panel, outside the limits by the pad."""
        return self.value(self.left), self.value(self.right)


def check_limits(xlim: Sequence[float], log: bool) -> tuple[float, float]:
    """Return the limits given, or raise when they cannot be an axis."""
    if not isinstance(xlim, Sequence | np.ndarray) or isinstance(xlim, str | bytes) or len(xlim) != 2:
        raise OptionError(f"xlim={shown(xlim)} is not a pair · give (low, high), finite numbers with low < high")
    low, high = (a_number("a limit of xlim", v, least=-1e300, most=1e300) for v in xlim)
    if low >= high:
        raise OptionError(f"xlim={shown(xlim)} has no length · give (low, high) with low < high")
    if log and low <= 0:
        raise OptionError(f"xlim={shown(xlim)} reaches zero or below on a log axis · start above zero")
    return low, high


def _grown(core: tuple[float, float], extra: Sequence[float]) -> tuple[float, float]:
    """Stretch the core to the extra values, each way by no more than four times its own span."""
    low, high = core
    span = _REACH * (high - low)
    below = [v for v in extra if v < low]
    above = [v for v in extra if v > high]
    return (
        max(min(below, default=low), low - span),
        min(max(above, default=high), high + span),
    )


def _widen(low: float, high: float) -> tuple[float, float]:
    """Give an axis some length when all its values coincide."""
    if high - low > 1e-9 * max(1.0, abs(low), abs(high)) or (high > low and high - low > 1e-9 * abs(high)):
        return low, high
    half = abs(low) / 2 or 1.0
    return low - half, high + half


def limits(
    intervals: Sequence[tuple[float, float, float]],
    summaries: Sequence[tuple[float, float]],
    *,
    log: bool,
    null: float | None,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> tuple[float, float]:
    """Return axis limits that show the bulk of the data.

    Intervals (estimate, low, high) more than 4 times wider than the median do not count; summary
    intervals and the points of wide studies may stretch the axis each way by four times that length;
    everything beyond is drawn with an arrow. The null is inside.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        move = np.log if log else np.asarray
        rows = np.array([move(np.asarray(r, dtype=float)) for r in intervals], dtype=float).reshape(-1, 3)
        ends = np.array([move(np.asarray(r, dtype=float)) for r in summaries], dtype=float).reshape(-1)
    width = rows[:, 2] - rows[:, 1]
    known = np.isfinite(width)
    keep = known & (width <= _WIDE * np.median(width[known])) if known.any() else known
    core = rows[keep, 1:].ravel() if keep.any() else rows[np.isfinite(rows[:, 0]), 0]
    if core.size == 0:
        core = ends[np.isfinite(ends)]
    reference = [] if null is None else [math.log(null) if log else null]
    everything = [*core.tolist(), *reference] or [0.0, 1.0]
    span = _widen(min(everything), max(everything))
    # a point off the bulk gets room for its square and for the arrow that follows it
    room = 0.3 * (span[1] - span[0])
    points = [v + room * ((v > span[1]) - (v < span[0])) for v in rows[:, 0].tolist()]
    extra = [v for v in (*ends.tolist(), *points) if math.isfinite(v)]
    low, high = _grown(span, extra)
    if log:
        return math.exp(max(low, -700.0)), math.exp(min(high, 700.0))
    return max(low, bounds[0]), min(high, bounds[1])


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first <= 12:
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [float(f"{d}e{e}") for e in range(first, last + 1) for d in digits]
            found = [t for t in found if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
            if len(found) <= _MOST_LOG_TICKS:
                break
        if 3 <= len(found) <= _MOST_LOG_TICKS:
            return found
    step = max(1, math.ceil((last - first) / _MOST_TICKS))
    decades = [10.0**e for e in range(first, last + 1) if e % step == 0]
    decades = [t for t in decades if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
    return decades if len(decades) >= 2 else _linear_ticks(low, high)


def _linear_ticks(low: float, high: float) -> list[float]:
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    for step in (s * power * ten for ten in (1, 10, 100) for s in _STEPS):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= _MOST_TICKS:
            return [i * step for i in range(first, last + 1)]
    raise AssertionError("a step of 100 times the smallest always leaves fewer ticks")  # pragma: no cover


def ticks(low: float, high: float, *, log: bool = False) -> tuple[float, ...]:
    """Return 4 to 7 round values within the limits (fewer only where a log axis is very short).

    Examples
    --------
    >>> ticks(-16, 16)
    (-15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0)
    >>> ticks(0.1, 25, log=True)
    (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
    """
    return tuple(_log_ticks(low, high) if log else _linear_ticks(low, high))


def tick_label(value: float, values: Sequence[float], *, log: bool = False) -> str:
    """Return a tick's label; all labels of a linear axis have the same decimals."""
    if log:
        if value >= 1e6 or value < 1e-4:
            return f"1e{fixed(round(math.log10(value)), 0)}"
        return f"{value:.10g}"
    steps = np.diff(np.asarray(values)) if len(values) > 1 else np.array([abs(value) or 1.0])
    step = float(steps.min())
    decimals = 0
    while decimals < 12 and abs(round(step, decimals) - step) > 1e-6 * step:
        decimals += 1
    return fixed(value, decimals)
