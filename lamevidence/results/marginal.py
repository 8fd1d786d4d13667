"""Averages over studies on the natural scale: the marginal proportion or rate, beside that of the median study.

With θ ~ N(μ, τ²) on a link scale, back(μ) is the rate of the middle (median, conditional) study and E back(θ) the
average over studies (marginal, population-averaged); they differ as soon as studies do (Lin & Chu 2020,
doi:10.1097/EDE.0000000000001232).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.marginal_means import LINKS, linked_average
from ..effects.measures import MEASURES
from ..foundation.errors import NotEstimable
from ..foundation.values import Interval

if TYPE_CHECKING:
    from .contract import Result

__all__ = ["PopulationAverage", "average", "link_of", "linked", "recovered"]


class PopulationAverage:
    """A result whose mean can be said as an average over studies."""

    __slots__ = ()

    def marginal(self) -> Any:  # noqa: ANN401 a number; on posteriors a distribution
        """Return the average over studies: E{back(θ)} with θ ~ N(mu, τ²); a fraction, or a rate."""
        raise NotImplementedError

    def marginal_interval(self, level: float | None = None) -> Interval:
        """Return the interval of the average over studies."""
        raise NotImplementedError

    def _average(self) -> float:
        """Return the one number of the average over studies."""
        return float(self.marginal())


def link_of(fit: Result) -> str:
    """Return the link of a mean proportion or rate: ``identity log logit probit``.

    Raises
    ------
    NotEstimable
        The result is of something else; the message says of what.
    """
    effect = MEASURES[fit.measure]
    one_arm = effect.family in ("proportion", "rate", "hazard")
    if one_arm and effect.back_total is None and effect.scale in (*LINKS, "identity"):
        return effect.scale
    if one_arm:
        other = "PLO" if effect.family == "proportion" else "IRLN"
        raise NotEstimable(f"{effect.title} has no average over studies here · pool the same counts as {other!r}")
    raise NotEstimable(
        f"an average over studies on the natural scale is of the proportions or rates of one arm, not of {effect.title}"
        " · display() reads the mean back"
    )


def average(link: str, mu: float, tau2: float) -> float:
    """Return E back(θ), θ ~ N(mu, τ²)."""
    return mu if link == "identity" else _back(link, linked(link, mu, tau2))


def linked(link: str, mu: float, tau2: float) -> float:
    """Return link(E back(θ)); 0 and 1, and infinite rates, are −∞ and ∞."""
    if math.isinf(mu):
        return mu
    if math.isinf(tau2):
        return math.inf if link == "log" else 0.0
    tau = math.sqrt(tau2) if tau2 > 0 else 0.0
    return float(linked_average(link, np.array([mu]), np.array([tau]))[0][0]) if tau else mu


def _back(link: str, value: float) -> float:
    with np.errstate(over="ignore"):
        return float(LINKS[link](np.asarray(value)))


def recovered(link: str, mu: float, of_mu: Interval, tau2: float, of_tau2: Interval) -> Interval:
    """Return an interval for E back(θ) from those of independent μ̂ and τ̂², by recovery of variances (MOVER).

    With A(μ, τ²) = link E back(θ), each limit is A ∓ √(Δμ² + Δτ²): the distances from A to its value where one
    parameter moves to its own limit. For the log link A = μ + τ²/2, and this is the interval of a log-normal mean of
    Zou, Taleban & Huo 2009 (Comput Stat Data Anal 53:3755).
    """
    centre = linked(link, mu, tau2)
    ends = []
    by_spread = [linked(link, mu, t) - centre for t in of_tau2]
    for sign, end in ((-1.0, of_mu.low), (1.0, of_mu.high)):
        by_mean = sign * (linked(link, end, tau2) - centre)
        by_tau = max(0.0, *(sign * move for move in by_spread))
        ends.append(centre + sign * math.hypot(by_mean, by_tau))
    return Interval(_back(link, ends[0]), _back(link, ends[1]))
