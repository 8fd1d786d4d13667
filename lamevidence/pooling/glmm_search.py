"""Every mode of a one-stage likelihood: a grid over the scales, the best points polished, τ = 0 always compared.

For fixed scale parameters the marginal log-likelihood is concave in the coefficients (Prékopa 1973: integrating a
log-concave function leaves it log-concave), so a grid over the scales alone meets every mode.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..effects.measures.base import FloatArray
from .glmm_optimise import LOUIS_FROM, Optimum, fit_fixed, maximise, with_moments
from .glmm_quadrature import StudyModel, evaluate

__all__ = ["fit_random", "scale_grid"]


def fit_random(model: StudyModel, nodes: int, base: Optimum | None = None) -> Optimum:
    """Return the global maximum over coefficients and scales, scales at 0 included.

    ``base`` is the fit without random effects, where it is known already.
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
    values, alphas, betas = _scan(model, base, grid)
    optima = [replace(base, scale=np.zeros(model.m))]
    for i in _peaks(values, axis, model.m):
        optima.append(maximise(model, alphas[i], betas[i], grid[i], nodes, moments=False))
    held: dict[int, tuple[int, ...]] = {0: tuple(range(model.m))}
    top = max(optima, key=lambda o: o.value)
    if model.m == 2:
        for j in range(2):
            edge = np.where(np.arange(2) == j, 0.0, np.maximum(np.abs(top.scale), axis[0]))
            held[len(optima)] = (j,)
            optima.append(maximise(model, top.alpha, top.beta, edge, nodes, hold_scale=(j,), moments=False))
    chosen = _highest(optima)
    free = [j for j in range(model.p + model.m) if j - model.p not in held.get(chosen, ())]
    best = with_moments(model, optima[chosen], nodes, np.array(free, dtype=np.intp))
    distinct = {round(o.value, 7) for o in optima[1:]}
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


def _scan(model: StudyModel, base: Optimum, grid: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return profile log-likelihoods over the scale grid (b, m) with the coefficients that reach them."""
    b = grid.shape[0]
    alpha, beta = np.repeat(base.alpha[None], b, axis=0), np.repeat(base.beta[None], b, axis=0)
    nodes = LOUIS_FROM if model.d == 1 else 3
    best = np.full(b, -np.inf)
    kept = alpha.copy(), beta.copy()
    mode: FloatArray | None = None
    n = model.p + int(model.has_local)
    for _ in range(5):
        ev = evaluate(model, alpha, beta, grid, nodes, mode, quick=True)
        mode = ev.mode
        better = ev.value > best
        best = np.where(better, ev.value, best)
        kept[0][better], kept[1][better] = alpha[better], beta[better]
        da, db = _batch_step(ev.gradient[..., :n], ev.hessian[..., :n, :n], model)
        alpha, beta = alpha + da, beta + db
        if max(float(np.abs(da).max(initial=0.0)), float(np.abs(db).max(initial=0.0))) < 0.05:
            break
    ev = evaluate(model, alpha, beta, grid, nodes, mode, quick=True)
    better = ev.value > best
    kept[0][better], kept[1][better] = alpha[better], beta[better]
    return np.where(better, ev.value, best), kept[0], kept[1]


def _batch_step(gradient: FloatArray, hessian: FloatArray, model: StudyModel) -> tuple[FloatArray, FloatArray]:
    """Return capped Newton steps of (alpha, beta) for a batch at fixed scales."""
    first = int(model.has_local)
    g, S = gradient[:, :, first:].sum(axis=1), hessian[:, :, first:, first:].sum(axis=1)
    if first:
        h = np.minimum(hessian[:, :, 0, 0], -1e-9)
        cross = hessian[:, :, 0, 1:]
        g = g - (cross * (gradient[:, :, 0] / h)[..., None]).sum(axis=1)
        S = S - np.einsum("bkp,bkq->bpq", cross / h[..., None], cross)
    S = S - 1e-10 * np.eye(S.shape[-1])
    db = np.clip(-np.linalg.solve(S, g[..., None])[..., 0], -1.5, 1.5)
    if not first:
        return np.zeros((g.shape[0], model.k)), db
    da = -(gradient[:, :, 0] + np.einsum("bkp,bp->bk", cross, db)) / h
    return np.clip(da, -1.5, 1.5), db


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
