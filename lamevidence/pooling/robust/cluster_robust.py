"""Cluster-robust inference for fitted models."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_level, an_instance, our_words
from ...foundation.values import Interval
from ...results.contract import Result
from ...results.heterogeneity import Heterogeneity, prediction_se
from ...results.recipe import Recipe, by_label
from ...results.spec import Spec
from ..inverse_variance.pooled import Pooled
from ..kernel.distributions import quantile
from ..multilevel.blocks import same_size
from ..multilevel.coefficients import (
    Coefficients,
    Omnibus,
    OneCoefficient,
    SeveralCoefficients,
    probability_below,
    target_design,
)
from ..multilevel.multilevel_results import MultilevelPooled, MultilevelRegression
from ..multilevel.predict import new_variance
from ..multilevel.terms import cluster_labels, group_rows
from ..regression.design import Design
from ..regression.regression_results import Regression
from .inference import RobustInference, multilevel_inference, robust_inference
from .sandwich import Block, Sandwich, WorkingModel

__all__ = ["ClusterRobust", "ClusterRobustRegression", "cluster_robust"]

Mean = Pooled | MultilevelPooled
Several = Regression | MultilevelRegression


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Robust(Result):
    """What both results share; fields as in `ClusterRobust`."""

    table: EvidenceTable
    spec: Spec
    fit: Any
    inference: RobustInference
    design: Design
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    @property
    def coefficients(self) -> Coefficients:
        """Estimates, robust covariance, degrees of freedom."""
        return self.inference.coefficients

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return self.inference.clusters

    @property
    def sandwich(self) -> Sandwich:
        """Robust covariance and what its degrees of freedom are made of."""
        return self.inference.sandwich

    def wald(self, tested: Sequence[int]) -> Omnibus:
        """Return the robust joint test that some coefficients are 0; see `RobustInference.wald`.

        Parameters
        ----------
        tested
            Positions of coefficients, from 0: ``[1, 2]`` tests the two slopes of a model with intercept (clubSandwich:
            ``Wald_test(fit, constrain_zero(2:3), test="HTZ")``).
        """
        return self.inference.wald(tested)

    def omnibus(self) -> Omnibus:
        """Return the robust joint test of all coefficients but the intercept."""
        return self.inference.wald(self.design.tested)

    @property
    def tau2(self) -> float | Mapping[str, float]:
        """Variance between studies of the model, by component where it has several."""
        tau2: float | Mapping[str, float] = self.fit.tau2
        return tau2

    def heterogeneity(self) -> Heterogeneity:
        """Return the heterogeneity of the model; robust inference does not change it."""
        found: Heterogeneity = self.fit.heterogeneity()
        return found

    def fitted(self) -> FloatArray:
        """Return the fitted value of each row, (k,)."""
        return np.asarray(self.design.X @ self.coefficients.estimate)

    def leverage(self) -> FloatArray:
        """Return the leverage of each row in the model, (k,)."""
        leverage: FloatArray = self.fit.leverage()
        return leverage

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return each row's true effect as the model sees it: estimate and bounds, (k, 3)."""
        effects: FloatArray = self.fit.study_effects(self._level(level))
        return effects

    def _glance(self) -> Mapping[str, Any]:
        return {"kind": self.inference.kind, "clusters": self.clusters}

    def _json(self) -> Mapping[str, Any]:
        return {"kind": self.inference.kind, "df_kind": self.inference.df_kind, "clusters": self.clusters}

    def _methods(self) -> Sequence[tuple[str, str]]:
        made = self.inference
        return (
            *self.fit._methods(),
            (
                f"Standard errors are cluster-robust ({made.kind}, {made.clusters} clusters, {made.df_kind} degrees of"
                " freedom)",
                "Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004",
            ),
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClusterRobust(_Robust, OneCoefficient):
    """A pooled mean with cluster-robust standard error, test and interval.

    Attributes
    ----------
    table, spec
        The rows of the model; its choices, and how inference was made.
    fit
        The model: `Pooled` or `MultilevelPooled`.
    inference
        Kind of covariance and of df, number of clusters, coefficients, working model, sandwich.
    design
        The column of ones.
    notes, recipe
        Cautions of the model; how it was made; what `refit` follows.

    See Also
    --------
    ClusterRobustRegression : of a model with moderators.
    """

    @property
    def weights(self) -> FloatArray | None:
        """Weight of each row in the mean in percent, (k,)."""
        weights: FloatArray | None = self.fit.weights
        return weights

    def _spread(self) -> float:
        """Return the standard deviation of a new study's true effect about the estimate."""
        if isinstance(self.fit, MultilevelPooled):
            between = new_variance(self.fit.model)
        elif self.fit.spec.tau2 == "none":
            raise NotEstimable("the model has no between-study variance · fit pool(table, model='random')")
        else:
            between = float(self.fit.tau2)
        return prediction_se(between, self.se**2)

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect of a new study: mu ± q √(se² + τ²), q on the robust df.

        Raises
        ------
        NotEstimable
            The model has no variance between studies, or several that a new study would have to choose from.
        """
        half = quantile(self._level(level), self.df) * self._spread()
        return Interval(self.mu - half, self.mu + half)

    def _below(self, quantity: str, value: float) -> float:
        if quantity == "theta_new":
            return probability_below(value, self.mu, self._spread(), self.df)
        if self._row_position(quantity) is not None:
            return float(self.fit._below(quantity, value))
        return OneCoefficient._below(self, quantity, value)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClusterRobustRegression(_Robust, SeveralCoefficients):
    """Coefficients of moderators with cluster-robust standard errors, tests and intervals.

    Attributes are those of `ClusterRobust`; ``fit`` is a `Regression` or a `MultilevelRegression`.
    """

    def _below(self, quantity: str, value: float) -> float:
        if self._row_position(quantity) is not None:
            return float(self.fit._below(quantity, value))
        return SeveralCoefficients._below(self, quantity, value)

    def _contrast_df(self, contrasts: FloatArray) -> FloatArray:
        return self.inference.contrast_df(contrasts)


@overload
def cluster_robust(
    fit: Mean,
    cluster: str | Sequence[Hashable],
    *,
    kind: str = ...,
    df: str | None = ...,
    level: float | None = ...,
) -> ClusterRobust: ...
@overload
def cluster_robust(
    fit: Several,
    cluster: str | Sequence[Hashable],
    *,
    kind: str = ...,
    df: str | None = ...,
    level: float | None = ...,
) -> ClusterRobustRegression: ...
@our_words(vcov="kind", adjust="kind")
def cluster_robust(
    fit: Mean | Several,
    cluster: str | Sequence[Hashable],
    *,
    kind: str = "CR2",
    df: str | None = None,
    level: float | None = None,
) -> ClusterRobust | ClusterRobustRegression:
    """Return a fitted model with cluster-robust standard errors, tests and intervals.

    Parameters
    ----------
    fit
        A result of ``pool`` (inverse variance, with or without moderators) or ``multilevel``. Its marginal covariance
        is the working covariance; estimates stay what they are.
    cluster
        Column of the table, or one label a row, (k,). Rows that share a random effect or a covariance belong to one
        cluster, except for CR0, CR1, CR1p and CR1S: with the weights of the whole covariance they take clusters that
        cut through crossed effects, too.
    kind
        CR0 (no correction), CR1 (m/(m − 1)), CR1p (m/(m − p)), CR1S, CR2 (unbiased in the working model), CR3.
    df
        ``Satterthwaite`` (default of CR2), ``n-p`` (of the others: clusters minus coefficients), ``n-1``, ``z``.
    level
        Level of intervals, a fraction; the fit's own by default.

    Returns
    -------
    ClusterRobust, ClusterRobustRegression
        The same mean (or coefficients) with robust inference.

    Raises
    ------
    InputError
        Clusters that cut through the random effects (CR2, CR3, Satterthwaite), wrong length.
    NotEstimable
        Fewer than two clusters, no degrees of freedom.
    OptionError, UnknownName
        Another kind of result; unknown kind or df.

    See Also
    --------
    lamevidence.checks.wild_bootstrap : tests that hold with few clusters.

    References
    ----------
    Pustejovsky and Tipton 2018, 10.1080/07350015.2016.1247004; Hedges, Tipton and Johnson 2010, 10.1002/jrsm.5.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, cluster_robust, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], vi=[0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> cluster_robust(multilevel(table), "study").clusters
    3
    """
    kinds = (Pooled, Regression, MultilevelPooled, MultilevelRegression)
    an_instance("fit", fit, kinds, "fit one with pool(table) or multilevel(table), or use robust_variance(table)")
    level = fit.level if level is None else a_level(level)
    labels = cluster_labels(fit.table, cluster)
    codes = group_rows("cluster", labels).codes
    if isinstance(fit, MultilevelPooled | MultilevelRegression):
        design, made = fit.design, multilevel_inference(fit.model, codes, kind, df, level)
    else:
        design, made = _independent(fit, codes, kind, df, level)
    options = {"recipe": fit.recipe, "kind": kind, "df": df, "level": level}
    if isinstance(cluster, str):
        recipe = Recipe(_again, {**options, "cluster": cluster})
    else:
        recipe = Recipe(_again, options, {"cluster": by_label(fit.table, labels)})
    known = fit.spec
    spec = Spec(
        known.model,
        known.tau2,
        made.title,
        "z" if made.df_kind == "z" else "t",
        level,
        known.weights,
        {**known.why, "interval": f"cluster-robust, {made.clusters} clusters"},
        f"{known.label}, cluster-robust {made.title}",
    )
    result = ClusterRobust if isinstance(fit, Pooled | MultilevelPooled) else ClusterRobustRegression
    return result(fit.table, spec, fit, made, design, fit.notes, recipe)


def _again(
    evidence: EvidenceTable,
    *,
    recipe: Recipe | None,
    cluster: str | Sequence[Hashable],
    **options: Any,  # noqa: ANN401
) -> ClusterRobust | ClusterRobustRegression:
    if recipe is None:
        raise OptionError("the model was put together by hand and cannot be fitted anew")
    made: ClusterRobust | ClusterRobustRegression = cluster_robust(recipe(evidence), cluster, **options)
    return made


def _independent(
    fit: Pooled | Regression, codes: NDArray[np.intp], kind: str, df: str | None, level: float
) -> tuple[Design, RobustInference]:
    """Return design and robust inference of independent rows: weights of the model, working variances v + τ²."""
    if np.unique(codes).size < 2:
        raise NotEstimable("cluster-robust inference needs at least two clusters, got 1 · name a finer cluster")
    total = fit.table.vi + fit.tau2
    usable = np.isfinite(total) & (total > 0)
    if not usable.all():
        bad = ", ".join(fit.table.labels[i] for i in np.flatnonzero(~usable))
        raise NotEstimable(f"no finite variance above 0 for {bad}, so no working covariance · leave the row out")
    weights = 1.0 / total
    if fit.spec.weights != "inverse-variance":
        given = fit.weights
        if given is None:
            raise NotEstimable("robust inference needs the weights 1/(v + τ²) here · fit without weights=")
        weights = given / given.sum() * weights.sum()
    design = fit.design if isinstance(fit, Regression) else target_design(fit.table, None)
    blocks = []
    for rows in same_size(codes):
        eye = np.eye(rows.shape[1])
        blocks.append(Block(rows, eye * total[rows][:, :, None], eye * weights[rows][:, :, None]))
    working, beta = WorkingModel.of(design.X, fit.table.yi, blocks)
    return design, robust_inference(working, design.names, beta, kind, df, level)
