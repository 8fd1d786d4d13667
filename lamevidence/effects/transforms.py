"""From one scale to another: correlations, proportions, rates, d, odds; and back to risks people can picture.

All are vectorised and closed; averages over a normal distribution of true effects (``tau2``) are integrals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..errors import InputError
from ..options import a_choice, a_number
from .given_numbers import broadcast, finite
from .measures import FloatArray, proportions, rates

__all__ = [
    "arcsine_mean",
    "d_to_cles",
    "d_to_cliff",
    "d_to_overlap",
    "d_to_point_biserial",
    "d_to_success_rate",
    "d_to_u1",
    "d_to_u2",
    "d_to_u3",
    "exp_mean",
    "exp_mode",
    "freeman_tukey_back",
    "freeman_tukey_rate_back",
    "logit_mean",
    "logit_mode",
    "odds_ratio_to_risk",
    "risk_per_1000",
    "risk_ratio_to_risk",
    "tanh_mean",
]


def _d(d: ArrayLike) -> FloatArray:
    return finite(d, "d")


def _tau2(tau2: float) -> float:
    return a_number("tau2", tau2, least=0, error=InputError)


def _risk(name: str, p: ArrayLike) -> FloatArray:
    values = finite(p, name, "a risk lies between 0 and 1", least=0)
    if not bool(np.all(values <= 1)):
        raise InputError(f"{name} = {p!r} · a risk lies between 0 and 1")
    return values


def freeman_tukey_back(x: ArrayLike, total: ArrayLike) -> FloatArray:
    """Return the proportion whose double arcsine is ``x`` at sample size ``total`` (Miller 1978).

    Values no count attains map to 0 and 1. For a pooled value ``total`` is a stand-in, see doi:10.1002/jrsm.1348.

    Raises
    ------
    InputError
        Something is not a finite number, or a total is not positive.
    """
    size = finite(total, "total", "give positive numbers", above=0)
    return proportions.freeman_tukey_back(*broadcast(x=finite(x, "x"), total=size))


def freeman_tukey_rate_back(x: ArrayLike, total: ArrayLike) -> FloatArray:
    """Return the rate whose Freeman-Tukey value is ``x`` at person-time ``total``; 0 below the smallest value.

    Raises
    ------
    InputError
        Something is not a finite number, or a total is not positive.
    """
    time = finite(total, "total", "give positive numbers", above=0)
    return rates.freeman_tukey_rate_back(*broadcast(x=finite(x, "x"), total=time))


def d_to_u1(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₁ = (2Φ(|d|/2) − 1)/Φ(|d|/2), the share of the two groups that does not overlap."""
    phi = special.ndtr(np.abs(_d(d)) / 2)
    return np.asarray((2 * phi - 1) / phi)


def d_to_u2(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₂ = Φ(d/2)."""
    return np.asarray(special.ndtr(_d(d) / 2))


def d_to_u3(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₃ = Φ(d), the share of group 2 below the mean of group 1."""
    return np.asarray(special.ndtr(_d(d)))


def d_to_cles(d: ArrayLike) -> FloatArray:
    """Return Φ(d/√2), the chance that a draw from group 1 exceeds one from group 2."""
    return np.asarray(special.ndtr(_d(d) / np.sqrt(2)))


def d_to_cliff(d: ArrayLike) -> FloatArray:
    """Return Cliff's delta, 2Φ(d/√2) − 1."""
    return 2 * d_to_cles(d) - 1


def d_to_overlap(d: ArrayLike) -> FloatArray:
    """Return the overlap of the two normal densities, 2Φ(−|d|/2)."""
    return np.asarray(2 * special.ndtr(-np.abs(_d(d)) / 2))


def d_to_success_rate(d: ArrayLike) -> FloatArray:
    """Return the success rate of group 1 in the binomial effect size display, ½ + r/2 with r = d/√(d²+4)."""
    value = _d(d)
    return np.asarray(0.5 + value / (2 * np.sqrt(value**2 + 4)))


def d_to_point_biserial(d: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> FloatArray:
    """Return r = d/√(d² + h), h = (n1+n2−2)(1/n1 + 1/n2)."""
    sizes = {name: finite(n, name, "give positive numbers", above=0) for name, n in (("n1", n1), ("n2", n2))}
    value, first, second = broadcast(d=_d(d), **sizes)
    return np.asarray(value / np.sqrt(value**2 + (first + second - 2) * (1 / first + 1 / second)))


def odds_ratio_to_risk(log_or: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return the risk with treatment at a stated risk without it: expit(logit(baseline) + log OR).

    Examples
    --------
    >>> round(float(odds_ratio_to_risk(0.3, 0.3)), 6)
    0.366492
    """
    shift, risk = broadcast(log_or=finite(log_or, "log_or"), baseline=_risk("baseline", baseline))
    return np.asarray(special.expit(special.logit(risk) + shift))


def risk_ratio_to_risk(log_rr: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return baseline · exp(log RR).

    Raises
    ------
    InputError
        The product exceeds 1: a risk ratio cannot hold at this baseline.
    """
    shift, base = broadcast(log_rr=finite(log_rr, "log_rr"), baseline=_risk("baseline", baseline))
    with np.errstate(over="ignore"):
        risk = base * np.exp(shift)
    if not bool(np.all(risk <= 1)):
        raise InputError(
            f"baseline {baseline!r} times the risk ratio exceeds 1 · use an odds ratio, or a lower baseline"
        )
    return np.asarray(risk)


def risk_per_1000(log_ratio: ArrayLike, baseline: ArrayLike, measure: str = "RR") -> tuple[FloatArray, FloatArray]:
    """Return the risk per 1000 with treatment, and the difference to the baseline per 1000.

    Parameters
    ----------
    log_ratio
        Log risk ratio or log odds ratio; give the bounds of an interval too.
    baseline
        The risk without treatment, between 0 and 1.
    measure
        ``RR`` or ``OR``.

    Raises
    ------
    UnknownName
        Another measure.
    InputError
        Something is not a finite number, or a risk lies outside [0, 1].

    Examples
    --------
    >>> with_treatment, difference = risk_per_1000(np.log(0.5), 0.2)
    >>> round(float(with_treatment)), round(float(difference))
    (100, -100)
    """
    a_choice("measure for a risk per 1000", measure, ("RR", "OR"))
    risk = (risk_ratio_to_risk if measure == "RR" else odds_ratio_to_risk)(log_ratio, baseline)
    return 1000 * risk, 1000 * (risk - np.asarray(baseline, dtype=np.float64))


_Z = np.arange(-180, 181) * 0.05
_DENSITY = np.exp(-(_Z**2) / 2) * 0.05 / np.sqrt(2 * np.pi)


def _normal_mean(function: Callable[[FloatArray], FloatArray], x: ArrayLike, tau2: float) -> FloatArray:
    """Return E f(θ), θ ~ N(x, τ²), by the trapezoidal rule, which converges geometrically for analytic f."""
    points = finite(x, "x")[..., None] + np.sqrt(_tau2(tau2)) * _Z
    return np.asarray((function(points) * _DENSITY).sum(axis=-1))


def exp_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E exp θ = exp(x + τ²/2), the marginal ratio or rate."""
    return np.asarray(np.exp(finite(x, "x") + _tau2(tau2) / 2))


def exp_mode(x: ArrayLike, tau2: float) -> FloatArray:
    """Return the mode of exp θ, exp(x − τ²)."""
    return np.asarray(np.exp(finite(x, "x") - _tau2(tau2)))


def logit_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E expit θ, the marginal proportion."""
    return _normal_mean(special.expit, x, tau2)


def tanh_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E tanh θ, the marginal correlation."""
    return _normal_mean(np.tanh, x, tau2)


def logit_mode(x: ArrayLike, tau2: float) -> FloatArray:
    """Return the mode of expit θ, which solves θ = x + τ² (2 expit θ − 1).

    Raises
    ------
    InputError
        τ² ≥ 2: the density of the proportion may have two modes.
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
    """Return E sin²θ for θ ~ N(x, τ²) restricted to [0, π/2], where an arcsine square root lies."""
    centre = finite(x, "x")[..., None]
    if _tau2(tau2) == 0:
        return np.asarray(np.sin(np.clip(centre[..., 0], 0, np.pi / 2)) ** 2)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    theta = (nodes + 1) * np.pi / 4
    exponent = -((theta - centre) ** 2) / (2 * tau2)
    density = np.exp(exponent - exponent.max(axis=-1, keepdims=True)) * weights
    return np.asarray((np.sin(theta) ** 2 * density).sum(axis=-1) / density.sum(axis=-1))
