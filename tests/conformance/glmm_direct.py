"""The likelihood of UM.FS and UM.RS written out from the counts: nothing here comes from the package.

Each group's count is binomial (Poisson with its person-time) with the linear predictor α + c θ, c the coding of the
group; θ is normal about the fitted effect with variance τ². UM.FS maximises over a study's own α, UM.RS has α normal
about one mean, which is maximised over. Constants in the counts are left out, so that differences alone mean something.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

POINTS, REACH = 801, 12.0
"""Points of the trapezoidal rule, over so many standard deviations on either side of a mode."""
BEST = {"bounds": (-25.0, 25.0), "method": "bounded", "options": {"xatol": 1e-9, "maxiter": 200}}


@dataclass(frozen=True)
class Groups:
    """Events and sizes of both groups, (k, 2), and the coding of the first."""

    x: np.ndarray
    n: np.ndarray
    poisson: bool
    coding: float

    @property
    def c(self) -> np.ndarray:
        return np.array([self.coding, self.coding - 1.0])

    def terms(self, i: int, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return log-density, first derivative and minus the second of a study's groups, eta (…, 2)."""
        x, n = self.x[i], self.n[i]
        if self.poisson:
            mean = n * np.exp(eta)
            return x * eta - mean, x - mean, mean
        p = 1 / (1 + np.exp(-eta))
        return x * eta - n * np.logaddexp(0.0, eta), x - n * p, n * p * (1 - p)


def height(groups: Groups, mean: np.ndarray, tau2: float, sigma2: float | None, rho: float = 0.0) -> float:
    """Return the log-likelihood, nuisance parameters at their best: UM.FS without ``sigma2``, else UM.RS (Laplace)."""
    k = groups.x.shape[0]
    if sigma2 is None:
        return sum(best(lambda a, i=i: fixed(groups, i, a, mean[i], tau2)) for i in range(k))  # type: ignore[misc]
    return best(lambda a: sum(laplace(groups, i, a, mean[i], tau2, sigma2, rho) for i in range(k)))


def best(f: Callable[[float], float]) -> float:
    """Return the largest value over one parameter."""
    return float(-minimize_scalar(lambda a: -f(a), **BEST).fun)


def fixed(groups: Groups, i: int, alpha: float, mean: float, tau2: float) -> float:
    """Return the log-likelihood of one study given its own α, θ integrated out on equal steps about its mode."""
    if tau2 == 0:
        return float(groups.terms(i, alpha + groups.c * mean)[0].sum())
    theta, curvature = mean, 0.0
    for _ in range(60):
        _, d1, d2 = groups.terms(i, alpha + groups.c * theta)
        curvature = float((groups.c**2 * d2).sum()) + 1 / tau2
        step = (float((groups.c * d1).sum()) - (theta - mean) / tau2) / curvature
        theta += max(-1.0, min(1.0, step))
        if abs(step) < 1e-12:
            break
    sd = 1 / math.sqrt(curvature)
    at = theta + sd * np.linspace(-REACH, REACH, POINTS)
    value = groups.terms(i, alpha + at[:, None] * groups.c)[0].sum(axis=1) - (at - mean) ** 2 / (2 * tau2)
    top = float(value.max())
    area = float(np.exp(value - top).sum()) * sd * 2 * REACH / (POINTS - 1)
    return top + math.log(area) - 0.5 * math.log(2 * math.pi * tau2)


def laplace(groups: Groups, i: int, mu: float, mean: float, tau2: float, sigma2: float, rho: float) -> float:
    """Return Laplace's approximation of one study's log-likelihood under UM.RS; effects without variance are fixed."""
    cov = np.array([[sigma2, rho * math.sqrt(sigma2 * tau2)], [rho * math.sqrt(sigma2 * tau2), tau2]])
    free = np.flatnonzero(np.diag(cov) > 0)
    centre = np.array([mu, mean])
    design = np.column_stack([np.ones(2), groups.c])  # groups × (α, θ)
    if free.size == 0:
        return float(groups.terms(i, design @ centre)[0].sum())
    inverse = np.linalg.inv(cov[np.ix_(free, free)])
    u, Z = np.zeros(free.size), design[:, free]
    information = inverse
    for _ in range(100):
        _, d1, d2 = groups.terms(i, design @ centre + Z @ u)
        information = Z.T @ (d2[:, None] * Z) + inverse
        step = np.linalg.solve(information, Z.T @ d1 - inverse @ u)
        u = u + step * min(1.0, 1.0 / max(1e-300, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-11:
            break
    value = float(groups.terms(i, design @ centre + Z @ u)[0].sum()) - 0.5 * float(u @ inverse @ u)
    return value + 0.5 * float(np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(information)[1])
