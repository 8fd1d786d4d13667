"""Comparing meta-regressions: joint tests of contrasts, and likelihood ratios of nested models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, NotEstimable, OptionError
from ..pooling.inverse_variance.pooled import Pooled
from ..pooling.inverse_variance.refits import Source
from ..pooling.regression.regression_results import Regression
from ..results.contract import MeanResult, Result
from .check_result import CheckResult
from .studies import a_result, estimates_of, estimates_remedy

if TYPE_CHECKING:
    import pandas as pd

HOW = "model='random', tau2='ML'"

__all__ = ["ModelTest", "likelihood_ratio_test", "wald_test"]


@dataclass(frozen=True, slots=True, repr=False)
class ModelTest(CheckResult):
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

    def _sentence(self) -> str:
        degrees = f"{self.df}" if math.isinf(self.df_denominator) else f"{self.df}, {self.df_denominator:g}"
        return f"{self.name}({degrees}) = {self.statistic:.4g}, P = {self.p_value:.3g}."


def wald_test(fit: Result, matrix: ArrayLike) -> ModelTest:
    """Test that all rows of ``matrix`` @ β are 0 together.

    χ²(m) = (Lβ)'(L Var(β) L')⁻¹Lβ for z tests; divided by m and F(m, df) for t and Knapp-Hartung tests.

    Parameters
    ----------
    fit
        A fitted result with several coefficients, of one number of degrees of freedom.
    matrix
        (m, p), full row rank.

    Returns
    -------
    ModelTest
        Statistic, degrees of freedom, p value.

    Raises
    ------
    InputError, NotEstimable
        A wrong number of columns; rows that depend on each other.
    OptionError
        A result of one mean; a posterior; coefficients with degrees of freedom of their own, which a joint test needs
        its own approximation for (`ClusterRobust.wald`).

    See Also
    --------
    likelihood_ratio_test : by likelihoods instead.

    References
    ----------
    Wald 1943, Trans Am Math Soc 54:426.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.5], vi=[0.03, 0.03, 0.05, 0.01, 0.02])
    >>> fit = lam.pool(table, moderators=[[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]], interval="z")
    >>> lam.checks.wald_test(fit, [[0, 1]]).df
    1
    """
    result = a_result(fit, "wald_test")
    if isinstance(result, MeanResult) or result.bayesian or len(result.names) < 2:
        raise OptionError(
            f"wald_test compares coefficients, and {result.spec.label} has {', '.join(result.names)}"
            " · tidy() has its estimate and interval"
        )
    df = np.unique(np.broadcast_to(np.asarray(result.df, dtype=np.float64), (len(result.names),)))
    if df.size > 1:
        raise OptionError(
            "each coefficient has degrees of freedom of its own, and a joint test needs its own approximation"
            " · tidy() tests them one by one"
        )
    if not np.isfinite(result.covariance).all():
        raise NotEstimable("a coefficient has no finite standard error · tidy() tests them one by one")
    L = _contrasts(matrix, result.names)
    b = L @ np.asarray(result.estimate)
    try:
        value = float(b @ np.linalg.solve(L @ result.covariance @ L.T, b))
    except np.linalg.LinAlgError:
        raise NotEstimable("the contrasts have no variance: all residuals are 0 · fit with interval='z'") from None
    m, degrees = L.shape[0], float(df[0])
    if math.isinf(degrees):
        return ModelTest("Wald χ²", value, m, math.inf, float(special.chdtrc(m, value)))
    return ModelTest("F", value / m, m, degrees, float(special.fdtrc(m, degrees, value / m)))


def _contrasts(matrix: ArrayLike, names: tuple[str, ...]) -> FloatArray:
    each = f"give one finite number for each of {', '.join(names)} in every row"
    L = np.atleast_2d(floats(matrix, "the matrix", each))
    if L.ndim != 2 or L.shape[1] != len(names) or not np.isfinite(L).all():
        raise InputError(f"the matrix has shape {L.shape} · {each}")
    if np.linalg.matrix_rank(L) < L.shape[0]:
        raise NotEstimable("the rows of the matrix depend on each other · leave redundant rows out")
    return L


def likelihood_ratio_test(fit: Result, reduced: Result) -> ModelTest:
    """Compare two nested models of the same estimates by twice the difference of their log-likelihoods.

    Parameters
    ----------
    fit, reduced
        Results of `lamevidence.pool` with tau2="ML" (or common-effect models), the larger one first; every column of
        the smaller design is a combination of columns of the larger.

    Returns
    -------
    ModelTest
        Statistic, degrees of freedom, p value.

    Raises
    ------
    OptionError
        Different studies, restricted likelihoods, models of other kinds, models that are not nested.

    See Also
    --------
    wald_test : The test that needs one fit only.

    References
    ----------
    Self & Liang 1987, J Am Stat Assoc 82:605 (null values at a bound).

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.5], vi=[0.03, 0.03, 0.05, 0.01, 0.02])
    >>> line = lam.pool(table, tau2="ML", moderators=[[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]])
    >>> lam.checks.likelihood_ratio_test(line, lam.pool(table, tau2="ML")).df
    1
    """
    what = "a likelihood ratio test"
    large, small = (_comparable(one, what) for one in (fit, reduced))
    if large.k != small.k or not np.array_equal(fit.table.yi, reduced.table.yi):
        raise OptionError("the two models were fitted to different studies · fit both to the same table")
    basis = np.linalg.qr(large.design)[0]
    outside = small.design - basis @ (basis.T @ small.design)
    df = large.p - small.p + (large.method == "ML") - (small.method == "ML")
    if df <= 0 or np.abs(outside).max() > 1e-8 * np.abs(small.design).max():
        raise OptionError("the second model is not a smaller version of the first · give the larger model first")
    gain = 2 * (_log_likelihood(fit) - _log_likelihood(reduced))
    statistic = max(0.0, gain)
    boundary = large.method == "ML" and small.method == "none"
    notes = ("τ² = 0 lies on the edge of its range: the P value is conservative",) if boundary else ()
    return ModelTest("Likelihood ratio χ²", statistic, df, math.inf, float(special.chdtrc(df, statistic)), notes)


def _comparable(fit: Result, what: str) -> Source:
    """Return the data of a model whose likelihood can be compared."""
    found = estimates_of(fit, what, 2, HOW)
    if not found.own or found.source.method not in ("ML", "none"):
        moderators = ", with the moderators of this one" if found.source.X is not None else ""
        remedy = f"{estimates_remedy(fit, HOW)}{moderators}"
        raise OptionError(f"{fit.spec.label} has no likelihood that can be compared · {remedy} for both models")
    return found.source


def _log_likelihood(fit: Result) -> float:
    assert isinstance(fit, Pooled | Regression)
    return float(fit.log_likelihood)
