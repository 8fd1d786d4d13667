"""Likelihoods of a log hazard θ: patients with an event in a time, or events in person-time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...effects.measures.hazard import (
    hazard_columns,
    hazard_from_risk,
    log_survival,
    risk_slopes,
    risk_value,
)
from .rates import ClusteredEvents, Poisson
from .study_likelihood import LogConcaveLikelihood, StudyLikelihood

__all__ = ["hazard_likelihoods"]


@dataclass(frozen=True, eq=False)
class RiskInTime(LogConcaveLikelihood):
    """r of n patients with an event in time t: Bin(n, 1 − S(t e^θ)), with gamma frailty of variance φ between patients.

    Both log(1 − S) and log S are concave in θ, as distribution functions of log-concave densities are.
    """

    r: float
    n: float
    time: float
    frailty: float = 0.0

    @cached_property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Log hazard with half a patient added, for placing nodes only."""
        n, p = self.n + 1.0, (self.r + 0.5) / (self.n + 1.0)
        m = float(hazard_from_risk(np.asarray(p), np.asarray(self.frailty)))
        return float(np.log(m / self.time)), p * (1 - p) ** (-2 * self.frailty - 1) / (n * m * m)

    @property
    def below(self) -> bool:  # type: ignore[override]
        """Bounds θ from below."""
        return self.r > 0

    @property
    def above(self) -> bool:  # type: ignore[override]
        """Bounds θ from above."""
        return self.r < self.n

    @cached_property
    def _shift(self) -> float:
        return float(np.log(self.time))

    @cached_property
    def _const(self) -> float:
        return float(special.gammaln(self.n + 1) - special.gammaln(self.r + 1) - special.gammaln(self.n - self.r + 1))

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Patients with an event."""
        risk = -np.expm1(log_survival(theta + self._shift, self.frailty))
        return np.asarray(rng.binomial(int(self.n), risk), dtype=np.float64)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the patients at r − 1 and at r."""
        here = np.exp(self.value(theta))
        if self.r == 0:
            return np.zeros(theta.shape), here
        free = np.exp(log_survival(theta + self._shift, self.frailty))
        below = np.asarray(special.betainc(self.n - self.r + 1, self.r, free))
        return below, below + here

    def value(self, theta: FloatArray) -> FloatArray:
        """log C(n, r) + r log(1 − S) + (n − r) log S."""
        return np.asarray(self._const + risk_value(theta + self._shift, self.r, self.n, self.frailty))

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative."""
        first, second, _ = risk_slopes(theta + self._shift, self.r, self.n, self.frailty, third=False)
        return first, second


def hazard_likelihoods(counts: Mapping[str, FloatArray]) -> list[StudyLikelihood]:
    """Return the likelihood of each row as a function of its true log hazard."""
    c = hazard_columns(counts)
    rows: list[StudyLikelihood] = []
    for i in range(c["total"].size):
        r, n, time, x, person_time, frailty = (
            float(c[name][i]) for name in ("patients", "total", "time", "events", "person_time", "frailty")
        )
        if not np.isnan(r):
            rows.append(RiskInTime(r, n, time, frailty))
        elif frailty > 0:
            rows.append(ClusteredEvents(x, person_time, n / frailty))
        else:
            rows.append(Poisson(x, person_time))
    return rows
