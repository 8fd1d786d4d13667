"""Rules across records: one id, one DOI, one trial number each; cohorts that look like the same patients."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from ..foundation.errors import Problem
from .nodes import Document
from .overlaps import OverlapGroup
from .records import Registration, Study

__all__ = ["registry_problems"]

_YEAR = re.compile(r"(?:19|20)\d{2}")
_MULTICENTRE = ("multicent", "multi-cent", "registry", "international", "sites", "centres")
Entry = tuple[Document, Study]


def registry_problems(entries: Sequence[Entry], groups: Sequence[OverlapGroup]) -> list[Problem]:
    """Return the problems that take two records to see."""
    return [*_repeated_ids(entries), *_repeated_reports(entries, groups), *_likely_overlaps(entries, groups)]


def _declared(a: Study, b: Study, groups: Iterable[OverlapGroup]) -> bool:
    return any(a.id in g.studies and b.id in g.studies for g in groups)


def _repeated_ids(entries: Sequence[Entry]) -> Iterator[Problem]:
    first: dict[str, Document] = {}
    for document, study in entries:
        if study.id in first:
            yield document.problem(
                "LE301",
                ("id",),
                f"id {study.id} used in two files ({first[study.id].path}, {document.path})",
                "give each study its own id",
            )
        else:
            first[study.id] = document


def _reports(study: Study) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for i, publication in enumerate(study.publications):
        if isinstance(publication.doi, str):
            yield publication.doi.lower(), ("publications", i, "doi")
        if isinstance(publication.pmid, str):
            yield f"PMID {publication.pmid}", ("publications", i, "pmid")
    if isinstance(study.registration, Registration):
        yield study.registration.id, ("registration", "id")


def _repeated_reports(entries: Sequence[Entry], groups: Sequence[OverlapGroup]) -> Iterator[Problem]:
    first: dict[str, Study] = {}
    for document, study in entries:
        for name, loc in _reports(study):
            other = first.setdefault(name, study)
            if other.id != study.id and not _declared(study, other, (g for g in groups if g.binding)):
                yield document.problem(
                    "LE302",
                    loc,
                    f"{name} is in {other.id} and {study.id}",
                    "a second report of one study goes under its `publications`; "
                    "two cohorts of one report are declared in overlaps.yaml",
                )


def _likely_overlaps(entries: Sequence[Entry], groups: Sequence[OverlapGroup]) -> Iterator[Problem]:
    for (_, a), (document, b) in itertools.combinations(entries, 2):
        if _declared(a, b, groups) or "LW312" in (*a.acknowledge, *b.acknowledge):
            continue
        centre = _same_centre(a, b)
        if centre and a.cohort.condition == b.cohort.condition and _years_meet(a, b):
            yield document.problem(
                "LW312",
                ("cohort", "centre"),
                f"{a.id} and {b.id} look as if they shared patients: "
                f"centre {centre}, years {a.cohort.period} and {b.cohort.period}",
                "declare the group in overlaps.yaml, or acknowledge LW312 with a discrepancy note when they do not",
            )


def _same_centre(a: Study, b: Study) -> str:
    one, two = str(a.cohort.centre).casefold().strip(), str(b.cohort.centre).casefold().strip()
    if not a.cohort.centre or one != two or any(word in one for word in _MULTICENTRE):
        return ""
    return str(a.cohort.centre)


def _years_meet(a: Study, b: Study) -> bool:
    spans = []
    for study in (a, b):
        years = [int(y) for y in _YEAR.findall(str(study.cohort.period))]
        if not years:
            return False
        spans.append((min(years), max(years)))
    return spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1]
