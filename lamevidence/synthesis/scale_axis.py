"""Nodes on the axis of one standard deviation, for a product rule over several.

The Gaussian part of the integrand depends on τ². Where the prior density does so too, everything is an even function
of τ = w sinh t, and the trapezoidal rule over t ≥ 0 converges geometrically with a step that is the same for any ratio
of scales (Trefethen and Weideman 2014, doi:10.1137/130932132). Other priors are integrated over log τ (logit τ/A for
one that ends at A), log τ = c + sinh t.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..bayes.exact.quadrature import TauMap
from ..bayes.priors.base import HalfCauchy, HalfNormal, HalfStudentT, TauPrior
from ..effects.measures.base import FloatArray
from ..foundation.errors import QuadratureError

__all__ = ["ScaleAxis", "axis_of", "fixed_axis"]

_FIRST_STEP = 0.5
_UNBOUNDED = TauMap()
_TAIL = 1e-16
"""Nodes end where the prior leaves less than this above, or below."""
_FARTHEST = 1e7
"""Nodes end at this many smallest standard errors: τ² beyond leaves no digits to the sampling variance."""
_SMALLEST = 1e-300
_LOST = 1e-9
"""More of a prior than this below the smallest τ is refused."""
_BROAD = 1.5
"""Width of the map in smallest standard errors."""
_EVEN = (HalfNormal, HalfCauchy, HalfStudentT)
"""Priors whose density is an analytic function of τ²."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaleAxis:
    """Nodes t = i·step for i = first … last on the axis of one standard deviation.

    Attributes
    ----------
    prior
        Prior of τ; None for a value taken as known.
    value
        That value.
    even
        Whether τ = width sinh t, else ``variable`` is c + sinh t.
    width, centre, variable
        Of the map.
    first, last, step
        Which nodes.
    farthest
        Nodes stand no farther out: those that would weigh nothing.
    """

    prior: TauPrior | None
    value: float = 0.0
    even: bool = True
    width: float = 1.0
    centre: float = 0.0
    variable: TauMap = _UNBOUNDED
    first: int = 0
    last: int = 0
    step: float = _FIRST_STEP
    farthest: float = np.inf

    @property
    def t(self) -> FloatArray:
        """The nodes, (n,)."""
        return np.asarray(self.step * np.arange(self.first, self.last + 1))

    def tau_at(self, t: FloatArray) -> FloatArray:
        """τ at t ≥ 0 (an even axis) or at any t."""
        if self.even:
            return np.asarray(self.width * np.sinh(t))
        return self.variable.tau(self.centre + np.sinh(t))

    def t_of(self, tau: FloatArray) -> FloatArray:
        """Inverse of `tau_at`."""
        if self.even:
            return np.asarray(np.arcsinh(tau / self.width))
        return np.asarray(np.arcsinh(self.variable.u(tau) - self.centre))

    def log_slope(self, t: FloatArray) -> FloatArray:
        """Log dτ/dt."""
        if self.even:
            return np.asarray(np.log(self.width * np.cosh(t)))
        return np.asarray(self.variable.log_slope(self.centre + np.sinh(t)) + np.log(np.cosh(t)))

    def rule(self) -> tuple[FloatArray, FloatArray]:
        """Return τ and the log of prior density times weight at the nodes, (n,) each."""
        if self.prior is None:
            return np.array([self.value]), np.zeros(1)
        t = self.t
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            tau = self.tau_at(t)
            log = self.prior.logpdf(np.minimum(tau, self.farthest)) + self.log_slope(t) + np.log(self.step)
        # a density that is infinite at 0 holds nothing there that the nodes above it do not
        log = np.where(np.isnan(log) | (tau > self.farthest) | ((tau == 0.0) & (not self.even)), -np.inf, log)
        tau = np.minimum(tau, self.farthest)
        # an even function is summed over one half: its middle belongs to both
        return tau, np.where((t == 0.0) & self.even, log - np.log(2.0), log)

    def between(self, low: int, high: int, step: float) -> ScaleAxis:
        """Return the axis from one of its nodes to another (positions) by this step, even in number of steps from 0."""
        ends = self.step / step * np.array([self.first + low, self.first + high])
        first, last = 2 * int(np.floor(0.5 * ends[0])), 2 * int(np.ceil(0.5 * ends[1]))
        return replace(self, step=step, first=first, last=last)


def fixed_axis(value: float) -> ScaleAxis:
    """Return the axis of a standard deviation that is taken as known."""
    return ScaleAxis(None, value)


def axis_of(prior: TauPrior, scale: float) -> ScaleAxis:
    """Return the first, wide and coarse axis.

    Parameters
    ----------
    prior
        Proper prior of τ.
    scale
        Smallest standard error with which a study tells this random effect: where the integrand bends.
    """
    if not prior.typical < 1e-2 * _FARTHEST * scale:
        raise QuadratureError(
            f"{prior!r} has its median at {prior.typical:.3g}, the smallest standard error it meets is {scale:.3g}: no"
            " arithmetic holds both · give a prior on the scale of the data"
        )
    if isinstance(prior, _EVEN):
        axis = ScaleAxis(prior, even=True, width=_BROAD * scale, farthest=_FARTHEST * scale)
        far = float(axis.t_of(np.asarray(min(prior.quantile(1.0 - _TAIL), _FARTHEST * scale))))
        return replace(axis, last=2 * int(np.ceil(0.5 * far / _FIRST_STEP)) + 2)
    if prior.cdf(_SMALLEST) > _LOST:
        raise QuadratureError(
            f"{prior!r} leaves {prior.cdf(_SMALLEST):.1g} below {_SMALLEST:g}, where no number stands"
            " · give a prior with less near 0, such as lam.priors.LogNormal"
        )
    variable = TauMap(prior.upper)
    centre = float(variable.u(np.asarray(prior.median)))
    axis = ScaleAxis(prior, even=False, variable=variable, centre=centre, farthest=_FARTHEST * scale)
    ends = np.asarray(prior.quantile(np.array([_TAIL, 1.0 - _TAIL])))
    low, high = axis.t_of(np.clip(ends, _SMALLEST, _FARTHEST * scale))
    if not np.isfinite(high):
        high = axis.t_of(np.asarray(prior.upper * (1.0 - _TAIL)))
    first, last = 2 * int(np.floor(0.5 * low / _FIRST_STEP)) - 2, 2 * int(np.ceil(0.5 * high / _FIRST_STEP)) + 2
    return replace(axis, first=first, last=last)
