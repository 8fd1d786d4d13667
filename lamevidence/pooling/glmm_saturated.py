"""Heterogeneity tests of the one-stage models: one effect for all studies against one effect for each.

The likelihood-ratio statistic is 2(ℓ_saturated − ℓ_common); the Wald statistic Σ-type quadratic form in the studies'
own effects θ_i with their information J: min_b (θ − Xb)'J(θ − Xb). A study with an infinite effect has information 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..effects.measures.cells import BoolArray
from .glmm_cumulants import Binomial, Cumulant, Hypergeometric
from .glmm_designs import CountData, saturated_intercept
from .glmm_quadrature import StudyModel
from .glmm_search import fit_random

__all__ = ["Saturated", "saturated_arms", "saturated_random", "saturated_rows"]


@dataclass(frozen=True, slots=True)
class Saturated:
    """Log-likelihood with one effect a study, and the Wald statistic of equal effects."""

    value: float
    wald: float


def _quadratic(theta: FloatArray, information: FloatArray, X: FloatArray) -> float:
    """Return min_b (θ − Xb)'J(θ − Xb)."""
    JX = information @ X
    b = np.linalg.lstsq(X.T @ JX, JX.T @ theta, rcond=None)[0]
    r = theta - X @ b
    return max(0.0, float(r @ information @ r))


def saturated_rows(model: StudyModel, mods: FloatArray) -> Saturated:
    """Return the saturated fit of a model with one row a study (one arm, conditional)."""
    theta, finite = _own_mle(model)
    eta = (model.offset[:, 0] + theta)[None, None, :, None]
    a, _, a2 = (part[0, 0, :, 0] for part in model.cumulant.lower(eta))
    fitted = model.x[:, 0] * (model.offset[:, 0] + theta) - a + model.constant
    value = float(np.where(finite, fitted, 0.0).sum())  # a count at the edge of its support gets probability 1
    weight = np.where(finite, a2, 0.0)
    return Saturated(value, _quadratic(np.where(finite, theta, 0.0), np.diag(weight), mods))


def _own_mle(model: StudyModel) -> tuple[FloatArray, BoolArray]:
    """Return each study's own maximum likelihood effect (0 where infinite) and whether it is finite."""
    low, high = _support(model)
    x = model.x[:, 0]
    finite = (x > low) & (x < high)
    theta = np.zeros(model.k)
    for _ in range(100):
        eta = (model.offset[:, 0] + theta)[None, None, :, None]
        a1, a2, _ = (part[0, 0, :, 0] for part in model.cumulant.upper(eta))
        step = np.where(finite, (x - a1) / np.maximum(a2, 1e-300), 0.0)
        size = np.abs(step)
        step = step * np.where(size > 0.1, np.log1p(size) / np.maximum(size, 1e-300), 1.0)
        theta = theta + step
        if float(np.abs(step).max(initial=0.0)) < 1e-13:
            break
    return theta, np.asarray(finite)


def _support(model: StudyModel) -> tuple[FloatArray, FloatArray]:
    cumulant: Cumulant = model.cumulant
    if isinstance(cumulant, Binomial):
        return np.zeros(model.k), cumulant.n[:, 0]
    if isinstance(cumulant, Hypergeometric):
        support = cumulant.support + cumulant.centre[:, None]
        return support.min(axis=1), support.max(axis=1)
    return np.zeros(model.k), np.full(model.k, np.inf)


def saturated_arms(data: CountData) -> Saturated:
    """Return the saturated fit of UM.FS: every arm its own rate."""
    x, size = data.x, data.size
    if data.family == "binomial":
        p = x / size
        constant = special.gammaln(size + 1) - special.gammaln(x + 1) - special.gammaln(size - x + 1)
        value = float((constant + special.xlogy(x, p) + special.xlogy(size - x, 1 - p)).sum())
        with np.errstate(divide="ignore"):
            arm_variance = 1 / x + 1 / (size - x)
            effect = np.log(x) - np.log(size - x)
    else:
        value = float((special.xlogy(x, x) - x - special.gammaln(x + 1)).sum())
        with np.errstate(divide="ignore"):
            arm_variance, effect = 1 / x, np.log(x / size)
    finite = np.isfinite(effect).all(axis=1)
    theta = np.zeros(data.k)
    theta[finite] = effect[finite, 0] - effect[finite, 1]
    weight = np.where(finite, 1 / arm_variance.sum(axis=1), 0.0)
    return Saturated(value, _quadratic(theta, np.diag(weight), data.mods))


def saturated_random(data: CountData, nodes: int) -> Saturated:
    """Return the saturated fit of UM.RS: random intercepts, one effect a study."""
    model = saturated_intercept(data)
    fit = fit_random(model, nodes)
    own = fit.information[:, 0, 0].copy()
    alive = own > 1e-8
    free = [1] if fit.scale[0] == 0 else [1, 2]
    cross = np.where(alive[:, None], fit.information[:, 0, free], 0.0)
    common = fit.information[:, free][:, :, free].sum(axis=0)
    information = np.diag(np.where(alive, own, 0.0)) - cross @ np.linalg.solve(common, cross.T)
    return Saturated(fit.value, _quadratic(np.where(alive, fit.alpha, 0.0), information, data.mods))
