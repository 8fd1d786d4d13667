"""Maximum likelihood for the two closed-form mixtures of counts, beta-binomial and gamma-Poisson."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.measures.base import FloatArray
from ..errors import ConvergenceError, InputError, TooFewStudies
from ..options import a_level
from .count_results import CountPooled, CountSpec
from .sparse_counts import require

__all__ = ["MixedModel", "MixedPooled", "fit_mixed", "several_arms"]


@dataclass(frozen=True, slots=True)
class MixedModel:
    """Name of the model, code of its measure, name of its dispersion, and where to start."""

    name: str
    measure: str
    dispersion: str
    start: float


@dataclass(frozen=True, eq=False, repr=False)
class MixedPooled(CountPooled):
    """A beta-binomial or gamma-Poisson result.

    Attributes
    ----------
    dispersion
        Intra-study correlation ρ, or squared coefficient of variation φ.
    dispersion_name
        ``rho`` or ``phi``.
    log_likelihood
        Maximised log-likelihood.
    """

    dispersion: float = math.nan
    dispersion_name: str = ""
    log_likelihood: float = math.nan

    def _glance(self) -> dict[str, Any]:
        return {self.dispersion_name: self.dispersion, "log_likelihood": self.log_likelihood}

    @property
    def prediction_note(self) -> str:
        """Why there is no prediction interval on the link scale."""
        return f"the {self.spec.label} model has no normal distribution of effects on the link scale · use model='glmm'"


def several_arms(
    table: EvidenceTable, names: tuple[str, str], what: str, level: object
) -> tuple[FloatArray, FloatArray, float]:
    """Return events and sizes (or person-time) of at least two single arms, and the level, all checked."""
    a_table(table)
    level = a_level(level)
    table.require_independent()
    events, size = require(table, names, what)
    if table.k < 2:
        raise TooFewStudies(what, table.k, 2, "model='glmm' reports one study with its exact interval")
    wrong = (events < 0) | (size <= 0) | ((events > size) if names[1] == "ni" else False)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{table.labels[row]}: {names[0]} = {events[row]:g} with {names[1]} = {size[row]:g} is impossible · events "
            f"are 0 or more, {'and at most the number of patients' if names[1] == 'ni' else 'in a time above 0'}"
        )
    return events, size, level


def fit_mixed(
    table: EvidenceTable,
    model: MixedModel,
    value: Callable[[float, float], float],
    grid: FloatArray,
    top: float,
    level: float,
) -> MixedPooled:
    """Return the fit of ``value(mu, dispersion)``: profile over a grid of dispersions, then polish, 0 included."""
    profile = [_best_mu(value, model.start, float(d)) for d in grid]
    best = int(np.argmax([v for _, v in profile]))
    low, high = grid[max(best - 1, 0)], grid[best + 1] if best + 1 < grid.size else top
    dispersion = _golden(lambda d: _best_mu(value, model.start, d)[1], float(low), float(high))
    mu, at = _best_mu(value, model.start, dispersion)
    if profile[0][1] >= at - 1e-10 * (1 + abs(at)):
        dispersion, (mu, at) = 0.0, profile[0]
    se = _standard_error(value, mu, dispersion)
    plain = profile[0][1]
    lrt = max(0.0, 2 * (at - plain))
    why = {"model": f"{model.name}: marginal mean, a check of the normal distribution of study effects"}
    spec = CountSpec(model.name, "ML", "z", "none", level, "none", why, {}, model.name)
    # under no heterogeneity the statistic is 0 half of the time (the dispersion cannot be negative)
    q_p = 0.5 * float(special.chdtrc(1, lrt)) if lrt > 0 else 1.0
    notes = (
        f"{model.dispersion} = {dispersion:.4g}; the estimate is the mean over studies, not that of the middle study",
        "q is the likelihood-ratio statistic of no dispersion (half χ² with 1 df)",
    )
    return MixedPooled(
        table,
        spec,
        model.measure,
        mu,
        se,
        math.inf,
        math.nan,
        lrt,
        1,
        q_p,
        math.nan,
        math.nan,
        None,
        notes,
        None,
        dispersion,
        model.dispersion,
        at,
    )


def _golden(f: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    if high <= low:
        return low
    found = minimize_scalar(
        lambda d: -f(d), bounds=(low, high), method="bounded", options={"xatol": 1e-10 * (1 + high)}
    )
    return float(found.x)


def _best_mu(value: Callable[[float, float], float], start: float, dispersion: float) -> tuple[float, float]:
    """Return the best mu at a dispersion and the log-likelihood there."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda m: -value(m, dispersion), bracket=(start - 0.5, start + 0.5), tol=1e-12)
    if not math.isfinite(found.fun):
        raise ConvergenceError("the likelihood has no finite maximum over the mean")
    return float(found.x), -float(found.fun)


def _standard_error(value: Callable[[float, float], float], mu: float, dispersion: float) -> float:
    """Return √ of the (mu, mu) element of the inverse observed information, dispersion on its own scale."""
    h, s = 1e-4, 1e-4 * dispersion
    f = value(mu, dispersion)
    mm = (value(mu + h, dispersion) - 2 * f + value(mu - h, dispersion)) / h**2
    if dispersion == 0:
        return math.sqrt(-1 / mm)
    dd = (value(mu, dispersion + s) - 2 * f + value(mu, dispersion - s)) / s**2
    md = (
        value(mu + h, dispersion + s)
        - value(mu + h, dispersion - s)
        - value(mu - h, dispersion + s)
        + value(mu - h, dispersion - s)
    ) / (4 * h * s)
    return math.sqrt(-dd / (mm * dd - md * md))
