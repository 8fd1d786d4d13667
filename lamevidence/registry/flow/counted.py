"""What a registry can count of its own flow, and where its ``prisma.yaml`` says otherwise.

How many records the searches found, were screened and were left out is known to those who searched, and to
``prisma.yaml`` where they wrote it down. A registry knows its studies, their publications and the papers that
``excluded.yaml`` lists, and counts nothing else.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ...foundation.errors import Problem
from ...foundation.options import an_instance
from ...foundation.printable import one_line
from ..nodes import Document
from ..overlaps import ExcludedPaper, OverlapGroup
from ..registry import RegistryRecords
from .boxes import FlowIncluded, FlowSearched, total_of
from .prisma_flow import PrismaFlow
from .reading import read_flow
from .words import amount

__all__ = ["FLOW_FILE", "RegistryCounts", "counted", "flow_problems", "recorded_flow", "registry_flow"]

FLOW_FILE = "prisma.yaml"
NOT_RECORDED = (
    "the registry records what was found, not the search: how many records were identified, screened and left out, and"
    f" when the sources were searched, is not reported; {FLOW_FILE} is the place for it"
)
_SECONDARY = "secondary"


@dataclass(frozen=True, slots=True, repr=False)
class RegistryCounts:
    """What can be counted in a registry, whether or not the search was recorded.

    Attributes
    ----------
    studies
        Number of records.
    publications
        How they were read (``full_text``, ``abstract`` …) → number of publications of the studies.
    secondary
        Number of other publications that numbers were taken from: reviews, editorials.
    without
        Studies of which no publication of their own was read, by id.
    excluded
        The papers looked at and left out, each with its stage and reason.
    overlaps
        The groups of studies that share patients, or may.
    """

    studies: int
    publications: Mapping[str, int]
    secondary: int
    without: tuple[str, ...]
    excluded: tuple[ExcludedPaper, ...]
    overlaps: tuple[OverlapGroup, ...]

    @property
    def by_stage(self) -> Mapping[str, int]:
        """Stage → number of papers left out there."""
        return dict(Counter(paper.stage for paper in self.excluded))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "studies": self.studies,
            "publications": dict(self.publications),
            "secondary_publications": self.secondary,
            "studies_without_publication": list(self.without),
            "excluded": [{"paper": p.name, "stage": p.stage, "reason": p.reason} for p in self.excluded],
            "overlaps": [{"id": g.id, "kind": g.kind, "studies": list(g.studies)} for g in self.overlaps],
        }

    def lines(self) -> list[str]:
        """Return the counts as lines of text, the papers left out with their reasons."""
        read = ", ".join(f"{n} {how.replace('_', ' ')}" for how, n in self.publications.items())
        out = [f"studies with a record: {self.studies}"]
        out.append(f"their publications: {sum(self.publications.values())}{f' (read: {read})' if read else ''}")
        if self.without:
            out.append(f"studies known from other publications alone: {len(self.without)} ({', '.join(self.without)})")
        out.append(f"other publications that numbers were taken from: {self.secondary}")
        groups = Counter(group.kind.replace("_", " ") for group in self.overlaps)
        told = ", ".join(f"{n} {kind}" for kind, n in groups.items())
        out.append(f"groups of studies that share patients, or may: {len(self.overlaps)}{f' ({told})' if told else ''}")
        stages = ", ".join(f"{n} at {stage}" for stage, n in self.by_stage.items())
        out.append(f"papers looked at and left out: {len(self.excluded)}{f' ({stages})' if stages else ''}")
        out += [f"  {p.name} ({p.stage}): {p.reason}" for p in self.excluded]
        return [one_line(line) for line in out]

    def __repr__(self) -> str:
        return "\n".join(["Counted in the registry", *(f"  {line}" for line in self.lines())])


def counted(registry: RegistryRecords) -> RegistryCounts:
    """Return what can be counted in a registry.

    Parameters
    ----------
    registry
        From `load_registry`.

    Examples
    --------
    >>> import lamevidence as lam
    >>> registry = lam.load_registry()
    >>> counted(registry).studies == len(registry.studies)
    True
    """
    an_instance("registry", registry, RegistryRecords, "read one with load_registry(path)")
    own: Counter[str] = Counter()
    secondary: set[str] = set()
    without = []
    for study in registry.studies:
        mine = [p for p in study.publications if p.role != _SECONDARY]
        own.update(p.read for p in mine)
        secondary |= {p.citation for p in study.publications if p.role == _SECONDARY}
        without += [] if mine else [study.id]
    return RegistryCounts(
        len(_record_files(registry)),
        MappingProxyType(dict(own)),
        len(secondary),
        tuple(without),
        registry.excluded,
        registry.overlap_groups,
    )


def _record_files(registry: RegistryRecords) -> list[str]:
    """Return the files of records, those with an error included: a record that is wrong is a study all the same."""
    return [path for path in registry.documents if path.startswith("records/")]


def registry_flow(registry: RegistryRecords) -> PrismaFlow:
    """Return the flow of a registry whose search is not recorded: its studies, and nothing else."""
    studies = FlowIncluded(studies=len(_record_files(registry)))
    return PrismaFlow(FlowSearched(), studies, source="the registry", notes=(NOT_RECORDED,))


def recorded_flow(registry: RegistryRecords) -> tuple[PrismaFlow | None, list[Problem], bool]:
    """Return the flow of ``prisma.yaml``, every problem with it, and whether there is such a file."""
    path = registry.root / FLOW_FILE
    if not os.path.lexists(path):
        return None, [], False
    flow, document, problems = read_flow(path, registry.root)
    if flow is not None:
        problems = [*problems, *_against(registry, flow, document)]
    return flow, problems, True


def flow_problems(registry: RegistryRecords) -> tuple[Problem, ...]:
    """Return what is wrong with the flow of a registry; questions do not depend on it, so `check` alone asks.

    Parameters
    ----------
    registry
        From `load_registry`.

    Returns
    -------
    tuple of Problem
        Sums that do not hold (LE701), another number of studies than the registry has (LE703), and warnings.

    Examples
    --------
    >>> import lamevidence as lam
    >>> flow_problems(lam.load_registry())
    ()
    """
    an_instance("registry", registry, RegistryRecords, "read one with load_registry(path)")
    return tuple(recorded_flow(registry)[1])


def _against(registry: RegistryRecords, flow: PrismaFlow, document: Document) -> list[Problem]:
    """Return where the file and the registry contradict each other."""
    found = []
    part = "included" if flow.total is None else "total"
    end = flow.included if flow.total is None else flow.total
    here = counted(registry)
    if end.studies is not None and end.studies != here.studies:
        found.append(
            document.problem(
                "LE703",
                (part, "studies"),
                f"{amount(end.studies, 'study')} included, and records/ holds {here.studies}",
                f"write {here.studies}, or add the records that are missing, or take out those that are too many",
            )
        )
    publications = sum(here.publications.values())
    if end.reports is not None and end.reports < publications:
        found.append(
            document.problem(
                "LW704",
                (part, "reports"),
                f"{amount(end.reports, 'report')} included, and the records list {publications} publications",
                "count every publication of a study that was read, entries of trial registers included",
            )
        )
    columns = [c for c in (flow.databases_and_registers, flow.other_methods) if c is not None]
    totals = [total_of(column.excluded_reports) for column in columns]
    papers = sum(paper.stage.casefold() == "eligibility" for paper in registry.excluded)
    excluded = sum(n for n in totals if n is not None)
    # the papers of the version before are in the list too
    if None not in totals and excluded < papers and flow.total is None:
        found.append(
            document.problem(
                "LW704",
                ("databases_and_registers", "excluded_reports"),
                f"{amount(excluded, 'report')} excluded, and excluded.yaml lists {papers} left out at eligibility",
                "count these papers too, or mend their `stage`",
            )
        )
    return found
