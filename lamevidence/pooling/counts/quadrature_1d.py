"""One random effect a study: its marginal likelihood by adaptive Gauss-Hermite quadrature, with derivatives.

Row r of a study has η_r = f_r + s e_r v with v ~ N(0, 1); derivatives are with respect to (f_1 … f_R, s).
The formulas are those of `quadrature`, written out for one dimension. Nodes and terms serve two dimensions too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from .cumulants import self_concordant_step

if TYPE_CHECKING:
    from .quadrature import StudyModel

__all__ = ["MODE_STEPS", "Terms", "hermite", "line", "over_rows"]

MODE_STEPS = 60


@dataclass(frozen=True, slots=True)
class Terms:
    """Log-likelihood of each study (b, k) with gradient (b, k, u) and Hessian (b, k, u, u) in its own terms.

    The u terms are the row predictors f and the scale parameters; ``mode`` is (b, k, d).
    """

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    mode: FloatArray


def over_rows(a: FloatArray) -> FloatArray:
    """Return the sum over the first axis (one or two rows; numpy's own reduction costs more than the sum)."""
    return np.asarray(a[0] if a.shape[0] == 1 else a[0] + a[1])


@lru_cache(maxsize=64)
def hermite(nodes: int, d: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes t (q, d) and log{w e^{|t|²/2}} (q,) for the standard normal weight."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    logw = np.log(w) - 0.5 * np.log(2 * np.pi) + x * x / 2
    if d == 1:
        return x[:, None], logw
    t = np.stack(np.meshgrid(*[x] * d, indexing="ij"), axis=-1).reshape(-1, d)
    total = np.sum(np.meshgrid(*[logw] * d, indexing="ij"), axis=0).reshape(-1)
    return t, total


def _mode(
    model: StudyModel, f: FloatArray, z: FloatArray, v: FloatArray, tolerance: float
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
    """Return the mode v̂ (b, k, 1), its curvature H, and (residual, A'', A''') there, (rows, b, k, 1)."""
    x, active = model.counts, model.mask
    zz, reach = z * z, float(np.abs(z).max())
    settled = False
    for _ in range(MODE_STEPS):
        a1, a2, a3 = model.cumulant.upper(f + z * v)
        residual, weight = x - a1, a2
        if active is not None:
            residual, weight, a3 = residual * active, a2 * active, a3 * active
        H = 1.0 + over_rows(weight * zz)
        if settled:
            break
        step = (over_rows(residual * z) - v) / H
        largest = float(np.abs(step).max())
        if largest * reach > 0.1:
            step = step * self_concordant_step(np.abs(z * step).max(axis=0))
        v = v + step
        settled = largest < tolerance
    return v, H, (residual, weight, a3)


def line(model: StudyModel, f: FloatArray, scale: FloatArray, nodes: int, start: FloatArray | None, want: str) -> Terms:
    """Return the studies' terms at row predictors ``f`` (rows, b, k, 1) and scales (b, 1).

    ``want`` is ``value``, ``quick`` (gradient as the mean score on the nodes), ``exact`` (of the quadrature itself) or
    ``slope`` (exact gradient without Hessian).
    """
    rows, b, k = f.shape[:3]
    e = model.E[:, :, 0, 0].T[:, None, :, None]
    z = e * scale[None, :, :, None]
    first = np.zeros((b, k, 1)) if start is None else start
    v, H, parts = _mode(model, f, z, first, 1e-2 if want == "quick" else 1e-7)
    sd = 1.0 / np.sqrt(H)
    t, logw = hermite(nodes, 1)
    t = t[:, 0]
    vq = v + sd * t
    eta = f + z * vq
    a, a1, a2 = model.cumulant.lower(eta)
    height = model.counts * eta - a
    if model.mask is not None:
        height *= model.mask
    g = over_rows(height) - 0.5 * vq * vq + logw
    top = g.max(axis=-1, keepdims=True)
    posterior = np.exp(g - top)
    total = posterior.sum(axis=-1, keepdims=True)
    value = (np.log(sd * total) + top)[..., 0] + model.constant
    if want == "value":
        return Terms(value, value, value, v)
    posterior /= total
    residual, weight = model.counts - a1, a2
    if model.mask is not None:
        residual, weight = residual * model.mask, a2 * model.mask
    score = np.empty((rows + 1, b, k, nodes))
    score[:rows] = residual
    score[rows] = over_rows(e * residual) * vq
    weighted = score * posterior
    mean = np.add.reduce(weighted, axis=-1)
    hessian = value
    if want != "slope":
        centre = mean.transpose(1, 2, 0)
        hessian = np.matmul(weighted.transpose(1, 2, 0, 3), score.transpose(1, 2, 3, 0))
        hessian -= centre[..., :, None] * centre[..., None, :]
        _take_information(hessian, posterior * weight, e, vq)
    if want in ("exact", "slope"):
        pull = over_rows(residual * z) - vq
        mean = mean + _moving(e, z, v, H, sd, parts, posterior * pull, t)
    return Terms(value, mean.transpose(1, 2, 0), hessian, v)


def _take_information(hessian: FloatArray, weight: FloatArray, e: FloatArray, vq: FloatArray) -> None:
    """Subtract E[Σ_r A''_r ∂η_r ∂η_r'] from ``hessian`` (b, k, u, u)."""
    rows = weight.shape[0]
    by_v = weight * vq
    plain, once, twice = weight.sum(axis=-1), e[..., 0] * by_v.sum(axis=-1), (e * e)[..., 0] * (by_v * vq).sum(axis=-1)
    for r in range(rows):
        hessian[..., r, r] -= plain[r]
        hessian[..., r, rows] -= once[r]
        hessian[..., rows, r] -= once[r]
    hessian[..., rows, rows] -= over_rows(twice)


def _moving(
    e: FloatArray,
    z: FloatArray,
    v: FloatArray,
    H: FloatArray,
    sd: FloatArray,
    parts: tuple[FloatArray, ...],
    pulled: FloatArray,
    t: FloatArray,
) -> FloatArray:
    """Return what the nodes' moving with the parameters adds to the gradient, (rows + 1, b, k)."""
    r0, w0, a3 = parts
    wz = w0 * z
    pz = a3 * z * z
    cross = np.concatenate([-wz, over_rows((r0 - wz * v) * e)[None]])
    moved = cross / H
    bend = np.concatenate([pz, over_rows((pz * v + 2.0 * wz) * e)[None]]) + over_rows(pz * z) * moved
    turned = np.matmul(pulled, t)[..., None]
    change = moved * pulled.sum(axis=-1, keepdims=True) - (0.5 / H) * bend * (1.0 + sd * turned)
    return np.asarray(change[..., 0])
