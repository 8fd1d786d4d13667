"""What stands around the rows of a forest plot: header, reference lines, axis, direction labels, notes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from ...results.scale import subscripted
from ..drawing.axis import Scale, tick_label, ticks
from ..drawing.measure import missing_characters, text_size
from ..drawing.placing import put
from ..drawing.shapes import Arrow, Line, Mark
from ..drawing.text import Rich, plain, rich_width, wrap_clauses, wrap_words
from .columns import GAP, PAD, PANEL_GAP, Widths
from .entries import Content
from .presets import Preset

__all__ = ["axis_block", "footnote_block", "header", "references"]

_LINE, _REACH = 1.45, 14.0
"""Distance of two header lines, in font sizes; how far an arrow reaches beyond its direction label, in points."""


def _drawable(text: str) -> bool:
    return not missing_characters(text)


def panel_title(content: Content, width: float, fs: float) -> list[Rich]:
    """Return the lines over the panel: what is pooled, then its unit or what the ratio is."""
    title, unit = (
        subscripted(text, _drawable).replace("% predicted", "%\u00a0predicted")
        for text in (content.title, content.display.axis_title)
    )
    if title and unit.startswith("("):
        return _even(f"{title} {unit}", width, fs)
    return [line for text in (title, unit) if text for line in _even(text, width, fs)]


def _even(text: str, width: float, fs: float) -> list[Rich]:
    """Return a text wrapped to as few lines as need be, of about one length: no last line of one word."""
    lines = wrap_words(plain(text), fs, width, bold=True)
    for share in (0.5, 0.6, 0.7, 0.8, 0.9) if len(lines) > 1 else ():
        tried = wrap_words(plain(text), fs, share * width, bold=True)
        whole = " ".join("".join(r.text for r in line) for line in tried) == text
        if len(tried) == len(lines) and whole:
            return tried
    return lines


def _spanner(text: str, left: float, right: float, y: float, fs: float) -> list[Mark]:
    under = y + 0.62 * fs
    line = Line("header", left, under, right, under, 0.5)
    return [*put("header", (left + right) / 2, y, text, fs, align="center", bold=True), line]


def _data_heads(widths: Widths, base: float) -> list[Mark]:
    """Return the heads of the data columns, and the spanners over those that belong together."""
    fs = widths.fs
    marks: list[Mark] = []
    x = PAD + widths.label
    spans: dict[str, tuple[float, float]] = {}
    for column, width in zip(widths.columns, widths.data, strict=True):
        x += GAP + width
        marks += put("header", x, base, column.header, fs, align="right", bold=True)
        if column.spanner:
            spans[column.spanner] = (spans.get(column.spanner, (x - width, 0.0))[0], x)
    for name, (left, right) in spans.items():
        marks += _spanner(name, left, right, base - _LINE * fs, fs)
    return marks


def header(content: Content, style: Preset, widths: Widths, scale: Scale, total: float) -> tuple[list[Mark], float]:
    """Return the header with its rule, and where the rule is."""
    fs = widths.fs
    title = panel_title(content, scale.right - scale.left, fs)
    spanned = any(c.spanner for c in widths.columns) or widths.discs
    lift = _directions(content, scale, widths, 0.0, bold=True)[1] if style.favours_on_top else 0.0
    tall = max(len(title) * _LINE * fs + lift, (2 if spanned else 1) * _LINE * fs)
    base = PAD + tall - 0.5 * _LINE * fs
    rule = base + 0.85 * fs
    marks: list[Mark] = [*put("header", PAD, base, content.row_head, fs, bold=True)]
    marks += _data_heads(widths, base)
    if lift:
        first = base - lift + 1.45 * fs
        marks += _directions(content, scale, widths, first, bold=True, group="header")[0]
    centre = (scale.left + scale.right) / 2
    for i, line in enumerate(reversed(title)):
        marks += put("header", centre, base - lift - i * _LINE * fs, line, fs, align="center", bold=True)
    right = scale.right + PANEL_GAP + widths.effect.total
    marks += put("header", right, base, widths.effect_head[0], fs, align="right", bold=True)
    if widths.weights:
        right += GAP + widths.weight
        marks += put("header", right, base, "Weight", fs, align="right", bold=True)
    if widths.discs and content.bias is not None:
        marks += _bias_heads(content.bias.letters, right + GAP + 2, base, widths)
    marks.append(Line("header", PAD, rule, total - PAD, rule, 0.8))
    return marks, rule


def _bias_heads(letters: Sequence[str], left: float, base: float, widths: Widths) -> list[Mark]:
    used = len(letters) * widths.disc + (len(letters) - 1) * 2
    x = left + (widths.bias - used) / 2 + widths.disc / 2
    marks: list[Mark] = []
    for i, letter in enumerate(letters):
        at = x + i * (widths.disc + 2)
        marks += put("header", at, base, letter, widths.fs, align="center", bold=True)
    return marks + _spanner("Risk of bias", left, left + widths.bias, base - _LINE * widths.fs, widths.fs)


def references(content: Content, scale: Scale, rule: float, end: float, at: dict[str, float]) -> list[Mark]:
    """Return the line of no effect and the dashed line of the pooled estimate."""
    marks: list[Mark] = []
    if content.null is not None and scale.holds(content.null):
        x = scale.x(content.null)
        marks.append(Line("reference", x, rule, x, end, 0.8, "#555555"))
    pooled = next((s for s in content.summaries if s.kind == "pooled"), None)
    if pooled is not None and scale.holds(pooled.estimate):
        x = scale.x(pooled.estimate)
        marks.append(Line("reference", x, rule + 4, x, at[pooled.key], 0.7, "#999999", (4.0, 2.5)))
    return marks


def _tick_marks(scale: Scale, y: float, size: float) -> list[Mark]:
    """Return ticks and labels; a label that would touch its neighbour or leave the panel is not set."""
    values = ticks(scale.low, scale.high, log=scale.log)
    labels = [tick_label(v, values, log=scale.log) for v in values]
    marks: list[Mark] = [Line("axis", scale.left, y, scale.right, y, 0.8)]
    marks += [Line("axis", scale.x(v), y, scale.x(v), y + 3, 0.8) for v in values]
    for step in range(1, len(values) + 1):
        spans = []
        for v, label in list(zip(values, labels, strict=True))[::step]:
            half = text_size(label, size).width / 2
            spans.append((scale.x(v) - half, scale.x(v) + half, label, scale.x(v)))
        if all(b[0] - a[1] >= 3 for a, b in pairwise(spans)):
            break
    reach = PANEL_GAP - 1
    for low, high, label, x in spans:
        if low >= scale.left - reach and high <= scale.right + reach:
            marks += put("axis", x, y + 4.5 + size / 2, label, size, align="center")
    return marks


def _half(words: str, room: float, size: float, bold: bool) -> list[Rich] | None:
    lines = wrap_words(plain(words), size, room, bold=bold) if room > 0 else []
    fits = 0 < len(lines) <= 2 and all(rich_width(line, size, bold=bold) <= room for line in lines)
    whole = " ".join("".join(r.text for r in line) for line in lines) == words
    return lines if fits and whole else None


def _side(
    group: str, lines: Sequence[Rich], edge: float, y: float, sign: int, size: float, *, outward: bool, bold: bool
) -> list[Mark]:
    """Return one direction label with its arrow; ``outward`` when it starts at the panel's edge."""
    line = 1.3 * size
    align: Literal["left", "right"] = "left" if (sign > 0) != outward else "right"
    marks: list[Mark] = []
    for i, text in enumerate(lines):
        marks += put(group, edge, y + i * line, text, size, align=align, bold=bold)
    tip = edge if outward else edge + sign * max(rich_width(t, size, bold=bold) for t in lines)
    middle = y + (len(lines) - 1) * line / 2
    marks.append(Line(group, tip + 3 * sign, middle, tip + 11 * sign, middle, 0.8))
    marks.append(Arrow(group, tip + _REACH * sign, middle, sign, 4.2, 2.3, "#000000"))
    return marks


def _directions(
    content: Content, scale: Scale, widths: Widths, y: float, *, bold: bool = False, group: str = "axis"
) -> tuple[list[Mark], float]:
    """Return the direction labels around the null, or from edge to edge where one side has no room."""
    left, right, null = content.display.left, content.display.right, content.null
    if null is None or not left or not scale.holds(null):
        return [], 0.0
    size = widths.fs - (0.0 if bold else 0.5)
    line, spare = 1.3 * size, PANEL_GAP - 2
    x = scale.x(null)
    lower = _half(left, x - 6 - _REACH - scale.left + spare, size, bold)
    upper = _half(right, scale.right - _REACH - x - 6 + spare, size, bold)
    if lower is not None and upper is not None:
        marks = _side(group, lower, x - 6, y, -1, size, outward=False, bold=bold)
        marks += _side(group, upper, x + 6, y, 1, size, outward=False, bold=bold)
        return marks, (max(len(lower), len(upper)) - 1) * line + 1.45 * size
    shift = 0.0 if _side_by_side(left, right, scale, size, bold) else line
    marks = _side(group, [plain(left)], scale.left + _REACH, y, -1, size, outward=True, bold=bold)
    marks += _side(group, [plain(right)], scale.right - _REACH, y + shift, 1, size, outward=True, bold=bold)
    return marks, shift + 1.45 * size


def _side_by_side(left: str, right: str, scale: Scale, size: float, bold: bool) -> bool:
    both = sum(text_size(words, size, bold=bold).width for words in (left, right))
    return both + 2 * _REACH + 8 <= scale.right - scale.left


def _beside(content: Content, widths: Widths, y: float) -> tuple[list[Mark], float, list[tuple[Rich, ...]]]:
    """Return the notes left of the panel, where they end, and the notes that do not fit there."""
    size = widths.fs - 0.8
    step = 1.42 * size
    room = widths.left - PANEL_GAP - PAD
    marks: list[Mark] = []
    homeless: list[tuple[Rich, ...]] = []
    at = y
    for clauses in content.notes:
        lines = wrap_clauses(clauses, size, room, 6.0)
        if lines is None:
            homeless.append(clauses)
            continue
        for i, line in enumerate(lines):
            marks += put("notes", PAD + (6.0 if i else 0.0), at + step / 2, line, size)
            at += step
    return marks, at, homeless


def axis_block(content: Content, style: Preset, widths: Widths, scale: Scale, y: float) -> tuple[list[Mark], float]:
    """Return axis, direction labels and the notes beside them, and where they end."""
    fs = widths.fs
    marks = _tick_marks(scale, y, fs - 1)
    low = y + 4.5 + 1.35 * (fs - 1)
    if not style.favours_on_top:
        words, height = _directions(content, scale, widths, low + 0.75 * fs)
        marks += words
        low += height + (0.3 * fs if height else 0.0)
    beside, end, homeless = _beside(content, widths, y)
    marks += beside
    low = max(low, end) + 0.3 * fs
    total = scale.right + widths.right - 2 * PAD
    size = fs - 0.8
    for clauses in homeless:
        lines = wrap_clauses(clauses, size, total, 6.0)
        if lines is None:
            joined = tuple(run for clause in clauses for run in (*clause, *plain("; ")))[:-1]
            lines = wrap_words(joined, size, total)
        for line in lines:
            marks += put("notes", PAD, low + 0.71 * size, line, size)
            low += 1.42 * size
    return marks, low + (0.3 * fs if homeless else 0.0)


def footnote_block(content: Content, widths: Widths, total: float, y: float) -> tuple[list[Mark], float]:
    """Return the footnotes, wrapped to the figure's width, and the height of the figure."""
    size = widths.fs - 1.5
    marks: list[Mark] = []
    y += 0.3 * size
    for note in content.footnotes:
        for line in wrap_words(note, size, total - 2 * PAD):
            marks += put("footnotes", PAD, y + 0.7 * size, line, size, color="#333333")
            y += 1.42 * size
    return marks, y + PAD
