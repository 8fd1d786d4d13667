"""What rounding can hide: the interval of results compatible with the printed digits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ...errors import InputError, OptionError
from ...options import a_number, shown
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

    Raises
    ------
    OptionError
        The rule is not a function.
    InputError
        A printed value is not a finite number, or its half-width is negative.

    Examples
    --------
    >>> from lamevidence.effects.recovery import sd_from_se
    >>> low, high = bounds(lambda se, n: float(sd_from_se(se, n)), (2.0, 0.5), 46)
    >>> round(low, 2), round(high, 2)
    (10.17, 16.96)
    """
    if not callable(rule):
        raise OptionError(f"rule={shown(rule)} is not a function · give one of as many numbers as are printed")
    ranges = []
    for item in printed:
        if isinstance(item, tuple) and len(item) != 2:
            raise InputError(f"{shown(item)} is not a number with the half-width of its rounding · give (value, half)")
        value, half = item if isinstance(item, tuple) else (item, 0.0)
        value = a_number("printed value", value, error=InputError)
        half = a_number("half-width", half, least=0, error=InputError)
        ranges.append((value - half, value + half) if half else (value,))
    results = [float(rule(*corner)) for corner in itertools.product(*ranges)]  # type: ignore[arg-type]
    return Interval(min(results), max(results))
