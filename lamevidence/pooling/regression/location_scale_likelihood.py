"""The (restricted) likelihood of a model whose between-study variance depends on moderators."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import ConvergenceError
from ..multilevel.blocks import Moments, moments
from ..multilevel.optimise import minimise

__all__ = ["ScaleLikelihood"]

EDGE = 1e-9
"""A fitted τ² below this share of the spread lies on the edge of the identity link."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaleLikelihood:
    """Scaled data with orthonormal bases of the location and the scale design.

    τ_i² = exp(z_i'γ − 2 log unit) with the log link, z_i'γ ≥ 0 with the identity link; γ in the basis of Z.
    """

    basis: FloatArray
    Z: FloatArray
    y: FloatArray
    v: FloatArray
    unit: float
    restricted: bool
    log_link: bool

    def variances(self, gamma: FloatArray) -> FloatArray:
        """Return τ_i² on the scaled units, (k,)."""
        linear = self.Z @ gamma
        if self.log_link:
            return np.asarray(np.exp(np.clip(linear - 2 * math.log(self.unit), -700, 700)))
        return np.asarray(np.maximum(linear, 0.0))

    def moments(self, gamma: FloatArray) -> Moments:
        """Return weighted least squares at γ."""
        total = self.v + self.variances(gamma)
        both = np.column_stack([self.basis, self.y]) / total[:, None]
        return moments(float(np.log(total).sum()), self.basis, self.y, both)

    def objective(self, gamma: FloatArray) -> tuple[float, FloatArray]:
        """Return −log-likelihood without its constant, and its gradient."""
        tau2 = self.variances(gamma)
        fit = self.moments(gamma)
        pull = 1.0 / (self.v + tau2) - fit.residual**2
        if self.restricted:
            pull = pull - np.einsum("ki,ij,kj->k", fit.projected, fit.covariance, fit.projected)
        slope = tau2[:, None] * self.Z if self.log_link else self.Z
        return fit.criterion(self.restricted), np.asarray(0.5 * slope.T @ pull)

    def log_likelihood(self, value: float) -> float:
        """Return the log-likelihood in the given units from a value of the objective."""
        k, p = self.basis.shape
        n = k - p if self.restricted else k
        return float(-value - 0.5 * n * math.log(2 * math.pi) - n * math.log(self.unit))

    def _starts(self) -> list[FloatArray]:
        sizes = (0.5, 0.1, 0.01)
        ones = np.ones(self.y.size)
        if self.log_link:
            return [self.Z.T @ (ones * (math.log(s) + 2 * math.log(self.unit))) for s in sizes]
        return [self.Z.T @ (ones * s) for s in sizes]

    def maximise(self) -> tuple[FloatArray, float]:
        """Return γ and the value of the objective at the highest maximum found.

        Raises
        ------
        ConvergenceError
            The likelihood rises without end (some τ² goes to 0 under the log link).
        """
        found = [self._climb(start) for start in self._starts()]
        arrived = [f for f in found if f is not None]
        if not arrived:
            raise ConvergenceError(
                "no start led to a maximum: some variances go to 0 · use link='identity', or fewer scale moderators"
            )
        return min(arrived, key=lambda f: f[1])

    def _climb(self, start: FloatArray) -> tuple[FloatArray, float] | None:
        if self.log_link:
            wide = np.full(start.size, np.inf)
            end = minimise(self.objective, start, -wide, wide)
            return (end.theta, end.value) if end.arrived else None
        from scipy.optimize import minimize

        rows = np.unique(self.Z, axis=0)
        end = minimize(
            self.objective,
            start,
            jac=True,
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 500},
            constraints=[{"type": "ineq", "fun": lambda g: rows @ g, "jac": lambda g: rows}],
        )
        gamma = np.asarray(end.x, dtype=np.float64)
        return (gamma, float(self.objective(gamma)[0])) if np.isfinite(end.fun) else None

    def covariance(self, gamma: FloatArray) -> FloatArray | None:
        """Return the covariance of γ from the observed information; None at the edge of the identity link."""
        if not self.log_link and float((self.Z @ gamma).min()) < EDGE:
            return None
        H = np.zeros((gamma.size, gamma.size))
        for i in range(gamma.size):
            e = np.zeros(gamma.size)
            e[i] = 1e-5 * max(1.0, abs(gamma[i])) if self.log_link else 1e-6 * max(1e-2, abs(gamma[i]))
            H[i] = (self.objective(gamma + e)[1] - self.objective(gamma - e)[1]) / (2 * e[i])
        H = (H + H.T) / 2
        if float(np.linalg.eigvalsh(H)[0]) <= 0:
            return None
        return np.asarray(np.linalg.inv(H))
