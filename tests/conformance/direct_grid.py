"""The DIRECT grid over τ, to tell an error of bayesmeta's grid from an error of ours.

bayesmeta replaces the posterior of τ by bins: the conditional distribution of every effect at a bin's reference point
differs from those at its margins by a symmetrised Kullback-Leibler divergence of at most ``delta``; the bins start at
τ = 0 and stop at the first margin that leaves less than ``epsilon`` (Röver and Friede 2017,
doi:10.1080/10618600.2016.1276840). What is built here is that grid on *our* posterior of τ with *our* conditional
moments: the mixture over it is what R prints when both are right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq

from lamevidence.bayes.exact.exact_state import ExactState
from lamevidence.bayes.exact.tau_posterior import TauPosterior

Divergence = Callable[[float, float], float]
"""Two values of τ → how far apart the conditional distributions are."""

DELTA, EPSILON = 0.002, 1e-6
"""Settings of the calls in the files."""


@lru_cache(maxsize=2)  # one comparison may ask several times
def of_effects(state: ExactState) -> Divergence:
    """Largest symmetrised divergence over μ, a new study's effect and the effect of each row."""
    model = state.fit.model

    def moments(tau: float) -> tuple[np.ndarray, np.ndarray]:
        _, b, V = model.given(np.array([tau]))
        mean, var = float(b[0, 0]), float(V[0, 0, 0])
        pull = model.v / (model.v + tau * tau)
        theta, spread = (1 - pull) * model.y + pull * mean, (1 - pull) * model.v + pull**2 * var
        return np.append(theta, [mean, mean]), np.append(spread, [var, var + tau * tau])

    def divergence(s: float, t: float) -> float:
        (m, v), (n, w) = moments(s), moments(t)
        return float(np.max(0.5 * (v - w) ** 2 / (v * w) + 0.5 * (m - n) ** 2 * (1 / v + 1 / w)))

    return divergence


@lru_cache(maxsize=2)
def of_coefficients(state: ExactState) -> Divergence:
    """Symmetrised divergence between the joint normal distributions of the coefficients (bayesmeta's ``bmr``)."""

    def divergence(s: float, t: float) -> float:
        _, b, V = state.fit.model.given(np.array([s, t]))
        inverse, gap = np.linalg.inv(V), b[0] - b[1]
        trace = np.trace(inverse[1] @ V[0]) + np.trace(inverse[0] @ V[1])
        return float(0.5 * (trace - 2 * gap.size) + 0.5 * gap @ inverse.sum(0) @ gap)

    return divergence


def next_point(divergence: Divergence, start: float, step: float, delta: float) -> float:
    """The τ above ``start`` where the divergence from ``start`` reaches ``delta``; ``inf`` when none does."""
    near, far = start, start + step
    while divergence(start, far) < delta:
        near, far, step = far, far + 2.0 * step, 2.0 * step
        if far > 1e12:
            return np.inf
    return float(brentq(lambda tau: divergence(start, tau) - delta, near, far, xtol=1e-13, rtol=1e-13))


def direct_grid(
    tau: TauPosterior, divergence: Divergence, delta: float = DELTA, epsilon: float = EPSILON
) -> tuple[np.ndarray, np.ndarray]:
    """Reference points and bin probabilities; what lies beyond the last margin is left out."""
    last = min(float(tau.quantile(1.0 - epsilon)), tau.support.high)
    step = 1e-3 * last
    points, margins = [0.0], [next_point(divergence, 0.0, step, delta)]
    while margins[-1] < last:
        step = 0.5 * (margins[-1] - points[-1])
        point = next_point(divergence, margins[-1], step, delta)
        margin = next_point(divergence, point, step, delta) if np.isfinite(point) else np.inf
        points.append(min(point, last))
        margins.append(margin)
    weight = np.diff(tau._cdf(np.array(margins)), prepend=0.0)
    return np.array(points), weight / weight.sum()


@lru_cache(maxsize=2)
def on_direct_grid(state: ExactState, divergence: Divergence) -> ExactState:
    """The same posterior with the integral over τ replaced by the DIRECT grid."""
    points, weight = direct_grid(state.tau, divergence)
    _, b, V = state.fit.model.given(points)
    grid = replace(state.fit.grid, tau=points, weight=weight)
    return replace(state, fit=replace(state.fit, grid=grid, b=b, V=V))
