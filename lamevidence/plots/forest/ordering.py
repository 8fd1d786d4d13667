"""Which row comes after which, and under which heading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...effects.evidence_table import EvidenceTable
from ...effects.given_numbers import printable
from ...foundation.errors import InputError, OptionError, UnknownName
from ...foundation.options import a_choice, shown
from .entries import StudyRow

__all__ = ["SORTS", "Groups", "group_names", "order"]

SORTS = ("estimate", "weight", "year", "none")


@dataclass(frozen=True, slots=True)
class Groups:
    """The heading of every row.

    Attributes
    ----------
    names
        One a row; empty for a row that stands under no heading.
    shown
        Whether there is more than one heading.
    by_study
        Whether the headings are the studies whose rows stand under them.
    """

    names: tuple[str, ...]
    shown: bool
    by_study: bool = False


def _by_study(table: EvidenceTable) -> Groups:
    """Return the studies as headings where they have several rows; a row alone is its study."""
    several = {study for study in table.studies if table.studies.count(study) > 1}
    names = tuple(study if study in several else "" for study in table.studies)
    shown = len(set(table.studies)) > 1 and bool(several)
    return Groups(names if shown else ("",) * table.k, shown, shown)


def group_names(table: EvidenceTable, group: object) -> Groups:
    """Return the heading of every row.

    ``design`` is the study's design where the table knows it, else the study where studies have several rows;
    ``study`` is the latter; a moderator's name groups by it; a sequence gives the headings; None shows none.
    """
    if group is None:
        return Groups(("",) * table.k, False)
    if isinstance(group, str):
        if group == "study" and group not in table.moderators:
            return _by_study(table)
        if group == "design":
            if not table.groups and not table.designs:
                return _by_study(table)
            names = table.groups or table.designs
        elif group in table.moderators:
            names = tuple(str(v) for v in table.moderators[group])
        else:
            raise UnknownName("grouping", group, ("design", "study", *table.moderators))
    elif isinstance(group, Sequence) and not isinstance(group, bytes):
        names = tuple(str(v) for v in group)
        printable("group", names)
        if len(names) != table.k:
            raise InputError(f"group has {len(names)} entries for {table.k} rows · give one a row")
    else:
        raise OptionError(f"group={shown(group)} is no grouping · give 'design', a moderator, a label a row, or None")
    return Groups(tuple(names), len(set(names)) > 1)


def order(rows: Sequence[StudyRow], table: EvidenceTable, sort: str | None, groups: Groups) -> list[int]:
    """Return the positions of the rows in drawing order: groups as they first appear, then ``sort``.

    Without ``sort``, year and then label; rows that are not estimable come last when sorted by estimate. Studies with
    several rows stand where the first of these would.
    """
    if sort is not None:
        a_choice("order", sort, SORTS)
    if sort == "year" and not table.years:
        raise OptionError("sort='year' needs the years of the studies, which this table lacks · use sort='none'")
    if sort == "weight" and all(math.isnan(r.weight) for r in rows):
        raise OptionError("sort='weight' needs a result with weights · give what lam.pool returns")

    def key(i: int) -> tuple[object, ...]:
        row = rows[i]
        if sort == "estimate":
            return (math.isnan(row.estimate), row.estimate, row.label)
        if sort == "weight":
            return (-(0.0 if math.isnan(row.weight) else row.weight), row.label)
        if sort == "none" or not table.years:
            return (i,)
        return (table.years[i] is None, table.years[i] or 0, row.label)

    sequence = sorted(range(len(rows)), key=key)
    if not groups.shown:
        return sequence
    blocks: Sequence[str] = table.studies if groups.by_study else groups.names
    seen = sequence if groups.by_study else range(len(rows))
    rank: dict[str, int] = {}
    for i in seen:
        rank.setdefault(blocks[i], len(rank))
    return sorted(sequence, key=lambda i: rank[blocks[i]])
