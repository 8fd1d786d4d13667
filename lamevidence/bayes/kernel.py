"""What a likelihood of one true effect θ can be asked, and the integral over θ of any that is log-concave.

Each kernel returns, for every (μ, τ), log ∫ l(θ) N(θ | μ, τ²) dθ and the mean and variance of θ under the integrand.
A log-concave likelihood is integrated by a sinh-mapped trapezoid around the mode: unlike Gauss-Hermite rules it
converges geometrically for skewed likelihoods (no events, all events).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from ..effects.measures.base import FloatArray

__all__ = ["Inner", "Kernel", "ScalarKernel"]

_REACH = 8.0
"""Standard deviations of a true effect around its mean that the integral over it covers."""
_FLATTER = np.array([1.3, 2.0, 4.0, 10.0, 30.0])
"""Points with about the same ratio of the flatter to the steeper side share their nodes."""


class Inner(NamedTuple):
    """Log integral over θ, and mean and variance of θ under the integrand."""

    log: FloatArray
    mean: FloatArray
    var: FloatArray


class Kernel(ABC):
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
    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One replicate of the datum for each true effect, (n,)."""

    @abstractmethod
    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probabilities of a datum below the one observed, and up to it, for each true effect (n,)."""


class ScalarKernel(Kernel):
    """A log-concave log likelihood of θ with two derivatives."""

    @abstractmethod
    def slopes(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative."""

    def integrate(self, mu: FloatArray, tau: FloatArray, nodes: int, *, moments: bool = True) -> Inner:
        """Sinh-trapezoid in z = (θ − μ)/τ around the mode, on steps of 8/(nodes − 1) of the curvature there."""
        shape = np.broadcast_shapes(mu.shape, tau.shape)
        m, s = (np.broadcast_to(x, shape).ravel() for x in (mu, tau))
        z, bend = self._mode(m, s)
        # on its flatter side the integrand falls like exp(−z²/2): √bend of the units that its curvature sets
        wide = np.sqrt(bend)
        group = np.searchsorted(_FLATTER, wide)
        out = np.empty((3, m.size))
        for g in np.unique(group):
            pick = np.flatnonzero(group == g)
            reach = float(np.arcsinh(_REACH * wide[pick].max()))
            half = int(np.ceil(reach * (nodes - 1) / 8.0))
            t: FloatArray = np.asarray(np.arange(-half, half + 1) * (8.0 / (nodes - 1)), dtype=np.float64)
            out[:, pick] = self._around(m[pick], s[pick], z[pick], wide[pick], t, moments)
        return Inner(*(x.reshape(shape) for x in out))

    def _mode(self, mu: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mode of log l(μ + τz) − z²/2 to a hundredth of its width, by Newton steps, and minus the curvature there."""
        centre, v = self.approx
        z = tau * (centre - mu) / (tau * tau + v)
        limit = 3.0 / tau
        for _ in range(12):
            d1, d2 = self.slopes(mu + tau * z)
            bend = 1.0 - tau * tau * d2
            step = np.clip((tau * d1 - z) / bend, -limit, limit)
            z = z + step
            if np.all(step * step * bend < 1e-4):
                break
        return z, bend

    def _around(
        self, mu: FloatArray, tau: FloatArray, z: FloatArray, wide: FloatArray, t: FloatArray, moments: bool
    ) -> FloatArray:
        """Log integral, and mean and variance of θ, by the trapezoidal rule at the nodes ``t``, (3, n)."""
        gap = np.sinh(t) / wide[:, None]
        at = z[:, None] + gap
        log = self.value(mu[:, None] + tau[:, None] * at) - 0.5 * at * at
        peak = log.max(axis=1)
        density = np.exp(log - peak[:, None]) * np.cosh(t)
        total = density.sum(axis=1)
        scale = (t[1] - t[0]) / (np.sqrt(2 * np.pi) * wide)
        out = peak + np.log(total * scale)
        if not moments:
            return np.broadcast_to(out, (3, out.size))
        density *= gap
        first = density.sum(axis=1) / total
        second = np.einsum("ij,ij->i", density, gap) / total - first * first
        return np.stack([out, mu + tau * (z + first), tau * tau * second])
