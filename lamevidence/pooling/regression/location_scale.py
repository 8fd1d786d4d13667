"""Location-scale models: moderators of the mean effect, and moderators of the between-study variance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ...foundation.options import a_choice, a_level, our_words
from ...foundation.printable import one_line
from ...foundation.values import Interval
from ...results.contract import CoefficientResult
from ...results.heterogeneity import Heterogeneity
from ...results.recipe import Recipe, by_label
from ...results.spec import Spec
from ...results.statements import unknown_quantity
from ..inverse_variance.study_effects import StudyEffects, study_effects
from ..kernel.distributions import below
from ..kernel.fitted import dispersion_of
from ..multilevel.coefficients import Coefficients
from ..rows import checked_rows
from .design import Design, design_of, mean_design
from .location_scale_likelihood import ScaleLikelihood

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LocationScale", "location_scale"]

AT_ZERO = "a variance lies at 0: the coefficients of the variance have no standard error"
_SOURCE = "Viechtbauer & López-López 2022, doi:10.1002/jrsm.1562"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LocationScale(CoefficientResult):
    """A fitted location-scale model: coefficients of the mean, then those of the variance (``scale:`` before them).

    Attributes
    ----------
    table, spec
        What was fitted, and how.
    design, scale_design
        Design matrices of the mean and of the variance.
    mean_part, variance_part
        Coefficients of the mean, and of log τ² (link ``log``) or τ² (``identity``); the covariance of the latter is NaN
        where a variance lies at 0.
    tau2_rows
        Between-study variance of each row, (k,).
    link
        ``log`` or ``identity``.
    log_likelihood
        Maximised (restricted) log-likelihood.
    observations
        What BIC and AICc count.
    notes
        Cautions about this result.
    recipe
        How it was made; what ``refit`` follows.

    See Also
    --------
    lamevidence.location_scale : makes it.
    """

    table: EvidenceTable
    spec: Spec
    design: Design
    scale_design: Design
    mean_part: Coefficients
    variance_part: Coefficients
    tau2_rows: FloatArray
    link: str
    log_likelihood: float
    observations: int
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    # ---- the coefficients ---------------------------------------------------------------------
    @property
    def names(self) -> tuple[str, ...]:
        """Coefficients of the mean by name, those of the variance as ``scale:name``."""
        return (*self.mean_part.names, *(f"scale:{name}" for name in self.variance_part.names))

    @property
    def estimate(self) -> FloatArray:
        """All coefficients, (p + q,)."""
        return np.concatenate([self.beta, self.alpha])

    @property
    def beta(self) -> FloatArray:
        """Coefficients of the mean, (p,)."""
        return self.mean_part.estimate

    @property
    def alpha(self) -> FloatArray:
        """Coefficients of the variance, (q,)."""
        return self.variance_part.estimate

    def _both(self, name: str) -> FloatArray:
        return np.concatenate([getattr(self.mean_part, name), getattr(self.variance_part, name)])

    @property
    def se(self) -> FloatArray:
        """Standard errors, (p + q,); NaN where a variance lies at 0."""
        return self._both("se")

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of tests and intervals, (p + q,); inf for z."""
        return self._both("df")

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error, (p + q,)."""
        return self._both("statistics")

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values, (p + q,)."""
        return self._both("p_values")

    @property
    def covariance(self) -> FloatArray:
        """Covariance of all coefficients, (p + q, p + q); mean and variance are independent."""
        p, q = self.beta.size, self.alpha.size
        out = np.zeros((p + q, p + q))
        out[:p, :p], out[p:, p:] = self.mean_part.covariance, self.variance_part.covariance
        return out

    def intervals(self, level: float | None = None) -> FloatArray:
        """Return confidence intervals of all coefficients, (p + q, 2)."""
        level = self._level(level)
        return np.concatenate([self.mean_part.intervals(level), self.variance_part.intervals(level)])

    def interval(self, level: float | None = None) -> Mapping[str, Interval]:
        """Return the confidence interval of each coefficient, by name."""
        rows = self.intervals(level).tolist()
        return {name: Interval(low, high) for name, (low, high) in zip(self.names, rows, strict=True)}

    # ---- heterogeneity ------------------------------------------------------------------------
    @property
    def tau2(self) -> Mapping[str, float]:
        """Between-study variance of each row, by its label."""
        return dict(zip(self.table.labels, self.tau2_rows.tolist(), strict=True))

    def heterogeneity(self) -> Heterogeneity:
        """Return the residual Q of the rows, and τ² of each row; one I² does not exist."""
        q = dispersion_of(self.table.yi, self.table.vi, self.design.basis)
        note = "τ² differs between studies, and so does I²"
        return Heterogeneity(q.q, q.q_df, q.q_p, tau2=self.tau2, note=note)

    # ---- about the rows -----------------------------------------------------------------------
    @property
    def weights(self) -> FloatArray:
        """Weight of each row in percent, (k,), summing to 100: 1/(vᵢ + τᵢ²)."""
        w = 1.0 / (self.table.vi + self.tau2_rows)
        return np.asarray(100.0 * w / w.sum())

    def fitted(self) -> FloatArray:
        """Return the fitted mean of each row, (k,)."""
        return np.asarray(self.design.X @ self.beta)

    def _mean_variance(self) -> FloatArray:
        X = self.design.X
        return np.asarray(np.maximum(np.einsum("ij,jk,ik->i", X, self.mean_part.covariance, X), 0.0))

    def leverage(self) -> FloatArray:
        """Return the diagonal of X(X'WX)⁻¹X'W, (k,)."""
        return self._mean_variance() / (self.table.vi + self.tau2_rows)

    def true_effects(self) -> StudyEffects:
        """Return best linear unbiased predictions of the true effects of the studies, each with its own τ²."""
        df = float(self.mean_part.df[0])
        return study_effects(self.table.yi, self.table.vi, self.tau2_rows, self.fitted(), self._mean_variance(), df)

    def study_effects(self, level: float | None = None) -> FloatArray:
        """Return the best linear unbiased prediction of each row's true effect, with bounds, (k, 3)."""
        found = self.true_effects()
        return np.column_stack([found.effect, *found.bounds(self._level(level))])

    def _below(self, quantity: str, value: float) -> float:
        if quantity in self.names:
            i = self.names.index(quantity)
            se = float(self.se[i])
            if not se > 0:
                raise NotEstimable(f"{quantity} has no standard error: a variance lies at 0")
            return below((value - float(self.estimate[i])) / se, float(self.df[i]))
        row = self._row_position(quantity)
        if row is not None:
            return self.true_effects().below(row, value)
        if quantity == "theta_new":
            raise NotEstimable("a new study has no place yet · predict(new) gives its interval from its moderators")
        raise unknown_quantity(quantity, (*self.names, "theta[row]", "theta_new"))

    def predict(self, new: Any = None, level: float | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return the mean with its interval, and the interval for the true effect of a new study.

        Parameters
        ----------
        new
            Mapping or frame of the moderators of both parts (formulas); the rows of the table when left out.
        level
            Level of the intervals; that of the fit when left out.

        Returns
        -------
        DataFrame
            ``mean std_error conf_low conf_high prediction_low prediction_high``, one row a study.

        Raises
        ------
        OptionError
            New studies of a model whose parts are not formulas.
        """
        import pandas as pd

        if new is None:
            return self.mean_part.predicted(self.design.X, self._level(level), self.tau2_rows)
        if not isinstance(new, Mapping | pd.DataFrame) or len(dict(new)) == 0:
            raise OptionError("new studies have moderators of mean and variance · give a mapping or a frame of them")
        count = max(np.size(values) for values in dict(new).values())
        X, Z = (d.rows(new if d.moderators else np.ones((count, 1))) for d in (self.design, self.scale_design))
        linear = Z @ self.alpha
        tau2 = np.exp(linear) if self.link == "log" else np.maximum(linear, 0.0)
        return self.mean_part.predicted(X, self._level(level), tau2)

    # ---- the likelihood -----------------------------------------------------------------------
    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood + 2 * len(self.names)

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return -2 * self.log_likelihood + len(self.names) * math.log(self.observations)

    @property
    def aicc(self) -> float:
        """AIC with the small-sample correction."""
        n = max(self.observations, len(self.names) + 2)
        return -2 * self.log_likelihood + 2 * len(self.names) * n / (n - len(self.names) - 1)

    # ---- tables and sentences -----------------------------------------------------------------
    def _glance(self) -> Mapping[str, Any]:
        row = {"tau2_method": self.spec.tau2, "link": self.link, "log_likelihood": self.log_likelihood}
        return row | {"aic": self.aic, "bic": self.bic, "aicc": self.aicc}

    def _json(self) -> Mapping[str, Any]:
        return {"tau2": self.tau2_rows, "log_likelihood": self.log_likelihood, "aic": self.aic, "bic": self.bic}

    def _methods(self) -> Sequence[tuple[str, str]]:
        parts = ((self.design, "mean"), (self.scale_design, "between-study variance"))
        clauses = [("A location-scale model was fitted: moderators of the mean and of τ²", _SOURCE)]
        for design, what in parts:
            names = ", ".join(design.names[i] for i in design.moderators) or "none"
            clauses.append((f"Moderators of the {what}: {names}", ""))
        clauses.append((f"It was fitted by {self.spec.tau2} with the {self.link} link for τ²", ""))
        return clauses

    def describe(self) -> str:
        """Return the Results sentence: coefficients, and the range of the between-study standard deviation."""
        what = self.table.title or self.effect.title
        low, high = (math.sqrt(float(x)) for x in (self.tau2_rows.min(), self.tau2_rows.max()))
        return one_line(
            f"{what}: {self.k} studies, {self.spec.label}: {self.display()}; τ between {low:.3g} and {high:.3g}."
        )


@our_words()
def location_scale(
    evidence: EvidenceTable,
    *,
    scale: str | ArrayLike,
    moderators: str | ArrayLike | None = None,
    link: str = "log",
    tau2: str = "REML",
    interval: str = "z",
    level: float = 0.95,
    names: Sequence[str] | None = None,
    scale_names: Sequence[str] | None = None,
) -> LocationScale:
    """Fit y_i ~ N(x_i'β, v_i + τ_i²) with log τ_i² = z_i'α, or τ_i² = z_i'α ≥ 0.

    Parameters
    ----------
    evidence
        The k rows to pool, independent of each other.
    scale, scale_names
        Formula or design matrix (k, q) of the variance, with names of its columns.
    moderators, names
        The same for the mean, (k, p); a common mean by default.
    link
        ``log`` or ``identity``.
    tau2
        ``REML`` or ``ML``.
    interval
        ``z``, or ``t`` with k − p and k − q df for mean and variance.
    level
        Confidence level.

    Returns
    -------
    LocationScale
        Coefficients of both parts, τ² of each row, intervals, predictions.

    Raises
    ------
    UnknownName
        Another link, estimator or interval.
    NotEstimable
        Singular designs, too few rows.
    ConvergenceError
        Variances that go to 0 under the log link.

    See Also
    --------
    lamevidence.pool : one τ² for all studies.

    References
    ----------
    Viechtbauer and López-López 2022, doi:10.1002/jrsm.1562.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, location_scale
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, -0.2, 0.6, 1.5, -0.9, 0.8, 0.2], vi=[0.02] * 8, moderators={"x": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> fit = location_scale(table, scale="x")
    >>> bool(fit.tau2_rows[7] > fit.tau2_rows[0])
    True
    """
    a_choice("link", link, ("log", "identity"))
    a_choice("tau2 of a location-scale model", tau2, ("REML", "ML"))
    a_choice("interval of a location-scale model", interval, ("z", "t"))
    level = a_level(level)
    live = checked_rows(evidence)
    kept = evidence if live.all() else evidence.subset(np.flatnonzero(live).tolist())
    design = mean_design(kept, moderators, names)
    variance = design_of(kept, scale, scale_names)
    return _fit(kept, design, variance, link, tau2, interval, level)


def _again(
    table: EvidenceTable,
    *,
    designs: tuple[Design, Design],
    choices: tuple[str, str, str, float],
    X: ArrayLike | None = None,
    Z: ArrayLike | None = None,
) -> LocationScale:
    """Return the same columns with the same choices, fitted to the rows of ``table``."""
    live = checked_rows(table)
    if not live.all():
        keep = np.flatnonzero(live)
        table = table.subset(keep.tolist())
        X, Z = (None if x is None else np.asarray(x)[keep] for x in (X, Z))
    return _fit(table, designs[0].again(table, X), designs[1].again(table, Z), *choices)


def _fit(
    table: EvidenceTable, design: Design, variance: Design, link: str, tau2: str, interval: str, level: float
) -> LocationScale:
    p, q = design.X.shape[1], variance.X.shape[1]
    if table.k <= p + q:
        raise NotEstimable(f"{p} + {q} coefficients need more than {p + q} studies, got {table.k}")
    rest = table.yi - design.basis @ (design.basis.T @ table.yi)
    unit = 2.0 ** round(math.log2(math.sqrt(float(rest @ rest) / table.k + float(table.vi.mean()))))
    likelihood = ScaleLikelihood(
        design.basis, variance.basis, rest / unit, table.vi / unit**2, unit, tau2 == "REML", link == "log"
    )
    gamma, value = likelihood.maximise()
    fit = likelihood.moments(gamma)
    beta = design.back @ (unit * fit.beta + design.basis.T @ table.yi)
    to_alpha = variance.back if link == "log" else unit**2 * variance.back
    spread = likelihood.covariance(gamma)
    alpha_cov = np.full((q, q), np.nan) if spread is None else to_alpha @ spread @ to_alpha.T
    df = (math.inf, math.inf) if interval == "z" else (float(table.k - p), float(table.k - q))
    beta_cov = unit**2 * design.back @ fit.covariance @ design.back.T
    per_row = {
        name: by_label(table, d.X) for name, d in (("X", design), ("Z", variance)) if d.recipe is None and d.moderators
    }
    choices = (link, tau2, interval, level)
    return LocationScale(
        table,
        Spec("location-scale", tau2, interval, "none", level, why={"link": link}),
        design,
        variance,
        Coefficients(design.names, beta, beta_cov, np.full(p, df[0]), level),
        Coefficients(variance.names, to_alpha @ gamma, alpha_cov, np.full(q, df[1]), level),
        unit**2 * likelihood.variances(gamma),
        link,
        likelihood.log_likelihood(value),
        table.k - (p if tau2 == "REML" else 0),
        ()
        if spread is not None
        else ("a variance lies at 0: the coefficients of the variance have no standard error",),
        Recipe(_again, {"designs": (design, variance), "choices": choices}, per_row),
    )
