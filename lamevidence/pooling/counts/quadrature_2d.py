"""Two random effects a study: its marginal likelihood by adaptive Gauss-Hermite quadrature, with derivatives.

Row r of a study has η_r = f_r + Z_r v with v ~ N(0, I₂), Z_r = Σ_j s_j E_rj; derivatives are with respect to
(f_1 … f_R, s_1 … s_m). The formulas are those of `quadrature`, 2 × 2 matrices written out by their elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from .cumulants import self_concordant_step
from .quadrature_1d import MODE_STEPS, Terms, hermite, over_rows

if TYPE_CHECKING:
    from .quadrature import StudyModel

__all__ = ["plane"]

Pair = tuple[FloatArray, FloatArray]
Symmetric = tuple[FloatArray, FloatArray, FloatArray]
"""Elements 11, 12, 22."""


def _mode(
    model: StudyModel, f: FloatArray, z: Pair, v: Pair, tolerance: float
) -> tuple[Pair, Symmetric, tuple[FloatArray, ...]]:
    """Return the mode v̂, its curvature H, and (residual, A'', A''') there; everything (…, b, k, 1)."""
    z1, z2 = z
    v1, v2 = v
    squares = z1 * z1, z1 * z2, z2 * z2
    reach = float((np.abs(z1) + np.abs(z2)).max())
    settled = False
    for _ in range(MODE_STEPS):
        a1, weight, a3 = model.cumulant.upper(f + z1 * v1 + z2 * v2)
        residual = model.counts - a1
        h1, h, h2 = (over_rows(weight * square) for square in squares)
        h1, h2 = h1 + 1.0, h2 + 1.0
        if settled:
            break
        g1, g2 = over_rows(residual * z1) - v1, over_rows(residual * z2) - v2
        det = h1 * h2 - h * h
        step1, step2 = (h2 * g1 - h * g2) / det, (h1 * g2 - h * g1) / det
        largest = max(float(np.abs(step1).max()), float(np.abs(step2).max()))
        if largest * reach > 0.1:
            damping = self_concordant_step(np.abs(z1 * step1 + z2 * step2).max(axis=0))
            step1, step2 = step1 * damping, step2 * damping
        v1, v2 = v1 + step1, v2 + step2
        settled = largest < tolerance
    return (v1, v2), (h1, h, h2), (residual, weight, a3)


def plane(
    model: StudyModel, f: FloatArray, scale: FloatArray, nodes: int, start: FloatArray | None, want: str
) -> Terms:
    """Return the studies' terms at row predictors ``f`` (rows, b, k, 1) and scales (b, m).

    ``want`` is ``value``, ``quick`` (gradient as the mean score on the nodes), ``exact`` (of the quadrature itself) or
    ``slope`` (exact gradient without Hessian).
    """
    rows, b, k = f.shape[:3]
    m = scale.shape[1]
    E = model.E.transpose(3, 2, 1, 0)[:, :, :, None, :, None]  # (2, m, rows, 1, k, 1)
    z1, z2 = np.einsum("kumd,bm->dubk", model.E, scale)[..., None]
    z = z1, z2
    first = np.zeros((b, k, 2)) if start is None else start
    (v1, v2), H, parts = _mode(model, f, z, (first[..., :1], first[..., 1:]), 1e-2 if want == "quick" else 1e-7)
    mode = np.concatenate([v1, v2], axis=-1)
    h1, h, h2 = H
    l2 = 1.0 / np.sqrt(h2)
    l1 = np.sqrt(h2 / (h1 * h2 - h * h))
    l21 = -h * l1 / h2
    t, logw = hermite(nodes, 2)
    t1, t2 = t[:, 0], t[:, 1]
    vq = v1 + l1 * t1, v2 + l21 * t1 + l2 * t2
    eta = f + z[0] * vq[0] + z[1] * vq[1]
    a, a1, weight = model.cumulant.lower(eta)
    g = over_rows(model.counts * eta - a) - 0.5 * (vq[0] * vq[0] + vq[1] * vq[1]) + logw
    top = g.max(axis=-1, keepdims=True)
    posterior = np.exp(g - top)
    total = posterior.sum(axis=-1, keepdims=True)
    value = (np.log(l1 * l2 * total) + top)[..., 0] + model.constant
    if want == "value":
        return Terms(value, value, value, mode)
    posterior /= total
    residual = model.counts - a1
    direct = E[0] * vq[0] + E[1] * vq[1]
    score = np.empty((rows + m, b, k, nodes * nodes))
    score[:rows] = residual
    score[rows:] = _over(residual * direct)
    weighted = score * posterior
    mean = np.add.reduce(weighted, axis=-1)
    hessian = value
    if want != "slope":
        centre = mean.transpose(1, 2, 0)
        hessian = np.matmul(weighted.transpose(1, 2, 0, 3), score.transpose(1, 2, 3, 0))
        hessian -= centre[..., :, None] * centre[..., None, :]
        _take_information(hessian, posterior * weight, direct)
    if want in ("exact", "slope"):
        pull = [posterior * (over_rows(residual * z[d]) - vq[d]) for d in range(2)]
        mean = mean + _moving(E, z, (v1, v2), H, (l1, l21, l2), parts, pull, t)
    return Terms(value, mean.transpose(1, 2, 0), hessian, mode)


def _over(a: FloatArray) -> FloatArray:
    """Return the sum over the second axis (two rows)."""
    return np.asarray(a[:, 0] + a[:, 1])


def _take_information(hessian: FloatArray, weight: FloatArray, direct: FloatArray) -> None:
    """Subtract E[Σ_r A''_r ∂η_r ∂η_r'] from ``hessian`` (b, k, u, u); ``direct`` is ∂η by the scales."""
    m, rows, b, k, nodes = direct.shape
    slope = np.empty((rows, b, k, m + 1, nodes))  # ∂η_r by its own f_r and by the scales
    slope[:, :, :, 0] = 1.0
    slope[:, :, :, 1:] = direct.transpose(1, 2, 3, 0, 4)
    each = np.matmul(slope * weight[..., None, :], slope.swapaxes(-1, -2))  # (rows, b, k, 1 + m, 1 + m)
    for r in range(rows):
        hessian[..., r, r] -= each[r, ..., 0, 0]
        hessian[..., r, rows:] -= each[r, ..., 0, 1:]
        hessian[..., rows:, r] -= each[r, ..., 1:, 0]
        hessian[..., rows:, rows:] -= each[r, ..., 1:, 1:]


def _moving(
    E: FloatArray,
    z: Pair,
    v: Pair,
    H: Symmetric,
    L: Symmetric,
    parts: tuple[FloatArray, ...],
    pulled: list[FloatArray],
    t: FloatArray,
) -> FloatArray:
    """Return what the nodes' moving with the parameters adds to the gradient, (u, b, k)."""
    r0, w0, a3 = parts
    (z1, z2), (v1, v2), (h1, h, h2), (l1, l21, l2) = z, v, H, L
    own = E[0] * v1 + E[1] * v2  # ∂η/∂s_j at the mode, (m, rows, b, k, 1)
    w1, w2 = w0 * z1, w0 * z2
    cross1 = np.concatenate([-w1, _over(r0 * E[0] - w1 * own)])
    cross2 = np.concatenate([-w2, _over(r0 * E[1] - w2 * own)])
    det = h1 * h2 - h * h
    dv1, dv2 = (h2 * cross1 - h * cross2) / det, (h1 * cross2 - h * cross1) / det
    bend = []
    for d, c in ((0, 0), (0, 1), (1, 1)):
        p = a3 * z[d] * z[c]
        direct = _over(p * own + w0 * (E[d] * z[c] + z[d] * E[c]))
        bend.append(np.concatenate([p, direct]) + over_rows(p * z1) * dv1 + over_rows(p * z2) * dv2)
    d11, d12, d22 = bend
    # M = L' dH L with L lower triangular
    m22 = l2 * l2 * d22
    m21 = l2 * (l1 * d12 + l21 * d22)
    m11 = l1 * l1 * d11 + 2.0 * l1 * l21 * d12 + l21 * l21 * d22
    pull1, pull2 = pulled
    turn = np.stack([l1 * pull1 + l21 * pull2, l2 * pull2])
    turned = np.matmul(turn, t)  # (2, b, k, 2): Σ post (L' pull) t'
    t11, t21, t22 = turned[0, ..., :1], turned[1, ..., :1], turned[1, ..., 1:]
    change = dv1 * pull1.sum(axis=-1, keepdims=True) + dv2 * pull2.sum(axis=-1, keepdims=True)
    change -= 0.5 * (m11 * (1.0 + t11) + m22 * (1.0 + t22)) + m21 * t21
    return np.asarray(change[..., 0])
