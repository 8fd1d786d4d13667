"""Reading ``"mu > 90 mL/year"``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import OptionError
from ..options import a_number
from ..units import convert
from .distributions import Distribution

if TYPE_CHECKING:
    from .posterior import Posterior

__all__ = ["read_statement"]

_FORM = re.compile(r"^\s*(.+?)\s*(<=|>=|<|>)\s*([-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*$")


def read_statement(post: Posterior, statement: str) -> tuple[Distribution, str, float]:
    """Return (distribution, ``<`` or ``>``, threshold in the unit of the result).

    Raises
    ------
    OptionError
        The statement cannot be read, or its unit is missing or superfluous.
    """
    match = _FORM.match(statement) if isinstance(statement, str) else None
    if match is None:
        raise OptionError(f"cannot read {statement!r} · write for example 'mu > 90 mL/year' or 'theta_new < 0'")
    name, sign, number, unit = match.groups()
    target = post.quantity(name)
    value = a_number("the number in the statement", float(number.replace("−", "-")))
    if unit is not None and post.unit is None:
        raise OptionError(f"{statement!r} names the unit {unit!r} but the estimates are pure numbers · leave it out")
    if unit is None and post.unit is not None and value != 0.0:
        raise OptionError(f"{statement!r} has no unit · the estimates are in {post.unit}")
    if unit is not None and unit != post.unit and post.unit is not None:
        value = convert(value, unit, post.unit)
    return target, sign[0], value
