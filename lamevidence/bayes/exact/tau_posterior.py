"""The posterior of τ as a distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.values import Interval
from .distributions import Distribution
from .existence import Existence
from .inversion import invert, remembered
from .quadrature import TauGrid

__all__ = ["TauPosterior"]

_BEYOND = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class TauPosterior(Distribution):
    """Posterior of the between-study standard deviation: density exact, distribution function a sinc integral.

    Attributes
    ----------
    grid
        Nodes and weights.
    log_density
        τ (m,) → log posterior density, normalised.
    exists
        Which moments exist.
    """

    grid: TauGrid
    log_density: Callable[[FloatArray], FloatArray]
    exists: Existence
    unit: str | None = None
    _found: dict[float, float] = field(default_factory=dict, init=False, repr=False)

    @property
    def support(self) -> Interval:
        """From 0 to the upper edge of the prior."""
        return Interval(0.0, self.grid.variable.upper)

    @property
    def mean(self) -> float:
        """Mean, ``inf`` when it does not exist."""
        return float(self.grid.weight @ self.grid.tau) if self.exists.tau_moments >= 1 else float("inf")

    @property
    def sd(self) -> float:
        """Standard deviation, ``inf`` when it does not exist."""
        if self.exists.tau_moments < 2:
            return float("inf")
        gap = self.grid.tau - self.mean
        return float(np.sqrt(self.grid.weight @ (gap * gap)))

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite."""
        return self.exists.note

    def expect(self, f: Callable[[FloatArray], FloatArray]) -> float:
        """Return the posterior mean of ``f(τ)``; it must exist."""
        return float(self.grid.weight @ f(self.grid.tau))

    def _pdf(self, x: FloatArray) -> FloatArray:
        flat = np.atleast_1d(x).ravel()
        out = np.zeros(flat.size)
        # far beyond the last node the density is below anything a double adds up to, and τ² would overflow
        inside = (flat >= 0.0) & (flat <= min(self.support.high, _BEYOND * float(self.grid.tau[-1])))
        with np.errstate(over="ignore"):
            out[inside] = np.exp(self.log_density(flat[inside]))
        return out.reshape(np.shape(x))

    def _cdf(self, x: FloatArray) -> FloatArray:
        t = self.grid.to_t(np.maximum(x, 0.0))
        return np.where(x <= 0.0, 0.0, np.where(x >= self.support.high, 1.0, self.grid.cdf_t(t)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return remembered(self._found, p, self._solve)

    def _solve(self, p: FloatArray) -> FloatArray:
        t, step = self.grid.t, self.grid.step
        inside, start, low, high = self.grid.table.starts(p)
        if not inside.all():
            below = np.cumsum(self.grid.weight) - 0.5 * self.grid.weight
            start = np.where(inside, start, np.interp(p, below, t))
            low, high = np.where(inside, low, t[0] - step), np.where(inside, high, t[-1] + step)
        return self.grid.from_t(invert(self.grid.law_t, p, low, high, start, 1.0))
