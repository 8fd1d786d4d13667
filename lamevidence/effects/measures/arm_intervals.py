"""Intervals of a single arm: proportions and rates.

The exact and Wilson's interval are to be preferred (Newcombe 1998); the approximate ones are there for comparison with
published tables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...foundation.catalog import Catalog
from ...foundation.errors import InputError
from ...foundation.options import a_choice, a_level
from ..foreign_data import paired
from ..given_numbers import broadcast, finite
from .base import FloatArray

__all__ = ["PROPORTION_INTERVALS", "arm_interval", "rate_interval"]

Bounds = tuple[FloatArray, FloatArray]
Rule = Callable[[FloatArray, FloatArray, float], Bounds]

PROPORTION_INTERVALS: Catalog[Rule] = Catalog("interval for a proportion")
_NEWCOMBE = "10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E"


def _z(level: float) -> float:
    return float(special.ndtri(0.5 + level / 2))


@PROPORTION_INTERVALS.register(
    "exact", title="Clopper-Pearson, tails of the binomial", reference="Clopper & Pearson 1934; 10.1093/biomet/26.4.404"
)
def clopper_pearson(x: FloatArray, n: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact binomial bounds: beta quantiles (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404).

    NaN where the counts are.
    """
    tail = (1 - level) / 2
    with np.errstate(all="ignore"):
        low = np.where(x == 0, 0.0, special.betaincinv(np.maximum(x, 1e-300), n - x + 1, tail))
        high = np.where(x == n, 1.0, special.betaincinv(x + 1, np.maximum(n - x, 1e-300), 1 - tail))
    return np.asarray(low), np.asarray(high)


@PROPORTION_INTERVALS.register(
    "wilson", title="inverted score test", reference="Wilson 1927; 10.1080/01621459.1927.10502953"
)
def wilson(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Return the proportions that a score test does not reject."""
    z2 = _z(level) ** 2
    centre = (x + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (x * (n - x) / n + z2 / 4)) / (n + z2)
    low, high = np.where(x == 0, 0.0, centre - half), np.where(x == n, 1.0, centre + half)
    return np.asarray(low), np.asarray(high)


@PROPORTION_INTERVALS.register("wald", title="p ± z·√(pq/n)", reference=_NEWCOMBE)
def wald(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Return p ± z·√(pq/n); of width 0 where no one or everyone has the event."""
    p = x / n
    half = _z(level) * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


@PROPORTION_INTERVALS.register("wald-corrected", title="Wald with continuity correction 1/(2n)", reference=_NEWCOMBE)
def wald_corrected(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Return p ± {z·√(pq/n) + 1/(2n)}."""
    low, high = wald(x, n, level)
    return low - 0.5 / n, high + 0.5 / n


@PROPORTION_INTERVALS.register("wilson-corrected", title="Wilson with continuity correction", reference=_NEWCOMBE)
def wilson_corrected(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Return the inverted score test with continuity correction."""
    p, z = x / n, _z(level)
    z2 = z * z
    down = z * np.sqrt(np.maximum(z2 - 2 - 1 / n + 4 * p * (n * (1 - p) + 1), 0.0))
    up = z * np.sqrt(np.maximum(z2 + 2 - 1 / n + 4 * p * (n * (1 - p) - 1), 0.0))
    bottom = 2 * (n + z2)
    return (2 * x + z2 - 1 - down) / bottom, (2 * x + z2 + 1 + up) / bottom


@PROPORTION_INTERVALS.register(
    "agresti-coull", title="Wald after adding z²/2 events and non-events", reference="10.2307/2685469"
)
def agresti_coull(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Return the Wald interval of (x + z²/2)/(n + z²)."""
    z2 = _z(level) ** 2
    return wald(x + z2 / 2, n + z2, level)


def _counts(name: str, values: ArrayLike) -> FloatArray:
    array = finite(values, name, "give whole numbers ≥ 0", least=0)
    if not bool(np.all(array == np.round(array))):
        raise InputError(f"{name} = {values!r} · give whole numbers ≥ 0")
    return array


def garwood(x: FloatArray, t: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact Poisson bounds of a rate: gamma quantiles (Garwood 1936, doi:10.1093/biomet/28.3-4.437)."""
    tail = (1 - level) / 2
    with np.errstate(all="ignore"):
        low = np.where(x == 0, 0.0, special.gammaincinv(np.maximum(x, 1e-300), tail))
        return np.asarray(low / t), np.asarray(special.gammaincinv(x + 1, 1 - tail) / t)


@paired
def arm_interval(
    events: ArrayLike, total: ArrayLike, method: str = "exact", level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper bound of a binomial proportion.

    Parameters
    ----------
    events, total
        Whole numbers, events ≤ total, total > 0; arrays broadcast.
    method
        ``exact`` (Clopper-Pearson: tails of the binomial, beta quantiles) or ``wilson`` (inverted score test); for
        comparison with published tables ``wald`` (p ± z·√(pq/n)), ``wald-corrected`` and ``wilson-corrected`` (with
        continuity correction) and ``agresti-coull``.
    level
        0.95 for a 95 % interval.

    Returns
    -------
    tuple of arrays
        Lower and upper bounds, within [0, 1], of the shape of ``events`` and ``total`` together.

    Raises
    ------
    UnknownName
        No such method.
    InputError
        The numbers cannot be counts.

    See Also
    --------
    rate_interval : of a rate.

    References
    ----------
    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404; Wilson 1927, doi:10.1080/01621459.1927.10502953; Newcombe
    1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E; Agresti & Coull 1998,
    doi:10.2307/2685469.

    Examples
    --------
    >>> low, high = arm_interval(3, 15, "wilson")
    >>> round(100 * float(low), 3), round(100 * float(high), 3)
    (7.048, 45.185)
    >>> low, high = arm_interval(15, 148, "wald")  # 15/148: Newcombe 1998, table I
    >>> round(float(low), 4), round(float(high), 4)
    (0.0527, 0.15)
    """
    a_level(level)
    rule = PROPORTION_INTERVALS[method]
    x, n = broadcast(events=_counts("events", events), total=_counts("total", total))
    if bool(np.any(x > n)) or bool(np.any(n == 0)):
        raise InputError(f"{events!r} of {total!r} · events cannot exceed the total, which must be above 0")
    low, high = rule(x, n, level)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


@paired
def rate_interval(
    events: ArrayLike, person_time: ArrayLike, method: str = "exact", level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper bound of a Poisson rate, per unit of ``person_time``.

    Parameters
    ----------
    events
        Whole numbers; arrays broadcast.
    person_time
        Positive numbers, in any unit; the bounds are per that unit.
    method
        ``exact``: Garwood's interval from the tails of the Poisson, gamma quantiles.
    level
        0.95 for a 95 % interval.

    Returns
    -------
    tuple of arrays
        Lower and upper bounds, of the shape of ``events`` and ``person_time`` together.

    Raises
    ------
    UnknownName
        Another method.
    InputError
        The events are not counts, or the person-time is not positive.

    See Also
    --------
    arm_interval : of a proportion.

    References
    ----------
    Garwood 1936, doi:10.1093/biomet/28.3-4.437.

    Examples
    --------
    >>> low, high = rate_interval(52, 88.4)
    >>> round(100 * float(low), 2), round(100 * float(high), 2)
    (43.93, 77.14)
    """
    a_level(level)
    a_choice("interval method", method, ("exact",))
    time = finite(person_time, "person_time", "give positive numbers", above=0)
    x, t = broadcast(events=_counts("events", events), person_time=time)
    return garwood(x, t, level)
