"""The between-study variance of a network: one τ² for every comparison, so two comparisons with an arm in common
share half of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..foundation.catalog import Catalog
from .contrasts import NetworkTable
from .weights import GraphFit, basic_blocks

__all__ = ["NETWORK_TAU2", "excess", "trace_of_excess"]

NETWORK_TAU2: Catalog[Callable[[NetworkTable, GraphFit], float]] = Catalog("tau2 estimator of a network")

GRID = 160
"""Points of log τ² at which the slope of the likelihood is looked at, over 16 decades around the variances."""


def excess(table: NetworkTable, fit: GraphFit) -> tuple[float, int]:
    """Return Q and its degrees of freedom, Σ(arms − 1) − (treatments − 1)."""
    return fit.q, sum(len(t.arms) - 1 for t in table.trials) - (len(table.treatments) - 1)


def trace_of_excess(table: NetworkTable, fit: GraphFit) -> float:
    """Return dE(Q)/dτ²: tr{(I − H) U W}, U = ½ b_r·b_s for comparisons r, s of one study and 0 between studies."""
    names = np.array(table.studies)
    same = names[:, None] == names[None, :]
    U = 0.5 * same * (fit.B @ fit.B.T)
    return float(np.trace((np.eye(len(names)) - fit.hat) @ (U * fit.w[None, :])))


@NETWORK_TAU2.register("DL", title="DerSimonian-Laird, generalised", reference="10.1002/sim.6236")
def tau2_dl(table: NetworkTable, fit: GraphFit) -> float:
    """Return (Q − df)/dE(Q)/dτ², not below 0."""
    q, df = excess(table, fit)
    return max(0.0, (q - df) / trace_of_excess(table, fit))


@NETWORK_TAU2.register("REML", title="restricted maximum likelihood", reference="10.1002/sim.4780110602")
def tau2_reml(table: NetworkTable, fit: GraphFit) -> float:
    """Return the τ² of the highest restricted likelihood."""
    del fit
    return _highest(table, restricted=True)


@NETWORK_TAU2.register("ML", title="maximum likelihood", reference="10.1002/sim.4780110602")
def tau2_ml(table: NetworkTable, fit: GraphFit) -> float:
    """Return the τ² of the highest likelihood."""
    del fit
    return _highest(table, restricted=False)


class _At(NamedTuple):
    log_likelihood: float
    slope: float


def _likelihood(table: NetworkTable, *, restricted: bool) -> Callable[[float], _At]:
    """Return τ² → profile log likelihood and its slope, summed over studies."""
    blocks = basic_blocks(table)

    def at(tau2: float) -> _At:
        parts = []
        for y, covariance, X in blocks:
            G = 0.5 * (np.eye(len(y)) + 1.0)
            W = np.linalg.inv(covariance + tau2 * G)
            parts.append((y, X, G, W))
        information = sum(X.T @ W @ X for _, X, _, W in parts)
        beta = np.linalg.solve(information, sum(X.T @ W @ y for y, X, _, W in parts))
        value = slope = 0.0
        for y, X, G, W in parts:
            scaled = W @ (y - X @ beta)
            value += 0.5 * (np.linalg.slogdet(W)[1] - (y - X @ beta) @ scaled)
            slope += 0.5 * (scaled @ G @ scaled - np.trace(W @ G))
        if restricted:
            value -= 0.5 * np.linalg.slogdet(information)[1]
            spread = sum(X.T @ W @ G @ W @ X for _, X, G, W in parts)
            slope += 0.5 * np.trace(np.linalg.solve(information, spread))
        return _At(float(value), float(slope))

    return at


def _highest(table: NetworkTable, *, restricted: bool) -> float:
    """Return the highest of all stationary points of a grid of log τ², and of τ² = 0."""
    from scipy.optimize import brentq

    at = _likelihood(table, restricted=restricted)
    grid = np.append(0.0, np.median(table.vi) * np.logspace(-8, 8, GRID))
    slopes = np.array([at(t).slope for t in grid])
    candidates = [0.0]
    for low in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
        candidates.append(float(brentq(lambda t: at(t).slope, grid[low], grid[low + 1], xtol=1e-300, rtol=1e-13)))
    return max(candidates, key=lambda t: at(t).log_likelihood)
