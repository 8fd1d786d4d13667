"""Units: a closed set with exact factors; a conversion across dimensions never happens silently."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .errors import InputError, UnitMismatch, UnknownName
from .options import a_choice, a_number

__all__ = ["DAYS_PER_MONTH", "DAYS_PER_YEAR", "UNITS", "Unit", "a_unit", "convert", "factor", "unit"]

DAYS_PER_YEAR = Fraction(1461, 4)
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
"""30.4375 days: one twelfth of the Julian year of 365.25 days."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its symbol, its dimension and its exact size in the base unit of that dimension.

    Attributes
    ----------
    symbol
        As written in records: ``mL/month``.
    dimension
        Words such as ``volume/time`` or ``percent-predicted/time``.
    size
        How many base units one of this unit is.
    """

    symbol: str
    dimension: str
    size: Fraction

    def __str__(self) -> str:
        return self.symbol


_AMOUNTS: dict[str, dict[str, Fraction]] = {
    "volume": {"mL": Fraction(1), "L": Fraction(1000), "cm3": Fraction(1)},
    "percent-predicted": {"%pred": Fraction(1)},
    "percent": {"%": Fraction(1)},
    "gas-transfer": {"mL/mmHg/min": Fraction(1)},
    "molar-gas-transfer": {"mmol/kPa/min": Fraction(1)},
    "length": {"mm": Fraction(1), "cm": Fraction(10), "m": Fraction(1000)},
    "mass-concentration": {"pg/mL": Fraction(1), "ng/mL": Fraction(1000)},
    "score": {"points": Fraction(1)},
    "ratio": {"ratio": Fraction(1)},
    "pressure": {"mmHg": Fraction(1)},
    "force": {"N": Fraction(1), "kg-force": Fraction(980665, 100000)},
}
_TIMES: dict[str, Fraction] = {
    "day": Fraction(1),
    "week": Fraction(7),
    "month": DAYS_PER_MONTH,
    "year": DAYS_PER_YEAR,
}


def _all_units() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for dimension, amounts in _AMOUNTS.items():
        for symbol, size in amounts.items():
            table[symbol] = Unit(symbol, dimension, size)
            for time, days in _TIMES.items():
                name = f"{symbol}/{time}"
                table[name] = Unit(name, f"{dimension}/time", size / days)
    for time, days in _TIMES.items():
        table[time] = Unit(time, "time", days)
        table[f"person-{time}"] = Unit(f"person-{time}", "person-time", days)
        table[f"events/person-{time}"] = Unit(f"events/person-{time}", "rate", 1 / days)
    table["events/100 person-year"] = Unit("events/100 person-year", "rate", 1 / (100 * DAYS_PER_YEAR))
    for symbol in ("patients", "events", "episodes", "lesions"):
        table[symbol] = Unit(symbol, symbol, Fraction(1))
    return table


UNITS: dict[str, Unit] = _all_units()
"""Every unit that a record may use, by symbol."""


def unit(symbol: str) -> Unit:
    """Return the unit with this symbol.

    Raises
    ------
    UnknownName
        Names the nearest symbol and all choices.

    Examples
    --------
    >>> unit("mL/month").dimension
    'volume/time'
    """
    try:
        return UNITS[symbol]
    except (KeyError, TypeError):
        raise UnknownName("unit", symbol, UNITS) from None


def a_unit(given: object) -> str | None:
    """Return the symbol of a unit, or None for a pure number.

    Raises
    ------
    UnknownName
        No unit has this symbol.
    """
    return None if given is None else a_choice("unit", given, UNITS)


def factor(source: str, target: str) -> Fraction:
    """Return the exact number of ``target`` units in one ``source`` unit.

    Raises
    ------
    UnitMismatch
        The two units have different dimensions (``%pred/year`` is not ``mL/year``).

    Examples
    --------
    >>> factor("mL/month", "mL/year")
    Fraction(12, 1)
    >>> float(factor("mL/day", "mL/month"))
    30.4375
    """
    a, b = unit(source), unit(target)
    if a.dimension != b.dimension:
        raise UnitMismatch(
            f"{a.symbol} is a {a.dimension} and {b.symbol} a {b.dimension}: no exact factor joins them"
            " · pool them as separate outcomes"
        )
    return a.size / b.size


def convert(value: float, source: str, target: str) -> float:
    """Return ``value`` given in ``source`` units in ``target`` units.

    Examples
    --------
    >>> convert(-12.0, "mL/month", "mL/year")
    -144.0
    """
    value = a_number("value", value, error=InputError)
    ratio = factor(source, target)
    return value * ratio.numerator / ratio.denominator
