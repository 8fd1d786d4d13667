"""What an evidence table looks like on a screen: a dozen lines of text, or a small HTML table."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ..foundation.numbers import NOT_SHOWN, count, decimals_for, fixed
from ..foundation.printable import one_line, printable
from .measures import MEASURES, FloatArray

__all__ = ["MAX_LINES", "table_html", "table_text"]

MAX_LINES = 12
"""Most lines of the short form; what does not fit is counted, and where to read it is said."""
HTML_ROWS = 20
WIDEST = 40
"""Longest label that is printed whole."""


class TableLike(Protocol):
    """What is read of a table."""

    yi: FloatArray
    vi: FloatArray
    n: FloatArray
    labels: tuple[str, ...]
    studies: tuple[str, ...]
    measure: str
    unit: str | None
    title: str
    counts: Mapping[str, FloatArray]
    moderators: Mapping[str, Any]
    excluded: tuple[Any, ...]
    notes: tuple[str, ...]


def _heading(table: TableLike) -> tuple[str, str]:
    """Return the title, and in one line how much there is."""
    k, studies = len(table.labels), len(set(table.studies))
    unit = f" in {table.unit}" if table.unit else ""
    parts = [f"{table.measure}, {MEASURES[table.measure].title}{unit}", f"k = {k}"]
    if studies != k:
        parts.append(f"{studies} {'study' if studies == 1 else 'studies'}")
    known = table.n[np.isfinite(table.n)]
    if known.size:
        parts.append(f"N = {count(float(known.sum()))}")
    if table.moderators:
        names = list(map(str, table.moderators))
        parts.append(f"moderators {', '.join(names[:4])}{' …' if len(names) > 4 else ''}")
    return one_line(f"EvidenceTable{f': {table.title}' if table.title else ''}"), one_line(" · ".join(parts))


def _left_out(table: TableLike) -> str:
    if not table.excluded:
        return ""
    one = len(table.excluded) == 1
    return f"{len(table.excluded)} {'row was' if one else 'rows were'} left out: .excluded says which and why"


def _cells(table: TableLike, most: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the head and the first rows, as text."""
    k = min(len(table.labels), most)
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(table.vi[:k])
    usual = float(np.median(errors[np.isfinite(errors)])) if np.isfinite(errors).any() else math.nan
    digits = decimals_for(usual)
    has_n = bool(np.isfinite(table.n).any())
    rows: list[tuple[str, ...]] = []
    for i in range(k):
        name = one_line(table.labels[i])
        name = name if len(name) <= WIDEST else f"{name[: WIDEST - 1]}…"
        row = (name, _number(float(table.yi[i]), digits), _number(float(errors[i]), digits))
        rows.append((*row, count(float(table.n[i]))) if has_n else row)
    return ("row", "yi", "se", "n") if has_n else ("row", "yi", "se"), rows


def _number(x: float, digits: int) -> str:
    if math.isnan(x):
        return NOT_SHOWN
    return fixed(x, digits) if abs(x) < 1e9 else f"{x:.3g}"


def table_text(table: TableLike) -> str:
    """Return the table in at most `MAX_LINES` lines: title, measure and unit, k, N, the first rows, what is left out.

    Parameters
    ----------
    table
        An `EvidenceTable`.
    """
    left_out = _left_out(table)
    room = MAX_LINES - 3 - bool(left_out)
    k = len(table.labels)
    head, rows = _cells(table, room if k <= room else room - 1)
    lines = [*_heading(table)]
    if rows:
        widths = [max(len(row[j]) for row in (head, *rows)) for j in range(len(head))]
        lines += [
            "  ".join(c.ljust(w) if j == 0 else c.rjust(w) for j, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in (head, *rows)
        ]
    if len(rows) < k:
        lines.append(f"… and {k - len(rows)} more · to_frame() has all")
    return printable("\n".join([*lines, left_out] if left_out else lines))


def table_html(table: TableLike) -> str:
    """Return the table as an HTML fragment with its first rows."""
    title, facts = map(html.escape, _heading(table))
    head, rows = _cells(table, HTML_ROWS)
    cells = "".join(f"<th>{c}</th>" for c in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    more = len(table.labels) - len(rows)
    tail = [f"… and {more} more: to_frame() has all"] if more else []
    tail += [_left_out(table)] if table.excluded else []
    tail += list(table.notes)
    notes = "".join(f"<li>{html.escape(line)}</li>" for line in tail)
    return printable(
        f"<div><strong>{title}</strong><br>{facts}<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
        f"{f'<ul>{notes}</ul>' if notes else ''}</div>"
    )
