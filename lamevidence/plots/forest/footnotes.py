"""The sentences of a forest plot: heterogeneity beside the axis, footnotes below everything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures import MEASURES
from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError, PoolingError
from ...foundation.numbers import decimals_for, fixed, p_value
from ...foundation.values import Interval
from ...pooling.counts.one_stage_results import OneStage
from ...pooling.inverse_variance.one_tau2 import OneTau2
from ...results.cautions import beyond_range
from ...results.contract import Result
from ...results.heterogeneity import Heterogeneity
from ..bias import BiasColumns
from ..drawing.text import Rich, plain, raised, rich
from .presets import Preset
from .results import Summary, has_tau, label_of

__all__ = [
    "beyond",
    "coefficients",
    "figure_notes",
    "heterogeneity",
    "heterogeneity_clauses",
    "overall_test",
    "tau_unit",
]


class Rows(Protocol):
    """Rows of one measure: a table, or a network of comparisons."""

    @property
    def measure(self) -> str:
        """Code of the measure."""

    @property
    def unit(self) -> str | None:
        """Unit of the estimates."""


_MANY = 6
"""More components than this are one a row of the table, and printed as a range."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _tau_bounds(fit: Result, found: Heterogeneity, level: float) -> tuple[Interval, float] | None:
    """Return the interval of τ and its level: the one asked for where the model makes it at any, else its own."""
    bounds = found.tau2_interval
    if isinstance(fit, OneTau2 | OneStage):
        try:
            bounds = fit.tau2_interval(level)
        except PoolingError:
            return None
    else:
        level = fit.level
    if not isinstance(bounds, Interval) or math.isnan(bounds.low) or math.isnan(bounds.high):
        return None
    return Interval(math.sqrt(max(bounds.low, 0.0)), math.sqrt(bounds.high)), level


def tau_unit(table: Rows) -> str:
    """Return what follows a printed tau: its unit, or the scale it is on."""
    scale = MEASURES[table.measure].scale
    plain_unit = f" {table.unit}" if table.unit else ""
    return plain_unit if scale == "identity" else f" on the {scale} scale"


def _tau(fit: Result, found: Heterogeneity, table: Rows, decimals: int, level: float) -> list[str]:
    """Return the between-study standard deviation with its interval, or one of each component."""
    unit = tau_unit(table)
    if isinstance(found.tau2, Mapping):
        taus = [math.sqrt(x) for x in found.tau2.values() if x >= 0]
        if len(taus) > _MANY:
            low, high = (fixed(x, decimals) for x in (min(taus), max(taus)))
            return [f"\u03c4 from {low} to {high}{unit}, one a row"]
        parts = [(f" ({name})", value) for name, value in found.tau2.items()]
        return [f"\u03c4{name} = {fixed(math.sqrt(x), decimals)}{unit}" for name, x in parts if x >= 0]
    if not found.tau2 >= 0:
        return []
    text = f"\u03c4 = {fixed(math.sqrt(found.tau2), decimals)}{unit}"
    if bounds := _tau_bounds(fit, found, level):
        ends, own = bounds
        text += f" ({100 * own:g}% CI {fixed(ends.low, decimals)} to {fixed(ends.high, decimals)})"
    return [text]


def heterogeneity(results: Sequence[Result], table: Rows, style: Preset, level: float) -> tuple[tuple[Rich, ...], ...]:
    """Return the lines beside the axis, each as clauses that may be broken between."""
    fit = next((r for r in results if not r.bayesian), None)
    if fit is None or fit.k < 2:
        return ()
    clauses = heterogeneity_clauses(fit, table, style, level)
    if not clauses:
        return ()
    clauses[0] = f"Heterogeneity: {clauses[0]}"
    return (tuple(rich(c) for c in clauses),)


def heterogeneity_clauses(fit: Result, table: Rows, style: Preset, level: float) -> list[str]:
    """Return what a result says of heterogeneity, in pieces of markup."""
    found = fit.heterogeneity()
    clauses: list[str] = []
    if style.tau and has_tau(fit):
        se = float(np.atleast_1d(fit.se)[0])
        clauses += _tau(fit, found, table, decimals_for(se) if math.isfinite(se) else 2, level)
    if math.isfinite(found.q) and found.df > 0 and math.isfinite(found.p):
        chi = f"\u03c7^{{2}}_{{{found.df}}} = {fixed(found.q, 2 if found.q < 10 else 1)}"
        clauses.append(f"{chi}, *P* {p_value(found.p, leading_zero=style.leading_zero)}")
    if math.isfinite(found.i2):
        clauses.append(f"*I*^{{2}} = {fixed(found.i2, 0)}%")
    return clauses


def overall_test(results: Sequence[Result], style: Preset) -> tuple[tuple[Rich, ...], ...]:
    """Return the line that tests the pooled effect against no effect."""
    fit = next((r for r in results if not r.bayesian and len(r.names) == 1), None)
    asked = (math.nan,) * 3 if fit is None else (fit.statistic, fit.p_value, fit.df)
    statistic, p, df = (float(np.atleast_1d(x)[0]) for x in asked)
    if not (math.isfinite(statistic) and math.isfinite(p)):
        raise OptionError(
            "overall_test=True needs a frequentist result whose measure has a value of no effect"
            " \u00b7 give what lam.pool returns for a comparison, or leave it out"
        )
    name = f"*t*_{{{fixed(df, 0 if df == round(df) else 1)}}}" if math.isfinite(df) else "*z*"
    line = f"Test for overall effect: {name} = {fixed(statistic, 2)}, *P*"
    return ((rich(f"{line} {p_value(p, leading_zero=style.leading_zero)}"),),)


def coefficients(results: Sequence[Result], style: Preset, level: float) -> tuple[tuple[Rich, ...], ...]:
    """Return the coefficients of the models that have several, each with its interval, on the analysis scale."""
    lines = []
    opening, closing = style.brackets
    for fit in results:
        if len(fit.names) == 1:
            continue
        shown = fit.display(level)
        assert isinstance(shown.estimate, Mapping)
        assert isinstance(shown.interval, Mapping)
        clauses = []
        for name, x in shown.estimate.items():
            bounds = shown.interval[name]
            low, high = (shown.number(b, bounds.width) for b in bounds)
            clauses.append(f"{name} {shown.number(x, bounds.width)} {opening}{low}, {high}{closing}")
        what = f"{label_of(fit)}, {shown.label[:1].lower()}{shown.label[1:]}"
        unit = f" ({shown.unit})" if shown.unit else ""
        lines.append((plain(f"{what}{unit}: {clauses[0]}"), *map(plain, clauses[1:])))
    return tuple(lines)


def beyond(results: Sequence[Result], level: float, *, pi: bool) -> tuple[Rich, ...]:
    """Return a footnote for each limit drawn that lies outside what the measure can be, with its result's name."""
    pooled = [fit for fit in results if len(fit.names) == 1]
    notes = []
    for fit in pooled:
        for said in beyond_range(fit, level, prediction=pi):
            name = f"{label_of(fit)}: {said}" if len(pooled) > 1 else said
            notes.append(plain(f"{name[:1].upper()}{name[1:]}."))
    return tuple(notes)


def _reason(table: EvidenceTable, i: int) -> str:
    arms = next((a for a in (("ai", "ci"), ("x1i", "x2i")) if set(a) <= set(table.counts)), ())
    events = [float(table.counts[name][i]) for name in arms]
    if events and max(events) == 0:
        return "no events in either arm"
    if events and min(events) == 0:
        return "no events in one arm, and no correction is added"
    if math.isnan(table.yi[i]):
        return "the effect cannot be estimated from the numbers reported"
    return "no sampling variance is known"


def figure_notes(
    table: EvidenceTable,
    missing: Sequence[int],
    how: str,
    area: str,
    shrunken: bool,
    fitted: FloatArray | None,
    filled: int,
    summaries: Sequence[Summary],
    pi: bool,
    level: float,
    bias: BiasColumns | None,
) -> tuple[list[str], tuple[Rich, ...]]:
    """Return the footnote mark of every row and the footnotes in order."""
    name = f"{100 * level:g}%"
    marks = [""] * table.k
    notes: list[Rich] = []
    first = f"Squares: area proportional to {area}; lines: {name} CI." if area else f"Lines: {name} CI."
    if shrunken:
        first += f" Open circles: posterior (shrunken) median of each study effect with {name} CrI."
    elif any(s.bayes for s in summaries):
        first += f" Bayesian: posterior median with {name} CrI."
    if fitted is not None and np.isfinite(fitted[:, 1]).any():
        first += f" Open diamonds: fitted value of each row with {name} CI."
    elif fitted is not None:
        first += " Grey lines: fitted value of each row."
    if filled:
        first += f" Open squares: {filled} filled {'study' if filled == 1 else 'studies'}, which are no data."
    notes.append(plain(f"{first} {how}".strip()))
    for letter, i in zip(_LETTERS, missing, strict=False):
        marks[i] = letter
        notes.append((raised(letter), *plain(f" {table.labels[i]}: not estimable, {_reason(table, i)}.")))
    if len(missing) > len(_LETTERS):
        notes.append(plain("Rows without a square are not estimable."))
    notes += [plain(why) for why in dict.fromkeys(s.why_not for s in summaries if s.why_not and pi)]
    if bias is not None:
        notes.append(plain(f"Risk of bias, {bias.legend}."))
    notes += [plain(note) for note in table.notes]
    notes.append(plain(f"Evidence {table.fingerprint}"))
    return marks, tuple(notes)
