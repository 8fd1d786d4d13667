"""Averages of what people read over a normal distribution of true effects on the analysis scale.

The back-transform of a mean is a median; these are the means and modes, closed where they can be, else integrals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..foundation.errors import InputError
from ..foundation.options import a_number
from .given_numbers import finite
from .measures import FloatArray

__all__ = [
    "LINKS",
    "arcsine_mean",
    "centre_of_average",
    "exp_mean",
    "exp_mode",
    "linked_average",
    "logit_mean",
    "logit_mode",
    "tanh_mean",
]


def _tau2(tau2: float) -> float:
    return a_number("tau2", tau2, least=0, error=InputError)


_Z = np.arange(-180, 181) * 0.05
_DENSITY = np.exp(-(_Z**2) / 2) * 0.05 / np.sqrt(2 * np.pi)


def _normal_mean(function: Callable[[FloatArray], FloatArray], x: ArrayLike, tau2: float) -> FloatArray:
    """Return E f(θ), θ ~ N(x, τ²), by the trapezoidal rule, which converges geometrically for analytic f."""
    points = finite(x, "x")[..., None] + np.sqrt(_tau2(tau2)) * _Z
    return np.asarray((function(points) * _DENSITY).sum(axis=-1))


def exp_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E exp θ = exp(x + τ²/2), the marginal ratio or rate.

    Parameters
    ----------
    x
        Mean of log ratios or log rates θ ~ N(x, τ²); arrays of any shape.
    tau2
        Between-study variance on the analysis scale, at least 0.

    Returns
    -------
    array
        Of the shape of ``x``.

    Raises
    ------
    InputError
        Something is not a finite number, or τ² is negative.

    See Also
    --------
    exp_mode : the mode in place of the mean.

    References
    ----------
    ``transf.exp.int`` of metafor (Viechtbauer 2010, doi:10.18637/jss.v036.i03).

    Examples
    --------
    >>> round(float(exp_mean(0.2, 0.1)), 6)
    1.284025
    """
    return np.asarray(np.exp(finite(x, "x") + _tau2(tau2) / 2))


def exp_mode(x: ArrayLike, tau2: float) -> FloatArray:
    """Return the mode of exp θ, exp(x − τ²).

    Parameters
    ----------
    x
        Mean of log ratios or log rates θ ~ N(x, τ²); arrays of any shape.
    tau2
        Between-study variance on the analysis scale, at least 0.

    Returns
    -------
    array
        Of the shape of ``x``.

    Raises
    ------
    InputError
        Something is not a finite number, or τ² is negative.

    See Also
    --------
    exp_mean : the mean in place of the mode.

    References
    ----------
    ``transf.exp.mode`` of metafor (Viechtbauer 2010, doi:10.18637/jss.v036.i03).

    Examples
    --------
    >>> round(float(exp_mode(0.2, 0.1)), 6)
    1.105171
    """
    return np.asarray(np.exp(finite(x, "x") - _tau2(tau2)))


def logit_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E expit θ, the marginal proportion.

    Parameters
    ----------
    x
        Mean of logits θ ~ N(x, τ²); arrays of any shape.
    tau2
        Between-study variance on the analysis scale, at least 0.

    Returns
    -------
    array
        Of the shape of ``x``.

    Raises
    ------
    InputError
        Something is not a finite number, or τ² is negative.

    See Also
    --------
    logit_mode : the mode in place of the mean.

    References
    ----------
    ``transf.ilogit.int`` of metafor (Viechtbauer 2010, doi:10.18637/jss.v036.i03).

    Examples
    --------
    >>> round(float(logit_mean(0.0, 0.5)), 6)
    0.5
    """
    return _normal_mean(special.expit, x, tau2)


def tanh_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E tanh θ, the marginal correlation.

    Parameters
    ----------
    x
        Mean of Fisher's z, θ ~ N(x, τ²); arrays of any shape.
    tau2
        Between-study variance on the analysis scale, at least 0.

    Returns
    -------
    array
        Of the shape of ``x``.

    Raises
    ------
    InputError
        Something is not a finite number, or τ² is negative.

    See Also
    --------
    exp_mean : the same of logarithms.

    References
    ----------
    ``transf.ztor.int`` of metafor (Viechtbauer 2010, doi:10.18637/jss.v036.i03).

    Examples
    --------
    >>> round(float(tanh_mean(0.0, 0.5)), 6)
    0.0
    """
    return _normal_mean(np.tanh, x, tau2)


def logit_mode(x: ArrayLike, tau2: float) -> FloatArray:
    """Return the mode of expit θ, which solves θ = x + τ² (2 expit θ − 1).

    Parameters
    ----------
    x
        Mean of logits θ ~ N(x, τ²); arrays of any shape.
    tau2
        Between-study variance on the analysis scale, at least 0.

    Returns
    -------
    array
        Of the shape of ``x``.

    Raises
    ------
    InputError
        Something is not a finite number, or τ² is negative.
        Or τ² ≥ 2: the density of the proportion may have two modes.

    See Also
    --------
    logit_mean : the mean in place of the mode.

    References
    ----------
    ``transf.ilogit.mode`` of metafor (Viechtbauer 2010, doi:10.18637/jss.v036.i03).

    Examples
    --------
    >>> round(float(logit_mode(0.0, 0.5)), 6)
    0.5
    """
    if _tau2(tau2) >= 2:
        raise InputError(f"tau2 = {tau2!r} · below 2 the proportion has one mode, from 2 on it may have two")
    centre = finite(x, "x")
    theta = centre
    for _ in range(100):
        p = special.expit(theta)
        step = (theta - centre - tau2 * (2 * p - 1)) / (1 - 2 * tau2 * p * (1 - p))
        theta = theta - step
        if bool(np.all(np.abs(step) <= 1e-15 * (1 + np.abs(theta)))):
            break
    return np.asarray(special.expit(theta))


def arcsine_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E sin²θ, the marginal proportion, for θ ~ N(x, τ²) restricted to [0, π/2], where an arcsine root lies.

    Parameters
    ----------
    x
        Mean of arcsine square roots; arrays of any shape.
    tau2
        Between-study variance on the analysis scale, at least 0.

    Returns
    -------
    array
        Of the shape of ``x``.

    Raises
    ------
    InputError
        Something is not a finite number, or τ² is negative.

    See Also
    --------
    logit_mean : the same of logits.

    References
    ----------
    ``transf.iarcsin.int`` of metafor (Viechtbauer 2010, doi:10.18637/jss.v036.i03).

    Examples
    --------
    >>> round(float(arcsine_mean(np.pi / 4, 0.1)), 6)
    0.5
    """
    centre = finite(x, "x")[..., None]
    if _tau2(tau2) == 0:
        return np.asarray(np.sin(np.clip(centre[..., 0], 0, np.pi / 2)) ** 2)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    theta = (nodes + 1) * np.pi / 4
    exponent = -((theta - centre) ** 2) / (2 * tau2)
    density = np.exp(exponent - exponent.max(axis=-1, keepdims=True)) * weights
    return np.asarray((np.sin(theta) ** 2 * density).sum(axis=-1) / density.sum(axis=-1))


# ---- the average over studies, on the link scale ----------------------------------------------
LINKS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "log": np.exp,
    "logit": special.expit,
    "probit": special.ndtr,
}
"""Link → its inverse."""

_WIDE = 2.0
"""From this τ on expit is averaged over a logistic variable in place of the normal one: its steps need not follow τ."""
_L = np.arange(-160, 161) * 0.25
_LOGISTIC = 0.25 * special.expit(_L) * special.expit(-_L)
_ROUNDS = 60


def linked_average(link: str, mu: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return link(E back(θ)), θ ~ N(μ, τ²), and its derivative by μ; ``mu`` and ``tau`` broadcast.

    Log: μ + τ²/2. Probit: μ/√(1 + τ²). Logit: E expit θ by the trapezoidal rule over the normal variable, or, since
    expit is the distribution function of a logistic variable L, E Φ((μ − L)/τ) over that one where τ is wide.
    """
    mu, tau = np.broadcast_arrays(mu, tau)
    if link == "log":
        return np.asarray(mu + tau**2 / 2), np.ones(mu.shape)
    if link == "probit":
        shrunk = 1 / np.sqrt(1 + tau**2)
        return np.asarray(mu * shrunk), np.asarray(shrunk)
    mean, rest, slope = np.empty(mu.shape), np.empty(mu.shape), np.empty(mu.shape)
    wide = tau > _WIDE
    for part, x, t in ((~wide, mu[~wide, None], tau[~wide, None]), (wide, mu[wide, None], tau[wide, None])):
        if part.any() and t[0, 0] <= _WIDE:
            p, q = special.expit(x + t * _Z), special.expit(-x - t * _Z)
            mean[part], rest[part], slope[part] = p @ _DENSITY, q @ _DENSITY, (p * q) @ _DENSITY
        elif part.any():
            z = (x - _L) / t
            mean[part], rest[part] = special.ndtr(z) @ _LOGISTIC, special.ndtr(-z) @ _LOGISTIC
            slope[part] = (np.exp(-z * z / 2) / (t * np.sqrt(2 * np.pi))) @ _LOGISTIC
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(mean) - np.log(rest)), np.asarray(slope / (mean * rest))


def centre_of_average(link: str, average: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the μ whose `linked_average` is ``average``, and its derivative by it; both broadcast."""
    average, tau = np.broadcast_arrays(average, tau)
    if link == "log":
        return np.asarray(average - tau**2 / 2), np.ones(average.shape)
    if link == "probit":
        return np.asarray(average * np.sqrt(1 + tau**2)), np.sqrt(1 + tau**2)
    mu = average * np.sqrt(1 + 0.346 * tau**2)
    for _ in range(_ROUNDS):
        found, slope = linked_average(link, mu, tau)
        step = (average - found) / slope
        step = np.where(np.isfinite(step), step, 0.0)
        mu = mu + step
        if bool(np.all(np.abs(step) <= 1e-13 * (1 + np.abs(mu)))):
            break
    return np.asarray(mu), np.asarray(1 / slope)
