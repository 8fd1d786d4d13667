"""Maximising a selection likelihood: several starts, quasi-Newton on logs, then Newton steps with exact gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray
from ..errors import ConvergenceError
from .selection_likelihood import SelectionData, gradient, hessian, log_likelihood, unpack

__all__ = ["Best", "best_fit"]

TINY = 1e-9
"""A τ² below this share of the typical variance is compared with 0 itself."""


NEAR = 1e-4
"""A parameter this close to its edge is compared with the edge itself."""


@dataclass(frozen=True, slots=True)
class Best:
    """The highest point found, with the inverse of the observed information (nan where a parameter is at its edge)."""

    beta: FloatArray
    tau2: float
    delta: FloatArray
    log_likelihood: float
    covariance: FloatArray
    at_zero: bool
    notes: tuple[str, ...]


def _starts(data: SelectionData, fixed: FloatArray | None, free: int) -> list[FloatArray]:
    out = []
    for t in (0.1, 1.0) if data.free_tau2 else (0.0,):
        w = 1 / (data.v + t)
        beta = np.linalg.solve((data.X * w[:, None]).T @ data.X, data.X.T @ (w * data.y))
        if fixed is not None:
            choices: tuple[tuple[float, ...], ...] = ((),)
        elif data.weight is None:
            choices = ((1.0,) * free, (0.3,) * free, (0.05,) * free)
        else:
            choices = data.weight.starts
        for deltas in choices:
            head = [*beta, *([t] if data.free_tau2 else [])]
            out.append(np.array([*head, *deltas]))
    return out


def _floor(data: SelectionData, size: int) -> FloatArray:
    """Return the lower edge of every parameter."""
    floor = np.full(size, -np.inf)
    floor[data.X.shape[1] :] = 0.0
    if data.weight is not None:
        floor[data.X.shape[1] + data.free_tau2 :] = data.weight.lowest
    return floor


def _inner(data: SelectionData, x: FloatArray) -> NDArray[np.bool_]:
    """Return which parameters are away from their edge."""
    return np.asarray(x > _floor(data, x.size) + TINY)


def _value(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> float:
    with np.errstate(all="ignore"):
        value = float(np.real(log_likelihood(data, *unpack(data, x, fixed))))
    return value if np.isfinite(value) else -1e300


def _climb(data: SelectionData, start: FloatArray, fixed: FloatArray | None, gtol: float = 1e-4) -> FloatArray:
    """Return where BFGS on (β, log τ², log δ) arrives."""
    from scipy.optimize import minimize

    p = data.X.shape[1]

    floor = _floor(data, start.size)

    def natural(u: FloatArray) -> FloatArray:
        return np.concatenate([u[:p], np.maximum(floor[p:], np.exp(np.clip(u[p:], -60.0, 8.0)))])

    def objective(u: FloatArray) -> tuple[float, FloatArray]:
        x = natural(u)
        with np.errstate(all="ignore"):
            slope = gradient(data, x, fixed)
        slope[p:] *= x[p:]
        return -_value(data, x, fixed), -np.nan_to_num(slope)

    u = np.concatenate([start[:p], np.log(np.maximum(start[p:], 1e-12))])
    found = minimize(objective, u, jac=True, method="BFGS", options={"gtol": gtol, "maxiter": 300})
    return natural(found.x)


def _polish(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> FloatArray:
    """Return x after damped Newton steps in the parameters that are away from their edge."""
    floor = _floor(data, x.size)
    height = _value(data, x, fixed)
    for _ in range(30):
        inner = _inner(data, x)
        slope = gradient(data, x, fixed)[inner]
        curve = hessian(data, x, fixed)[np.ix_(inner, inner)]
        if not np.isfinite(curve).all():
            return x
        try:
            step = np.linalg.solve(-curve, slope)
        except np.linalg.LinAlgError:
            return x
        factor = 1.0
        while factor > 1e-6:
            new = x.copy()
            new[inner] += factor * step
            new = np.maximum(new, floor)
            if _value(data, new, fixed) >= height - 1e-13 * abs(height):
                break
            factor /= 2
        else:
            return x
        small = np.abs(new - x).max() < 1e-10 * (1 + np.abs(x).max()) or float(slope @ step) < 1e-15
        x, height = new, _value(data, new, fixed)
        if small:
            return x
    return x


def _on_edges(data: SelectionData, best: FloatArray, fixed: FloatArray | None) -> FloatArray:
    """Return the point with every parameter that is close to its edge put on it, where that is not lower."""
    floor = _floor(data, best.size)
    for i in np.flatnonzero((best < floor + NEAR) & (best > floor)):
        edge = best.copy()
        edge[i] = floor[i]
        edge = _polish(data, edge, fixed)
        if _value(data, edge, fixed) >= _value(data, best, fixed) - 1e-10:
            best = edge
    return best


def best_fit(data: SelectionData, fixed: FloatArray | None) -> Best:
    """Return the highest maximum from all starts, τ² = 0 included.

    Raises
    ------
    ConvergenceError
        No start arrives at a finite likelihood.
    """
    p = data.X.shape[1]
    free = data.cuts.shape[0] if data.weight is None else data.weight.size
    points = [_climb(data, start, fixed) for start in _starts(data, fixed, free)]
    heights = np.array([_value(data, x, fixed) for x in points])
    best = _polish(data, _climb(data, points[int(np.argmax(heights))], fixed, 1e-8), fixed)
    heights = np.append(heights, _value(data, best, fixed))
    if heights.max() <= -1e299:
        raise ConvergenceError("the selection likelihood has no finite maximum from any start · simplify the model")
    notes: tuple[str, ...] = ()
    best = _on_edges(data, best, fixed)
    at_zero = bool(data.free_tau2 and best[p] == 0)
    inner = _inner(data, best)
    covariance = np.full((best.size, best.size), np.nan)
    try:
        inverse = np.linalg.inv(-hessian(data, best, fixed)[np.ix_(inner, inner)])
        covariance[np.ix_(inner, inner)] = inverse
        bad = bool((np.diag(inverse) <= 0).any())
    except np.linalg.LinAlgError:
        bad = True
    if bad:
        covariance[:] = np.nan
        notes += ("the likelihood is flat at its maximum: standard errors do not exist",)
    if not inner[p + data.free_tau2 :].all():
        notes += ("a selection parameter is at the edge of its range",)
    beta, tau2, delta = unpack(data, best, fixed)
    return Best(
        beta, float(np.real(tau2)), np.asarray(delta, float), _value(data, best, fixed), covariance, at_zero, notes
    )
