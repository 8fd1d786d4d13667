"""Small-study tests that need counts or sizes of both groups: Harbord, Peters, Deeks, Schwarzer, Pustejovsky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import DependentRows, NotEstimable, OptionError, TooFewStudies
from ...pooling.api import pool
from ...pooling.inverse_variance.pooled import Pooled
from ...pooling.inverse_variance.refits import source_of
from ...results.contract import Result
from ..studies import REPORT, Estimates, a_result, egger_remedy, estimates_of
from .ranks import rank_test
from .tests import SMALL_STUDY_TESTS, SmallStudyTest, make, regression_test

__all__ = ["TwoByTwo", "group_sizes", "two_by_two"]


@dataclass(frozen=True, slots=True, eq=False)
class TwoByTwo:
    """Events and totals of both groups; studies without information are left out.

    Attributes
    ----------
    a, n1, c, n2
        Events and patients of the treated, of the controls, (k,).
    yi
        Estimates, NaN where a cell is empty, (k,).
    level
        Level of the result the table is of.
    """

    a: FloatArray
    n1: FloatArray
    c: FloatArray
    n2: FloatArray
    yi: FloatArray
    labels: tuple[str, ...]
    level: float

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.a.size

    def with_estimates(self) -> tuple[TwoByTwo, tuple[str, ...]]:
        """Return the studies that have an estimate, and a note on those that have none."""
        good = np.isfinite(self.yi)
        lost = ", ".join(self.labels[i] for i in np.flatnonzero(~good))
        a, n1, c, n2, yi = (x[good] for x in (self.a, self.n1, self.c, self.n2, self.yi))
        labels = tuple(label for label, keep in zip(self.labels, good, strict=True) if keep)
        notes = (f"{lost} left out: no estimate, a cell is empty (harbord takes such studies)",) if lost else ()
        return TwoByTwo(a, n1, c, n2, yi, labels, self.level), notes


def two_by_two(fit: Result, what: str) -> TwoByTwo:
    """Return the 2×2 counts behind a result of any model.

    Raises
    ------
    OptionError
        The table has no counts.
    """
    table = a_result(fit, what).table
    counts = table.counts if isinstance(table, EvidenceTable) else {}
    if table.k < 3:
        raise TooFewStudies(what, table.k, 3, REPORT)
    if "ai" not in counts or "ci" not in counts:
        raise OptionError(f"{what} needs the 2×2 counts behind the estimates · {egger_remedy(fit)}")
    if len(set(table.studies)) != table.k:
        raise DependentRows(f"{what} takes rows as independent, and some share patients · {egger_remedy(fit)}")
    a, c = counts["ai"], counts["ci"]
    n1 = counts["n1i"] if "n1i" in counts else a + counts["bi"]
    n2 = counts["n2i"] if "n2i" in counts else c + counts["di"]
    keep = (a + c > 0) & (a + c < n1 + n2)
    if isinstance(fit, Pooled):
        keep &= fit.live.astype(bool)
    labels = tuple(label for label, used in zip(table.labels, keep, strict=True) if used)
    return TwoByTwo(a[keep], n1[keep], c[keep], n2[keep], table.yi[keep], labels, fit.level)


def _weighted(
    method: str, level: float, y: FloatArray, x: FloatArray, w: FloatArray, notes: tuple[str, ...]
) -> SmallStudyTest:
    """Return the test of the slope on x in a regression with weights w and estimated dispersion."""
    if y.size < 3 or np.ptp(x) <= 1e-12 * np.abs(x).max():
        title = SMALL_STUDY_TESTS.entry(method).title
        raise NotEstimable(f"{title} needs three studies of different size · {REPORT}")
    table = EvidenceTable.from_estimates(y, vi=1 / w)
    design = np.column_stack([np.ones(y.size), x])
    found = pool(table, model="common", moderators=design, interval="HKSJ", prediction="none", level=level)
    statistic, p = float(found.statistic[1]), float(found.p_value[1])
    df = float(np.max(found.df))
    return make(method, y.size, statistic, df, p, float(found.beta[1]), float(found.se[1]), notes=notes)


@SMALL_STUDY_TESTS.register("harbord", title="Harbord's score test", reference="10.1002/sim.2380")
def _harbord(fit: Result, predictor: str | None) -> SmallStudyTest:
    """Egger's regression with the efficient score Z/V and its standard error 1/√V."""
    t = two_by_two(fit, "Harbord's test")
    N, events = t.n1 + t.n2, t.a + t.c
    score = t.a - t.n1 * events / N
    information = t.n1 * t.n2 * events * (N - events) / (N**2 * (N - 1))
    if t.k < 3:
        raise NotEstimable(f"Harbord's test needs three studies of different size · {REPORT}")
    table = EvidenceTable.from_estimates(score / information, vi=1 / information)
    source = source_of(pool(table, model="common", level=t.level), "Harbord's test")
    x = 1 / np.sqrt(information)
    rows = Estimates(source, True, ())
    return regression_test("harbord", rows, x, limit=False, model="common", tau2=None, interval="HKSJ")


@SMALL_STUDY_TESTS.register("peters", title="Peters's test", reference="10.1001/jama.295.6.676")
def _peters(fit: Result, predictor: str | None) -> SmallStudyTest:
    """Regression of the estimate on 1/n, weights from the overall event rate."""
    t, notes = two_by_two(fit, "Peters's test").with_estimates()
    N, events = t.n1 + t.n2, t.a + t.c
    return _weighted("peters", t.level, t.yi, 1 / N, events * (N - events) / N, notes)


@SMALL_STUDY_TESTS.register("deeks", title="Deeks's test", reference="10.1016/j.jclinepi.2005.01.016")
def _deeks(fit: Result, predictor: str | None) -> SmallStudyTest:
    """Regression of the log odds ratio on 1/√ESS with weights ESS = 4n₁n₂/(n₁ + n₂)."""
    t, notes = two_by_two(fit, "Deeks's test").with_estimates()
    size = 4 * t.n1 * t.n2 / (t.n1 + t.n2)
    return _weighted("deeks", t.level, t.yi, 1 / np.sqrt(size), size, notes)


@SMALL_STUDY_TESTS.register("pustejovsky", title="Pustejovsky and Rodgers's test", reference="10.1002/jrsm.1332")
def _pustejovsky(fit: Result, predictor: str | None) -> SmallStudyTest:
    """Egger's regression with √(1/n₁ + 1/n₂) in place of the standard error, weights still 1/v.

    The standard error of a standardised mean difference contains the estimate itself; this predictor does not.
    """
    what = "Pustejovsky and Rodgers's test"
    _need_sizes(a_result(fit, what), what)
    rows = estimates_of(fit, what, needed=3)
    n1, n2 = group_sizes(fit, rows, what)
    x = np.sqrt(1 / n1 + 1 / n2)
    return regression_test("pustejovsky", rows, x, limit=True, model="common", tau2=None, interval="HKSJ")


def _need_sizes(fit: Result, what: str) -> None:
    """Refuse tables without sizes of both groups, before anything else is asked of them."""
    table = fit.table
    columns = set(table.counts) if isinstance(table, EvidenceTable) else set()
    if table.k < 3:
        raise TooFewStudies(what, table.k, 3, REPORT)
    if not ({"n1i", "n2i"} <= columns or {"ai", "bi", "ci", "di"} <= columns):
        raise OptionError(f"{what} needs the sizes of both groups (n1i and n2i) · {egger_remedy(fit)}")


def group_sizes(fit: Result, rows: Estimates, what: str) -> tuple[FloatArray, FloatArray]:
    """Return the numbers of both groups.

    Raises
    ------
    OptionError
        Some study lacks them.
    """
    source = rows.source
    counts = {name: column[source.rows] for name, column in source.table.counts.items()}
    if {"n1i", "n2i"} <= counts.keys():
        n1, n2 = counts["n1i"], counts["n2i"]
    else:
        n1, n2 = counts["ai"] + counts["bi"], counts["ci"] + counts["di"]
    if not (np.isfinite(n1) & np.isfinite(n2) & (n1 > 0) & (n2 > 0)).all():
        raise OptionError(f"{what} needs the sizes of both groups of every study · {egger_remedy(fit)}")
    return n1, n2


@SMALL_STUDY_TESTS.register("schwarzer", title="Schwarzer's rank test", reference="10.1002/sim.2588")
def _schwarzer(fit: Result, predictor: str | None) -> SmallStudyTest:
    """Rank correlation of (a − E)/√V with 1/V, moments of a under one odds ratio.

    The odds ratio is that of Mantel and Haenszel, with ½ added to the cells of tables that have an empty one.
    """
    t = two_by_two(fit, "Schwarzer's test")
    if t.k < 3:
        raise NotEstimable(f"Schwarzer's test needs three studies · {REPORT}")
    cells = np.array([t.a, t.n1 - t.a, t.c, t.n2 - t.c])
    a, b, c, d = cells + 0.5 * (cells == 0).any(axis=0)
    N = a + b + c + d
    above, below = float((a * d / N).sum()), float((b * c / N).sum())
    if above == 0 or below == 0:
        raise NotEstimable("the Mantel-Haenszel odds ratio is 0 or infinite · use method='harbord'")
    moments = np.array([_moments(*row, np.log(above / below)) for row in zip(t.a, t.n1, t.c, t.n2, strict=True)])
    mean, variance = moments.T
    return rank_test("schwarzer", (t.a - mean) / np.sqrt(variance), 1 / variance, False)


def _moments(a: float, n1: float, c: float, n2: float, log_odds: float) -> tuple[float, float]:
    """Return mean and variance of the non-central hypergeometric count with these margins."""
    events = a + c
    x = np.arange(max(0.0, events - n2), min(n1, events) + 1)
    g = special.gammaln
    log_mass = -g(x + 1) - g(n1 - x + 1) - g(events - x + 1) - g(n2 - events + x + 1) + log_odds * x
    mass = np.exp(log_mass - log_mass.max())
    mass /= mass.sum()
    mean = float(mass @ x)
    return mean, float(mass @ (x - mean) ** 2)
