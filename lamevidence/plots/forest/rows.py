"""The marks of one row of a forest plot: label, cells, glyph, numbers, risk of bias."""

from __future__ import annotations

import math

from ..bias import judgement
from ..drawing.axis import Scale
from ..drawing.measure import text_size
from ..drawing.placing import put
from ..drawing.shapes import Arrow, Bar, Diamond, Disc, Line, Mark, Square
from .columns import GAP, NOT_ESTIMABLE, PAD, PANEL_GAP, Widths, effect_text, label_text, weight_text
from .data_columns import DataColumn
from .entries import Content, StudyRow, SummaryRow
from .presets import Preset

__all__ = ["BAYES", "clipped", "row_marks"]

BAYES, PREDICTION, PREDICTION_BAYES = "#b5541c", "#8aa4bf", "#e8b894"
_ARROW_LENGTH, _ARROW_HEIGHT = 4.2, 2.6
_SHORT = 3.0
"""The line stops this many points before the tip of its arrow."""


def _arrow(group: str, x: float, y: float, direction: int, color: str) -> Arrow:
    return Arrow(group, x, y, direction, _ARROW_LENGTH, _ARROW_HEIGHT, color)


def interval_line(
    group: str, low: float, high: float, y: float, scale: Scale, width: float, color: str, cap: float = 0.0
) -> list[Mark]:
    """Return the line of an interval, with an arrowhead at the panel's edge where it goes on."""
    if high < scale.low or low > scale.high:
        direction = -1 if high < scale.low else 1
        return [_arrow(group, scale.left if direction < 0 else scale.right, y, direction, color)]
    cut_left, cut_right = low < scale.low, high > scale.high
    x0 = scale.left + _SHORT if cut_left else scale.x(low)
    x1 = scale.right - _SHORT if cut_right else scale.x(high)
    marks: list[Mark] = [Line(group, x0, y, x1, y, width, color)]
    for cut, x, direction in ((cut_left, x0, -1), (cut_right, x1, 1)):
        if cut:
            marks.append(_arrow(group, scale.left if direction < 0 else scale.right, y, direction, color))
        elif cap:
            marks.append(Line(group, x, y - cap, x, y + cap, width, color))
    return marks


def clipped(points: list[tuple[float, float]], left: float, right: float) -> tuple[tuple[float, float], ...]:
    """Return a convex polygon cut at two upright lines (Sutherland & Hodgman 1974, doi:10.1145/360767.360802)."""
    for edge, keep in ((left, 1.0), (right, -1.0)):
        out: list[tuple[float, float]] = []
        for (xa, ya), (xb, yb) in zip(points, [*points[1:], *points[:1]], strict=True):
            inside_a, inside_b = keep * (xa - edge) >= 0, keep * (xb - edge) >= 0
            if inside_a:
                out.append((xa, ya))
            if inside_a != inside_b:
                out.append((edge, ya + (yb - ya) * (edge - xa) / (xb - xa)))
        points = out
    return tuple(points)


def _finite(x: float, scale: Scale) -> float:
    """Return a place far outside the panel for an infinite bound, so that a polygon can be cut there."""
    far = 10 * (scale.right - scale.left)
    return min(max(x, scale.left - far), scale.right + far)


def diamond(row: SummaryRow, y: float, half: float, scale: Scale, face: str, edge: str) -> list[Mark]:
    """Return a pooled diamond, cut at the panel, or an arrowhead when it lies outside altogether."""
    low = row.estimate if math.isnan(row.low) else row.low
    high = row.estimate if math.isnan(row.high) else row.high
    x0, x, x1 = (_finite(scale.x(v), scale) for v in (low, row.estimate, high))
    corners = clipped([(x0, y), (x, y - half), (x1, y), (x, y + half)], scale.left, scale.right)
    if len(corners) < 3:
        direction = -1 if x < scale.left else 1
        return [_arrow(row.key, scale.left if direction < 0 else scale.right, y, direction, edge)]
    return [Diamond(row.key, corners, face, edge)]


def _bar(row: SummaryRow, y: float, height: float, scale: Scale) -> list[Mark]:
    color = PREDICTION_BAYES if row.bayes else PREDICTION
    if row.high < scale.low or row.low > scale.high:
        return interval_line(row.key, row.low, row.high, y, scale, 0.9, color)
    x0 = scale.left + _SHORT if row.low < scale.low else scale.x(row.low)
    x1 = scale.right - _SHORT if row.high > scale.high else scale.x(row.high)
    marks: list[Mark] = [Bar(row.key, x0, y - height / 2, x1 - x0, height, color)]
    if row.low < scale.low:
        marks.append(Arrow(row.key, scale.left, y, -1, _ARROW_LENGTH, height / 2 + 1.2, color))
    if row.high > scale.high:
        marks.append(Arrow(row.key, scale.right, y, 1, _ARROW_LENGTH, height / 2 + 1.2, color))
    return marks


FITTED = "#8c8c8c"


def _fitted_glyph(row: StudyRow, y: float, step: float, scale: Scale) -> list[Mark]:
    """Return the open diamond of a fitted value, behind the study it is for."""
    assert row.fitted is not None
    middle, low, high = row.fitted
    place = SummaryRow(row.key, "fitted", "", False, middle, low, high, math.nan, False)
    return diamond(place, y, 0.36 * step, scale, "#ffffff", FITTED)


def _study_glyph(row: StudyRow, y: float, step: float, scale: Scale, style: Preset) -> list[Mark]:
    if math.isnan(row.estimate):
        return _shrunken_glyph(row, y, step, scale)
    lifted = y - (0.12 * step if row.shrunken else 0.0)
    marks: list[Mark] = _fitted_glyph(row, y, step, scale) if row.fitted and not math.isnan(row.fitted[0]) else []
    if not math.isnan(row.low):
        cap = 0.12 * step if style.caps else 0.0
        marks += interval_line(row.key, row.low, row.high, lifted, scale, 0.9, "#000000", cap)
    if scale.holds(row.estimate):
        side = max(0.22 * step, 0.78 * step * math.sqrt(row.area)) * (0.85 if row.shrunken else 1.0)
        x = scale.x(row.estimate)
        marks.append(Square(row.key, x, lifted, side, style.square, hollow=row.hollow))
        tick = style.square if row.hollow else "#ffffff"
        marks.append(Line(row.key, x, lifted - 0.28 * side, x, lifted + 0.28 * side, 0.6, tick))
    elif math.isnan(row.low):
        direction = -1 if row.estimate < scale.low else 1
        marks.append(_arrow(row.key, scale.left if direction < 0 else scale.right, lifted, direction, "#000000"))
    return marks + _shrunken_glyph(row, y, step, scale)


def _shrunken_glyph(row: StudyRow, y: float, step: float, scale: Scale) -> list[Mark]:
    """Return the posterior of a study's effect, under the observed one."""
    if row.shrunken is None:
        return []
    under = y + 0.33 * step
    middle, low, high = row.shrunken
    marks = interval_line(row.key, low, high, under, scale, 0.8, BAYES)
    if scale.holds(middle):
        marks.append(Disc(row.key, scale.x(middle), under, 1.5, "#ffffff", BAYES, 0.8))
    return marks


def _effect(
    row: StudyRow | SummaryRow,
    y: float,
    right: float,
    content: Content,
    style: Preset,
    widths: Widths,
    bold: bool,
    color: str,
) -> list[Mark]:
    """Return the estimate and its bounds, each piece right-aligned at its own edge."""
    text, w, fs = effect_text(row, content, style), widths.effect, widths.fs
    if text.estimate == NOT_ESTIMABLE:
        return [*put(row.key, right, y, text.estimate, fs, align="right", color="#333333")]
    marks: list[Mark] = []
    after = {",": 0.32, "-": 0.0, "to": 0.32}[widths.separator] * fs
    separator = right - w.high - after - w.separator
    low = separator - w.near
    if text.low and widths.separator == "-":
        marks += put(row.key, right, y, text.hyphened, fs, align="right", bold=bold, color=color)
    elif text.low:
        marks += put(row.key, right, y, text.high, fs, align="right", bold=bold, color=color)
        mid = separator + w.separator / 2
        if widths.separator == ",":
            marks += put(row.key, separator, y, ",", fs, bold=bold, color=color)
        else:
            marks += put(row.key, mid, y, widths.separator, fs, align="center", bold=bold, color=color)
        marks += put(row.key, low, y, text.low, fs, align="right", bold=bold, color=color)
    if text.estimate:
        marks += put(row.key, low - w.low - w.wide, y, text.estimate, fs, align="right", bold=bold, color=color)
    return marks


def _discs(row: StudyRow, y: float, left: float, content: Content, widths: Widths) -> list[Mark]:
    assert content.bias is not None
    marks: list[Mark] = []
    letters = len(content.bias.letters)
    used = letters * widths.disc + (letters - 1) * 2
    x = left + (widths.bias - used) / 2 + widths.disc / 2
    for words in content.bias.rows[row.position]:
        look = judgement(words)
        marks.append(Disc(row.key, x, y, widths.disc / 2, look.face, "#000000", 0.4))
        size = widths.fs - 1
        box = text_size(look.symbol, size, bold=True)
        base = y + (box.ascent - box.descent) / 2
        if look.symbol:
            marks += put(row.key, x, base, look.symbol, size, align="center", bold=True, color=look.ink, middle=False)
        x += widths.disc + 2
    return marks


def _glyph(row: StudyRow | SummaryRow, y: float, step: float, scale: Scale, style: Preset) -> list[Mark]:
    if isinstance(row, StudyRow):
        return _study_glyph(row, y, step, scale, style)
    if row.kind == "prediction":
        return _bar(row, y, 0.22 * step, scale)
    if row.kind == "subgroup":
        return diamond(row, y, 0.85 * 0.31 * step, scale, "#ffffff", style.diamond_edge)
    face, edge = (BAYES, BAYES) if row.bayes else (style.diamond, style.diamond_edge)
    return diamond(row, y, 0.31 * step, scale, face, edge)


def _total(row: SummaryRow, column: DataColumn) -> str:
    if row.kind == "subgroup":
        return column.subtotal(row.members)
    return column.total if row.totals else ""


def row_marks(
    row: StudyRow | SummaryRow, y: float, content: Content, style: Preset, widths: Widths, scale: Scale, indent: float
) -> list[Mark]:
    """Return everything that is drawn on one row."""
    fs, step = widths.fs, 1.625 * widths.fs
    pooled = isinstance(row, SummaryRow)
    bold = isinstance(row, SummaryRow) and row.kind != "prediction"
    color = BAYES if isinstance(row, SummaryRow) and row.bayes and row.kind == "pooled" else "#000000"
    label = label_text(row) if isinstance(row, StudyRow) else row.label
    marks: list[Mark] = [*put(row.key, PAD + indent, y, label, fs, bold=bold, color=color)]
    x = PAD + widths.label
    for column, width in zip(widths.columns, widths.data, strict=True):
        x += GAP + width
        cell = column.cells[row.position] if isinstance(row, StudyRow) else _total(row, column)
        if cell:
            marks += put(row.key, x, y, cell, fs, align="right", bold=pooled, color=color)
    marks += _glyph(row, y, step, scale, style)
    right = scale.right + PANEL_GAP + widths.effect.total
    marks += _effect(row, y, right, content, style, widths, bold, color)
    if widths.weights:
        right += GAP + widths.weight
        text = weight_text(row)
        marks += put(row.key, right, y, text, fs, align="right", bold=bold, color=color) if text else []
    if widths.discs and isinstance(row, StudyRow):
        marks += _discs(row, y, right + GAP + 2, content, widths)
    return marks
