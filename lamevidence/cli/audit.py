"""``lamevidence audit FILE``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..foundation.errors import OptionError
from .output import print_json

__all__ = ["audit_sheet", "named_columns"]


def named_columns(given: Sequence[str]) -> dict[str, str]:
    """Return role → name from words such as ``events=Ev.T``.

    Raises
    ------
    OptionError
        A word without ``=``, or a role given twice.
    """
    found: dict[str, str] = {}
    for word in given:
        role, sign, name = word.partition("=")
        if not sign or not role.strip() or not name.strip():
            raise OptionError(f"--column {word!r} · write ROLE=NAME, for example --column events=Ev.T")
        if role.strip() in found:
            raise OptionError(f"--column {role.strip()} is given twice · give it once")
        found[role.strip()] = name.strip()
    return found


def audit_sheet(file: Path, options: Mapping[str, Any], *, column: Sequence[str], as_json: bool, strict: bool) -> int:
    """Print the audit of a sheet; return 1 when it has an error, else 0.

    Parameters
    ----------
    file
        CSV, TSV, XLSX, ODS or Parquet.
    options
        Of `audit_file`.
    column
        ``ROLE=NAME`` for columns whose names do not tell.
    as_json
        Print JSON.
    strict
        Count warnings as errors.
    """
    from ..audit import audit_file

    found = audit_file(file, columns=named_columns(column), strict=strict, **options)
    if as_json:
        print_json(found.to_json())
    else:
        print(found.render())
    return int(not found.ok)
