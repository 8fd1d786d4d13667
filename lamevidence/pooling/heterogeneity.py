"""How much the studies differ: Q, I², H², and intervals for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..values import Interval
from .intervals import quantile
from .kernels import Projection

__all__ = ["Heterogeneity", "h2_test_based", "heterogeneity", "i2_from_h2", "typical_variance"]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Heterogeneity of k studies.

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


def typical_variance(v: FloatArray, X: FloatArray | None = None) -> float:
    """Return (k − p)/tr P at weights 1/v.

    Reference: Higgins & Thompson 2002, doi:10.1002/sim.1186.
    """
    p = 1 if X is None else X.shape[1]
    return float((v.size - p) / Projection(1.0 / v, X).trace())


def heterogeneity(y: FloatArray, v: FloatArray, X: FloatArray | None = None) -> Heterogeneity:
    """Return Q and what follows from it for one data set; nan where a variance is 0."""
    p = 1 if X is None else X.shape[1]
    df = v.size - p
    if df <= 0 or float(np.minimum.reduce(v)) == 0:
        return Heterogeneity(float("nan"), df, float("nan"))
    if X is None:
        w = 1.0 / v
        total = float(np.add.reduce(w))
        r = y - float(w.dot(y)) / total
        return Heterogeneity(float(r.dot(w * r)), df, df / (total - float(w.dot(w)) / total))
    projection = Projection(1.0 / v, X)
    r = projection.residuals(y)
    return Heterogeneity(float((projection.w * r).dot(r)), df, df / float(projection.trace()))


def i2_from_h2(h2: float) -> float:
    """Return I² in percent from H², not below 0."""
    if math.isinf(h2):
        return 100.0
    return max(0.0, 100.0 * (h2 - 1.0) / h2) if h2 > 0 else 0.0


def h2_test_based(q: float, df: int, level: float) -> Interval:
    """Return Higgins and Thompson's test-based interval for H²; its lower end may lie below 1.

    log max(1, H) ± z·se with se = ½(log Q − log df)/(√(2Q) − √(2df − 1)) where Q > k, and
    √(1/(2(df − 1))·(1 − 1/(3(df − 1)²))) otherwise. Reference: doi:10.1002/sim.1186, appendix A2.
    """
    k = df + 1
    if q > k:
        se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * df - 1))
    else:
        se = math.sqrt(1 / (2 * (df - 1)) * (1 - 1 / (3 * (df - 1) ** 2)))
    centre = 0.5 * math.log(max(q / df, 1.0))
    half = quantile(level) * se
    return Interval(math.exp(2 * (centre - half)), math.exp(2 * (centre + half)))
