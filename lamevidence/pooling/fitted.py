"""One data set with its τ²: estimate, variance, and what every interval is made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..effects.measures.base import FloatArray
from .kernels import Projection

__all__ = ["Fitted", "fit_at"]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A common mean fitted to k studies at a given τ², on the centred scale.

    Attributes
    ----------
    y, v
        Centred estimates and variances, (k,).
    w
        1/(v + t), (k,).
    a
        Weights behind ``mean``, (k,); the same object as ``w`` unless the user gave others.
    t
        τ².
    mean, variance
        Weighted mean Σay/Σa and its variance Σa²(v + t)/(Σa)².
    factor
        Knapp-Hartung factor Σw(y − ȳ_w)²/(k − 1), nan for one study.
    """

    y: FloatArray
    v: FloatArray
    w: FloatArray
    a: FloatArray
    t: float
    mean: float
    variance: float
    factor: float

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.y.size

    @property
    def se(self) -> float:
        """Wald standard error."""
        return float(self.variance**0.5)

    @property
    def own_weights(self) -> bool:
        """True when the weights are not the inverse variances of the model."""
        return self.a is not self.w


def fit_at(y: FloatArray, v: FloatArray, t: float, a: FloatArray | None = None) -> Fitted:
    """Return the common mean of one data set at τ² = ``t``, with weights ``a`` if given."""
    k = y.size
    if t > 0:
        w = 1.0 / (v + t)
    else:
        with np.errstate(divide="ignore"):
            w = 1.0 / (v + t)
    total = float(np.add.reduce(w))
    mean = float(w.dot(y)) / total
    r = y - mean
    factor = float(r.dot(w * r)) / (k - 1) if k > 1 else float("nan")
    if a is None:
        return Fitted(y, v, w, w, t, mean, 1.0 / total, factor)
    whole = float(a.sum())
    variance = float((a * a).dot(v + t)) / whole**2
    return Fitted(y, v, w, a, t, float(a.dot(y)) / whole, variance, factor)


def q_statistic(y: FloatArray, v: FloatArray, X: FloatArray | None = None) -> float:
    """Return Cochran's Q (residual Q_E with a design): Σ(y − ŷ)²/v."""
    w = 1.0 / v
    r = Projection(w, X).residuals(y)
    return float((w * r).dot(r))
