"""Which row comes after which, and under which heading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import printable
from ..errors import InputError, OptionError, UnknownName
from ..options import a_choice, shown

if TYPE_CHECKING:
    from .content import StudyRow

__all__ = ["SORTS", "group_names", "order"]

SORTS = ("estimate", "weight", "year", "none")


def group_names(table: EvidenceTable, group: object) -> tuple[tuple[str, ...], bool]:
    """Return the heading of every row, and whether there is more than one heading.

    ``design`` is the study's design where the table knows it; a moderator's name groups by it; a
    sequence gives the headings; None shows none.
    """
    if group is None:
        return ("",) * table.k, False
    if isinstance(group, str):
        if group == "design":
            names = table.groups or table.designs or ("",) * table.k
        elif group in table.moderators:
            names = tuple(str(v) for v in table.moderators[group])
        else:
            raise UnknownName("grouping", group, ("design", *table.moderators))
    elif isinstance(group, Sequence) and not isinstance(group, bytes):
        names = tuple(str(v) for v in group)
        printable("group", names)
        if len(names) != table.k:
            raise InputError(f"group has {len(names)} entries for {table.k} rows · give one a row")
    else:
        raise OptionError(f"group={shown(group)} is no grouping · give 'design', a moderator, a label a row, or None")
    return tuple(names), len(set(names)) > 1


def order(rows: Sequence[StudyRow], table: EvidenceTable, sort: str | None, grouped: bool) -> list[int]:
    """Return the positions of the rows in drawing order: groups as they first appear, then ``sort``.

    Without ``sort``, year and then label; rows that are not estimable come last when sorted by estimate.
    """
    if sort is not None:
        a_choice("order", sort, SORTS)
    if sort == "year" and not table.years:
        raise OptionError("sort='year' needs the years of the studies, which this table lacks · use sort='none'")
    if sort == "weight" and all(math.isnan(r.weight) for r in rows):
        raise OptionError("sort='weight' needs a result with weights · give what lam.pool returns")
    first = {name: i for i, name in reversed(list(enumerate(r.group for r in rows)))}

    def key(i: int) -> tuple[object, ...]:
        row = rows[i]
        rank = first[row.group] if grouped else 0
        if sort == "estimate":
            return (rank, math.isnan(row.estimate), row.estimate, row.label)
        if sort == "weight":
            return (rank, -(0.0 if math.isnan(row.weight) else row.weight), row.label)
        if sort == "none" or not table.years:
            return (rank, i)
        return (rank, table.years[i], row.label)

    return sorted(range(len(rows)), key=key)
