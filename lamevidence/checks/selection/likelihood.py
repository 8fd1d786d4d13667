"""Likelihood of selection models with its gradient and Hessian in closed form.

yᵢ has density w(pᵢ)·φ(yᵢ; mᵢ, tᵢ)/Aᵢ with m = xᵢ'β, t = vᵢ + τ² and Aᵢ = ∫ w φ the expected weight. Derivatives of A by
m are integrals against Hermite polynomials, and ∂A/∂t = ½ ∂²A/∂m² (the heat equation), so the m-derivatives up to the
fourth give everything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...effects.measures.base import FloatArray
from .expected import Mass, smooth_mass, step_mass
from .rows import SelectionData, log_weight, logs_of, square, unpack

__all__ = ["Terms", "terms"]


class Terms(NamedTuple):
    """Log-likelihood with its gradient and Hessian in (β, τ² where free, δ where free)."""

    value: float
    gradient: FloatArray
    hessian: FloatArray


def terms(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> Terms:
    """Return the log-likelihood at a point, with its derivatives."""
    beta, tau2, delta = unpack(data, x, fixed)
    mean, t = data.X @ beta, data.v + tau2
    mass = step_mass(data, mean, t, delta) if data.weight is None else smooth_mass(data, mean, t, delta)
    own, own_slope, own_bend = _own(data, delta)
    r = data.y - mean
    value = -0.5 * (np.log(2 * np.pi * t) + r * r / t) + own - np.log(mass.by_mean[0]) - mass.log_scale
    zero = np.zeros_like(r)
    d, k = delta.size, r.size
    gradient = np.concatenate([[r / t, 0.5 * (r * r / t - 1) / t], own_slope])
    hessian = np.zeros((2 + d, 2 + d, k))
    hessian[0, 0], hessian[0, 1], hessian[1, 1] = zero - 1 / t, -r / t**2, (0.5 - r * r / t) / t**2
    hessian[1, 0] = hessian[0, 1]
    hessian[2:, 2:] = own_bend
    slope, bend = _log_mass(mass)
    return _chained(data, float(value.sum()), gradient - slope, hessian - bend, d if fixed is None else 0)


def _log_mass(mass: Mass) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of log A by (m, t, δ): (2 + d, k) and (2 + d, 2 + d, k)."""
    a, d = mass.by_mean, mass.by_delta.shape[0]
    slope = np.concatenate([[a[1], 0.5 * a[2]], mass.by_delta[:, 0]]) / a[0]
    bend = np.empty((2 + d, 2 + d, a.shape[1]))
    bend[0, 0], bend[0, 1], bend[1, 1] = a[2], 0.5 * a[3], 0.25 * a[4]
    bend[1, 0] = bend[0, 1]
    bend[0, 2:] = bend[2:, 0] = mass.by_delta[:, 1]
    bend[1, 2:] = bend[2:, 1] = 0.5 * mass.by_delta[:, 2]
    bend[2:, 2:] = mass.twice
    return slope, bend / a[0] - slope[:, None] * slope[None]


def _chained(data: SelectionData, value: float, gradient: FloatArray, hessian: FloatArray, free: int) -> Terms:
    """Return derivatives by (m, t, δ) of each study as those by the parameters."""
    X = data.X
    deltas = [2 + j for j in range(free) if data.weight is not None or j in data.free]
    rows = np.array(([1] if data.free_tau2 else []) + deltas, dtype=np.intp)
    p, n = X.shape[1], X.shape[1] + rows.size
    slope, curve = np.empty(n), np.empty((n, n))
    slope[:p], slope[p:] = X.T @ gradient[0], gradient[rows].sum(axis=1)
    curve[:p, :p] = (X * hessian[0, 0][:, None]).T @ X
    curve[p:, :p] = hessian[0][rows] @ X
    curve[:p, p:] = curve[p:, :p].T
    curve[p:, p:] = hessian[rows[:, None], rows].sum(axis=2)
    return Terms(value, slope, curve)


# ---- what a study's own p value contributes ----------------------------------------------------------------------
def _own(data: SelectionData, delta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return log w at each study's own p with its derivatives: (k,), (d, k), (d, d, k)."""
    d, k = delta.size, data.y.size
    if data.weight is None:
        here = np.arange(d)[:, None] == data.interval
        slope = np.where(here, 1 / delta[:, None], 0.0)
        return np.log(delta[data.interval]), slope, -np.eye(d)[:, :, None] * slope**2
    logs = log_weight(data, *logs_of(data, data.y / np.sqrt(data.v)), delta, data.imprecision)
    return logs[0], np.stack(logs[1]).reshape(d, k), square(logs[2], d)
