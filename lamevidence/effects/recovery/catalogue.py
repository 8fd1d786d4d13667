"""What a recovery rule is, the catalogue of them, and what rounding of its input can hide."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...foundation.catalog import Catalog
from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_number, shown
from ...foundation.values import Interval

__all__ = ["RECOVERY", "Rule", "bounds", "rule"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that gives a number a paper does not print from those it does.

    Attributes
    ----------
    code
        Name of the rule, which is the name of its function.
    function
        The function; its docstring holds the conditions.
    needs, gives
        What it takes and what it returns, in words.
    formula
        Plain notation.
    reference
        Where it is published.
    assumption
        What it takes for granted, or None.
    """

    code: str
    function: Callable[..., Any]
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    formula: str
    reference: str
    assumption: str | None = None


RECOVERY: Catalog[Rule] = Catalog("recovery rule")


def rule(
    *, needs: str, gives: str, formula: str, reference: str, title: str, assumption: str | None = None
) -> Callable[[F], F]:
    """Return a decorator that files a function in `RECOVERY` under its own name."""

    def file(function: F) -> F:
        code = function.__name__
        entry = Rule(code, function, tuple(needs.split()), tuple(gives.split()), formula, reference, assumption)
        RECOVERY.register(code, title=title, reference=reference)(entry)
        return function

    return file


def bounds(rule: Callable[..., object], *printed: float | tuple[float, float]) -> Interval:
    """Return the range of a rule over all values that print like these.

    Parameters
    ----------
    rule
        A function of as many numbers, monotone in each of them over the rounding intervals (every rule of this
        chapter is, away from its singular points), so that its extremes lie at the corners.
    printed
        Each a number known exactly, or (value, half-width of its rounding interval).

    Returns
    -------
    Interval
        Smallest and largest value of the rule.

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
