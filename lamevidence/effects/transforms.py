"""From one scale to another: correlations, proportions, rates, d, odds; and back to risks people can picture.

All are vectorised and closed; averages over a normal distribution of true effects (``tau2``) are integrals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..errors import InputError
from .measures import FloatArray
from .measures.proportions import freeman_tukey_back
from .measures.rates import freeman_tukey_rate_back

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


def _array(x: ArrayLike) -> FloatArray:
    return np.asarray(x, dtype=np.float64)


def _tau2(tau2: float) -> float:
    if not (np.isfinite(tau2) and tau2 >= 0):
        raise InputError(f"tau2 = {tau2!r} · give a finite number ≥ 0")
    return float(tau2)


def _risk(name: str, p: ArrayLike) -> FloatArray:
    values = _array(p)
    if not bool(np.all((values >= 0) & (values <= 1))):
        raise InputError(f"{name} = {p!r} · a risk lies between 0 and 1")
    return values


def d_to_u1(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₁ = (2Φ(|d|/2) − 1)/Φ(|d|/2), the share of the two groups that does not overlap."""
    phi = special.ndtr(np.abs(_array(d)) / 2)
    return np.asarray((2 * phi - 1) / phi)


def d_to_u2(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₂ = Φ(d/2)."""
    return np.asarray(special.ndtr(_array(d) / 2))


def d_to_u3(d: ArrayLike) -> FloatArray:
    """Return Cohen's U₃ = Φ(d), the share of group 2 below the mean of group 1."""
    return np.asarray(special.ndtr(_array(d)))


def d_to_cles(d: ArrayLike) -> FloatArray:
    """Return Φ(d/√2), the chance that a draw from group 1 exceeds one from group 2."""
    return np.asarray(special.ndtr(_array(d) / np.sqrt(2)))


def d_to_cliff(d: ArrayLike) -> FloatArray:
    """Return Cliff's delta, 2Φ(d/√2) − 1."""
    return 2 * d_to_cles(d) - 1


def d_to_overlap(d: ArrayLike) -> FloatArray:
    """Return the overlap of the two normal densities, 2Φ(−|d|/2)."""
    return np.asarray(2 * special.ndtr(-np.abs(_array(d)) / 2))


def d_to_success_rate(d: ArrayLike) -> FloatArray:
    """Return the success rate of group 1 in the binomial effect size display, ½ + r/2 with r = d/√(d²+4)."""
    value = _array(d)
    return np.asarray(0.5 + value / (2 * np.sqrt(value**2 + 4)))


def d_to_point_biserial(d: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> FloatArray:
    """Return r = d/√(d² + h), h = (n1+n2−2)(1/n1 + 1/n2)."""
    value, first, second = _array(d), _array(n1), _array(n2)
    return np.asarray(value / np.sqrt(value**2 + (first + second - 2) * (1 / first + 1 / second)))


def odds_ratio_to_risk(log_or: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return the risk with treatment at a stated risk without it: expit(logit(baseline) + log OR).

    Examples
    --------
    >>> round(float(odds_ratio_to_risk(0.3, 0.3)), 6)
    0.366492
    """
    return np.asarray(special.expit(special.logit(_risk("baseline", baseline)) + _array(log_or)))


def risk_ratio_to_risk(log_rr: ArrayLike, baseline: ArrayLike) -> FloatArray:
    """Return baseline · exp(log RR).

    Raises
    ------
    InputError
        The product exceeds 1: a risk ratio cannot hold at this baseline.
    """
    risk = _risk("baseline", baseline) * np.exp(_array(log_rr))
    if bool(np.any(risk > 1)):
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
    InputError
        Another measure, or a risk outside [0, 1].

    Examples
    --------
    >>> with_treatment, difference = risk_per_1000(np.log(0.5), 0.2)
    >>> round(float(with_treatment)), round(float(difference))
    (100, -100)
    """
    if measure not in ("RR", "OR"):
        raise InputError(f"measure {measure!r} has no risk per 1000 at a baseline · choices: RR, OR")
    risk = (risk_ratio_to_risk if measure == "RR" else odds_ratio_to_risk)(log_ratio, baseline)
    return 1000 * risk, 1000 * (risk - _array(baseline))


_Z = np.arange(-180, 181) * 0.05
_DENSITY = np.exp(-(_Z**2) / 2) * 0.05 / np.sqrt(2 * np.pi)


def _normal_mean(function: Callable[[FloatArray], FloatArray], x: ArrayLike, tau2: float) -> FloatArray:
    """Return E f(θ), θ ~ N(x, τ²), by the trapezoidal rule, which converges geometrically for analytic f."""
    points = _array(x)[..., None] + np.sqrt(_tau2(tau2)) * _Z
    return np.asarray((function(points) * _DENSITY).sum(axis=-1))


def exp_mean(x: ArrayLike, tau2: float) -> FloatArray:
    """Return E exp θ = exp(x + τ²/2), the marginal ratio or rate."""
    return np.asarray(np.exp(_array(x) + _tau2(tau2) / 2))


def exp_mode(x: ArrayLike, tau2: float) -> FloatArray:
    """Return the mode of exp θ, exp(x − τ²)."""
    return np.asarray(np.exp(_array(x) - _tau2(tau2)))


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
    centre = _array(x)
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
    centre = _array(x)[..., None]
    if _tau2(tau2) == 0:
        return np.asarray(np.sin(np.clip(centre[..., 0], 0, np.pi / 2)) ** 2)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    theta = (nodes + 1) * np.pi / 4
    exponent = -((theta - centre) ** 2) / (2 * tau2)
    density = np.exp(exponent - exponent.max(axis=-1, keepdims=True)) * weights
    return np.asarray((np.sin(theta) ** 2 * density).sum(axis=-1) / density.sum(axis=-1))
