"""Cluster-robust inference for fitted models."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, OptionError
from ..options import a_choice, a_level, an_instance, shown
from .multilevel_blocks import row_blocks, same_size, stack_covariance, stack_rows
from .multilevel_coefficients import Coefficients, Omnibus
from .multilevel_terms import cluster_labels, group_rows
from .robust_sandwich import CROSSED, KINDS, Block, Sandwich, WorkingModel, crossed_sandwich, sandwich

if TYPE_CHECKING:
    import pandas as pd

    from .multilevel_results import MultilevelPooled

__all__ = ["ClusterRobust", "cluster_robust", "robust_coefficients"]

DEGREES = ("Satterthwaite", "n-p", "n-1", "z")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClusterRobust:
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
    """

    kind: str
    df_kind: str
    clusters: int
    coefficients: Coefficients
    model: WorkingModel
    sandwich: Sandwich

    def wald(self, tested: Sequence[int]) -> Omnibus:
        """Return the joint test that some coefficients are 0.

        With Satterthwaite df the approximate Hotelling test HTZ: F = (η − q + 1)/(ηq) Q on q and η − q + 1 df;
        otherwise F = Q/q on q and the df of the coefficients.

        Raises
        ------
        OptionError
            No positions of coefficients.
        NotEstimable
            The robust covariance of these coefficients is singular, or η ≤ q − 1.
        """
        size = self.coefficients.estimate.size
        at = list(tested) if isinstance(tested, list | tuple | range | np.ndarray) else []
        whole = all(isinstance(i, int | np.integer) and not isinstance(i, bool) and 0 <= i < size for i in at)
        if not at or not whole or len(set(at)) != len(at):
            raise OptionError(f"tested={shown(tested)} · give positions of coefficients up to {size - 1}, each once")
        S = self.coefficients.covariance[np.ix_(at, at)]
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

    def tidy(self) -> pd.DataFrame:
        """Return one row a coefficient."""
        return self.coefficients.frame()

    def __repr__(self) -> str:
        lines = [f"{self.kind}, {self.clusters} clusters, {self.df_kind} df"]
        c = self.coefficients
        for name, b, (low, high), d in zip(c.names, c.estimate, c.intervals(), c.df, strict=True):
            lines.append(f"  {name}  {b:.4g}  {100 * c.level:g}% CI {low:.4g} to {high:.4g}  df = {d:.2f}")
        return "\n".join(lines)


def cluster_robust(
    fit: MultilevelPooled, cluster: str | Sequence[Hashable], *, kind: str = "CR2", df: str | None = None,
    level: float | None = None,
) -> ClusterRobust:
    """Return cluster-robust standard errors, tests and intervals of a multilevel model.

    Parameters
    ----------
    fit
        The model; its marginal covariance is the working covariance, its inverse the weights.
    cluster
        Column of the table, or one label a row. Rows that share a random effect or a covariance belong to one cluster,
        except for CR0, CR1, CR1p and CR1S: with the weights of the whole covariance they take clusters that cut through
        crossed effects, too.
    kind
        CR0 (no correction), CR1 (m/(m − 1)), CR1p (m/(m − p)), CR1S, CR2 (unbiased in the working model), CR3.
    df
        ``Satterthwaite`` (default of CR2), ``n-p`` (of the others: clusters minus coefficients), ``n-1``, ``z``.
    level
        Confidence level, the fit's own by default.

    Raises
    ------
    InputError
        Clusters that cut through the random effects (CR2, CR3, Satterthwaite), wrong length.
    NotEstimable
        Fewer than two clusters, no degrees of freedom.
    UnknownName
        Unknown kind or df.

    References
    ----------
    Pustejovsky and Tipton 2018, 10.1080/07350015.2016.1247004; Hedges, Tipton and Johnson 2010, 10.1002/jrsm.5.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, cluster_robust, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], [0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> cluster_robust(multilevel(table), "study").clusters
    3
    """
    from .multilevel_results import MultilevelPooled

    an_instance("fit", fit, MultilevelPooled, "fit one with multilevel(table), or use robust_variance(table)")
    level = fit.spec.level if level is None else a_level(level)
    groups = group_rows("cluster", cluster_labels(fit.table, cluster))
    lik = fit.likelihood
    variances = lik.covariances(fit.maximum.theta)
    nested = _nested(groups.codes, row_blocks(lik.terms, lik.V))
    blocks = []
    for rows in same_size(groups.codes if nested else np.zeros_like(groups.codes)):
        M = lik.scale**2 * stack_covariance(stack_rows(lik.terms, rows, lik.V), variances)
        blocks.append(Block(rows, M, np.asarray(np.linalg.inv(M), dtype=np.float64)))
    model, _ = WorkingModel.of(fit.design.X, fit.table.yi, blocks)
    if nested:
        return robust_coefficients(model, fit.design.names, fit.beta, kind, df, level)
    KINDS.entry(kind)
    if kind not in CROSSED or df == "Satterthwaite":
        raise InputError(
            "rows of different clusters share a random effect or a covariance · choose clusters that hold whole groups,"
            f" or kind {', '.join(CROSSED)} with df 'n-p', which need no covariance within clusters alone"
        )
    crossed = crossed_sandwich(model, groups.codes, kind)
    return robust_coefficients(model, fit.design.names, fit.beta, kind, df, level, crossed)


def _nested(cluster: NDArray[np.intp], blocks: NDArray[np.intp]) -> bool:
    """Return whether every block of dependent rows lies in one cluster."""
    first = np.zeros(int(blocks.max()) + 1, dtype=np.intp)
    first[blocks] = cluster
    return bool((first[blocks] == cluster).all())


def robust_coefficients(
    model: WorkingModel, names: tuple[str, ...], beta: FloatArray, kind: str, df: str | None, level: float,
    made: Sandwich | None = None,
) -> ClusterRobust:
    """Return robust inference of a working model, by the sandwich ``made`` or its own; see `cluster_robust`."""
    KINDS.entry(kind)
    df = ("Satterthwaite" if kind == "CR2" else "n-p") if df is None else df
    a_choice("degrees of freedom", df, DEGREES)
    made = sandwich(model, kind) if made is None else made
    p = beta.size
    if df == "Satterthwaite":
        degrees = made.satterthwaite(np.eye(p))
    else:
        degrees = np.full(p, {"n-p": made.clusters - p, "n-1": made.clusters - 1, "z": np.inf}[df], dtype=np.float64)
    if not (degrees > 0).all():
        raise NotEstimable(f"{made.clusters} clusters leave no df for {p} coefficients ({df}) · use df='z'")
    coefficients = Coefficients(names, np.array(beta), np.array(made.covariance), degrees, level)
    return ClusterRobust(kind, df, made.clusters, coefficients, model, made)
