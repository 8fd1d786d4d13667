"""A one-stage count model with moderators."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ...foundation.options import a_choice, a_whole, shown
from ...foundation.values import Interval
from ...results.contract import CoefficientResult
from ...results.heterogeneity import prediction_se
from ...results.recipe import Recipe
from ...results.statements import unknown_quantity
from ..kernel.distributions import below, quantile, two_sided
from ..regression.design import Design, NewStudies
from .count_results import CountSpec
from .one_stage_results import OneStage, OneStageFit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GlmmRegression"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class GlmmRegression(OneStage, CoefficientResult):
    """A one-stage count model with moderators of the effect.

    Attributes
    ----------
    table, spec, design
        What was fitted, how, and the design of the effect.
    measure
        Code of the measure whose effects the coefficients describe.
    df
        Degrees of freedom of tests and intervals; inf for z.
    tau2
        Residual between-study variance.
    q, q_df, q_p
        Wald test that the moderators explain all heterogeneity.
    i2, h2
        Residual, in percent and as a ratio.
    one_stage
        The optimum: coefficients, log-likelihood, information criteria, variance components.
    notes
        What the reader must know.
    recipe
        What `refit` follows.

    See Also
    --------
    GlmmPooled : The same models without moderators.
    """

    table: EvidenceTable = field()
    spec: CountSpec = field()
    design: Design
    measure: str = field()
    df: float = field()
    tau2: float = field()
    q: float = field()
    q_df: int = field()
    q_p: float = field()
    i2: float = field()
    h2: float = field()
    one_stage: OneStageFit = field()
    notes: tuple[str, ...] = field(default=())
    recipe: Recipe | None = field(default=None)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return self.design.names

    @property
    def estimate(self) -> FloatArray:
        """Coefficients on the link scale, (p,)."""
        return self.one_stage.beta

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the coefficients, (p, p)."""
        return self.one_stage.covariance

    @property
    def se(self) -> FloatArray:
        """Standard errors, (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def statistic(self) -> FloatArray:
        """Coefficient over standard error, (p,)."""
        return np.asarray(self.estimate / self.se)

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values, (p,)."""
        return np.array([two_sided(float(z), self.df) for z in self.statistic])

    @property
    def tau(self) -> float:
        """Residual between-study standard deviation."""
        return math.sqrt(self.tau2)

    def interval(self, level: float | None = None) -> dict[str, Interval]:
        """Return the confidence interval of each coefficient by name.

        Parameters
        ----------
        level
            Confidence level; that of the fit when left out.
        """
        half = quantile(self._level(level), self.df) * self.se
        bounds = zip(self.names, self.estimate - half, self.estimate + half, strict=True)
        return {name: Interval(float(low), float(high)) for name, low, high in bounds}

    def test(self, columns: Sequence[int | str] | None = None) -> tuple[float, int, float, float]:
        """Return (statistic, m, denominator df, p) of the hypothesis that these coefficients are all 0.

        Parameters
        ----------
        columns
            Names or positions of coefficients; all but the intercept when left out.

        Returns
        -------
        tuple
            χ²(m) with z; F(m, k − p) with t, the denominator df inf for χ².
        """
        if columns is not None and not isinstance(columns, list | tuple | range):
            known = ", ".join(self.names)
            raise OptionError(f"columns={shown(columns)} · give a list of {known}, or of their positions")
        at = list(self.design.tested if columns is None else (self._position(c) for c in columns))
        if not at or len(set(at)) < len(at):
            raise OptionError(f"name at least one coefficient, each once · coefficients: {', '.join(self.names)}")
        b, block = self.estimate[at], self.covariance[np.ix_(at, at)]
        wald, m = float(b @ np.linalg.solve(block, b)), len(at)
        if math.isinf(self.df):
            return wald, m, self.df, float(special.chdtrc(m, wald))
        return wald / m, m, self.df, float(special.fdtrc(m, self.df, wald / m))

    def _position(self, column: int | str) -> int:
        if isinstance(column, str):
            return self.names.index(a_choice("coefficient", column, self.names))
        return a_whole("position of a coefficient", column, 0, len(self.names) - 1)

    def predict(self, new: NewStudies | None = None, level: float | None = None) -> pd.DataFrame:
        """Return mean, interval and prediction interval for studies with these moderators.

        Parameters
        ----------
        new
            Mapping or frame of moderators (formula models), or a matrix with all columns; the studies of the table
            when left out.
        level
            Level of the intervals; that of the fit when left out.

        Returns
        -------
        DataFrame
            ``mean std_error conf_low conf_high prediction_low prediction_high`` on the link scale, one row a study.
        """
        import pandas as pd

        rows, level = self.design.X if new is None else self.design.rows(new), self._level(level)
        mean = rows @ self.estimate
        variance = np.einsum("ij,jk,ik->i", rows, self.covariance, rows)
        half = quantile(level, self.df) * np.sqrt(variance)
        reach = np.full(mean.size, np.nan)
        if self.spec.prediction != "none":
            reach = quantile(level, self.prediction_df) * prediction_se(self.tau2 + 0.0 * variance, variance)
        columns = {"mean": mean, "std_error": np.sqrt(variance), "conf_low": mean - half, "conf_high": mean + half}
        return pd.DataFrame(columns | {"prediction_low": mean - reach, "prediction_high": mean + reach})

    def _below(self, quantity: str, value: float) -> float:
        if quantity in self.names:
            i = self.names.index(quantity)
            return below((value - float(self.estimate[i])) / float(self.se[i]), self.df)
        row = self._row_position(quantity)
        if row is not None:
            return self._theta_below(row, value)
        if quantity == "theta_new":
            self.prediction()  # says that a new study needs its moderators
        raise unknown_quantity(quantity, (*self.names, "theta[row]"))

    def _glance(self) -> Mapping[str, Any]:
        statistic, m, df, p = self.test()
        own: dict[str, Any] = {"qm": statistic, "qm_df": m, "qm_df2": df, "qm_p": p}
        return own | dict(OneStage._glance(self))

    def _json(self) -> Mapping[str, Any]:
        return dict(self._glance())

    def _methods(self) -> Sequence[tuple[str, str]]:
        moderators = ", ".join(name for i, name in enumerate(self.names) if not self.design.is_intercept(i))
        return [*OneStage._methods(self), (f"The effect depends on {moderators or 'nothing but its level'}", "")]
