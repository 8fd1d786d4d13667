"""A t density as a mixture of normal laws over their scale."""

from __future__ import annotations

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray

__all__ = ["t_scales"]


def t_scales(df: float, nodes: int, far2: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Weights and variance factors 1/λ of the normal scale mixture that is a t density, by trapezoid in log λ.

    λ ~ Gamma(ν/2, ν/2); the step is that of ``nodes`` = 41, finer or coarser in proportion. ``far2`` is the largest
    squared distance, in squared standard errors, that is asked for: given it λ lies around (ν + 1)/(ν + far2), which
    may be so far in the tail of its prior that the estimate would count as impossible there.
    """
    if np.isinf(df):
        return np.ones(1), np.ones(1)
    a = 0.5 * df
    step = min(0.34, 0.72 / np.sqrt(a)) * 40.0 / (nodes - 1)
    # the left tail falls like eᵃˣ and like a normal law of variance 1/a, the right one like exp(−a eˣ)
    low = -max(40.0 / a, 9.0 / np.sqrt(a)) if a < 40.0 else -10.5 / np.sqrt(a)
    high = np.log1p(40.0 / a) + 5.0 / np.sqrt(a) if a < 40.0 else 9.5 / np.sqrt(a)
    ahead = np.log((a + 0.5) / (a + 0.5 * max(far2, 1.0))) - max(36.0 / (a + 0.5), 8.5 / np.sqrt(a + 0.5))
    least = 1e-18
    if ahead < low:
        low, least = ahead, 1e-300
    x = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
    # log of aᵃ e⁻ᵃ/Γ(a), by Stirling's series where the terms would cancel
    series = 0.5 * np.log(a / (2.0 * np.pi)) - (1.0 - (1.0 - 2.0 / (7.0 * a * a)) / (30.0 * a * a)) / (12.0 * a)
    const = series if a > 40.0 else a * np.log(a) - a - special.gammaln(a)
    log = a * (x - np.expm1(x)) + const
    weight = np.exp(log) * step
    keep = weight > least
    return weight[keep], np.exp(-x[keep])
