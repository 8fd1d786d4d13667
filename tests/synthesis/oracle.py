"""The joint model by brute force: whole covariance matrices of all rows, Gauss-Legendre panels over the SDs.

Shares no line and no idea with the package: no whitening by study, no sinh map, no trapezoidal rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    study: str
    y: float
    se: float
    treated: int = 0
    selected: int = 0
    contrast: int = 0


class Answer(NamedTuple):
    """Log evidence; mean and SD of baseline, effect (and bias); E τ of each; the law of the effect at some places."""

    log_evidence: float
    mean: np.ndarray
    sd: np.ndarray
    tau: np.ndarray
    effect_new_sd: float
    below: np.ndarray


def panels(edges: Sequence[float], n: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(n)
    nodes = [0.5 * (a + b) + 0.5 * (b - a) * x for a, b in pairwise(edges)]
    weights = [0.5 * (b - a) * w for a, b in pairwise(edges)]
    return np.concatenate(nodes), np.concatenate(weights)


def half_normal(scale: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: np.sqrt(2 / np.pi) / scale * np.exp(-0.5 * (t / scale) ** 2)


def brute_force(
    rows: Sequence[Row],
    means: Sequence[tuple[float, float]],
    taus: Sequence[tuple[Callable[[np.ndarray], np.ndarray], Sequence[float]]],
    rho: float = 0.0,
    nodes: int = 8,
    places: Sequence[float] = (),
) -> Answer:
    """The posterior, with normal priors (mean, sd) and one (density, panel edges) for each standard deviation."""
    from scipy.special import ndtr

    p = len(means)
    y = np.array([r.y for r in rows])
    X = np.array([[1 - r.contrast, r.treated, r.selected][:p] for r in rows], dtype=float)
    same = np.array([[a.study == b.study for b in rows] for a in rows], dtype=float)
    series = {r.study for r in rows if r.selected}
    se = np.array([r.se for r in rows])
    C = np.diag(se**2)
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            if i != j and a.study == b.study and a.study in series:
                C[i, j] = rho * se[i] * se[j]
    parts = [np.outer(X[:, a], X[:, a]) * same for a in range(p)]
    m0, S0 = np.array([m for m, _ in means]), np.diag([s**2 for _, s in means])
    grids = [panels(edges, nodes) for _, edges in taus]
    shape = [g[0].size for g in grids]
    flat = [x.ravel() for x in np.meshgrid(*(g[0] for g in grids), indexing="ij")]
    weight = np.prod(
        [
            x.ravel()
            for x in np.meshgrid(*(g[1] * f(g[0]) for g, (f, _) in zip(grids, taus, strict=True)), indexing="ij")
        ],
        axis=0,
    )
    out_log, out_mean, out_var = [], [], []
    for start in range(0, int(np.prod(shape)), 4000):
        t = [x[start : start + 4000] for x in flat]
        V = C + sum((ti**2)[:, None, None] * part for ti, part in zip(t, parts, strict=True))
        marginal = V + X @ S0 @ X.T
        gap = y - X @ m0
        low = np.linalg.cholesky(marginal)
        z = np.linalg.solve(low, np.broadcast_to(gap[:, None], (*low.shape[:2], 1)))[..., 0]
        out_log.append(
            -0.5 * (z**2).sum(1) - np.log(np.einsum("nii->ni", low)).sum(1) - 0.5 * y.size * np.log(2 * np.pi)
        )
        gain = S0 @ X.T @ np.linalg.inv(marginal)
        out_mean.append(m0 + gain @ gap)
        out_var.append(S0 - gain @ X @ S0)
    log, mean, var = np.concatenate(out_log), np.concatenate(out_mean), np.concatenate(out_var)
    peak = log.max()
    w = np.exp(log - peak) * weight
    total = w.sum()
    w /= total
    centre = w @ mean
    sd = np.sqrt(w @ (np.einsum("nii->ni", var) + (mean - centre) ** 2))
    new = np.sqrt(w @ (var[:, 1, 1] + flat[1] ** 2 + (mean[:, 1] - centre[1]) ** 2))
    below = np.array([w @ ndtr((x - mean[:, 1]) / np.sqrt(var[:, 1, 1])) for x in places])
    return Answer(peak + np.log(total), centre, sd, np.array([w @ t for t in flat]), float(new), below)
