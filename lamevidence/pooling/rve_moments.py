"""Moment estimators of the variances behind the weights of robust variance estimation.

For residuals e = Ry of a weighted fit and a quadratic form N, E(e'Ne) = tr(N R Σ R'); equating e'Ne with its
expectation gives one linear equation in the variances (Hedges, Tipton and Johnson 2010, 10.1002/jrsm.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from .multilevel_terms import Grouping

__all__ = ["RveVariances", "correlated_effects", "hierarchical_effects"]


@dataclass(frozen=True, slots=True)
class RveVariances:
    """Variances of the working model and the weight of each row; NaN for what the model does not have."""

    tau2: float
    omega2: float
    i2: float
    weights: FloatArray


def _sums(groups: Grouping, values: FloatArray) -> FloatArray:
    out = np.zeros((groups.size, *values.shape[1:]))
    np.add.at(out, groups.codes, values)
    return out


def _weighted(X: FloatArray, y: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    bread = np.asarray(np.linalg.inv(X.T @ (w[:, None] * X)), dtype=np.float64)
    return bread, y - X @ (bread @ (X.T @ (w * y)))


def correlated_effects(X: FloatArray, y: FloatArray, v: FloatArray, groups: Grouping, rho: float) -> RveVariances:
    """Return τ² with working covariance v̄_j[(1 − ρ)I + ρJ] + τ²J and weights 1/{n_j (v̄_j + τ²)}."""
    n = np.bincount(groups.codes, minlength=groups.size).astype(float)
    mean_v = (_sums(groups, v) / n)[groups.codes]
    n_row = n[groups.codes]
    w = 1.0 / (n_row * mean_v)
    bread, e = _weighted(X, y, w)
    q = float((w * e * e).sum())
    sums = _sums(groups, X)
    share = (w / n_row)[:, None] * X
    inner = (1 - rho) * X.T @ share + rho * _sums(groups, share).T @ sums
    weighted = _sums(groups, w[:, None] * X)
    expected = groups.size - float(np.trace(bread @ inner))
    slope = float(w.sum()) - float(np.trace(bread @ (weighted.T @ weighted)))
    tau2 = max(0.0, (q - expected) / slope)
    i2 = max(0.0, 100.0 * (q - expected) / q) if q > 0 else 0.0
    return RveVariances(tau2, float("nan"), i2, 1.0 / (n_row * (mean_v + tau2)))


def hierarchical_effects(X: FloatArray, y: FloatArray, v: FloatArray, groups: Grouping) -> RveVariances:
    """Return τ² and ω² with working covariance diag(v) + ω²I + τ²J and weights 1/(v + τ² + ω²).

    Two equations: e'We with W = diag(1/v), and Σ_j (1'e_j)². ω² is solved first and cut at 0, then τ² from the first.
    """
    n = np.bincount(groups.codes, minlength=groups.size).astype(float)
    if (n == 1).all():
        raise NotEstimable("the hierarchical model needs a cluster with at least two rows · use working='CORR'")
    w = 1.0 / v
    bread, e = _weighted(X, y, w)
    WX, sums = w[:, None] * X, _sums(groups, X)
    weighted = _sums(groups, WX)
    joint = bread @ (sums.T @ sums) @ bread
    q_e, q_j = float((w * e * e).sum()), float((_sums(groups, e) ** 2).sum())
    e_v = X.shape[0] - X.shape[1]
    e_omega = float(w.sum() - np.trace(bread @ (WX.T @ WX)))
    e_tau = float(w.sum() - np.trace(bread @ (weighted.T @ weighted)))

    def of_diagonal(phi: FloatArray) -> float:
        left = _sums(groups, (w * phi)[:, None] * X)
        whole = WX.T @ (phi[:, None] * WX)
        return float(phi.sum() - 2 * np.trace(bread @ (left.T @ sums)) + np.trace(joint @ whole))

    j_v, j_omega = of_diagonal(v), of_diagonal(np.ones_like(v))
    counted = n[:, None] * weighted
    j_tau = float((n**2).sum() - 2 * np.trace(bread @ (counted.T @ sums)) + np.trace(joint @ (weighted.T @ weighted)))
    omega2 = ((q_j - j_v) * e_tau - (q_e - e_v) * j_tau) / (j_omega * e_tau - e_omega * j_tau)
    omega2 = max(0.0, omega2)
    tau2 = max(0.0, (q_e - e_v - omega2 * e_omega) / e_tau)
    return RveVariances(tau2, omega2, float("nan"), 1.0 / (v + tau2 + omega2))
