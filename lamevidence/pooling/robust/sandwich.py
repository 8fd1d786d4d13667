"""The sandwich covariance of weighted least squares with clusters, and degrees of freedom of tests made with it.

β̂ = C X'W y, C = (X'WX)⁻¹; V^R = C (Σ_g X_g'W_g A_g e_g e_g'A_g'W_g X_g) C. The adjustment matrices A_g of CR2 make V^R
unbiased under the working covariance Φ (Pustejovsky and Tipton 2018, 10.1080/07350015.2016.1247004); the degrees of
freedom match the first two moments of V^R under Φ to a multiple of χ².
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import NotEstimable

__all__ = ["CROSSED", "KINDS", "Block", "Sandwich", "WorkingModel", "crossed_sandwich", "sandwich"]

CROSSED = ("CR0", "CR1", "CR1p", "CR1S")
"""Kinds without an adjustment matrix: they need no working covariance of single clusters."""

NULL_EIGENVALUE = 1e-10
"""Directions of a cluster that the fit takes up completely (leverage 1) carry no residual and get weight 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Clusters of one size n: rows (b, n), working covariance and weights (b, n, n)."""

    rows: NDArray[np.intp]
    covariance: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class WorkingModel:
    """Weighted least squares with the clusters of its rows.

    Attributes
    ----------
    X, residual
        Design (k, p), and y − Xβ̂ (k,).
    bread
        C = (X'WX)⁻¹.
    blocks
        Clusters, those of one size together.
    meat
        X'WΦWX, equal to the inverse of C where W = Φ⁻¹.
    """

    X: FloatArray
    residual: FloatArray
    bread: FloatArray
    blocks: tuple[Block, ...]
    meat: FloatArray

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return sum(b.rows.shape[0] for b in self.blocks)

    @classmethod
    def of(cls, X: FloatArray, y: FloatArray, blocks: Sequence[Block]) -> tuple[WorkingModel, FloatArray]:
        """Return the model and β̂."""
        p = X.shape[1]
        information, meat, score = np.zeros((p, p)), np.zeros((p, p)), np.zeros(p)
        for b in blocks:
            WX = b.weights @ X[b.rows]
            information += np.einsum("gni,gnj->ij", X[b.rows], WX)
            meat += np.einsum("gni,gnm,gmj->ij", WX, b.covariance, WX)
            score += np.einsum("gni,gn->i", WX, y[b.rows])
        bread = np.asarray(np.linalg.inv((information + information.T) / 2), dtype=np.float64)
        beta = bread @ score
        return cls(X, y - X @ beta, bread, tuple(blocks), meat), beta


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    """Robust covariance and what its degrees of freedom are made of, one entry a cluster.

    Attributes
    ----------
    covariance
        V^R, (p, p).
    scores
        X_g'W_g A_g e_g, (m, p).
    slopes
        X_g'W_g A_g X_g, (m, p, p): how the scores change with β.
    own, left, right
        With s_g = A_g'W_g X_g: s'Φs, s'X and s'ΦWX, each (m, p, p).
    bread, spread
        C, and C X'WΦWX C.
    factor
        Multiplier of the covariance (CR1).
    """

    covariance: FloatArray
    scores: FloatArray
    slopes: FloatArray
    own: FloatArray
    left: FloatArray
    right: FloatArray
    bread: FloatArray
    spread: FloatArray
    factor: float

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.scores.shape[0])

    def satterthwaite(self, contrasts: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row of ``contrasts`` (q, p)."""
        out = []
        for c in contrasts:
            parts = _Parts.of(self, (c @ self.bread)[:, None])
            mean = parts.mean()[0, 0]
            out.append(mean**2 / parts.products(0, 0, 0, 0))
        return np.array(out)

    def hotelling(self, contrasts: FloatArray) -> float:
        """Return η of the approximate Hotelling T² test of q contrasts (HTZ), (q, p)."""
        directions = self.bread @ contrasts.T
        expected = _Parts.of(self, directions).mean()
        values, vectors = np.linalg.eigh(expected)
        parts = _Parts.of(self, directions @ (vectors / np.sqrt(values)) @ vectors.T)
        q = contrasts.shape[0]
        total = sum(parts.products(s, s, t, t) + parts.products(s, t, t, s) for s in range(q) for t in range(q))
        return float(q * (q + 1) / total)


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Covariances of the projected scores: P_st = diag(own_st) + F_s N F_t', s and t directions, (m, m) each."""

    own: FloatArray
    F: FloatArray
    N: FloatArray

    @classmethod
    def of(cls, made: Sandwich, directions: FloatArray) -> _Parts:
        own = np.einsum("ps,gpr,rt->stg", directions, made.own, directions)
        x = np.einsum("ps,gpr->sgr", directions, made.left)
        y = np.einsum("ps,gpr->sgr", directions, made.right)
        zero = np.zeros_like(made.bread)
        N = np.block([[made.spread, -made.bread], [-made.bread, zero]])
        return cls(own, np.concatenate([x, y], axis=2), N)

    def mean(self) -> FloatArray:
        """Return the traces, (q, q): the expected robust covariance of the directions."""
        return np.asarray(self.own.sum(axis=2) + np.einsum("sgi,ij,tgj->st", self.F, self.N, self.F))

    def products(self, s: int, t: int, u: int, v: int) -> float:
        """Return Σ_gh P_st[g, h] P_uv[g, h] without forming an (m, m) matrix."""
        F, N = self.F, self.N
        low_st = np.einsum("gi,ij,gj->g", F[s], N, F[t])
        low_uv = np.einsum("gi,ij,gj->g", F[u], N, F[v])
        own = (self.own[s, t] * (self.own[u, v] + low_uv) + self.own[u, v] * low_st).sum()
        return float(own + np.trace(N @ (F[t].T @ F[v]) @ N.T @ (F[u].T @ F[s])))


Adjust = Callable[[WorkingModel, Block], FloatArray | None]
Factor = Callable[[int, int, int], float]


@dataclass(frozen=True, slots=True)
class Kind:
    """Adjustment matrices A (None: identity) and a factor of (clusters, rows, coefficients)."""

    adjust: Adjust
    factor: Factor


KINDS: Catalog[Kind] = Catalog("cluster-robust covariance")


def _identity(model: WorkingModel, block: Block) -> None:
    del model, block


def residual_covariance(model: WorkingModel, block: Block) -> FloatArray:
    """Return the working covariance of the residuals of each cluster: its block of (I − H)Φ(I − H)'."""
    X = model.X[block.rows]
    K = block.covariance @ block.weights @ X
    cross = X @ model.bread @ np.swapaxes(K, 1, 2)
    spread = model.bread @ model.meat @ model.bread
    return np.asarray(block.covariance - cross - np.swapaxes(cross, 1, 2) + X @ spread @ np.swapaxes(X, 1, 2))


def _unbiased(model: WorkingModel, block: Block) -> FloatArray:
    """Return A = D'(D R D')^{-1/2} D, with Φ = D'D and R the working covariance of the residuals."""
    D = np.swapaxes(np.linalg.cholesky(block.covariance), 1, 2)
    B = D @ residual_covariance(model, block) @ np.swapaxes(D, 1, 2)
    return np.asarray(np.swapaxes(D, 1, 2) @ inverse_root(B) @ D)


def inverse_root(B: FloatArray) -> FloatArray:
    """Return the symmetric inverse square roots of positive semidefinite matrices, 0 in their null space."""
    values, vectors = np.linalg.eigh((B + np.swapaxes(B, -1, -2)) / 2)
    live = values > NULL_EIGENVALUE * np.abs(values).max(axis=-1, keepdims=True)
    root = np.where(live, 1.0 / np.sqrt(np.where(live, values, 1.0)), 0.0)
    return np.asarray((vectors * root[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def _jackknife(model: WorkingModel, block: Block) -> FloatArray:
    """Return A = (I − H_gg)⁻¹."""
    X = model.X[block.rows]
    H = X @ model.bread @ np.swapaxes(X, 1, 2) @ block.weights
    left = np.eye(block.rows.shape[1]) - H
    if (np.linalg.svd(left, compute_uv=False)[:, -1] < NULL_EIGENVALUE).any():
        raise NotEstimable("a cluster alone determines a coefficient, CR3 does not exist · use CR2 or CR1")
    return np.asarray(np.linalg.inv(left))


def _register(code: str, title: str, adjust: Adjust, factor: Factor, reference: str) -> None:
    KINDS.register(code, title=title, reference=reference)(Kind(adjust, factor))


_LIANG, _PT = "10.1093/biomet/73.1.13", "10.1080/07350015.2016.1247004"
_register("CR0", "no correction", _identity, lambda m, k, p: 1.0, _LIANG)
_register("CR1", "m/(m − 1)", _identity, lambda m, k, p: m / (m - 1), _PT)
_register("CR1p", "m/(m − p)", _identity, lambda m, k, p: m / (m - p) if m > p else np.nan, _PT)
_register("CR1S", "m(k − 1)/((m − 1)(k − p))", _identity, lambda m, k, p: m * (k - 1) / ((m - 1) * (k - p)), _PT)
_register("CR2", "bias-reduced linearisation", _unbiased, lambda m, k, p: 1.0, _PT)
_register("CR3", "leave-one-cluster-out", _jackknife, lambda m, k, p: 1.0, _PT)


def sandwich(model: WorkingModel, kind: str) -> Sandwich:
    """Return the cluster-robust covariance of one kind.

    Raises
    ------
    UnknownName
        No such kind.
    NotEstimable
        Fewer than two clusters, or no more clusters than coefficients where the factor needs more.
    """
    rule = KINDS[kind]
    factor = _factor(model, model.clusters, kind)
    parts: list[list[FloatArray]] = [[], [], [], [], []]
    for block in model.blocks:
        A = rule.adjust(model, block)
        X, e = model.X[block.rows], model.residual[block.rows]
        WX = block.weights @ X
        s = WX if A is None else np.swapaxes(A, 1, 2) @ WX
        t = np.swapaxes(s, 1, 2)
        made = (t @ e[..., None])[..., 0], t @ X, t @ block.covariance @ s, t @ X, t @ block.covariance @ WX
        for part, value in zip(parts, made, strict=True):
            part.append(value)
    scores, slopes, own, left, right = (np.concatenate(part) for part in parts)
    C = model.bread
    half = scores @ C  # a product with its own transpose: no variance below 0 by rounding
    covariance = factor * (half.T @ half)
    return Sandwich(covariance, scores, slopes, own, left, right, C, C @ model.meat @ C, factor)


def _factor(model: WorkingModel, m: int, kind: str) -> float:
    """Return the multiplier of one kind for m clusters, or say why there is none."""
    k, p = model.X.shape
    if m < 2:
        raise NotEstimable(f"cluster-robust inference needs at least two clusters, got {m} · leave cluster out")
    factor = KINDS[kind].factor(m, k, p)
    if not np.isfinite(factor):
        raise NotEstimable(f"{kind} needs more clusters ({m}) than coefficients ({p}) · use CR2")
    return factor


def crossed_sandwich(model: WorkingModel, codes: NDArray[np.intp], kind: str) -> Sandwich:
    """Return the sandwich of clusters that cut through the dependent rows, without parts for degrees of freedom.

    The score of cluster g is Σ_{i in g} (WX)_i e_i with the weights W of the whole covariance.
    """
    m, (k, p) = int(codes.max()) + 1, model.X.shape
    factor = _factor(model, m, kind)
    weighted = np.empty((k, p))
    for block in model.blocks:
        weighted[block.rows] = block.weights @ model.X[block.rows]
    scores = np.zeros((m, p))
    np.add.at(scores, codes, weighted * model.residual[:, None])
    C, none = model.bread, np.zeros((m, p, p))
    half = scores @ C  # a product with its own transpose: no variance below 0 by rounding
    covariance = factor * (half.T @ half)
    return Sandwich(covariance, scores, none, none, none, none, C, C @ model.meat @ C, factor)
