"""Wald's Q of rates with random baselines, written out: an effect of its own for every study, Laplace's approximation.

x₁ ~ Poisson(t₁ exp(α + u + θᵢ)) and x₂ ~ Poisson(t₂ exp(α + u)) with u ~ N(0, σ²) a study; Q is the Wald
statistic of equal θᵢ, with the covariance by second differences. Nothing here comes from the package.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize

STEP = 1e-3
"""Of the second differences, in each parameter."""


def log_likelihood(parameters: np.ndarray, counts: Mapping[str, np.ndarray]) -> float:
    """Return Laplace's approximation at (α, log σ, θ), but for a constant."""
    alpha, sigma, theta = parameters[0], np.exp(parameters[1]), parameters[2:]
    log1 = np.log(counts["t1i"]) + alpha + theta
    log2 = np.log(counts["t2i"]) + alpha
    events, expected = counts["x1i"] + counts["x2i"], np.exp(log1) + np.exp(log2)
    u = np.zeros(theta.size)
    for _ in range(50):
        rate = expected * np.exp(u)
        step = (events - rate - u / sigma**2) / (rate + 1 / sigma**2)
        u += np.clip(step, -1, 1)
    rate = expected * np.exp(u)
    heights = counts["x1i"] * (log1 + u) + counts["x2i"] * (log2 + u) - rate - u**2 / (2 * sigma**2)
    return float((heights - 0.5 * np.log1p(sigma**2 * rate)).sum())


def wald_q(counts: Mapping[str, np.ndarray]) -> float:
    """Return Q of counts ``x1i t1i x2i t2i``, (k,) each."""
    k = counts["x1i"].size
    r1, r2 = ((counts[f"x{g}i"] + 0.5) / counts[f"t{g}i"] for g in (1, 2))
    start = np.concatenate([[float(np.log(r2).mean()), 0.0], np.log(r1 / r2)])
    lost = lambda parameters: -log_likelihood(parameters, counts)  # noqa: E731
    at = minimize(lost, start, method="BFGS", options={"gtol": 1e-7}).x
    steps = STEP * np.eye(k + 2)
    hessian = np.array(
        [
            [(lost(at + a + b) - lost(at + a - b) - lost(at - a + b) + lost(at - a - b)) / (4 * STEP**2) for b in steps]
            for a in steps
        ]
    )
    V = np.linalg.inv(hessian)[2:, 2:]
    contrasts = np.hstack([np.ones((k - 1, 1)), -np.eye(k - 1)])
    apart = contrasts @ at[2:]
    return float(apart @ np.linalg.solve(contrasts @ V @ contrasts.T, apart))
