"""What a figure asks of a result, whichever engine made it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError, PoolingError

__all__ = [
    "PooledLike", "PosteriorLike", "Result", "Summary", "bayesian", "level_of", "one_table", "summary", "weights",
]


class PooledLike(Protocol):
    """A frequentist result."""

    table: EvidenceTable
    mu: float

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of the pooled estimate."""

    def prediction(self, level: float) -> tuple[float, float] | None:
        """Return the interval for the effect of a new study."""


@runtime_checkable
class PosteriorLike(Protocol):
    """A Bayesian result."""

    table: EvidenceTable
    mu: Any
    tau: Any
    theta: Any
    theta_new: Any


Result: TypeAlias = Any


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
    prediction: tuple[float, float] | None
    why_not: str


def bayesian(result: Result) -> bool:
    """Return whether a result is a posterior."""
    return isinstance(result, PosteriorLike)


def one_table(results: Sequence[Result]) -> EvidenceTable:
    """Return the table all results were made from, or raise when they were made from different rows."""
    for result in results:
        if not isinstance(getattr(result, "table", None), EvidenceTable):
            raise OptionError(
                f"a forest plot is made of results that hold their EvidenceTable, got {type(result).__name__}"
                " · give what lam.pool or lam.pool_bayes returns, or an EvidenceTable"
            )
    table = cast(EvidenceTable, results[0].table)
    for result in results[1:]:
        if (result.table.labels, result.table.measure, result.table.unit) != (table.labels, table.measure, table.unit):
            raise OptionError(
                "these results pool different rows or measures and cannot share one figure"
                " · draw one forest plot for each table"
            )
    return table


def level_of(results: Sequence[Result], level: float | None) -> float:
    """Return the level asked for, else the one of the first result's specification, else 0.95."""
    if level is not None:
        return level
    for result in results:
        found = getattr(getattr(result, "spec", None), "level", None)
        if isinstance(found, int | float):
            return float(found)
    return 0.95


def _spec(result: Result, name: str) -> str:
    value = getattr(getattr(result, "spec", None), name, None)
    return value if isinstance(value, str) else ""


_MODELS = {
    "random": "Random effects", "common": "Common effect", "fixed": "Common effect", "glmm": "Random effects",
    "mh": "Mantel-Haenszel", "peto": "Peto",
}


def _label(result: Result) -> str:
    if bayesian(result):
        return "Bayesian hierarchical" if len(result.table.labels) > 1 else "Bayesian"
    if len(result.table.labels) == 1:
        return "One study, as reported"
    model = _spec(result, "model")
    words = _spec(result, "name") or model
    name = _MODELS.get(model, words[:1].upper() + words[1:].replace("_", " ")) or "Pooled"
    methods = [_spec(result, "tau2"), _spec(result, "interval")] if model == "random" else []
    methods = ["GLMM"] if model == "glmm" else methods
    shown = [m for m in methods if m and m.lower() not in ("none", "wald", "z")]
    return f"{name} ({', '.join(shown)})" if shown else name


def _finite(pair: Any) -> tuple[float, float] | None:  # noqa: ANN401
    if pair is None:
        return None
    low, high = float(pair[0]), float(pair[1])
    return None if math.isnan(low) or math.isnan(high) else (low, high)


def _prediction(result: Result, level: float) -> tuple[tuple[float, float] | None, str]:
    """Return the prediction interval, or None and the reason there is none."""
    if bayesian(result):
        return _finite(result.theta_new.interval(level)), ""
    if _spec(result, "model") in ("common", "fixed"):
        return None, ""
    k = len(result.table.labels)
    if k < 2:
        return None, ""
    reason = str(dict(getattr(getattr(result, "spec", None), "why", {}) or {}).get("prediction", ""))
    if _spec(result, "prediction") == "none":
        # advice on what to call next is for the prompt, not for the page
        return None, f"No prediction interval: {reason.partition('; use ')[0] or 'not asked for'}."
    if k < 3:
        return None, "No prediction interval: it needs at least 3 studies."
    try:
        found = _finite(result.prediction(level))
    except PoolingError as refused:
        return None, f"No prediction interval: {refused}."
    return found, "" if found else f"No prediction interval: {reason or 'not defined for this model'}."


def summary(result: Result, level: float) -> Summary:
    """Return the pooled row of a result; a posterior is summed up by its median."""
    estimate = float(result.mu.median) if bayesian(result) else float(result.mu)
    interval = _finite((result.mu if bayesian(result) else result).interval(level))
    low, high = interval if interval else (math.nan, math.nan)
    prediction, why_not = _prediction(result, level)
    return Summary(_label(result), bayesian(result), estimate, low, high, level, prediction, why_not)


def weights(results: Sequence[Result], k: int) -> FloatArray | None:
    """Return the weights, in percent, of the first result that has them."""
    for result in results:
        if bayesian(result):
            continue
        found = getattr(result, "weights", None)
        if found is None:
            continue
        values = np.asarray(found, dtype=float)
        if values.shape != (k,):
            raise InputError(f"the result has {values.size} weights for {k} rows")
        if np.isfinite(values).any():
            return values
    return None
