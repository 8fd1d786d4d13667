"""Every mode of a one-stage likelihood: a grid over the scales, the best points polished, τ = 0 always compared.

For fixed scale parameters the marginal log-likelihood is concave in the coefficients (Prékopa 1973: integrating a
log-concave function leaves it log-concave), so a grid over the scales alone meets every mode.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...effects.measures.base import FloatArray
from .optimise import LOUIS_FROM, Optimum, fit_fixed, maximise, with_moments
from .quadrature import StudyModel, evaluate

__all__ = ["fit_random", "scale_grid"]

SEEN = 1e-2
"""The scan's log-likelihoods are known to this."""
FAR = 10.0
"""A grid point this far below the best one, what its next step promises included, is left where it is."""
CLOSE = 2.0
NEAR_EDGE = 1 / 16
"""With a scale at 0 the log-likelihood is at most that of the grid's first row and what the first row may cost: half
of 1/16, its squared distance in standard errors, for each study. Twice that and `CLOSE` below the maximum, an edge
need not be looked at."""


def fit_random(model: StudyModel, nodes: int, base: Optimum | None = None, moments: bool = True) -> Optimum:
    """Return the global maximum over coefficients and scales, scales at 0 included.

    ``base`` is the fit without random effects, where it is known already. Without ``moments`` only the value counts.
    """
    base = fit_fixed(model) if base is None else base
    axis = scale_grid(model, base)
    if model.m == 1:
        grid = axis[:, None]
    else:
        coarse = axis[::2]
        grid = np.stack(np.meshgrid(*[coarse] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
        if model.m == 3:
            grid = np.column_stack([grid[:, 0], np.zeros(len(grid)), grid[:, 1]])
    values, alphas, betas, mode = _scan(model, base, grid)
    optima = [replace(base, scale=np.zeros(model.m))]
    for i in _peaks(values, axis, model.m):
        optima.append(maximise(model, alphas[i], betas[i], grid[i], nodes, moments=False, mode=mode[i : i + 1]))
    held: dict[int, tuple[int, ...]] = {0: tuple(range(model.m))}
    top = max(optima, key=lambda o: o.value)
    if model.m == 2:
        first_rows = values.reshape(axis[::2].size, -1)[0].max(), values.reshape(axis[::2].size, -1)[:, 0].max()
        for j in range(2):
            if first_rows[j] + NEAR_EDGE * model.k + CLOSE < top.value:
                continue
            edge = np.where(np.arange(2) == j, 0.0, np.maximum(np.abs(top.scale), axis[0]))
            held[len(optima)] = (j,)
            optima.append(maximise(model, top.alpha, top.beta, edge, nodes, hold_scale=(j,), moments=False))
    chosen = _highest(optima)
    if not moments:
        return optima[chosen]
    free = [j for j in range(model.p + model.m) if j - model.p not in held.get(chosen, ())]
    best = with_moments(model, optima[chosen], nodes, np.array(free, dtype=np.intp))
    distinct = {round(o.value, 7) for i, o in enumerate(optima) if i and (i not in held or i == chosen)}
    return replace(best, scale=np.where(np.abs(best.scale) < 1e-7, 0.0, best.scale), modes=max(1, len(distinct)))


def _highest(optima: list[Optimum]) -> int:
    """Return the position of the highest optimum; one as high with fewer scales comes before it, none at all first."""
    highest = max(o.value for o in optima)
    enough = highest - 1e-10 * (1.0 + abs(highest))
    if optima[0].value >= enough:
        return 0
    simpler = [i for i, o in enumerate(optima) if (o.scale == 0).any() and o.value >= enough]
    return simpler[-1] if simpler else [o.value for o in optima].index(highest)


def scale_grid(model: StudyModel, base: Optimum) -> FloatArray:
    """Return the grid of one scale: from well below the smallest standard error up to 16, by factors of 2."""
    information = base.information[:, -1, -1] if model.p else np.ones(model.k)
    smallest = 1.0 / np.sqrt(max(float(information.max()), 1e-6))
    low = min(0.25 * smallest, 0.5)
    count = int(np.ceil(np.log2(16.0 / low))) + 1
    return np.asarray(low * 2.0 ** np.arange(count))


def _scan(model: StudyModel, base: Optimum, grid: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return profile log-likelihoods over the scale grid (b, m), coefficients near where they are reached, modes."""
    b = grid.shape[0]
    alpha, beta = np.repeat(base.alpha[None], b, axis=0), np.repeat(base.beta[None], b, axis=0)
    nodes = LOUIS_FROM if model.d == 1 else 3
    values, mode = np.full(b, -np.inf), np.zeros((b, model.k, model.d))
    n = model.p + int(model.has_local)
    open_ = np.arange(b)
    for _ in range(8):
        ev = evaluate(model, alpha[open_], beta[open_], grid[open_], nodes, mode[open_], "quick")
        mode[open_] = ev.mode
        da, db, gain = _batch_step(ev.gradient[..., :n], ev.hessian[..., :n, :n], model)
        values[open_] = ev.value + np.minimum(gain, 1.0)
        alpha[open_] += da
        beta[open_] += db
        open_ = open_[(gain > SEEN) & (values[open_] + gain > values.max() - FAR)]
        if open_.size == 0:
            break
    return values, alpha, beta, mode


def _batch_step(
    gradient: FloatArray, hessian: FloatArray, model: StudyModel
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return capped Newton steps of (alpha, beta) for a batch at fixed scales, and what they are to gain (b,)."""
    first = int(model.has_local)
    g, S = gradient[:, :, first:].sum(axis=1), hessian[:, :, first:, first:].sum(axis=1)
    if first:
        h = np.minimum(hessian[:, :, 0, 0], -1e-9)
        cross = hessian[:, :, 0, 1:]
        g = g - (cross * (gradient[:, :, 0] / h)[..., None]).sum(axis=1)
        S = S - np.einsum("bkp,bkq->bpq", cross / h[..., None], cross)
    S = S - 1e-10 * np.eye(S.shape[-1])
    db = np.clip(-np.linalg.solve(S, g[..., None])[..., 0], -1.5, 1.5)
    gain = 0.5 * np.abs(g * db).sum(axis=-1)
    if not first:
        return np.zeros((g.shape[0], model.k)), db, gain
    da = -(gradient[:, :, 0] + np.einsum("bkp,bp->bk", cross, db)) / h
    gain = gain + 0.5 * np.abs(gradient[:, :, 0] ** 2 / h).sum(axis=-1)
    return np.clip(da, -1.5, 1.5), db, gain


def _peaks(values: FloatArray, axis: FloatArray, m: int) -> list[int]:
    """Return grid positions that no neighbour beats, best first (at most three)."""
    shape = (axis.size,) if m == 1 else (axis[::2].size,) * 2
    surface = np.pad(values.reshape(shape), 1, constant_values=-np.inf)
    centre = surface[tuple(slice(1, -1) for _ in shape)]
    top = np.ones(shape, dtype=bool)
    for dim in range(len(shape)):
        for shift in (-1, 1):
            rolled = np.roll(surface, shift, axis=dim)[tuple(slice(1, -1) for _ in shape)]
            top &= centre >= rolled
    found = np.flatnonzero(top.reshape(-1))
    return [int(i) for i in found[np.argsort(-values[found])][:3]]
