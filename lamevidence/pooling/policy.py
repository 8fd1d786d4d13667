"""Defaults that know how many studies there are, each with its reason.

What the user gives wins; then what the question pre-specified; then this policy. Sources: Cochrane Handbook
2025 section 10 (REML, Q-profile, HKSJ, prediction interval), Röver 2015 doi:10.1186/s12874-015-0091-1 (floor),
Partlett & Riley 2017 doi:10.1002/sim.7140 (prediction), Friede 2017 doi:10.1002/jrsm.1217 (k < 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..options import a_level
from .spec import Spec

__all__ = ["FEW", "resolve", "resolve_regression"]

FEW = 5
"""Below this number of studies a frequentist prediction interval says next to nothing."""

NAMED_BY_QUESTION = "the question pre-specifies it"


def default_tau2(model: str, k: int) -> tuple[str, str]:
    """Return the default τ² estimator and why."""
    if model in ("ivhet", "henmi-copas"):
        return "DL", f"{model} is defined with DerSimonian and Laird's estimate"
    if model != "random":
        return "none", f"the {model} model has no between-study variance"
    return "REML", "least biased of the usual estimators, and Cochrane's default"


def default_interval(model: str, k: int) -> tuple[str, str]:
    """Return the default interval method and why."""
    if model != "random":
        return "z", f"the {model} model takes the within-study variances as known"
    if k == 2:
        return "HKSJ-floor", (
            "k = 2: Hartung-Knapp with t(1) keeps its level but is hardly informative; floored at the Wald variance"
        )
    return "HKSJ-floor", (
        f"k = {k}: Hartung-Knapp allows for the uncertainty of τ²; floored so that studies which happen to agree"
        " do not shorten it below the Wald variance"
    )


def default_prediction(model: str, k: int, interval: str) -> tuple[str, str]:
    """Return the default prediction interval and why."""
    if model != "random":
        return "none", f"the {model} model has no distribution of effects to predict from"
    if k < FEW:
        return "none", f"k = {k} < {FEW}: τ² is too uncertain for a frequentist prediction interval; use pool_bayes"
    if interval.startswith("HKSJ"):
        return "HK-PR", "t(k − 2) with the standard error of the interval, so never narrower than it"
    return "HTS", "t(k − 2) with the Wald standard error (Higgins, Thompson and Spiegelhalter)"


def resolve(k: int, given: Mapping[str, Any], question: Mapping[str, Any], model: str, why_model: str) -> Spec:
    """Return the complete `Spec` of a pooled mean.

    Parameters
    ----------
    k
        Number of studies with a finite variance.
    given, question
        Choices by name (``tau2 interval prediction level``), None where not given.
    model, why_model
        The model, already chosen, and why.
    """
    interval = _settle("interval", given, question, default_interval(model, k))
    return _spec(
        model, why_model, given,
        tau2=_settle("tau2", given, question, default_tau2(model, k)), interval=interval,
        prediction=_settle("prediction", given, question, default_prediction(model, k, str(interval[0]))),
        level=_settle("level", given, question, (0.95, "customary")),
    )


def resolve_regression(k: int, p: int, given: Mapping[str, Any], question: Mapping[str, Any], model: str) -> Spec:
    """Return the complete `Spec` of a meta-regression; of the question, only the level counts."""
    nothing: Mapping[str, Any] = {}
    prediction = ("none", f"the {model} model has no distribution of effects to predict from")
    if model == "random":
        prediction = ("riley", "t(k − p − 1) with the standard error of the test")
        if k - p < 2:
            prediction = ("none", "k − p < 2")
    return _spec(
        model, "moderators may leave heterogeneity unexplained" if model == "random" else "given", given,
        tau2=_settle("tau2", given, nothing, default_tau2(model, k)),
        interval=_settle("interval", given, nothing, default_interval(model, k)),
        prediction=_settle("prediction", given, nothing, prediction),
        level=_settle("level", given, question, (0.95, "customary")),
    )


def _settle(
    name: str, given: Mapping[str, Any], question: Mapping[str, Any], default: tuple[Any, str]
) -> tuple[Any, str]:
    """Return the choice and its reason: the user's, else the question's, else the policy's."""
    if given.get(name) is not None:
        return given[name], "given"
    if question.get(name) is not None:
        return question[name], NAMED_BY_QUESTION
    return default


def _spec(model: str, why_model: str, given: Mapping[str, Any], **chosen: tuple[Any, str]) -> Spec:
    weights = given.get("weights")
    tau2 = chosen["tau2"][0]
    return Spec(
        model, tau2 if isinstance(tau2, str) else "fixed", chosen["interval"][0], chosen["prediction"][0],
        a_level(chosen["level"][0]),
        "inverse-variance" if weights is None else weights if isinstance(weights, str) else "given",
        {"model": why_model} | {name: why for name, (_, why) in chosen.items()},
    )
