"""What a one-stage fit is asked to do: counts, model and options, each checked."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, OptionError
from ..options import a_choice, a_flag, a_whole, shown
from .glmm_designs import CountData
from .sparse_counts import arms_of, person_time, two_by_two

__all__ = ["GLMM_MODELS", "PREDICTIONS", "WHY", "Request", "check_options", "counts_of", "model_name", "nodes_of"]

GLMM_MODELS = {
    "OR": ("CM.EL", "UM.FS", "UM.RS", "CM.AL"),
    "IRR": ("CM.EL", "UM.FS", "UM.RS"),
    "PLO": ("one-arm",),
    "IRLN": ("one-arm",),
}
"""Measure → models, the default first."""

PREDICTIONS = ("HTS", "t", "normal", "none")
"""Prediction intervals of one-stage models."""

WHY = {
    "CM.EL": "exact conditional likelihood: no baseline risks to estimate, no continuity correction",
    "CM.AL": "binomial approximation of the conditional likelihood, good while events are rare",
    "UM.FS": "exact likelihood with one baseline a study",
    "UM.RS": "exact likelihood with normally distributed baselines",
    "one-arm": "exact likelihood of the counts with normally distributed study effects: no continuity correction",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A table with the choices made for it, all of them checked."""

    table: EvidenceTable
    measure: str
    model: str
    level: float
    test: str
    nodes: int
    method: str
    coding: float
    correlated: bool
    drop00: bool
    prediction: str | None


def counts_of(table: EvidenceTable, mods: ArrayLike | None) -> tuple[CountData, str]:
    """Return the counts as arrays and the measure that they lead to."""
    have = set(table.counts)
    if have & {"ai", "ci"}:
        cells = two_by_two(table, "the one-stage model")
        x, size = np.column_stack([cells.a, cells.c]), np.column_stack([cells.n1, cells.n2])
        family, measure = "binomial", "OR"
    elif "x1i" in have:
        rates = person_time(table, "the one-stage model")
        x, size = np.column_stack([rates.x1, rates.x2]), np.column_stack([rates.t1, rates.t2])
        family, measure = "poisson", "IRR"
    else:
        events, total, family = arms_of(table, "the one-stage model")
        x, size = events[:, None], total[:, None]
        measure = "PLO" if family == "binomial" else "IRLN"
    if table.measure not in (measure, "PETO"[: 4 * (measure == "OR")]):
        raise OptionError(
            f"one-stage models of these counts estimate {measure}, the table asks for {table.measure}"
            f" · make the table with measure={measure!r}, or pool {table.measure} by inverse variance or model='mh'"
        )
    if not (np.equal(np.mod(x, 1), 0).all()):
        raise InputError("a one-stage likelihood needs whole numbers of events · leave the continuity correction out")
    if family == "binomial" and not np.equal(np.mod(size, 1), 0).all():
        raise InputError("a one-stage likelihood needs whole numbers of patients")
    return CountData(x, size, family, _design(mods, table.k)), measure


def _design(mods: ArrayLike | None, k: int) -> FloatArray:
    if mods is None:
        return np.ones((k, 1))
    columns = floats(mods, "mods", "give numbers, one row a study; code categories as 0 and 1")
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.shape[0] != k or not np.isfinite(columns).all():
        raise InputError(f"mods must be finite with one row a study ({k}), got shape {columns.shape}")
    X = np.column_stack([np.ones(k), columns])
    scaled = X / np.linalg.norm(X, axis=0)
    if np.linalg.matrix_rank(scaled, tol=1e-10) < X.shape[1]:
        raise NotEstimable("the moderators are collinear (or constant) · drop one")
    return X


def model_name(measure: str, model: str | None) -> str:
    """Return the model, the default of the measure when None."""
    choices = GLMM_MODELS[measure]
    if model is None:
        return choices[0]
    return a_choice(f"one-stage model of {measure}", model, choices)


def nodes_of(nagq: int | None, model: str) -> int:
    """Return the quadrature nodes a dimension."""
    if nagq is None:
        return 9 if model == "UM.RS" else 21
    return a_whole("nagq", nagq, 1, 100)


def check_options(model: str, method: str, coding: float, correlated: bool, drop00: bool) -> None:
    """Raise `OptionError` for a value that does not exist or does not apply to the model."""
    a_choice("method of one-stage models", method, ("ML", "EE"))
    if isinstance(coding, bool) or not isinstance(coding, Real) or coding not in (0, 0.5, 1):
        raise OptionError(f"coding={shown(coding)} does not apply · choices: 0.5, 1, 0")
    a_flag("correlated", correlated)
    a_flag("drop00", drop00)
    if coding != 0.5 and not model.startswith("UM"):
        raise OptionError(f"coding applies to UM.FS and UM.RS, not to {model}")
    if (correlated or drop00) and model != "UM.RS":
        raise OptionError(f"correlated and drop00 apply to UM.RS, not to {model}")
