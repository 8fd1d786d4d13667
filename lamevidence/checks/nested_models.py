"""Comparing meta-regressions: joint tests of contrasts, and likelihood ratios of nested models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.given_numbers import floats
from ..errors import InputError, NotEstimable, OptionError
from ..pooling.regression import Regression
from .refits import Fit, source_of
from .spoken import Spoken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelTest", "likelihood_ratio_test", "wald_test"]


@dataclass(frozen=True, slots=True, repr=False)
class ModelTest(Spoken):
    """A test of a model against a smaller one.

    Attributes
    ----------
    name
        What the statistic is.
    statistic, df, df_denominator, p_value
        χ²(df), or F(df, df_denominator) where the denominator is finite.
    notes
        Cautions.
    """

    name: str
    statistic: float
    df: int
    df_denominator: float
    p_value: float
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "statistic": self.statistic,
                    "df": self.df,
                    "df_denominator": self.df_denominator,
                    "p_value": self.p_value,
                }
            ]
        )

    def summary(self) -> pd.DataFrame:
        """Return one row."""
        return self.to_frame()

    def describe(self) -> str:
        """Return the test in words."""
        degrees = f"{self.df}" if math.isinf(self.df_denominator) else f"{self.df}, {self.df_denominator:g}"
        text = f"{self.name}({degrees}) = {self.statistic:.4g}, P = {self.p_value:.3g}."
        return " ".join([text, *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])


def wald_test(fit: Regression, matrix: ArrayLike) -> ModelTest:
    """Test that all rows of ``matrix`` @ β are 0 together.

    χ²(m) = (Lβ)'(L Var(β) L')⁻¹Lβ for z tests; divided by m and F(m, k − p) for t and Knapp-Hartung tests.

    Parameters
    ----------
    fit
        A meta-regression of `lamevidence.pool`.
    matrix
        (m, p), full row rank.

    Raises
    ------
    InputError, NotEstimable
        A wrong number of columns; rows that depend on each other.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.5], [0.03, 0.03, 0.05, 0.01, 0.02])
    >>> fit = lam.pool(table, moderators=[[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]], interval="z")
    >>> lam.wald_test(fit, [[0, 1]]).df
    1
    """
    if not isinstance(fit, Regression):
        raise OptionError(f"wald_test needs a meta-regression, not {type(fit).__name__} · give moderators to lam.pool")
    L = np.atleast_2d(floats(matrix, "the matrix", f"give one number for each of {', '.join(fit.names)} in every row"))
    if L.ndim != 2 or L.shape[1] != fit.beta.size or not np.isfinite(L).all():
        raise InputError(f"the matrix must have one finite number for each of {', '.join(fit.names)} in every row")
    m = L.shape[0]
    if np.linalg.matrix_rank(L) < m:
        raise NotEstimable("the rows of the matrix depend on each other · leave redundant rows out")
    b = L @ fit.beta
    try:
        value = float(b @ np.linalg.solve(L @ fit.vb @ L.T, b))
    except np.linalg.LinAlgError:
        raise NotEstimable("the contrasts have no variance: all residuals are 0 · use interval='z'") from None
    if math.isinf(fit.df):
        return ModelTest("Wald χ²", value, m, math.inf, float(special.chdtrc(m, value)))
    return ModelTest("F", value / m, m, fit.df, float(special.fdtrc(m, fit.df, value / m)))


def likelihood_ratio_test(full: Fit, reduced: Fit) -> ModelTest:
    """Compare two nested models of the same estimates by twice the difference of their log-likelihoods.

    Parameters
    ----------
    full, reduced
        Results of `lamevidence.pool` with tau2="ML" (or common-effect models); every column of the smaller design is a
        combination of columns of the larger.

    Raises
    ------
    OptionError
        Different studies, restricted likelihoods, models that are not nested.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.5], [0.03, 0.03, 0.05, 0.01, 0.02])
    >>> line = lam.pool(table, tau2="ML", moderators=[[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]])
    >>> lam.likelihood_ratio_test(line, lam.pool(table, tau2="ML")).df
    1
    """
    large, small = source_of(full, "a likelihood ratio test"), source_of(reduced, "a likelihood ratio test")
    if large.k != small.k or not np.array_equal(full.table.yi, reduced.table.yi):
        raise OptionError("the two models were fitted to different studies · fit both to the same table")
    for source in (large, small):
        if source.method not in ("ML", "none"):
            raise OptionError(f"tau2={source.method!r} has no comparable likelihood · fit both with tau2='ML'")
    basis = np.linalg.qr(large.design)[0]
    outside = small.design - basis @ (basis.T @ small.design)
    df = large.p - small.p + (large.method == "ML") - (small.method == "ML")
    if df <= 0 or np.abs(outside).max() > 1e-8 * np.abs(small.design).max():
        raise OptionError("the second model is not a smaller version of the first · give the larger model first")
    statistic = max(0.0, 2 * (full.log_likelihood - reduced.log_likelihood))
    boundary = large.method == "ML" and small.method == "none"
    notes = ("τ² = 0 lies on the edge of its range: the P value is conservative",) if boundary else ()
    return ModelTest("Likelihood ratio χ²", statistic, df, math.inf, float(special.chdtrc(df, statistic)), notes)
