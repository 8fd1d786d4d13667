"""One data set: its mean at a given τ², and how much its studies differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...results.heterogeneity import typical_variance
from .kernels import Projection

__all__ = ["Dispersion", "Fitted", "dispersion_of", "fit_at"]


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


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Cochran's Q of k studies and what follows from it: the data alone, before any model.

    Attributes
    ----------
    q, q_df, q_p
        Cochran's Q (residual with moderators), its degrees of freedom and p value.
    i2_q, h2_q
        From Q: I² = (Q − df)/Q in percent, not below 0; H² = Q/df.
    typical
        The typical sampling variance (k − p)/tr P of Higgins and Thompson.
    """

    q: float
    q_df: int
    typical: float

    @property
    def q_p(self) -> float:
        """P value of Q."""
        return float(special.chdtrc(self.q_df, self.q)) if self.q_df > 0 else float("nan")

    @property
    def h2_q(self) -> float:
        """H² from Q."""
        return self.q / self.q_df if self.q_df > 0 else float("nan")

    @property
    def i2_q(self) -> float:
        """I² from Q, in percent."""
        return max(0.0, 100.0 * (self.q - self.q_df) / self.q) if self.q > 0 else 0.0

    def i2(self, tau2: float) -> float:
        """Return I² from τ², in percent: τ²/(τ² + typical variance)."""
        return 100.0 if math.isinf(tau2) else 100.0 * tau2 / (tau2 + self.typical)

    def h2(self, tau2: float) -> float:
        """Return H² from τ²: 1 + τ²/typical variance."""
        return 1.0 + tau2 / self.typical


def dispersion_of(y: FloatArray, v: FloatArray, X: FloatArray | None = None) -> Dispersion:
    """Return Q and what follows from it for one data set; nan where a variance is 0, Q = 0 where no df is left."""
    p = 1 if X is None else X.shape[1]
    df = v.size - p
    if float(np.minimum.reduce(v)) == 0:
        return Dispersion(math.nan, df, math.nan)
    if df == 0:
        return Dispersion(0.0, 0, math.nan)
    if X is None:
        w = 1.0 / v
        r = y - float(w.dot(y)) / float(np.add.reduce(w))
        return Dispersion(float(r.dot(w * r)), df, typical_variance(v))
    projection = Projection(1.0 / v, X)
    r = projection.residuals(y)
    return Dispersion(float((projection.w * r).dot(r)), df, typical_variance(v, X))
