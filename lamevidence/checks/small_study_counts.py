"""Small-study tests that need counts or sizes of both groups: Harbord, Peters, Deeks, Schwarzer, Pustejovsky."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, OptionError
from ..pooling.random_effects import pool
from .refits import Mask, Source, source_of
from .small_study import SMALL_STUDY_TESTS, SmallStudyTest, make, regression_test
from .small_study_ranks import rank_test

__all__ = ["Tables", "two_by_two"]


class Tables(NamedTuple):
    """Events and totals of both groups, studies without information left out, and the data behind them."""

    a: FloatArray
    n1: FloatArray
    c: FloatArray
    n2: FloatArray
    source: Source
    keep: Mask


def two_by_two(fit: Any, what: str) -> Tables:  # noqa: ANN401
    """Return the 2×2 counts behind a fit.

    Raises
    ------
    OptionError
        The table has no counts.
    """
    source = source_of(fit, what)
    counts = source.table.counts
    if "ai" not in counts or "ci" not in counts:
        raise OptionError(f"{what} needs the 2×2 counts behind the estimates · build the table with ai n1i ci n2i")
    a, c = counts["ai"][source.rows], counts["ci"][source.rows]
    n1 = counts["n1i"][source.rows] if "n1i" in counts else a + counts["bi"][source.rows]
    n2 = counts["n2i"][source.rows] if "n2i" in counts else c + counts["di"][source.rows]
    keep = (a + c > 0) & (a + c < n1 + n2)
    return Tables(a[keep], n1[keep], c[keep], n2[keep], source, keep)


def _weighted(method: str, source: Source, y: FloatArray, x: FloatArray, w: FloatArray) -> SmallStudyTest:
    """Return the test of the slope on x in a regression with weights w and estimated dispersion."""
    if y.size < 3 or np.ptp(x) <= 1e-12 * np.abs(x).max():
        raise NotEstimable(f"{SMALL_STUDY_TESTS.entry(method).title} needs three studies of different size")
    table = EvidenceTable.from_estimates(y, 1 / w)
    design = np.column_stack([np.ones(y.size), x])
    found = pool(table, model="common", moderators=design, interval="HKSJ", prediction="none", level=source.level)
    statistic, p = float(found.statistic[1]), float(found.p_value[1])
    return make(method, y.size, statistic, found.df, p, float(found.beta[1]), float(found.se[1]))


@SMALL_STUDY_TESTS.register("harbord", title="Harbord's score test", reference="10.1002/sim.2380")
def _harbord(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    """Egger's regression with the efficient score Z/V and its standard error 1/√V."""
    t = two_by_two(fit, "Harbord's test")
    N, events = t.n1 + t.n2, t.a + t.c
    score = t.a - t.n1 * events / N
    information = t.n1 * t.n2 * events * (N - events) / (N**2 * (N - 1))
    table = EvidenceTable.from_estimates(score / information, 1 / information)
    source = source_of(pool(table, model="common", level=t.source.level), "Harbord's test")
    x = 1 / np.sqrt(information)
    return regression_test("harbord", source, x, limit=False, model="common", tau2=None, interval="HKSJ")


@SMALL_STUDY_TESTS.register("peters", title="Peters's test", reference="10.1001/jama.295.6.676")
def _peters(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    """Regression of the estimate on 1/n, weights from the overall event rate."""
    t = two_by_two(fit, "Peters's test")
    N, events = t.n1 + t.n2, t.a + t.c
    yi = t.source.table.yi[t.source.rows][t.keep]
    return _weighted("peters", t.source, yi, 1 / N, events * (N - events) / N)


@SMALL_STUDY_TESTS.register("deeks", title="Deeks's test", reference="10.1016/j.jclinepi.2005.01.016")
def _deeks(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    """Regression of the log odds ratio on 1/√ESS with weights ESS = 4n₁n₂/(n₁ + n₂)."""
    t = two_by_two(fit, "Deeks's test")
    size = 4 * t.n1 * t.n2 / (t.n1 + t.n2)
    yi = t.source.table.yi[t.source.rows][t.keep]
    return _weighted("deeks", t.source, yi, 1 / np.sqrt(size), size)


@SMALL_STUDY_TESTS.register("pustejovsky", title="Pustejovsky and Rodgers's test", reference="10.1002/jrsm.1332")
def _pustejovsky(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    """Egger's regression with √(1/n₁ + 1/n₂) in place of the standard error, weights still 1/v.

    The standard error of a standardised mean difference contains the estimate itself; this predictor does not.
    """
    source = source_of(fit, "Pustejovsky and Rodgers's test")
    n1, n2 = group_sizes(source, "Pustejovsky and Rodgers's test")
    x = np.sqrt(1 / n1 + 1 / n2)
    return regression_test("pustejovsky", source, x, limit=True, model="common", tau2=None, interval="HKSJ")


def group_sizes(source: Source, what: str) -> tuple[FloatArray, FloatArray]:
    """Return the numbers of both groups.

    Raises
    ------
    OptionError
        The table does not hold them.
    """
    counts = {name: column[source.rows] for name, column in source.table.counts.items()}
    if {"n1i", "n2i"} <= counts.keys():
        n1, n2 = counts["n1i"], counts["n2i"]
    elif {"ai", "bi", "ci", "di"} <= counts.keys():
        n1, n2 = counts["ai"] + counts["bi"], counts["ci"] + counts["di"]
    else:
        raise OptionError(f"{what} needs the sizes of both groups · build the table with n1i and n2i")
    if not (np.isfinite(n1) & np.isfinite(n2) & (n1 > 0) & (n2 > 0)).all():
        raise OptionError(f"{what} needs the sizes of both groups of every study · leave the others out")
    return n1, n2


@SMALL_STUDY_TESTS.register("schwarzer", title="Schwarzer's rank test", reference="10.1002/sim.2588")
def _schwarzer(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    """Rank correlation of (a − E)/√V with 1/V, moments of a under one odds ratio.

    The odds ratio is that of Mantel and Haenszel, with ½ added to the cells of tables that have an empty one.
    """
    t = two_by_two(fit, "Schwarzer's test")
    cells = np.array([t.a, t.n1 - t.a, t.c, t.n2 - t.c])
    a, b, c, d = cells + 0.5 * (cells == 0).any(axis=0)
    N = a + b + c + d
    above, below = float((a * d / N).sum()), float((b * c / N).sum())
    if above == 0 or below == 0:
        raise NotEstimable("the Mantel-Haenszel odds ratio is 0 or infinite · use method='begg'")
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
