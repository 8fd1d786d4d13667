"""Trim and fill: how many studies would make the funnel symmetric, and what their mirror images would change."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import ConvergenceError, NotEstimable, OptionError
from ...foundation.options import a_choice
from ...results.contract import Result
from ..check_result import CheckResult
from ..studies import REPORT, Estimates, estimates_of, estimates_remedy, pools_counts
from .tests import caution, small_study_test

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING_ESTIMATORS", "TrimAndFill", "trim_and_fill"]

SIDES = ("left", "right")
ROUNDS = 100

Count: TypeAlias = Callable[[int, FloatArray], tuple[float, float]]
MISSING_ESTIMATORS: Catalog[Count] = Catalog("estimator of missing studies")


@dataclass(frozen=True, slots=True, repr=False)
class TrimAndFill(CheckResult):
    """Result of trim and fill.

    Attributes
    ----------
    missing, missing_se
        Estimated number of missing studies and its standard error.
    side
        Where they are missing: ``left`` or ``right`` of the mean.
    p_value
        For R0: of no missing study on that side; NaN otherwise.
    filled
        The same model fitted to the studies and the filled ones; its table has both.
    original
        The model before.
    filled_yi, filled_vi
        The filled studies.
    notes
        Cautions.
    """

    estimator: str
    missing: int
    missing_se: float
    side: str
    p_value: float
    filled: Result
    original: Result
    filled_yi: FloatArray
    filled_vi: FloatArray
    notes: tuple[str, ...] = ()

    @property
    def fit(self) -> Result:
        """The model fitted to the studies and the filled ones, the same as ``filled``."""
        return self.filled

    def to_frame(self) -> pd.DataFrame:
        """Return the estimate before and after filling, one row each."""
        import pandas as pd

        rows = []
        for name, fit in (("observed", self.original), ("filled", self.filled)):
            low, high = (float(x) for x in fit.intervals()[0])
            row = {"studies": name, "k": fit.k, "estimate": fit.estimate, "se": fit.se, "low": low, "high": high}
            rows.append(row | {"tau2": fit.tau2, "i2": fit.heterogeneity().i2})
        return pd.DataFrame(rows)

    def summary(self) -> pd.DataFrame:
        """Return the estimate before and after filling."""
        return self.to_frame().set_index("studies")

    def _figure(self) -> str:
        return "funnel"

    def _sentence(self) -> str:
        return (
            f"Trim and fill ({self.estimator}) sees {self.missing} missing studies on the {self.side}"
            f" (SE {self.missing_se:.3g}); filling them moves the estimate from {self.original.estimate:.4g}"
            f" to {self.filled.estimate:.4g}."
        )


def trim_and_fill(fit: Result, *, estimator: str = "L0", side: str | None = None) -> TrimAndFill:
    """Estimate the number of studies missing on one side of the funnel, and refit with their mirror images.

    Parameters
    ----------
    fit
        A fitted result of any model of one mean whose rows are estimates with variances. Trimmed and filled studies
        are pooled by this very model (`Result.refit`).
    estimator
        ``L0`` (default), ``R0`` or ``Q0``.
    side
        ``left`` or ``right``; by default the side where the regression on the standard error sees studies missing.

    Returns
    -------
    TrimAndFill
        Number of missing studies, and the fit with them filled in.

    Raises
    ------
    NotEstimable
        The side cannot be found because all studies are equally precise; Q0 is undefined for these ranks.
    TooFewStudies, OptionError, UnknownName
        Fewer than three studies; moderators, counts, or weights of single rows; names that do not exist.

    See Also
    --------
    small_study_test : is there asymmetry at all?

    References
    ----------
    Duval & Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.9], vi=[0.01, 0.02, 0.02, 0.05, 0.09])
    >>> lam.checks.trim_and_fill(lam.pool(table, tau2="DL")).side
    'left'
    """
    count = MISSING_ESTIMATORS[estimator]
    found = estimates_of(fit, "trim and fill", needed=3)
    if side is not None:
        a_choice("side", side, SIDES)
    _check_model(fit, found, side)
    source = found.source
    if side is None:
        side = "right" if _slope(fit, found) < 0 else "left"
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * source.y, kind="stable")
    missing, se, mean = _trim(fit, source.rows[order], sign, count)
    p = 0.5 ** (missing + 1) if estimator == "R0" else math.nan
    extreme = order[source.k - missing :]
    yi, vi = 2 * mean - found.y[extreme], found.v[extreme]
    filled = fit.refit(_augmented(fit, found, yi, vi)) if missing else fit
    notes = ("filled studies are not data: a sensitivity analysis, not an estimate", *caution(source.k))
    return TrimAndFill(estimator, missing, se, side, p, filled, fit, yi, vi, notes)


def _check_model(fit: Result, found: Estimates, side: str | None) -> None:
    """Refuse models that filled studies cannot be added to: of moderators, of counts, of values given for each row."""
    no_side = side is None and np.ptp(found.v) <= 1e-9 * found.v.max()
    then = " and side='left' or 'right'" if no_side else ""
    if found.source.X is not None or len(fit.names) > 1:
        raise OptionError(f"trim and fill is for models without moderators · {estimates_remedy(fit, needed=3)}{then}")
    if pools_counts(fit):
        raise OptionError(
            f"trim and fill mirrors estimates with variances, and {fit.spec.label} pools counts"
            f" · {estimates_remedy(fit, needed=3)}{then}"
        )
    if fit.recipe is not None and fit.recipe.per_row:
        given = ", ".join(fit.recipe.per_row)
        raise OptionError(f"a filled study has no {given} of its own · {estimates_remedy(fit, needed=3)}{then}")
    if no_side:
        raise NotEstimable("all studies are of one precision: asymmetry cannot be seen · give side='left' or 'right'")


def _augmented(fit: Result, found: Estimates, yi: FloatArray, vi: FloatArray) -> EvidenceTable:
    """Return the rows of the fit and the filled ones, named as what they are."""
    source, table = found.source, fit.table
    labels = [*source.labels, *(f"Filled {i + 1}" for i in range(yi.size))]
    return EvidenceTable.from_estimates(
        np.append(found.y, yi),
        vi=np.append(found.v, vi),
        labels=labels,
        studies=labels,
        measure=table.measure,
        unit=table.unit,
    )


def _slope(fit: Result, found: Estimates) -> float:
    return small_study_test(fit, "egger-rma" if found.own else "egger-lm").bias


def _trim(fit: Result, rows: NDArray[np.intp], sign: float, count: Count) -> tuple[int, float, float]:
    """Return the number of missing studies, its standard error, and the mean of the trimmed ones.

    ``rows`` are the positions of the studies from the side where some are missing to the other one.
    """
    k, missing = rows.size, 0
    y = sign * fit.table.yi[rows]
    for _ in range(ROUNDS):
        kept = k - missing
        if kept < 1:
            raise NotEstimable(f"every study would be trimmed · {REPORT}")
        mean = float(fit.refit(fit.table.subset(rows[:kept].tolist())).estimate)
        centred = y - sign * mean
        rank = np.empty(k)
        rank[np.argsort(np.abs(centred), kind="stable")] = np.arange(1, k + 1)
        raw, se = count(k, np.sign(centred) * rank)
        if not math.isfinite(raw):
            raise NotEstimable("the estimator is undefined for these ranks · use estimator='L0'")
        found = max(0, round(raw))
        if found == missing:
            return missing, max(0.0, se), mean
        missing = found
    raise ConvergenceError("trimming alternates between two answers · use another estimator")


def _rank_variance(k: int, m: float) -> float:
    """Return the variance of the rank sum when m of k + m studies are missing."""
    cubic = k * (k + 1) * (2 * k + 1) + 10 * m**3 + 27 * m**2 + 17 * m
    return (cubic - 18 * k * m**2 - 18 * k * m + 6 * k**2 * m) / 24


def _root(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


@MISSING_ESTIMATORS.register("L0", title="linear in the rank sum", reference="10.1111/j.0006-341X.2000.00455.x")
def _linear(k: int, ranks: FloatArray) -> tuple[float, float]:
    total = float(ranks[ranks > 0].sum())
    m = (4 * total - k * (k + 1)) / (2 * k - 1)
    return m, 4 * _root(_rank_variance(k, m)) / (2 * k - 1)


@MISSING_ESTIMATORS.register("R0", title="length of the rightmost run", reference="10.1111/j.0006-341X.2000.00455.x")
def _run(k: int, ranks: FloatArray) -> tuple[float, float]:
    below = ranks[ranks < 0]
    if below.size == 0:
        return math.nan, math.nan
    m = k - float(np.max(-below)) - 1
    return m, math.sqrt(2 * max(0.0, m) + 2)


@MISSING_ESTIMATORS.register("Q0", title="quadratic in the rank sum", reference="10.1111/j.0006-341X.2000.00455.x")
def _quadratic(k: int, ranks: FloatArray) -> tuple[float, float]:
    total = float(ranks[ranks > 0].sum())
    m = k - 0.5 - _root(2 * k**2 - 4 * total + 0.25)
    if math.isnan(m):
        return m, math.nan
    spread = (k - 0.5) ** 2 - m * (2 * k - m - 1)
    return m, 2 * _root(_rank_variance(k, m)) / math.sqrt(spread) if spread > 0 else math.nan
