"""Rows that are the sum of those above them, whatever word or language they go by."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .table import Row

__all__ = ["sums_of_rows"]

_COUNTED = (
    "events", "n", "non_events", "person_time",
    "control_events", "control_n", "control_non_events", "control_person_time",
)  # fmt: skip


def sums_of_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows whose counts are those of the rows above added up, since the first row or the last such sum.

    Two counts at least have to agree, of two rows at least, events among them and not none.
    """
    found: list[Row] = []
    above: dict[str, Decimal] = {}
    size = 0
    for row in rows:
        own = {role: row.numbers[role].value for role in _COUNTED if role in row.numbers}
        events = max((x for role, x in own.items() if "events" in role), default=Decimal(0))
        if size > 1 and len(own) > 1 and events > 0 and own == above:
            found.append(row)
            above, size = {}, 0
            continue
        above = own if size == 0 else _added(above, own)
        size += 1
    return found


def _added(above: dict[str, Decimal], own: dict[str, Decimal]) -> dict[str, Decimal]:
    """Add counts that both have; one that a row does not report has no sum."""
    return {role: x + own[role] for role, x in above.items() if role in own}
