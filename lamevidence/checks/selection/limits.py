"""Where a selection likelihood rises without end in δ: the weight becomes a step, whose fit has a maximum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from .rows import SelectionData

__all__ = ["Limit", "forced_limit", "sharpest_limit"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A weight of 1 on one side of a p value and 0 on the other.

    Attributes
    ----------
    data, weights
        The step function with its known weights.
    delta
        What δ becomes, nan where every value leads there.
    note
        Why, in words.
    """

    data: SelectionData
    weights: FloatArray
    delta: FloatArray
    note: str


def forced_limit(data: SelectionData) -> Limit | None:
    """Return the limit where all studies are where the weight is the same, largest one; None otherwise.

    Their own weights do not change with δ while the expected weights fall: whatever β and τ², δ = ∞ fits best.
    """
    weight = data.weight
    if weight is None:
        return None
    z = data.y / np.sqrt(data.v)
    if data.full_below > 0 and special.ndtr(-z.min()) <= data.full_below:
        place = f"up to {data.full_below:g}, where the weight is 1"
        return _limit(data, float(-special.ndtri(data.full_below)), (1.0, 0.0), np.full(1, np.inf), place)
    if weight.far and z.min() >= weight.far:
        delta = np.array([np.nan, np.inf])[-weight.size :]
        return _limit(data, weight.far, (1.0, 0.0), delta, "below 1e-5, where the weight is read as constant")
    if weight.far and weight.size == 2 and z.max() <= -weight.far:
        delta = np.array([np.inf, np.nan])
        return _limit(data, -weight.far, (0.0, 1.0), delta, "above 1 − 1e-5, where the weight is read as constant")
    return None


def sharpest_limit(data: SelectionData) -> Limit | None:
    """Return the step at the largest p, which a weight of two parameters approaches with δ₁ → ∞ and δ₂ → 0."""
    if data.weight is None or data.weight.size != 2 or data.weight.far:
        return None
    cut = float(np.min(data.y / np.sqrt(data.v)))
    found = _limit(data, cut, (1.0, 0.0), np.array([np.inf, 0.0]), "")
    note = "the likelihood rises towards a step at the largest p value (δ₁ → ∞, δ₂ → 0), which is the fit shown"
    return replace(found, note=note)


def _limit(data: SelectionData, cut: float, weights: tuple[float, float], delta: FloatArray, place: str) -> Limit:
    interval = np.full(data.y.size, int(weights[0] == 0), dtype=np.intp)
    steps = replace(
        data,
        weight=None,
        full_below=0.0,
        unit=0.0,
        cuts=(cut * np.sqrt(data.v))[None],
        interval=interval,
        reference=int(interval[0]),
        free=(),
    )
    note = f"every p value is {place}: the likelihood rises with δ without end, and its limit, a step, is the fit shown"
    return Limit(steps, np.array(weights), delta, note)
