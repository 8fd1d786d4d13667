"""Maximising a selection likelihood: Newton's method on logs from several starts, then on the parameters themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray
from ..errors import ConvergenceError
from .selection_likelihood import SelectionData, Terms, terms, unpack

__all__ = ["Best", "best_fit"]

TINY = 1e-9
"""A τ² below this share of the typical variance is compared with 0 itself."""


NEAR = 1e-4
"""A parameter this close to its edge is compared with the edge itself."""
LOWEST = -1e300
STEPS = 200
REACH = 3.0
"""Longest step on the logs."""
ROUGH, FINE = 1e-3, 1e-9
"""Promised gain at which the starts are compared, and at which the best of them are handed to the last steps."""
RIVAL = 0.1
"""Starts that end this much below the best one are dropped."""


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


def _terms(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> Terms:
    """Return the likelihood with its derivatives; very low where it does not exist."""
    with np.errstate(all="ignore"):
        found = terms(data, x, fixed)
    return found if np.isfinite(found.value) else Terms(LOWEST, found.gradient, found.hessian)


def _value(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> float:
    return _terms(data, x, fixed).value


def _climb(data: SelectionData, start: FloatArray, fixed: FloatArray | None, fine: float) -> tuple[FloatArray, float]:
    """Return where Newton's method on (β, log τ², log δ) arrives, eigenvalues of the wrong sign turned, and its height.

    It ends when a step promises less than ``fine``.
    """
    p = data.X.shape[1]
    floor = _floor(data, start.size)
    x = np.concatenate([start[:p], np.maximum(start[p:], 1e-12)])
    at = _terms(data, x, fixed)
    for _ in range(STEPS):
        stretch = np.concatenate([np.ones(p), x[p:]])
        slope = at.gradient * stretch
        curve = at.hessian * stretch[:, None] * stretch
        curve[np.arange(p, x.size), np.arange(p, x.size)] += slope[p:]
        if not (np.isfinite(slope).all() and np.isfinite(curve).all()):
            break
        values, vectors = np.linalg.eigh(curve)
        size = np.maximum(np.abs(values), 1e-9 * max(1.0, float(np.abs(values).max())))
        step = vectors @ ((vectors.T @ slope) / size)
        if 0.5 * float(slope @ step) < fine:
            break
        length = min(1.0, REACH / float(np.abs(step).max()))
        while length > 1e-6:
            u = np.concatenate([x[:p] + length * step[:p], np.log(x[p:]) + length * step[p:]])
            new = np.concatenate([u[:p], np.maximum(floor[p:], np.exp(np.clip(u[p:], -60.0, 8.0)))])
            tried = _terms(data, new, fixed)
            if tried.value > at.value:
                break
            length /= 4
        else:
            break
        x, at = new, tried
    return x, at.value


def _same(data: SelectionData, end: FloatArray, x: FloatArray, fixed: FloatArray | None) -> bool:
    """Return whether x lies where the curvature at a maximum puts points that are `RIVAL` / 10 below it at most."""
    away = x - end
    return bool(-0.5 * away @ _terms(data, end, fixed).hessian @ away <= RIVAL / 10)


def _polish(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> FloatArray:
    """Return x after damped Newton steps in the parameters that are away from their edge."""
    floor = _floor(data, x.size)
    at = _terms(data, x, fixed)
    for _ in range(30):
        inner = _inner(data, x)
        slope = at.gradient[inner]
        curve = at.hessian[np.ix_(inner, inner)]
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
            tried = _terms(data, new, fixed)
            if tried.value >= at.value - 1e-13 * abs(at.value):
                break
            factor /= 2
        else:
            return x
        small = np.abs(new - x).max() < 1e-10 * (1 + np.abs(x).max()) or float(slope @ step) < 1e-15
        x, at = new, tried
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
    found = [_climb(data, start, fixed, ROUGH) for start in _starts(data, fixed, free)]
    top = max(height for _, height in found)
    ends: list[tuple[FloatArray, float]] = []
    for x, reached in sorted(found, key=lambda end: -end[1]):
        if reached >= top - RIVAL and not any(_same(data, end, x, fixed) for end, _ in ends):
            ends.append(_climb(data, x, fixed, FINE))
    best, height = max(ends, key=lambda end: end[1])
    if height <= LOWEST:
        raise ConvergenceError("the selection likelihood has no finite maximum from any start · simplify the model")
    notes: tuple[str, ...] = ()
    best = _on_edges(data, _polish(data, best, fixed), fixed)
    at_zero = bool(data.free_tau2 and best[p] == 0)
    inner = _inner(data, best)
    covariance = np.full((best.size, best.size), np.nan)
    try:
        inverse = np.linalg.inv(-_terms(data, best, fixed).hessian[np.ix_(inner, inner)])
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
        beta, tau2, np.asarray(delta, float), _value(data, best, fixed), covariance, at_zero, notes
    )
