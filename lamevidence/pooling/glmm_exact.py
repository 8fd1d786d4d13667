"""What can be said when no study has an event (or every patient of every study has one): exact bounds."""

from __future__ import annotations

import math

from scipy import special

from ..values import Interval

__all__ = ["clopper_pearson", "garwood"]


def clopper_pearson(events: float, patients: float, level: float) -> Interval:
    """Return the exact interval for a proportion; one-sided tail (1 − level) at 0 or all events.

    Reference: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> round(clopper_pearson(0, 30, 0.95).high, 6)
    0.115703
    """
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(special.betaincinv(events, patients - events + 1, tail))
    high = 1.0 if events == patients else float(special.betaincinv(events + 1, patients - events, 1 - tail))
    return Interval(low, high)


def garwood(events: float, time: float, level: float) -> Interval:
    """Return the exact interval for a Poisson rate.

    Reference: Garwood 1936, doi:10.1093/biomet/28.3-4.437.

    Examples
    --------
    >>> round(garwood(0, 100.0, 0.95).high, 6)
    0.036889
    """
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(special.chdtri(2 * events, 1 - tail)) / 2
    high = float(special.chdtri(2 * (events + 1), tail)) / 2
    return Interval(low / time, high / time)


def on_link(bound: Interval, family: str) -> Interval:
    """Return a bound of a proportion (logit) or rate (log) on the link scale, infinite at the edge."""
    def link(x: float) -> float:
        if x <= 0:
            return -math.inf
        if family == "poisson":
            return math.log(x)
        return math.inf if x >= 1 else math.log(x / (1 - x))

    return Interval(link(bound.low), link(bound.high))
