"""The boxes of the PRISMA 2020 flow diagram, and the numbers of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

__all__ = ["BOXES", "Box", "Counts", "FlowIncluded", "FlowOther", "FlowSearched", "total_of"]

Counts: TypeAlias = Mapping[str, int | None]
"""Name → number; one entry with the name "" where only the sum is known."""


class Box(NamedTuple):
    """One box, or one line of a box: where it stands, what it is called in print, in what it counts."""

    part: str
    name: str
    label: str
    noun: str


BOXES: tuple[Box, ...] = (
    Box("previous", "studies", "Studies included in previous version of review", "study"),
    Box("previous", "reports", "Reports of studies included in previous version of review", "report"),
    Box("databases_and_registers", "databases", "Databases", "record"),
    Box("databases_and_registers", "registers", "Registers", "record"),
    Box("databases_and_registers", "duplicates", "Duplicate records removed", "record"),
    Box("databases_and_registers", "automation", "Records marked as ineligible by automation tools", "record"),
    Box("databases_and_registers", "other_reasons", "Records removed for other reasons", "record"),
    Box("databases_and_registers", "screened", "Records screened", "record"),
    Box("databases_and_registers", "excluded", "Records excluded", "record"),
    Box("databases_and_registers", "sought", "Reports sought for retrieval", "report"),
    Box("databases_and_registers", "not_retrieved", "Reports not retrieved", "report"),
    Box("databases_and_registers", "assessed", "Reports assessed for eligibility", "report"),
    Box("databases_and_registers", "excluded_reports", "Reports excluded", "report"),
    Box("other_methods", "identified", "Records identified from other methods", "record"),
    Box("other_methods", "sought", "Reports sought for retrieval", "report"),
    Box("other_methods", "not_retrieved", "Reports not retrieved", "report"),
    Box("other_methods", "assessed", "Reports assessed for eligibility", "report"),
    Box("other_methods", "excluded_reports", "Reports excluded", "report"),
    Box("included", "studies", "Studies included in review", "study"),
    Box("included", "reports", "Reports of included studies", "report"),
    Box("total", "studies", "Total studies included in review", "study"),
    Box("total", "reports", "Reports of total included studies", "report"),
)
"""Every number of the diagram, in the order of the diagram."""


def total_of(counts: Counts) -> int | None:
    """Return the sum of named numbers; None as soon as one is not reported, for it is not 0.

    Examples
    --------
    >>> total_of({"MEDLINE": 3, "Embase": 4}), total_of({"MEDLINE": 3, "Embase": None})
    (7, None)
    """
    known = [n for n in counts.values() if n is not None]
    return sum(known) if len(known) == len(counts) else None


def _none() -> Counts:
    return MappingProxyType({"": None})


@dataclass(frozen=True, slots=True)
class FlowSearched:
    """What databases and registers gave, down to the reports assessed; None is not reported, everywhere."""

    databases: Counts = field(default_factory=_none)
    registers: Counts = field(default_factory=_none)
    duplicates: int | None = None
    automation: int | None = None
    other_reasons: int | None = None
    screened: int | None = None
    excluded: Counts = field(default_factory=_none)
    sought: int | None = None
    not_retrieved: int | None = None
    assessed: int | None = None
    excluded_reports: Counts = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class FlowOther:
    """What other methods gave (websites, organisations, citation searching)."""

    identified: Counts = field(default_factory=_none)
    sought: int | None = None
    not_retrieved: int | None = None
    assessed: int | None = None
    excluded_reports: Counts = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class FlowIncluded:
    """Studies, and the reports that they have."""

    studies: int | None = None
    reports: int | None = None
