"""Standard errors from what a paper prints instead: an SD, an interval, a p-value, a test statistic."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...errors import InputError
from ...options import a_flag, a_level
from ..given_numbers import broadcast, finite
from ..measures.base import FloatArray
from .catalogue import rule

__all__ = ["sd_from_se", "se_from_ci", "se_from_p", "se_from_sd", "se_from_statistic"]

_HANDBOOK = "Cochrane Handbook 6.5.2"


def positive(name: str, values: ArrayLike, *, zero: bool = False) -> FloatArray:
    """Return ``values`` as floats; raise unless all are positive (or, with ``zero``, not negative)."""
    if zero:
        return finite(values, name, "give numbers ≥ 0", least=0)
    return finite(values, name, "give positive numbers", above=0)


def critical_value(level: float, df: ArrayLike | None) -> FloatArray:
    """Return the two-sided quantile of the normal, or of t with ``df``."""
    upper = 0.5 + a_level(level) / 2
    if df is None:
        return np.asarray(special.ndtri(upper))
    return np.asarray(special.stdtrit(positive("df", df), upper))


@rule(title="SE from SD and n", needs="sd n", gives="se", formula="SE = SD / √n", reference=_HANDBOOK)
def se_from_sd(sd: ArrayLike, n: ArrayLike) -> FloatArray:
    """Return SD/√n, in the unit of the SD.

    Examples
    --------
    >>> round(float(se_from_sd(75.0, 47)), 2)
    10.94
    """
    spread, size = broadcast(sd=positive("sd", sd, zero=True), n=positive("n", n))
    return np.asarray(spread / np.sqrt(size))


@rule(title="SD from SE and n", needs="se n", gives="sd", formula="SD = SE · √n", reference=_HANDBOOK)
def sd_from_se(se: ArrayLike, n: ArrayLike) -> FloatArray:
    """Return SE·√n, in the unit of the SE."""
    error, size = broadcast(se=positive("se", se, zero=True), n=positive("n", n))
    return np.asarray(error * np.sqrt(size))


@rule(
    title="SE from a confidence interval", needs="low high level", gives="se", formula="SE = (high − low) / (2 q)",
    reference="Cochrane Handbook 6.3.1, 6.5.2.2", assumption="the interval is symmetric on the scale it was made on",
)
def se_from_ci(
    low: ArrayLike, high: ArrayLike, level: float = 0.95, *, df: ArrayLike | None = None, log: bool = False
) -> FloatArray:
    """Return the width of a confidence interval over twice its quantile.

    Parameters
    ----------
    low, high
        The bounds.
    level
        0.95 for a 95 % interval.
    df
        Degrees of freedom where the interval used t; the normal quantile otherwise.
    log
        The bounds are of a ratio; the result is the SE of its log.

    Raises
    ------
    InputError
        The bounds are reversed, or not positive with ``log``.

    Examples
    --------
    >>> round(float(se_from_ci(0.65, 1.14, log=True)) ** 2, 4)
    0.0205
    """
    a_flag("log", log)
    quantile = critical_value(level, df)
    if log:
        lower, upper = np.log(positive("low", low)), np.log(positive("high", high))
    else:
        lower, upper = finite(low, "low"), finite(high, "high")
    lower, upper, quantile = broadcast(low=lower, high=upper, df=quantile)
    if not bool(np.all(upper >= lower)):
        raise InputError(f"the interval {low!r} to {high!r} is reversed · give low before high")
    return np.asarray((upper - lower) / (2 * quantile))


@rule(
    title="SE from a p-value", needs="estimate p", gives="se", formula="SE = |estimate| / q(1 − p/2)",
    reference="Cochrane Handbook 6.3.2, 6.5.2.3",
    assumption="p is two-sided and of the test of this estimate against 0",
)
def se_from_p(estimate: ArrayLike, p: ArrayLike, *, df: ArrayLike | None = None) -> FloatArray:
    """Return |estimate| over the normal quantile of its two-sided p-value, or the t quantile with ``df``.

    Raises
    ------
    InputError
        p is not between 0 and 1, both excluded (p = 1 leaves the SE free).

    Examples
    --------
    >>> round(float(se_from_p(220, 0.024, df=9)), 1)
    81.2
    """
    values = finite(p, "p", "give a number between 0 and 1, exact, not a bound", above=0)
    if not bool(np.all(values < 1)):
        raise InputError(f"p = {p!r} · give a number between 0 and 1, exact, not a bound")
    degrees = np.asarray(np.inf) if df is None else positive("df", df)
    centre, values, degrees = broadcast(estimate=finite(estimate, "estimate"), p=values, df=degrees)
    quantile = special.ndtri(values / 2) if df is None else special.stdtrit(degrees, values / 2)
    return np.asarray(np.abs(centre) / np.abs(quantile))


@rule(
    title="SE from a test statistic", needs="estimate statistic", gives="se", formula="SE = |estimate| / |t|",
    reference=_HANDBOOK, assumption="the statistic tests this estimate against 0",
)
def se_from_statistic(estimate: ArrayLike, statistic: ArrayLike) -> FloatArray:
    """Return |estimate / statistic| for a t or z statistic."""
    t = finite(statistic, "statistic")
    if not bool(np.all(t != 0)):
        raise InputError(f"statistic = {statistic!r} · give a finite number that is not 0")
    centre, t = broadcast(estimate=finite(estimate, "estimate"), statistic=t)
    return np.asarray(np.abs(centre / t))
