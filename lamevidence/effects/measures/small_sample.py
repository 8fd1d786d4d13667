"""Quantities that several measures share: the exact small-sample factor, weighted averages across studies."""

from __future__ import annotations

import numpy as np
from scipy import special

from .base import FloatArray

__all__ = ["across", "exact_j", "unbiased_excess"]


def exact_j(m: FloatArray) -> FloatArray:
    r"""Return :math:`J(m) = \Gamma(m/2) / (\sqrt{m/2}\,\Gamma((m-1)/2))`, NaN for m ≤ 1.

    It removes the bias of a mean divided by an SD on ``m`` degrees of freedom (Hedges 1981,
    doi:10.3102/10769986006002107).
    """
    safe = np.where(m > 1, m, np.nan)
    return np.asarray(special.poch((safe - 1) / 2, 0.5) / np.sqrt(safe / 2))


def unbiased_excess(m: FloatArray) -> FloatArray:
    """Return 1 − (m−2)/(m J²), the factor of g² in Hedges' unbiased variance (doi:10.1037/0033-2909.93.2.388)."""
    return np.asarray(1 - (m - 2) / (m * exact_j(m) ** 2))


def across(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighted average over studies (last axis), studies without a value left out."""
    known = np.isfinite(values) & np.isfinite(weights)
    w = np.where(known, weights, 0.0)
    total = np.where(known, values * w, 0.0).sum(axis=-1, keepdims=True)
    return np.asarray(total / w.sum(axis=-1, keepdims=True))
