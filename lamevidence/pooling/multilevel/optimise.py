"""Newton's method inside a box: analytic gradient, curvature given or from its differences, every step downhill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray

__all__ = ["FINE", "NEAR", "Curvature", "Minimum", "Objective", "minimise"]

Objective = Callable[[FloatArray], tuple[float, FloatArray]]
"""θ → (value, gradient); value is inf where the model does not exist."""
Curvature = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""θ → (Hessian, its expectation)."""

STEPS = 200
NEAR = 1e-6
"""A standard deviation this near to 0 that the data push down is held there."""
SCORING = 0.1
"""Relative step below which Newton's method takes over from Fisher scoring."""
FINE = 1e-6
"""A step below this share of each parameter's size ends the iteration; the error left is of the order of its square."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where the iteration ended: point, value, gradient, and whether it arrived."""

    theta: FloatArray
    value: float
    gradient: FloatArray
    arrived: bool


def minimise(
    objective: Objective,
    start: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    soft: NDArray[np.bool_] | None = None,
    fine: float = FINE,
    curvature: Curvature | None = None,
) -> Minimum:
    """Return the minimum reached from ``start``.

    Parameters
    ----------
    objective
        Value and gradient.
    start
        Where to begin.
    lower, upper
        The box.
    soft
        Parameters (standard deviations, whose gradient vanishes at 0) that go at most 99 % of the way to their lower
        bound in a step, so that the iteration cannot stop there by accident.
    fine
        Relative size of the last step.
    curvature
        The Hessian where it is known; otherwise it comes from differences of the gradient. Its expectation steers the
        first steps (Fisher scoring, which far from the minimum needs half of Newton's), the Hessian itself the last.
    """
    soft = np.zeros(start.size, dtype=bool) if soft is None else soft
    theta = np.clip(start, lower, upper)
    value, gradient = objective(theta)
    near = False
    for _ in range(STEPS):
        low = np.where(soft, theta <= lower + NEAR, theta <= lower)
        held = (low & (gradient >= 0)) | ((theta >= upper) & (gradient <= 0))
        free = np.flatnonzero(~held)
        if free.size == 0:
            return Minimum(theta, value, gradient, True)
        step = np.zeros_like(theta)
        if curvature is None:
            H = _differences(objective, theta, gradient, free, upper)
        else:
            H = curvature(theta)[0 if near else 1][free[:, None], free]
        step[free] = -_newton(H, gradient[free])
        moved = _search(objective, theta, value, gradient, step, lower, upper, soft)
        if moved is None:
            return Minimum(theta, value, gradient, bool(np.abs(gradient[free]).max() < 1e-4 * (1 + abs(value))))
        new, new_value, new_gradient = moved
        change = np.abs(new - theta)
        near = near or bool((change <= SCORING * np.abs(theta) + NEAR).all())
        theta, value, gradient = new, new_value, new_gradient
        if (change <= fine * (np.abs(theta) + 1e-6)).all():
            return Minimum(theta, value, gradient, True)
    return Minimum(theta, value, gradient, False)


def _differences(
    objective: Objective, theta: FloatArray, gradient: FloatArray, free: NDArray[np.intp], upper: FloatArray
) -> FloatArray:
    """Return the Hessian of the free parameters by forward differences of the gradient."""
    n = int(free.size)
    H = np.zeros((n, n))
    for row, i in enumerate(free):
        h = 1e-6 * max(abs(theta[i]), 1e-3)
        if theta[i] + h > upper[i]:
            h = -h
        near = theta.copy()
        near[i] += h
        H[row] = (objective(near)[1][free] - gradient[free]) / h
    return (H + H.T) / 2


def _newton(H: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return |H|⁻¹ gradient, eigenvalues made positive."""
    if not np.isfinite(H).all():
        return np.asarray(gradient / max(1.0, float(np.abs(gradient).max())))
    values, vectors = np.linalg.eigh(H)
    size = np.maximum(np.abs(values), 1e-9 * max(1e-300, float(np.abs(values).max())))
    return np.asarray(vectors @ ((vectors.T @ gradient) / size))


def _search(
    objective: Objective,
    theta: FloatArray,
    value: float,
    gradient: FloatArray,
    step: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    soft: NDArray[np.bool_],
) -> tuple[FloatArray, float, FloatArray] | None:
    """Return the first point along the step that is not uphill, None when there is none."""
    slack = 4e-15 * (1.0 + abs(value))
    length = 1.0
    reach = 2.0 + 2.0 * float(np.abs(theta).max())
    longest = float(np.abs(step).max())
    if longest > reach:
        length = reach / longest
    for _ in range(60):
        new = np.clip(theta + length * step, lower, upper)
        low = np.flatnonzero(soft & (new <= lower))
        new[low] = lower[low] + 0.01 * (theta[low] - lower[low])
        new_value, new_gradient = objective(new)
        downhill = 1e-4 * float(gradient @ (new - theta))
        if np.isfinite(new_value) and new_value <= value + min(downhill, 0.0) + slack:
            return new, new_value, new_gradient
        length /= 2 if length > 1e-3 else 10
    return None
