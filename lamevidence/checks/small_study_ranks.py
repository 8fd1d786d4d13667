"""Small-study tests by rank correlation: Begg and Mazumdar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, TooFewStudies
from .kendall import kendall
from .refits import source_of
from .small_study import SMALL_STUDY_TESTS, SmallStudyTest, make

__all__ = ["rank_test"]


def rank_test(method: str, x: FloatArray, y: FloatArray, exact: bool) -> SmallStudyTest:
    """Return a rank correlation test."""
    k = x.size
    if k < 3:
        raise TooFewStudies("a rank test of small-study effects", k, 3)
    found = kendall(x, y, exact=exact)
    if math.isnan(found.tau):
        raise NotEstimable("all ranks are tied: there is nothing to correlate")
    notes = ("ties: normal approximation with corrected variance",) if exact and not found.exact else ()
    statistic = found.tau if found.exact else found.score / found.se
    return make(method, k, statistic, math.inf, found.p_value, found.score, found.se, tau=found.tau, notes=notes)


def _begg(fit: Any, method: str, exact: bool) -> SmallStudyTest:  # noqa: ANN401
    source = source_of(fit, "Begg's test", needed=3)
    w = 1 / source.v
    mean = float(w @ source.y / w.sum())
    z = (source.y - mean) / np.sqrt(source.v - 1 / w.sum())
    return rank_test(method, z, source.v, exact)


@SMALL_STUDY_TESTS.register("begg", title="Begg and Mazumdar's rank test", reference="10.2307/2533446")
def _begg_exact(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    return _begg(fit, "begg", True)


@SMALL_STUDY_TESTS.register(
    "begg-normal", title="Begg and Mazumdar's rank test, normal approximation", reference="10.2307/2533446"
)
def _begg_normal(fit: Any, predictor: str | None) -> SmallStudyTest:  # noqa: ANN401
    return _begg(fit, "begg-normal", False)
