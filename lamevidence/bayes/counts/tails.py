"""Which moments of effects exist: how the posterior of μ falls on either side, decided from exponents.

Rows of counts bound an effect exponentially, or not at all (no events: not from below). A t likelihood with ν degrees
of freedom falls like |θ|^-(ν+1), and so does a t prior; a normal law faster than any power, a flat prior not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...effects.measures.base import FloatArray
from ..priors.effect_priors import EffectPrior, Normal, StudentT
from .families import PrintedEstimate, StudyLikelihood, TEstimate

__all__ = ["EffectMoments", "effect_moments"]


@dataclass(frozen=True, slots=True)
class EffectMoments:
    """Highest moment of the effects that exists (0, 1 or 2), and why no more do."""

    highest: int
    note: str = ""


def effect_moments(
    rows: Sequence[StudyLikelihood], priors: Sequence[EffectPrior], X: FloatArray | None = None
) -> EffectMoments:
    """Return which moments of the mean effect, or of several coefficients, and of the true effects exist given τ.

    ``X`` is the design, None for one mean effect.
    """
    starts = [np.inf if isinstance(p, Normal) else p.df + 1.0 if isinstance(p, StudentT) else 0.0 for p in priors]
    powers = [(row.df + 1.0 if isinstance(row, TEstimate | PrintedEstimate) else np.inf) for row in rows]
    if X is None or (X.shape[1] == 1 and np.all(X == 1.0)):
        below = above = starts[0]
        for row, power in zip(rows, powers, strict=True):
            below += power if row.below else 0.0
            above += power if row.above else 0.0
        least = min(below, above) - 1.0
    else:
        both = [power if row.below and row.above else 0.0 for row, power in zip(rows, powers, strict=True)]
        least = _least_power(np.concatenate([X, np.eye(X.shape[1])]), np.array([*both, *starts]))
    if least > 2.0:
        return EffectMoments(2)
    which = "the standard deviation does" if least > 1.0 else "mean and standard deviation do"
    return EffectMoments(
        int(least > 1.0), f"{which} not exist: the posterior of the effect falls like |μ|^-{least + 1.0:g}"
    )


def _least_power(forms: FloatArray, power: FloatArray) -> float:
    """Least power, less the dimension, with which Π |formᵢ·β|^-powerᵢ falls along a subspace of β.

    By counting powers: a moment r exists where it exceeds r in every subspace. Those that matter are where forms of
    finite power vanish (an infinite power rules out every direction in which its form does not).
    """
    size = forms.shape[1]
    inside = _null_space(forms[np.isinf(power)], size)
    if inside.shape[1] == 0:
        return float("inf")
    found = float("inf")
    finite = np.flatnonzero(np.isfinite(power) & (power > 0.0))
    for count in range(inside.shape[1]):
        for chosen in combinations(finite, count):
            within = inside @ _null_space(forms[list(chosen)] @ inside, inside.shape[1])
            if within.shape[1]:
                acts = np.abs(forms @ within).max(axis=1) > 1e-9
                found = min(found, float(power[acts & np.isfinite(power)].sum()) - within.shape[1])
    return found


def _null_space(forms: FloatArray, size: int) -> FloatArray:
    """Orthonormal basis (size, n) of where all forms vanish."""
    if forms.shape[0] == 0:
        return np.eye(size)
    _, values, axes = np.linalg.svd(forms)
    return np.asarray(axes[int((values > 1e-9 * max(1.0, float(values.max()))).sum()) :].T)
