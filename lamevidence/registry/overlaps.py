"""Cohorts that share patients, papers left out, and what must never be pooled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from ..foundation.errors import Problem
from ..foundation.lineage import Locator
from ..foundation.units import UNITS
from .nodes import Document
from .records import Continuous, Contrast, Study
from .rules_study import unknown
from .scalars import Slug, Text, trouble
from .schema_findings import Strict
from .validation import duplicate_problems, text_problems, validate

__all__ = [
    "ExcludedPaper",
    "OverlapGroup",
    "dimension_conflict",
    "overlap_conflicts",
    "possible_overlaps",
    "read_excluded",
    "read_overlaps",
    "shared_control_conflicts",
]

OverlapKind: TypeAlias = Literal["same_patients", "partial", "shared_control", "possible"]


@dataclass(frozen=True, slots=True)
class OverlapGroup:
    """Studies that share patients: how, why we think so, and where that is written.

    Of a group whose kind is ``possible`` nothing shows that patients are shared, only that they may be (one centre,
    one registry, one country): it removes no study from a pool, and is said under every answer that uses two of them.
    """

    id: str
    studies: tuple[str, ...]
    kind: OverlapKind
    reason: str
    basis: str = ""
    at: Locator | str | None = None

    @property
    def binding(self) -> bool:
        """Tell whether at most one study of the group enters a pool."""
        return self.kind != "possible"


@dataclass(frozen=True, slots=True)
class ExcludedPaper:
    """A paper that was looked at and left out."""

    name: str
    stage: str
    reason: str
    at: str = ""


def _place(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return " ".join(f"{k} {v}" for k, v in value.items())
    if type(value) is str and value.strip():
        return value
    if isinstance(value, list) and all(type(v) is str for v in value):
        return "; ".join(value)
    raise trouble("LE107", "`at` is text or a mapping", "write where this is documented")


Place = Annotated[str, BeforeValidator(_place)]


class OverlapModel(Strict):
    """A group as the file writes it."""

    id: Slug
    studies: Annotated[list[Slug], Field(min_length=2)]
    kind: OverlapKind
    reason: Text
    basis: Text
    at: Place | None = None


class ExcludedModel(Strict):
    """An excluded paper as the file writes it; ``study`` or ``citation`` names it."""

    study: Text | None = None
    citation: Text | None = None
    stage: Text
    reason: Text
    at: Place | None = None


def _items(document: Document, model: Any, what: str) -> tuple[list[tuple[int, Any]], list[Problem]]:  # noqa: ANN401
    problems = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    root = document.root
    if root is None:
        return [], problems
    if root.kind != "list":
        problems.append(
            document.problem("LE107", (), f"the file is not a list of {what}", "start each entry with `- `")
        )
        return [], problems
    items = []
    for i, node in enumerate(root.children):
        item, found = validate(document, model, node.value, (i,))
        problems += found
        if item is not None:
            items.append((i, item))
    return items, problems


def read_overlaps(document: Document, studies: Sequence[str]) -> tuple[tuple[OverlapGroup, ...], list[Problem]]:
    """Return the overlap groups of a file; each must name studies of the registry."""
    items, problems = _items(document, OverlapModel, "overlap groups")
    groups: dict[str, OverlapGroup] = {}
    for i, item in items:
        if item.id in groups:
            problems.append(
                document.problem("LE301", (i, "id"), f"id {item.id} is used twice", "give each group its own id")
            )
        for j, name in enumerate(item.studies):
            if name not in studies:
                problems.append(unknown(document, (i, "studies", j), "study", name, studies))
            elif name in item.studies[:j]:
                problems.append(
                    document.problem("LE301", (i, "studies", j), f"{name} is named twice", "name each study once")
                )
        groups[item.id] = OverlapGroup(item.id, tuple(item.studies), item.kind, item.reason, item.basis, item.at)
    return tuple(groups.values()), problems


def read_excluded(document: Document) -> tuple[tuple[ExcludedPaper, ...], list[Problem]]:
    """Return the excluded papers of a file."""
    items, problems = _items(document, ExcludedModel, "excluded papers")
    papers = []
    for i, item in items:
        name = item.study or item.citation
        if not name:
            problems.append(document.problem("LE102", (i,), "`study` or `citation` is missing", "name the paper"))
            continue
        papers.append(ExcludedPaper(name, item.stage, item.reason, item.at or ""))
    return tuple(papers), problems


def overlap_conflicts(
    groups: Sequence[OverlapGroup], studies: Sequence[str]
) -> list[tuple[OverlapGroup, tuple[str, ...]]]:
    """Return each binding group of which two or more of these studies are members (LE311).

    Examples
    --------
    >>> group = OverlapGroup("nih", ("a-2001", "b-2002"), "partial", "same centre")
    >>> overlap_conflicts([group], ["a-2001", "b-2002", "c-2003"])[0][1]
    ('a-2001', 'b-2002')
    """
    return _shared([group for group in groups if group.binding], studies)


def possible_overlaps(
    groups: Sequence[OverlapGroup], studies: Sequence[str]
) -> list[tuple[OverlapGroup, tuple[str, ...]]]:
    """Return each group of kind possible of which two or more of these studies are members.

    Examples
    --------
    >>> group = OverlapGroup("uk", ("a-2001", "b-2002"), "possible", "one centre")
    >>> possible_overlaps([group], ["a-2001", "b-2002"])[0][1], overlap_conflicts([group], ["a-2001", "b-2002"])
    (('a-2001', 'b-2002'), [])
    """
    return _shared([group for group in groups if not group.binding], studies)


def _shared(groups: Sequence[OverlapGroup], studies: Sequence[str]) -> list[tuple[OverlapGroup, tuple[str, ...]]]:
    present = set(studies)
    found = [(group, tuple(s for s in group.studies if s in present)) for group in groups]
    return [(group, shared) for group, shared in found if len(shared) > 1]


def shared_control_conflicts(rows: Sequence[tuple[Study, str]]) -> list[tuple[str, str]]:
    """Return (study, control arm) for each control arm that several rows of one pool count (LE313).

    Parameters
    ----------
    rows
        (study, id of the control arm) of each row that would be pooled.
    """
    seen: set[tuple[str, str]] = set()
    twice: dict[tuple[str, str], None] = {}
    for study, arm in rows:
        key = (study.id, arm)
        if key in seen:
            twice[key] = None
        seen.add(key)
    return list(twice)


def dimension_conflict(findings: Sequence[tuple[Study, Continuous | Contrast]]) -> str:
    """Return the LE123 message when findings of several dimensions would be pooled, else an empty string."""
    by_dimension: dict[str, dict[str, None]] = {}
    for study, finding in findings:
        symbol = finding.value.unit
        if symbol is not None:
            by_dimension.setdefault(UNITS[symbol].dimension, {})[f"{study.id}: {symbol}"] = None
    if len(by_dimension) < 2:
        return ""
    parts = " with ".join(", ".join(names) for names in by_dimension.values())
    return f"LE123: cannot pool {parts} · needs individual reference values; pool them as separate outcomes"
