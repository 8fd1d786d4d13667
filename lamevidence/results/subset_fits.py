"""The same model fitted to many subsets of the rows, as arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray
from ..foundation.errors import LamEvidenceError

if TYPE_CHECKING:
    from .contract import Result

__all__ = ["Mask", "SubsetFits", "fit_subsets"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SubsetFits:
    """Results of m refits; NaN, with the reason, where the model does not exist for a subset.

    Attributes
    ----------
    names
        Names of the p coefficients (``("mu",)`` for a mean).
    beta, se, low, high, statistic, p_value
        Estimates, standard errors, interval bounds at the level of the fit, test of the null value; (m, p) each.
    cov
        Covariance of the coefficients, (m, p, p).
    df
        Degrees of freedom of the intervals, (m, p); inf for the normal distribution.
    tau2, q, q_df, q_p, i2, h2
        Between-study variance and heterogeneity of each refit, (m,); NaN where the model has none, or several.
    k
        Rows in each subset, (m,).
    reasons
        Why a refit does not exist, ``""`` where it does; one a subset.
    """

    names: tuple[str, ...]
    beta: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    cov: FloatArray
    df: FloatArray
    tau2: FloatArray
    q: FloatArray
    q_df: FloatArray
    q_p: FloatArray
    i2: FloatArray
    h2: FloatArray
    k: FloatArray
    reasons: tuple[str, ...]

    @property
    def estimate(self) -> FloatArray:
        """The first coefficient (the mean) of each refit, (m,)."""
        return self.beta[:, 0]


def fit_subsets(
    fit: Result,
    masks: Mask,
    progress: Callable[[], None] | None = None,
    refit: Callable[[Sequence[int]], Result] | None = None,
) -> SubsetFits:
    """Return the refits of ``fit`` to the rows that are True in each row of ``masks`` (m, k), one by one.

    A refit that the model refuses becomes a row of NaN with the reason; nothing is left out. ``refit`` makes the result
    of some of the rows; left out, `Result.refit` does.
    """
    m, p = masks.shape[0], len(fit.names)
    shape = (m, p)
    wide = {name: np.full(shape, np.nan) for name in ("beta", "se", "low", "high", "statistic", "p_value", "df")}
    thin = {name: np.full(m, np.nan) for name in ("tau2", "q", "q_df", "q_p", "i2", "h2")}
    cov = np.full((m, p, p), np.nan)
    reasons = []
    for i, mask in enumerate(masks):
        try:
            rows = np.flatnonzero(mask).tolist()
            one = fit.refit(fit.table.subset(rows)) if refit is None else refit(rows)
            _fill(i, one, fit.names, wide, thin, cov)
            reasons.append("")
        except LamEvidenceError as refused:
            reasons.append(str(refused))
        if progress is not None:
            progress()
    return SubsetFits(fit.names, cov=cov, k=masks.sum(axis=1).astype(float), reasons=tuple(reasons), **wide, **thin)


def _fill(
    i: int,
    one: Result,
    names: Sequence[str],
    wide: dict[str, FloatArray],
    thin: dict[str, FloatArray],
    cov: FloatArray,
) -> None:
    """Write one refit; its coefficients go by name, since a level of a factor may be gone."""
    at = [names.index(name) for name in one.names if name in names]
    own = [j for j, name in enumerate(one.names) if name in names]
    bounds = one.intervals()
    columns = {
        "beta": np.atleast_1d(one.estimate),
        "se": np.atleast_1d(one.se),
        "low": bounds[:, 0],
        "high": bounds[:, 1],
        "statistic": np.atleast_1d(one.statistic),
        "p_value": np.atleast_1d(one.p_value),
        "df": np.broadcast_to(np.atleast_1d(one.df), len(one.names)),
    }
    for name, values in columns.items():
        wide[name][i, at] = np.asarray(values, dtype=float)[own]
    cov[i][np.ix_(at, at)] = one.covariance[np.ix_(own, own)]
    found = one.heterogeneity()
    tau2 = found.tau2 if isinstance(found.tau2, float) else math.nan
    single = {"tau2": tau2, "q": found.q, "q_df": found.df, "q_p": found.p, "i2": found.i2, "h2": found.h2}
    for name, number in single.items():
        thin[name][i] = number
