"""Marginal likelihood of each study by adaptive Gauss-Hermite quadrature, with exact derivatives.

Study i has rows r with linear predictor η = f + Z v, v ~ N(0, I_d), where f = offset + X β + l α
(α: the study's own nuisance parameter) and Z = Σ_j s_j E_j is linear in the scale parameters s. With g(v) =
Σ_r {x η − A(η)} − v'v/2, mode v̂ and L L' = (−g'')^(−1) there,

    log ∫ φ(v) e^{Σ x η − A} dv ≈ log|L| + log Σ_q w_q exp{|t_q|²/2 + g(v̂ + L t_q)}

(Liu & Pierce 1994, doi:10.1093/biomet/81.3.624; one node is Laplace's approximation). The gradient is
that of the right-hand side, nodes moving with the parameters, so an optimum is the optimum of exactly this
function. The Hessian is Louis's identity (1982, doi:10.1111/j.2517-6161.1982.tb01203.x) on the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..effects.measures.base import FloatArray
from .glmm_cumulants import Cumulant, self_concordant_step

__all__ = ["Evaluation", "StudyModel", "evaluate", "hermite"]

MODE_STEPS = 60


@dataclass(frozen=True, slots=True)
class StudyModel:
    """The likelihood of k independent studies.

    Attributes
    ----------
    x, offset, local
        Counts, offsets and the design of the study's own parameter, (k, rows); ``local`` is zero when there is none.
    X
        Design of the common coefficients, (k, rows, p).
    E
        ∂Z/∂s: (k, rows, m, d) for m scale parameters and d random effects a study.
    active
        1 for rows that count, 0 for rows fitted perfectly by their own parameter, (k, rows).
    constant
        What the likelihood adds that no parameter touches, (k,).
    cumulant
        A(η).
    has_local
        Whether each study has a parameter of its own.
    """

    x: FloatArray
    offset: FloatArray
    local: FloatArray
    X: FloatArray
    E: FloatArray
    active: FloatArray
    constant: FloatArray
    cumulant: Cumulant
    has_local: bool = False

    @property
    def k(self) -> int:
        """Number of studies."""
        return int(self.x.shape[0])

    @property
    def p(self) -> int:
        """Number of common coefficients."""
        return int(self.X.shape[2])

    @property
    def m(self) -> int:
        """Number of scale parameters."""
        return int(self.E.shape[2])

    @property
    def d(self) -> int:
        """Random effects a study."""
        return int(self.E.shape[3])

    def without_random(self) -> StudyModel:
        """Return the model with no random effects at all."""
        k, rows = self.x.shape
        return replace(self, E=np.zeros((k, rows, 0, 0)))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Value (b,), gradient and Hessian of each study: (b, k, a), (b, k, a, a), a = local + p + m."""

    value: FloatArray
    studies: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    mode: FloatArray


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


def _linear(model: StudyModel, alpha: FloatArray, beta: FloatArray) -> FloatArray:
    f = model.offset + np.einsum("krp,bp->bkr", model.X, beta)
    return np.asarray(f + model.local * alpha[..., None]) if model.has_local else np.asarray(f)


def _mode(
    model: StudyModel, f: FloatArray, Z: FloatArray, start: FloatArray | None, tolerance: float
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
    """Return the mode v̂ (b,k,d), its curvature H (b,k,d,d) and (residual, A'', A''') there."""
    eye = np.eye(model.d)
    v = np.zeros((*f.shape[:2], model.d)) if start is None else start
    ZZ = (Z[..., :, None] * Z[..., None, :]).reshape(*Z.shape[:3], -1)
    settled = False
    for _ in range(MODE_STEPS):
        eta = f + np.einsum("bkrd,bkd->bkr", Z, v)
        _, a1, a2, a3 = (part[:, :, 0, :] for part in model.cumulant.derivatives(eta[:, :, None, :]))
        residual, weight = (model.x - a1) * model.active, a2 * model.active
        H = eye + np.matmul(weight[:, :, None, :], ZZ).reshape(*weight.shape[:2], model.d, model.d)
        if settled:
            break
        g = np.einsum("bkr,bkrd->bkd", residual, Z) - v
        step = _solve(H, g)
        move = np.abs(np.einsum("bkrd,bkd->bkr", Z, step)).max(axis=-1)
        v = v + step * self_concordant_step(move)[..., None]
        settled = bool(np.abs(step).max(initial=0.0) < tolerance)
    return v, H, (residual, weight, a3 * model.active)


def _solve(H: FloatArray, g: FloatArray) -> FloatArray:
    if H.shape[-1] == 1:
        return np.asarray(g / H[..., 0])
    return np.asarray(np.linalg.solve(H, g[..., None])[..., 0])


def _factor(H: FloatArray) -> FloatArray:
    """Return lower-triangular L with L L' = H^(−1)."""
    if H.shape[-1] == 1:
        return np.asarray(1.0 / np.sqrt(H))
    return np.asarray(np.linalg.cholesky(np.linalg.inv(H)))


def evaluate(
    model: StudyModel,
    alpha: FloatArray,
    beta: FloatArray,
    scale: FloatArray,
    nodes: int,
    start: FloatArray | None = None,
    quick: bool = False,
) -> Evaluation:
    """Return the log-likelihood and its derivatives at a batch of parameter values.

    Parameters
    ----------
    model
        The likelihood.
    alpha, beta, scale
        (b, k), (b, p), (b, m).
    nodes
        Quadrature nodes a dimension; 1 is Laplace.
    start
        Modes of a nearby evaluation, (b, k, d).
    quick
        For scans: nodes only near the modes, gradient as the mean score on them.
    """
    f = _linear(model, alpha, beta)
    Z = np.einsum("krmd,bm->bkrd", model.E, scale)
    v, H, parts = _mode(model, f, Z, start, 1e-2 if quick else 1e-7)
    L = _factor(H)
    t, logw = hermite(nodes, model.d)
    vq = v[:, :, None, :] + np.matmul(t, np.swapaxes(L, -1, -2))
    eta = f[:, :, None, :] + np.matmul(vq, np.swapaxes(Z, -1, -2))
    a, a1, a2, _ = model.cumulant.derivatives(eta)
    active = model.active[:, None, :]
    g = ((model.x[:, None, :] * eta - a) * active).sum(axis=-1) - 0.5 * np.einsum("bkqd,bkqd->bkq", vq, vq)
    g += logw
    top = g.max(axis=-1)
    weight = np.exp(g - top[..., None])
    total = weight.sum(axis=-1)
    posterior = weight / total[..., None]
    logdet = np.log(np.einsum("bkdd->bkd", L)).sum(axis=-1)
    studies = logdet + top + np.log(total) + model.constant
    residual = (model.x[:, None, :] - a1) * active
    score, hessian = _louis(model, vq, posterior, residual, a2 * active)
    gradient = score if quick else _gradient(model, Z, v, L, H, parts, vq, t, posterior, residual)
    return Evaluation(studies.sum(axis=-1), studies, gradient, hessian, v)


def _direct(model: StudyModel, v: FloatArray) -> FloatArray:
    """Return ∂η/∂(α, β, s) at fixed v: (b, k, q, rows, a)."""
    b, k, q, _ = v.shape
    rows = model.x.shape[1]
    parts = []
    if model.has_local:
        parts.append(np.broadcast_to(model.local[:, None, :, None], (b, k, q, rows, 1)))
    parts.append(np.broadcast_to(model.X[:, None], (b, k, q, rows, model.p)))
    flat = model.E.reshape(k, rows * model.m, model.d)
    parts.append(np.matmul(v, np.swapaxes(flat, -1, -2)).reshape(b, k, q, rows, model.m))
    return np.concatenate(parts, axis=-1)


def _gradient(
    model: StudyModel,
    Z: FloatArray,
    v: FloatArray,
    L: FloatArray,
    H: FloatArray,
    parts: tuple[FloatArray, ...],
    vq: FloatArray,
    t: FloatArray,
    posterior: FloatArray,
    residual: FloatArray,
) -> FloatArray:
    """Return the gradient of the quadrature value, nodes moving with the parameters: (b, k, a)."""
    r0, w0, a3 = parts
    at_mode = _direct(model, v[:, :, None, :])[:, :, 0]
    cross = -np.matmul(np.swapaxes(at_mode, -1, -2), w0[..., None] * Z)
    first = model.p + int(model.has_local)
    cross[:, :, first:, :] += np.einsum("bkr,krmd->bkmd", r0, model.E)
    if model.d == 1:
        dv = cross / H[..., 0][..., None, :]
    else:
        dv = np.swapaxes(np.linalg.solve(H, np.swapaxes(cross, -1, -2)), -1, -2)
    deta = at_mode + np.einsum("bkrd,bkad->bkra", Z, dv)
    ZZ = (Z[..., :, None] * Z[..., None, :]).reshape(*Z.shape[:3], -1)
    dH = np.matmul(np.swapaxes(a3[..., None] * deta, -1, -2), ZZ).reshape(*deta.shape[:2], -1, model.d, model.d)
    turn = np.einsum("krmd,bkre->bkmde", model.E, w0[..., None] * Z)
    dH[:, :, first:] += turn + np.swapaxes(turn, -1, -2)
    M = np.matmul(np.matmul(np.swapaxes(L, -1, -2)[:, :, None], dH), L[:, :, None])
    trace = np.einsum("bkadd->bka", M)
    phi = np.tril(M, -1) + 0.5 * np.eye(model.d) * M
    pull = np.matmul(residual, Z) - vq
    mean_pull = np.einsum("bkq,bkqd->bkd", posterior, pull)
    turned = np.matmul(np.swapaxes(np.matmul(posterior[..., None] * pull, L), -1, -2), t)
    gradient = -0.5 * trace + np.einsum("bkad,bkd->bka", dv, mean_pull)
    gradient -= np.einsum("bkafe,bkfe->bka", phi, turned)
    pr = posterior[..., None] * residual
    summed = pr.sum(axis=2)
    if model.has_local:
        gradient[:, :, 0] += np.einsum("bkr,kr->bk", summed, model.local)
    gradient[:, :, first - model.p : first] += np.einsum("bkr,krp->bkp", summed, model.X)
    gradient[:, :, first:] += np.einsum("bkrd,krmd->bkm", np.matmul(np.swapaxes(pr, -1, -2), vq), model.E)
    return np.asarray(gradient)


def _louis(
    model: StudyModel, vq: FloatArray, posterior: FloatArray, residual: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return E[score] (b, k, a) and E[−information] + Var[score] (b, k, a, a) over the posterior of v."""
    direct = _direct(model, vq)
    score = np.matmul(residual[..., None, :], direct)[..., 0, :]
    mean = np.matmul(posterior[:, :, None, :], score)[:, :, 0, :]
    centred = score - mean[:, :, None, :]
    weighted = (posterior[..., None] * weight)[..., None] * direct
    b, k, q, rows, a = direct.shape
    information = np.matmul(np.swapaxes(weighted.reshape(b, k, q * rows, a), -1, -2), direct.reshape(b, k, q * rows, a))
    spread = np.matmul(np.swapaxes(posterior[..., None] * centred, -1, -2), centred)
    return mean, np.asarray(spread - information)
