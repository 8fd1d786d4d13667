"""Estimators of τ² made for few studies: never negative, or never zero.

Same shapes and notation as `tau2`: y, v (m, k) centred, ``k`` live studies (m,), ``X`` a design or None.
"""

from __future__ import annotations

import numpy as np

from ..effects.measures.base import FloatArray
from .kernels import Projection, pick
from .likelihood import maximise, restricted_log_likelihood, score
from .tau2 import TAU2, Tau2, columns, q_of

__all__ = ["approximate_restricted_likelihood", "bayes_modal", "hartung_makambi"]

THOMPSON_SHARP = "10.1002/(SICI)1097-0258(19991030)18:20<2693::AID-SIM235>3.0.CO;2-V"
HALVINGS = 52
"""Halvings of a bracket of ratio 2: what a double holds."""


@TAU2.register("HM", title="Hartung-Makambi", reference="10.1081/SAC-120023884")
def hartung_makambi(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return Q² / ((2(k − p) + Q) tr P) with weights 1/v: DerSimonian-Laird made positive."""
    projection = Projection(1.0 / v, X)
    q = q_of(projection, y)
    return Tau2(np.asarray(q * q / ((2.0 * (k - columns(X)) + q) * projection.trace())))


@TAU2.register("AREML", title="approximate restricted likelihood", reference=THOMPSON_SHARP)
def approximate_restricted_likelihood(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> Tau2:
    """Return the root of Σw²(k/(k − p)·r² − v − τ²) = 0 with w = 1/(v + τ²), r the weighted residuals.

    It is the maximum-likelihood estimate when the residuals are stretched by √(k/(k − p)); where there are
    several roots, the one with the highest likelihood of that kind is taken.
    """
    stretch = np.sqrt(k / (k - columns(X)))
    fit = maximise(y * stretch[..., None], v, k, X, restricted=False)
    return Tau2(fit.value, fit.status, fit.modes, fit.gap)


@TAU2.register("BM", title="Bayes modal, gamma(2, 0) prior of τ", reference="10.1002/sim.5821")
def bayes_modal(y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, a: FloatArray | None) -> Tau2:
    """Return the mode of likelihood × τ, the limit of a gamma prior with shape 2: never 0.

    The mode itself is found, not the quadratic approximation around the maximum-likelihood estimate.
    """
    grid = _modal_grid(y, v, X)
    up, down = score(y[:, None, :], v[:, None, :], grid, X if X is None or X.ndim == 2 else X[:, None], False)
    rising = up - down + 1.0 / grid > 0
    row, cell = np.nonzero(rising[:, :-1] & ~rising[:, 1:])
    low, high = grid[row, cell], grid[row, cell + 1]
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        up, down = score(y[row], v[row], middle, pick(X, row), False)
        above = up - down + 1.0 / middle > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    heights = restricted_log_likelihood(y[row], v[row], low, pick(X, row), False) + 0.5 * np.log(low)
    order = np.lexsort((heights, row))
    last = np.searchsorted(row[order], np.arange(y.shape[0]), side="right") - 1
    return Tau2(np.asarray(low[order][last]))


def _modal_grid(y: FloatArray, v: FloatArray, X: FloatArray | None) -> FloatArray:
    """Return a grid with ratio ≤ 2, (m, G), that holds every root of the penalised score.

    Below 1/Σv⁻¹ the prior's 1/τ² outweighs the whole likelihood. Above 3·max v and 16·max r² the score is negative.
    """
    live = v < np.inf
    low = 0.5 / np.add.reduce(1.0 / v, axis=-1)
    r = np.where(live, np.abs(Projection(live.astype(np.float64), X).residuals(y)), 0.0).max(axis=-1)
    high = 2.0 * np.maximum(3.0 * np.where(live, v, 0.0).max(axis=-1), 16.0 * r * r)
    count = int(np.ceil(np.log2((high / low).max()))) + 2
    return np.asarray(low[:, None] * (high / low)[:, None] ** (np.arange(count) / (count - 1)))
