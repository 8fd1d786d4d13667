"""What a likelihood of one true effect θ can be asked, and the integral over θ of any that is log-concave.

A `StudyLikelihood` returns, for every (μ, τ), log ∫ l(θ) N(θ | μ, τ²) dθ and the mean and variance of θ under the
integrand.
A log-concave likelihood is integrated by a sinh-mapped trapezoid around the mode: unlike Gauss-Hermite rules it
converges geometrically for skewed likelihoods (no events, all events).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...effects.measures.base import FloatArray
from ..exact.node_maps import BROAD

__all__ = ["Inner", "LogConcaveLikelihood", "StudyLikelihood", "Tempered"]

_REACH = 8.0
"""Standard deviations of a true effect around its mean that the integral over it covers."""
_AT_ONCE = 16_000
"""Values of the integrand in memory: few enough to stay in a processor's cache."""
_NEAR = 1e-2
"""Square of a Newton step, in widths of the mode, after which there is no other."""
_CELL = 0.06
"""Width of the cells that draws come from."""
_FLATTER = np.array([1.3, 2.0, 4.0, 10.0, 30.0])
"""Points with about the same ratio of the flatter to the steeper side share their nodes."""


class Inner(NamedTuple):
    """Log integral over θ, mean and variance of θ under the integrand, and the log integral by every second node."""

    log: FloatArray
    mean: FloatArray
    var: FloatArray
    half: FloatArray


class StudyLikelihood(ABC):
    """One row: a normal approximation for placing nodes, and the integral over its true effect."""

    approx: tuple[float, float]
    informative: bool
    below: bool
    above: bool

    @abstractmethod
    def value(self, theta: FloatArray) -> FloatArray:
        """Log likelihood."""

    @abstractmethod
    def integrate(self, mu: FloatArray, tau: FloatArray, nodes: int, *, moments: bool = True) -> Inner:
        """Integrate the row's likelihood over θ ~ N(μ, τ²); ``mu`` (J, M), ``tau`` (J, 1).

        Without ``moments`` mean and variance are not worked out and hold nothing of use.
        """

    @abstractmethod
    def draw(self, mu: FloatArray, tau: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One draw of θ from its law given the datum, μ and τ, each (n,)."""

    @abstractmethod
    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One replicate of the datum for each true effect, (n,)."""

    @abstractmethod
    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probabilities of a datum below the one observed, and up to it, for each true effect (n,)."""


class LogConcaveLikelihood(StudyLikelihood):
    """A log-concave log likelihood of θ with two derivatives."""

    @abstractmethod
    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative."""

    def integrate(self, mu: FloatArray, tau: FloatArray, nodes: int, *, moments: bool = True) -> Inner:
        """Sinh-trapezoid in z = (θ − μ)/τ around the mode, on steps of 8/(nodes − 1) of the curvature there."""
        shape = np.broadcast_shapes(mu.shape, tau.shape)
        both = np.empty((2, *shape))
        both[0], both[1] = mu, tau
        m, s = both.reshape(2, -1)
        z, bend = self._mode(m, s)
        # on its flatter side the integrand falls like exp(−z²/2): √bend of the units that its curvature sets
        wide = np.sqrt(bend)
        # where all fits into memory at once two groups will do: more of them cost more than they save
        group = np.searchsorted(_FLATTER if m.size * nodes > _AT_ONCE else _FLATTER[2:3], wide)
        out = np.empty((4, m.size)) if moments else np.empty((2, m.size))
        for g in np.bincount(group).nonzero()[0]:
            pick = (group == g).nonzero()[0]
            reach = float(np.arcsinh(_REACH * wide[pick].max() / BROAD))
            rule = _rule(int(np.ceil(reach * (nodes - 1) / 8.0)), nodes)
            given, spread, mode, width = m[pick], s[pick], z[pick], wide[pick]
            size = max(1, _AT_ONCE // rule.at.size)
            for first in range(0, pick.size, size):
                part = slice(first, first + size)
                out[:, pick[part]] = self._around(given[part], spread[part], mode[part], width[part], rule, moments)
        log, every_second, *rest = (x.reshape(shape) for x in out)
        mean, var = rest or (log, log)
        return Inner(log, mean, var, every_second)

    def draw(self, mu: FloatArray, tau: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One draw of θ from its law: the inverse of a distribution function with equal cells on the sinh map."""
        z, bend = self._mode(mu, tau)
        wide = np.sqrt(bend)
        reach = float(np.arcsinh(_REACH * wide.max()))
        t = np.linspace(-reach, reach, 2 * int(np.ceil(reach / _CELL)) + 1)
        at = z[:, None] + np.sinh(t) / wide[:, None]
        log = self.value(mu[:, None] + tau[:, None] * at) - 0.5 * at * at
        density = np.exp(log - log.max(axis=1, keepdims=True)) * np.cosh(t)
        below = np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1)
        u = rng.uniform(size=mu.size) * below[:, -1]
        cell = (below < u[:, None]).sum(axis=1)
        n = np.arange(mu.size)
        left = u - np.where(cell > 0, below[n, np.maximum(cell - 1, 0)], 0.0)
        a, rise = density[n, cell], density[n, cell + 1] - density[n, cell]
        # the root of a x + rise x²/2 = left, in the form that stands rise = 0
        x = 2.0 * left / np.maximum(a + np.sqrt(np.maximum(a * a + 2.0 * rise * left, 0.0)), 1e-300)
        place = t[cell] + np.minimum(x, 1.0) * (t[1] - t[0])
        return np.asarray(mu + tau * (z + np.sinh(place) / wide))

    def _mode(self, mu: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mode of log l(μ + τz) − z²/2 to a fraction of its width, by Newton steps, and minus the curvature there."""
        centre, v = self.approx
        z = tau * (centre - mu) / (tau * tau + v)
        limit = 3.0 / tau
        for _ in range(12):
            d1, d2 = self.slopes(mu + tau * z)
            bend = 1.0 - tau * tau * d2
            step = np.minimum(np.maximum((tau * d1 - z) / bend, -limit), limit)
            z = z + step
            if (step * step * bend < _NEAR).all():
                break
        return z, bend

    def _around(
        self, mu: FloatArray, tau: FloatArray, z: FloatArray, wide: FloatArray, rule: _Rule, moments: bool
    ) -> FloatArray:
        """Log integral by the trapezoidal rule, and by every second node; mean and variance of θ, (4, n)."""
        unit = BROAD / wide
        at = rule.at * unit
        at += z
        theta = at * tau
        theta += mu
        log = self.value(theta)
        at *= at
        at *= 0.5
        log -= at
        peak = log.max(axis=0)
        log -= peak
        out = (rule.sums if moments else rule.sums[:2]) @ np.exp(log, out=log)
        total, every_second = out[0].copy(), out[1]
        np.log(np.maximum(every_second / total, 1e-30), out=every_second)
        out[0] = peak + np.log(total * unit)
        every_second += out[0]
        if moments:
            first, second = out[2:]
            first *= unit / total
            second *= unit * unit / total
            second -= first * first
            second *= tau * tau
            first += z
            first *= tau
            first += mu
        return np.asarray(out)


class _Rule(NamedTuple):
    """Places sinh t of a trapezoidal rule (n, 1), and what a density there is summed with, (4, n).

    These are the slope of the map with the step, the same at every second node, and times the place and its square.
    """

    at: FloatArray
    sums: FloatArray


@lru_cache(maxsize=256)
def _rule(half: int, nodes: int) -> _Rule:
    """Return the rule with ``half`` steps of 8/(nodes − 1) either side."""
    step = 8.0 / (nodes - 1)
    t = step * np.arange(-half, half + 1)
    at, weight = np.sinh(t), step / np.sqrt(2 * np.pi) * np.cosh(t)
    twice = weight * np.where(np.arange(t.size) % 2 == 0, 2.0, 0.0)
    return _Rule(at[:, None], np.stack([weight, twice, weight * at, weight * at * at]))


class Tempered(LogConcaveLikelihood):
    """A likelihood to a power below 1: the information of that share of the data, as if the rest only repeated it."""

    def __init__(self, whole: LogConcaveLikelihood, power: float) -> None:
        self.whole, self.power = whole, power
        self.below, self.above = whole.below, whole.above
        self.approx = (whole.approx[0], whole.approx[1] / power)

    def value(self, theta: FloatArray) -> FloatArray:
        """Log likelihood times the power."""
        return np.asarray(self.power * self.whole.value(theta))

    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative."""
        first, second = self.whole.slopes(theta)
        return self.power * first, self.power * second

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One replicate of the whole datum."""
        return self.whole.sample(theta, rng)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function of the whole datum."""
        return self.whole.cumulative(theta)
