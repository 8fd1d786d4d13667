"""Robust variance estimation with the correlated-effects and the hierarchical-effects working models.

The variances behind the weights come from moments: for residuals e = Ry of a weighted fit and a quadratic form N,
E(e'Ne) = tr(N R Σ R'); equating e'Ne with its expectation gives one linear equation in the variances (Hedges, Tipton
and Johnson 2010, 10.1002/jrsm.5).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_choice, a_flag, a_level, a_number, our_words, shown
from ...foundation.values import Interval
from ...results.contract import Result
from ...results.heterogeneity import Heterogeneity
from ...results.recipe import Recipe, by_label
from ...results.spec import Spec
from ..multilevel.blocks import same_size
from ..multilevel.coefficients import Coefficients, Omnibus, OneCoefficient, SeveralCoefficients, target_design
from ..multilevel.multilevel import checked_covariance
from ..multilevel.terms import Grouping, cluster_labels, group_rows
from ..regression.design import Design
from .inference import RobustInference, robust_inference
from .sandwich import Block, WorkingModel

__all__ = ["RobustVariance", "RobustVarianceRegression", "robust_variance"]

WORKING = ("CORR", "HIER")
DEFAULT_RHO = 0.8
"""Correlation of sampling errors that the method's authors use; results hardly depend on it."""
FEW_DF = 4.0
"""Below this many Satterthwaite df the t approximation is poor (Tipton 2015, 10.1037/met0000011)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _RobustVariance(Result):
    """What both results share; fields as in `RobustVariance`."""

    table: EvidenceTable
    spec: Spec
    design: Design
    robust: RobustInference
    working: RveVariances
    rho: float
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    @property
    def coefficients(self) -> Coefficients:
        """Estimates, robust covariance, degrees of freedom."""
        return self.robust.coefficients

    @property
    def beta(self) -> FloatArray:
        """Coefficients, (p,)."""
        return self.coefficients.estimate

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return self.robust.clusters

    def omnibus(self) -> Omnibus:
        """Return the robust joint test of all coefficients but the intercept."""
        return self.robust.wald(self.design.tested)

    @property
    def tau2(self) -> float | Mapping[str, float]:
        """Variance between clusters of the working model; with HIER also that between rows of a cluster."""
        if math.isnan(self.working.omega2):
            return self.working.tau2
        return {"clusters": self.working.tau2, "rows within clusters": self.working.omega2}

    @property
    def omega2(self) -> float:
        """Variance between rows of a cluster (HIER), NaN for CORR."""
        return self.working.omega2

    @property
    def i2(self) -> float:
        """Share of Q beyond its expectation in percent (CORR), NaN for HIER."""
        return self.working.i2

    def heterogeneity(self) -> Heterogeneity:
        """Return I² and τ² of the working model; it has no Q of its own."""
        note = "robust variance estimation has no test of heterogeneity"
        return Heterogeneity(i2=self.i2, tau2=self.tau2, note=note)

    def prediction(self, level: float | None = None) -> Interval:
        """Refuse: the variances of the working model only make weights, they are not believed.

        Raises
        ------
        NotEstimable
            Always; a multilevel model with robust standard errors has a prediction interval.
        """
        del level
        cluster = None if self.recipe is None else self.recipe.options.get("cluster")
        named = "the same labels" if cluster is None else repr(cluster)
        raise NotEstimable(
            "the variances of robust variance estimation only make weights, so nothing is predicted from them"
            f" · use multilevel(table, random='1 | row', cluster={named})"
        )

    def fitted(self) -> FloatArray:
        """Return x'β of each row, (k,)."""
        return np.asarray(self.design.X @ self.beta)

    def leverage(self) -> FloatArray:
        """Return the leverage of each row in the weighted fit, (k,)."""
        X, bread = self.design.X, self.robust.model.bread
        return np.asarray(self.working.weights * np.einsum("ki,ij,kj->k", X, bread, X))

    def _glance(self) -> Mapping[str, Any]:
        return {"working": self.spec.tau2, "clusters": self.clusters, "omega2": self.omega2, "rho": self.rho}

    def _json(self) -> Mapping[str, Any]:
        return {"clusters": self.clusters, "omega2": self.omega2, "rho": self.rho}

    def _methods(self) -> Sequence[tuple[str, str]]:
        kind = {"CORR": "correlated", "HIER": "hierarchical"}[self.spec.tau2]
        return (
            (
                f"Dependent estimates were pooled by robust variance estimation with the {kind}-effects working model",
                "Hedges, Tipton and Johnson 2010, doi:10.1002/jrsm.5",
            ),
            (
                f"Standard errors are cluster-robust ({self.robust.kind}, {self.clusters} clusters,"
                f" {self.robust.df_kind} degrees of freedom)",
                "Tipton 2015, doi:10.1037/met0000011",
            ),
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobustVariance(_RobustVariance, OneCoefficient):
    """A mean with robust standard error under a working model.

    Attributes
    ----------
    table, spec, design
        What was pooled, and how.
    robust
        Coefficients, covariance, degrees of freedom.
    working
        Variances of the working model: ``tau2`` between clusters, ``omega2`` between rows (HIER), and the ``weights``
        that they make, (k,).
    rho
        Assumed correlation of sampling errors within a cluster (CORR), NaN for HIER.
    notes
        Cautions.
    recipe
        How it was made; what `refit` follows.

    See Also
    --------
    RobustVarianceRegression : with moderators.
    """

    @property
    def weights(self) -> FloatArray:
        """Weight of each row in percent, (k,)."""
        return np.asarray(100.0 * self.working.weights / self.working.weights.sum())


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobustVarianceRegression(_RobustVariance, SeveralCoefficients):
    """Coefficients of moderators with robust standard errors under a working model.

    Attributes are those of `RobustVariance`.
    """

    def _contrast_df(self, contrasts: FloatArray) -> FloatArray:
        return self.robust.contrast_df(contrasts)


@overload
def robust_variance(
    evidence: EvidenceTable,
    *,
    cluster: str | Sequence[Hashable] = ...,
    working: str = ...,
    rho: float | None = ...,
    small: bool = ...,
    moderators: None = ...,
    names: None = ...,
    level: float = ...,
) -> RobustVariance: ...
@overload
def robust_variance(
    evidence: EvidenceTable,
    *,
    cluster: str | Sequence[Hashable] = ...,
    working: str = ...,
    rho: float | None = ...,
    small: bool = ...,
    moderators: str | ArrayLike,
    names: Sequence[str] | None = ...,
    level: float = ...,
) -> RobustVarianceRegression: ...
@our_words(studynum="cluster", modelweights="working")
def robust_variance(
    evidence: EvidenceTable,
    *,
    cluster: str | Sequence[Hashable] = "study",
    working: str = "CORR",
    rho: float | None = None,
    small: bool = True,
    moderators: str | ArrayLike | None = None,
    names: Sequence[str] | None = None,
    level: float = 0.95,
) -> RobustVariance | RobustVarianceRegression:
    """Pool dependent estimates with weights from a simple working model and standard errors robust to it.

    CORR: w_ij = 1/{n_j (v̄_j + τ²)}; HIER: w_ij = 1/(v_ij + τ² + ω²); variances by moments. Small samples: CR2
    with Satterthwaite df; otherwise m/(m − p) times CR0 with m − p df.

    Parameters
    ----------
    evidence
        The k rows to pool.
    cluster
        Column or labels, (k,), of the independent clusters.
    working
        ``CORR`` (estimates from the same patients) or ``HIER`` (sub-studies of a group).
    rho
        Correlation of sampling errors within a cluster, 0 to 1; only CORR uses it, and hardly depends on it.
    small
        Small-sample correction.
    moderators, names
        A formula over the table's moderators, or a design matrix (k, p) with its names.
    level
        Level of intervals, a fraction.

    Returns
    -------
    RobustVariance, RobustVarianceRegression
        The mean; with moderators their coefficients.

    Raises
    ------
    NotEstimable
        Fewer than two clusters, singular design, HIER when no cluster has two rows.
    OptionError, UnknownName, InputError
        Options and data that do not apply.

    See Also
    --------
    lamevidence.multilevel : when variances and predictions are wanted.

    References
    ----------
    Hedges, Tipton and Johnson 2010, 10.1002/jrsm.5; Tipton 2015, 10.1037/met0000011.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, robust_variance
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], vi=[0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> robust_variance(table, cluster="study").robust.clusters
    3
    """
    a_choice("working model", working, WORKING)
    if working == "HIER" and rho is not None:
        raise OptionError(f"rho={shown(rho)} belongs to working='CORR' · leave it out, or say working='CORR'")
    rho = DEFAULT_RHO if rho is None else a_number("rho", rho, least=0, most=1)
    a_flag("small", small)
    level = a_level(level)
    v = checked_covariance(evidence, None)
    v = v if v.ndim == 1 else np.diag(v).copy()
    design = target_design(evidence, moderators, names)
    labels = cluster_labels(evidence, cluster)
    groups = group_rows("cluster", labels)
    if groups.size < 2:
        raise NotEstimable(f"robust variance estimation needs at least two clusters, got {groups.size}")
    if working == "CORR":
        found = correlated_effects(design.basis, evidence.yi, v, groups, rho)
    else:
        found = hierarchical_effects(design.basis, evidence.yi, v, groups)
    robust = _inference(evidence, design, groups, found, small, level)
    options: dict[str, Any] = {"working": working, "small": small, "level": level}
    options["rho"] = rho if working == "CORR" else None
    per_row: dict[str, Mapping[str, Any]] = {}
    if isinstance(cluster, str):
        options["cluster"] = cluster
    else:
        per_row["cluster"] = by_label(evidence, labels)
    if moderators is None or isinstance(moderators, str):
        options["moderators"] = moderators
    else:
        options["names"] = list(design.names)
        per_row["moderators"] = by_label(evidence, design.X)
    why = {"working model": "given", "interval": f"cluster-robust, {groups.size} clusters"}
    title = f"Robust variance ({working}, {groups.size} clusters), {robust.title}"
    spec = Spec("robust variance", working, f"{robust.kind}, {robust.df_kind} df", "none", level, why=why, title=title)
    kind = RobustVariance if moderators is None else RobustVarianceRegression
    rho = float(rho) if working == "CORR" else math.nan
    recipe = Recipe(robust_variance, options, per_row)
    return kind(evidence, spec, design, robust, found, rho, _cautions(robust, small), recipe)


def _inference(
    evidence: EvidenceTable, design: Design, groups: Grouping, found: RveVariances, small: bool, level: float
) -> RobustInference:
    blocks = []
    for rows in same_size(groups.codes):
        eye = np.eye(rows.shape[1])
        w = found.weights[rows][:, :, None] * eye
        blocks.append(Block(rows, eye / found.weights[rows][:, :, None], w))
    model, beta = WorkingModel.of(design.X, evidence.yi, blocks)
    kind, df = ("CR2", "Satterthwaite") if small else ("CR1p", "n-p")
    return robust_inference(model, design.names, beta, kind, df, level)


def _cautions(robust: RobustInference, small: bool) -> tuple[str, ...]:
    few = robust.coefficients.df < FEW_DF
    if not small or not few.any():
        return ()
    bad = ", ".join(n for n, f in zip(robust.coefficients.names, few, strict=True) if f)
    return (f"fewer than 4 degrees of freedom for {bad}: its p value and interval are not reliable",)


@dataclass(frozen=True, slots=True)
class RveVariances:
    """Variances of the working model and the weight of each row; NaN for what the model does not have."""

    tau2: float
    omega2: float
    i2: float
    weights: FloatArray


def _sums(groups: Grouping, values: FloatArray) -> FloatArray:
    out = np.zeros((groups.size, *values.shape[1:]))
    np.add.at(out, groups.codes, values)
    return out


def _weighted(X: FloatArray, y: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    bread = np.asarray(np.linalg.inv(X.T @ (w[:, None] * X)), dtype=np.float64)
    return bread, y - X @ (bread @ (X.T @ (w * y)))


def correlated_effects(X: FloatArray, y: FloatArray, v: FloatArray, groups: Grouping, rho: float) -> RveVariances:
    """Return τ² with working covariance v̄_j[(1 − ρ)I + ρJ] + τ²J and weights 1/{n_j (v̄_j + τ²)}."""
    n = np.bincount(groups.codes, minlength=groups.size).astype(float)
    mean_v = (_sums(groups, v) / n)[groups.codes]
    n_row = n[groups.codes]
    w = 1.0 / (n_row * mean_v)
    bread, e = _weighted(X, y, w)
    q = float((w * e * e).sum())
    sums = _sums(groups, X)
    share = (w / n_row)[:, None] * X
    inner = (1 - rho) * X.T @ share + rho * _sums(groups, share).T @ sums
    weighted = _sums(groups, w[:, None] * X)
    expected = groups.size - float(np.trace(bread @ inner))
    slope = float(w.sum()) - float(np.trace(bread @ (weighted.T @ weighted)))
    _refuse_exact(slope, float(w.sum()))
    tau2 = max(0.0, (q - expected) / slope)
    i2 = max(0.0, 100.0 * (q - expected) / q) if q > 0 else 0.0
    return RveVariances(tau2, float("nan"), i2, 1.0 / (n_row * (mean_v + tau2)))


def _refuse_exact(slope: float, weight: float) -> None:
    """Refuse a τ² between clusters that the coefficients fit exactly."""
    if slope <= 1e-10 * weight:
        raise NotEstimable(
            "the coefficients fit the mean of every cluster exactly, so nothing is left to estimate τ² between clusters"
            " · give fewer moderators"
        )


def hierarchical_effects(X: FloatArray, y: FloatArray, v: FloatArray, groups: Grouping) -> RveVariances:
    """Return τ² and ω² with working covariance diag(v) + ω²I + τ²J and weights 1/(v + τ² + ω²).

    Two equations: e'We with W = diag(1/v), and Σ_j (1'e_j)². ω² is solved first and cut at 0, then τ² from the first.
    """
    n = np.bincount(groups.codes, minlength=groups.size).astype(float)
    if (n == 1).all():
        raise NotEstimable("the hierarchical model needs a cluster with at least two rows · use working='CORR'")
    w = 1.0 / v
    bread, e = _weighted(X, y, w)
    WX, sums = w[:, None] * X, _sums(groups, X)
    weighted = _sums(groups, WX)
    joint = bread @ (sums.T @ sums) @ bread
    q_e, q_j = float((w * e * e).sum()), float((_sums(groups, e) ** 2).sum())
    e_v = X.shape[0] - X.shape[1]
    e_omega = float(w.sum() - np.trace(bread @ (WX.T @ WX)))
    e_tau = float(w.sum() - np.trace(bread @ (weighted.T @ weighted)))

    def of_diagonal(phi: FloatArray) -> float:
        left = _sums(groups, (w * phi)[:, None] * X)
        whole = WX.T @ (phi[:, None] * WX)
        return float(phi.sum() - 2 * np.trace(bread @ (left.T @ sums)) + np.trace(joint @ whole))

    j_v, j_omega = of_diagonal(v), of_diagonal(np.ones_like(v))
    counted = n[:, None] * weighted
    _refuse_exact(e_tau, float(w.sum()))
    j_tau = float((n**2).sum() - 2 * np.trace(bread @ (counted.T @ sums)) + np.trace(joint @ (weighted.T @ weighted)))
    omega2 = ((q_j - j_v) * e_tau - (q_e - e_v) * j_tau) / (j_omega * e_tau - e_omega * j_tau)
    omega2 = max(0.0, omega2)
    tau2 = max(0.0, (q_e - e_v - omega2 * e_omega) / e_tau)
    return RveVariances(tau2, omega2, float("nan"), 1.0 / (v + tau2 + omega2))
