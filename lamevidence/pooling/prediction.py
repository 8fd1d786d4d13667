"""Prediction intervals: where the true effect of a new, similar study is expected.

One function a method, from a `Fitted` data set and the `Inference` chosen for its mean to a `Predictive`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from ..catalog import Catalog
from ..errors import TooFewStudies
from ..values import Interval
from .fitted import Fitted
from .intervals import Inference, kenward_roger, quantile

__all__ = ["PREDICTIONS", "PredictionMethod", "Predictive", "refuse_few"]


@dataclass(frozen=True, slots=True)
class Predictive:
    """Distribution of the true effect in a new study, on the fit's own scale: mean + se × t(df) (or normal).

    ``draws`` replaces that where the method gives a sample instead.
    """

    mean: float
    se: float
    df: float
    draws: tuple[float, ...] = ()

    def interval(self, level: float) -> Interval:
        """Return the central interval."""
        if self.draws:
            low, high = np.quantile(self.draws, [0.5 - level / 2, 0.5 + level / 2])
            return Interval(float(low), float(high))
        half = quantile(level, self.df) * self.se
        return Interval(self.mean - half, self.mean + half)

    def below(self, x: float) -> float:
        """Return P(new effect < x)."""
        if self.draws:
            return float(np.mean(np.asarray(self.draws) < x))
        if self.se == 0:
            return float(x > self.mean)
        z = (x - self.mean) / self.se
        return float(special.ndtr(z) if np.isinf(self.df) else special.stdtr(self.df, z))


PredictionMethod: TypeAlias = Callable[[Fitted, Inference], Predictive]

PREDICTIONS: Catalog[PredictionMethod] = Catalog("prediction interval")


def refuse_few(fit: Fitted, needed: int, name: str) -> None:
    """Raise `TooFewStudies` when a method needs more studies than there are."""
    if fit.k < needed:
        raise TooFewStudies(f"prediction={name!r}", fit.k, needed, "use prediction='none' or the Bayesian model")


def _spread(fit: Fitted, variance: float, df: float, needed: int, name: str) -> Predictive:
    refuse_few(fit, needed, name)
    return Predictive(fit.mean, (fit.t + variance) ** 0.5, df)


@PREDICTIONS.register("normal", title="normal quantile", reference="10.1111/j.1467-985X.2008.00552.x")
def normal(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± z·√(τ² + se²), with the standard error of the interval method."""
    return _spread(fit, inference.se**2, np.inf, 2, "normal")


@PREDICTIONS.register("simple", title="normal quantile, mean taken as known", reference="10.1136/bmj.d549")
def simple(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± z·τ, which leaves out that the mean is an estimate."""
    return _spread(fit, 0.0, np.inf, 2, "simple")


@PREDICTIONS.register("t", title="t quantile with k − 1 df", reference="10.1111/j.1467-985X.2008.00552.x")
def student(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 1)·√(τ² + se²), with the standard error of the interval method."""
    return _spread(fit, inference.se**2, fit.k - 1, 2, "t")


@PREDICTIONS.register("riley", title="t quantile with k − 2 df", reference="10.1136/bmj.d549")
def riley(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(max(1, k − 2))·√(τ² + se²), with the standard error of the interval method."""
    return _spread(fit, inference.se**2, max(1, fit.k - 2), 2, "riley")


@PREDICTIONS.register("HTS", title="Higgins-Thompson-Spiegelhalter", reference="10.1111/j.1467-985X.2008.00552.x")
def higgins_thompson_spiegelhalter(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 2)·√(τ² + se²) with the Wald standard error."""
    return _spread(fit, fit.variance, fit.k - 2, 3, "HTS")


def _knapp_variance(fit: Fitted, inference: Inference) -> float:
    """Return the HKSJ variance, never below that of the interval chosen (which may be the floored one)."""
    plain = fit.variance * fit.factor
    floored = fit.variance * max(1.0, fit.factor)
    return floored if inference.se**2 > plain * (1 + 1e-12) else plain


@PREDICTIONS.register("HK", title="Hartung-Knapp, k − 1 df", reference="10.1002/sim.7140")
def hartung_knapp(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 1)·√(τ² + se²_HKSJ); the floored variance where the interval is floored."""
    return _spread(fit, _knapp_variance(fit, inference), fit.k - 1, 2, "HK")


@PREDICTIONS.register("HK-PR", title="Hartung-Knapp, k − 2 df", reference="10.1002/sim.7140")
def hartung_knapp_partlett_riley(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 2)·√(τ² + se²_HKSJ); the floored variance where the interval is floored."""
    return _spread(fit, _knapp_variance(fit, inference), fit.k - 2, 3, "HK-PR")


@PREDICTIONS.register("KR", title="Kenward-Roger", reference="10.1002/sim.7140")
def kenward_roger_prediction(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(df)·√(τ² + se²_KR) with Kenward and Roger's standard error and df."""
    se, df = kenward_roger(fit)
    return _spread(fit, se**2, df, 2, "KR")


@PREDICTIONS.register("KR-PR", title="Kenward-Roger, df − 1", reference="10.1002/sim.7140")
def kenward_roger_partlett_riley(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(df − 1)·√(τ² + se²_KR)."""
    se, df = kenward_roger(fit)
    return _spread(fit, se**2, df - 1, 3, "KR-PR")
