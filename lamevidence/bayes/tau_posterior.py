"""The posterior of τ as a distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..effects.measures.base import FloatArray
from ..values import Interval
from .distributions import Distribution
from .existence import Existence
from .mixture import invert
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
        shape = np.shape(p)
        p = np.atleast_1d(p).ravel()
        t = self.grid.t
        below = np.concatenate([[0.0], np.cumsum(self.grid.weight)])
        start = np.interp(p, 0.5 * (below[1:] + below[:-1]), t)
        low, high = np.full(p.size, t[0] - self.grid.step), np.full(p.size, t[-1] + self.grid.step)
        found = invert(self.grid.cdf_t, self.grid.pdf_t, p, low, high, start, 1.0)
        return np.asarray(self.grid.from_t(found)).reshape(shape)
