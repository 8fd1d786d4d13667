"""Weights of comparisons when studies have several arms, and the least-squares fit on the graph of treatments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError
from .contrasts import NetworkTable, Trial

__all__ = ["GraphFit", "basic_blocks", "comparison_weights", "fit_graph", "incidence"]


@dataclass(frozen=True, slots=True, eq=False)
class GraphFit:
    """Weighted least squares on the graph whose vertices are treatments and whose edges are comparisons.

    Attributes
    ----------
    effects
        Effect of treatment i against j, (n, n).
    variances
        Their variances, (n, n).
    inverse
        Pseudo-inverse of the Laplacian B'WB, (n, n).
    B, w
        Incidence matrix (m, n) and weights (m,).
    residuals
        Observed minus fitted comparisons, (m,).
    """

    effects: FloatArray
    variances: FloatArray
    inverse: FloatArray
    B: FloatArray
    w: FloatArray
    residuals: FloatArray

    @property
    def q(self) -> float:
        """Weighted sum of squared residuals."""
        return float(self.w @ self.residuals**2)

    @property
    def hat(self) -> FloatArray:
        """Fitted = hat @ observed, (m, m)."""
        hat: FloatArray = self.B @ self.inverse @ (self.B * self.w[:, None]).T
        return hat


def pair_variances(table: NetworkTable, trial: Trial, tau2: float) -> FloatArray:
    """Return the variances of all pairs of a study's arms, (n, n); heterogeneity adds τ² to every pair."""
    place = {table.treatments[arm]: i for i, arm in enumerate(trial.arms)}
    v = np.zeros((len(place), len(place)))
    for row in trial.rows:
        i, j = place[table.first[row]], place[table.second[row]]
        v[i, j] = v[j, i] = table.vi[row] + tau2
    return v


def laplacian_of(v: FloatArray) -> FloatArray:
    """Return the Laplacian whose resistances are the variances: L = (−½ C v C)⁺ with C the centring matrix.

    Rücker and Schwarzer 2014, 10.1002/sim.6236: minus its off-diagonal elements are the weights that make
    independent comparisons as precise as the correlated ones of the study.
    """
    n = len(v)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ v @ centre)
    if values[1] <= 1e-10 * values[-1]:
        raise InputError("its variances cannot come from one set of arms (a common arm would get a negative variance)")
    out: FloatArray = (vectors[:, 1:] / values[1:]) @ vectors[:, 1:].T
    return out


def comparison_weights(table: NetworkTable, tau2: float = 0.0) -> FloatArray:
    """Return the weight of each row, reduced in studies of several arms, (m,)."""
    w = np.empty(len(table.yi))
    for trial in table.trials:
        place = {table.treatments[arm]: i for i, arm in enumerate(trial.arms)}
        try:
            laplacian = laplacian_of(pair_variances(table, trial, tau2))
        except InputError as error:
            raise InputError(f"study {trial.study}: {error}") from None
        for row in trial.rows:
            w[row] = -laplacian[place[table.first[row]], place[table.second[row]]]
    return w


def incidence(table: NetworkTable) -> FloatArray:
    """Return one row a comparison: +1 at the first treatment, −1 at the second, (m, n)."""
    place = {t: i for i, t in enumerate(table.treatments)}
    rows = np.arange(len(table.yi))
    B = np.zeros((len(rows), len(place)))
    B[rows, [place[t] for t in table.first]] = 1.0
    B[rows, [place[t] for t in table.second]] = -1.0
    return B


def fit_graph(table: NetworkTable, tau2: float = 0.0) -> GraphFit:
    """Fit the network: potentials p = L⁺B'Wy, effects p_i − p_j, variances L⁺_ii + L⁺_jj − 2L⁺_ij.

    Rücker 2012, 10.1002/jrsm.1058.
    """
    B, w = incidence(table), comparison_weights(table, tau2)
    inverse = inverse_laplacian(B, w)
    potentials = inverse @ (B.T @ (w * table.yi))
    d = np.diag(inverse)
    effects = potentials[:, None] - potentials[None, :]
    variances = np.maximum(d[:, None] + d[None, :] - 2 * inverse, 0.0)
    return GraphFit(effects, variances, inverse, B, w, table.yi - B @ potentials)


def inverse_laplacian(B: FloatArray, w: FloatArray) -> FloatArray:
    """Return (B'WB)⁺ of a connected graph as (L + J/n)⁻¹ − J/n, J all ones, scaled to the size of the weights."""
    n = B.shape[1]
    laplacian = B.T @ (w[:, None] * B)
    size = np.trace(laplacian) / n
    out: FloatArray = (np.linalg.inv(laplacian / size + 1 / n) - 1 / n) / size
    return out


def basic_blocks(table: NetworkTable) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return each study's comparisons with its first arm: estimates (a,), covariance (a, a), design (a, n − 1).

    The last treatment is the origin of the design.
    """
    n = len(table.treatments)
    blocks = []
    for trial in table.trials:
        v = pair_variances(table, trial, 0.0)
        place = {table.treatments[arm]: i for i, arm in enumerate(trial.arms)}
        y = np.zeros(len(place))
        for row in trial.rows:
            i, j = place[table.first[row]], place[table.second[row]]
            if 0 in (i, j):
                y[i or j] = table.yi[row] if i == 0 else -table.yi[row]
        covariance = 0.5 * (v[0, 1:, None] + v[0, None, 1:] - v[1:, 1:])
        design = np.zeros((len(place) - 1, n))
        design[:, trial.arms[0]] = 1.0
        design[np.arange(len(place) - 1), list(trial.arms[1:])] = -1.0
        blocks.append((y[1:], covariance, design[:, :-1]))
    return blocks
