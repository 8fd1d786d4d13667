"""Posteriors of many data sets as nodes over τ, and what every likelihood needs to place them.

One fixed rule for all data sets, not refined: its error is estimated from the half of its nodes that a step twice as
long would use, and reported for each data set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError
from ...foundation.options import shown
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior

__all__ = ["BatchPosterior", "given_tau", "halving_error", "joined", "place_nodes"]

Batch = TypeVar("Batch", bound="BatchPosterior")


@dataclass(frozen=True, slots=True, eq=False)
class BatchPosterior(ABC):
    """Posteriors of D data sets: nodes over τ with their weights, (D, J).

    Attributes
    ----------
    tau, weight
        Nodes and weights of the posterior of τ, (D, J).
    t, step
        Nodes in the variable of the trapezoidal rule, (J,), and their distance.
    centre, width
        log τ = centre + width · sinh t, (D,).
    log_marginal
        (D,).
    numerical_error
        Estimated error of log marginal likelihood, mean of μ in its sd, and mean of log(1 + τ), the largest, (D,).
    """

    shared: ClassVar[tuple[str, ...]] = ("t", "step")

    tau: FloatArray
    weight: FloatArray
    t: FloatArray
    step: float
    centre: FloatArray
    width: FloatArray
    log_marginal: FloatArray
    numerical_error: FloatArray

    def _places(self, x: ArrayLike) -> FloatArray:
        """One place a data set, (D,), or raise `InputError`."""
        sets = self.centre.size
        at = floats(x, "x", f"give one number a data set, ({sets},)")
        if at.shape != (sets,) or np.isnan(at).any():
            raise InputError(f"x={shown(x)} · give one number for each of the {sets} data sets, none of them missing")
        return at

    def tau_cdf(self, x: ArrayLike) -> FloatArray:
        """P(τ ≤ x) for one x a data set, (D,)."""
        at = self._places(x)
        with np.errstate(divide="ignore"):
            place = np.arcsinh((np.log(np.maximum(at, 0.0)) - self.centre) / self.width)
        si = special.sici(np.pi / self.step * (place[:, None] - self.t))[0]
        return np.asarray(np.clip(0.5 + (si * self.weight).sum(1) / np.pi, 0.0, 1.0))

    @property
    def tau_mean(self) -> FloatArray:
        """Posterior mean of τ, (D,)."""
        return np.asarray((self.weight * self.tau).sum(1))

    @abstractmethod
    def mu_cdf(self, x: ArrayLike) -> FloatArray:
        """P(μ ≤ x) for one x a data set, (D,)."""

    @abstractmethod
    def new_cdf(self, x: ArrayLike) -> FloatArray:
        """P(θ_new ≤ x) for one x a data set, (D,)."""

    @property
    @abstractmethod
    def mu_mean(self) -> FloatArray:
        """Posterior mean of μ, (D,)."""

    @property
    @abstractmethod
    def mu_sd(self) -> FloatArray:
        """Posterior standard deviation of μ, (D,)."""


def joined(parts: list[Batch]) -> Batch:
    """One batch from its chunks, which share their nodes in t."""
    first = parts[0]

    def whole(name: str) -> Any:
        value = getattr(first, name)
        return value if name in first.shared else np.concatenate([getattr(part, name) for part in parts])

    return type(first)(**{field.name: whole(field.name) for field in fields(first)})


def given_tau(
    y: FloatArray, v: FloatArray, mu: EffectPrior, tau: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log g, conditional mean and sd of μ for τ (D, m), all of a normal likelihood."""
    precision, b0 = (1.0 / mu.sd**2, mu.mean) if mu.proper else (0.0, 0.0)
    total = v[:, None, :] + tau[..., None] ** 2
    w = 1.0 / total
    P = w.sum(-1) + precision
    loc = ((w * y[:, None, :]).sum(-1) + precision * b0) / P
    square = (w * (y[:, None, :] - loc[..., None]) ** 2).sum(-1) + precision * (loc - b0) ** 2
    const = (y.shape[1] - (not mu.proper)) * np.log(2 * np.pi) - (np.log(precision) if mu.proper else 0.0)
    return -0.5 * (const + np.log(total).sum(-1) + square + np.log(P)), loc, 1.0 / np.sqrt(P)


def place_nodes(y: FloatArray, v: FloatArray, mu: EffectPrior, tau: TauPrior) -> tuple[FloatArray, FloatArray]:
    """Mode and curvature width of the posterior of log τ under a normal likelihood, (D,)."""
    spread = np.maximum(np.ptp(y, axis=1), np.sqrt(v.min(axis=1)))
    low = np.log(np.minimum(np.sqrt(v.min(axis=1)), tau.typical)) - 3.0
    high = np.log(np.maximum(np.maximum(np.sqrt(v.max(axis=1)), spread), tau.typical)) + 3.0

    def height(u: FloatArray) -> FloatArray:
        at = np.exp(u)
        return given_tau(y, v, mu, at)[0] + tau.logpdf(at) + u

    u = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 25)
    gap = (high - low) / 24
    every = np.arange(y.shape[0])
    centre = u[every, np.argmax(height(u), axis=1)]
    for _ in range(2):
        u = centre[:, None] + gap[:, None] * np.linspace(-1, 1, 9)
        centre, gap = u[every, np.argmax(height(u), axis=1)], gap / 4
    q = height(centre[:, None] + 0.05 * np.array([-1.0, 0.0, 1.0]))
    bend = -(q[:, 0] - 2 * q[:, 1] + q[:, 2]) / 0.05**2
    return centre, np.where(bend > 0, np.minimum(1 / np.sqrt(np.maximum(bend, 1e-12)), 1.5), 1.5)


def halving_error(*gaps: FloatArray) -> FloatArray:
    """Error of the finer rule from its distance to the coarser: halving squares it, a power of 1.5 is assumed."""
    gap = np.max(np.abs(gaps), axis=0)
    return np.asarray(np.where(gap < 1.0, gap**1.5, gap))
