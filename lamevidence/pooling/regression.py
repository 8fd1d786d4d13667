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

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..options import a_choice
from .design import Design, design_of
from .kernels import Projection, centre
from .policy import resolve_regression
from .regression_results import REGRESSION_PREDICTIONS, Regression
from .rows import checked_rows
from .spec import Spec
from .tau2_intervals import Tau2Fit

__all__ = ["TESTS", "Regression", "regress"]

TESTS = ("z", "t", "HKSJ", "HKSJ-floor")


def regress(
    table: EvidenceTable, moderators: str | ArrayLike, *, model: str | None = None, names: Sequence[str] | None = None,
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
    from . import random_effects as shared

    model = "random" if model is None else a_choice("model with moderators", model, ("random", "common", "fixed"))
    shared.refuse_extra(model, given)
    live = checked_rows(table)
    if not live.all():
        keep = [int(i) for i in np.flatnonzero(live)]
        if not isinstance(moderators, str):
            moderators = np.asarray(moderators)[keep]
        if given.get("weights") is not None and not isinstance(given["weights"], str):
            given["weights"] = np.asarray(given["weights"])[keep]
        table = table.subset(keep)
        live = live[live]
    design = design_of(table, moderators, names)
    spec = resolve_regression(table.k, design.X.shape[1], given, table.model, model)
    _check(spec)
    shared.check_choices(spec, given.get("tau2"))
    shared.check_zero_variances(table, spec, table.vi)
    return _fit(table, design, spec, given, live)


def _check(spec: Spec) -> None:
    a_choice("interval of a regression", spec.interval, TESTS)
    a_choice("prediction of a regression", spec.prediction, REGRESSION_PREDICTIONS)


def _fit(table: EvidenceTable, design: Design, spec: Spec, given: dict[str, Any], live: FloatArray) -> Regression:
    from . import random_effects as shared

    data = centre(table.yi[None], table.vi[None])
    scale, offset = float(data.scale[0]), float(data.offset[0])
    y, v, U = data.y[0], data.v[0], design.basis
    if design.constant is None:
        y, offset = table.yi / scale, 0.0
        data = data._replace(y=y[None])
    a = shared.weights_of(spec.model, spec, given.get("weights"), table, live, v)
    t, notes = shared.between(spec, data, a, given.get("tau2"), U)
    shared.refuse_no_spread(t, v)
    total = _total_tau2(spec, data, a) * scale**2
    w = 1.0 / (v + t)
    own = Projection(w, U)
    k, p = U.shape
    r = own.residuals(y)
    plain_factor = float((w * r).dot(r)) / (k - p)
    weighted = own if a is None else Projection(a, U)
    coefficients = weighted.coefficients(y)
    covariance = weighted.G
    if a is not None:
        covariance = weighted.G @ (U.T @ ((a * a * (v + t))[:, None] * U)) @ weighted.G
    factor = {"HKSJ": plain_factor, "HKSJ-floor": max(1.0, plain_factor)}.get(spec.interval, 1.0)
    beta = scale * (design.back @ coefficients)
    if design.constant is not None:
        beta = beta + offset * design.constant
    vb = scale**2 * factor * (design.back @ covariance @ design.back.T)
    df = math.inf if spec.interval == "z" else float(k - p)
    behind = Tau2Fit(y, v, U, t, spec.tau2, a)
    return Regression(
        table, spec, design, beta, (vb + vb.T) / 2, df, scale**2 * t, total, factor, behind, scale, offset,
        y - U @ coefficients, notes,
    )


def _total_tau2(spec: Spec, data: Any, a: FloatArray | None) -> float:  # noqa: ANN401
    from . import random_effects as shared

    if spec.tau2 in ("none", "fixed"):
        return math.nan
    return shared.between(spec, data, a, None, None)[0]
