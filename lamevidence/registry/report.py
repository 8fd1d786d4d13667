"""Problems as a compiler prints them, as JSON, or as annotations of a GitHub check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..foundation.errors import OptionError, Problem
from ..foundation.printable import one_line, printable

__all__ = ["Format", "problems_json", "render_problems", "summary"]

Format: TypeAlias = Literal["text", "json", "github"]


def render_problems(problems: Sequence[Problem], output: str = "text", *, root: Path | None = None) -> str:
    """Return all problems as text.

    Parameters
    ----------
    problems
        What `load_registry` or `audit` found.
    output
        ``text``, ``json`` or ``github``.
    root
        Folder of the registry, put before the relative paths.

    Raises
    ------
    OptionError
        Another format; names the three.
    """
    if output == "text":
        return printable("\n".join([*(_text(p, root) for p in problems), summary(problems)]))
    if output == "json":
        return printable(json.dumps(problems_json(problems), indent=2, ensure_ascii=False))
    if output == "github":
        return printable("\n".join(_github(p, root) for p in problems))
    raise OptionError(f"unknown format {output!r} · choose text, json or github")


def summary(problems: Sequence[Problem]) -> str:
    """Return ``2 errors, 1 warning``."""
    errors = sum(p.is_error for p in problems)
    warnings = len(problems) - errors
    return f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"


def problems_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the public JSON shape of `check --json`."""
    names = ("code", "path", "line", "column", "where", "message", "remedy")
    return {
        "problems": [{name: getattr(p, name) for name in names} for p in problems],
        "errors": sum(p.is_error for p in problems),
        "warnings": sum(not p.is_error for p in problems),
    }


def _at(problem: Problem, root: Path | None) -> str:
    return (root / problem.path).as_posix() if root is not None else problem.path


def _text(problem: Problem, root: Path | None) -> str:
    kind = "error" if problem.is_error else "warning"
    lines = [f"{kind}[{problem.code}]: {_brief(problem.message)}"]
    place = f"  --> {_at(problem, root)}:{problem.line}:{problem.column}"
    lines.append(place + (f"   {problem.where}" if problem.where else ""))
    if problem.excerpt.strip():
        number = f"{problem.line:4d}"
        shown, column = _window(problem.excerpt, problem.column, problem.width)
        lines.append(f"{number} | {shown}")
        lines.append(f"{' ' * len(number)} | {' ' * (column - 1)}{'^' * min(problem.width, len(shown) - column + 1)}")
    lines.extend(f"       see {place}" for place in problem.related)
    lines.append(f"  help: {_brief(problem.remedy)}")
    return "\n".join(lines) + "\n"


def _brief(text: str, most: int = 2000) -> str:
    """Return a text cut where it would fill the screen: a file may hold anything, and messages quote it."""
    return one_line(text if len(text) <= most else text[: most - 1] + "…")


def _window(excerpt: str, column: int, width: int, room: int = 110) -> tuple[str, int]:
    """Return the part of a long line around the caret, and the caret's column in it."""
    text = excerpt.replace("\t", " ").rstrip()
    if len(text) <= room:
        return text, column
    start = max(0, min(column - 1 - 30, len(text) - room))
    head = "…" if start else ""
    tail = "…" if start + room < len(text) else ""
    return head + text[start : start + room] + tail, column - start + len(head)


def _escape(text: str, extra: str = "") -> str:
    out = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for character in extra:
        out = out.replace(character, f"%{ord(character):02X}")
    return out


def _github(problem: Problem, root: Path | None) -> str:
    kind = "error" if problem.is_error else "warning"
    path = _escape(_at(problem, root), ":,")
    place = f"file={path},line={problem.line},col={problem.column},title={_escape(problem.code, ':,')}"
    return f"::{kind} {place}::{_escape(problem.message + ' · ' + problem.remedy)}"
