"""Double-exponential quadrature over τ, and the distribution function of τ from the same nodes.

With u = log τ (or logit τ/A for a prior up to A) the integrand is analytic in a strip of half-width π/2 whatever the
standard errors, so the trapezoidal rule in t, u = m + w sinh t, converges geometrically: about a hundred nodes give
all digits (Takahasi and Mori 1974, doi:10.2977/prims/1195192451; Trefethen and Weideman 2014, doi:10.1137/130932132).
The indefinite integral is Σ Wⱼ [½ + Si(π(t − tⱼ)/h)/π].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import QuadratureError
from .inversion import Ladder, ladder

__all__ = ["LogTarget", "TauGrid", "TauMap", "Watch", "tau_grid"]

LogTarget = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""τ (m,) → log of the unnormalised posterior density of τ (m,), and what else is known at each τ (m, c)."""
Watch = Callable[[FloatArray, FloatArray], FloatArray]
"""τ (m,) and what else is known there (m, c) → quantities whose posterior means are watched, (m, q)."""

_DEPTH = 41.0
"""Nodes this many nats below the peak are cut: e^-41 < 2e-18."""
_FAR = 300.0
"""|log τ| never goes beyond this: τ² must not overflow."""
_TALLEST = 1e14
"""Beyond this the logarithm of a density has no digit left to tell its peak from its tail."""
_FIRST_STEP = 0.125
_LEVELS = 6
_EXACT = 1e-13
"""Every second node is left out again where that moves no probe more than this."""
_MOVED = 1e-9
"""Halving stops when no probe moves more than this; the error left is near its square."""
_LIMIT = 1e-6


@dataclass(frozen=True, slots=True)
class TauMap:
    """The variable of integration: log τ, or logit(τ/upper) when τ is bounded.

    With ``soft`` it is log(e^(τ/soft) − 1), which is log τ below and τ itself above: for a prior that falls faster than
    any power.
    """

    upper: float = float("inf")
    soft: float = 0.0

    def tau(self, u: FloatArray) -> FloatArray:
        """τ at ``u``."""
        if self.soft:
            return np.asarray(self.soft * np.logaddexp(0.0, u))
        return np.exp(u) if np.isinf(self.upper) else np.asarray(self.upper * special.expit(u))

    def log_slope(self, u: FloatArray) -> FloatArray:
        """Log dτ/du."""
        if self.soft:
            return np.asarray(np.log(self.soft) + special.log_expit(u))
        if np.isinf(self.upper):
            return u
        return np.asarray(np.log(self.upper) + special.log_expit(u) + special.log_expit(-u))

    def u(self, tau: FloatArray) -> FloatArray:
        """Inverse of `tau`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.soft:
                x = np.asarray(tau / self.soft)
                return np.asarray(x + np.log(-np.expm1(-x)))
            if np.isinf(self.upper):
                return np.asarray(np.log(tau))
            return np.asarray(special.logit(np.clip(tau / self.upper, 0.0, 1.0)))


@dataclass(frozen=True, slots=True, eq=False)
class TauGrid:
    """Nodes and normalised weights of the posterior of τ.

    Attributes
    ----------
    tau, weight
        Nodes and weights that sum to one, (m,).
    t, step
        Nodes in the trapezoidal variable and their distance.
    log_norm
        Log of the integral of the target.
    centre, width
        m and w of u = m + w sinh t.
    error
        How far the probes moved in the last halving.
    """

    tau: FloatArray
    weight: FloatArray
    t: FloatArray
    step: float
    log_norm: float
    centre: float
    width: float
    variable: TauMap
    error: float
    _made: list[Ladder] = field(default_factory=list, init=False, repr=False)

    def to_t(self, tau: FloatArray) -> FloatArray:
        """T at τ."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.arcsinh((self.variable.u(tau) - self.centre) / self.width))

    def from_t(self, t: FloatArray) -> FloatArray:
        """τ at t."""
        return self.variable.tau(self.centre + self.width * np.sinh(t))

    def law_t(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distribution function and density in t (n,)."""
        apart = np.pi / self.step * (t[:, None] - self.t)
        below = 0.5 + special.sici(apart)[0] @ self.weight / np.pi
        # sin x / x, and 1 at 0
        near = np.abs(apart) < 1e-8
        apart[near] = 1e-8
        density = (np.sin(apart) / apart) @ self.weight / self.step
        return np.minimum(np.maximum(below, 0.0), 1.0), np.asarray(density)

    @property
    def table(self) -> Ladder:
        """Distribution function at the nodes, where the density is known and Si is that of multiples of π."""
        if not self._made:
            m = self.t.size
            si = special.sici(np.pi * np.arange(-m + 1.0, m))[0]
            below = 0.5 + np.convolve(self.weight, si, mode="valid") / np.pi
            self._made.append(ladder(self.t, below, self.weight / self.step))
        return self._made[0]

    def cdf_t(self, t: FloatArray) -> FloatArray:
        """Distribution function in t, by sinc-indefinite integration."""
        si = special.sici(np.pi / self.step * (t[..., None] - self.t))[0]
        return np.asarray(np.clip(0.5 + si @ self.weight / np.pi, 0.0, 1.0))

    def pdf_t(self, t: FloatArray) -> FloatArray:
        """Density in t, by sinc interpolation."""
        return np.asarray(np.sinc((t[..., None] - self.t) / self.step) @ self.weight / self.step)


def _peak(target: LogTarget, variable: TauMap, low: float, high: float) -> tuple[float, float]:
    """Mode and curvature width of log target + log dτ/du over u; the range is widened until the mode is inside."""

    def height(u: FloatArray) -> FloatArray:
        # where the density underflows a square may overflow; its logarithm is -inf
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            q = target(variable.tau(u))[0] + variable.log_slope(u)
        return np.where(np.isnan(q), -np.inf, q)

    a, b = low, high
    for _ in range(12):
        u = np.arange(a, b + 0.5, 0.5)
        q = height(u)
        top = int(q.argmax())
        if 0 < top < u.size - 1 or (a <= -_FAR and b >= _FAR):
            break
        a, b = (max(a - 20.0, -_FAR), b) if top == 0 else (a, min(b + 20.0, _FAR))
    centre, gap, points = float(u[top]), 0.5, 9
    for _ in range(8):
        u = centre + np.linspace(-gap, gap, points)
        q = height(u)
        top = min(max(int(q.argmax()), 1), points - 2)
        centre, step = float(u[top]), 2.0 * gap / (points - 1)
        with np.errstate(invalid="ignore"):
            bend = float(q[top - 1] - 2 * q[top] + q[top + 1]) / step**2
        width = min(1.0 / np.sqrt(-bend), 1.5) if bend < 0 else 1.5
        # the parabola through three points is that of the mode once they are close beside its width
        if width > 4.0 * step:
            break
        gap = step
    return centre, width


def tau_grid(
    target: LogTarget,
    watched: Callable[[FloatArray, FloatArray, FloatArray], Watch],
    *,
    scales: tuple[float, float],
    upper: float = float("inf"),
    moments: int = 2,
) -> tuple[TauGrid, FloatArray]:
    """Return nodes and weights for ∫ f(τ) exp(target(τ)) dτ, and what else is known there, (m, c).

    The step is halved until nothing that is watched moves: the log of the integral, the means of the quantities of
    ``watched`` and the logs of the moments of τ.

    Parameters
    ----------
    target
        Log of the unnormalised posterior density of τ.
    watched
        ``watched(tau, given, weight)`` of the first nodes → the quantities, on a scale where 1e-9 is small.
    scales
        Smallest and largest scale of the problem, where the search for the mode starts.
    upper
        Upper edge of the support of τ.
    moments
        Highest moment of τ that exists (0, 1 or 2): decides how far out the nodes go.

    Raises
    ------
    QuadratureError
        The probes still move by more than 1e-6 at the finest step.
    """
    variable = TauMap(upper)
    ends = variable.u(np.array([scales[0] * 1e-3, min(scales[1] * 1e3, upper * (1 - 1e-9))]))
    ends = np.clip(ends, -_FAR, _FAR)
    if not ends[0] < ends[1]:
        raise _beyond()
    centre, width = _peak(target, variable, float(ends[0]), float(ends[1]))

    def evaluate(t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        u = centre + width * np.sinh(t)
        tau = variable.tau(u)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            log, given = target(tau)
            q = log + variable.log_slope(u) + np.log(width * np.cosh(t))
        return tau, np.where(np.isnan(q), -np.inf, q), given

    h = _FIRST_STEP
    first = int(np.ceil(np.arcsinh((-_FAR - centre) / width) / h))
    last = int(np.floor(np.arcsinh((_FAR - centre) / width) / h))
    t: FloatArray = np.asarray(h * np.arange(first, last + 1), dtype=np.float64)
    tau, q, given = evaluate(t)
    with np.errstate(divide="ignore"):
        reach = q + moments * np.maximum(0.0, np.log(tau) - np.log(variable.tau(np.array(centre))))
    if not abs(reach.max()) < _TALLEST:
        raise _beyond()
    keep = np.flatnonzero(reach > reach.max() - _DEPTH)
    kept = slice(max(keep[0] - 1, 0), keep[-1] + 2)
    t, tau, q, given = t[kept], tau[kept], q[kept], given[kept]
    weight = np.exp(q - q.max())
    watch = watched(tau, given, weight / weight.sum())

    def quantities(tau: FloatArray, given: FloatArray) -> FloatArray:
        powers = [tau[:, None] ** r for r in range(1, moments + 1)]
        return np.concatenate([np.ones((tau.size, 1)), watch(tau, given), *powers], axis=1)

    seen = quantities(tau, given)
    previous = _means(q[::2], seen[::2], 2.0 * h, moments)
    for level in range(_LEVELS):
        now = _means(q, seen, h, moments)
        moved = float(np.max(np.abs(now - previous)))
        if moved < _MOVED or level == _LEVELS - 1:
            break
        middle: FloatArray = np.asarray(0.5 * (t[1:] + t[:-1]))
        tau_mid, q_mid, given_mid = evaluate(middle)
        pairs = ((t, middle), (tau, tau_mid), (q, q_mid), (given, given_mid), (seen, quantities(tau_mid, given_mid)))
        t, tau, q, given, seen = (_interleave(*pair) for pair in pairs)
        h, previous = 0.5 * h, now
    if not moved <= _LIMIT:
        raise QuadratureError(
            f"integration over τ still moves by {moved:.1e} at {t.size} nodes (limit {_LIMIT:g})"
            " · check the prior of τ against the scale of the data"
        )
    if moved < _EXACT:
        t, tau, q, given, h, now = t[::2], tau[::2], q[::2], given[::2], 2.0 * h, previous
    weight = np.exp(q - q.max())
    grid = TauGrid(tau, weight / weight.sum(), t, h, float(now[0]), centre, width, variable, moved)
    return grid, given


def _means(q: FloatArray, seen: FloatArray, h: float, moments: int) -> FloatArray:
    """Log integral, then the means of what is watched; of the last ``moments`` columns the logarithms."""
    peak = q.max()
    sums = np.exp(q - peak) @ seen
    out = sums / sums[0]
    out[0] = peak + np.log(sums[0]) + np.log(h)
    if moments:
        out[-moments:] = np.log(out[-moments:])
    return np.asarray(out)


def _beyond() -> QuadratureError:
    return QuadratureError(
        f"the posterior of τ has no density between e^-{_FAR:g} and e^{_FAR:g} that double precision holds"
        " · check the prior of τ against the scale of the data"
    )


def _interleave(a: FloatArray, b: FloatArray) -> FloatArray:
    out = np.empty((a.shape[0] + b.shape[0], *a.shape[1:]))
    out[0::2], out[1::2] = a, b
    return out
