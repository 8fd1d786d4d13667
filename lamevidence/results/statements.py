"""Statements about a result, such as ``theta_new > 90 mL/year``: the same words for every engine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..foundation.errors import OptionError, UnknownName
from ..foundation.options import a_number, shown
from ..foundation.units import convert

__all__ = ["Statement", "read_statement", "theta_label", "unknown_quantity"]

_FORM = re.compile(r"^\s*(.+?)\s*(<=|>=|<|>)\s*([-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*$")


class Statement(NamedTuple):
    """``quantity`` above or below ``value`` (in the unit of the result); ``sign`` is ``<`` or ``>``."""

    quantity: str
    sign: str
    value: float


def read_statement(statement: str, unit: str | None) -> Statement:
    """Return the parts of a statement, its number in the unit of the result.

    Parameters
    ----------
    statement
        ``quantity < number unit`` or ``>``.
    unit
        Unit of the estimates, None for pure numbers.

    Raises
    ------
    OptionError
        The statement cannot be read, or its unit is missing or superfluous.
    UnitMismatch
        The unit has another dimension.

    Examples
    --------
    >>> read_statement("theta_new > -1 mL/month", "mL/year")
    Statement(quantity='theta_new', sign='>', value=-12.0)
    """
    match = _FORM.match(statement) if isinstance(statement, str) else None
    if match is None:
        raise OptionError(f"cannot read {shown(statement)} · write for example 'mu > 0' or 'theta_new < 90 mL/year'")
    name, sign, number, given = match.groups()
    value = a_number("the number in the statement", float(number.replace("−", "-")))
    if given is not None and unit is None:
        raise OptionError(f"{statement!r} names the unit {given!r} but the estimates are pure numbers · leave it out")
    if given is None and unit is not None and value != 0.0:
        raise OptionError(f"{statement!r} has no unit · the estimates are in {unit}")
    if given is not None and given != unit and unit is not None:
        value = convert(value, given, unit)
    return Statement(name, sign[0], value)


def theta_label(quantity: str) -> str | None:
    """Return the row label of ``theta[label]``, None for any other quantity."""
    if quantity.startswith("theta[") and quantity.endswith("]"):
        return quantity[6:-1].strip("\"'")
    return None


def unknown_quantity(quantity: str, known: Iterable[str]) -> UnknownName:
    """Return the error for a quantity that a result does not have; older and other words for one lead to ours."""
    words = {"new": "theta_new", "new study": "theta_new", "theta": "mu", "mean": "mu", "overall": "mu"}
    choices = tuple(known)
    meant = words.get(quantity, "")
    return UnknownName("quantity", quantity, choices, repr(meant) if meant in choices else "")
