"""Meta-regression: effects explained by moderators of the studies.

yᵢ ~ N(xᵢ'β, vᵢ + τ²). Computed on an orthonormal basis of the design, so that a calendar year next to an
intercept, or moderators in odd units, cost no digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable
from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError
from ...foundation.options import a_choice
from ...results.recipe import Recipe, by_label
from ...results.spec import Spec
from ..inverse_variance import random_effects as shared
from ..kernel.kernels import Centred, Projection, centre
from ..policy import again, resolve_regression
from ..rows import checked_rows
from ..scale.batch import INTERVALS_FOR_MANY
from ..tau2.intervals import Tau2Fit
from .design import Design, design_of
from .regression_results import REGRESSION_PREDICTIONS, Regression

__all__ = ["TESTS", "Regression", "fit_design", "regress"]

TESTS = INTERVALS_FOR_MANY
"""Kinds of interval that regressions have."""


def regress(
    evidence: EvidenceTable,
    moderators: str | ArrayLike,
    *,
    model: str | None = None,
    names: Sequence[str] | None = None,
    **given: Any,  # noqa: ANN401
) -> Regression:
    """Return the meta-regression of the table's estimates on moderators; options as in `pool`.

    Raises
    ------
    NotEstimable
        A singular design (the columns are named), or too few studies.
    OptionError
        An interval other than z, t, HKSJ, HKSJ-floor.
    """
    model = "random" if model is None else a_choice("model with moderators", model, ("random", "common", "fixed"))
    shared.refuse_extra(model, given)
    live = checked_rows(evidence)
    table, weights = evidence, given.get("weights")
    if not live.all():
        keep = np.flatnonzero(live)
        if not isinstance(moderators, str):
            moderators = _rows_of(moderators, evidence.k)[keep]
        if weights is not None and not isinstance(weights, str):
            weights = _rows_of(weights, evidence.k)[keep]
        table = evidence.subset(keep.tolist())
    value = given.get("tau2")
    known = model != "random" or (value is not None and not isinstance(value, str))
    design = design_of(table, moderators, names, exact=known and given.get("interval") in (None, "z"))
    spec = resolve_regression(table.k, design.X.shape[1], given, table.model, model)
    a_choice("interval of a regression", spec.interval, TESTS)
    a_choice("prediction of a regression", spec.prediction, REGRESSION_PREDICTIONS)
    shared.check_choices(spec, value)
    return fit_design(table, design, spec, value, weights)


def _rows_of(values: ArrayLike, k: int) -> FloatArray:
    array = floats(values, "moderators or weights", "give numbers, one row a study")
    if array.shape[:1] != (k,):
        raise InputError(f"{array.shape[0] if array.ndim else 0} rows for a table of {k} · give one row a study")
    return array


def _again(
    table: EvidenceTable,
    *,
    design: Design,
    spec: Spec,
    value: Any,  # noqa: ANN401
    weights: Any = None,  # noqa: ANN401
    X: ArrayLike | None = None,
) -> Regression:
    """Return the same columns with the same choices, fitted to the rows of ``table``."""
    live = checked_rows(table)
    if not live.all():
        keep = np.flatnonzero(live)
        table = table.subset(keep.tolist())
        X = None if X is None else np.asarray(X)[keep]
        weights = weights if weights is None or isinstance(weights, str) else np.asarray(weights)[keep]
    exact = spec.tau2 in ("none", "fixed") and spec.interval == "z"
    made = design.again(table, X, exact=exact)
    return fit_design(table, made, again(spec, table.k, design.X.shape[1]), value, weights)


def fit_design(table: EvidenceTable, design: Design, spec: Spec, value: Any, weights: Any) -> Regression:  # noqa: ANN401
    """Return the regression with choices already made.

    Parameters
    ----------
    table
        Rows of finite variance.
    design
        Their design.
    spec
        The choices.
    value, weights
        τ² where it is given as a number; weights as in `pool`.
    """
    shared.check_zero_variances(table, spec, table.vi)
    data = centre(table.yi[None], table.vi[None])
    stretch, shift = float(data.scale[0]), float(data.offset[0])
    y, v, U = data.y[0], data.v[0], design.basis
    if design.constant is None:
        y, shift = table.yi / stretch, 0.0
        data = data._replace(y=y[None])
    a = shared.weights_of(spec.model, spec, weights, table, np.ones(table.k, dtype=bool), v)
    t, notes = shared.between(spec, data, a, value, U)
    shared.refuse_no_spread(t, v)
    total = _total_tau2(spec, data, a) * stretch**2
    w = 1.0 / (v + t)
    own = Projection(w, U)
    k, p = U.shape
    r = own.residuals(y)
    plain_factor = float((w * r).dot(r)) / (k - p) if k > p else math.nan
    weighted = own if a is None else Projection(a, U)
    coefficients = weighted.coefficients(y)
    covariance = weighted.G
    if a is not None:
        covariance = weighted.G @ (U.T @ ((a * a * (v + t))[:, None] * U)) @ weighted.G
    factor = {"HKSJ": plain_factor, "HKSJ-floor": max(1.0, plain_factor)}.get(spec.interval, 1.0)
    beta = stretch * (design.back @ coefficients)
    if design.constant is not None:
        beta = beta + shift * design.constant
    vb = stretch**2 * factor * (design.back @ covariance @ design.back.T)
    df = math.inf if spec.interval == "z" else float(k - p)
    behind = Tau2Fit(y, v, U, t, spec.tau2, a)
    return Regression(
        table,
        spec,
        design,
        beta,
        (vb + vb.T) / 2,
        df,
        stretch**2 * t,
        total,
        factor,
        behind,
        shift,
        stretch,
        y - U @ coefficients,
        notes,
        _recipe(table, design, spec, value, weights),
    )


def _recipe(table: EvidenceTable, design: Design, spec: Spec, value: Any, weights: Any) -> Recipe:  # noqa: ANN401
    """Return how the fit is made again; rows of a design matrix and weights follow their studies."""
    options: dict[str, Any] = {"design": design, "spec": spec, "value": value}
    per_row: dict[str, dict[str, Any]] = {}
    if design.recipe is None:
        per_row["X"] = by_label(table, design.X)
    if weights is None or isinstance(weights, str):
        options["weights"] = weights
    else:
        per_row["weights"] = by_label(table, np.asarray(weights, dtype=np.float64).tolist())
    return Recipe(_again, options, per_row)


def _total_tau2(spec: Spec, data: Centred, a: FloatArray | None) -> float:
    if spec.tau2 in ("none", "fixed"):
        return math.nan
    return shared.between(spec, data, a, None, None)[0]
