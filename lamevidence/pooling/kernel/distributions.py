"""Quantiles and tail probabilities: normal, t, and positive combinations of independent chi-squared variables.

P(Σ λᵢ χ²₁ ≤ q) is the inverse Laplace transform of s⁻¹ Π(1 + 2λᵢs)^(−½). Its singularities lie on the
negative real axis and at 0, so the contour is a hyperbola that opens to the left, with its vertex at the
saddle point and the saddle's own width. The trapezoidal rule converges geometrically there: some 80 nodes
give 1e-13 for one term or for thousands, with no series that stops early and nothing to tune.

Reference: Trefethen & Weideman 2014, SIAM Review 56:385, doi:10.1137/130932132.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray

__all__ = ["below", "hyperbola", "quantile", "two_sided", "weighted_chi2_cdf"]

_STEP = 0.06
_U = _STEP * np.arange(84)
_PATH = (1.0 - np.cosh(_U)) + 1j * np.sinh(_U)
_SPEED = -np.sinh(_U) + 1j * np.cosh(_U)
_SPEED[0] /= 2.0


@lru_cache(maxsize=1024)
def quantile(level: float, df: float = math.inf) -> float:
    """Return the two-sided critical value of the normal, or of t with ``df`` degrees of freedom."""
    upper = 0.5 + level / 2
    return float(special.ndtri(upper) if math.isinf(df) else special.stdtrit(df, upper))


def below(z: float, df: float = math.inf) -> float:
    """Return the probability below ``z`` of the standard normal, or of t with ``df`` degrees of freedom."""
    return float(special.ndtr(z) if math.isinf(df) else special.stdtr(df, z))


def two_sided(statistic: float, df: float = math.inf) -> float:
    """Return the two-sided p value of a z statistic, or of a t statistic with ``df`` degrees of freedom."""
    return 2.0 * below(-abs(statistic), df)


def hyperbola() -> tuple[FloatArray, FloatArray]:
    """Return the contour about its vertex in units of its width, and the weights of the trapezoidal rule on it."""
    return _PATH, _SPEED * _STEP


def _saddle(q: float, weights: FloatArray) -> tuple[float, float]:
    """Return the positive minimum of sq − ½Σlog(1 + 2λs) − log s, and 1/√curvature there."""
    s = 1.0 / q
    for _ in range(100):
        ratio = weights / (1.0 + 2.0 * weights * s)
        slope = q - float(ratio.sum()) - 1.0 / s
        bend = 2.0 * float((ratio * ratio).sum()) + 1.0 / s**2
        new = s - slope / bend
        if new <= 0:
            new = s / 2
        if abs(new - s) <= 1e-6 * s:
            break
        s = new
    return s, bend**-0.5


def weighted_chi2_cdf(q: float, weights: FloatArray) -> float:
    """Return P(Σ λᵢ χ²₁ ≤ q) for λ ≥ 0.

    Examples
    --------
    >>> round(weighted_chi2_cdf(3.841458820694124, np.array([1.0])), 10)
    0.95
    """
    if q <= 0:
        return 0.0
    vertex, width = _saddle(q, weights)
    s = vertex + width * _PATH
    exponent = s * q - 0.5 * np.sum(np.log(1.0 + 2.0 * weights[:, None] * s[None, :]), axis=0)
    total = np.sum(np.exp(exponent) / s * _SPEED).imag * width * _STEP / np.pi
    return float(min(max(total, 0.0), 1.0))
