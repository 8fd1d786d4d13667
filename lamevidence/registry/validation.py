"""From a pydantic error to a `Problem` with its line: one problem for each thing to mend."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ..foundation.errors import Problem, did_you_mean
from ..foundation.printable import printable
from .nodes import Document, Loc

__all__ = ["allowed_fields", "duplicate_problems", "text_problems", "validate"]

M = TypeVar("M", bound=BaseModel)
_AT = 'add `at: {source: main, table: "2", row: …, printed: "…"}`; nothing is pooled without'
_QUOTED = re.compile(r"'([^']*)'")


def validate(document: Document, model: type[M], value: Any, loc: Loc = ()) -> tuple[M | None, list[Problem]]:  # noqa: ANN401
    """Check one part of a document against its model.

    Parameters
    ----------
    document
        The file, for places and excerpts.
    model
        What the part must be.
    value
        The part as plain Python (``node.value``).
    loc
        Where in the document the part is.

    Returns
    -------
    tuple
        The model, or None with all the part's problems.
    """
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [
            p for e in error.errors(include_url=False) if (p := _problem(document, model, e, loc)) is not None
        ]


def _problem(document: Document, model: type[BaseModel], error: Mapping[str, Any], base: Loc) -> Problem | None:
    inner: Loc = error["loc"]
    loc = document.known((*base, *inner))
    kind, given = error["type"], error.get("input")
    context = error.get("ctx") or {}
    if kind.startswith(("LE", "LW")):
        if kind == "LE108" and given is None:  # the walk over the tree has reported it
            return None
        return document.problem(kind, loc, context["said"], context["remedy"])
    if kind == "extra_forbidden":
        name = str(inner[-1])
        fields = allowed_fields(model, inner[:-1])
        near = did_you_mean(name, fields)
        hint = f"did you mean `{near}`? " if near else ""
        return document.problem(
            "LE101", loc, f"unknown field `{name}`", f"{hint}allowed here: {', '.join(fields)}", key=True
        )
    if kind == "missing" and inner[-1] == "at":
        return document.problem("LE501", loc, "the finding has no place in print: `at` is missing", _AT)
    if kind == "missing":
        return document.problem("LE102", loc, f"`{inner[-1]}` is missing", _missing_help(str(inner[-1]), model, inner))
    if given is None:
        return None
    return _shape_problem(document, loc, kind, given, context)


def _shape_problem(
    document: Document,
    loc: Loc,
    kind: str,
    given: Any,  # noqa: ANN401
    context: Mapping[str, Any],
) -> Problem:
    if kind in ("literal_error", "union_tag_invalid"):
        choices = _QUOTED.findall(str(context.get("expected") or context.get("expected_tags")))
        tag = context.get("tag", given)
        where = (*loc, "kind") if kind == "union_tag_invalid" else loc
        return _not_allowed(document, where, tag, choices)
    if kind == "union_tag_not_found":
        return document.problem(
            "LE102",
            (*loc, "kind"),
            "`kind` is missing",
            "a finding is continuous, dichotomous, rate, contrast, paired or direction",
        )
    if kind == "too_short":
        return document.problem("LE102", loc, "the list is empty", "a record needs at least one")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return document.problem(
            "LE107",
            loc,
            f"{_kind_of(given)} where fields are expected",
            "write `field: value` lines, indented",
        )
    if kind == "list_type":
        return document.problem(
            "LE107", loc, f"{_kind_of(given)} where a list is expected", "start each item with `- `"
        )
    return document.problem(
        "LE107",
        loc,
        f"{_kind_of(given)} is not allowed here",
        "compare with the example in studies/README.md",
    )


def _not_allowed(document: Document, loc: Loc, given: Any, choices: list[str]) -> Problem:  # noqa: ANN401
    near = did_you_mean(given, choices)
    hint = f"did you mean `{near}`? " if near else ""
    shown = f"`{given}`" if not isinstance(given, dict | list) else _kind_of(given)
    return document.problem("LE106", loc, f"{shown} is not allowed here", f"{hint}allowed: {', '.join(choices)}")


def _kind_of(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def _missing_help(name: str, model: type[BaseModel], inner: Loc) -> str:
    if name == "dispersion":
        kinds = "`{type: se | sd | ci | iqr | range, …}`"
        return f"say what the printed ± or interval is: {kinds}, or `dispersion: not_reported`"
    return "add it; what the source does not say is written not_reported"


def allowed_fields(model: type[BaseModel], loc: Loc) -> tuple[str, ...]:
    """Return the field names that a model allows at a place inside it."""
    found = [model]
    for step in loc:
        if isinstance(step, int):
            continue
        deeper = [m for f in found for m in _models_in(f, step)]
        found = deeper or found
    names: dict[str, None] = {}
    for item in found:
        for name, info in item.model_fields.items():
            names[info.alias or name] = None
    return tuple(names)


def _models_in(model: type[BaseModel], step: str) -> Iterator[type[BaseModel]]:
    for name, info in model.model_fields.items():
        if step in (name, info.alias):
            yield from _models_of(info.annotation)


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_of(part)


def duplicate_problems(document: Document) -> list[Problem]:
    """Return one LE002 for every field that a mapping gives twice."""
    found = []
    for loc, node in document.root.walk() if document.root else ():
        if node.kind != "map":
            continue
        first: dict[str, int] = {}
        for key, child in zip(node.keys, node.children, strict=True):
            if key.text in first:
                lines = f"lines {first[key.text]} and {key.line}" if first[key.text] != key.line else f"line {key.line}"
                place = document.problem("LE002", loc, f"`{key.text}` given twice ({lines})", "keep one")
                found.append(_moved(document, place, key.line, key.column, key.width, (*loc, key.text)))
            else:
                first[key.text] = key.line
            del child
    return found


def _moved(document: Document, problem: Problem, line: int, column: int, width: int, loc: Loc) -> Problem:
    from dataclasses import replace

    from .nodes import path_text

    excerpt = document.lines[line - 1] if 0 < line <= len(document.lines) else ""
    return replace(problem, line=line, column=column, width=width, excerpt=excerpt, where=path_text(loc))


def text_problems(document: Document) -> list[Problem]:
    """Return one LE108 for every field without a value, and one LW109 for every text that is not safe to print."""
    return [*_blank(document), *_unprintable(document)]


def _unprintable(document: Document) -> list[Problem]:
    if not any("\\" in line or printable(line) != line for line in document.lines):
        return []  # only an escape sequence or the character itself can make one
    found = []
    for loc, node in document.root.walk() if document.root else ():
        for text, key in [(node.text, False), *((k.text, True) for k in node.keys)]:
            if (safe := printable(text)) != text:
                codes = sorted({f"U+{ord(c):04X}" for c in text if printable(c) != c})
                message = f"`{safe if len(safe) <= 40 else safe[:37] + '...'}` holds {', '.join(codes)}"
                where = (*loc, text) if key else loc
                found.append(document.problem("LW109", where, message, "write the text without it", key=key))
    return found


def _blank(document: Document) -> list[Problem]:
    return [
        document.problem(
            "LE108",
            loc,
            f"`{loc[-1]}` is blank",
            "write what the source says, not_reported, or delete the field",
            key=True,
        )
        for loc, node in (document.root.walk() if document.root else ())
        if loc and node.kind == "scalar" and node.value is None
    ]
