"""What a figure asks of a result, whichever engine made it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...checks.small_study.trim_and_fill import TrimAndFill
from ...effects.evidence_table import EvidenceTable
from ...effects.measures import MEASURES
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, LamEvidenceError, NotEstimable, OptionError
from ...foundation.values import Interval
from ...results.contract import Result
from ...results.spec import Spec
from ..data import middle, table_of

__all__ = [
    "Filled",
    "Summary",
    "filled_table",
    "fitted_rows",
    "level_of",
    "no_common_scale",
    "one_table",
    "summary",
    "weights",
]


@dataclass(frozen=True, slots=True)
class Summary:
    """A pooled row on the analysis scale.

    ``prediction`` is None when there is none to show; ``why_not`` then says why.
    """

    label: str
    bayes: bool
    estimate: float
    low: float
    high: float
    level: float
    prediction: Interval | None
    why_not: str


def one_table(results: Sequence[Result]) -> EvidenceTable:
    """Return the table all results were made from, or raise when they were made from different rows."""
    tables = [table_of(result, "a forest plot") for result in results]
    table = tables[0]
    for other in tables[1:]:
        if (other.labels, other.measure, other.unit) != (table.labels, table.measure, table.unit):
            raise OptionError(
                "these results pool different rows or measures and cannot share one figure"
                " · draw one forest plot for each table"
            )
    return table


def no_common_scale(results: Sequence[Result], table: EvidenceTable) -> None:
    """Raise where a result is of another measure than its rows, so that both cannot share an axis."""
    rows = MEASURES[table.measure]
    for fit in results:
        # Peto's odds ratio is an odds ratio: its title only says who estimated it
        own = MEASURES[fit.measure]
        if own.scale != rows.scale or own.back_title.removeprefix("Peto ") != rows.back_title:
            raise OptionError(
                f"the rows are {table.measure}, {fit.spec.label} pools {fit.measure}: one axis cannot show both"
                f" · make the table with the measure {fit.measure!r}, or draw the rows alone with lam.forest(fit.table)"
            )


def level_of(results: Sequence[Result], level: float | None) -> float:
    """Return the level asked for, else that of the first result, else 0.95."""
    if level is not None:
        return level
    return results[0].level if results else 0.95


_WITHOUT_TAU = ("common", "fixed", "single")
"""Models in which studies do not differ, so that nothing is said of a new one."""


def _model(fit: Result) -> str:
    return fit.spec.model if isinstance(fit.spec, Spec) else ""


def has_tau(fit: Result) -> bool:
    """Return whether the model lets studies differ."""
    return _model(fit) not in _WITHOUT_TAU


def label_of(fit: Result) -> str:
    """Return what the pooled row of a result is called."""
    if fit.bayesian:
        return "Bayesian hierarchical" if fit.k > 1 else "Bayesian"
    if fit.k == 1 and not (_model(fit) == "random" and fit.spec.tau2 == "fixed"):  # τ² shared with other studies
        return "One study, as reported"
    if _model(fit) == "random":
        shown = [m for m in (fit.spec.tau2, fit.spec.interval) if m.lower() not in ("none", "wald", "z", "")]
        return f"Random effects ({', '.join(shown)})" if shown else "Random effects"
    words = {"common": "Common effect", "fixed": "Common effect", "glmm": "Random effects (GLMM)"}.get(_model(fit))
    # what stands in brackets is how large the model is, which the figure shows
    label = words or re.sub(r" \([^)]*\)", "", str(fit.spec.label))
    return label[:1].upper() + label[1:]


def _finite(bounds: Interval) -> Interval | None:
    return None if math.isnan(bounds.low) or math.isnan(bounds.high) else bounds


def _prediction(fit: Result, level: float) -> tuple[Interval | None, str]:
    """Return the prediction interval, or None and the reason there is none."""
    if not fit.bayesian and (fit.k < 2 or not has_tau(fit)):
        return None, ""
    try:
        found = _finite(fit.prediction(level))
    except NotEstimable as refused:
        # advice on what to call next is for the prompt, not for the page
        reason = re.split(r" · |; use ", str(refused))[0].rstrip(".")
        return None, f"No prediction interval: {reason}."
    return found, "" if found else "No prediction interval: not defined for this model."


def summary(fit: Result, level: float) -> Summary:
    """Return the pooled row of a result with one mean; a posterior is summed up by its median."""
    low, high = (float(x) for x in fit.intervals(level)[0])
    prediction, why_not = _prediction(fit, level)
    return Summary(label_of(fit), fit.bayesian, middle(fit), low, high, level, prediction, why_not)


def weights(results: Sequence[Result], k: int) -> FloatArray | None:
    """Return the weights, in percent, of the first frequentist result that has them."""
    for fit in results:
        found = None if fit.bayesian else fit.weights
        if found is None:
            continue
        values = np.asarray(found, dtype=float)
        if values.shape != (k,):
            raise InputError(f"the result has {values.size} weights for {k} rows")
        if np.isfinite(values).any():
            return values
    return None


def fitted_rows(results: Sequence[Result], table: EvidenceTable, level: float) -> FloatArray | None:
    """Return fitted value and bounds of every row, (k, 3), of the first model whose rows have different means."""
    fit = next((r for r in results if len(r.names) > 1), None)
    if fit is None:
        return None
    found = np.full((table.k, 3), np.nan)
    found[:, 0] = fit.fitted()
    try:
        frame = fit.predict(level=level)
    except LamEvidenceError:  # a model that has fitted values and no predictions yet is drawn without their bounds
        return found
    if len(frame) == table.k:
        found[:] = frame[["mean", "conf_low", "conf_high"]].to_numpy(dtype=float)
    return found if np.isfinite(found[:, 0]).any() else None


@dataclass(frozen=True, slots=True)
class Filled:
    """The rows with the filled ones, and which these are."""

    table: EvidenceTable
    rows: tuple[int, ...]

    def named(self, summaries: Sequence[Summary]) -> list[Summary]:
        """Return the two pooled rows by what they pool; nothing is said of a new study, which no filled one can be."""
        words = ("with filled studies", "observed studies")
        told = zip(summaries, words, strict=True)
        return [replace(s, label=f"{s.label}, {what}", prediction=None, why_not="") for s, what in told]


def filled_table(found: TrimAndFill) -> Filled:
    """Return the rows of trim and fill under their own labels; a filled row is named as such."""
    table, original = found.fit.table, found.original.table
    seen = table.k - found.missing
    labels = original.labels if original.k == seen else table.labels[:seen]
    studies = original.studies if original.k == seen else table.studies[:seen]
    filled = tuple(f"Filled {i + 1}" for i in range(found.missing))
    rows = replace(
        table, labels=(*labels, *filled), studies=(*studies, *filled), title=original.title, notes=original.notes
    )
    rows = replace(rows, higher_is=original.higher_is, arms=original.arms)
    return Filled(rows, tuple(range(seen, table.k)))
