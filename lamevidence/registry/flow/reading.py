"""A flow from a mapping or a YAML file: every problem at once, with its place."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidatorFunctionWrapHandler, WrapValidator

from ...foundation.errors import InvalidFlow, Problem
from ...foundation.options import shown
from ..files import read_yaml
from ..nodes import Document, Node, PlainDate
from ..records import NOT_REPORTED, NotReported
from ..rules_study import unknown
from ..scalars import CountOrNot, Text, read_count, trouble
from ..schema_findings import Strict
from ..validation import duplicate_problems, text_problems, validate
from .boxes import Counts, FlowIncluded, FlowOther, FlowSearched
from .prisma_flow import PrismaFlow
from .sums import sum_problems

__all__ = ["flow_of", "mapping_document", "read_flow", "refuse"]

_DEEPEST = 6
"""Levels of a mapping that are looked into; a flow has three."""


def _one_or_named(value: Any, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
    """Read one number as a number without a name."""
    if not isinstance(value, dict):
        return {"": NOT_REPORTED if value == "not_reported" else read_count(value)}
    if not value:
        raise trouble("LE102", "no name and no number", "write one number, or `name: number` lines, or not_reported")
    if any(not str(name).strip() for name in value):
        raise trouble("LE108", "a number without a name", "name the database, register, method or reason")
    return read(value)


def _date(value: Any) -> str:  # noqa: ANN401
    remedy = 'write a day, a month or a year in quotes: "2024-12-24", "2024-12" or "2024", or not_reported'
    if isinstance(value, PlainDate) or type(value) is int:
        raise trouble("LE107", f"`{value}` is not text", remedy)
    try:
        if type(value) is not str:
            raise ValueError(value)
        # a month or a year is a date when its first day is one
        datetime.date.fromisoformat({4: f"{value}-01-01", 7: f"{value}-01"}.get(len(value), value))
    except ValueError:
        raise trouble("LE106", f"`{shown(value)}` is not a date", remedy) from None
    return value


def _dates(value: Any, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
    if value == "not_reported":
        return {}
    return read(value) if isinstance(value, dict) else {"": _date(value)}


Named = Annotated[dict[str, CountOrNot], WrapValidator(_one_or_named)]
Date = Annotated[Text, BeforeValidator(_date)]


class SearchedModel(Strict):
    """Databases and registers."""

    databases: Named
    registers: Named
    duplicates: CountOrNot
    automation: CountOrNot
    other_reasons: CountOrNot
    screened: CountOrNot
    excluded: Named
    sought: CountOrNot
    not_retrieved: CountOrNot
    assessed: CountOrNot
    excluded_reports: Named


class OtherModel(Strict):
    """Other methods."""

    identified: Named
    sought: CountOrNot
    not_retrieved: CountOrNot
    assessed: CountOrNot
    excluded_reports: Named


class IncludedModel(Strict):
    """Studies and their reports."""

    studies: CountOrNot
    reports: CountOrNot


class FlowModel(Strict):
    """The whole flow."""

    searched: Annotated[dict[str, Date], WrapValidator(_dates)] = Field(default_factory=dict)
    previous: IncludedModel | None = None
    databases_and_registers: SearchedModel
    other_methods: OtherModel | None = None
    included: IncludedModel
    total: IncludedModel | None = None


def read_flow(path: Path, root: Path | None = None) -> tuple[PrismaFlow | None, Document, list[Problem]]:
    """Return the flow of a YAML file, None as soon as it has an error; the file; and all its problems."""
    document = read_yaml(path, root)
    flow, problems = flow_of(document)
    return flow, document, problems


def flow_of(document: Document) -> tuple[PrismaFlow | None, list[Problem]]:
    """Return the flow of a document, None as soon as it has an error, and its problems in the order of the file."""
    root = document.root
    if root is None:
        return None, list(document.problems)
    problems = [*document.problems, *duplicate_problems(document), *text_problems(document)]
    if root.kind != "map":
        what = "a list" if root.kind == "list" else "text"
        problems.append(
            document.problem("LE107", (), f"{what}, where a flow is a mapping", "start with `databases_and_registers:`")
        )
        return None, problems
    model, found = validate(document, FlowModel, root.value)
    problems += [*found, *_halves(document), *_sources(document), *sum_problems(document)]
    blank = {p.where for p in problems if p.code == "LE108"}
    kept = [p for p in dict.fromkeys(problems) if p.code == "LE108" or p.where not in blank]
    ordered = sorted(kept, key=lambda p: (p.line, p.column))
    if model is None or any(p.is_error for p in ordered):
        return None, ordered
    return _frozen(model, document.path, tuple(p.message for p in ordered if p.code == "LW702")), ordered


def _halves(document: Document) -> list[Problem]:
    """Return what an update lacks: the version before and the total go together."""
    given = {name for name in ("previous", "total") if document.root is not None and document.root.get(name)}
    if len(given) != 1:
        return []
    there = given.pop()
    lacking = "total" if there == "previous" else "previous"
    remedy = f"add `{lacking}: {{studies: …, reports: …}}`, or delete `{there}` where the review is no update"
    return [document.problem("LE102", (there,), f"`{there}` without `{lacking}`", remedy, key=True)]


def _sources(document: Document) -> list[Problem]:
    """Return the dates of sources that were not searched, where all sources are named."""
    root = document.root
    dates = None if root is None else root.get("searched")
    if root is None or dates is None or dates.kind != "map":
        return []
    block, other = root.get("databases_and_registers"), root.get("other_methods")
    named = [n for n in (block and block.get("databases"), block and block.get("registers")) if n is not None]
    named += [n for n in (other and other.get("identified"),) if n is not None]
    if any(n.kind != "map" for n in named if n.text != "0"):
        return []
    names = [key.text for n in named for key in n.keys]
    return [
        unknown(document, ("searched", key.text), "source", key.text, names)
        for key in dates.keys
        if key.text not in names
    ]


def _number(n: int | NotReported) -> int | None:
    return n if isinstance(n, int) else None


def _numbers(named: Mapping[str, int | NotReported]) -> Counts:
    return MappingProxyType({name: _number(n) for name, n in named.items()})


def _part(model: Strict) -> dict[str, Any]:
    values = {name: getattr(model, name) for name in type(model).model_fields}
    return {k: _numbers(v) if isinstance(v, dict) else _number(v) for k, v in values.items()}


def _frozen(model: FlowModel, source: str, notes: tuple[str, ...]) -> PrismaFlow:
    def pair(part: IncludedModel | None) -> FlowIncluded | None:
        return None if part is None else FlowIncluded(**_part(part))

    other = model.other_methods
    return PrismaFlow(
        FlowSearched(**_part(model.databases_and_registers)),
        FlowIncluded(**_part(model.included)),
        None if other is None else FlowOther(**_part(other)),
        pair(model.previous),
        pair(model.total),
        MappingProxyType(dict(model.searched)),
        source,
        notes,
    )


def mapping_document(given: Mapping[Any, Any]) -> Document:
    """Return a mapping as a file of no lines, so that it is read, and refused, in the same words."""
    return Document("the mapping", _node(given, 0))


def _node(value: Any, depth: int) -> Node:  # noqa: ANN401
    if isinstance(value, Mapping) and depth < _DEEPEST:
        keys = tuple(_scalar(str(name), plain=False) for name in value)
        return Node("map", 0, 0, keys=keys, children=tuple(_node(x, depth + 1) for x in value.values()))
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return Node("list", 0, 0, children=tuple(_node(x, depth + 1) for x in value))
    if value is None or isinstance(value, bool):
        return _scalar("" if value is None else str(value).lower(), plain=True)
    if isinstance(value, str):
        return _scalar(value, plain=False)
    if isinstance(value, Integral | Real | Decimal):
        return _scalar(shown(int(value)) if isinstance(value, Integral) else str(value), plain=True)
    if isinstance(value, datetime.date):
        return _scalar(value.isoformat(), plain=False)
    return _scalar(shown(value), plain=False)


def _scalar(text: str, *, plain: bool) -> Node:
    return Node("scalar", 0, 0, max(1, len(text)), text, plain)


def refuse(problems: list[Problem], root: Path | None = None) -> None:
    """Raise all errors among the problems, if there is one.

    Raises
    ------
    InvalidFlow
        Lists every problem.
    """
    if any(p.is_error for p in problems):
        raise InvalidFlow(problems, root)
