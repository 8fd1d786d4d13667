"""From results to what a forest plot says: rows, columns, notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...checks.small_study.trim_and_fill import TrimAndFill
from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, NotEstimable, OptionError
from ...foundation.options import a_choice, a_flag, a_level, a_text, shown
from ...network.results import NetworkPooled
from ...pooling.subgroups import Subgroups
from ...results.contract import Result
from ...results.scale import ReaderScale, reader_scale, reference_line
from ...results.study_intervals import StudyIntervals, study_intervals
from ..bias import bias_columns
from ..drawing.axis import check_limits
from ..drawing.text import plain
from .data_columns import data_columns
from .entries import Content, StudyRow, SummaryRow, Triple
from .footnotes import beyond, coefficients, figure_notes, heterogeneity, overall_test
from .ordering import group_names, order
from .presets import Preset
from .results import Filled, Summary, filled_table, fitted_rows, level_of, no_common_scale, one_table, summary, weights
from .subtotals import apart, subgroup_notes, subtotal_rows

BoolArray: TypeAlias = NDArray[np.bool_]

__all__ = ["Options", "content", "network_content"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller of `forest` can choose about the content."""

    columns: object = None
    group: object = "design"
    pi: object = True
    shrinkage: object = "auto"
    rob: object = "auto"
    xlim: Sequence[float] | None = None
    ref: object = "auto"
    sort: str | None = None
    title: str | None = None
    level: float | None = None
    overall: object = False


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


def _shrunken(results: Sequence[Result], table: EvidenceTable, wanted: object, level: float) -> FloatArray | None:
    """Return posterior median and bounds of every study effect, (k, 3), if a posterior has them."""
    if not isinstance(wanted, bool) and not (isinstance(wanted, str) and wanted == "auto"):
        raise OptionError(f"shrinkage={shown(wanted)} is not one of the choices · give 'auto', True or False")
    posterior = next((r for r in results if r.bayesian), None)
    if posterior is None:
        if wanted is True:
            raise OptionError("shrinkage=True needs a posterior among the results · add lam.pool_bayes(table)")
        return None
    if wanted is False or (wanted == "auto" and len(results) < 2) or table.k < 2:
        return None
    if len(set(table.studies)) < table.k:
        return None
    return np.asarray(posterior.study_effects(level), dtype=float)


def _precision(display: ReaderScale, summaries: Sequence[Summary], rows: StudyIntervals, level: float) -> int:
    """Return the decimals that show the pooled standard error, or the studies' median one, to two digits."""
    z = 2 * float(special.ndtri(0.5 + level / 2))
    widths = [display.read(s.high) - display.read(s.low) for s in summaries if math.isfinite(s.high - s.low)]
    if widths and 0 < widths[0] < math.inf:
        return display.decimals(widths[0] / z)
    with np.errstate(all="ignore"):
        se = (rows.high - rows.low) / z
    se = se[np.isfinite(se) & (se > 0)]
    return display.decimals(float(np.median(se))) if se.size else 2


def _summary_rows(display: ReaderScale, summaries: Sequence[Summary], pi: bool) -> list[SummaryRow]:
    rows: list[SummaryRow] = []
    several = sum(s.prediction is not None for s in summaries) > 1
    for i, s in enumerate(summaries):
        number = "" if i == 0 else f"-{i + 1}"
        middle, low, high = _read(display, (s.estimate, s.low, s.high))
        rows.append(SummaryRow(f"pooled{number}", "pooled", s.label, s.bayes, middle, low, high, math.nan, i == 0))
    for i, s in enumerate(summaries):
        if s.prediction is None or not pi:
            continue
        name = f"{100 * s.level:g}% prediction interval"
        if several or s.bayes:
            name += ", Bayesian" if s.bayes else ""
        low, high = sorted(display.read(v) for v in s.prediction)
        key = "prediction" if i == 0 else f"prediction-{i + 1}"
        rows.append(SummaryRow(key, "prediction", name, s.bayes, math.nan, low, high, math.nan, False))
    return rows


def _read(display: ReaderScale, values: Sequence[float] | FloatArray) -> Triple:
    """Return estimate and bounds as displayed."""
    middle, *ends = (display.read(float(v)) for v in values)
    low, high = sorted(ends)
    return middle, low, high


@dataclass(frozen=True, slots=True)
class _RowParts:
    """What the rows of studies are put together from, one entry a row."""

    intervals: StudyIntervals
    marks: Sequence[str]
    groups: Sequence[str]
    weights: FloatArray | None
    areas: FloatArray
    shrunken: FloatArray | None
    fitted: FloatArray | None
    hollow: frozenset[int]


def _study_rows(table: EvidenceTable, parts: _RowParts, display: ReaderScale) -> list[StudyRow]:
    keys = _keys(table.studies)
    assert table.n is not None
    return [
        StudyRow(
            keys[i],
            i,
            table.studies[i],
            table.labels[i],
            parts.marks[i],
            parts.groups[i],
            float(table.n[i]),
            float(parts.intervals.estimate[i]),
            float(parts.intervals.low[i]),
            float(parts.intervals.high[i]),
            math.nan if parts.weights is None else float(parts.weights[i]),
            float(parts.areas[i]),
            None if parts.shrunken is None else _read(display, parts.shrunken[i]),
            None if parts.fitted is None else _read(display, parts.fitted[i]),
            i in parts.hollow,
        )
        for i in range(table.k)
    ]


def _given(
    results: Sequence[Result | TrimAndFill], table: EvidenceTable | None
) -> tuple[EvidenceTable, list[Result], Subgroups | None, Filled | None]:
    """Return the rows, the results that pool all of them, the subgroup analysis and the filled rows among these."""
    if any(isinstance(r, TrimAndFill) for r in results):
        if len(results) > 1:
            raise OptionError("filled studies are in no other result · draw trim and fill in a figure of its own")
        assert isinstance(results[0], TrimAndFill)
        filled = filled_table(results[0])
        return filled.table, [results[0].fit, results[0].original], None, filled
    others = [r for r in results if not isinstance(r, TrimAndFill)]
    table = one_table(others) if table is None else table
    wholes, parts = apart(others)
    return table, wholes, parts, None


def _check(table: EvidenceTable, asked: Options) -> None:
    if table.k == 0:
        reasons = "; ".join(f"{e.label or e.study}: {e.reason}" for e in table.excluded) or "none was found"
        raise NotEstimable(f"there is no row to draw · left out: {reasons}")
    a_flag("pi", asked.pi)
    a_flag("overall_test", asked.overall)
    if asked.title is not None:
        a_text("title", asked.title)


def _summaries(results: Sequence[Result], filled: Filled | None, level: float) -> list[Summary]:
    found = [summary(r, level) for r in results if len(r.names) == 1]
    return found if filled is None else filled.named(found)


def content(
    given: Sequence[Result | TrimAndFill], table: EvidenceTable | None, style: Preset, asked: Options
) -> Content:
    """Return everything a forest plot of these results prints; of a table alone when there is none."""
    table, results, parts, filled = _given(given, table)
    group = asked.group if parts is None else _headings(parts, asked.group)
    _check(table, asked)
    level = a_level(level_of(results, asked.level))
    display = reader_scale(table)
    no_common_scale(results, table)
    summaries = _summaries(results, filled, level)
    intervals = study_intervals(table, display, level)
    if np.isinf(intervals.estimate).any():
        raise InputError("an estimate is infinite and has no place on an axis · correct or leave out its row")
    given_weights = weights(results[:1] if filled else results, table.k)
    areas, area_name = _areas(table, given_weights, np.isfinite(intervals.estimate))
    shrunken = _shrunken(results, table, asked.shrinkage, level)
    fitted = fitted_rows(results, table, level)
    groups = group_names(table, group)
    bias = bias_columns(table, asked.rob)
    marks, footnotes = figure_notes(
        table,
        [i for i in range(table.k) if not math.isfinite(intervals.estimate[i])],
        intervals.how,
        area_name,
        shrunken is not None,
        fitted,
        0 if filled is None else len(filled.rows),
        summaries,
        bool(asked.pi),
        level,
        bias,
    )
    hollow = frozenset(() if filled is None else filled.rows)
    pieces = _RowParts(intervals, marks, groups.names, given_weights, areas, shrunken, fitted, hollow)
    rows = _study_rows(table, pieces, display)
    subtotals = subtotal_rows(parts, display, given_weights, level) if parts else []
    notes = coefficients(results, style, level) + heterogeneity(results, table, style, level)
    notes += overall_test(results, style) if asked.overall else ()
    return Content(
        title=table.title if asked.title is None else asked.title,
        display=display,
        level=level,
        decimals=_precision(display, summaries, intervals, level),
        null=reference_line(asked.ref, display.null, display.log),
        studies=tuple(rows[i] for i in order(rows, table, asked.sort, groups)),
        summaries=tuple(_summary_rows(display, summaries, bool(asked.pi))),
        columns=data_columns(table, asked.columns),
        bias=bias,
        show_weights=given_weights is not None and style.weights,
        notes=notes + (subgroup_notes(parts, table, style, level) if parts else ()),
        footnotes=(*footnotes[:-1], *beyond(results, level, pi=bool(asked.pi)), footnotes[-1]),
        shrinkage=shrunken is not None,
        grouped=groups.shown,
        fixed_columns=asked.columns is not None,
        fixed_bias=asked.rob is True,
        xlim=None if asked.xlim is None else check_limits(asked.xlim, display.log),
        row_head="Study or subgroup" if groups.shown and not groups.by_study else _ROW_HEADS[table.row_is],
        subtotals=tuple(subtotals),
    )


_ROW_HEADS = {"study": "Study", "category": "Category", "subject": "Patient", "phase": "Study"}


def _headings(parts: Subgroups, group: object) -> object:
    """Return the headings of a subgroup analysis; other ones would contradict its diamonds."""
    if group != "design":
        raise OptionError("the subgroup analysis sets the headings · leave `group` out")
    return parts.labels


def _check_network(asked: Options) -> None:
    """Raise where an option is about rows of studies, of which the figure of a network has none."""
    given = {
        "columns": asked.columns is not None,
        "group": asked.group != "design",
        "shrinkage": asked.shrinkage != "auto",
        "rob": asked.rob != "auto",
        "overall_test": asked.overall is not False,
    }
    for name in (name for name, is_given in given.items() if is_given):
        raise OptionError(f"{name} is about rows of studies, a network shows treatments · leave {name} out")
    if asked.sort is not None:
        a_choice("order of treatments", asked.sort, ("estimate", "none"))
    a_flag("pi", asked.pi)
    if asked.title is not None:
        a_text("title", asked.title)


def network_content(fit: NetworkPooled, style: Preset, asked: Options) -> Content:
    """Return what the forest plot of a network prints: one row a treatment, with the intervals of its table."""
    _check_network(asked)
    level = fit.level if asked.level is None else a_level(asked.level)
    scale, bounds = fit.scale(), fit.intervals(level)
    values = np.column_stack([np.atleast_1d(fit.estimate), bounds])
    rows = []
    for i, (name, row) in enumerate(zip(fit.names, values, strict=True)):
        triple = _read(scale, row)
        rows.append(StudyRow(f"row-{i + 1}", i, name, name, "", "", math.nan, *triple, math.nan, 0.3))
    if asked.sort == "estimate":
        rows.sort(key=lambda row: (row.estimate, row.label))
    z = 2 * float(special.ndtri(0.5 + level / 2))
    widths = [row.high - row.low for row in rows if math.isfinite(row.high - row.low)]
    foot = f"Each row: a treatment against {fit.reference}; lines: {100 * level:g}% CI. {fit.spec.label}."
    return Content(
        title=f"Against {fit.reference}" if asked.title is None else asked.title,
        display=scale,
        level=level,
        decimals=scale.decimals(min(widths, default=math.nan) / z),
        null=reference_line(asked.ref, scale.null, scale.log),
        studies=tuple(rows),
        notes=heterogeneity([fit], fit.table, style, level),
        footnotes=(plain(foot), plain(f"Evidence {fit.table.fingerprint}")),
        fixed_columns=True,
        xlim=None if asked.xlim is None else check_limits(asked.xlim, scale.log),
        row_head="Comparison",
    )
