"""The form that a second reader fills in without sight of the record: printed blank, read filled.

A form names a finding by what it is and where it is printed, never by its numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from ..foundation.errors import InvalidRegistry, Problem
from ..foundation.options import a_path
from .extractions import (
    BETWEEN,
    CELLS,
    NOTHING,
    OF_ALL,
    Extraction,
    asked_of,
    elsewhere,
    extraction_of,
    joined,
    kind_of,
    written,
)
from .files import Budget, missing, read_yaml
from .nodes import Document, Loc
from .reader import read_study
from .records import NOT_REPORTED, Finding, Rate, Study, Timeframe
from .scalars import Slug, Text
from .schema_findings import Strict
from .validation import duplicate_problems, text_problems, validate
from .vocabulary import Vocabulary

__all__ = ["DECISIONS", "blank_form", "read_extraction", "read_form"]

DECISIONS = "decisions.yaml"
"""The file beside the forms that says how each disagreement was resolved."""


class _ReadingModel(Strict):
    by: Text
    date: Text


class _EntryModel(Strict):
    id: Slug
    kind: Literal["continuous", "dichotomous", "rate", "contrast", "paired", "direction"]
    what: dict[str, Any]
    at: dict[str, Any]
    cells: dict[str, Any]


class _NotCheckedModel(Strict):
    ids: Annotated[list[Slug], Field(min_length=1)]
    because: Text


class _FormModel(Strict):
    study: Slug
    extraction: _ReadingModel
    findings: list[Any]
    not_checked: list[_NotCheckedModel] = Field(default_factory=list)


@cache
def _cells_model(kind: str, between: bool) -> type[Strict]:
    cells = {**CELLS[kind], **OF_ALL, **(BETWEEN if between else {})}
    fields: dict[str, Any] = {name.replace(".", "_"): (what, Field(alias=name)) for name, what in cells.items()}
    return create_model(f"Cells_{kind}", __base__=Strict, **fields)


def _quoted(value: object) -> str:
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _what(study: Study, finding: Finding, vocabulary: Vocabulary) -> Iterator[tuple[str, object]]:
    """Yield what tells a finding from the others of its study, and no number that was read."""
    outcome = vocabulary.outcomes.get(finding.outcome)
    yield "outcome", outcome.title if outcome is not None else finding.outcome
    yield "arm", finding.arm
    for name in ("comparator", "phase", "statistic", "measure", "category", "subject", "before", "after"):
        if value := getattr(finding, name, ""):
            yield name, value
    if isinstance(finding, Rate) and finding.serious:
        yield "serious", "true"
    if isinstance(finding.timeframe, Timeframe):
        yield "from", written(finding.timeframe.start)
        yield "to", written(finding.timeframe.end)
    if finding.p_between is not None:
        yield "p_between_against", finding.p_between.against


def blank_form(study: Study, vocabulary: Vocabulary, *, sources: Collection[str] = ()) -> str:
    """Return the form of a study as YAML: what each finding is and where it is printed, its cells empty.

    Parameters
    ----------
    study
        A record.
    vocabulary
        Gives outcomes their names.
    sources
        Publications of the record that are to be read; all when empty. The findings of the others are listed as not
        checked.

    Returns
    -------
    str
        YAML; `read_form` refuses it until every cell is filled in.

    See Also
    --------
    lamevidence.audit.agreement.compare_extractions : The filled form beside the record.

    Examples
    --------
    >>> import lamevidence as lam
    >>> registry = lam.load_registry()
    >>> form = blank_form(registry.study("mccormack-2011"), registry.vocabulary)
    >>> "printed" in form
    False
    """
    lines = [f"study: {study.id}", "extraction: {by: , date: }", "findings:"]
    left: dict[str, list[str]] = {}
    for finding in study.findings:
        source = finding.at.source
        if sources and source not in sources:
            left.setdefault(source, []).append(finding.id)
            continue
        what = ", ".join(f"{name}: {_quoted(value)}" for name, value in _what(study, finding, vocabulary))
        places = ("source", "page", "table", "figure", "section", "row", "column")
        at = ", ".join(f"{name}: {_quoted(getattr(finding.at, name))}" for name in places if getattr(finding.at, name))
        lines += [
            f"  - id: {finding.id}",
            f"    kind: {kind_of(finding)}",
            f"    what: {{{what}}}",
            f"    at: {{{at}}}",
        ]
        unread = tuple(name for name, other in elsewhere(finding).items() if sources and other not in sources)
        lines += ["    cells:", *(f"      {name}: " for name in asked_of(finding) if not name.startswith(unread))]
    if left:
        lines += ["not_checked:"]
        for source, ids in left.items():
            lines += [f"  - ids: [{', '.join(ids)}]", f"    because: the text of {source} was not read"]
    return "\n".join(lines) + "\n"


def read_form(document: Document) -> tuple[Extraction | None, list[Problem]]:
    """Return what a filled form says, and every problem of the file.

    Parameters
    ----------
    document
        From `read_yaml`.

    Returns
    -------
    tuple
        The extraction, None as soon as the form has an error: a cell that is blank, missing or of another kind.
    """
    if document.root is None:
        return None, list(document.problems)
    problems = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    form, found = validate(document, _FormModel, document.value)
    problems += found
    if form is None:
        return None, problems
    cells: dict[tuple[str, str], Mapping[str, str]] = {}
    kinds: dict[tuple[str, str], str] = {}
    for i, item in enumerate(form.findings):
        loc: Loc = ("findings", i)
        entry, found = validate(document, _EntryModel, item, loc)
        problems += found
        if entry is None:
            continue
        key = (form.study, entry.id)
        if key in cells:
            problems.append(document.problem("LE301", (*loc, "id"), f"`{entry.id}` twice in this form", "keep one"))
        between = any(name.startswith("p_between.") for name in entry.cells)
        filled, found = validate(document, _cells_model(entry.kind, between), _asked(entry), (*loc, "cells"))
        problems += found
        kinds[key] = entry.kind
        cells[key] = {} if filled is None else {name: written(_plain(filled, name)) for name in entry.cells}
    left = {(form.study, finding): group.because for group in form.not_checked for finding in group.ids}
    extraction = Extraction(cells, kinds, form.extraction.by, form.extraction.date, left)
    return (None if any(p.is_error for p in problems) else extraction), problems


def _asked(entry: _EntryModel) -> dict[str, Any]:
    """Return the cells of an entry; a p or follow-up of a publication that was not read is not asked for as a whole."""
    wanted = {**CELLS[entry.kind], **OF_ALL}
    groups = {name.partition(".")[0] for name in entry.cells}
    unasked = {n: NOTHING for n in wanted if n.startswith(("p.", "follow_up.")) and n.partition(".")[0] not in groups}
    return {**entry.cells, **unasked}


def _plain(filled: Strict, name: str) -> object:
    value = getattr(filled, name.replace(".", "_"))
    return NOTHING if value is NOT_REPORTED else value


def read_extraction(path: str | Path) -> Extraction:
    """Read what one reader extracted: a record or a filled form, or a folder of either.

    Parameters
    ----------
    path
        A YAML file, or a folder whose ``.yaml`` files are records or filled forms.

    Returns
    -------
    Extraction
        The cells of all files together.

    Raises
    ------
    InvalidRegistry
        A file is neither, or a cell of a form is not filled in; lists every problem of every file.

    See Also
    --------
    lamevidence.audit.agreement.compare_extractions : Two of them, cell by cell.
    """
    place = a_path("path", path)
    root = place if place.is_dir() else place.parent
    budget = Budget()
    files = sorted(p for p in place.glob("*.yaml") if p.name != DECISIONS) if place.is_dir() else [place]
    problems: list[Problem] = []
    if not files:
        problems.append(
            missing(str(place), "the folder has no .yaml file", "give a folder of records or of filled forms")
        )
    found: list[Extraction] = []
    for file in files:
        document = read_yaml(file, root, budget)
        if document.root is not None and document.root.kind == "map" and document.root.get("study") is None:
            study, wrong = read_study(document, Vocabulary())
            extraction = None if study is None else extraction_of([study])
        else:
            extraction, wrong = read_form(document)
        problems += wrong
        if extraction is not None:
            found.append(extraction)
    if any(p.is_error for p in problems):
        raise InvalidRegistry(problems, root)
    return joined(found)
