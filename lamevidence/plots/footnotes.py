"""The sentences of a forest plot: heterogeneity beside the axis, footnotes below everything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..errors import OptionError, PoolingError
from ..numbers import decimals_for, fixed, p_value
from .bias import BiasColumns
from .presets import Preset
from .results import Result, Summary, bayesian
from .text import Rich, plain, raised, rich

__all__ = ["figure_notes", "heterogeneity", "heterogeneity_clauses", "overall_test", "tau_unit"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _number(result: Result, name: str) -> float:
    value = getattr(result, name, None)
    return float(value) if isinstance(value, int | float | np.floating) else math.nan


def _tau_bounds(result: Result, level: float) -> tuple[float, float] | None:
    make: Any = getattr(result, "tau2_interval", None)
    if make is None:
        return None
    try:
        low, high = make(level)
    except PoolingError:
        return None
    if math.isnan(low) or math.isnan(high):
        return None
    return math.sqrt(max(low, 0.0)), math.sqrt(high)


def tau_unit(table: EvidenceTable) -> str:
    """Return what follows a printed tau: its unit, or the scale it is on."""
    from ..effects.measures import MEASURES

    scale = MEASURES[table.measure].scale
    plain_unit = f" {table.unit}" if table.unit else ""
    return plain_unit if scale == "identity" else f" on the {scale} scale"


def _tau(result: Result, table: EvidenceTable, decimals: int, level: float) -> list[str]:
    tau = _number(result, "tau")
    tau = math.sqrt(_number(result, "tau2")) if math.isnan(tau) and _number(result, "tau2") >= 0 else tau
    spec = getattr(result, "spec", None)
    if math.isnan(tau) or getattr(spec, "model", "random") in ("common", "fixed"):
        return []
    unit = tau_unit(table)
    bounds = _tau_bounds(result, level)
    text = f"\u03c4 = {fixed(tau, decimals)}{unit}"
    if bounds:
        text += f" ({100 * level:g}% CI {fixed(bounds[0], decimals)} to {fixed(bounds[1], decimals)})"
    return [text]


def heterogeneity(
    results: Sequence[Result], table: EvidenceTable, style: Preset, level: float
) -> tuple[tuple[Rich, ...], ...]:
    """Return the lines beside the axis, each as clauses that may be broken between."""
    result = next((r for r in results if not bayesian(r)), None)
    if result is None or table.k < 2:
        return ()
    clauses = heterogeneity_clauses(result, table, style, level)
    if not clauses:
        return ()
    clauses[0] = f"Heterogeneity: {clauses[0]}"
    return (tuple(rich(c) for c in clauses),)


def heterogeneity_clauses(result: Result, table: EvidenceTable, style: Preset, level: float) -> list[str]:
    """Return what a result says of heterogeneity, in pieces of markup."""
    clauses: list[str] = []
    if style.tau:
        se = _number(result, "se")
        clauses += _tau(result, table, decimals_for(se) if math.isfinite(se) else 2, level)
    q, df, p, i2 = (_number(result, name) for name in ("q", "q_df", "q_p", "i2"))
    if math.isfinite(q) and math.isfinite(df) and math.isfinite(p):
        chi = f"\u03c7^{{2}}_{{{fixed(df, 0)}}} = {fixed(q, 2 if q < 10 else 1)}"
        clauses.append(f"{chi}, *P* {p_value(p, leading_zero=style.leading_zero)}")
    if math.isfinite(i2):
        clauses.append(f"*I*^{{2}} = {fixed(i2, 0)}%")
    return clauses


def overall_test(results: Sequence[Result], style: Preset) -> tuple[tuple[Rich, ...], ...]:
    """Return the line that tests the pooled effect against no effect."""
    result = next((r for r in results if not bayesian(r)), None)
    statistic, p, df = (math.nan if result is None else _number(result, n) for n in ("statistic", "p_value", "df"))
    if not (math.isfinite(statistic) and math.isfinite(p)):
        raise OptionError(
            "overall_test=True needs a frequentist result whose measure has a value of no effect"
            " · give what lam.pool returns for a comparison, or leave it out"
        )
    name = f"*t*_{{{fixed(df, 0 if df == round(df) else 1)}}}" if math.isfinite(df) else "*z*"
    line = f"Test for overall effect: {name} = {fixed(statistic, 2)}, *P*"
    return ((rich(f"{line} {p_value(p, leading_zero=style.leading_zero)}"),),)


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
    pooled: bool,
    how: str,
    area: str,
    shrunken: bool,
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
    notes.append(plain(f"{first} {how}".strip()))
    for letter, i in zip(_LETTERS, missing, strict=False):
        marks[i] = letter
        notes.append((raised(letter), *plain(f" {table.labels[i]}: not estimable, {_reason(table, i)}.")))
    if len(missing) > len(_LETTERS):
        notes.append(plain("Rows without a square are not estimable."))
    notes += [plain(s.why_not) for s in summaries if s.why_not and pi]
    if bias is not None:
        notes.append(plain(f"Risk of bias, {bias.legend}."))
    notes += [plain(note) for note in table.notes]
    notes.append(plain(f"Evidence {table.fingerprint}"))
    return marks, tuple(notes)
