"""Defaults that know how many studies there are, each with its reason.

What the user gives wins; then what the question pre-specified; then this policy. Sources: Cochrane Handbook
2025 section 10 (REML, Q-profile, HKSJ, prediction interval), Röver 2015 doi:10.1186/s12874-015-0091-1 (floor),
Partlett & Riley 2017 doi:10.1002/sim.7140 (prediction), Friede 2017 doi:10.1002/jrsm.1217 (k < 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..foundation.options import a_level
from ..results.spec import Spec

__all__ = ["FEW", "NAMED_BY_QUESTION", "NEW", "again", "resolve", "resolve_regression"]

FEW = 5
"""Below this number of studies a frequentist prediction interval says next to nothing."""

NEW = "NNF-floor"
"""Default prediction interval of estimates with variances."""
WHY_NEW = (
    "mixes over the confidence distribution of τ²: holds a new study in .92 and more of simulated sets where t"
    " quantiles about one estimate of τ² hold .85 (docs/coverage.md); checks.bootstrap_prediction draws from it"
)
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
            "k = 2, conservative: Hartung-Knapp with t(1) is hardly informative; floored, since the plain interval"
            " holds the truth in .56 of the sets where it is shorter than the normal one (docs/coverage.md)"
        )
    return "HKSJ-floor", (
        f"k = {k}, conservative: Hartung-Knapp allows for the uncertainty of τ²; floored at the Wald variance, since"
        " the plain interval falls short where studies happen to agree (docs/coverage.md)"
    )


def default_count_interval(df: int, name: str = "k − p") -> tuple[str, str]:
    """Return the default interval of a model of counts with ``df`` degrees of freedom, and why."""
    if df < 1:
        return "z", "one study carries information: no degrees of freedom, so the interval is that study's own"
    return "t", (
        f"t({name}) = t({df}): with normal quantiles 95 % intervals of few studies hold the truth in 64 to 88 % of"
        " simulated sets with τ > 0, with t in 93 % and more (docs/coverage.md)"
    )


def default_count_prediction(mixed: bool) -> tuple[str, str]:
    """Return the default prediction interval of a one-stage model and why.

    ``mixed``: τ² is one scale of a model of one mean, so that its profile makes a confidence distribution.
    """
    if not mixed:
        return "HTS", "t(k − p − 1) with the Wald standard error (Higgins, Thompson and Spiegelhalter)"
    return "profile", (
        "mixes over the confidence distribution of τ² that its adjusted profile likelihood makes: holds a new study in"
        " .91 to 1.00 of simulated sets, .96 on the average, where t quantiles about one estimate of τ² hold .79 to .98"
        " (docs/coverage.md); checks.bootstrap_prediction draws from it"
    )


def default_prediction(model: str, k: int, interval: str, regular: bool = True) -> tuple[str, str]:
    """Return the default prediction interval and why.

    ``regular``: τ² is estimated, weights are the model's own and no variance is 0, so that τ² has a confidence
    distribution.
    """
    if model != "random":
        return "none", f"the {model} model has no distribution of effects to predict from"
    if k < FEW:
        return "none", f"k = {k} < {FEW}: τ² is too uncertain for a frequentist prediction interval; use pool_bayes"
    if regular:
        return NEW, WHY_NEW
    if interval.startswith("HKSJ"):
        return "HK-PR", "t(k − 2) with the standard error of the interval, so never narrower than it"
    return "HTS", "t(k − 2) with the Wald standard error (Higgins, Thompson and Spiegelhalter)"


def resolve(
    k: int,
    given: Mapping[str, Any],
    question: Mapping[str, Any],
    model: str,
    why_model: str,
    positive: bool = True,
) -> Spec:
    """Return the complete `Spec` of a pooled mean.

    Parameters
    ----------
    k
        Number of studies with a finite variance.
    given, question
        Choices by name (``tau2 interval prediction level``), None where not given.
    model, why_model
        The model, already chosen, and why.
    positive
        Whether every variance is above 0.
    """
    interval = _settle("interval", given, question, default_interval(model, k))
    tau2 = _settle("tau2", given, question, default_tau2(model, k))
    regular = positive and isinstance(tau2[0], str) and given.get("weights") is None
    return _spec(
        model,
        why_model,
        given,
        tau2=tau2,
        interval=interval,
        prediction=_settle("prediction", given, question, default_prediction(model, k, str(interval[0]), regular)),
        level=_settle("level", given, question, (0.95, "customary")),
    )


def again(spec: Spec, k: int, p: int | None = None, positive: bool = True) -> Spec:
    """Return the choices of a fit for another number of studies: what was chosen stays, what was a default is anew.

    Parameters
    ----------
    spec
        Choices of the first fit.
    k
        Studies with a finite variance in the new rows.
    p
        Number of coefficients of a regression; None for a mean.
    positive
        Whether every variance is above 0.
    """
    given = {name: spec.why.get(name) in ("given", NAMED_BY_QUESTION) for name in ("interval", "prediction")}
    why = dict(spec.why)
    interval, prediction = spec.interval, spec.prediction
    if not given["interval"]:
        interval, why["interval"] = default_interval(spec.model, k)
    if not given["prediction"]:
        regular = positive and spec.tau2 != "fixed" and spec.weights == "inverse-variance"
        found = default_prediction(spec.model, k, interval, regular) if p is None else _riley(spec.model, k, p)
        prediction, why["prediction"] = found
    return replace(spec, interval=interval, prediction=prediction, why=why)


def _riley(model: str, k: int, p: int) -> tuple[str, str]:
    """Return the default prediction interval of a regression and why."""
    if model != "random":
        return "none", f"the {model} model has no distribution of effects to predict from"
    return ("riley", "t(k − p − 1) with the standard error of the test") if k - p >= 2 else ("none", "k − p < 2")


def resolve_regression(k: int, p: int, given: Mapping[str, Any], question: Mapping[str, Any], model: str) -> Spec:
    """Return the complete `Spec` of a meta-regression; of the question, only the level counts."""
    nothing: Mapping[str, Any] = {}
    return _spec(
        model,
        "moderators may leave heterogeneity unexplained" if model == "random" else "given",
        given,
        tau2=_settle("tau2", given, nothing, default_tau2(model, k)),
        interval=_settle("interval", given, nothing, default_interval(model, k)),
        prediction=_settle("prediction", given, nothing, _riley(model, k, p)),
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
        model,
        tau2 if isinstance(tau2, str) else "fixed",
        chosen["interval"][0],
        chosen["prediction"][0],
        a_level(chosen["level"][0]),
        "inverse-variance" if weights is None else weights if isinstance(weights, str) else "given",
        {"model": why_model} | {name: why for name, (_, why) in chosen.items()},
    )
