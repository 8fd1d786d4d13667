"""A number on its way from print to estimate, carrying its cells, its steps and its rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product

from ...foundation.lineage import Lineage, Locator, Reported, Step
from ...foundation.units import convert, factor
from ...registry.records import PValue

__all__ = ["Cell", "Derived", "Traced", "corner_bounds", "printed_cell", "printed_p", "traced", "unit_step"]

Cell = tuple[str, str, Reported, Locator]


@dataclass(frozen=True, slots=True)
class Traced:
    """One number with everything behind it; ``bounds`` is what rounding of the print allows."""

    value: float
    bounds: tuple[float, float]
    cells: tuple[Cell, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """An estimate with its variance, sample size, sufficient statistics and lineage.

    ``caution`` is a sentence for under the answer, where what is printed gives a reason to doubt the estimate;
    ``design`` says what the row is in a joint question, column → 0 or 1.
    """

    yi: float
    vi: float
    lineage: Lineage
    n: float = float("nan")
    counts: Mapping[str, float] = field(default_factory=dict)
    caution: str = ""
    design: Mapping[str, float] = field(default_factory=dict)


def printed_cell(finding: str, name: str, number: Reported, at: Locator) -> Cell:
    """Return the lineage cell of a printed number."""
    return (finding, name, number, at)


def unit_step(source: str, target: str) -> tuple[Step, ...]:
    """Return the conversion step between two units, or none when they are the same."""
    if source == target:
        return ()
    ratio = factor(source, target)
    return (Step("unit", f"{source} × {float(ratio):.10g} → {target}", "exact factor"),)


def traced(finding: str, name: str, number: Reported, at: Locator, unit: str | None) -> Traced:
    """Return a printed number in ``unit``, with the interval of numbers that print like it."""
    value, half = float(number.value), float(number.rounding)
    cells = (printed_cell(finding, name, number, at),)
    if unit is None or number.unit is None or number.unit == unit:
        return Traced(value, (value - half, value + half), cells)
    scaled = [convert(x, number.unit, unit) for x in (value, value - half, value + half)]
    return Traced(scaled[0], (scaled[1], scaled[2]), cells, unit_step(number.unit, unit))


def printed_p(p: PValue) -> tuple[Reported, tuple[float, float]]:
    """Return a printed p value as a number in print, and the values that print like it, inside (0, 1)."""
    printed = Reported.printed(str(p.value))
    value, half = float(p.value), float(printed.rounding)
    return printed, (max(value - half, 1e-12), min(value + half, 1 - 1e-12))


def corner_bounds(rule: Callable[..., float], *intervals: tuple[float, float]) -> tuple[float, float]:
    """Return the smallest and largest value of a rule, monotone in each argument, over a box."""
    values = [rule(*corner) for corner in product(*intervals)]
    return min(values), max(values)
