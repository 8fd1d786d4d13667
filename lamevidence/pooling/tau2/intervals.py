"""Confidence intervals for τ²; none has an upper limit of its own.

One function a method: centred data of one data set, the fitted τ² and the level go in, an `Interval` comes
out. An upper bound of 0 means that even τ² = 0 fits worse than the level allows (the studies agree more
closely than chance); `Interval(0, 0)` is then the honest, degenerate answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import ConvergenceError, NotEstimable, OptionError
from ...foundation.values import Interval
from ..kernel.distributions import quantile
from ..kernel.fitted import dispersion_of
from ..kernel.kernels import solve_decreasing
from ..kernel.likelihood import restricted_log_likelihood
from ..kernel.test_based import h2_test_based
from .estimators import solve_form
from .standard_errors import standard_error

__all__ = ["TAU2_INTERVALS", "Tau2Fit", "Tau2Interval"]


@dataclass(frozen=True, slots=True)
class Tau2Fit:
    """What a τ² interval is made from: data (k,), design or None, τ², its estimator, weights or None."""

    y: FloatArray
    v: FloatArray
    X: FloatArray | None
    t: float
    method: str
    a: FloatArray | None = None

    @property
    def df(self) -> int:
        """Degrees of freedom, k − p."""
        return self.y.size - (1 if self.X is None else self.X.shape[1])

    @property
    def se(self) -> float:
        """Standard error of τ², nan where none is published."""
        return standard_error(self.method, self.y, self.v, self.t, self.X, self.a)


Tau2Interval: TypeAlias = Callable[[Tau2Fit, float], Interval]

TAU2_INTERVALS: Catalog[Tau2Interval] = Catalog("tau2 interval")

_HARDY_THOMPSON = "10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A"


@TAU2_INTERVALS.register("QP", title="Q-profile", reference="10.1002/sim.2514")
def q_profile(fit: Tau2Fit, level: float) -> Interval:
    """Return the τ² at which the generalised Q is at either quantile of χ²(k − p)."""
    tail = 0.5 - level / 2
    targets = special.chdtri(fit.df, np.array([tail, 1 - tail]))
    two = np.broadcast_to(fit.y, (2, fit.y.size)), np.broadcast_to(fit.v, (2, fit.v.size))
    roots = solve_decreasing(*two, fit.X, targets)
    if roots.status.any():
        raise ConvergenceError("the Q-profile equation was not solved to 1e-12 · please report the data")
    return Interval(float(roots.value[0]), float(roots.value[1]))


@TAU2_INTERVALS.register("GENQ", title="generalised Q (Jackson; BJ with weights 1/v)", reference="10.1002/jrsm.1081")
def generalised_q_interval(fit: Tau2Fit, level: float) -> Interval:
    """Return the τ² at which the observed Q with fixed weights is at either tail of its distribution."""
    weights = 1.0 / fit.v if fit.a is None else fit.a
    tail = 0.5 - level / 2
    bounds = []
    for probability in (1 - tail, tail):
        root, status = solve_form(fit.y, fit.v, fit.X, weights, probability)
        if status:
            raise ConvergenceError("the generalised Q equation has no finite root · use method='QP'")
        bounds.append(root)
    return Interval(bounds[0], bounds[1])


@TAU2_INTERVALS.register("BJ", title="Biggerstaff-Jackson", reference="10.1002/sim.3428")
def biggerstaff_jackson(fit: Tau2Fit, level: float) -> Interval:
    """Return the generalised Q interval with weights 1/v: the exact distribution of Cochran's Q."""
    return generalised_q_interval(Tau2Fit(fit.y, fit.v, fit.X, fit.t, fit.method), level)


@TAU2_INTERVALS.register("PL", title="profile likelihood", reference=_HARDY_THOMPSON)
def profile_likelihood(fit: Tau2Fit, level: float) -> Interval:
    """Return the τ² whose (restricted) likelihood is within χ²₁/2 of the maximum, around the maximum."""
    from scipy.optimize import brentq

    if fit.method not in ("ML", "REML"):
        raise OptionError("method='PL' needs tau2='ML' or tau2='REML' · use method='QP'")
    restricted = fit.method == "REML"

    def height(t: float) -> float:
        where = np.array([t])
        return float(restricted_log_likelihood(fit.y[None], fit.v[None], where, fit.X, restricted)[0])

    cut = height(fit.t) - quantile(level) ** 2 / 2

    def excess(t: float) -> float:
        return height(t) - cut

    low = 0.0
    if fit.t > 0 and (not (fit.v > 0).all() or excess(0.0) < 0):
        inside = fit.t
        low = inside
        while low > 0 and excess(low) > 0:
            low = low / 2 if low > 1e-250 else 0.0
        low = float(brentq(excess, low, fit.t, xtol=1e-300, rtol=1e-14, maxiter=500))
    high = max(fit.t, float(fit.v.min()) / 4)
    while excess(high) > 0:
        high *= 2
        if math.isinf(high):
            return Interval(low, math.inf)
    high = float(brentq(excess, fit.t, high, xtol=1e-300, rtol=1e-14, maxiter=500))
    return Interval(low, high)


@TAU2_INTERVALS.register("HT", title="Higgins-Thompson, test-based", reference="10.1002/sim.1186")
def higgins_thompson(fit: Tau2Fit, level: float) -> Interval:
    """Return the τ² of the test-based interval for H², cut at H² = 1; without moderators, k > 2 (k = 2 where Q > 2)."""
    if fit.X is not None:
        raise OptionError("method='HT' is for models without moderators · use method='QP'")
    shape = dispersion_of(fit.y, fit.v)
    low, high = h2_test_based(shape.q, shape.q_df, level, "use method='QP'")
    return Interval(max(0.0, low - 1.0) * shape.typical, max(0.0, high - 1.0) * shape.typical)


def _wald_parts(fit: Tau2Fit, level: float) -> float:
    se = fit.se
    if not math.isfinite(se):
        raise NotEstimable(f"tau2={fit.method!r} has no published standard error · use method='QP'")
    return quantile(level) * se


@TAU2_INTERVALS.register("wald", title="Wald", reference="10.1002/sim.2514")
def wald(fit: Tau2Fit, level: float) -> Interval:
    """Return τ² ± z·se, cut at 0."""
    half = _wald_parts(fit, level)
    return Interval(max(0.0, fit.t - half), max(0.0, fit.t + half))


@TAU2_INTERVALS.register("wald-log", title="Wald on the log scale", reference="10.1002/sim.2514")
def wald_log(fit: Tau2Fit, level: float) -> Interval:
    """Return exp(log τ² ± z·se/τ²); [0, ∞) at τ² = 0, where the scale says nothing."""
    half = _wald_parts(fit, level)
    if fit.t <= 0:
        return Interval(0.0, math.inf)
    return Interval(fit.t * math.exp(-half / fit.t), fit.t * float(np.exp(min(half / fit.t, 709.0))))


@TAU2_INTERVALS.register("wald-sqrt", title="Wald on the square-root scale", reference="10.1002/sim.2514")
def wald_sqrt(fit: Tau2Fit, level: float) -> Interval:
    """Return (τ ± z·se/(2τ))², the lower end not below 0; [0, ∞) at τ² = 0."""
    half = _wald_parts(fit, level)
    if fit.t <= 0:
        return Interval(0.0, math.inf)
    tau = math.sqrt(fit.t)
    step = half / (2 * tau)
    return Interval(max(0.0, tau - step) ** 2, (tau + step) ** 2)
