"""From one scale to another: what a standardised mean difference means, and back from Freeman-Tukey values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .foreign_data import paired
from .given_numbers import broadcast, finite
from .measures import FloatArray, proportions, rates

__all__ = [
    "d_to_cles",
    "d_to_cliff",
    "d_to_overlap",
    "d_to_point_biserial",
    "d_to_success_rate",
    "d_to_u1",
    "d_to_u2",
    "d_to_u3",
    "freeman_tukey_back",
    "freeman_tukey_rate_back",
]


def _d(d: ArrayLike) -> FloatArray:
    return finite(d, "d")


@paired
def freeman_tukey_back(x: ArrayLike, total: ArrayLike) -> FloatArray:
    """Return the proportion whose double arcsine is ``x`` at sample size ``total`` (Miller 1978).

    Parameters
    ----------
    x
        Value on the Freeman-Tukey scale; arrays broadcast with ``total``.
    total
        Patients. For a pooled value it is a stand-in, which is why the scale is offered for comparison only.

    Returns
    -------
    array
        Proportions; values that no count attains become 0 and 1, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number, or a total is not positive.

    See Also
    --------
    freeman_tukey_rate_back : the same for rates.

    References
    ----------
    Miller 1978, doi:10.1080/00031305.1978.10479283; Schwarzer et al. 2019, doi:10.1002/jrsm.1348.

    Examples
    --------
    >>> import lamevidence as lam
    >>> value = lam.escalc("PFT", xi=[3], ni=[10]).yi[0]
    >>> round(float(freeman_tukey_back(value, 10)), 6)
    0.3
    """
    size = finite(total, "total", "give positive numbers", above=0)
    return proportions.freeman_tukey_back(*broadcast(x=finite(x, "x"), total=size))


@paired
def freeman_tukey_rate_back(x: ArrayLike, total: ArrayLike) -> FloatArray:
    """Return the rate whose Freeman-Tukey value is ``x`` at person-time ``total``; 0 below the smallest value.

    Parameters
    ----------
    x
        Value on the Freeman-Tukey scale; arrays broadcast with ``total``.
    total
        Person-time, in any unit; the rate is per that unit.

    Returns
    -------
    array
        Rates, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number, or a total is not positive.

    See Also
    --------
    freeman_tukey_back : the same for proportions.

    References
    ----------
    Freeman & Tukey 1950, doi:10.1214/aoms/1177729756.

    Examples
    --------
    >>> import lamevidence as lam
    >>> value = lam.escalc("IRFT", xi=[3], ti=[10]).yi[0]
    >>> round(float(freeman_tukey_rate_back(value, 10)), 6)
    0.3
    """
    time = finite(total, "total", "give positive numbers", above=0)
    return rates.freeman_tukey_rate_back(*broadcast(x=finite(x, "x"), total=time))


def d_to_u1(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₁ = (2Φ(|d|/2) − 1)/Φ(|d|/2), the share of the two groups that does not overlap.

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_u3 : the share of one group above the mean of the other.

    References
    ----------
    Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., ch. 2.

    Examples
    --------
    >>> round(float(d_to_u1(0.5)), 6)
    0.329732
    """
    phi = special.ndtr(np.abs(_d(d)) / 2)
    return np.asarray((2 * phi - 1) / phi)


def d_to_u2(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₂ = Φ(d/2): above this share of group 2 lies the same share of group 1.

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_u3 : the share of one group above the mean of the other.

    References
    ----------
    Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., ch. 2.

    Examples
    --------
    >>> round(float(d_to_u2(0.5)), 6)
    0.598706
    """
    return np.asarray(special.ndtr(_d(d) / 2))


def d_to_u3(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₃ = Φ(d), the share of group 2 below the mean of group 1.

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_cles : the probability that one of the treated lies higher.

    References
    ----------
    Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., ch. 2.

    Examples
    --------
    >>> round(float(d_to_u3(0.5)), 6)
    0.691462
    """
    return np.asarray(special.ndtr(_d(d)))


def d_to_cles(d: ArrayLike) -> FloatArray:
    """Return Φ(d/√2), the chance that a draw from group 1 exceeds one from group 2.

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_cliff : the same between −1 and 1.

    References
    ----------
    McGraw & Wong 1992, doi:10.1037/0033-2909.111.2.361.

    Examples
    --------
    >>> round(float(d_to_cles(0.5)), 6)
    0.638163
    """
    return np.asarray(special.ndtr(_d(d) / np.sqrt(2)))


def d_to_cliff(d: ArrayLike) -> FloatArray:
    """Return Cliff's delta, 2Φ(d/√2) − 1.

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_cles : the same as a probability.

    References
    ----------
    Cliff 1993, doi:10.1037/0033-2909.114.3.494.

    Examples
    --------
    >>> round(float(d_to_cliff(0.5)), 6)
    0.276326
    """
    return 2 * d_to_cles(d) - 1


def d_to_overlap(d: ArrayLike) -> FloatArray:
    """Return the overlap of the two normal densities, 2Φ(−|d|/2).

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_u1 : the share that does not overlap.

    References
    ----------
    Reiser & Faraggi 1999, doi:10.1111/1467-9884.00199.

    Examples
    --------
    >>> round(float(d_to_overlap(0.5)), 6)
    0.802587
    """
    return np.asarray(2 * special.ndtr(-np.abs(_d(d)) / 2))


def d_to_success_rate(d: ArrayLike) -> FloatArray:
    """Return the success rate of group 1 in the binomial effect size display, ½ + r/2 with r = d/√(d²+4).

    Parameters
    ----------
    d
        Standardised mean difference; arrays of any shape.

    Returns
    -------
    array
        Of the shape of ``d``, a pure number.

    Raises
    ------
    InputError
        Something is not a finite number.

    See Also
    --------
    d_to_point_biserial : the correlation from unequal groups.

    References
    ----------
    Rosenthal & Rubin 1982, doi:10.1037/0022-0663.74.2.166.

    Examples
    --------
    >>> round(float(d_to_success_rate(0.5)), 6)
    0.621268
    """
    value = _d(d)
    return np.asarray(0.5 + value / (2 * np.sqrt(value**2 + 4)))


@paired
def d_to_point_biserial(d: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> FloatArray:
    """Return the point-biserial correlation r = d/√(d² + h), h = (n1+n2−2)(1/n1 + 1/n2).

    Parameters
    ----------
    d
        Standardised mean difference; arrays broadcast with the sizes.
    n1, n2
        Patients in each group.

    Returns
    -------
    array
        Correlations, of the common shape.

    Raises
    ------
    InputError
        Something is not a finite number, or a size is not positive.

    See Also
    --------
    d_to_success_rate : the binomial effect size display.

    References
    ----------
    Jacobs & Viechtbauer 2017, doi:10.1002/jrsm.1218.

    Examples
    --------
    >>> round(float(d_to_point_biserial(0.5, 20, 20)), 6)
    0.248452
    """
    sizes = {name: finite(n, name, "give positive numbers", above=0) for name, n in (("n1", n1), ("n2", n2))}
    value, first, second = broadcast(d=_d(d), **sizes)
    return np.asarray(value / np.sqrt(value**2 + (first + second - 2) * (1 / first + 1 / second)))
