"""Regression coefficients with their covariance and degrees of freedom: tests, intervals, a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..options import a_level
from .intervals import quantile, two_sided

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Coefficients", "Omnibus"]


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

    def wald(self, tested: Sequence[int]) -> Omnibus:
        """Return the joint Wald test of some coefficients: χ², or F where there are degrees of freedom."""
        at = list(tested)
        b, S = self.estimate[at], self.covariance[np.ix_(at, at)]
        chi2, m = float(b @ np.linalg.solve(S, b)), len(at)
        df = float(self.df[at].min())
        if np.isinf(df):
            return Omnibus(chi2, m, df, float(special.chdtrc(m, chi2)))
        return Omnibus(chi2 / m, m, df, float(special.fdtrc(m, df, chi2 / m)))

    def frame(self) -> pd.DataFrame:
        """Return one row a coefficient."""
        import pandas as pd

        bounds = self.intervals()
        return pd.DataFrame({
            "term": list(self.names), "estimate": self.estimate, "std_error": self.se, "statistic": self.statistics,
            "df": self.df, "p_value": self.p_values, "conf_low": bounds[:, 0], "conf_high": bounds[:, 1],
        })
