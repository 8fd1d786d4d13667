"""What rounding can hide: the interval of results compatible with the printed digits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ...errors import InputError
from ...values import Interval

__all__ = ["bounds"]


def bounds(rule: Callable[..., object], *printed: float | tuple[float, float]) -> Interval:
    """Return the range of a rule over all values that print like these.

    Parameters
    ----------
    rule
        A function of as many numbers, monotone in each of them over the rounding intervals (every rule of this
        chapter is, away from its singular points), so that its extremes lie at the corners.
    printed
        Each a number known exactly, or (value, half-width of its rounding interval).

    Examples
    --------
    >>> from lamevidence.effects.recovery import sd_from_se
    >>> low, high = bounds(lambda se, n: float(sd_from_se(se, n)), (2.0, 0.5), 46)
    >>> round(low, 2), round(high, 2)
    (10.17, 16.96)
    """
    ranges = []
    for item in printed:
        value, half = item if isinstance(item, tuple) else (item, 0.0)
        if not half >= 0:
            raise InputError(f"half-width {half!r} · give a number ≥ 0")
        ranges.append((value - half, value + half) if half else (value,))
    results = [float(rule(*corner)) for corner in itertools.product(*ranges)]  # type: ignore[arg-type]
    return Interval(min(results), max(results))
