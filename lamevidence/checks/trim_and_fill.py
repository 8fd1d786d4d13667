"""Trim and fill: how many studies would make the funnel symmetric, and what their mirror images would change."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..catalog import Catalog
from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import ConvergenceError, NotEstimable, OptionError, TooFewStudies
from ..options import a_choice
from ..pooling.random_effects import pool
from ..pooling.results import Pooled
from .refits import Source, source_of
from .small_study import caution, small_study_test
from .spoken import Spoken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING_ESTIMATORS", "TrimAndFill", "trim_and_fill"]

SIDES = ("left", "right")
ROUNDS = 100

Count: TypeAlias = Callable[[int, FloatArray], tuple[float, float]]
MISSING_ESTIMATORS: Catalog[Count] = Catalog("estimator of missing studies")


@dataclass(frozen=True, slots=True, repr=False)
class TrimAndFill(Spoken):
    """Result of trim and fill.

    Attributes
    ----------
    missing, missing_se
        Estimated number of missing studies and its standard error.
    side
        Where they are missing: ``left`` or ``right`` of the mean.
    p_value
        For R0: of no missing study on that side; nan otherwise.
    fit
        The model fitted to the studies and the filled ones.
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
    fit: Pooled
    original: Pooled
    filled_yi: FloatArray
    filled_vi: FloatArray
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the estimate before and after filling, one row each."""
        import pandas as pd

        rows = []
        for name, fit in (("observed", self.original), ("filled", self.fit)):
            low, high = fit.interval()
            row = {"studies": name, "k": fit.k, "estimate": fit.mu, "se": fit.se, "low": low, "high": high}
            rows.append(row | {"tau2": fit.tau2, "i2": fit.i2})
        return pd.DataFrame(rows)

    def summary(self) -> pd.DataFrame:
        """Return the estimate before and after filling."""
        return self.to_frame().set_index("studies")

    def describe(self) -> str:
        """Return the result in words, with its cautions."""
        text = (
            f"Trim and fill ({self.estimator}) sees {self.missing} missing studies on the {self.side}"
            f" (SE {self.missing_se:.3g}); filling them moves the estimate from {self.original.mu:.4g}"
            f" to {self.fit.mu:.4g}."
        )
        return " ".join([text, *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])


def trim_and_fill(fit: Pooled, *, estimator: str = "L0", side: str | None = None) -> TrimAndFill:
    """Estimate the number of studies missing on one side of the funnel, and refit with their mirror images.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.
    estimator
        ``L0`` (default), ``R0`` or ``Q0``.
    side
        ``left`` or ``right``; by default the side where the regression on the standard error sees studies missing.

    Raises
    ------
    NotEstimable
        The side cannot be found because all studies are equally precise; Q0 is undefined for these ranks.
    TooFewStudies, OptionError, UnknownName
        Fewer than three studies; moderators; names that do not exist.

    References
    ----------
    Duval & Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.9], [0.01, 0.02, 0.02, 0.05, 0.09])
    >>> lam.trim_and_fill(lam.pool(table, tau2="DL")).side
    'left'
    """
    count = MISSING_ESTIMATORS[estimator]
    source = source_of(fit, "trim and fill")
    if source.X is not None or not isinstance(fit, Pooled):
        raise OptionError("trim and fill is for models without moderators · leave moderators out")
    if source.k < 3:
        raise TooFewStudies("trim and fill", source.k, 3)
    if side is None:
        side = "right" if _slope(fit) < 0 else "left"
    else:
        a_choice("side", side, SIDES)
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * source.y, kind="stable")
    y, v = sign * source.y[order], source.v[order]
    missing, se, mean = _trim(source, y, v, count)
    p = 0.5 ** (missing + 1) if estimator == "R0" else math.nan
    extreme = slice(source.k - missing, source.k)
    offset = float(source.shift[0])
    yi = offset + source.scale * sign * (2 * mean - y[extreme])
    vi = source.scale**2 * v[extreme]
    filled = _refit(source, np.append(source.table.yi[source.rows], yi), np.append(source.table.vi[source.rows], vi))
    notes = ("filled studies are not data: a sensitivity analysis, not an estimate", *caution(source.k))
    return TrimAndFill(estimator, missing, se, side, p, filled, fit, yi, vi, notes)


def _slope(fit: Any) -> float:  # noqa: ANN401
    return small_study_test(fit, "egger-rma").bias


def _options(source: Source) -> dict[str, Any]:
    options: dict[str, Any] = {"interval": source.interval, "prediction": "none", "level": source.level}
    if source.method == "none":
        return options | {"model": "common"}
    known = source.method == "fixed"
    return options | {"model": "random", "tau2": source.t * source.scale**2 if known else source.method}


def _refit(source: Source, yi: FloatArray, vi: FloatArray) -> Pooled:
    found = pool(
        EvidenceTable.from_estimates(yi, vi, measure=source.table.measure, unit=source.table.unit), **_options(source)
    )
    assert isinstance(found, Pooled)
    return found


def _trim(source: Source, y: FloatArray, v: FloatArray, count: Count) -> tuple[int, float, float]:
    """Return the number of missing studies, its standard error, and the mean of the trimmed studies (sorted data)."""
    k, missing = y.size, 0
    options = _options(source) | {"interval": "z"}
    if source.method == "fixed":
        options["tau2"] = source.t
    for _ in range(ROUNDS):
        kept = k - missing
        if kept < 1:
            raise NotEstimable("every study would be trimmed · trim and fill has no answer for these data")
        table = EvidenceTable.from_estimates(y[:kept], v[:kept])
        mean = float(pool(table, **options).mu)
        centred = y - mean
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
