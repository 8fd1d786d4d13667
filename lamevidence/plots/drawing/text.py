"""Texts with italics, subscripts and superscripts as data: runs that are measured and placed one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ...foundation.printable import one_line
from .measure import text_size

__all__ = ["Rich", "Run", "plain", "raised", "rich", "rich_width", "wrap_clauses", "wrap_words"]

_SUP, _SUB, _SMALL = 0.44, -0.22, 0.66


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one style; ``rise`` and ``scale`` are fractions of the font size.

    ``stacked`` starts the next run at the same place, so that a superscript stands above its subscript.
    """

    text: str
    italic: bool = False
    rise: float = 0.0
    scale: float = 1.0
    stacked: bool = False


Rich: TypeAlias = tuple[Run, ...]

_TOKEN = re.compile(
    r"\*(?P<it>[^*]+)\*|\^\{(?P<over>[^}]*)\}_\{(?P<under>[^}]*)\}|\^\{(?P<sup>[^}]*)\}|_\{(?P<sub>[^}]*)\}"
)


_WORD = re.compile("[\\S\u00a0]+[^\\S\u00a0]*|\\s+")


def plain(text: str) -> Rich:
    """Return a text that is printed as it stands, control characters and line breaks written out."""
    return (Run(one_line(text)),) if text else ()


def raised(text: str) -> Run:
    """Return a superscript."""
    return Run(text, rise=_SUP, scale=_SMALL)


def _token(match: re.Match[str]) -> tuple[Run, ...]:
    part = match.groupdict()
    if part["it"] is not None:
        return (Run(part["it"], italic=True),)
    if part["over"] is not None:
        return (
            Run(part["over"], rise=_SUP, scale=_SMALL, stacked=True),
            Run(part["under"], rise=_SUB, scale=_SMALL),
        )
    if part["sup"] is not None:
        return (raised(part["sup"]),)
    return (Run(part["sub"], rise=_SUB, scale=_SMALL),)


def rich(markup: str) -> Rich:
    """Return the runs of a text with ``*italic*``, ``^{superscript}`` and ``_{subscript}``.

    For the package's own sentences only; what a user wrote goes through `plain`.

    Examples
    --------
    >>> [run.text for run in rich("*I*^{2} = 9%")]
    ['I', '2', ' = 9%']
    """
    runs: list[Run] = []
    at = 0
    for match in _TOKEN.finditer(markup):
        runs += plain(markup[at : match.start()])
        runs += _token(match)
        at = match.end()
    return (*runs, *plain(markup[at:]))


def rich_width(text: Rich, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in points."""
    x = widest = 0.0
    for run in text:
        end = x + text_size(run.text, size * run.scale, bold=bold, italic=run.italic).width
        widest = max(widest, end)
        # a stacked superscript may be wider than its subscript
        x = x if run.stacked else widest
    return widest


def wrap_clauses(clauses: Sequence[Rich], size: float, width: float, indent: float) -> list[Rich] | None:
    """Return lines no wider than ``width``, broken only between clauses, or None if one does not fit."""
    lines: list[Rich] = []
    for i, clause in enumerate(clauses):
        clause = (*clause, Run(";")) if i < len(clauses) - 1 else clause
        joined = (*lines[-1], Run(" "), *clause) if lines else clause
        room = width - (indent if len(lines) > 1 else 0.0)
        if lines and rich_width(joined, size) <= room:
            lines[-1] = joined
        elif rich_width(clause, size) <= width - (indent if lines else 0.0):
            lines.append(clause)
        else:
            return None
    return [_merged(line) for line in lines]


def _pieces(text: Rich) -> list[Run]:
    """Split a text at its spaces, no-break ones aside; what cannot be split at a space stays whole."""
    out: list[Run] = []
    for run in text:
        if run.stacked or run.rise:
            out.append(run)
        else:
            out += [replace(run, text=word) for word in _WORD.findall(run.text)]
    return out


def _break(run: Run, size: float, width: float, bold: bool) -> list[Run]:
    """Split a word that is wider than the line, character by character."""
    short = len(run.text) < 2 or 2 * _by_letters(run, size, bold) <= width
    if short or rich_width((run,), size, bold=bold) <= width:
        return [run]
    parts, current = [], ""
    for character in run.text:
        if current and rich_width((Run(current + character),), size, bold=bold) > width:
            parts.append(replace(run, text=current))
            current = ""
        current += character
    return [*parts, replace(run, text=current)]


def _merged(runs: Sequence[Run]) -> Rich:
    """Join neighbours of one style, so that they are measured and set as one piece."""
    out: list[Run] = []
    for run in runs:
        if out and replace(out[-1], text=run.text) == run and not (run.stacked or run.rise):
            out[-1] = replace(run, text=out[-1].text + run.text)
        elif run.text:
            out.append(run)
    return tuple(out)


def _stripped(line: Sequence[Run]) -> Rich:
    return _merged((*line[:-1], replace(line[-1], text=line[-1].text.rstrip())))


def wrap_words(text: Rich, size: float, width: float, *, bold: bool = False) -> list[Rich]:
    """Return lines no wider than ``width``, broken at spaces, or within a word that is wider than that."""
    pieces = [part for run in _pieces(text) for part in _break(run, size, width, bold)]
    lines: list[Rich] = []
    start = 0
    while start < len(pieces):
        end = _line_end(pieces, start, size, width, bold)
        lines.append(_stripped(pieces[start:end]))
        start = end
    return [line for line in lines if line]


def _line_end(pieces: Sequence[Run], start: int, size: float, width: float, bold: bool) -> int:
    """Return the end of a line: the pieces before it fit, with the next they do not.

    The letters' widths, each measured once, say about where; whole texts, which take long to measure, decide.
    """

    def fits(end: int) -> bool:
        return rich_width(_stripped(pieces[start:end]), size, bold=bold) <= width

    end, room = start + 1, width - _by_letters(pieces[start], size, bold)
    while end < len(pieces) and room >= _by_letters(pieces[end], size, bold):
        room -= _by_letters(pieces[end], size, bold)
        end += 1
    while end > start + 1 and not fits(end):
        end -= 1
    while end < len(pieces) and fits(end + 1):
        end += 1
    return end


def _by_letters(run: Run, size: float, bold: bool) -> float:
    """Return about how wide a text is: without what neighbours do to each other."""
    scale = size * run.scale
    return sum(text_size(letter, scale, bold=bold, italic=run.italic).width for letter in run.text)
