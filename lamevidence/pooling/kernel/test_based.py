"""Higgins and Thompson's test-based interval for H², from any Q that is χ² when the studies agree."""

from __future__ import annotations

import math

from ...foundation.errors import TooFewStudies
from ...foundation.values import Interval
from .distributions import quantile

__all__ = ["h2_test_based"]


def h2_test_based(q: float, df: int, level: float, instead: str) -> Interval:
    """Return the interval for H²; its lower end may lie below 1.

    log max(1, H) ± z·se with se = ½(log Q − log df)/(√(2Q) − √(2df − 1)) where Q > k = df + 1, and
    √(1/(2(df − 1))·(1 − 1/(3(df − 1)²))) otherwise. Reference: doi:10.1002/sim.1186, appendix A2.

    Parameters
    ----------
    q, df
        Heterogeneity statistic and its degrees of freedom.
    level
        Confidence level.
    instead
        What works where there is none, for the message.

    Raises
    ------
    TooFewStudies
        Fewer than three studies, or fewer than two with Q > 2.
    """
    k = df + 1
    if df < 1 or (df == 1 and not q > k):
        raise TooFewStudies("the test-based interval", k, 3, instead)
    if q > k:
        se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * df - 1))
    else:
        se = math.sqrt(1 / (2 * (df - 1)) * (1 - 1 / (3 * (df - 1) ** 2)))
    centre = 0.5 * math.log(max(q / df, 1.0))
    half = quantile(level) * se
    return Interval(math.exp(2 * (centre - half)), math.exp(2 * (centre + half)))
