"""One-stage model of log hazards: patients with an event in a time, or events in person-time, in one likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ...effects.measures.base import FloatArray
from ...effects.measures.cells import BoolArray
from ...effects.measures.hazard import (
    events_slopes,
    events_value,
    hazard_columns,
    hazard_from_risk,
    log_survival,
    risk_slopes,
    risk_value,
)
from ...foundation.values import Interval
from ...results.hazards import hazard_intervals

__all__ = ["Hazard", "HazardBounds", "HazardRows"]

Three = tuple[FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class HazardRows:
    """Rows of either kind.

    Attributes
    ----------
    x
        Patients with an event, or events, (k,).
    risk
        Whether the row is patients in a time, (k,).
    total
        Patients, 1 where they are not known, (k,).
    time
        Time of the patients, or person-time, (k,).
    frailty
        Variance of hazards between patients, (k,).
    """

    x: FloatArray
    risk: BoolArray
    total: FloatArray
    time: FloatArray
    frailty: FloatArray

    @classmethod
    def of(cls, counts: Mapping[str, FloatArray]) -> HazardRows:
        """Return the rows of the counts of a table."""
        c = hazard_columns(counts)
        risk = ~np.isnan(c["patients"])
        return cls(
            np.where(risk, c["patients"], c["events"]),
            risk,
            np.where(np.isnan(c["total"]), 1.0, c["total"]),
            np.where(risk, c["time"], c["person_time"]),
            c["frailty"],
        )

    def rows(self, keep: BoolArray) -> HazardRows:
        """Return the rows at the positions (or mask) ``keep``."""
        return HazardRows(self.x[keep], self.risk[keep], self.total[keep], self.time[keep], self.frailty[keep])

    @property
    def shape(self) -> FloatArray:
        """Shape of the negative binomial law of events, infinite without frailty, (k,)."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.total / self.frailty)

    @property
    def full(self) -> BoolArray:
        """Where every patient had an event, (k,)."""
        return np.asarray(self.risk & (self.x == self.total))

    @property
    def constant(self) -> FloatArray:
        """What the log-likelihood of each row adds that no parameter touches, (k,)."""
        x, n, s = self.x, self.total, self.shape
        chosen = special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(np.maximum(n - x, 0.0) + 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.where(x > 0, -special.betaln(s, x) - np.log(x) - x * np.log(s), 0.0)
        return np.asarray(np.where(self.risk, chosen, np.where(np.isinf(s), -special.gammaln(x + 1), spread)))

    def own(self) -> tuple[FloatArray, FloatArray]:
        """Return log hazard and variance of each row with half an event added, (k,): where a search starts, and I²."""
        n, x = self.total + 1.0, self.x + 0.5
        p = np.where(self.risk, x / n, 0.5)
        m = hazard_from_risk(p, self.frailty)
        of_risk = p * (1 - p) ** (-2 * self.frailty - 1) / (n * m**2)
        yi = np.where(self.risk, np.log(m), np.log(x)) - np.log(self.time)
        return yi, np.where(self.risk, of_risk, 1 / x + 1 / self.shape)


@dataclass(frozen=True, slots=True)
class Hazard:
    """A(η) = xη − log-likelihood of each row, η = log of hazard times time; it depends on the data, as η is no natural
    parameter of a risk.
    """

    rows: HazardRows

    def _of(self, eta: FloatArray) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        of = self.rows
        return of.risk[:, None] & np.ones_like(eta, dtype=bool), tuple(
            part[:, None] for part in (of.x, of.total, of.frailty, of.shape)
        )

    def _value(self, eta: FloatArray) -> FloatArray:
        risk, (x, n, frailty, shape) = self._of(eta)
        most = np.where(risk, n, np.maximum(n, x))  # what is not used still has to be a number
        return np.asarray(x * eta - np.where(risk, risk_value(eta, x, most, frailty), events_value(eta, x, shape)))

    def _slopes(self, eta: FloatArray) -> Three:
        risk, (x, n, frailty, shape) = self._of(eta)
        most = np.where(risk, n, np.maximum(n, x))
        pairs = zip(risk_slopes(eta, x, most, frailty), events_slopes(eta, x, shape), strict=True)
        first, second, third = (np.where(risk, a, b) for a, b in pairs)
        return np.asarray(x - first), np.asarray(-second), np.asarray(-third)

    def lower(self, eta: FloatArray) -> Three:
        """Return A, A', A''."""
        first, second, _ = self._slopes(eta)
        return self._value(eta), first, second

    def upper(self, eta: FloatArray) -> Three:
        """Return A', A'', A'''."""
        return self._slopes(eta)


@dataclass(frozen=True, slots=True)
class HazardBounds:
    """The exact interval of one row, or of rows that are all without events, or all with nothing but events.

    All rows at one end have that end's probability as a function of the hazard alone: the bound is where it is half of
    what the level leaves out (Clopper & Pearson's argument).
    """

    counts: Mapping[str, FloatArray]

    def __call__(self, level: float) -> Interval:
        """Return the interval of the log hazard at ``level``."""
        rows = HazardRows.of(self.counts)
        if rows.x.size == 1:
            low, high = hazard_intervals(self.counts, level)
            with np.errstate(divide="ignore"):
                return Interval(float(np.log(low[0])), float(np.log(high[0])))
        wanted = math.log((1 - level) / 2)
        none = bool((rows.x == 0).all())

        def excess(mu: float) -> float:
            free = log_survival(mu + np.log(rows.time), rows.frailty)
            if none:
                spread = np.where(
                    rows.risk, rows.total * free, events_value(mu + np.log(rows.time), rows.x, rows.shape)
                )
                return float(spread.sum()) - wanted
            return float((rows.total * np.log(-np.expm1(free))).sum()) - wanted

        centre = float(-np.log(rows.time).mean())
        end = float(optimize.brentq(excess, centre - 60.0, centre + 60.0, xtol=1e-12, rtol=1e-14))
        return Interval(-math.inf, end) if none else Interval(end, math.inf)
