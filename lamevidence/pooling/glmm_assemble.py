"""From an optimum to a result: variances, heterogeneity, prediction, notes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ..errors import TooFewStudies
from .count_results import CountSpec
from .glmm_designs import CountData
from .glmm_optimise import Optimum
from .glmm_quadrature import StudyModel, evaluate
from .glmm_request import WHY, Request
from .glmm_results import GlmmPooled, Likelihood
from .glmm_saturated import Saturated
from .glmm_typical import typical_of
from .policy import FEW

__all__ = ["assemble", "conditional_value"]


def _scales(
    request: Request, top: Optimum, slope: tuple[int, ...], p: int
) -> tuple[float, float, float | None, float | None]:
    """Return (τ², se of τ², σ², ρ)."""
    s = top.scale
    tau2 = float((s[list(slope)] ** 2).sum()) if request.method == "ML" else 0.0
    se = math.nan
    if len(slope) == 1 and request.method == "ML" and tau2 > 0:
        se = 2 * math.sqrt(tau2 * float(top.covariance[-1, -1]))
    if request.model != "UM.RS":
        return tau2, se, None, None
    rho = None
    if request.correlated and request.method == "ML":
        rho = float(np.sign(s[0]) * s[1] / math.sqrt(tau2)) if tau2 > 0 and s[0] != 0 else 0.0
    return tau2, se, float(s[0] ** 2), rho


def conditional_value(model: StudyModel, top: Optimum, nodes: int) -> float:
    """Return the log-likelihood given the modes of the random effects."""
    if model.m == 0 or top.scale.size == 0:
        return top.value
    ev = top.at
    if ev is None:
        ev = evaluate(model, top.alpha[None], top.beta[None], top.scale[None], nodes, want="value")
    Z = np.einsum("krmd,m->krd", model.E, top.scale)
    eta = model.offset + model.X @ top.beta + model.local * top.alpha[:, None] + np.einsum("krd,kd->kr", Z, ev.mode[0])
    a = model.cumulant.lower(eta.T[:, None, :, None])[0][:, 0, :, 0].T
    return float(((model.x * eta - a) * model.active).sum() + model.constant.sum())


def _notes(request: Request, data: CountData, used: CountData, top: Optimum, tau2: float) -> tuple[str, ...]:
    notes: list[str] = []
    if data.x.shape[1] == 2:
        empty = int(data.uninformative().sum())
        if empty and request.model == "UM.RS" and not request.drop00:
            notes.append(
                f"{empty} of {data.k} studies without events in either group stay in: they inform the baselines"
            )
        elif empty:
            notes.append(
                f"{empty} of {data.k} studies without events in either group (or nothing but events) carry no"
                f" information about the ratio in {request.model}"
            )
    if request.method == "ML" and tau2 == 0:
        notes.append("the likelihood is highest at tau2 = 0; with few studies that does not show that they agree")
    if top.modes > 1:
        notes.append(f"the likelihood has {top.modes} local maxima over tau; the highest is reported")
    if request.nodes == 1:
        notes.append("Laplace's approximation (nagq=1) was asked for; more nodes are more exact")
    return tuple(notes)


def assemble(
    request: Request,
    data: CountData,
    used: CountData,
    model: StudyModel,
    top: Optimum,
    slope: tuple[int, ...],
    common: float,
    saturated: Saturated,
) -> GlmmPooled:
    """Return the result of a fit, with everything that is derived from it."""
    p = used.mods.shape[1]
    tau2, se_tau2, sigma2, rho = _scales(request, top, slope, p)
    covariance = top.covariance[:p, :p]
    se = math.sqrt(float(covariance[0, 0]))
    df = float(used.k - p) if request.test == "t" else math.inf
    if df <= 0:
        raise TooFewStudies("test='t'", used.k, p + 1, "test='z' needs no degrees of freedom")
    q_df = used.k - p
    lrt = max(0.0, 2 * (saturated.value - common))
    typical = typical_of(request.table, used, request.measure)
    parameters = model.p + (used.k if model.has_local else 0) + len(top.scale)
    new, why_new = _prediction(request, used.k, p)
    why = {
        "model": WHY[request.model],
        "interval": f"Wald, {request.test} quantile, observed information",
        "prediction": why_new,
    }
    spec = CountSpec(
        "glmm",
        "ML" if request.method == "ML" else "none",
        request.test,
        new,
        request.level,
        "none",
        why,
        _options(request),
        f"{request.model} GLMM" if request.model != "one-arm" else f"{data.family}-normal GLMM",
    )

    def chi2(q: float) -> float:
        return float(special.chdtrc(q_df, q)) if q_df > 0 else 1.0

    return GlmmPooled(
        request.table,
        spec,
        request.measure,
        float(top.beta[0]),
        se,
        df,
        tau2,
        saturated.wald,
        q_df,
        chi2(saturated.wald),
        100 * tau2 / (typical + tau2),
        1 + tau2 / typical,
        None,
        _notes(request, data, used, top, tau2),
        None,
        top.beta[:p],
        covariance,
        top.value,
        conditional_value(model, top, request.nodes),
        parameters,
        used.k * used.x.shape[1] if request.model.startswith("UM") else used.k,
        lrt,
        chi2(lrt),
        se_tau2,
        sigma2,
        rho,
        top.modes,
        Likelihood(model, top, request.nodes, slope),
    )


def _prediction(request: Request, k: int, p: int) -> tuple[str, str]:
    """Return the prediction interval and why."""
    if request.method != "ML":
        return "none", "a common-effect model has no distribution of effects to predict from"
    degrees = k - p - {"HTS": 1, "t": 0}.get(request.prediction or "HTS", 0)
    if request.prediction is not None:
        if request.prediction in ("HTS", "t") and degrees < 1:
            raise TooFewStudies(
                f"prediction={request.prediction!r}", k, k - degrees + 1, "prediction='none' leaves it out"
            )
        return request.prediction, "given"
    if k < FEW:
        return "none", f"k = {k} < {FEW}: τ² is too uncertain for a frequentist prediction interval; use pool_bayes"
    if degrees < 1:
        return "none", "no degrees of freedom are left for a prediction interval"
    return "HTS", "t(k − 2) with the Wald standard error (Higgins, Thompson and Spiegelhalter)"


def _options(request: Request) -> dict[str, Any]:
    options: dict[str, Any] = {"likelihood": request.model, "method": request.method, "nagq": request.nodes}
    if request.model.startswith("UM"):
        options["coding"] = request.coding
    if request.model == "UM.RS":
        options |= {"correlated": request.correlated, "drop00": request.drop00}
    return options
