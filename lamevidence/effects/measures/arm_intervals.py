"""Intervals of a single arm that need no approximation: proportions and rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...errors import InputError
from ...options import a_choice, a_level
from ..given_numbers import broadcast, finite
from .base import FloatArray

__all__ = ["arm_interval", "rate_interval"]


def _level(level: float) -> float:
    return (1 - a_level(level)) / 2


def _counts(name: str, values: ArrayLike) -> FloatArray:
    array = finite(values, name, "give whole numbers ≥ 0", least=0)
    if not bool(np.all(array == np.round(array))):
        raise InputError(f"{name} = {values!r} · give whole numbers ≥ 0")
    return array


def arm_interval(
    events: ArrayLike, total: ArrayLike, method: str = "exact", level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper bound of a binomial proportion.

    Parameters
    ----------
    events, total
        Whole numbers, events ≤ total, total > 0; arrays broadcast.
    method
        ``exact`` (Clopper-Pearson: tails of the binomial, beta quantiles) or ``wilson`` (inverted score test).
    level
        0.95 for a 95 % interval.

    Raises
    ------
    UnknownName
        The method is neither.
    InputError
        The numbers cannot be counts.

    References
    ----------
    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404; Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = arm_interval(3, 15, "wilson")
    >>> round(100 * float(low), 3), round(100 * float(high), 3)
    (7.048, 45.185)
    """
    tail = _level(level)
    a_choice("interval method", method, ("exact", "wilson"))
    x, n = broadcast(events=_counts("events", events), total=_counts("total", total))
    if bool(np.any(x > n)) or bool(np.any(n == 0)):
        raise InputError(f"{events!r} of {total!r} · events cannot exceed the total, which must be above 0")
    if method == "exact":
        low = np.where(x == 0, 0.0, special.betaincinv(np.maximum(x, 1), n - x + 1, tail))
        high = np.where(x == n, 1.0, special.betaincinv(x + 1, np.maximum(n - x, 1), 1 - tail))
        return np.asarray(low), np.asarray(high)
    z2 = special.ndtri(tail) ** 2
    centre = (x + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
    low, high = np.where(x == 0, 0.0, centre - half), np.where(x == n, 1.0, centre + half)
    return np.asarray(low), np.asarray(high)


def rate_interval(
    events: ArrayLike, person_time: ArrayLike, method: str = "exact", level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper bound of a Poisson rate, per unit of ``person_time``.

    The only method is ``exact``: Garwood's interval from the tails of the Poisson, gamma quantiles
    (doi:10.1093/biomet/28.3-4.437).

    Raises
    ------
    UnknownName
        Another method.
    InputError
        The events are not counts, or the person-time is not positive.

    Examples
    --------
    >>> low, high = rate_interval(52, 88.4)
    >>> round(100 * float(low), 2), round(100 * float(high), 2)
    (43.93, 77.14)
    """
    tail = _level(level)
    a_choice("interval method", method, ("exact",))
    time = finite(person_time, "person_time", "give positive numbers", above=0)
    x, t = broadcast(events=_counts("events", events), person_time=time)
    low = np.where(x == 0, 0.0, special.gammaincinv(np.maximum(x, 1), tail))
    return np.asarray(low / t), np.asarray(special.gammaincinv(x + 1, 1 - tail) / t)
