"""How wide every column of a forest plot is, at a font size: the measuring pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...foundation.numbers import MINUS, NOT_SHOWN, fixed, percent
from ..drawing.measure import text_size
from ..drawing.text import Rich, plain, raised, rich_width
from .data_columns import DataColumn
from .entries import Content, StudyRow, SummaryRow
from .presets import Preset

__all__ = [
    "NOT_ESTIMABLE",
    "Effect",
    "EffectWidths",
    "Widths",
    "effect_text",
    "label_text",
    "measure_columns",
    "weight_text",
]

NOT_ESTIMABLE = "not estimable"
GAP, PANEL_GAP, PAD, INDENT = 8.0, 10.0, 6.0, 7.0


@dataclass(frozen=True, slots=True)
class Effect:
    """The printed pieces of an estimate with its interval; empty strings where there is nothing to print."""

    estimate: str
    low: str
    high: str

    @property
    def hyphened(self) -> str:
        """The bounds as one word, for the hyphen."""
        return f"{self.low}-{self.high}" if self.low else ""

    def joined(self, separator: str) -> str:
        """Return the pieces as one string."""
        between = {",": ", ", "-": "-", "to": " to "}[separator]
        bounds = f"{self.low}{between}{self.high}" if self.low else ""
        return f"{self.estimate} {bounds}".strip()


@dataclass(frozen=True, slots=True)
class EffectWidths:
    """Widths of the pieces of the estimate column, and the gaps between them."""

    estimate: float
    low: float
    separator: float
    high: float
    near: float
    wide: float
    total: float


@dataclass(frozen=True, slots=True)
class Widths:
    """Widths of all columns, in points, and the words of their heads."""

    fs: float
    label: float
    data: tuple[float, ...]
    effect: EffectWidths
    effect_head: tuple[str, ...]
    separator: str
    weight: float
    disc: float
    bias: float
    columns: tuple[DataColumn, ...]
    weights: bool
    discs: bool

    @property
    def left(self) -> float:
        """From the left edge to the panel."""
        return PAD + self.label + sum(GAP + w for w in self.data) + PANEL_GAP

    @property
    def right(self) -> float:
        """From the panel to the right edge."""
        weight = GAP + self.weight if self.weights else 0.0
        bias = GAP + 2 + self.bias if self.discs else 0.0
        return PANEL_GAP + self.effect.total + weight + bias + PAD


def effect_text(row: StudyRow | SummaryRow, content: Content, style: Preset) -> Effect:
    """Return the printed estimate and interval of a row."""
    d = content.decimals
    if isinstance(row, StudyRow) and math.isnan(row.estimate):
        return Effect(NOT_ESTIMABLE, "", "")
    estimate = "" if math.isnan(row.estimate) else fixed(row.estimate, d)
    if math.isnan(row.low) or math.isnan(row.high):
        return Effect(estimate, "", "")
    opening, closing = style.brackets
    return Effect(estimate, opening + fixed(row.low, d), fixed(row.high, d) + closing)


def weight_text(row: StudyRow | SummaryRow) -> str:
    """Return the printed weight."""
    if isinstance(row, SummaryRow):
        if row.kind == "subgroup":
            return "" if math.isnan(row.weight) else percent(row.weight)
        return "100%" if row.totals else ""
    return NOT_SHOWN if math.isnan(row.weight) or math.isnan(row.estimate) else percent(row.weight)


def label_text(row: StudyRow) -> Rich:
    """Return a study's label with its footnote mark."""
    return (*plain(row.label), raised(row.mark)) if row.mark else plain(row.label)


def _separator(style: Preset, texts: list[Effect]) -> str:
    """Return what stands between the bounds; a hyphen gives way to "to" when a bound is negative."""
    if style.separator != "-":
        return style.separator
    return "to" if any(MINUS in (t.low + t.high) for t in texts) else "-"


def _widest(texts: list[tuple[str, bool]], fs: float) -> float:
    return max((text_size(t, fs, bold=bold).width for t, bold in texts if t), default=0.0)


def _effect_widths(texts: list[tuple[Effect, bool]], separator: str, head: float, fs: float) -> EffectWidths:
    numbers = [(t, b) for t, b in texts if t.estimate != NOT_ESTIMABLE]
    estimate = _widest([(t.estimate, b) for t, b in numbers], fs)
    low = _widest([(t.low, b) for t, b in numbers], fs)
    high = _widest([(t.high, b) for t, b in numbers], fs)
    if separator == "-":
        low, high = 0.0, _widest([(t.hyphened, b) for t, b in numbers], fs)
    between = 0.0 if separator == "-" else text_size(separator, fs, bold=True).width
    near = {",": 0.0, "-": 0.0, "to": 0.32}[separator] * fs
    after = {",": 0.32, "-": 0.0, "to": 0.32}[separator] * fs
    wide = 0.75 * fs if estimate else 0.0
    content = estimate + wide + low + near + between + after + high
    words = _widest([(t.estimate, b) for t, b in texts], fs)
    return EffectWidths(estimate, low, between, high, near, wide, max(content, words, head))


def _head(content: Content, style: Preset) -> tuple[str, ...]:
    opening, closing = style.brackets
    return (f"{content.display.word} {opening}{100 * content.level:g}% CI{closing}",)


def _data_width(column: DataColumn, fs: float) -> float:
    texts = [(c, False) for c in column.cells] + [(column.header, True), (column.total, True)]
    return _widest(texts, fs)


def _stretch(columns: tuple[DataColumn, ...], widths: list[float], fs: float) -> tuple[float, ...]:
    """Widen columns whose common heading is wider than they are together."""
    for name in dict.fromkeys(c.spanner for c in columns if c.spanner):
        members = [i for i, c in enumerate(columns) if c.spanner == name]
        have = sum(widths[i] for i in members) + GAP * (len(members) - 1)
        lack = text_size(name, fs, bold=True).width - have
        for i in members:
            widths[i] += max(0.0, lack) / len(members)
    return tuple(widths)


def measure_columns(
    content: Content, style: Preset, fs: float, *, columns: bool = True, weights: bool = True, discs: bool = True
) -> Widths:
    """Return all widths at a font size, without the columns that were dropped."""
    shown = content.columns if columns else ()
    texts = [(effect_text(r, content, style), False) for r in content.studies]
    pooled = (*content.subtotals, *content.summaries)
    texts += [(effect_text(r, content, style), r.kind != "prediction") for r in pooled]
    separator = _separator(style, [t for t, _ in texts])
    head = _head(content, style)
    labels = [rich_width(label_text(r), fs) + (INDENT if content.grouped and r.group else 0.0) for r in content.studies]
    labels += [text_size(r.label, fs, bold=r.kind != "prediction").width for r in pooled]
    labels += [text_size(r.group, fs, bold=True).width for r in content.studies if content.grouped and r.group]
    labels += [text_size(content.row_head, fs, bold=True).width]
    weight = _widest([(weight_text(r), False) for r in content.studies] + [("Weight", True), ("100%", True)], fs)
    disc = 0.80 * 1.625 * fs
    letters = len(content.bias.letters) if content.bias else 0
    heading = text_size("Risk of bias", fs, bold=True).width if letters else 0.0
    bias = max(letters * disc + max(letters - 1, 0) * 2, heading)
    return Widths(
        fs,
        max(labels),
        _stretch(shown, [_data_width(c, fs) for c in shown], fs),
        _effect_widths(texts, separator, text_size(head[0], fs, bold=True).width, fs),
        head,
        separator,
        weight,
        disc,
        bias,
        shown,
        content.show_weights and weights,
        content.bias is not None and discs,
    )
