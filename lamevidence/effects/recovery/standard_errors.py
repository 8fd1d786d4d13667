"""Standard errors from what a paper prints instead: an SD, an interval, a p-value, a test statistic, a change."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ...foundation.errors import InputError
from ...foundation.options import a_flag, a_level
from ..foreign_data import paired
from ..given_numbers import broadcast, finite
from ..measures.base import FloatArray
from .catalogue import rule

__all__ = ["sd_from_se", "se_from_ci", "se_from_p", "se_from_sd", "se_from_statistic", "slope_from_change"]

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
@paired
def se_from_sd(sd: ArrayLike, n: ArrayLike) -> FloatArray:
    """Return SD/√n, in the unit of the SD.

    Parameters
    ----------
    sd
        Standard deviations, at least 0; arrays broadcast.
    n
        Sample sizes, above 0.

    Returns
    -------
    array
        Of the common shape, in the unit of the input.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> round(float(se_from_sd(75.0, 47)), 2)
    10.94
    """
    spread, size = broadcast(sd=positive("sd", sd, zero=True), n=positive("n", n))
    return np.asarray(spread / np.sqrt(size))


@rule(title="SD from SE and n", needs="se n", gives="sd", formula="SD = SE · √n", reference=_HANDBOOK)
@paired
def sd_from_se(se: ArrayLike, n: ArrayLike) -> FloatArray:
    """Return SE·√n, in the unit of the SE.

    Parameters
    ----------
    se
        Standard errors, at least 0; arrays broadcast.
    n
        Sample sizes, above 0.

    Returns
    -------
    array
        Of the common shape, in the unit of the input.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> float(sd_from_se(2.0, 25))
    10.0
    """
    error, size = broadcast(se=positive("se", se, zero=True), n=positive("n", n))
    return np.asarray(error * np.sqrt(size))


@rule(
    title="SE from a confidence interval",
    needs="low high level",
    gives="se",
    formula="SE = (high − low) / (2 q)",
    reference="Cochrane Handbook 6.3.1, 6.5.2.2",
    assumption="the interval is symmetric on the scale it was made on",
)
@paired
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

    Returns
    -------
    array
        Standard errors, of the common shape; of the log with ``log``.

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
    title="SE from a p-value",
    needs="estimate p",
    gives="se",
    formula="SE = |estimate| / q(1 − p/2)",
    reference="Cochrane Handbook 6.3.2, 6.5.2.3",
    assumption="p is two-sided and of the test of this estimate against 0",
)
@paired
def se_from_p(estimate: ArrayLike, p: ArrayLike, *, df: ArrayLike | None = None) -> FloatArray:
    """Return |estimate| over the normal quantile of its two-sided p-value, or the t quantile with ``df``.

    Parameters
    ----------
    estimate
        Estimates; arrays broadcast.
    p
        Two-sided p-values of the test against 0, between 0 and 1.
    df
        Degrees of freedom of a t test; the normal distribution otherwise.

    Returns
    -------
    array
        Of the common shape, in the unit of the input.

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
    title="SE from a test statistic",
    needs="estimate statistic",
    gives="se",
    formula="SE = |estimate| / |t|",
    reference=_HANDBOOK,
    assumption="the statistic tests this estimate against 0",
)
@paired
def se_from_statistic(estimate: ArrayLike, statistic: ArrayLike) -> FloatArray:
    """Return |estimate / statistic| for a t or z statistic.

    Parameters
    ----------
    estimate
        Estimates; arrays broadcast.
    statistic
        Their t or z statistics against 0, not 0 themselves.

    Returns
    -------
    array
        Of the common shape, in the unit of the input.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> float(se_from_statistic(3.0, -1.5))
    2.0
    """
    t = finite(statistic, "statistic")
    if not bool(np.all(t != 0)):
        raise InputError(f"statistic = {statistic!r} · give a finite number that is not 0")
    centre, t = broadcast(estimate=finite(estimate, "estimate"), statistic=t)
    return np.asarray(np.abs(centre / t))


@rule(
    title="slope from change and span",
    needs="change se span",
    gives="slope se",
    formula="slope = change / span, SE likewise",
    reference="the definition of an average slope",
    assumption="the outcome moves in a straight line over the span, and every patient was observed for all of it",
)
@paired
def slope_from_change(change: ArrayLike, se: ArrayLike, span: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return change/span and SE/span, in unit of the outcome per unit of the span.

    It is an assumption, to be shown beside the result: a slope fitted to all visits is another number.

    Parameters
    ----------
    change
        Changes over the span; arrays broadcast.
    se
        Their standard errors, at least 0.
    span
        Lengths of time, above 0.

    Returns
    -------
    tuple of arrays
        Slopes and their standard errors, per unit of the span.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> slope, se = slope_from_change(-153.0, 30.0, 12.0)
    >>> float(slope), float(se)
    (-12.75, 2.5)
    """
    errors, length = positive("se", se, zero=True), positive("span", span)
    moved, errors, length = broadcast(change=finite(change, "change"), se=errors, span=length)
    return np.asarray(moved / length), np.asarray(errors / length)
