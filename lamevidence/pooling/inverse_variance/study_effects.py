"""Best linear unbiased predictions: what each study's true effect is likely to be, given all the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.values import Interval
from ..kernel.distributions import below, quantile

__all__ = ["StudyEffects", "study_effects"]


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects:
    """Predictions of the true effects of the studies that count, on the analysis scale, (n,) each.

    Attributes
    ----------
    effect, effect_se
        Predicted true effects and their standard errors.
    deviation, deviation_se
        Predicted deviations from the model (the random effects) and their standard errors.
    shrinkage
        λᵢ = τ²/(τ² + vᵢ): the share of its distance from the model that a study keeps.
    df
        Degrees of freedom of the intervals, those of the mean.
    """

    effect: FloatArray
    effect_se: FloatArray
    deviation: FloatArray
    deviation_se: FloatArray
    shrinkage: FloatArray
    df: float

    def bounds(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds of the true effects, (n,) each."""
        half = quantile(level, self.df) * self.effect_se
        return self.effect - half, self.effect + half

    def deviation_bounds(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper bounds of the deviations, (n,) each."""
        half = quantile(level, self.df) * self.deviation_se
        return self.deviation - half, self.deviation + half

    def interval(self, i: int, level: float) -> Interval:
        """Return the interval of one true effect."""
        low, high = self.bounds(level)
        return Interval(float(low[i]), float(high[i]))

    def below(self, i: int, x: float) -> float:
        """Return the probability that one true effect lies below ``x``."""
        if self.effect_se[i] == 0:
            return float(x > self.effect[i])
        return below((x - float(self.effect[i])) / float(self.effect_se[i]), self.df)


def study_effects(
    y: FloatArray, v: FloatArray, tau2: float | FloatArray, mean: FloatArray, mean_variance: FloatArray, df: float
) -> StudyEffects:
    """Return the best linear unbiased predictions of the true effects.

    With λᵢ = τ²/(τ² + vᵢ), the prediction is λᵢyᵢ + (1 − λᵢ)xᵢ'β and its variance λᵢvᵢ + (1 − λᵢ)² Var(xᵢ'β); the
    deviation is λᵢ(yᵢ − xᵢ'β) with variance λᵢvᵢ + λᵢ² Var(xᵢ'β). τ² is taken as known.

    Parameters
    ----------
    y, v
        Estimates and variances, (n,).
    tau2
        Between-study variance; one a study in location-scale models.
    mean, mean_variance
        Fitted means xᵢ'β and their variances, (n,).
    df
        Degrees of freedom of the intervals; inf for the normal distribution.

    References
    ----------
    Raudenbush & Bryk 1985, doi:10.3102/10769986010002075.
    """
    share = tau2 / (tau2 + v)
    r = y - mean
    return StudyEffects(
        share * y + (1 - share) * mean,
        np.sqrt(share * v + (1 - share) ** 2 * mean_variance),
        share * r,
        np.sqrt(share * v + share**2 * mean_variance),
        share,
        df,
    )
