"""Henmi and Copas's interval: the common-effect mean, with an interval that allows for heterogeneity.

The common-effect weights are less open to small-study effects. The critical value comes from the joint
distribution of the mean and of Q: given the mean, Q is close to a gamma variable with its exact first two
moments. Reference: Henmi & Copas 2010, doi:10.1002/sim.4029.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import TooFewStudies
from ..values import Interval
from .fitted import Fitted
from .intervals import Inference

__all__ = ["henmi_copas"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_FAR = 9.0


def henmi_copas(fit: Fitted) -> Inference:
    """Return the interval of Henmi and Copas for weights 1/v and DerSimonian and Laird's τ²."""
    k = fit.k
    if k < 2:
        raise TooFewStudies("Henmi and Copas's interval", k, 2, "interval='z' reports the study as it is")
    w = 1.0 / fit.v
    w1 = float(w.sum())
    w2, w3, w4 = (float((w**n).sum()) / w1 for n in (2, 3, 4))
    t = fit.t
    ratio = 1.0 + t * w2
    spread = ratio**0.5

    def gamma_shape(r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return shape and scale of the gamma that has the mean and variance of Q given the mean."""
        tilt = (r / ratio) ** 2 - 1.0 / ratio
        mean = (k - 1) + t * (w1 - w2) + t**2 * tilt * (w3 - w2**2)
        variance = (
            2 * (k - 1) + 4 * t * (w1 - w2) + 2 * t**2 * (w1 * w2 - 2 * w3 + w2**2)
            + 4 * tilt * (t**2 * (w3 - w2**2) + t**3 * (w4 - 2 * w2 * w3 + w2**3))
            + 2 * t**4 * (w3 - w2**2) ** 2 * (1.0 / ratio**2 - 2.0 * r**2 / ratio**3)
        )
        return mean**2 / variance, variance / mean

    def tail(x: float) -> float:
        """Return P(R > x·√(1 + w₂·τ̂²)), R = √w₁(μ̂ − μ): the one-sided error of the critical value x."""
        first = x / spread
        z = first + (_FAR - first) * (_NODES + 1) / 2
        r = spread * z
        limit = (w1 / w2 - 1.0) * ((r / x) ** 2 - 1.0) + (k - 1)
        shape, scale = gamma_shape(r)
        inside = special.gammainc(shape, np.maximum(limit, 0.0) / scale) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        return float(np.sum(_WEIGHTS * inside) * (_FAR - first) / 2)

    def bounds(level: float) -> Interval:
        from scipy.optimize import brentq

        alpha = (1 - level) / 2
        critical = float(brentq(lambda x: tail(x) - alpha, 1e-3, spread * (_FAR - 0.5), xtol=1e-12))
        half = critical * fit.variance**0.5
        return Interval(fit.mean - half, fit.mean + half)

    return Inference(fit.se, np.inf, fit.mean, bounds)
