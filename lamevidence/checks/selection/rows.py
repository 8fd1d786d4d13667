"""What a selection likelihood is made from, and the weight of a study or of a z value under it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from .weights import Logs, Weight

__all__ = ["SMALL", "SelectionData", "log_weight", "logs_of", "square", "unit_of", "unpack", "unselected"]

SMALL = 1e-3
"""Largest p below which δ is counted in units of it."""


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
    reference
        Step functions: interval whose weight is 1 by definition, the first that holds a study. Weights are relative;
        that of an interval without a study has its maximum at 0, so relative to it all others would be infinite.
    free
        Step functions: the other intervals that hold a study, whose weights are estimated.
    unit
        Log of the p value that counts as 1 in weights that fall with δ·p or δ·p²: 0, or the largest one where all are
        small (at z = 40 the δ of p itself has no double).
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
    reference: int = 0
    free: tuple[int, ...] = ()
    unit: float = 0.0


def unselected(data: SelectionData) -> SelectionData:
    """Return the data under a weight of 1 everywhere: one interval, no step, δ = (1)."""
    k = data.y.size
    one = np.zeros(k, dtype=np.intp)
    return replace(data, weight=None, full_below=0.0, cuts=np.empty((0, k)), interval=one, reference=0, free=())


def unit_of(z: FloatArray, weight: Weight) -> float:
    """Return `SelectionData.unit` for these z values."""
    largest = float(special.log_ndtr(-z.min()))
    return largest if weight.in_units and largest < np.log(SMALL) else 0.0


def unpack(data: SelectionData, x: FloatArray, fixed: FloatArray | None) -> tuple[FloatArray, float, FloatArray]:
    """Return β, τ², δ from one vector: β, then τ² where it is free, then the free δ."""
    p = data.X.shape[1]
    tau2 = float(x[p]) if data.free_tau2 else 0.0
    rest = x[p + data.free_tau2 :]
    if fixed is not None:
        return x[:p], tau2, fixed
    if data.weight is None:
        delta = np.zeros(data.cuts.shape[0] + 1)
        delta[[data.reference, *data.free]] = [1.0, *rest]
        return x[:p], tau2, delta
    return x[:p], tau2, rest


def square(parts: list[FloatArray], d: int) -> FloatArray:
    """Return 11, 12, 22 as a symmetric (d, d, …) array."""
    return np.stack([np.stack([parts[i + j] for j in range(d)]) for i in range(d)])


def logs_of(data: SelectionData, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log p, in the unit of the data, and log(1 − p) at z, p kept within the bounds of the weight."""
    assert data.weight is not None
    if data.weight.far:
        z = np.clip(z, -data.weight.far, data.weight.far)
        return special.log_ndtr(-z), special.log_ndtr(z)
    return special.log_ndtr(-z) - data.unit, np.zeros_like(z)  # these weights do not use 1 − p


def log_weight(
    data: SelectionData, log_p: FloatArray, log_q: FloatArray, delta: FloatArray, imprecision: FloatArray
) -> Logs:
    """Return log w with its derivatives, w being 1 up to ``full_below`` and continuous there."""
    assert data.weight is not None
    out = data.weight.log(log_p, log_q, delta, imprecision)
    if data.full_below == 0:
        return out
    edge = np.log(data.full_below) - data.unit
    at = data.weight.log(np.asarray(edge), np.asarray(np.log1p(-data.full_below)), delta, imprecision)
    inside = log_p <= edge

    def shifted(a: FloatArray, b: FloatArray) -> FloatArray:
        return np.where(inside, 0.0, a - b)

    slopes = [shifted(a, b) for a, b in zip(out[1], at[1], strict=True)]
    bends = [shifted(a, b) for a, b in zip(out[2], at[2], strict=True)]
    return shifted(out[0], at[0]), slopes, bends
