"""The posterior given all rows but one, from the nodes over (τ, μ) of the posterior given all.

With W the weights of the nodes and L(μ, τ) = ∫ l(θ) N(θ | μ, τ²) dθ of the row left out, W/L are the weights given
the others. They are taken where the nodes reach as far as the wider posterior does and are as close as it needs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..effects.measures.base import FloatArray
from .existence import existence
from .two_level import LEVELS, TwoLevelState, require_proper

__all__ = ["without"]

_EDGE = 1e-10
"""Most that the outermost nodes may hold."""
_LIMIT = 3e-7
"""Largest estimated error."""


def without(state: TwoLevelState, i: int) -> TwoLevelState | None:
    """Return the posterior given all rows but ``i``, None where its nodes would not do.

    Raises
    ------
    ImproperPosterior
        The others do not bound the mean effect and its prior is flat.
    """
    rows = state.rows[:i] + state.rows[i + 1 :]
    require_proper(rows, state.prior_mu, state.prior_tau, state.likelihood)
    own = state.rows[i].integrate(state.mu_nodes, state.grid.tau[:, None], LEVELS[state.level][2], moments=False).log
    with np.errstate(divide="ignore"):
        log = np.log(state.weight) - own
    top = float(log.max())
    weight = np.exp(log - top)
    total = float(weight.sum())
    weight = weight / total
    over_tau, over_mu = weight.sum(axis=1), weight.sum(axis=0)
    if max(over_tau[0], over_tau[-1], over_mu[0], over_mu[-1]) > _EDGE:
        return None
    error = _halved(state, weight)
    if not error < _LIMIT:
        return None
    log_total = state.log_total + top + float(np.log(total))
    informative = sum(kernel.below and kernel.above for kernel in rows)
    return replace(
        state,
        rows=rows,
        weight=weight,
        grid=replace(state.grid, weight=over_tau, log_norm=log_total),
        log_total=log_total,
        error=error,
        exists=existence(state.prior_tau, informative, int(not state.prior_mu.proper)),
        laws={},
        effects={},
    )


def _halved(state: TwoLevelState, weight: FloatArray) -> float:
    """Error from what every second node over τ, and over μ, would give: halving a step squares a geometric error."""
    nodes, spread = state.mu_nodes, np.log1p(state.grid.tau)[:, None]

    def means(rows: slice, columns: slice) -> FloatArray:
        part, at = weight[rows, columns], nodes[rows, columns]
        total = float(part.sum())
        mean = float((part * at).sum()) / total
        sd = np.sqrt(float((part * (at - mean) ** 2).sum()) / total)
        return np.array([total, mean, float((part * spread[rows]).sum()) / total, sd])

    every, other = slice(None), slice(None, None, 2)
    total, mean, middle, sd = means(every, every)
    halves = np.array([means(other, every), means(every, other)])
    gaps = np.log(2.0 * halves[:, 0] / total), (halves[:, 1] - mean) / sd, np.log(halves[:, 2] / middle)
    return float(np.max(np.square(gaps)))
