"""The correlation of two measurements of the same patients, and what it is needed for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...foundation.errors import InputError, NotDerivable
from ...foundation.options import a_number, shown
from ...foundation.values import Interval
from ..foreign_data import paired
from ..given_numbers import broadcast, finite
from ..measures.base import FloatArray
from ..measures.change import change_variance
from .catalogue import rule
from .standard_errors import positive, se_from_p

__all__ = ["change_variance_range", "r_from_change_sd", "r_from_change_se", "r_from_paired_p", "sd_of_change"]

_FOLLMANN = "Follmann et al. 1992; doi:10.1016/0895-4356(92)90054-Q"


@rule(
    title="r from SDs before, after and of the change",
    needs="sd_change sd_pre sd_post",
    gives="r",
    formula="r = (s₁² + s₂² − s_d²) / (2 s₁ s₂)",
    reference=_FOLLMANN + "; Cochrane Handbook 6.5.2.8",
)
@paired
def r_from_change_sd(sd_change: ArrayLike, sd_pre: ArrayLike, sd_post: ArrayLike) -> FloatArray:
    """Return the correlation that three SDs of the same patients imply.

    A value outside [−1, 1] is returned as it is: the printed numbers then contradict each other (often an SE
    read as an SD), and the caller has to say so.

    Parameters
    ----------
    sd_change
        Standard deviations of the change, at least 0; arrays broadcast.
    sd_pre, sd_post
        Standard deviations before and after, above 0.

    Returns
    -------
    array
        Correlations, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> float(r_from_change_sd(5.0, 4.0, 3.0))  # a right angle: 4² + 3² = 5²
    0.0
    """
    change = positive("sd_change", sd_change, zero=True)
    first, second = positive("sd_pre", sd_pre), positive("sd_post", sd_post)
    change, first, second = broadcast(sd_change=change, sd_pre=first, sd_post=second)
    return np.asarray((first**2 + second**2 - change**2) / (2 * first * second))


@rule(
    title="r from SEs before, after and of the change",
    needs="se_change se_pre se_post",
    gives="r",
    formula="r = (a² + b² − SE²) / (2 a b)",
    reference=_FOLLMANN,
    assumption="all three are of the same patients",
)
@paired
def r_from_change_se(se_change: ArrayLike, se_pre: ArrayLike, se_post: ArrayLike) -> FloatArray:
    """Return the correlation implied by three standard errors on the same n (which cancels).

    Parameters
    ----------
    se_change
        Standard errors of the change, at least 0; arrays broadcast.
    se_pre, se_post
        Standard errors before and after, above 0.

    Returns
    -------
    array
        Correlations, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> float(r_from_change_se(0.5, 0.4, 0.3))
    0.0
    """
    return r_from_change_sd(se_change, se_pre, se_post)


@rule(
    title="r from a paired p-value",
    needs="mean_change p n sd_pre sd_post",
    gives="r",
    formula="s_d = |change| √n / t(1 − p/2, n−1), then r from SDs",
    reference="Csibra et al. 2016, appendix B; doi:10.1037/dev0000079; " + _FOLLMANN,
    assumption="p is two-sided and of the paired t test",
)
@paired
def r_from_paired_p(
    mean_change: ArrayLike, p: ArrayLike, n: ArrayLike, sd_pre: ArrayLike, sd_post: ArrayLike
) -> FloatArray:
    """Return the correlation implied by the p-value of a paired t test of the change.

    Parameters
    ----------
    mean_change
        Mean changes; arrays broadcast.
    p
        Two-sided p-values of the paired t test, between 0 and 1.
    n
        Pairs, at least 2.
    sd_pre, sd_post
        Standard deviations before and after, above 0.

    Returns
    -------
    array
        Correlations, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> round(float(r_from_paired_p(47.23, 0.002, 18, 30.78, 36.00)), 2)
    -0.35
    """
    size = positive("n", n)
    if not bool(np.all(size > 1)):
        raise InputError(f"n = {n!r} · a paired test needs two pairs")
    moved, level, size = broadcast(mean_change=finite(mean_change, "mean_change"), p=finite(p, "p"), n=size)
    sd_change = se_from_p(moved, level, df=size - 1) * np.sqrt(size)
    return r_from_change_sd(sd_change, sd_pre, sd_post)


@rule(
    title="SD of a change from SDs and r",
    needs="sd_pre sd_post r",
    gives="sd_change",
    formula="s_d² = s₁² + s₂² − 2 r s₁ s₂",
    reference="Cochrane Handbook 6.5.2.8",
)
@paired
def sd_of_change(sd_pre: ArrayLike, sd_post: ArrayLike, r: ArrayLike) -> FloatArray:
    """Return the SD of the change at a stated correlation.

    Parameters
    ----------
    sd_pre, sd_post
        Standard deviations before and after, at least 0; arrays broadcast.
    r
        Correlations, between −1 and 1.

    Returns
    -------
    array
        Standard deviations of the change, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number of the right sign.

    Examples
    --------
    >>> float(sd_of_change(4.0, 3.0, 0.0))
    5.0
    """
    value = finite(r, "r", "a correlation lies between −1 and 1", least=-1)
    if not bool(np.all(np.abs(value) <= 1)):
        raise InputError(f"r = {r!r} · a correlation lies between −1 and 1")
    first, second = positive("sd_pre", sd_pre, zero=True), positive("sd_post", sd_post, zero=True)
    first, second, value = broadcast(sd_pre=first, sd_post=second, r=value)
    return np.asarray(np.sqrt(np.maximum(change_variance(first, second, value), 0.0)))


def change_variance_range(sd_pre: float, sd_post: float, n: float, r: tuple[float, float]) -> Interval:
    """Return the lowest and highest variance of a mean change when r is only known to lie in a range.

    Parameters
    ----------
    sd_pre, sd_post
        Standard deviations before and after, at least 0.
    n
        Patients, above 0.
    r
        Lowest and highest believable correlation.

    Returns
    -------
    Interval
        Variances of the mean change, in squared units.

    Raises
    ------
    NotDerivable
        The range is empty.
    InputError
        An SD is negative, n is not positive, or r is no pair of correlations.

    Examples
    --------
    >>> low, high = change_variance_range(4.0, 3.0, 25, (0.0, 0.5))
    >>> round(low, 3), round(high, 3)
    (0.52, 1.0)
    """
    if not isinstance(r, tuple | list) or len(r) != 2:
        raise InputError(f"r={shown(r)} · give the lowest and the highest correlation, such as (0.5, 0.8)")
    low, high = (a_number("r", x, least=-1, most=1, error=InputError) for x in r)
    if low > high:
        raise NotDerivable(f"r between {low:g} and {high:g} is no range of correlations")
    for name, value in (("sd_pre", sd_pre), ("sd_post", sd_post)):
        a_number(name, value, least=0, error=InputError)
    size = a_number("n", n, above=0, error=InputError)
    values = [float(sd_of_change(sd_pre, sd_post, x)) ** 2 / size for x in (high, low)]
    return Interval(min(values), max(values))
