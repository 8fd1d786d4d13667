"""Where a number comes from: the printed cell, and each step from there to the estimate."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from .printable import one_line

__all__ = ["Lineage", "Locator", "Reported", "Step", "half_width"]


def half_width(value: Decimal) -> Decimal:
    """Return half a unit in the last printed digit, the most that rounding can hide.

    Examples
    --------
    >>> from decimal import Decimal
    >>> half_width(Decimal("-12"))
    Decimal('0.5')
    >>> half_width(Decimal("16.11"))
    Decimal('0.005')
    """
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is not a finite number")
    return Decimal((0, (5,), exponent - 1))


@dataclass(frozen=True, slots=True)
class Reported:
    """A number exactly as printed.

    Attributes
    ----------
    value
        The printed digits, trailing zeros kept.
    unit
        Unit symbol of the vocabulary (``mL/month``), or None for a pure number.
    rounding
        Half-width of the interval of numbers that print like this.
    """

    value: Decimal
    unit: str | None = None
    rounding: Decimal = Decimal(0)

    @classmethod
    def printed(cls, text: str, unit: str | None = None) -> Reported:
        """Return the number that a source prints as ``text``."""
        value = Decimal(text)
        return cls(value, unit, half_width(value))

    def __float__(self) -> float:
        return float(self.value)


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a source prints a number.

    Attributes
    ----------
    source
        Key of the publication within its study record.
    page, table, row, column, figure, section
        The place; at least one besides ``source`` is given.
    printed
        The cell as the source prints it, a few characters ("-12±2").
    digitised
        True when the value was read off a figure.
    """

    source: str
    page: str | None = None
    table: str | None = None
    row: str | None = None
    column: str | None = None
    figure: str | None = None
    section: str | None = None
    printed: str | None = None
    digitised: bool = False

    def __str__(self) -> str:
        parts = [self.source]
        if self.page:
            parts.append(f"p. {self.page}")
        if self.table:
            parts.append(f"Table {self.table}")
        if self.figure:
            parts.append(f"Figure {self.figure}")
        if self.section:
            parts.append(self.section)
        if self.row:
            parts.append(f"row {self.row}")
        if self.column:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a derivation, in words, with its formula and its source.

    Attributes
    ----------
    rule
        Code of the recovery rule or conversion (``se_from_sd``, ``unit``).
    text
        What was done, with the numbers: ``75 / √47 = 10.94``.
    formula, reference
        The formula in plain notation and where it is published.
    assumption
        What had to be assumed, or None.
    """

    rule: str
    text: str
    formula: str = ""
    reference: str = ""
    assumption: str | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """All printed cells behind one estimate and all steps from them to it.

    Attributes
    ----------
    study
        Study id.
    cells
        (finding id, field, printed number, locator) for every printed number used.
    steps
        The derivation, in order.
    yi_bounds
        Smallest and largest ``yi`` compatible with the rounding of the printed cells, if known.
    vi_bounds
        The same for ``vi``.
    origin
        What can derive the estimate again from other numbers, None where nothing can; no part of what is compared.
    """

    study: str
    cells: tuple[tuple[str, str, Reported, Locator], ...] = ()
    steps: tuple[Step, ...] = field(default=())
    yi_bounds: tuple[float, float] | None = None
    vi_bounds: tuple[float, float] | None = None
    origin: object = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        lines = [self.study]
        for finding, name, number, at in self.cells:
            unit = f" {number.unit}" if number.unit else ""
            lines.append(f"  printed  {name} = {number.value}{unit}  [{finding}; {at}]")
        for step in self.steps:
            formula = f"  ({step.formula})" if step.formula else ""
            lines.append(f"  {step.rule:<8} {step.text}{formula}")
            if step.assumption:
                lines.append(f"           assumes {step.assumption}")
        return "\n".join(map(one_line, lines))
