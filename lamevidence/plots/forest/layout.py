"""A forest plot as marks with positions in points: measured first, then placed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...foundation.errors import FigureTooNarrow, OptionError
from ..drawing.axis import Scale, limits
from ..drawing.placing import put
from ..drawing.shapes import Bar, Line, Mark
from ..drawing.text import plain
from .columns import INDENT, PAD, Widths, measure_columns
from .entries import Content, StudyRow
from .frame import axis_block, footnote_block, header, references
from .presets import Preset
from .rows import row_marks

__all__ = ["BASE", "ForestLayout", "lay_out", "width_in_points"]

BASE, SMALLEST = 8.0, 6.5
PANEL, NARROWEST_PANEL = 170.0, 110.0
INNER = 6.0
_NAMED_MM = {"single": 85.0, "1.5": 140.0, "double": 178.0}
_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class ForestLayout:
    """A finished layout: canvas size, marks in drawing order, the panel's scale, and where each row is."""

    width: float
    height: float
    fs: float
    marks: tuple[Mark, ...]
    scale: Scale
    top: float
    bottom: float
    row_y: dict[str, float]


def width_in_points(width: float | str | None) -> float | None:
    """Return a width given in mm, as ``"7in"`` or by name (single, 1.5, double), in points."""
    if width is None:
        return None
    if isinstance(width, str):
        text = width.strip().lower()
        if text in _NAMED_MM:
            return _NAMED_MM[text] * _MM
        for suffix, size in (("mm", _MM), ("cm", 10 * _MM), ("in", 72.0)):
            if text.endswith(suffix):
                try:
                    value = float(text[: -len(suffix)])
                except ValueError:
                    break
                if 0 < value < 1e4:
                    return value * size
        raise OptionError(f"width={width!r} is not a width · give mm (178), '7in', 'single', '1.5' or 'double'")
    if isinstance(width, bool) or not isinstance(width, int | float) or not 20 <= width < 1e4:
        raise OptionError(f"width={width!r} is not a width in mm (85, 140, 178 …) · for inches write '7in'")
    return float(width) * _MM


def _fits(widths: Widths, width: float | None) -> float | None:
    """Return the width of the panel, or None when it would be too narrow."""
    if width is None:
        return PANEL * widths.fs / BASE
    room = width - widths.left - widths.right
    return room if room >= NARROWEST_PANEL else None


def _ladder(content: Content, style: Preset, width: float | None) -> tuple[Widths, float, tuple[str, ...]]:
    """Return the first size that fits: all columns, fewer columns, then a smaller font."""
    free = not content.fixed_columns
    drops: list[dict[str, bool]] = [{}]
    if content.bias is not None and not content.fixed_bias:
        drops.append({"discs": False})
    if content.columns and free:
        drops.append({**drops[-1], "columns": False})
    if content.show_weights:
        drops.append({**drops[-1], "weights": False})
    names = {"discs": "risk of bias", "columns": content.columns_are, "weights": "weights"}
    sizes = [(BASE, d) for d in drops]
    sizes += [(BASE - 0.25 * i, drops[-1]) for i in range(1, round((BASE - SMALLEST) / 0.25) + 1)]
    for fs, dropped in sizes:
        widths = measure_columns(content, style, fs, **dropped)
        panel = _fits(widths, width)
        if panel is not None:
            return widths, panel, tuple(names[n] for n in dropped)
    least = widths.left + widths.right + NARROWEST_PANEL
    assert width is not None
    raise FigureTooNarrow(
        f"LE601: the figure needs {math.ceil(10 * least / _MM) / 10:g} mm, got {width / _MM:.4g} mm"
        " · give a wider width, shorter labels or fewer columns"
    )


def _scale(content: Content, left: float, right: float) -> Scale:
    xlim = content.xlim
    if xlim is None:
        rows = [(r.estimate, r.low, r.high) for r in content.studies if r.estimate == r.estimate]
        ends = [(r.low, r.high) for r in (*content.subtotals, *content.summaries) if r.low == r.low]
        ends += [(r.shrunken[1], r.shrunken[2]) for r in content.studies if r.shrunken]
        ends += [(r.fitted[1], r.fitted[2]) for r in content.studies if r.fitted and r.fitted[1] == r.fitted[1]]
        xlim = limits(rows, ends, log=content.display.log, null=content.null, bounds=content.display.bounds)
    return Scale(xlim[0], xlim[1], left, right, INNER, content.display.log)


def _body(
    content: Content, style: Preset, widths: Widths, scale: Scale, top: float
) -> tuple[list[Mark], dict[str, float], float]:
    """Return the marks of all rows, the middle of each row, and where the rows end."""
    fs = widths.fs
    step = 1.625 * fs
    marks: list[Mark] = []
    at: dict[str, float] = {}
    y, group, band = top + 0.3 * step, "", 0
    right = scale.right + widths.right - PAD
    last = {row.group: row.key for row in content.studies}
    subtotals = {last[row.group]: row for row in content.subtotals}
    for row in content.studies:
        if content.grouped and row.group != group:
            y += 0.0 if row is content.studies[0] else 0.30 * step
            if row.group:
                marks += put("headings", PAD, y + step / 2, row.group, fs, bold=True)
                y, band = y + step, 0
            group = row.group
        height = step * (1.22 if content.shrinkage else 1.0)
        if style.zebra and band % 2 == 0:
            marks.insert(0, Bar("bands", PAD, y, right - PAD, height, style.zebra))
        at[row.key] = y + height / 2
        marks += row_marks(row, at[row.key], content, style, widths, scale, INDENT if _indented(row, content) else 0.0)
        y, band = y + height, band + 1
        if subtotal := subtotals.get(row.key):
            at[subtotal.key] = y + step / 2
            marks += row_marks(subtotal, at[subtotal.key], content, style, widths, scale, INDENT)
            y += step
    y += 0.5 * step if content.summaries else 0.0
    if style.hairline and content.summaries:
        marks.append(Line("frame", PAD, y - 0.1 * step, right, y - 0.1 * step, 0.4, "#888888"))
    for summary in content.summaries:
        at[summary.key] = y + step / 2
        marks += row_marks(summary, at[summary.key], content, style, widths, scale, 0.0)
        y += step
    return marks, at, y + 0.15 * step


def _indented(row: StudyRow, content: Content) -> bool:
    return content.grouped and bool(row.group)


def lay_out(content: Content, style: Preset, width: float | None) -> ForestLayout:
    """Return the layout of a forest plot, ``width`` points wide or as wide as its content needs."""
    widths, panel, dropped = _ladder(content, style, width)
    if dropped:
        note = plain(f"Left out at this width: {', '.join(dropped)}.")
        content = replace(content, footnotes=(note, *content.footnotes))
    left = widths.left
    scale = _scale(content, left, left + panel)
    total = scale.right + widths.right
    head, rule = header(content, style, widths, scale, total)
    rows, at, end = _body(content, style, widths, scale, rule)
    below, low = axis_block(content, style, widths, scale, end)
    notes, bottom = footnote_block(content, widths, total, low)
    back = references(content, scale, rule, end, at)
    bands = [m for m in rows if m.group == "bands"]
    front = [m for m in rows if m.group != "bands"]
    marks = (*bands, *back, *front, *head, *below, *notes)
    return ForestLayout(total, bottom, widths.fs, marks, scale, rule, end, at)
