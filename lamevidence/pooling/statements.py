"""Statements about a new study, such as ``new > 0``."""

from __future__ import annotations

import re

from ..errors import OptionError

__all__ = ["parse_statement"]

_STATEMENT = re.compile(r"^\s*new\s*([<>])=?\s*([+\-−]?[\d.]+(?:[eE][+-]?\d+)?)\s*$")


def parse_statement(statement: str) -> tuple[str, float]:
    """Return the sign and the threshold of a statement.

    Examples
    --------
    >>> parse_statement("new > -12.5")
    ('>', -12.5)
    """
    found = _STATEMENT.match(statement) if isinstance(statement, str) else None
    if found is None:
        raise OptionError(f"statement {statement!r} was not understood · write 'new > 0' or 'new < -12.5'")
    try:
        return found[1], float(found[2].replace("−", "-"))
    except ValueError:
        raise OptionError(f"{found[2]!r} is not a number · write 'new > 0' or 'new < -12.5'") from None
