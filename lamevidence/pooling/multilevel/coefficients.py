"""Regression coefficients with their covariance and degrees of freedom, and the results that are made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.options import a_level
from ...foundation.values import Interval
from ...results.contract import CoefficientResult, MeanResult
from ...results.heterogeneity import prediction_se
from ..kernel.distributions import quantile, two_sided
from ..regression.design import Design, linear_contrasts, mean_design

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Coefficients", "Omnibus", "OneCoefficient", "SeveralCoefficients", "probability_below", "target_design"]


def target_design(
    evidence: EvidenceTable, moderators: str | ArrayLike | None, names: Sequence[str] | None = None
) -> Design:
    """Return the design of the moderators, or of the mean, whose one coefficient is called ``mu``."""
    design = mean_design(evidence, moderators, names)
    return replace(design, names=("mu",)) if moderators is None else design


def probability_below(x: float, mean: float, sd: float, df: float = math.inf) -> float:
    """Return P(mean + sd T < x), T normal or t with ``df`` degrees of freedom; a step where sd = 0."""
    if sd == 0:
        return float(mean < x)
    z = (x - mean) / sd
    return float(special.ndtr(z) if math.isinf(df) else special.stdtr(df, z))


@dataclass(frozen=True, slots=True)
class Omnibus:
    """A joint test: statistic, degrees of freedom (denominator inf for χ²) and p value."""

    statistic: float
    df: float
    df_denominator: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Estimates, (p,), their covariance, (p, p), and degrees of freedom, (p,), inf for the normal distribution."""

    names: tuple[str, ...]
    estimate: FloatArray
    covariance: FloatArray
    df: FloatArray
    level: float

    def __post_init__(self) -> None:
        for array in (self.estimate, self.covariance, self.df):
            array.flags.writeable = False

    @property
    def se(self) -> FloatArray:
        """Standard errors."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def statistics(self) -> FloatArray:
        """Estimate over standard error."""
        out: FloatArray = np.divide(self.estimate, self.se, out=np.full(self.se.size, np.nan), where=self.se > 0)
        return out

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p values."""
        return np.array([two_sided(float(t), float(d)) for t, d in zip(self.statistics, self.df, strict=True)])

    def intervals(self, level: float | None = None) -> FloatArray:
        """Return the confidence intervals, (p, 2)."""
        level = self.level if level is None else a_level(level)
        half = np.array([quantile(level, float(d)) for d in self.df]) * self.se
        return np.stack([self.estimate - half, self.estimate + half], axis=1)

    def predicted(self, X: FloatArray, level: float, between: float | FloatArray) -> pd.DataFrame:
        """Return mean and intervals at the rows of ``X``, (n, p).

        The prediction interval is x'β ± q √(se² + between), q with the smallest df of the coefficients that count;
        NaN where ``between``, the variance of a new study's true effect, is NaN.
        """
        import pandas as pd

        mean = X @ self.estimate
        se = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", X, self.covariance, X), 0.0))
        crit = np.array([quantile(level, df) for df in self.least_df(X).tolist()])
        near, far = crit * se, crit * prediction_se(between + 0.0 * se, se**2)
        frame = {"mean": mean, "std_error": se, "conf_low": mean - near, "conf_high": mean + near}
        return pd.DataFrame(frame | {"prediction_low": mean - far, "prediction_high": mean + far})

    def least_df(self, X: FloatArray) -> FloatArray:
        """Return for each row of ``X`` the least degrees of freedom of the coefficients it takes, (n,)."""
        return np.array([self.df[row != 0].min(initial=np.inf) for row in X], dtype=np.float64)

    def wald(self, tested: Sequence[int]) -> Omnibus:
        """Return the joint Wald test of some coefficients: χ², or F where there are degrees of freedom."""
        at = list(tested)
        b, S = self.estimate[at], self.covariance[np.ix_(at, at)]
        chi2, m = float(b @ np.linalg.solve(S, b)), len(at)
        df = float(self.df[at].min())
        if np.isinf(df):
            return Omnibus(chi2, m, df, float(special.chdtrc(m, chi2)))
        return Omnibus(chi2 / m, m, df, float(special.fdtrc(m, df, chi2 / m)))


class OneCoefficient(MeanResult):
    """A mean that is a coefficient: estimate, standard error, test and interval come from ``coefficients``."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def coefficients(self) -> Coefficients:
            """Estimates, covariance, degrees of freedom."""

    @property
    def mu(self) -> float:
        """Pooled mean on the analysis scale."""
        return float(self.coefficients.estimate[0])

    @property
    def se(self) -> float:
        """Its standard error."""
        return float(self.coefficients.se[0])

    @property
    def df(self) -> float:
        """Degrees of freedom of its test and interval, inf for the normal distribution."""
        return float(self.coefficients.df[0])

    @property
    def statistic(self) -> float:
        """(mu − null)/se; NaN where the measure has no null value."""
        null = self.effect.null
        return math.nan if null is None or self.se == 0 else (self.mu - null) / self.se

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect; NaN where the measure has no null value."""
        return two_sided(self.statistic, self.df)

    def interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval of ``mu`` at ``level`` (default: that of the fit)."""
        low, high = self.coefficients.intervals(self._level(level))[0]
        return Interval(float(low), float(high))

    def _below(self, quantity: str, value: float) -> float:
        if quantity == "mu":
            return probability_below(value, self.mu, self.se, self.df)
        return super()._below(quantity, value)


class SeveralCoefficients(CoefficientResult):
    """Coefficients of moderators: estimates, standard errors, tests and intervals come from ``coefficients``."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def coefficients(self) -> Coefficients:
            """Estimates, covariance, degrees of freedom."""

        @property
        def design(self) -> Design:
            """Design matrix of the coefficients."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p coefficients."""
        return self.coefficients.names

    @property
    def estimate(self) -> FloatArray:
        """Coefficients, (p,)."""
        return self.coefficients.estimate

    @property
    def se(self) -> FloatArray:
        """Their standard errors, (p,)."""
        return self.coefficients.se

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of tests and intervals, (p,); inf for the normal distribution."""
        return self.coefficients.df

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the coefficients, (p, p)."""
        return self.coefficients.covariance

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error, (p,)."""
        return self.coefficients.statistics

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values of 0, (p,)."""
        return self.coefficients.p_values

    def interval(self, level: float | None = None) -> Mapping[str, Interval]:
        """Return the confidence interval of each coefficient, by name."""
        bounds = self.coefficients.intervals(self._level(level)).tolist()
        return {name: Interval(low, high) for name, (low, high) in zip(self.names, bounds, strict=True)}

    def contrasts(self, matrix: ArrayLike) -> pd.DataFrame:
        """Return estimate, test and interval of each row of ``matrix`` @ β.

        Parameters
        ----------
        matrix
            (m, p), one contrast a row.

        Raises
        ------
        InputError
            Another number of columns, or something that is not a finite number.
        """
        c = self.coefficients
        return linear_contrasts(matrix, c.names, c.estimate, c.covariance, self._contrast_df, self._level(None))

    def _contrast_df(self, contrasts: FloatArray) -> FloatArray:
        """Degrees of freedom of contrasts, (m,)."""
        return self.coefficients.least_df(contrasts)

    def _below(self, quantity: str, value: float) -> float:
        if quantity in self.names:
            i = self.names.index(quantity)
            c = self.coefficients
            return probability_below(value, float(c.estimate[i]), float(c.se[i]), float(c.df[i]))
        return super()._below(quantity, value)

    def predict(self, new: Any = None, level: float | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return mean and interval for studies with these moderators.

        Parameters
        ----------
        new
            Mapping or frame of moderators (formula models), or a matrix with all columns, (n, p); the rows of the
            table when left out.
        level
            Level of the intervals; that of the fit when left out.

        Returns
        -------
        DataFrame
            ``mean std_error conf_low conf_high prediction_low prediction_high``, one row a study; NaN for what the
            model does not have.
        """
        X = self.design.X if new is None else self.design.rows(new)
        return self.coefficients.predicted(X, self._level(level), math.nan)
