"""The only file here that knows names of the package: where functions live, what attributes of results are called."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import lamevidence as lam

PLACES = ("", "counts", "checks", "network", "priors", "models", "effects", "pooling", "regression", "results", "bayes")
"""Where a public name may live, seen from the package."""
OTHER_NAMES = {
    "glmm": ("fit_glmm",),
    "beta_binomial": ("fit_beta_binomial",),
    "gamma_poisson": ("fit_gamma_poisson",),
    "aggregate": ("aggregate_rows",),
    "test_excess_significance": ("excess_significance", "excess_significance_test"),
}
"""Name here → its other spellings."""
ARGUMENTS = (
    ("moderators", "mods"),
    ("interval", "test"),
    ("tau2", "method"),
    ("draws", "permutations", "replicates"),
    ("kind", "type", "test"),
    ("tau2_method", "method"),
)
"""Arguments that may be called by another word of their group."""
VALUES = {("method", "tau2", "EE"): "none"}
"""(Argument, what it is called now, value) → the value's word now."""
COLUMNS = {"std_error": "se", "conf_low": "low", "conf_high": "high", "p": "p_value", "studentised": "studentized"}
"""Column of a table → what it is called in the file."""
MISSING = object()
"""Says that a result has no such attribute, as opposed to a value that does not exist."""


def errors() -> type[Exception]:
    """Return the base class of the package's errors."""
    found = getattr(lam, "LamEvidenceError", None)
    return found or importlib.import_module("lamevidence.errors").LamEvidenceError


@functools.cache
def name(wanted: str) -> Any:
    """Return a public function or class, wherever it lives."""
    for place in PLACES:
        try:
            module = importlib.import_module(f"lamevidence.{place}") if place else lam
        except ImportError:
            module = getattr(lam, place, None)
        for spelling in (wanted, *OTHER_NAMES.get(wanted, ())):
            found = getattr(module, spelling, None)
            if callable(found):
                return found
    raise LookupError(f"{wanted} is in none of {', '.join(PLACES)}")


def call(function: str | Callable[..., Any], *given: Any, **options: Any) -> Any:
    """Call a function of the package, its arguments under the words that it knows."""
    found = name(function) if isinstance(function, str) else function
    known = inspect.signature(found).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        words = {key: _word(key, known, options) for key in options}
        options = {words[key]: _value(key, words[key], value) for key, value in options.items()}
    return found(*given, **options)


def _word(key: str, known: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    if key in known:
        return key
    others = (other for group in ARGUMENTS if key in group for other in group)
    return next((other for other in others if other in known and other not in options), key)


def _value(key: str, word: str, value: Any) -> Any:
    return VALUES.get((key, word, value), value) if isinstance(value, str) else value


# ---- making tables ------------------------------------------------------------------------------------------------
def estimates(yi: Sequence[float], vi: Sequence[float] | None = None, **more: Any) -> Any:
    """Return a table of estimates and variances."""
    return lam.EvidenceTable.from_estimates(yi, vi=vi, **more)


def counted(measure: str, columns: Mapping[str, Any], **options: Any) -> Any:
    """Return a table made from columns of numbers under the field's names (``ai``, ``n1i`` …)."""
    frame = pd.DataFrame({key: np.asarray(column, dtype=float) for key, column in columns.items()})
    return lam.EvidenceTable.from_frame(frame, measure, **{key: key for key in columns}, **options)


def network_of(y: Any, v: Any, first: Any, second: Any, study: Any) -> Any:
    """Return a table of contrasts between treatments."""
    return name("NetworkTable")(np.asarray(y, float), np.asarray(v, float), first, second, study)


def prior(kind: str, *numbers: float) -> Any:
    """Return a prior by its name."""
    return name(kind)(*numbers)


@functools.cache
def registry() -> Any:
    """Return the registry that is shipped."""
    return name("load_registry")()


def questions() -> list[str]:
    """Return the ids of the questions that were shipped when the numbers were recorded."""
    recorded = json.loads((Path(__file__).parent / "results.json").read_text(encoding="utf-8"))
    return sorted(case.split()[1].split("/")[0] for case in recorded if case.startswith("evidence/question "))


def question_table(question: str) -> Any:
    """Return the evidence that answers a shipped question."""
    return registry().evidence(question)


# ---- reading results ----------------------------------------------------------------------------------------------
def look(result: Any, *paths: str) -> Any:
    """Return the first of these attributes that exists, methods called; None where the package says there is none."""
    for path in paths:
        value = result
        try:
            for part in path.split("."):
                value = getattr(value, part)
                value = value() if inspect.ismethod(value) else value
        except (AttributeError, TypeError):
            continue
        except errors():
            return None
        return value
    return MISSING


def vector(value: Any) -> list[float]:
    """Return the numbers of a scalar, a sequence or a mapping, in order."""
    if value is None:
        return [math.nan]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [math.nan if x is None else float(x) for x in np.asarray(value, dtype=object).ravel()]


def one(key: str, result: Any, *paths: str) -> dict[str, float]:
    """Return a number under ``key``, nothing where the result has no such thing."""
    value = look(result, *(paths or (key,)))
    return {} if value is MISSING else {key: vector(value)[0]}


def many(key: str, value: Any) -> dict[str, float]:
    """Return the numbers of a vector as ``key.0``, ``key.1`` …"""
    return {} if value is MISSING else {f"{key}.{i}": x for i, x in enumerate(vector(value))}


def ends(tail: str, make: Callable[[], Any]) -> dict[str, float]:
    """Return both ends of an interval, nan where there is none."""
    try:
        bounds = make()
    except errors():
        bounds = None
    low, high = (math.nan, math.nan) if bounds is None else (float(x) for x in bounds)
    return {f"{tail}low": low, f"{tail}high": high}


def percent(result: Any) -> dict[str, float]:
    """Return I² in percent, as one number or as one a component."""
    value = look(result, "i2_by_component", "i2", "heterogeneity.i2")
    if isinstance(value, Mapping):
        return many("i2", value)
    return {} if value is MISSING else {"i2": vector(value)[0]}


def percent_of_posterior(post: Any) -> dict[str, float]:
    """Return I² of a posterior in percent: a method gives a share, an attribute or ``heterogeneity()`` percent."""
    given = getattr(post, "i2", MISSING)
    if not callable(given):
        return percent(post)
    return {"i2": 100.0 * vector(look(post, "i2"))[0]}


def spread_of(result: Any) -> dict[str, float]:
    """Return heterogeneity and fit."""
    out = one("tau2", result) | percent(result)
    for key, other in (("q", "q"), ("q_df", "df"), ("q_p", "p"), ("h2", "h2")):
        out |= one(key, result, key, f"heterogeneity.{other}")
    return out | one("log_likelihood", result) | one("se_tau2", result)


def weights_of(result: Any) -> dict[str, float]:
    """Return the sum of the weights, and their sum with the places of the rows as factors."""
    value = look(result, "weights")
    if value is MISSING or value is None:
        return {}
    w = np.array(vector(value))
    return {"weights_sum": float(w.sum()), "weights_places": float(w @ np.arange(1.0, w.size + 1))}


def mean_of(result: Any, *, predicts: bool = True) -> dict[str, float]:
    """Return everything about a pooled mean."""
    out = one("estimate", result, "mu", "estimate")
    for key in ("se", "df", "statistic", "p_value"):
        out |= one(key, result)
    out |= ends("", result.interval) | ends("ci80_", lambda: result.interval(0.8))
    if predicts and hasattr(result, "prediction"):
        out |= ends("prediction_", result.prediction) | ends("prediction80_", lambda: result.prediction(0.8))
        out |= one("prediction_se", result) | one("prediction_df", result)
    return out | spread_of(result) | weights_of(result)


def coefficients_of(result: Any) -> dict[str, float]:
    """Return estimates, standard errors, intervals and tests of all coefficients, by position."""
    out = many("beta", look(result, "coefficients.estimate", "beta", "estimate"))
    out |= many("se", look(result, "coefficients.se", "se"))
    out |= many("df", look(result, "coefficients.df", "df"))
    out |= many("p_value", look(result, "coefficients.p_values", "p_value", "p_values"))
    bounds = look(result, "coefficients.intervals", "interval", "intervals")
    if bounds is MISSING:
        return out
    pairs = np.array(list(bounds.values()) if isinstance(bounds, Mapping) else bounds, dtype=float).reshape(-1, 2)
    return out | many("low", pairs[:, 0]) | many("high", pairs[:, 1])


def distribution_of(tail: str, made: Any) -> dict[str, float]:
    """Return what is asked of a distribution."""
    out = one(f"{tail}_mean", made, "mean") | one(f"{tail}_sd", made, "sd") | one(f"{tail}_median", made, "median")
    out |= ends(f"{tail}_", lambda: made.interval(0.95)) | ends(f"{tail}_ci50_", lambda: made.interval(0.5))
    return out


def columns_of(check: Any) -> dict[str, float]:
    """Return the sum of every numeric column, its first and last entry, and how many it lacks."""
    columns = check.columns if isinstance(getattr(check, "columns", None), Mapping) else dict(_frame(check).items())
    out = {}
    for key, column in columns.items():
        try:
            values = np.asarray(column, dtype=float)
        except (TypeError, ValueError):
            continue
        word = COLUMNS.get(str(key), str(key))
        out |= {f"{word}.first": float(values[0]), f"{word}.last": float(values[-1])}
        out |= {f"{word}.sum": float(np.nansum(values))}
        if np.isnan(values).any():
            out[f"{word}.none"] = float(np.isnan(values).sum())
    return out


def _frame(check: Any) -> pd.DataFrame:
    return check if isinstance(check, pd.DataFrame) else check.to_frame()


def attributes(result: Any, *keys: str) -> dict[str, float]:
    """Return attributes that are numbers, under their own names."""
    return {k: v for key in keys for k, v in one(key, result).items()}


def parts(prefix: str, numbers: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Yield the numbers under longer names."""
    yield from ((f"{prefix}.{key}", value) for key, value in numbers.items())
