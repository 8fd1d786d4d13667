"""Small-study tests by rank correlation: Begg and Mazumdar, on Kendall's τ with its exact null distribution."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, TooFewStudies
from ...results.contract import Result
from ..studies import REPORT, estimates_of
from .tests import SMALL_STUDY_TESTS, SmallStudyTest, make

__all__ = ["Kendall", "kendall", "rank_test"]


class Kendall(NamedTuple):
    """τ_b, concordant minus discordant pairs and its standard error, the p value, and whether it is exact."""

    tau: float
    score: float
    se: float
    p_value: float
    exact: bool


def kendall(x: FloatArray, y: FloatArray, *, exact: bool = True) -> Kendall:
    """Return Kendall's τ_b of two samples with a two-sided p value.

    The exact distribution is used without ties; with ties the score is normal with the tie-corrected variance.
    Reference: Kendall 1970, Rank Correlation Methods, chapters 4 and 5.
    """
    k = x.size
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    score = float(signs.sum()) / 2
    ties_x, ties_y = _ties(x), _ties(y)
    pairs = k * (k - 1) / 2
    free_x, free_y = pairs - float((ties_x * (ties_x - 1)).sum()) / 2, pairs - float((ties_y * (ties_y - 1)).sum()) / 2
    if free_x == 0 or free_y == 0:
        return Kendall(math.nan, score, 0.0, math.nan, False)
    tau = score / math.sqrt(free_x * free_y)
    se = math.sqrt(_variance(k, ties_x, ties_y))
    if exact and free_x == pairs == free_y:
        return Kendall(tau, score, se, _exact_p(k, round((score + pairs) / 2)), True)
    return Kendall(tau, score, se, float(2 * special.ndtr(-abs(score / se))), False)


def _ties(x: FloatArray) -> FloatArray:
    counts = np.unique(x, return_counts=True)[1].astype(np.float64)
    return counts[counts > 1]


def _variance(k: int, a: FloatArray, b: FloatArray) -> float:
    def third(t: FloatArray) -> float:
        return float((t * (t - 1) * (2 * t + 5)).sum())

    value = (k * (k - 1) * (2 * k + 5) - third(a) - third(b)) / 18
    pair_a, pair_b = float((a * (a - 1)).sum()), float((b * (b - 1)).sum())
    value += pair_a * pair_b / (2 * k * (k - 1))
    if k > 2:
        triple = float((a * (a - 1) * (a - 2)).sum()) * float((b * (b - 1) * (b - 2)).sum())
        value += triple / (9 * k * (k - 1) * (k - 2))
    return value


def _exact_p(k: int, concordant: int) -> float:
    """Return min(1, 2·min(P(T ≤ t), P(T ≥ t))) for T concordant pairs of k untied ones."""
    mass = np.ones(1)
    for n in range(2, k + 1):
        mass = np.convolve(mass, np.full(n, 1.0 / n))
    below, above = float(mass[: concordant + 1].sum()), float(mass[concordant:].sum())
    return min(1.0, 2 * min(below, above))


def rank_test(method: str, x: FloatArray, y: FloatArray, exact: bool, notes: tuple[str, ...] = ()) -> SmallStudyTest:
    """Return a rank correlation test."""
    k = x.size
    if k < 3:
        raise TooFewStudies("a rank test of small-study effects", k, 3, REPORT)
    found = kendall(x, y, exact=exact)
    if math.isnan(found.tau):
        raise NotEstimable(f"all ranks are tied: there is nothing to correlate · {REPORT}")
    notes += ("ties: normal approximation with corrected variance",) if exact and not found.exact else ()
    statistic = found.tau if found.exact else found.score / found.se
    return make(method, k, statistic, math.inf, found.p_value, found.score, found.se, tau=found.tau, notes=notes)


def _begg(fit: Result, method: str, exact: bool) -> SmallStudyTest:
    found = estimates_of(fit, "Begg's test", needed=3)
    source = found.source
    w = 1 / source.v
    mean = float(w @ source.y / w.sum())
    z = (source.y - mean) / np.sqrt(source.v - 1 / w.sum())
    return rank_test(method, z, source.v, exact, found.notes)


@SMALL_STUDY_TESTS.register("begg", title="Begg and Mazumdar's rank test", reference="10.2307/2533446")
def _begg_exact(fit: Result, predictor: str | None) -> SmallStudyTest:
    return _begg(fit, "begg", True)


@SMALL_STUDY_TESTS.register(
    "begg-normal", title="Begg and Mazumdar's rank test, normal approximation", reference="10.2307/2533446"
)
def _begg_normal(fit: Result, predictor: str | None) -> SmallStudyTest:
    return _begg(fit, "begg-normal", False)
