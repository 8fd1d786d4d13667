"""The second reading of a registry: its forms beside the records, and who was right where the two differ."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from ..foundation.errors import InvalidRegistry, Problem
from ..foundation.options import a_path, an_instance
from ..registry.extractions import Extraction, extraction_of, joined
from ..registry.files import Budget, read_yaml
from ..registry.folder import FOLDERS, yaml_files
from ..registry.forms import DECISIONS, read_form
from ..registry.nodes import Document
from ..registry.records import CheckedBy
from ..registry.registry import RegistryRecords
from ..registry.scalars import Slug, Text
from ..registry.schema_findings import Strict
from ..registry.validation import duplicate_problems, text_problems, validate
from .agreement import Agreement, Disagreement, compare_extractions

__all__ = [
    "FOLDER",
    "Decision",
    "Resolution",
    "blank_decisions",
    "read_decisions",
    "read_second_reading",
    "resolve",
    "second_reading_problems",
]

FOLDER = FOLDERS[2]
"""``second_extraction``, the folder of a registry that holds the forms as they were filled in, and the decisions."""

Right: TypeAlias = Literal["first", "second", "both", "ambiguous"]


def _as_text(value: Any) -> Any:  # noqa: ANN401
    return str(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


class _DecisionModel(Strict):
    study: Slug
    findings: Annotated[list[Slug], Field(min_length=1)]
    cells: Annotated[list[Text], Field(min_length=1)]
    right: Right
    because: Text
    was: Annotated[Text | None, BeforeValidator(_as_text)] = None


class _LogModel(Strict):
    date: Text
    decisions: list[Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is right about some cells, by the source.

    Attributes
    ----------
    study, findings, cells
        The cells: each of these cells of each of these findings.
    right
        ``first`` or ``second`` reader; ``both`` where the source prints either, ``ambiguous`` where it decides for
        none.
    because
        What the source shows.
    was
        What the first reader had written, where the record has since been corrected.
    """

    study: str
    findings: tuple[str, ...]
    cells: tuple[str, ...]
    right: Right
    because: str
    was: str = ""

    def places(self) -> tuple[tuple[str, str, str], ...]:
        """Return (study, finding, cell) of every cell decided."""
        return tuple((self.study, finding, cell) for finding in self.findings for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Two readings and what was decided of their disagreements.

    Attributes
    ----------
    as_read
        Agreement before any correction.
    now
        Agreement of the corrected first reading with the second.
    decided
        Number of cells by who was right.
    undecided
        Disagreements that no decision names, or whose record was to be corrected and is not.
    unfounded
        (decision, study, finding, cell) of decisions about cells in which the readers agree, or that are not there;
        decisions are counted from 0.
    """

    as_read: Agreement
    now: Agreement
    decided: Mapping[str, int]
    undecided: tuple[Disagreement, ...]
    unfounded: tuple[tuple[int, str, str, str], ...] = field(default=())


def resolve(first: Extraction, second: Extraction, decisions: Sequence[Decision]) -> Resolution:
    """Lay two readings and the decisions about them side by side.

    Parameters
    ----------
    first
        The reading that stands, corrected where a decision found it wrong.
    second
        The other.
    decisions
        From `read_decisions`; none where nothing has been decided.

    Returns
    -------
    Resolution
        The agreement before and after, and what is left to decide.

    See Also
    --------
    lamevidence.audit.agreement.compare_extractions : The comparison itself.

    Examples
    --------
    >>> key = ("doe-2011", "stomatitis")
    >>> first = Extraction({key: {"affected": "7"}}, {key: "dichotomous"})
    >>> second = Extraction({key: {"affected": "7"}}, {key: "dichotomous"})
    >>> seen = Decision("doe-2011", ("stomatitis",), ("affected",), "second", "Table 2 prints 7", was="8")
    >>> found = resolve(first, second, [seen])
    >>> found.as_read.total.agreed, found.now.total.agreed
    (0, 1)
    """
    cells = {key: dict(found) for key, found in first.cells.items()}
    for decision in decisions:
        for study, finding, cell in decision.places():
            if decision.was and cell in cells.get((study, finding), {}):
                cells[study, finding][cell] = decision.was
    as_read = compare_extractions(replace(first, cells=cells), second)
    now = compare_extractions(first, second)
    by_place = {place: decision for decision in decisions for place in decision.places()}
    differed = {(d.study, d.finding, d.cell) for d in as_read.disagreements}
    decided = dict.fromkeys(("first", "second", "both", "ambiguous"), 0)
    for place in differed & by_place.keys():
        decided[by_place[place].right] += 1
    undecided = [
        d
        for d in now.disagreements
        if (seen := by_place.get((d.study, d.finding, d.cell))) is None or seen.right == "second"
    ]
    unfounded = [(i, *p) for i, decision in enumerate(decisions) for p in decision.places() if p not in differed]
    return Resolution(as_read, now, decided, tuple(undecided), tuple(unfounded))


def blank_decisions(disagreements: Sequence[Disagreement]) -> str:
    """Return the log in which decisions are written, as YAML: like disagreements together, the decisions empty.

    Parameters
    ----------
    disagreements
        From `compare_extractions`.
    """
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for d in disagreements:
        groups.setdefault((d.study, d.cell, d.first, d.second), []).append(d.finding)
    lines = ["date: ", "decisions:" if groups else "decisions: []"]
    for (study, cell, one, other), findings in groups.items():
        lines += [f"  # first {one}, second {other}", f"  - study: {study}", f"    findings: [{', '.join(findings)}]"]
        lines += [f"    cells: [{cell}]", "    right: ", "    because: "]
    return "\n".join(lines) + "\n"


def read_decisions(path: str | Path) -> tuple[Decision, ...]:
    """Read the log of decisions.

    Parameters
    ----------
    path
        A file as `blank_decisions` writes it, filled in.

    Returns
    -------
    tuple of Decision
        In the order of the file.

    Raises
    ------
    InvalidRegistry
        A decision is not complete; lists every problem.
    """
    place = a_path("path", path)
    document = read_yaml(place, place.parent)
    decisions, problems = _decisions(document)
    if any(p.is_error for p in problems):
        raise InvalidRegistry(problems, place.parent)
    return decisions


def _decisions(document: Document) -> tuple[tuple[Decision, ...], list[Problem]]:
    if document.root is None:
        return (), list(document.problems)
    problems = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    log, found = validate(document, _LogModel, document.value)
    problems += found
    decisions = []
    for i, item in enumerate(log.decisions if log is not None else ()):
        model, found = validate(document, _DecisionModel, item, ("decisions", i))
        problems += found
        if model is not None:
            places = tuple(model.findings), tuple(model.cells)
            decisions.append(Decision(model.study, *places, model.right, model.because, model.was or ""))
    return tuple(decisions), problems


@dataclass(frozen=True, slots=True)
class _Files:
    """What the folder holds: forms by study, the decisions, and what is wrong with the files by themselves."""

    forms: Mapping[str, tuple[Document, Extraction]]
    log: Document | None
    decisions: tuple[Decision, ...]
    problems: tuple[Problem, ...]


def _read(root: Path) -> _Files:
    folder = root / FOLDER
    if not os.path.lexists(folder):
        return _Files({}, None, (), ())
    budget = Budget(root)
    paths, problems = yaml_files(folder, "form", root, budget)
    forms: dict[str, tuple[Document, Extraction]] = {}
    log: Document | None = None
    decisions: tuple[Decision, ...] = ()
    for path in paths:
        document = read_yaml(path, root, budget)
        if path.name == DECISIONS:
            log = document
            decisions, found = _decisions(document)
            problems += found
            continue
        form, found = read_form(document)
        problems += found
        if form is None:
            continue
        study = next((study for study, _ in (*form.cells, *form.not_checked)), path.stem)
        if study != path.stem:
            remedy = f"rename the file to {study}.yaml, or mend `study`"
            problems.append(document.problem("LE303", ("study",), f"`{study}` in the file {path.name}", remedy))
        forms[path.stem] = (document, form)
    return _Files(forms, log, decisions, tuple(problems))


def read_second_reading(registry: RegistryRecords) -> tuple[Extraction, tuple[Decision, ...]]:
    """Return the second reading of a registry and the decisions about it; both empty where it has none.

    Parameters
    ----------
    registry
        From `load_registry`.

    Raises
    ------
    InvalidRegistry
        A file of ``second_extraction/`` is not what it should be; lists every problem.

    Examples
    --------
    >>> import lamevidence as lam
    >>> second, decisions = read_second_reading(lam.load_registry())
    >>> second.by
    'a second, independent reading of the source texts'
    """
    an_instance("registry", registry, RegistryRecords, "read one with load_registry(path)")
    files = _read(registry.root)
    if any(p.is_error for p in files.problems):
        raise InvalidRegistry(files.problems, registry.root)
    return joined([form for _, form in files.forms.values()]), files.decisions


def second_reading_problems(registry: RegistryRecords) -> tuple[Problem, ...]:
    """Return what is wrong with the second reading of a registry, and with what its records say of it.

    Records and questions do not depend on these files: they are read when `check` asks.

    Parameters
    ----------
    registry
        From `load_registry`.

    Returns
    -------
    tuple of Problem
        Files that are no form; forms of what no record has; disagreements without a decision (LW316) and decisions
        without a disagreement (LE315); a ``checked_by`` that gives other numbers than the files (LE314).

    Examples
    --------
    >>> import lamevidence as lam
    >>> second_reading_problems(lam.load_registry())
    ()
    """
    an_instance("registry", registry, RegistryRecords, "read one with load_registry(path)")
    if not os.path.lexists(registry.root / FOLDER):  # records taken out of their registry keep what was counted there
        return ()
    files = _read(registry.root)
    problems = list(files.problems)
    first = extraction_of(registry.studies)
    for study, (document, form) in files.forms.items():
        problems += _not_recorded(registry, study, document, form, first)
    second = joined([form for _, form in files.forms.values()])
    found = resolve(first, second, files.decisions)
    for i, study, finding, cell in found.unfounded:
        assert files.log is not None
        what = f"no disagreement of the two readings about `{cell}` of {study}/{finding}"
        remedy = "mend the decision, or delete it; give `was` where the record has been corrected"
        problems.append(files.log.problem("LE315", ("decisions", i), what, remedy))
    for d in found.undecided:
        document, form = files.forms[d.study]
        at = list(form.cells).index((d.study, d.finding))
        what = f"the record says {d.first}, the second reading {d.second}, and the record stands undecided"
        remedy = f"look at the source, and say in {FOLDER}/{DECISIONS} who is right, or correct the record as it says"
        problems.append(document.problem("LW316", ("findings", at, "cells", d.cell), what, remedy))
    problems += _claims(registry, found.as_read)
    return tuple(problems)


def _not_recorded(
    registry: RegistryRecords, study: str, document: Document, form: Extraction, first: Extraction
) -> list[Problem]:
    if study not in registry.by_id:
        remedy = "name the file after a record without errors"
        return [document.problem("LE304", ("study",), f"no record `{study}`", remedy)]
    return [
        document.problem(
            "LE304", ("findings", i, "id"), f"no finding `{key[1]}` in {study}", "take the id of the record"
        )
        for i, key in enumerate(form.cells)
        if key not in first.cells
    ]


def _claims(registry: RegistryRecords, as_read: Agreement) -> list[Problem]:
    """Return a problem for each record whose ``checked_by`` counts cells otherwise than the files do."""
    problems = []
    for study in registry.studies:
        claim, counted = study.curation.checked_by, as_read.by_study.get(study.id)
        if not isinstance(claim, CheckedBy) or claim.cells is None:
            continue
        said = f"{claim.agreed} of {claim.cells} cells agree"
        if counted is None:
            message, remedy = (
                f"`{said}`, and no second reading is there",
                f"add {FOLDER}/{study.id}.yaml, or not_reported",
            )
        elif (claim.cells, claim.agreed) != (counted.cells, counted.agreed):
            message = f"`{said}`, by the files {counted.agreed} of {counted.cells} do"
            remedy = f"write `cells: {counted.cells}, agreed: {counted.agreed}`"
        else:
            continue
        document = registry.documents[study.path]
        problems.append(document.problem("LE314", ("curation", "checked_by"), message, remedy))
    return problems
