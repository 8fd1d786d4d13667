"""Maximising a selection likelihood: Newton's method on logs from several starts, then on the parameters themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError
from .likelihood import Terms, terms
from .rows import SMALL, SelectionData, unpack

__all__ = ["FINE", "ROUGH", "Best", "best_fit", "choices", "climb", "guarded", "polish"]

TINY = 1e-9
"""A τ² below this share of the typical variance is compared with 0 itself."""


NEAR = 1e-4
"""A parameter this close to its edge is compared with the edge itself."""
LOWEST = -1e300
STEPS = 200
LARGEST = 690.0
"""Largest log of τ² or δ."""
REACH = 3.0
"""Longest step on the logs."""
ROUGH, FINE = 1e-3, 1e-9
"""Promised gain at which the starts are compared, and at which the best of them are handed to the last steps."""
RIVAL = 0.1
"""Starts that end this much below the best one are dropped."""


@dataclass(frozen=True, slots=True)
class Best:
    """The highest point found, with the inverse of the observed information.

    ``at_edge``: a selection parameter is at the edge of its range, and there is no such inverse: it would take that
    parameter for known.
    """

    beta: FloatArray
    tau2: float
    delta: FloatArray
    log_likelihood: float
    covariance: FloatArray
    at_zero: bool
    at_edge: bool
    x: FloatArray
    notes: tuple[str, ...]


def choices(data: SelectionData, fixed: FloatArray | None) -> tuple[tuple[float, ...], ...]:
    """Return the δ from which the search starts."""
    if fixed is not None:
        return ((),)
    if data.weight is None:
        return tuple((x,) * len(data.free) for x in ((1.0, 0.3, 0.05) if data.free else (1.0,)))
    far = -data.unit if data.weight.in_units else -float(special.log_ndtr(-np.min(data.y / np.sqrt(data.v))))
    if data.weight.far or data.weight.in_units or far < -np.log(SMALL):
        return data.weight.starts
    logs = [(np.log(d[0]) + far / d[1], *d[1:]) for d in (*data.weight.starts, (1.0, 10.0), (1.0, 40.0))]
    return tuple((float(np.exp(a)), *rest) for a, *rest in logs if a < LARGEST)


def _starts(data: SelectionData, fixed: FloatArray | None) -> list[FloatArray]:
    out = []
    for t in (0.1, 1.0) if data.free_tau2 else (0.0,):
        w = 1 / (data.v + t)
        beta = np.linalg.solve((data.X * w[:, None]).T @ data.X, data.X.T @ (w * data.y))
        for deltas in choices(data, fixed):
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


def guarded(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> Terms:
    """Return the likelihood with its derivatives; very low where it does not exist."""
    with np.errstate(all="ignore"):
        found = terms(data, x, fixed)
    return found if np.isfinite(found.value) else Terms(LOWEST, found.gradient, found.hessian)


def _value(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> float:
    return guarded(data, x, fixed).value


def climb(
    data: SelectionData, start: FloatArray, fixed: FloatArray | None, fine: float, held: int | None = None
) -> tuple[FloatArray, float]:
    """Return where Newton's method on (β, log τ², log δ) arrives, eigenvalues of the wrong sign turned, and its height.

    It ends when a step promises less than ``fine``. A parameter that is held stays where it is.
    """
    p = data.X.shape[1]
    floor = _floor(data, start.size)
    moves = np.arange(start.size) != (-1 if held is None else held)
    x = np.concatenate([start[:p], np.maximum(start[p:], 1e-12)])
    x[~moves] = start[~moves]
    at = guarded(data, x, fixed)
    for _ in range(STEPS):
        stretch = np.concatenate([np.ones(p), x[p:]])
        with np.errstate(invalid="ignore", over="ignore"):
            slope = at.gradient * stretch
            curve = at.hessian * stretch[:, None] * stretch
            curve[np.arange(p, x.size), np.arange(p, x.size)] += slope[p:]
        slope, curve = slope[moves], curve[np.ix_(moves, moves)]
        if not (slope.size and np.isfinite(slope).all() and np.isfinite(curve).all()):
            break
        values, vectors = np.linalg.eigh(curve)
        size = np.maximum(np.abs(values), 1e-9 * max(1.0, float(np.abs(values).max())))
        step = np.zeros(x.size)
        step[moves] = vectors @ ((vectors.T @ slope) / size)
        if 0.5 * float(slope @ step[moves]) < fine:
            break
        length = min(1.0, REACH / float(np.abs(step).max()))
        while length > 1e-6:
            with np.errstate(divide="ignore"):  # a τ² or δ that is held may be 0
                u = np.concatenate([x[:p] + length * step[:p], np.log(x[p:]) + length * step[p:]])
            new = np.concatenate([u[:p], np.maximum(floor[p:], np.exp(np.clip(u[p:], -60.0, LARGEST)))])
            new[~moves] = x[~moves]
            tried = guarded(data, new, fixed)
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
    return bool(-0.5 * away @ guarded(data, end, fixed).hessian @ away <= RIVAL / 10)


def polish(data: SelectionData, x: FloatArray, fixed: FloatArray | None, held: int | None = None) -> FloatArray:
    """Return x after damped Newton steps in the parameters that are away from their edge.

    Steps and curvatures are read in the size of each parameter: a δ of 1e20 says nothing about τ².
    """
    floor, p = _floor(data, x.size), data.X.shape[1]
    at = guarded(data, x, fixed)
    for _ in range(30):
        inner = _inner(data, x) & (np.arange(x.size) != (-1 if held is None else held))
        size = np.ones(x.size)
        size[p:] = np.maximum(1.0, x[p:])
        with np.errstate(invalid="ignore", over="ignore"):
            slope = (at.gradient * size)[inner]
            curve = (at.hessian * size[:, None] * size)[np.ix_(inner, inner)]
        if not np.isfinite(curve).all():
            return x
        try:
            step = np.linalg.solve(-curve, slope)
        except np.linalg.LinAlgError:
            return x
        factor = 1.0
        while factor > 1e-6:
            new = x.copy()
            new[inner] += factor * step * size[inner]
            new = np.maximum(new, floor)
            tried = guarded(data, new, fixed)
            if tried.value >= at.value - 1e-13 * abs(at.value):
                break
            factor /= 2
        else:
            return x
        reach = np.abs(new - x) / size
        small = reach.max() < 1e-10 * (1 + np.abs(x / size).max()) or float(slope @ step) < 1e-15
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
        edge = polish(data, edge, fixed)
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
    found = [climb(data, start, fixed, ROUGH) for start in _starts(data, fixed)]
    top = max(height for _, height in found)
    ends: list[tuple[FloatArray, float]] = []
    for x, reached in sorted(found, key=lambda end: -end[1]):
        if reached >= top - RIVAL and not any(_same(data, end, x, fixed) for end, _ in ends):
            ends.append(climb(data, x, fixed, FINE))
    best, height = max(ends, key=lambda end: end[1])
    if height <= LOWEST:
        raise ConvergenceError("the selection likelihood has no finite maximum from any start · simplify the model")
    notes: tuple[str, ...] = ()
    best = _on_edges(data, polish(data, best, fixed), fixed)
    at_zero = bool(data.free_tau2 and best[p] == 0)
    inner = _inner(data, best)
    covariance = np.full((best.size, best.size), np.nan)
    try:
        inverse = np.linalg.inv(-guarded(data, best, fixed).hessian[np.ix_(inner, inner)])
        covariance[np.ix_(inner, inner)] = inverse
        bad = bool((np.diag(inverse) <= 0).any())
    except np.linalg.LinAlgError:
        bad = True
    if bad:
        covariance[:] = np.nan
        notes += ("the likelihood is flat at its maximum: standard errors do not exist",)
    at_edge = not inner[p + data.free_tau2 :].all()
    if at_edge:
        covariance[:] = np.nan
        notes += (
            "a selection parameter is at the edge of its range: standard errors, which would take it for known, are not"
            " given",
        )
    beta, tau2, delta = unpack(data, best, fixed)
    return Best(
        beta, tau2, np.asarray(delta, float), _value(data, best, fixed), covariance, at_zero, at_edge, best, notes
    )
