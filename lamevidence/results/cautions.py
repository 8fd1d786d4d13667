"""What a result's numbers refer to, in words: reference levels, missing intercepts, limits that cannot exist."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures import MEASURES
from ..effects.measures.base import Measure
from ..effects.missing_sd import IMPUTED
from ..foundation.errors import LamEvidenceError
from ..foundation.numbers import fixed

if TYPE_CHECKING:
    from .contract import Result

__all__ = ["Cautioned", "beyond_range", "cautions", "possible_range"]

UNIT = (-1.0, 1.0)
RANGES = {
    **dict.fromkeys(("RD", "MPRD", "PHI", "YUQ", "YUY", "RTET"), UNIT),
    "PR": (0.0, 1.0),
    "PLN": (-np.inf, 0.0),
    "PAS": (0.0, np.pi / 2),
    "IR": (0.0, np.inf),
    "IRS": (0.0, np.inf),
    "R2": (0.0, 1.0),
    "AS": (-np.pi / 2, np.pi / 2),
    "ARAW": (-np.inf, 1.0),
}
"""Measure → the values that can exist on the scale of the analysis, where they are bounded."""
INSTEAD = {
    **dict.fromkeys(("PR", "PLN", "PAS"), "measure='PLO' keeps intervals within it"),
    "RD": "the odds ratio of the same counts has no such bound",
    **dict.fromkeys(("IR", "IRS"), "measure='IRLN' keeps intervals within it"),
    **dict.fromkeys(("COR", "UCOR"), "measure='ZCOR' keeps intervals within it"),
}
"""Measure → what has no such limits."""
DUMMY = re.compile(r"^(?:C\()?(?P<factor>[^\[\]:(),]+)[^\[\]:]*\[T\.(?P<level>.*)\]$")
"""A column of a factor in treatment coding: ``g[T.b]``, ``C(g)[T.b]``."""


class Cautioned:
    """A result whose notes hold what follows from its own names, design and limits, whoever made it."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Add the cautions to the notes, each once."""
        notes: tuple[str, ...] = self.notes  # type: ignore[attr-defined]
        more = [caution for caution in cautions(self) if caution not in notes]  # type: ignore[arg-type]
        if more:
            object.__setattr__(self, "notes", (*notes, *more))


def possible_range(measure: Measure) -> tuple[float, float]:
    """Return the values that estimates of a measure can have on the scale of the analysis."""
    raw = measure.family == "correlation" and measure.scale == "identity" and measure.code != "R2"
    return UNIT if raw else RANGES.get(measure.code, (-np.inf, np.inf))


def cautions(fit: Result) -> tuple[str, ...]:
    """Return the cautions that follow from the names, the design and the limits of a result."""
    told: list[str] = []
    for part in ("robust", "inference"):  # where results with cluster-robust inference keep it
        told += getattr(getattr(fit, part, None), "notes", ())
    if np.any(getattr(fit.table, "moderators", {}).get("sd_imputed", False)):  # a network has none
        told += [note for note in fit.table.notes if IMPUTED in note]
    if len(fit.names) > 1 or hasattr(fit, "design"):
        told += _references(fit)
    remedy = f" · {INSTEAD[fit.measure]}" if fit.measure in INSTEAD else ""
    return (*told, *(f"{said}{remedy}" for said in beyond_range(fit)))


def _references(fit: Result) -> list[str]:
    """Return the level of each factor that its coefficients are differences from, and what else the mean is of."""
    found: dict[str, str] = {}
    names = fit.names
    design = getattr(fit, "design", None)
    X = getattr(design, "X", None)
    constant = X is not None and any(bool((X[:, j] == 1).all()) for j in range(X.shape[1]))
    for name in names:
        match = DUMMY.match(name)
        if match and match["factor"] not in found:
            found[match["factor"]] = _reference(fit, match["factor"], names)
    told = [f"reference: {factor} = {level}" for factor, level in found.items() if level]
    if X is not None and not constant and len(names) == X.shape[1] and not _spans_constant(X):
        told.append("no intercept: the fitted mean is 0 where all moderators are 0; add a column of ones for one")
    return told


def _reference(fit: Result, factor: str, names: tuple[str, ...]) -> str:
    """Return the level of a factor that has no column, empty where it cannot be told."""
    moderators: Mapping[str, Any] = getattr(fit.table, "moderators", {})
    if factor not in moderators:
        return ""
    column = moderators[factor]
    levels = [str(x) for x in getattr(getattr(column, "cat", column), "categories", dict.fromkeys(np.asarray(column)))]
    shown = {m["level"] for m in map(DUMMY.match, names) if m and m["factor"] == factor}
    left = [level for level in levels if level not in shown]
    return left[0] if len(left) == 1 else ""


def _spans_constant(X: np.ndarray[Any, Any]) -> bool:
    """Return whether some combination of the columns is 1 in every row."""
    ones = np.ones(X.shape[0])
    return bool(np.abs(X @ np.linalg.lstsq(X, ones, rcond=None)[0] - ones).max() < 1e-9)


def beyond_range(fit: Result, level: float | None = None, *, prediction: bool = True) -> list[str]:
    """Return a caution where a limit of the mean, or of a new study, lies outside what can exist."""
    low, high = possible_range(MEASURES[fit.measure])
    if not (np.isfinite(low) or np.isfinite(high)):
        return []
    bounds: list[tuple[str, float, float]] = []
    slope = getattr(getattr(fit, "design", None), "X", None)
    if len(fit.names) == 1 and (slope is None or bool((slope == slope[0]).all())):
        bounds += [("confidence limit" if not fit.bayesian else "credible limit", *fit.intervals(level)[0].tolist())]
        with contextlib.suppress(LamEvidenceError):
            bounds += [("limit for a new study", *fit.prediction(level))] if prediction else []
    factor, unit = (100.0, " %") if fit.measure == "PR" else (1.0, f" {fit.unit}" if fit.unit else "")
    told = []
    for what, below, above in bounds:
        for value, edge, word, beyond in ((below, low, "below", below < low), (above, high, "above", above > high)):
            if beyond:
                told.append(
                    f"the {word.replace('below', 'lower').replace('above', 'upper')} {what}, "
                    f"{fixed(value * factor, 3)}{unit}, is {word} {edge * factor:g}{unit}, where no"
                    f" {MEASURES[fit.measure].title}"
                    " can be"
                )
    return told
