"""Compiled distribution functions of μ and of a new study's effect from nodes over (τ, μ).

Given τ the distribution function of μ at its nodes is F(tₘ) = Σₙ wₙ [½ + Si(π(m − n))/π] (sinc-indefinite integration),
and between them the polynomial that has its values and slopes at the four nearest. A new study's effect given τ is a
sum of normals over the nodes where τ is wide enough for the trapezoidal rule, else the mean of the distribution
function of μ over Gauss-Hermite nodes of the new study's deviation.
"""

from __future__ import annotations

import math

import numpy as np

from ...effects.measures.base import FloatArray
from .batch_sums import jit

__all__ = ["below"]

_SMOOTH = 0.6
"""τ over the distance of the nodes of μ from which a sum of normals over them is a smooth law."""
_OVER = np.array([-1 / 6, 1 / 2, -1 / 2, 1 / 6])
_BEND = np.array([-11 / 3, -1.0, 1.0, 11 / 3])
"""Of the Lagrange polynomials through 0, 1, 2, 3: leading coefficients, and twice the slopes at their own node."""
_Z, _Z_SHARE = np.polynomial.hermite_e.hermegauss(8)
_Z_SHARE = _Z_SHARE / _Z_SHARE.sum()


@jit
def _first(place: float, size: int) -> int:
    """First of the four entries around a place, which may be far outside."""
    return int(min(max(place - 1.0, 0.0), size - 4.0))


@jit
def _read(place: float, d: int, j: int, cumulative: FloatArray, joint: FloatArray) -> float:
    """Distribution function between nodes: the polynomial of degree seven through four values and slopes."""
    last = cumulative.size - 1
    if place <= 0.0:
        return 0.0
    if place >= last:
        return float(cumulative[last])
    first = _first(place, cumulative.size)
    u = place - first
    total = 0.0
    for i in range(4):
        lagrange = _OVER[i]
        for m in range(4):
            if m != i:
                lagrange *= u - m
        value, slope = cumulative[first + i], joint[d, j, first + i]
        total += lagrange * lagrange * (value + (u - i) * (slope - _BEND[i] * value))
    return total


@jit
def below(
    at: FloatArray,
    new: bool,
    tau: FloatArray,
    loc: FloatArray,
    scale: FloatArray,
    s: FloatArray,
    sinc: FloatArray,
    joint: FloatArray,
) -> FloatArray:
    """P(μ ≤ x), or with ``new`` P(θ_new ≤ x), at one x a data set; ``sinc`` (M, M) integrates up to each node."""
    sets, rows, columns = joint.shape
    out = np.zeros(sets)
    cumulative = np.empty(columns)
    x = np.sinh(s)
    for d in range(sets):
        for j in range(rows):
            mass = joint[d, j].sum()
            if mass == 0.0:
                continue
            centre, width, noise = loc[d, j], scale[d, j], tau[d, j]
            if new and noise > _SMOOTH * width:
                for m in range(columns):
                    if joint[d, j, m] > 0.0:
                        z = (at[d] - centre - width * x[m]) / noise
                        out[d] += joint[d, j, m] * 0.5 * math.erfc(-z * math.sqrt(0.5))
                continue
            noisy = new and noise > 1e-9 * width
            # only the entries that are read
            reach = noise * _Z[-1] if noisy else 0.0
            first = _first((math.asinh((at[d] - reach - centre) / width) - s[0]) / (s[1] - s[0]), columns)
            final = _first((math.asinh((at[d] + reach - centre) / width) - s[0]) / (s[1] - s[0]), columns)
            for m in range(first, final + 4):
                cumulative[m] = 0.0
                for n in range(columns):
                    cumulative[m] += sinc[m, n] * joint[d, j, n]
            if noisy:
                for q in range(_Z.size):
                    scaled = (at[d] - noise * _Z[q] - centre) / width
                    out[d] += _Z_SHARE[q] * _read((math.asinh(scaled) - s[0]) / (s[1] - s[0]), d, j, cumulative, joint)
            else:
                place = (math.asinh((at[d] - centre) / width) - s[0]) / (s[1] - s[0])
                out[d] += _read(place, d, j, cumulative, joint)
    return out
