"""A baseline that is itself estimated: the law of an absolute effect when both its parts are uncertain.

A confidence distribution (of a posterior, the posterior) is read off the intervals at all levels. The relative effect θ
and the baseline b are taken as independent: P(D ≤ d) is the mean over b of P{θ ≤ g⁻¹(d; b)}; quantiles of D solve it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy import interpolate, optimize, special

from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable

if TYPE_CHECKING:
    from .contract import Result

__all__ = ["Law", "joint_quantiles", "law_of"]

_STEP = 0.125
_BEYOND = 1.5
"""How far past the level asked for, in normal quantiles, intervals are read; past that the law goes on straight."""
_LEAST = 4.0
NODES = 4001
"""Equally likely values of the baseline: a probability is off by less than 1/8000."""


class Law:
    """A distribution known by its normal scores: monotone interpolation through bounds of intervals.

    Attributes
    ----------
    x, z
        Points and their normal scores, both increasing.
    """

    __slots__ = ("_forward", "_inverse", "x", "z")

    def __init__(self, x: FloatArray, z: FloatArray) -> None:
        self.x, self.z = x, z
        self._forward = interpolate.PchipInterpolator(x, z)
        self._inverse = interpolate.PchipInterpolator(z, x)

    def below(self, x: FloatArray) -> FloatArray:
        """Return the probability below each point; 0 and 1 at −∞ and ∞."""
        inside = np.clip(x, self.x[0], self.x[-1])
        score = self._forward(inside)
        for past, i, j in ((x < self.x[0], 0, 1), (x > self.x[-1], -1, -2)):
            slope = (self.z[i] - self.z[j]) / (self.x[i] - self.x[j])
            with np.errstate(invalid="ignore"):
                score = np.where(past, self.z[i] + slope * (x - self.x[i]), score)
        return np.asarray(special.ndtr(score))

    def quantile(self, p: FloatArray) -> FloatArray:
        """Return quantiles within the points that are known."""
        return np.asarray(self._inverse(np.clip(special.ndtri(p), self.z[0], self.z[-1])))


def law_of(fit: Result, level: float) -> Law:
    """Return the law of a mean, read off its intervals.

    Raises
    ------
    NotEstimable
        A bound is infinite, or bounds at different levels coincide.
    """
    top = max(_LEAST, float(special.ndtri(0.5 + level / 2)) + _BEYOND)
    scores = np.arange(_STEP, top + _STEP, _STEP)
    bounds = np.array([fit.intervals(float(2 * special.ndtr(z) - 1))[0] for z in scores])
    x, z = np.concatenate([bounds[::-1, 0], bounds[:, 1]]), np.concatenate([-scores[::-1], scores])
    if not np.isfinite(x).all() or not (np.diff(x) > 0).all():
        raise NotEstimable(
            f"the intervals of {fit.spec.label} do not make a distribution (bounds are infinite or coincide)"
            " · state the baseline as a number, or as (low, high)"
        )
    return Law(x, z)


def joint_quantiles(
    p: tuple[float, ...],
    effect: Law,
    baselines: FloatArray,
    value: Callable[..., FloatArray],
    solve: Callable[..., FloatArray],
) -> tuple[float, ...]:
    """Return quantiles of a number made of the relative effect and the baseline, independent of each other.

    Parameters
    ----------
    p
        Probabilities.
    effect
        Law of the relative effect on the analysis scale.
    baselines
        Equally likely baselines.
    value
        ``value(theta, baseline)``, increasing in ``theta``.
    solve
        ``solve(value, baseline)``: its inverse in ``theta``; −∞ and ∞ where no effect reaches the value.
    """
    low = float(np.min(value(np.full_like(baselines, effect.x[0]), baselines)))
    high = float(np.max(value(np.full_like(baselines, effect.x[-1]), baselines)))

    def below(at: float) -> float:
        return float(np.mean(effect.below(solve(at, baselines))))

    return tuple(float(optimize.brentq(lambda at, q=q: below(at) - q, low, high, xtol=1e-13, rtol=1e-12)) for q in p)
