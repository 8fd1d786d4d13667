"""A selection model's maximum, the limit it may rise to, and its likelihood along each parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ...effects.measures.base import FloatArray
from .fit import Best, best_fit
from .limits import Limit, forced_limit, sharpest_limit
from .profile import Branch, Profile, of_coefficient
from .rows import SelectionData

__all__ = ["Fitted", "Likelihood", "far_off", "fitted", "likelihood_of", "width_of"]

LEVEL = 1e-9
"""A limit of the likelihood that is no lower than its best maximum by more than this is the fit."""
_FAR_OFF = 5.0
"""A mean this many ranges of the estimates outside them says how far the search went."""


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """The likelihood seen along each parameter; None where a parameter is given or has no finite maximum."""

    coefficients: tuple[Profile, ...]
    tau2: Profile | None
    deltas: tuple[Profile | None, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit with the likelihood that it is the maximum of: that of a limit where δ has no finite maximum.

    ``branches``: the likelihoods whose upper envelope is the model's.
    """

    data: SelectionData
    best: Best
    limit: Limit | None
    branches: tuple[Branch, ...]


def fitted(data: SelectionData, known: FloatArray | None) -> Fitted:
    """Return the maximum, or the limit towards which the likelihood rises without end."""
    if known is not None:
        weights = known * np.exp(data.unit / width_of(data))
        best = best_fit(data, weights)
        return Fitted(data, best, None, (Branch(data, weights, best.x),))
    limit = forced_limit(data)
    if limit is not None:
        best = best_fit(limit.data, limit.weights)
        return Fitted(limit.data, best, limit, (Branch(limit.data, limit.weights, best.x),))
    best, limit = best_fit(data, None), sharpest_limit(data)
    own = Branch(data, None, best.x)
    if limit is None:
        return Fitted(data, best, None, (own,))
    other = best_fit(limit.data, limit.weights)
    step = Branch(limit.data, limit.weights, other.x)
    if other.log_likelihood >= best.log_likelihood - LEVEL:
        return Fitted(limit.data, other, limit, (step, own))
    return Fitted(data, best, None, (own, step))


def width_of(data: SelectionData) -> float:
    """Return what turns the unit of the data into that of δ; 1 where δ is not counted in it."""
    return data.weight.width(np.ones(data.weight.size)) if data.weight is not None else 1.0


def likelihood_of(found: Fitted, back: FloatArray, scale: float, delta: FloatArray, of_unit: float) -> Likelihood:
    """Return the profiles of all parameters that are estimated."""
    data, best, p = found.data, found.best, found.data.X.shape[1]
    spread = 1 / math.sqrt(float(np.sum(1 / (data.v + best.tau2))))
    plain = Profile(found.branches, 0, 0.0, best.log_likelihood, -math.inf, spread, 1.0)
    coefficients = tuple(of_coefficient(replace(plain, step=spread * math.sqrt(data.y.size)), row) for row in back)
    tau2 = None
    if data.free_tau2:
        step = max(best.tau2, float(np.median(data.v)))
        tau2 = replace(plain, place=p, value=best.tau2, lowest=0.0, step=step, factor=scale**2)
    deltas: list[Profile | None] = [None] * delta.size
    if found.limit is None and best.x.size > p + data.free_tau2:
        lowest = 0.0 if data.weight is None else data.weight.lowest
        own = replace(plain, branches=found.branches[:1], lowest=lowest, factor=of_unit)
        for n, j in enumerate(data.free if data.weight is None else range(delta.size)):
            place = p + data.free_tau2 + n
            value = float(best.x[place])
            deltas[j] = replace(own, place=place, value=value, step=max(value, 0.1))
    return Likelihood(coefficients, tau2, tuple(deltas))


def far_off(fitted: FloatArray, y: FloatArray) -> tuple[str, ...]:
    """Return a note where the fit lies many times the spread of all estimates outside them."""
    low, high = float(y.min()), float(y.max())
    off = float(np.max(np.maximum(low - fitted, fitted - high)))
    if not off > _FAR_OFF * (high - low) > 0.0:
        return ()
    far = float(fitted[np.argmax(np.maximum(low - fitted, fitted - high))])
    return (
        f"{far:.4g} lies far outside the estimates ({low:.3g} to {high:.3g}): the likelihood hardly changes on the way"
        " there, so that number and its interval say how far the search went, not what the effect is",
    )
