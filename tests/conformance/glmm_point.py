"""Our likelihood of a one-stage count model where R arrived, and with variances held at 0 that R did not leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamevidence.pooling.counts.assemble import conditional_value
from lamevidence.pooling.counts.one_stage_results import OneStage
from lamevidence.pooling.counts.optimise import maximise, moments_at
from tests.conformance.compare import plain


@dataclass(frozen=True)
class AtR:
    """Our likelihood at R's parameters, the studies' own parameters at their best."""

    marginal: float
    conditional: float
    se: np.ndarray


def at_r(fit: OneStage, expected: dict[str, Any]) -> AtR:
    likelihood = fit.likelihood
    assert likelihood is not None
    model, top = likelihood.model, likelihood.optimum
    effects = len(expected["beta"])
    beta, scale = point_of(fit, expected)
    if scale.size == 0:
        return AtR(fit.log_likelihood, fit.conditional_log_likelihood, np.sqrt(np.diag(fit.covariance)))
    held = {"hold_beta": tuple(range(effects)), "hold_scale": tuple(range(scale.size))}
    there = maximise(model, top.alpha, beta, scale, likelihood.nodes, **held)
    free = np.array([*range(model.p), *(model.p + np.flatnonzero(scale))], dtype=np.intp)
    se = np.sqrt(np.diag(moments_at(model, there.information, free)))
    return AtR(there.value, conditional_value(model, there, likelihood.nodes), se[:effects])


def point_of(fit: OneStage, expected: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return R's coefficients and scales in the places of ours."""
    assert fit.likelihood is not None
    top = fit.likelihood.optimum
    beta, scale = top.beta.copy(), top.scale.copy()
    effects = len(expected["beta"])
    beta[:effects] = expected["beta"]
    tau, sigma2, rho = math.sqrt(expected["tau2"]), expected.get("sigma2"), expected.get("rho")
    if scale.size == 1:
        scale[:] = tau if sigma2 is None else math.sqrt(sigma2)
    elif scale.size == 2:
        scale[:] = math.sqrt(sigma2), tau
    elif scale.size == 3:
        r = rho or 0.0  # undefined where a variance is 0
        scale[:] = math.sqrt(sigma2), r * tau, math.sqrt(max(0.0, 1 - r * r)) * tau
    return beta, scale


def at_edge(fit: OneStage, expected: dict[str, Any]) -> dict[str, Any]:
    """Return our maximum with the variances held at 0 that R did not leave; nothing where it is no lower than ours."""
    assert fit.likelihood is not None
    model, top, nodes = fit.likelihood.model, fit.likelihood.optimum, fit.likelihood.nodes
    beta, scale = point_of(fit, expected)
    held = tuple(int(i) for i in np.flatnonzero(scale == 0))
    if not held or not (np.abs(top.scale[list(held)]) > 0).any():
        return {}
    there = maximise(model, top.alpha, beta, scale, nodes, hold_scale=held)
    if not there.value < top.value:
        return {}
    b, slope = fit.one_stage.beta.size, list(fit.likelihood.slope)
    out = {"beta": there.beta[:b], "tau2": float((there.scale[slope] ** 2).sum()), "logLik": there.value}
    out["se"] = np.sqrt(np.diag(there.covariance)[:b])
    return plain(out | ({} if fit.sigma2 is None else {"sigma2": float(there.scale[0] ** 2)}))
