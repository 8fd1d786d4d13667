"""Newton's method inside a box: analytic gradient, curvature from gradient differences, every step downhill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray

__all__ = ["FINE", "NEAR", "Minimum", "Objective", "minimise"]

Objective = Callable[[FloatArray], tuple[float, FloatArray]]
"""θ → (value, gradient); value is inf where the model does not exist."""

STEPS = 200
NEAR = 1e-6
"""A standard deviation this near to 0 that the data push down is held there."""
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
    objective: Objective, start: FloatArray, lower: FloatArray, upper: FloatArray,
    soft: NDArray[np.bool_] | None = None, fine: float = FINE,
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
    """
    soft = np.zeros(start.size, dtype=bool) if soft is None else soft
    theta = np.clip(start, lower, upper)
    value, gradient = objective(theta)
    for _ in range(STEPS):
        low = np.where(soft, theta <= lower + NEAR, theta <= lower)
        held = (low & (gradient >= 0)) | ((theta >= upper) & (gradient <= 0))
        free = np.flatnonzero(~held)
        if free.size == 0:
            return Minimum(theta, value, gradient, True)
        step = np.zeros_like(theta)
        step[free] = -_newton(objective, theta, gradient, free, lower, upper)
        moved = _search(objective, theta, value, gradient, step, lower, upper, soft)
        if moved is None:
            return Minimum(theta, value, gradient, bool(np.abs(gradient[free]).max() < 1e-4 * (1 + abs(value))))
        new, new_value, new_gradient = moved
        change = np.abs(new - theta)
        theta, value, gradient = new, new_value, new_gradient
        if (change <= fine * (np.abs(theta) + 1e-6)).all():
            return Minimum(theta, value, gradient, True)
    return Minimum(theta, value, gradient, False)


def _newton(
    objective: Objective, theta: FloatArray, gradient: FloatArray, free: NDArray[np.intp], lower: FloatArray,
    upper: FloatArray,
) -> FloatArray:
    """Return |H|⁻¹ gradient of the free parameters, H from forward differences, eigenvalues made positive."""
    n = int(free.size)
    H = np.zeros((n, n))
    for row, i in enumerate(free):
        h = 1e-6 * max(abs(theta[i]), 1e-3)
        if theta[i] + h > upper[i]:
            h = -h
        near = theta.copy()
        near[i] += h
        H[row] = (objective(near)[1][free] - gradient[free]) / h
    H = (H + H.T) / 2
    if not np.isfinite(H).all():
        return np.asarray(gradient[free] / max(1.0, float(np.abs(gradient[free]).max())))
    values, vectors = np.linalg.eigh(H)
    size = np.maximum(np.abs(values), 1e-9 * max(1e-300, float(np.abs(values).max())))
    return np.asarray(vectors @ ((vectors.T @ gradient[free]) / size))


def _search(
    objective: Objective, theta: FloatArray, value: float, gradient: FloatArray, step: FloatArray, lower: FloatArray,
    upper: FloatArray, soft: NDArray[np.bool_],
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
