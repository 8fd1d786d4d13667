"""The marginal likelihood of estimates with t-distributed random effects.

A t effect with ν degrees of freedom and scale τ is normal with variance τ²/λ, λ ~ Gamma(ν/2, rate ν/2), so that
p(y) = ∫ N(y; μ, v + τ²e^{−w}) g(w) dw over w = log λ. The integrand is analytic in a strip of half-width π around the
real line: the trapezoid rule converges geometrically, and halving the step shows its error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import QuadratureError

__all__ = ["Mixture", "TLikelihood", "mixture"]

PRECISE = 1e-12
TAIL = 42.0
"""Nodes end where the integrand has fallen by e⁻⁴²."""

SMALLEST_TAU2 = 1e-4
"""On the scale where the estimates have spread 1: the smallest τ² at which the nodes still reach every outlier."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Nodes 1/λ and log weights of the scale mixture."""

    inverse: FloatArray
    log_weight: FloatArray


def mixture(df: float, step: float, farthest: float = 1.0) -> Mixture:
    """Return the trapezoid nodes of the scale mixture behind a t distribution; one node for df = inf.

    ``farthest`` is the largest squared distance of an estimate from a mean in units of the smallest τ² that matters: an
    outlier at that distance is explained by λ ≈ (ν + 1) / farthest, and the nodes reach beyond it.
    """
    if math.isinf(df):
        return Mixture(np.ones(1), np.zeros(1))
    half = df / 2
    low = min(0.0, math.log((df + 1) / max(farthest, 1.0))) - TAIL / (half + 0.5) - math.sqrt(2 * TAIL / half)
    high = math.log(1 + TAIL / half) + 1.0
    w = np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step
    log_density = half * math.log(half) - special.gammaln(half) + half * (w - np.exp(w))
    return Mixture(np.exp(-w), log_density + math.log(step))


@dataclass(frozen=True, slots=True, eq=False)
class TLikelihood:
    """Estimates and variances on the scale where their typical spread is 1, with ν degrees of freedom."""

    y: FloatArray
    v: FloatArray
    df: float
    nodes: Mixture

    @classmethod
    def of(cls, y: FloatArray, v: FloatArray, df: float) -> TLikelihood:
        """Return the likelihood with a step small enough at several points of the parameter space.

        Raises
        ------
        QuadratureError
            No step down to 1/64 is small enough.
        """
        step, farthest = 0.5, float(np.ptp(y)) ** 2 / SMALLEST_TAU2
        coarse = cls(y, v, df, mixture(df, step, farthest))
        if math.isinf(df):
            return coarse
        while step > 1 / 64:
            step /= 2
            fine = cls(y, v, df, mixture(df, step, farthest))
            error = max(
                float(np.abs(fine.pieces(m, t)[0] - coarse.pieces(m, t)[0]).max())
                for m in (float(y.min()), float(np.median(y)), float(y.max()))
                for t in (0.001, 0.1, 3.0)
            )
            if error < PRECISE:
                return fine
            coarse = fine
        raise QuadratureError(f"integration over the random effects missed its bound ({error:.1e} > {PRECISE:.0e})")

    def pieces(self, mu: float, tau2: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log p(y_i) without −½ log 2π, the posterior weights of the nodes (k, n), and variances (k, n)."""
        r2 = (self.y - mu) ** 2
        total = self.v[:, None] + tau2 * self.nodes.inverse[None, :]
        log_terms = self.nodes.log_weight - 0.5 * (np.log(total) + r2[:, None] / total)
        top = log_terms.max(axis=1, keepdims=True)
        terms = np.exp(log_terms - top)
        sums = terms.sum(axis=1, keepdims=True)
        return (top + np.log(sums))[:, 0], terms / sums, total

    def objective(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return −log-likelihood without its constant and its gradient in (μ, τ²)."""
        mu, tau2 = float(theta[0]), float(theta[1])
        values, posterior, total = self.pieces(mu, tau2)
        r = (self.y - mu)[:, None]
        slope_mu = float((posterior * r / total).sum())
        slope_tau2 = 0.5 * float((posterior * self.nodes.inverse * (r**2 / total - 1.0) / total).sum())
        return -float(values.sum()), -np.array([slope_mu, slope_tau2])

    def precisions(self, mu: float, tau2: float) -> FloatArray:
        """Return the expected precision E{1/(v + τ²/λ) | y} of each estimate, (k,)."""
        _, posterior, total = self.pieces(mu, tau2)
        return np.asarray((posterior / total).sum(axis=1))

    def scales(self, mu: float, tau2: float) -> FloatArray:
        """Return E(λ | y), (k,): 1 is an ordinary study, near 0 an outlier."""
        _, posterior, _ = self.pieces(mu, tau2)
        return np.asarray((posterior / self.nodes.inverse).sum(axis=1))
