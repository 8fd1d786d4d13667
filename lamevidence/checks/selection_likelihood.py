"""Likelihood of selection models with its gradient and Hessian in closed form.

yᵢ has density w(pᵢ)·φ(yᵢ; mᵢ, tᵢ)/Aᵢ with m = xᵢ'β, t = vᵢ + τ² and Aᵢ = ∫ w φ the expected weight. Derivatives of A by
m are integrals against Hermite polynomials, and ∂A/∂t = ½ ∂²A/∂m² (the heat equation), so the m-derivatives up to the
fourth give everything. Step functions have them in closed form; smooth weights are integrated over z = y/√v by
Gauss-Legendre on panels common to all studies (in z every normal density has standard deviation ≥ 1, w does not depend
on the parameters of the effect), with normal tails beyond, where w is constant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from .selection_weights import Logs, Weight

__all__ = ["SelectionData", "Terms", "terms", "unpack", "unselected"]

STEEP = 7.0
"""−z beyond which 1 − p < 1e-12: w no longer changes."""
WIDE = 10.0
"""Panels wider than this get 160 nodes, others 80."""
ROOT_2PI = float(np.sqrt(2 * np.pi))


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


class Terms(NamedTuple):
    """Log-likelihood with its gradient and Hessian in (β, τ² where free, δ where free)."""

    value: float
    gradient: FloatArray
    hessian: FloatArray


class Mass(NamedTuple):
    """Expected weights: ∂ʲA/∂mʲ, j = 0 … 4 (5, k); by δ as well, j = 0 … 2 (d, 3, k); twice by δ (d, d, k)."""

    by_mean: FloatArray
    by_delta: FloatArray
    twice: FloatArray


def unselected(data: SelectionData) -> SelectionData:
    """Return the data under a weight of 1 everywhere: one interval, no step, δ = (1)."""
    k = data.y.size
    return replace(data, weight=None, full_below=0.0, cuts=np.empty((0, k)), interval=np.zeros(k, dtype=np.intp))


def unpack(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> tuple[FloatArray, float, FloatArray]:
    """Return β, τ², δ from one vector: β, then τ² where it is free, then the free δ."""
    p = data.X.shape[1]
    tau2 = float(x[p]) if data.free_tau2 else 0.0
    rest = x[p + data.free_tau2 :]
    if fixed is not None:
        return x[:p], tau2, fixed
    if data.weight is None:
        return x[:p], tau2, np.concatenate([np.ones(1), rest])
    return x[:p], tau2, rest


def terms(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> Terms:
    """Return the log-likelihood at a point, with its derivatives."""
    beta, tau2, delta = unpack(data, x, fixed)
    mean, t = data.X @ beta, data.v + tau2
    mass = _step_mass(data, mean, t, delta) if data.weight is None else _smooth_mass(data, mean, t, delta)
    own, own_slope, own_bend = _own(data, delta)
    r = data.y - mean
    value = -0.5 * (np.log(2 * np.pi * t) + r * r / t) + own - np.log(mass.by_mean[0])
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
    own = data.weight is None  # the weight of the first interval is 1
    rows = np.array(([1] if data.free_tau2 else []) + list(range(2 + own, 2 + free)), dtype=np.intp)
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
    logs = _log_weight(data, *_logs_of(data, data.y / np.sqrt(data.v)), delta, data.imprecision)
    return logs[0], np.stack(logs[1]).reshape(d, k), _square(logs[2], d)


def _square(parts: list[FloatArray], d: int) -> FloatArray:
    """Return 11, 12, 22 as a symmetric (d, d, …) array."""
    return np.stack([np.stack([parts[i + j] for j in range(d)]) for i in range(d)])


def _logs_of(data: SelectionData, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log p and log(1 − p) at z, p kept within the bounds of the weight."""
    assert data.weight is not None
    if data.weight.bound > 0:
        z = np.clip(z, -data.weight.far, data.weight.far)
    return special.log_ndtr(-z), special.log_ndtr(z)


def _log_weight(
    data: SelectionData, log_p: FloatArray, log_q: FloatArray, delta: FloatArray, imprecision: FloatArray
) -> Logs:
    """Return log w with its derivatives, w being 1 up to ``full_below`` and continuous there."""
    assert data.weight is not None
    out = data.weight.log(log_p, log_q, delta, imprecision)
    if data.full_below == 0:
        return out
    edge = np.log(data.full_below)
    at = data.weight.log(np.asarray(edge), np.asarray(np.log1p(-data.full_below)), delta, imprecision)
    inside = log_p <= edge

    def shifted(a: FloatArray, b: FloatArray) -> FloatArray:
        return np.where(inside, 0.0, a - b)

    slopes = [shifted(a, b) for a, b in zip(out[1], at[1], strict=True)]
    bends = [shifted(a, b) for a, b in zip(out[2], at[2], strict=True)]
    return shifted(out[0], at[0]), slopes, bends


# ---- expected weights --------------------------------------------------------------------------------------------
def _above(cut: FloatArray, mean: FloatArray, t: FloatArray) -> FloatArray:
    """Return P(y > cut) and its derivatives by the mean, (5, …)."""
    root = np.sqrt(t)
    a = (cut - mean) / root
    phi = np.exp(-0.5 * a * a) / ROOT_2PI / root
    a1 = a / root
    return np.stack([
        special.ndtr(-a), phi, phi * a1, phi * (a1 * a1 - 1 / t), phi * a1 * (a1 * a1 - 3 / t),
    ])


def _step_mass(data: SelectionData, mean: FloatArray, t: FloatArray, delta: FloatArray) -> Mass:
    """Return Σ δⱼ P(interval j): intervals from the largest y (smallest p) down."""
    steps, k = data.cuts.shape
    edges = np.zeros((5, steps + 2, k))
    edges[:, 1:-1] = _above(data.cuts, mean, t)
    edges[0, -1] = 1.0
    shares = np.diff(edges, axis=1)  # (5, intervals, k)
    by_mean = np.einsum("d,jdk->jk", delta, shares)
    return Mass(by_mean, shares[:3].transpose(1, 0, 2), np.zeros((delta.size, delta.size, k)))


@lru_cache(maxsize=32)
def _panels(reach: float, far: float, full: float | None) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights in z from −reach to ``far``, split where w has a kink."""
    edges = sorted({-reach, reach, far, *([] if full is None or not -reach < full < far else [full])})
    nodes, weights = [], []
    for a, b in pairwise(edges):
        x, w = np.polynomial.legendre.leggauss(160 if b - a > WIDE else 80)
        nodes.append(a + (b - a) * (x + 1) / 2)
        weights.append((b - a) / 2 * w)
    return np.concatenate(nodes), np.concatenate(weights)


def _smooth_mass(data: SelectionData, mean: FloatArray, t: FloatArray, delta: FloatArray) -> Mass:
    """Return Aᵢ by quadrature over y/√vᵢ, tails in closed form."""
    assert data.weight is not None
    far = data.weight.far
    reach = far if data.weight.bound > 0 else STEEP
    full = float(-special.ndtri(data.full_below)) if data.full_below > 0 else None
    z, share = _panels(reach, far, full)
    d = delta.size
    s, root = np.sqrt(data.v), np.sqrt(t)
    ends = np.array([far, -reach])
    varies = bool((data.imprecision != 1).any())
    scale = data.imprecision[:, None] if varies else np.ones(1)
    where = np.concatenate([z, ends])
    logs = _log_weight(data, *_logs_of(data, where), delta, scale)
    w = np.exp(logs[0])
    slopes = np.stack(logs[1])
    bends = _square(logs[2], d) + slopes[:, None] * slopes[None]
    columns = np.concatenate([w[None], w * slopes, (w * bends).reshape(d * d, *w.shape)])  # (1 + d + d², [k,] nodes)
    u = (z * s[:, None] - mean[:, None]) / root[:, None]
    density = np.exp(-0.5 * u * u) * (share / ROOT_2PI * (s / root)[:, None])
    u1 = u / root[:, None]
    u2, over = u1 * u1, 1 / t[:, None]
    factors = (np.ones_like(u1), u1, u2 - over, u1 * (u2 - 3 * over), u2 * u2 - 6 * over * u2 + 3 * over * over)
    upper, lower = _above(far * s, mean, t), -_above(-reach * s, mean, t)
    lower[0] += 1.0
    total = []
    for j, factor in enumerate(factors):
        wanted = columns[: (1 + d + d * d, 1 + d, 1 + d, 1, 1)[j]]
        inner = wanted[..., :-2]
        part = np.einsum("kn,ckn->ck", density * factor, inner) if varies else inner @ (density * factor).T
        total.append(part + wanted[..., -2:-1].reshape(len(wanted), -1) * upper[j]
                     + wanted[..., -1:].reshape(len(wanted), -1) * lower[j])
    by_delta = np.stack([part[1 : 1 + d] for part in total[:3]], axis=1)
    return Mass(np.stack([part[0] for part in total]), by_delta, total[0][1 + d :].reshape(d, d, -1))
