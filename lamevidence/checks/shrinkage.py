"""Shrinkage estimates: what each study's true effect is likely to be, given all the others."""

from __future__ import annotations

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable, OptionError
from ..pooling.inverse_variance.one_tau2 import OneTau2
from ..pooling.inverse_variance.study_effects import StudyEffects
from ..results.contract import Result
from .studies import a_result, estimates_remedy, studies_of
from .tables import CheckTable

__all__ = ["shrinkage"]


def shrinkage(fit: Result, level: float | None = None) -> CheckTable:
    """Return best linear unbiased predictions of the true effects, and of the deviations from the model.

    With λᵢ = τ²/(τ² + vᵢ), the prediction is λᵢyᵢ + (1 − λᵢ)xᵢ'β and its variance λᵢvᵢ + (1 − λᵢ)² Var(xᵢ'β); the
    deviation is λᵢ(yᵢ − xᵢ'β) with variance λᵢvᵢ + λᵢ² Var(xᵢ'β). τ² is taken as known. Models that are not of
    inverse-variance kind give the true effects as they see them (`Result.study_effects`).

    Parameters
    ----------
    fit
        A random-effects result of any model, with or without moderators.
    level
        Level of the intervals; that of the fit when left out.

    Returns
    -------
    CheckTable
        ``effect``, ``effect_se``, ``effect_low``, ``effect_high``, ``deviation``, ``deviation_se``, ``deviation_low``,
        ``deviation_high``, ``shrinkage`` (λᵢ). Outside inverse-variance models ``effect``, ``effect_low``,
        ``effect_high`` and ``deviation`` only.

    Raises
    ------
    TooFewStudies
        One study.
    OptionError
        A common-effect model: there all true effects are one.
    NotEstimable
        The model says nothing about single studies.

    See Also
    --------
    residuals : What the model leaves over.

    References
    ----------
    Raudenbush & Bryk 1985, doi:10.3102/10769986010002075.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.checks.shrinkage(lam.pool(table, tau2="DL"))["effect"].round(3).tolist()
    [0.202, 0.328, 0.362, 0.604]
    """
    result = a_result(fit, "shrinkage")
    studies_of(result, "shrinkage", 2)
    if not isinstance(result, OneTau2):
        return _of_the_model(result, result._level(level))
    if result.spec.tau2 == "none":
        raise OptionError(
            f"a common-effect model has no true effects to predict · {estimates_remedy(result, needed=2)}"
        )
    found = _columns(result.true_effects(), result._level(level))
    low, high = float(np.min(found["shrinkage"])), float(np.max(found["shrinkage"]))
    sentence = f"The studies keep between {100 * low:.0f}% and {100 * high:.0f}% of their distance from the model."
    columns = {"label": result._source().labels, **found}
    return CheckTable("shrinkage", "Shrinkage estimates", columns, sentence, ("τ² is taken as known",), result)


def _of_the_model(fit: Result, level: float) -> CheckTable:
    """Return the true effects as the model sees them, with no formula of ours."""
    effects = fit.study_effects(level)
    if np.isnan(effects).all():
        remedy = estimates_remedy(fit, needed=2)
        raise NotEstimable(f"{fit.spec.label} says nothing about the true effects of single studies · {remedy}")
    columns = {
        "label": tuple(fit.table.labels),
        "effect": effects[:, 0],
        "effect_low": effects[:, 1],
        "effect_high": effects[:, 2],
        "deviation": effects[:, 0] - fit.fitted(),
    }
    sentence = f"True effects of {fit.k} rows, {np.nanmin(effects[:, 0]):.4g} to {np.nanmax(effects[:, 0]):.4g}."
    return CheckTable("shrinkage", "Shrinkage estimates", columns, sentence, (), fit)


def _columns(found: StudyEffects, level: float) -> dict[str, FloatArray]:
    low, high = found.bounds(level)
    deviation_low, deviation_high = found.deviation_bounds(level)
    return {
        "effect": found.effect,
        "effect_se": found.effect_se,
        "effect_low": low,
        "effect_high": high,
        "deviation": found.deviation,
        "deviation_se": found.deviation_se,
        "deviation_low": deviation_low,
        "deviation_high": deviation_high,
        "shrinkage": found.shrinkage,
    }
