"""Likelihood of selection models, with exact derivatives by complex steps.

yᵢ has density w(pᵢ)·φ(yᵢ; xᵢ'β, vᵢ + τ²)/Aᵢ, Aᵢ the expected weight. Step functions have closed forms; smooth weights
are integrated by Gauss-Legendre on panels that follow the steep part of p(y).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from .selection_weights import Array, Weight

__all__ = ["SelectionData", "gradient", "hessian", "log_likelihood", "unselected"]

_NODES = {n: np.polynomial.legendre.leggauss(n) for n in (80, 160)}
_REACH = 9.5
_STEEP = 7.0
_STEP = 1e-30


@dataclass(frozen=True, slots=True)
class SelectionData:
    """What the likelihood is made from; effects are turned so that positive ones are selected.

    Attributes
    ----------
    y, v, X
        Scaled estimates, variances, design.
    imprecision
        Per study, 1 unless the weight depends on precision.
    cuts
        Step functions: thresholds of y for each step, (steps, k), in falling order of y.
    interval
        Step functions: interval of each study, (k,).
    weight
        Smooth weight, None for step functions.
    full_below
        Smooth weights: p up to which the weight is 1, or 0.
    free_tau2
        False in common-effect models.
    """

    y: FloatArray
    v: FloatArray
    X: FloatArray
    imprecision: FloatArray
    cuts: FloatArray
    interval: Any
    weight: Weight | None
    full_below: float
    free_tau2: bool


def unselected(data: SelectionData) -> SelectionData:
    """Return the data under a weight of 1 everywhere: one interval, no step, δ = (1)."""
    k = data.y.size
    return replace(data, weight=None, full_below=0.0, cuts=np.empty((0, k)), interval=np.zeros(k, dtype=np.intp))


def _log_cdf(x: Array) -> Array:
    return np.asarray(special.log_ndtr(x))


def log_likelihood(data: SelectionData, beta: Array, tau2: Any, delta: Array) -> Any:  # noqa: ANN401
    """Return the log-likelihood; real or complex parameters."""
    total = data.v + tau2
    mean = data.X @ beta
    r = data.y - mean
    base = -0.5 * (np.log(2 * np.pi * total) + r * r / total)
    if data.weight is None:
        return (base + np.log(delta[data.interval]) - np.log(_step_mass(data, mean, total, delta))).sum()
    z = data.y / np.sqrt(data.v)
    own = _log_weight(data, z, delta, data.imprecision)
    return (base + own - np.log(_smooth_mass(data, mean, total, delta))).sum()


def _step_mass(data: SelectionData, mean: Array, total: Array, delta: Array) -> Array:
    """Return Σ δⱼ P(interval j): intervals from the largest y (smallest p) down."""
    scaled = (data.cuts - mean) / np.sqrt(total)
    above = special.ndtr(-scaled)
    zero, one = np.zeros((1, data.y.size)), np.ones((1, data.y.size))
    edges = np.concatenate([zero, above, one])
    return np.asarray((delta[:, None] * np.diff(edges, axis=0)).sum(axis=0))


def _log_weight(data: SelectionData, z: FloatArray, delta: Array, imprecision: FloatArray) -> Array:
    assert data.weight is not None
    if data.weight.bound > 0:
        edge = -float(special.ndtri(data.weight.bound))
        z = np.clip(z, -edge, edge)
    log_p, log_q = _log_cdf(-z), _log_cdf(z)
    out = data.weight.log(log_p, log_q, delta, imprecision)
    if data.full_below > 0:
        edge = np.log(data.full_below)
        at = data.weight.log(np.asarray(edge), np.asarray(np.log1p(-data.full_below)), delta, imprecision)
        out = np.where(log_p <= edge, 0.0, out - at)
    return np.asarray(out)


def _smooth_mass(data: SelectionData, mean: Array, total: Array, delta: Array) -> Array:
    """Return Aᵢ by quadrature over y/√vᵢ."""
    s = np.sqrt(data.v)
    sd = np.sqrt(np.real(total))
    low, high = (np.real(mean) - _REACH * sd) / s, (np.real(mean) + _REACH * sd) / s
    assert data.weight is not None
    reach = -float(special.ndtri(data.weight.bound)) if data.weight.bound > 0 else _STEEP
    inner = [-reach, reach] if data.full_below == 0 else [-reach, float(-special.ndtri(data.full_below)), reach]
    edges = [low, *(np.clip(x, low, high) for x in inner), high]
    out = np.zeros(data.y.size, dtype=np.result_type(mean, total, delta))
    for a, b in pairwise(edges):
        wide = bool((b - a).max() > 10)
        nodes, weights = _NODES[160 if wide else 80]
        z = a + (b - a) * (nodes[:, None] + 1) / 2
        y = z * s
        density = np.exp(-0.5 * (y - mean) ** 2 / total) / np.sqrt(2 * np.pi * total) * s
        selected = np.exp(_log_weight(data, z, delta, data.imprecision))
        out = out + (b - a) / 2 * (weights[:, None] * density * selected).sum(axis=0)
    return out


def unpack(data: SelectionData, x: Array, fixed: FloatArray | None) -> tuple[Array, Any, Array]:
    """Return β, τ², δ from one vector: β, then τ² where it is free, then the free δ."""
    p = data.X.shape[1]
    tau2 = x[p] if data.free_tau2 else 0.0
    rest = x[p + data.free_tau2 :]
    if fixed is not None:
        return x[:p], tau2, fixed
    if data.weight is None:
        return x[:p], tau2, np.concatenate([np.ones(1), rest])
    return x[:p], tau2, rest


def gradient(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> FloatArray:
    """Return the gradient in (β, τ², δ), exact to rounding."""
    out = np.empty(x.size)
    for i in range(x.size):
        step = x.astype(complex)
        step[i] += 1j * _STEP
        out[i] = np.imag(log_likelihood(data, *unpack(data, step, fixed))) / _STEP
    return out


def hessian(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> FloatArray:
    """Return the Hessian in (β, τ², δ): central differences of exact gradients."""
    out = np.empty((x.size, x.size))
    for i in range(x.size):
        h = 1e-5 * max(abs(x[i]), 1e-3)
        up, down = x.copy(), x.copy()
        up[i], down[i] = x[i] + h, x[i] - h
        out[i] = (gradient(data, up, fixed) - gradient(data, down, fixed)) / (2 * h)
    return (out + out.T) / 2
