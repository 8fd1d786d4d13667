"""Likelihoods of a log rate θ: independent events, and events that cluster in patients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...effects.measures.hazard import events_slopes, events_value
from .study_likelihood import LogConcaveLikelihood

__all__ = ["ClusteredEvents", "Poisson"]


@dataclass(frozen=True, eq=False)
class Poisson(LogConcaveLikelihood):
    """r events with log mean θ + log exposure."""

    r: float
    exposure: float

    below = property(lambda self: self.r > 0)  # type: ignore[assignment]
    above = True

    @property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Log rate with half an event added, for placing nodes only."""
        return float(np.log((self.r + 0.5) / self.exposure)), 1 / (self.r + 0.5)

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Poisson events."""
        return np.asarray(rng.poisson(np.exp(np.minimum(theta + np.log(self.exposure), 40.0))), dtype=np.float64)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the events at r − 1 and at r."""
        here = np.exp(self.value(theta))
        if self.r == 0:
            return np.zeros(theta.shape), here
        below = np.asarray(special.gammaincc(self.r, np.exp(np.minimum(theta + np.log(self.exposure), 700.0))))
        return below, below + here

    def value(self, theta: FloatArray) -> FloatArray:
        """r x − eˣ − log r!."""
        x = np.asarray(theta + np.log(self.exposure))
        rate = np.minimum(x, 700.0)
        np.exp(rate, out=rate)
        x *= self.r
        x -= rate
        x -= special.gammaln(self.r + 1)
        return x

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """r − λ and −λ."""
        rate = np.exp(np.minimum(theta + np.log(self.exposure), 700.0))
        return self.r - rate, -rate


@dataclass(frozen=True, eq=False)
class ClusteredEvents(LogConcaveLikelihood):
    """x events of patients with gamma frailty in person-time T: negative binomial with mean T e^θ and shape s = n/φ."""

    x: float
    person_time: float
    shape: float

    below = property(lambda self: self.x > 0)  # type: ignore[assignment]
    above = True

    @property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Log rate with half an event added, for placing nodes only."""
        x = self.x + 0.5
        return float(np.log(x / self.person_time)), 1 / x + 1 / self.shape

    @cached_property
    def _const(self) -> float:
        x, s = self.x, self.shape
        if x == 0:
            return 0.0
        return float(-special.betaln(s, x) - np.log(x) - x * np.log(s))

    def _eta(self, theta: FloatArray) -> FloatArray:
        return np.asarray(theta + np.log(self.person_time))

    def _stay(self, theta: FloatArray) -> FloatArray:
        """s/(s + mean)."""
        return np.asarray(special.expit(np.log(self.shape) - self._eta(theta)))

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Negative binomial events."""
        stay = np.maximum(self._stay(theta), 1e-15)
        return np.asarray(rng.negative_binomial(self.shape, stay), dtype=np.float64)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the events at x − 1 and at x."""
        here = np.exp(self.value(theta))
        if self.x == 0:
            return np.zeros(theta.shape), here
        below = np.asarray(special.betainc(self.shape, self.x, self._stay(theta)))
        return below, below + here

    def value(self, theta: FloatArray) -> FloatArray:
        """Log probability of the events."""
        return np.asarray(self._const + events_value(self._eta(theta), self.x, self.shape))

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative."""
        first, second, _ = events_slopes(self._eta(theta), self.x, self.shape)
        return first, second
