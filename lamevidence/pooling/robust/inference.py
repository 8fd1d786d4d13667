"""Cluster-robust inference of a weighted fit: covariance, degrees of freedom, joint tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, NotEstimable, OptionError
from ...foundation.options import a_choice, shown
from ..multilevel.blocks import row_blocks, same_size, stack_covariance, stack_rows
from ..multilevel.coefficients import Coefficients, Omnibus
from ..multilevel.fitted import FittedModel
from .sandwich import CROSSED, KINDS, Block, Sandwich, WorkingModel, crossed_sandwich, sandwich

__all__ = ["RobustInference", "multilevel_inference", "robust_inference"]

NO_WEIGHT = 1e-10
"""A weight, or a standard error, below this share of the largest one is 0 but for rounding."""
DEGREES = ("Satterthwaite", "n-p", "n-1", "z")


@dataclass(frozen=True, slots=True, eq=False)
class RobustInference:
    """Coefficients with a cluster-robust covariance.

    Attributes
    ----------
    kind, df_kind
        Kind of covariance (``CR2`` …) and of degrees of freedom.
    clusters
        Number of clusters.
    coefficients
        Estimates, robust covariance, df.
    model, sandwich
        What they were made from.
    notes
        Which coefficients have no robust standard error, and why.
    """

    kind: str
    df_kind: str
    clusters: int
    coefficients: Coefficients
    model: WorkingModel
    sandwich: Sandwich
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Kind and degrees of freedom in a few words."""
        return f"{self.kind} ({self.df_kind} df)"

    def contrast_df(self, contrasts: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row of ``contrasts`` (m, p), of Satterthwaite by the row itself."""
        if self.df_kind == "Satterthwaite":
            return self.sandwich.satterthwaite(contrasts)
        return self.coefficients.least_df(contrasts)

    def wald(self, tested: Sequence[int]) -> Omnibus:
        """Return the joint test that some coefficients are 0.

        With Satterthwaite df the approximate Hotelling test HTZ: F = (η − q + 1)/(ηq) Q on q and η − q + 1 df;
        otherwise F = Q/q on q and the df of the coefficients.

        Parameters
        ----------
        tested
            Positions of coefficients.

        Raises
        ------
        OptionError
            No positions of coefficients.
        NotEstimable
            The robust covariance of these coefficients is singular, or η ≤ q − 1.

        References
        ----------
        Pustejovsky and Tipton 2018, 10.1080/07350015.2016.1247004.
        """
        size = self.coefficients.estimate.size
        at = list(tested) if isinstance(tested, list | tuple | range | np.ndarray) else []
        whole = all(isinstance(i, int | np.integer) and not isinstance(i, bool) and 0 <= i < size for i in at)
        if not at or not whole or len(set(at)) != len(at):
            raise OptionError(f"tested={shown(tested)} · give positions of coefficients up to {size - 1}, each once")
        S = self.coefficients.covariance[np.ix_(at, at)]
        if not np.isfinite(S).all():
            raise NotEstimable(f"no joint test: {'; '.join(self.notes)}")
        if np.linalg.matrix_rank(S) < len(at):
            raise NotEstimable(f"{len(at)} coefficients cannot be tested jointly with {self.clusters} clusters")
        if self.df_kind != "Satterthwaite":
            return self.coefficients.wald(at)
        b, q = self.coefficients.estimate[at], len(at)
        eta = self.sandwich.hotelling(np.eye(self.coefficients.estimate.size)[at])
        if eta <= q - 1:
            raise NotEstimable(f"a joint test of {q} coefficients has no df (eta {eta:.3g}) · test fewer")
        F = (eta - q + 1) / (eta * q) * float(b @ np.linalg.solve(S, b))
        return Omnibus(F, q, eta - q + 1, float(special.fdtrc(q, eta - q + 1, F)))


def robust_inference(
    model: WorkingModel,
    names: tuple[str, ...],
    beta: FloatArray,
    kind: str,
    df: str | None,
    level: float,
    made: Sandwich | None = None,
) -> RobustInference:
    """Return robust inference of a working model, by the sandwich ``made`` or its own; see `cluster_robust`."""
    KINDS.entry(kind)
    df = ("Satterthwaite" if kind == "CR2" else "n-p") if df is None else df
    a_choice("degrees of freedom", df, DEGREES)
    made = sandwich(model, kind) if made is None else made
    p = beta.size
    alone = _without_variation(model, made)
    if df == "Satterthwaite":
        degrees = np.full(p, np.nan)
        degrees[~alone] = made.satterthwaite(np.eye(p)[~alone])
    else:
        degrees = np.full(p, {"n-p": made.clusters - p, "n-1": made.clusters - 1, "z": np.inf}[df], dtype=np.float64)
    if not (degrees[~alone] > 0).all() and not alone.all():
        raise NotEstimable(f"{made.clusters} clusters leave no df for {p} coefficients ({df}) · use df='z'")
    covariance = np.array(made.covariance)
    covariance[alone], covariance[:, alone], degrees[alone] = np.nan, np.nan, np.nan
    notes = tuple(
        f"{names[j]} rests on one cluster alone, so nothing shows how it varies between clusters: it has no"
        " cluster-robust standard error"
        for j in np.flatnonzero(alone)
    )
    coefficients = Coefficients(names, np.array(beta), covariance, degrees, level)
    return RobustInference(kind, df, made.clusters, coefficients, model, made, notes)


def _without_variation(model: WorkingModel, made: Sandwich) -> NDArray[np.bool_]:
    """Return which coefficients rest on one cluster alone, (p,): the rows of others have no weight in them.

    Their variation between clusters is unknown. CR0 and CR1 call it 0, CR2 takes that within the cluster.
    """
    shares = np.concatenate(
        [np.abs(np.einsum("gnm,gmp->gnp", b.weights, model.X[b.rows]) @ model.bread).max(axis=1) for b in model.blocks]
    )
    if shares.shape[0] != made.clusters:  # clusters that cut through the blocks
        robust, working = np.diag(made.covariance), np.diag(model.bread @ model.meat @ model.bread)
        return np.asarray((robust <= NO_WEIGHT**2 * working) & (np.abs(model.residual).max() > 0))
    return np.asarray((shares > NO_WEIGHT * shares.max(axis=0)).sum(axis=0) == 1)


def multilevel_inference(
    model: FittedModel, clusters: NDArray[np.intp], kind: str, df: str | None, level: float
) -> RobustInference:
    """Return robust inference of a multilevel model; its marginal covariance is the working covariance.

    Parameters
    ----------
    model
        The fitted model.
    clusters
        Code of the cluster of each row, (k,).
    kind, df, level
        As in `lamevidence.cluster_robust`.
    """
    lik, variances = model.likelihood, model.covariances
    nested = _nested(clusters, row_blocks(lik.terms, lik.V))
    blocks = []
    for rows in same_size(clusters if nested else np.zeros_like(clusters)):
        M = lik.scale**2 * stack_covariance(stack_rows(lik.terms, rows, lik.V), variances)
        blocks.append(Block(rows, M, np.asarray(np.linalg.inv(M), dtype=np.float64)))
    working, _ = WorkingModel.of(model.design.X, model.y, blocks)
    if nested:
        return robust_inference(working, model.design.names, model.beta, kind, df, level)
    KINDS.entry(kind)
    if kind not in CROSSED or df == "Satterthwaite":
        raise InputError(
            "rows of different clusters share a random effect or a covariance · choose clusters that hold whole groups,"
            f" or kind {', '.join(CROSSED)} with df 'n-p', which need no covariance within clusters alone"
        )
    crossed = crossed_sandwich(working, clusters, kind)
    return robust_inference(working, model.design.names, model.beta, kind, df, level, crossed)


def _nested(cluster: NDArray[np.intp], blocks: NDArray[np.intp]) -> bool:
    """Return whether every block of dependent rows lies in one cluster."""
    first = np.zeros(int(blocks.max()) + 1, dtype=np.intp)
    first[blocks] = cluster
    return bool((first[blocks] == cluster).all())
