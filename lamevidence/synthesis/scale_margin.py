"""Posterior of one standard deviation of the joint model, from the weights of its nodes.

Between the nodes the density is the sinc interpolant of its values at them, and the distribution function its integral,
Σ Wⱼ [½ + Si(π(t − tⱼ)/h)/π]. An even axis is continued to negative t, where the same weights stand again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

from ..bayes.exact.distributions import Distribution
from ..bayes.exact.existence import Existence
from ..bayes.exact.inversion import invert, remembered
from ..effects.measures.base import FloatArray
from ..foundation.values import Interval
from .scale_axis import ScaleAxis

__all__ = ["PointMass", "ScaleMargin"]


@dataclass(frozen=True, slots=True, eq=False)
class PointMass(Distribution):
    """A number that is taken as known.

    Attributes
    ----------
    value
        The number.
    """

    value: float
    unit: str | None = None

    @property
    def support(self) -> Interval:
        """The number alone."""
        return Interval(self.value, self.value)

    @property
    def mean(self) -> float:
        """The number."""
        return self.value

    @property
    def sd(self) -> float:
        """0."""
        return 0.0

    @property
    def mode(self) -> float:
        """The number."""
        return self.value

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.where(x == self.value, np.inf, 0.0)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.where(x >= self.value, 1.0, 0.0)

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.full(np.shape(p), self.value)


@dataclass(frozen=True, slots=True, eq=False)
class ScaleMargin(Distribution):
    """Posterior of one standard deviation.

    Attributes
    ----------
    parts
        (share, axis, weights of its nodes): several where something beside the standard deviations was summed over.
    exists
        Which moments exist.
    """

    parts: tuple[tuple[float, ScaleAxis, FloatArray], ...]
    exists: Existence
    unit: str | None = None
    _found: dict[float, float] = field(default_factory=dict, init=False, repr=False)

    @property
    def _axis(self) -> ScaleAxis:
        return self.parts[0][1]

    @property
    def support(self) -> Interval:
        """From 0 to the upper edge of the prior."""
        return Interval(0.0, self._axis.variable.upper)

    @property
    def mean(self) -> float:
        """Mean, ``inf`` when it does not exist."""
        if self.exists.tau_moments < 1:
            return float("inf")
        return float(sum(share * _mean(axis, weight) for share, axis, weight in self.parts))

    @property
    def second_moment(self) -> float:
        """E τ², ``inf`` when it does not exist."""
        if self.exists.tau_moments < 2:
            return float("inf")
        return float(sum(share * (weight @ axis.rule()[0] ** 2) for share, axis, weight in self.parts))

    @property
    def sd(self) -> float:
        """Standard deviation, ``inf`` when it does not exist."""
        if self.exists.tau_moments < 2:
            return float("inf")
        return float(np.sqrt(self.second_moment - self.mean**2))

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite."""
        return self.exists.note

    def _law(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density in t, (n,)."""
        below, density = np.zeros(t.shape), np.zeros(t.shape)
        for share, axis, weight in self.parts:
            nodes, heavy = axis.t, weight
            if axis.even:
                half = np.where(nodes == 0.0, weight, 0.5 * weight)
                inner = nodes > 0.0
                nodes, heavy = np.concatenate([-nodes[inner][::-1], nodes]), np.concatenate([half[inner][::-1], half])
            apart = np.pi / axis.step * (t[:, None] - nodes)
            part = 0.5 + special.sici(apart)[0] @ heavy / np.pi
            near = np.abs(apart) < 1e-8
            apart[near] = 1e-8
            slope = (np.sin(apart) / apart) @ heavy / axis.step
            both = 2.0 if axis.even else 1.0
            below += share * (both * part - (both - 1.0))
            density += share * both * slope
        return np.clip(below, 0.0, 1.0), np.maximum(density, 0.0)

    def _pdf(self, x: FloatArray) -> FloatArray:
        flat = np.atleast_1d(x).ravel()
        out = np.zeros(flat.size)
        inside = (flat >= 0.0) & (flat <= min(self.support.high, self._axis.farthest))
        t = self._axis.t_of(np.maximum(flat[inside], 1e-300))
        out[inside] = self._law(t)[1] * np.exp(-self._axis.log_slope(t))
        return out.reshape(np.shape(x))

    def _cdf(self, x: FloatArray) -> FloatArray:
        flat = np.atleast_1d(x).ravel()
        out = np.where(flat > 0.0, 1.0, 0.0)
        inside = (flat > 0.0) & (flat < min(self.support.high, self._axis.farthest))
        out[inside] = self._law(self._axis.t_of(flat[inside]))[0]
        return out.reshape(np.shape(x))

    def _quantile(self, p: FloatArray) -> FloatArray:
        flat = np.atleast_1d(p).ravel()
        return remembered(self._found, flat, self._solve).reshape(np.shape(p))

    def _solve(self, p: FloatArray) -> FloatArray:
        ends = [(axis.t[0], axis.t[-1] + axis.step) for _, axis, _ in self.parts]
        low, high = min(a for a, _ in ends), max(b for _, b in ends)
        grid = np.linspace(low, high, 4 * self.parts[0][1].t.size)
        start = np.interp(p, np.maximum.accumulate(self._law(grid)[0]), grid)
        t = invert(self._law, p, np.full(p.size, low), np.full(p.size, high), start, 1.0)
        return self._axis.tau_at(t)


def _mean(axis: ScaleAxis, weight: FloatArray) -> float:
    """E τ of one part.

    On an even axis τ = w |sinh t| has a kink at 0, and what the trapezoidal rule lacks there are the terms of Euler and
    Maclaurin, h²/12 f'(0) − h⁴/720 f'''(0) + h⁶/30240 f⁽⁵⁾(0) of f = w sinh(t) p(t), with the derivatives of p those of
    its sinc interpolant.
    """
    trapezoid = float(weight @ axis.rule()[0])
    if not axis.even or axis.first > 0:
        return trapezoid
    h = axis.step
    j = np.arange(1, weight.size)
    # weights are h p(t), the one at 0 half of that
    p0, p = 2.0 * weight[0] / h, weight[1:] / h
    sign = np.where(j % 2 == 1, 1.0, -1.0)
    second = -(np.pi**2) / 3.0 * p0 + 4.0 * (sign / j**2) @ p
    fourth = np.pi**4 / 5.0 * p0 + (sign * (48.0 / j**4 - 8.0 * np.pi**2 / j**2)) @ p
    lacking = h**2 * (p0 / 12.0 - (h**2 * p0 + 3.0 * second) / 720.0)
    lacking += h**2 * (h**4 * p0 + 10.0 * h**2 * second + 5.0 * fourth) / 30240.0
    return trapezoid + axis.width * float(lacking)
