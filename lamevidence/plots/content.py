"""What a forest plot says, before it has a size: rows, columns, notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, OptionError
from ..options import a_flag, a_level, a_text, shown
from ..pooling.subgroups import Subgroups
from .bias import BiasColumns, bias_columns
from .data_columns import DataColumn, data_columns
from .display import Display, display_of, reference_line
from .footnotes import figure_notes, heterogeneity, overall_test
from .ordering import group_names, order
from .presets import Preset
from .results import Result, Summary, bayesian, level_of, one_table, summary, weights
from .study_intervals import StudyIntervals, study_intervals
from .subtotals import apart, subgroup_notes, subgroup_weights, subtotal_rows
from .text import Rich

BoolArray: TypeAlias = NDArray[np.bool_]

__all__ = ["Content", "StudyRow", "SummaryRow", "content"]


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study as displayed; ``estimate`` is NaN when it is not estimable, ``area`` is the share of the largest."""

    key: str
    position: int
    study: str
    label: str
    mark: str
    group: str
    n: float
    estimate: float
    low: float
    high: float
    weight: float
    area: float
    shrunken: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A pooled estimate or a prediction interval (no estimate) as displayed.

    ``kind`` is ``pooled``, ``subgroup`` (then ``group`` is its heading, ``members`` its rows) or ``prediction``.
    """

    key: str
    kind: str
    label: str
    bayes: bool
    estimate: float
    low: float
    high: float
    weight: float
    totals: bool
    group: str = ""
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a forest plot prints, in reading order."""

    title: str
    display: Display
    level: float
    decimals: int
    null: float | None
    studies: tuple[StudyRow, ...]
    summaries: tuple[SummaryRow, ...]
    columns: tuple[DataColumn, ...]
    bias: BiasColumns | None
    show_weights: bool
    notes: tuple[tuple[Rich, ...], ...]
    footnotes: tuple[Rich, ...]
    shrinkage: bool
    grouped: bool
    fixed_columns: bool
    fixed_bias: bool
    xlim: tuple[float, float] | None
    row_head: str = "Study"
    subtotals: tuple[SummaryRow, ...] = ()


def _keys(studies: Sequence[str]) -> list[str]:
    """Return one id a row, the study's own, numbered from the second row of a study on."""
    import re

    seen: dict[str, int] = {}
    keys = []
    for study in studies:
        name = "row-" + re.sub(r"[^\w.-]+", "-", study)
        seen[name] = seen.get(name, 0) + 1
        keys.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return keys


def _areas(table: EvidenceTable, given: FloatArray | None, shown: BoolArray) -> tuple[FloatArray, str]:
    """Return what the squares' areas are proportional to, as a share of the largest, and its name."""
    with np.errstate(all="ignore"):
        precision = np.where(np.isfinite(table.vi) & (table.vi > 0), 1 / table.vi, np.nan)
    n = np.asarray(table.n, dtype=float)
    choices = [(given, "weight"), (precision, "precision (1/variance)"), (n, "number of patients")]
    for values, name in choices:
        if values is not None and shown.any() and np.isfinite(values[shown]).all() and (values[shown] > 0).any():
            return np.where(shown, np.maximum(values, 0), 0.0) / values[shown].max(), name
    return np.full(table.k, 0.35), ""


def _shrunken(results: Sequence[Result], table: EvidenceTable, wanted: object, level: float) -> list[FloatArray] | None:
    """Return posterior median and bounds of every study effect, if a posterior has them."""
    if not isinstance(wanted, bool) and not (isinstance(wanted, str) and wanted == "auto"):
        raise OptionError(f"shrinkage={shown(wanted)} is not one of the choices · give 'auto', True or False")
    posterior = next((r for r in results if bayesian(r)), None)
    if posterior is None:
        if wanted is True:
            raise OptionError("shrinkage=True needs a posterior among the results · add lam.pool_bayes(table)")
        return None
    if wanted is False or (wanted == "auto" and len(results) < 2) or table.k < 2:
        return None
    if len(set(table.studies)) < table.k:
        return None
    effects = [posterior.theta[study] for study in table.studies]
    return [np.array([e.median, *e.interval(level)], dtype=float) for e in effects]


def _precision(display: Display, summaries: Sequence[Summary], rows: StudyIntervals, level: float) -> int:
    """Return the decimals that show the pooled standard error, or the studies' median one, to two digits."""
    from scipy import special

    z = 2 * float(special.ndtri(0.5 + level / 2))
    widths = [display.read(s.high) - display.read(s.low) for s in summaries if math.isfinite(s.high - s.low)]
    if widths and widths[0] > 0:
        return display.decimals(widths[0] / z)
    with np.errstate(all="ignore"):
        se = (rows.high - rows.low) / z
    se = se[np.isfinite(se) & (se > 0)]
    return display.decimals(float(np.median(se))) if se.size else 2


def _summary_rows(display: Display, summaries: Sequence[Summary], pi: bool) -> list[SummaryRow]:
    rows: list[SummaryRow] = []
    several = sum(s.prediction is not None for s in summaries) > 1
    for i, s in enumerate(summaries):
        number = "" if i == 0 else f"-{i + 1}"
        middle, low, high = (display.read(v) for v in (s.estimate, s.low, s.high))
        rows.append(SummaryRow(f"pooled{number}", "pooled", s.label, s.bayes, middle, low, high, math.nan, i == 0))
    for i, s in enumerate(summaries):
        if s.prediction is None or not pi:
            continue
        name = f"{100 * s.level:g}% prediction interval"
        if several or s.bayes:
            name += ", Bayesian" if s.bayes else ""
        low, high = (display.read(v) for v in s.prediction)
        key = "prediction" if i == 0 else f"prediction-{i + 1}"
        rows.append(SummaryRow(key, "prediction", name, s.bayes, math.nan, low, high, math.nan, False))
    return rows


def _study_rows(
    table: EvidenceTable,
    intervals: StudyIntervals,
    marks: Sequence[str],
    groups: Sequence[str],
    given: FloatArray | None,
    areas: FloatArray,
    shrunken: Sequence[FloatArray] | None,
    display: Display,
) -> list[StudyRow]:
    keys = _keys(table.studies)
    rows = []
    for i in range(table.k):
        moved = None
        if shrunken is not None:
            a, b, c = (display.read(float(v)) for v in shrunken[i])
            moved = (a, b, c)
        weight = math.nan if given is None else float(given[i])
        assert table.n is not None
        rows.append(
            StudyRow(
                keys[i], i, table.studies[i], table.labels[i], marks[i], groups[i], float(table.n[i]),
                float(intervals.estimate[i]), float(intervals.low[i]), float(intervals.high[i]),
                weight, float(areas[i]), moved,
            )
        )
    return rows


def content(
    results: Sequence[Result],
    table: EvidenceTable | None,
    style: Preset,
    *,
    columns: object,
    group: object,
    pi: bool,
    shrinkage: object,
    rob: object,
    xlim: Sequence[float] | None,
    ref: object,
    sort: str | None,
    title: str | None,
    level: float | None,
    overall: bool = False,
) -> Content:
    """Return everything a forest plot of these results prints."""
    from .axis import check_limits

    results, parts = apart(results)
    if parts is not None:
        table, group = parts.table, _headings(parts, group)
    table = one_table(results) if table is None else table
    if table.k == 0:
        reasons = "; ".join(f"{e.label or e.study}: {e.reason}" for e in table.excluded) or "none was found"
        raise NotEstimable(f"there is no row to draw · left out: {reasons}")
    a_flag("pi", pi)
    a_flag("overall_test", overall)
    if title is not None:
        a_text("title", title)
    asked = a_level(level_of([*results, *(parts.groups.values() if parts else ())], level))
    display = display_of(table)
    summaries = [summary(r, asked) for r in results]
    widest = summaries or [summary(fit, asked) for fit in parts.groups.values()] if parts else summaries
    intervals = study_intervals(table, display, asked)
    if np.isinf(intervals.estimate).any():
        raise InputError("an estimate is infinite and has no place on an axis · correct or leave out its row")
    given = subgroup_weights(parts) if parts is not None and not results else weights(results, table.k)
    areas, area_name = _areas(table, given, np.isfinite(intervals.estimate))
    if parts is not None and not results and given is not None:
        area_name += " within its subgroup"
    shrunken = _shrunken(results, table, shrinkage, asked)
    missing = [i for i in range(table.k) if not math.isfinite(intervals.estimate[i])]
    groups, grouped = group_names(table, group)
    bias = bias_columns(table, rob)
    marks, footnotes = figure_notes(
        table, missing, bool(results or parts), intervals.how, area_name, shrunken is not None, summaries, pi, asked,
        bias,
    )
    rows = _study_rows(table, intervals, marks, groups, given, areas, shrunken, display)
    sequence = order(rows, table, sort, grouped)
    notes = heterogeneity(results, table, style, asked) + (overall_test(results, style) if overall else ())
    subtotals = subtotal_rows(parts, display, given, asked) if parts else []
    return Content(
        title=table.title if title is None else title,
        display=display,
        level=asked,
        decimals=_precision(display, widest, intervals, asked),
        null=reference_line(ref, display.null, display.log),
        studies=tuple(rows[i] for i in sequence),
        summaries=tuple(_summary_rows(display, summaries, pi)),
        columns=data_columns(table, columns),
        bias=bias,
        show_weights=given is not None and style.weights,
        notes=notes + (subgroup_notes(parts, table, style, asked) if parts else ()),
        footnotes=footnotes,
        shrinkage=shrunken is not None,
        grouped=grouped,
        fixed_columns=columns is not None,
        fixed_bias=rob is True,
        xlim=None if xlim is None else check_limits(xlim, display.log),
        row_head="Study or subgroup" if grouped else _ROW_HEADS[table.row_is],
        subtotals=tuple(subtotals),
    )


_ROW_HEADS = {"study": "Study", "category": "Category", "subject": "Patient"}


def _headings(parts: Subgroups, group: object) -> object:
    """Return the headings of a subgroup analysis; other ones would contradict its diamonds."""
    if group != "design":
        raise OptionError("the subgroup analysis sets the headings · leave `group` out")
    return parts.labels


