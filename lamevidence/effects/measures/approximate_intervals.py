"""Approximate intervals for a binomial proportion, for comparison with published tables.

`arm_interval` has the exact and Wilson's interval, which are to be preferred (Newcombe 1998).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...catalog import Catalog
from ...errors import InputError, OptionError
from .base import FloatArray

__all__ = ["APPROXIMATE", "approximate_interval"]

Bounds = tuple[FloatArray, FloatArray]
Rule = Callable[[FloatArray, FloatArray, float], Bounds]

APPROXIMATE: Catalog[Rule] = Catalog("approximate interval for a proportion")
_NEWCOMBE = "10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E"


@APPROXIMATE.register("wald", title="p ± z·√(pq/n)", reference=_NEWCOMBE)
def wald(x: FloatArray, n: FloatArray, z: float) -> Bounds:
    """Return p ± z·√(pq/n); of width 0 where no one or everyone has the event."""
    p = x / n
    half = z * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


@APPROXIMATE.register("wald-corrected", title="Wald with continuity correction 1/(2n)", reference=_NEWCOMBE)
def wald_corrected(x: FloatArray, n: FloatArray, z: float) -> Bounds:
    """Return p ± {z·√(pq/n) + 1/(2n)}."""
    low, high = wald(x, n, z)
    return low - 0.5 / n, high + 0.5 / n


@APPROXIMATE.register("wilson-corrected", title="Wilson with continuity correction", reference=_NEWCOMBE)
def wilson_corrected(x: FloatArray, n: FloatArray, z: float) -> Bounds:
    """Return the inverted score test with continuity correction."""
    p, z2 = x / n, z * z
    down = z * np.sqrt(np.maximum(z2 - 2 - 1 / n + 4 * p * (n * (1 - p) + 1), 0.0))
    up = z * np.sqrt(np.maximum(z2 + 2 - 1 / n + 4 * p * (n * (1 - p) - 1), 0.0))
    bottom = 2 * (n + z2)
    return (2 * x + z2 - 1 - down) / bottom, (2 * x + z2 + 1 + up) / bottom


@APPROXIMATE.register(
    "agresti-coull", title="Wald after adding z²/2 events and non-events", reference="10.2307/2685469"
)
def agresti_coull(x: FloatArray, n: FloatArray, z: float) -> Bounds:
    """Return the Wald interval of (x + z²/2)/(n + z²)."""
    return wald(x + z * z / 2, n + z * z, z)


def approximate_interval(events: ArrayLike, total: ArrayLike, method: str, level: float = 0.95) -> Bounds:
    """Return the lower and upper bound of a proportion, cut at 0 and 1.

    Parameters
    ----------
    events, total
        Whole numbers, events ≤ total, total > 0; arrays broadcast.
    method
        Code in `APPROXIMATE`: ``wald``, ``wald-corrected``, ``wilson-corrected``, ``agresti-coull``.
    level
        0.95 for a 95 % interval.

    Raises
    ------
    UnknownName, OptionError
        No such method; a level that is not between 0 and 1.
    InputError
        The numbers cannot be counts.

    References
    ----------
    Newcombe 1998, Statistics in Medicine 17:857; Agresti & Coull 1998, doi:10.2307/2685469.

    Examples
    --------
    >>> low, high = approximate_interval(15, 148, "wald")  # 15/148: Newcombe 1998, table I
    >>> round(float(low), 4), round(float(high), 4)
    (0.0527, 0.15)
    """
    rule = APPROXIMATE[method]
    if not 0 < level < 1:
        raise OptionError(f"level={level!r} must lie between 0 and 1, for example 0.95")
    x, n = np.broadcast_arrays(np.asarray(events, dtype=np.float64), np.asarray(total, dtype=np.float64))
    if not (np.isfinite(x) & np.isfinite(n) & (x >= 0) & (n > 0) & (x <= n)).all():
        raise InputError(f"{events!r} of {total!r} · give counts with 0 ≤ events ≤ total, total above 0")
    low, high = rule(x, n, float(special.ndtri(0.5 + level / 2)))
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
