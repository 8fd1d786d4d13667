"""Two Gauss hypergeometric functions near argument 1, where library series lose their digits.

Both come from Euler's integral, by double-exponential quadrature (Takahasi & Mori 1974): it absorbs the
singular end points, and dividing by the same integral at argument 0 removes the constant.
"""

from __future__ import annotations

import numpy as np

from .base import FloatArray

__all__ = ["half_half", "one_one"]

_STEP = 1 / 32
_T = np.arange(-134, 135) * _STEP
_REST = 1 / (1 + np.exp(np.pi * np.sinh(_T)))
"""Distance of each node from 1 on (0, 1), exact to the last digit near 1."""
_PLACE = _REST[::-1]
_WEIGHT = np.pi * np.cosh(_T) * _PLACE * _REST * _STEP


def half_half(c: FloatArray, r: FloatArray) -> FloatArray:
    r"""Return :math:`_2F_1(1/2, 1/2; c; 1-r^2)` for c > 1/2.

    With t = cos²φ Euler's integral becomes ∫ sin^{2c−2}φ / √(sin²φ + r² cos²φ) dφ over a quarter turn.
    """
    angle = np.pi / 2 * _PLACE
    sine, cosine = np.sin(angle), np.sin(np.pi / 2 * _REST)
    c, r = c[..., None], r[..., None]
    log_power = (2 * c - 2) * np.log(sine)
    power = np.exp(log_power) * _WEIGHT
    top = (power / np.sqrt(sine**2 + (r * cosine) ** 2)).sum(axis=-1)
    return np.asarray(top / power.sum(axis=-1))


def one_one(c: FloatArray, r: FloatArray) -> FloatArray:
    r"""Return :math:`_2F_1(1, 1; c; 1-r^2)` for c > 1: (c−1) ∫ (1−t)^{c−2} / (1−t + r² t) dt over (0, 1)."""
    c, r = c[..., None], r[..., None]
    power = np.exp((c - 2) * np.log(_REST)) * _WEIGHT
    top = (power / (_REST + r**2 * _PLACE)).sum(axis=-1)
    return np.asarray(top * (c[..., 0] - 1))
