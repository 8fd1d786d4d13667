"""The results of multilevel models: a mean, or the coefficients of moderators."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable
from ...foundation.options import an_instance
from ...foundation.values import Interval
from ...results.contract import Result
from ...results.heterogeneity import Heterogeneity
from ...results.recipe import Recipe
from ...results.spec import Spec
from ..kernel.distributions import quantile
from ..regression.design import Design
from ..robust.inference import RobustInference
from .coefficients import Coefficients, Omnibus, OneCoefficient, SeveralCoefficients, probability_below
from .fitted import Components, FittedModel, LikelihoodCriteria
from .likelihood import Likelihood
from .predict import RandomEffects, new_variance, random_effects, row_effects
from .profile import LikelihoodRatio, likelihood_ratio, profile_interval
from .structures import STRUCTURES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MultilevelPooled", "MultilevelRegression"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Multilevel(LikelihoodCriteria, Result):
    """What multilevel models with and without moderators share; fields as in `MultilevelPooled`."""

    table: EvidenceTable
    spec: Spec
    model: FittedModel
    coefficients: Coefficients
    robust: RobustInference | None = None
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    # ---- what it was made from ----------------------------------------------------------------
    @property
    def design(self) -> Design:
        """Design matrix of the fixed effects."""
        return self.model.design

    @property
    def likelihood(self) -> Likelihood:
        """The (restricted) likelihood."""
        return self.model.likelihood

    @property
    def beta(self) -> FloatArray:
        """Coefficients, (p,)."""
        return self.coefficients.estimate

    def omnibus(self) -> Omnibus:
        """Return the Wald test that all coefficients but the intercept are 0 (F with t tests, else χ²)."""
        return (self.robust or self.coefficients).wald(self.design.tested)

    # ---- variance components ------------------------------------------------------------------
    @property
    def components(self) -> Components:
        """Variances and correlations under their own names: ``components.values("sigma2")``, ``tau2``, ``rho``."""
        return self.model.components

    @property
    def sigma2(self) -> FloatArray:
        """Variances of the random intercepts, in the order of the formula."""
        return self.components.values("sigma2")

    @property
    def rho(self) -> FloatArray:
        """Correlations of the levels of the first ``inner | outer`` term."""
        return self.components.values("rho")

    @property
    def G(self) -> FloatArray:
        """Covariance matrix of the levels of the first ``inner | outer`` term, (0, 0) without one."""
        for term, G in zip(self.likelihood.terms, self.model.covariances, strict=True):
            if term.inner is not None:
                return np.asarray(G * self.likelihood.scale**2)
        return np.zeros((0, 0))

    @property
    def tau2(self) -> float | Mapping[str, float]:
        """Variance between groups; by label where there are several components, 0 without random effects."""
        parts = self.components.variances
        return dict(parts) if len(parts) > 1 else next(iter(parts.values()), 0.0)

    def component_interval(self, name: str, index: int = 0, level: float | None = None) -> Interval:
        """Return the profile-likelihood interval of a component.

        Parameters
        ----------
        name, index
            ``sigma2``, ``tau2``, ``rho``, ``gamma2`` or ``phi``, and which of them, from 0.
        level
            Level of the interval; that of the fit when left out.

        Returns
        -------
        Interval
            In squared units of the estimates (correlations: pure numbers); a bound at the edge of the parameter space
            (0, ±1) means that the likelihood does not fall far enough on that side.

        Raises
        ------
        UnknownName, OptionError
            No such component.
        """
        return profile_interval(self.model, name, index, self._level(level))

    @property
    def i2(self) -> float:
        """Share of all random effects in the total variance of a typical row, in percent."""
        return math.fsum(self.i2_by_component().values())

    def i2_by_component(self) -> Mapping[str, float]:
        """Return the share of each variance in the total variance of a typical row, in percent.

        The typical sampling variance is (k − p)/tr(P) with P of the model without random effects
        (Higgins and Thompson 2002, 10.1002/sim.1186; Nakagawa and Santos 2012, 10.1007/s10682-012-9555-5).
        """
        return self.model.shares()

    @property
    def q(self) -> float:
        """Σ of squared residuals weighted by V⁻¹: the test of residual heterogeneity."""
        return self.model.q

    @property
    def q_df(self) -> int:
        """Its degrees of freedom, k − p."""
        return self.model.q_df

    @property
    def q_p(self) -> float:
        """Its p value."""
        return self.model.q_p

    def heterogeneity(self) -> Heterogeneity:
        """Return Q, total I² (percent), H² and τ² (by component) in one record.

        Intervals of components are profiles of the likelihood: `component_interval` computes them one by one.
        """
        i2 = self.i2
        note = "intervals of variances: component_interval(name, index)" if len(self.components) else ""
        h2 = 100.0 / (100.0 - i2) if i2 < 100.0 else math.inf
        return Heterogeneity(self.q, self.q_df, self.q_p, i2, h2=h2, tau2=self.tau2, note=note)

    def against(self, reduced: MultilevelPooled | MultilevelRegression) -> LikelihoodRatio:
        """Return the likelihood-ratio test of a reduced model against this one.

        Variances on the edge of their space make the χ² p value too large (Self and Liang 1987,
        10.1080/01621459.1987.10478472); the note says so.

        Parameters
        ----------
        reduced
            A model of the same rows that is nested in this one.

        Raises
        ------
        InputError
            Different rows, V or estimator.
        OptionError
            REML with different fixed effects, or a model that is not smaller.
        """
        an_instance("the reduced model", reduced, _Multilevel, "fit it with multilevel(table, random=…)")
        return likelihood_ratio(reduced.model, self.model)

    # ---- rows ---------------------------------------------------------------------------------
    def fitted(self) -> FloatArray:
        """Return x'β of each row, (k,)."""
        return np.asarray(self.design.X @ self.beta)

    def leverage(self) -> FloatArray:
        """Return the diagonal of the hat matrix, (k,)."""
        return self.model.leverage()

    def residuals(self) -> pd.DataFrame:
        """Return raw residuals, their standard errors and internally standardised residuals, one row a row."""
        import pandas as pd

        resid, se = self.table.yi - self.fitted(), self.model.residual_errors()
        columns = {"residual": resid, "std_error": se, "standardised": resid / se}
        return pd.DataFrame(columns, index=list(self.table.labels))

    @property
    def _blup_df(self) -> float:
        """Degrees of freedom of intervals of predicted effects: those of the model-based test."""
        return math.inf if self.robust is not None else float(np.min(self.coefficients.df))

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return each row's true effect, x'β plus its predicted random effects: estimate and bounds, (k, 3).

        The estimation of the variances themselves is not reflected.
        """
        mean, se = row_effects(self.model)
        half = quantile(self._level(level), self._blup_df) * se
        return np.stack([mean, mean - half, mean + half], axis=1)

    def random_effects(self, level: float | None = None) -> tuple[RandomEffects, ...]:
        """Return the predicted random effects (BLUPs) of every term.

        Robinson 1991, 10.1214/ss/1177011926. The estimation of the variances themselves is not reflected.
        """
        contained = self.robust is None and self.spec.why.get("df") == "contain"
        return random_effects(self.model, self._level(level), self._blup_df, contained)

    def _row_below(self, row: int, value: float) -> float:
        mean, se = row_effects(self.model)
        return probability_below(value, float(mean[row]), float(se[row]), self._blup_df)

    def _new_variance(self, inner: str | None) -> float:
        try:
            return new_variance(self.model, inner)
        except NotEstimable:
            return math.nan

    # ---- presentation -------------------------------------------------------------------------
    def _glance(self) -> Mapping[str, Any]:
        groups = {f"groups {t.outer.name}": t.outer.size for t in self.likelihood.terms}
        criteria = {"log_likelihood": self.log_likelihood, "aic": self.aic, "bic": self.bic, "aicc": self.aicc}
        return {"method": self.spec.tau2, **groups, **criteria}

    def _json(self) -> Mapping[str, Any]:
        parts = [{"name": c.name, "index": c.index, "label": c.label, "value": c.value} for c in self.components]
        criteria = {"log_likelihood": self.log_likelihood, "aic": self.aic, "bic": self.bic}
        return {"components": parts, "i2_by_component": self.i2_by_component(), **criteria}

    def _methods(self) -> Sequence[tuple[str, str]]:
        named = ", ".join(t.name for t in self.likelihood.terms)
        how = {"REML": "restricted maximum likelihood", "ML": "maximum likelihood"}.get(self.spec.tau2, "")
        model = f"a multilevel model with random effects of {named}, fitted by {how}" if named else "a model without"
        clauses = [
            (
                f"Dependent estimates were pooled in {model}" + ("" if named else " random effects, by least squares"),
                "Konstantopoulos 2011, doi:10.1002/jrsm.35",
            )
        ]
        for code in dict.fromkeys(t.structure.code for t in self.likelihood.terms if t.inner is not None):
            entry = STRUCTURES.entry(code)
            clauses.append((f"The covariance of levels within groups was: {entry.title}", entry.reference))
        if self.robust is not None:
            clauses.append(
                (
                    f"Standard errors are cluster-robust ({self.robust.kind}, {self.robust.clusters} clusters,"
                    f" {self.robust.df_kind} degrees of freedom)",
                    "Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004",
                )
            )
        return clauses


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MultilevelPooled(_Multilevel, OneCoefficient):
    """The mean of dependent estimates, from a multilevel model without moderators.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    model
        The model in numbers: design, likelihood, maximum, variance components.
    coefficients
        The mean with its covariance and degrees of freedom.
    robust
        Cluster-robust inference that replaces the model-based one, or None.
    notes
        Cautions.
    recipe
        How it was made; what `refit` follows.

    See Also
    --------
    MultilevelRegression : with moderators.
    lamevidence.cluster_robust : robust inference for a model that is fitted.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], vi=[0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> fit = multilevel(table, random="1 | study")
    >>> round(fit.mu, 3), fit.without("a").k
    (0.303, 4)
    """

    @property
    def weights(self) -> FloatArray:
        """Weight of each row in the mean in percent, (k,): row sums of the inverse marginal covariance."""
        column = self.model.moments.projected[:, 0]
        return np.asarray(100.0 * column / column.sum())

    def prediction(self, level: float | None = None) -> Interval:
        """Return the interval for the true effect in a group that is new on every level.

        Raises
        ------
        NotEstimable
            No random effects, or levels with variances of their own; the message says what to do.
        """
        half = quantile(self._level(level), self.df) * math.sqrt(self.se**2 + new_variance(self.model))
        return Interval(self.mu - half, self.mu + half)

    def predict(self, new: Any = None, level: float | None = None, inner: str | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return mean, interval and prediction interval, as one row.

        Parameters
        ----------
        new
            Only for models with moderators.
        level
            Level of the intervals; that of the fit when left out.
        inner
            Level of ``inner | outer`` of the new effect, where levels have variances of their own.

        Raises
        ------
        OptionError
            ``new`` is given.
        UnknownName
            No such inner level.
        """
        if new is not None:
            return OneCoefficient.predict(self, new, level)
        return self.coefficients.predicted(self.design.X[:1], self._level(level), self._new_variance(inner))

    def _below(self, quantity: str, value: float) -> float:
        row = self._row_position(quantity)
        if row is not None:
            return self._row_below(row, value)
        if quantity == "theta_new":
            return probability_below(value, self.mu, math.sqrt(self.se**2 + new_variance(self.model)), self.df)
        return OneCoefficient._below(self, quantity, value)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MultilevelRegression(_Multilevel, SeveralCoefficients):
    """Coefficients of moderators of dependent estimates, from a multilevel model.

    Attributes are those of `MultilevelPooled`; ``coefficients`` holds p estimates, ``design`` their matrix.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, multilevel
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], vi=[0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"),
    ...     moderators={"dose": [1, 2, 1, 3, 3, 1]})
    >>> multilevel(table, random="1 | study", moderators="~ dose").names
    ('Intercept', 'dose')
    """

    def predict(self, new: Any = None, level: float | None = None, inner: str | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return mean, interval and prediction interval for studies with these moderators.

        Parameters
        ----------
        new
            Mapping or frame of moderators (formula models), or a matrix with all columns, (n, p); the rows of the
            table when left out.
        level
            Level of the intervals; that of the fit when left out.
        inner
            Level of ``inner | outer`` of the new effect, where levels have variances of their own.

        Returns
        -------
        DataFrame
            ``mean std_error conf_low conf_high prediction_low prediction_high``, one row a study. The prediction
            interval is x'β ± q √(se² + Σσ² + τ²), for a group that is new on every level; NaN where there is none.
        """
        X = self.design.X if new is None else self.design.rows(new)
        return self.coefficients.predicted(X, self._level(level), self._new_variance(inner))

    def _below(self, quantity: str, value: float) -> float:
        row = self._row_position(quantity)
        return SeveralCoefficients._below(self, quantity, value) if row is None else self._row_below(row, value)

    def _contrast_df(self, contrasts: FloatArray) -> FloatArray:
        return self.coefficients.least_df(contrasts) if self.robust is None else self.robust.contrast_df(contrasts)
