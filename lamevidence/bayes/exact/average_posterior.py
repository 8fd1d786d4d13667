"""Posterior of the average over studies E{back(θ) | μ, τ}, exactly from the nodes over τ and the law of μ at each.

The average rises with μ at every τ, so that P(average ≤ a) = Σⱼ wⱼ P(μ ≤ m(a, τⱼ) | τⱼ) with m its inverse; quantiles
are found on the link scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...effects.marginal_means import LINKS, centre_of_average, linked_average
from ...effects.measures.base import FloatArray
from ...foundation.values import Interval
from .distributions import Distribution
from .inversion import invert

__all__ = ["NO_MEAN", "AveragePosterior", "average_of_nodes"]

RowLaw = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""μ (J, n) → distribution function and density of μ given each τ, times the weight of that τ, (J, n)."""

NO_MEAN = (
    "the mean of a marginal rate, E exp(μ + τ²/2), exists only under priors of τ with hardly any tail; "
    "its median and quantiles always do"
)


@dataclass(frozen=True, slots=True, eq=False)
class AveragePosterior(Distribution):
    """Posterior of a marginal proportion or rate.

    Attributes
    ----------
    link
        ``log``, ``logit`` or ``probit``.
    tau
        Nodes of τ, (J,).
    rows
        The law of μ at each.
    reach
        Where the average lies on the link scale: lowest, middle, highest.
    moments
        Mean and standard deviation; NaN for rates.
    """

    link: str
    tau: FloatArray
    rows: RowLaw
    reach: tuple[float, float, float]
    moments: tuple[float, float]
    unit: str | None = None

    @property
    def support(self) -> Interval:
        """Proportions lie between 0 and 1, rates above 0."""
        return Interval(0.0, np.inf if self.link == "log" else 1.0)

    @property
    def mean(self) -> float:
        """Mean of a proportion; NaN for a rate."""
        return self.moments[0]

    @property
    def sd(self) -> float:
        """Standard deviation of a proportion; NaN for a rate."""
        return self.moments[1]

    @property
    def moment_note(self) -> str:
        """Why a rate has neither."""
        return NO_MEAN if self.link == "log" else ""

    def _linked(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density of the average on the link scale, at (n,)."""
        mu, rise = centre_of_average(self.link, y[None, :], self.tau[:, None])
        below, density = self.rows(mu)
        return np.clip(below.sum(axis=0), 0.0, 1.0), np.asarray((density * rise).sum(axis=0))

    def _at(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the link of places inside the support, and its slope."""
        if self.link == "log":
            return np.log(x), 1 / x
        if self.link == "logit":
            return np.log(x) - np.log1p(-x), 1 / (x * (1 - x))
        from scipy import special

        y = special.ndtri(x)
        return y, np.sqrt(2 * np.pi) * np.exp(y * y / 2)

    def _law(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        flat = np.atleast_1d(x).ravel()
        low, high = self.support
        inside = (flat > low) & (flat < high)
        below, density = np.where(flat >= high, 1.0, 0.0), np.zeros(flat.size)
        if inside.any():
            y, slope = self._at(flat[inside])
            below[inside], density[inside] = self._linked(y)
            density[inside] *= slope
        return below.reshape(np.shape(x)), density.reshape(np.shape(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return self._law(x)[1]

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._law(x)[0]

    def _quantile(self, p: FloatArray) -> FloatArray:
        low, middle, high = (np.full(p.size, end) for end in self.reach)
        y = invert(self._linked, p.ravel(), low, high, middle, 1.0)
        return np.asarray(LINKS[self.link](y)).reshape(p.shape)


def average_of_nodes(
    link: str, tau: FloatArray, mu: FloatArray, weight: FloatArray, rows: RowLaw, unit: str | None
) -> AveragePosterior:
    """Return the posterior of the average from nodes of μ (J, M) with their weights (J, M) at each τ (J,)."""
    held = weight > 1e-17 * weight.max()
    linked = linked_average(link, mu, tau[:, None])[0]
    middle = float((weight * np.where(held, linked, 0.0)).sum() / weight.sum())
    low, high = float(linked[held].min()), float(linked[held].max())
    room = 0.5 * (high - low) + 1.0
    moments = (float("nan"), float("nan"))
    if link != "log":
        value = LINKS[link](linked)
        mean = float((weight * value).sum() / weight.sum())
        moments = (mean, float(np.sqrt((weight * (value - mean) ** 2).sum() / weight.sum())))
    return AveragePosterior(link, tau, rows, (low - room, middle, high + room), moments, unit)
