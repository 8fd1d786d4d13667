"""Posterior of the true effect of one row under a likelihood that is not normal, skewed as it may be.

With W the posterior weights of the nodes over (τ, μ) and L(μ, τ) = ∫ l(θ) N(θ | μ, τ²) dθ of the row, W/L are the
weights given all other rows, and

    p(θ | y) = l(θ) Σ (W/L) N(θ | μ, τ²):

the likelihood of the row times the density of a new effect given the others. The latter is that of `MuPosterior`; what
the product integrates to, 1, is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import QuadratureError
from .families import Kernel
from .mu_posterior import IntArray, MuPosterior, slope

if TYPE_CHECKING:
    from .two_level import TwoLevelState

__all__ = ["StudyPosterior", "study_effect"]

_STEP = 0.04
_DEEP = 9.0
_MOVED = 1e-7
_LIMIT = 1e-5
_NODES = 41


@dataclass(frozen=True, eq=False)
class StudyPosterior(MuPosterior):
    """Posterior of one true effect; ``weight`` is W/L.

    Attributes
    ----------
    row
        The likelihood.
    mass
        W, (J, M).
    mean_given, sd_given
        Mean and standard deviation of θ given (τ, μ), (J, M).
    top
        Logarithm by which the likelihood is divided.
    """

    row: Kernel = field(kw_only=True)
    mass: FloatArray = field(kw_only=True)
    mean_given: FloatArray = field(kw_only=True)
    sd_given: FloatArray = field(kw_only=True)
    top: float = field(kw_only=True)

    @cached_property
    def _table(self) -> tuple[float, float, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Centre, scale, nodes s, density in s, its slope, and the distribution function at the nodes."""
        held = self.mass > 1e-15
        low = float((self.mean_given - _DEEP * self.sd_given)[held].min())
        high = float((self.mean_given + _DEEP * self.sd_given)[held].max())
        rows = np.flatnonzero(self.mass.sum(axis=1) > 1e-13)
        middle, scale = self._core(rows)
        first, last = np.arcsinh((np.array([low, high]) - middle) / scale)
        cells, origin, fine = self._row_tables(rows)
        for step in (_STEP, _STEP / 2, _STEP / 4):
            s = np.linspace(first, last, int(np.ceil((last - first) / step)) + 1)
            x = middle + scale * np.sinh(s)
            density = np.zeros(s.size)
            for i, j in enumerate(rows):
                density += self._row_density(j, x, cells[:, i], origin, fine)
            density *= np.exp(self.row.value(x) - self.top) * scale * np.cosh(s)
            h = float(s[1] - s[0])
            gradient = slope(density, h)
            parts = 0.5 * h * (density[1:] + density[:-1]) + h * h / 12.0 * (gradient[:-1] - gradient[1:])
            total = float(parts.sum())
            if abs(total - 1.0) < _MOVED:
                break
        if not abs(total - 1.0) < _LIMIT:
            raise QuadratureError(
                f"the density of a study's effect integrates to 1 only within {abs(total - 1.0):.1e} (limit {_LIMIT:g})"
                " · use engine='nuts'"
            )
        below = np.concatenate([[0.0], np.cumsum(parts)])
        return middle, scale, s, density / total, gradient / total, below / total

    def _core(self, rows: IntArray) -> tuple[float, float]:
        """Mean and standard deviation of θ in the row of nodes over τ where it is narrowest, of those that matter."""
        share, given, spread = self.mass[rows], self.mean_given[rows], self.sd_given[rows]
        total = share.sum(axis=1)
        mean = (share * given).sum(axis=1) / total
        sd = np.sqrt((share * (spread**2 + (given - mean[:, None]) ** 2)).sum(axis=1) / total)
        best = int(np.argmin(np.where(total > 1e-4, sd, np.inf)))
        return float(mean[best]), float(sd[best])


def study_effect(row: Kernel, state: TwoLevelState) -> StudyPosterior:
    """Return the posterior of the true effect of ``row``, one of the rows of ``state``."""
    tau = state.grid.tau
    inner = row.integrate(state.mu_nodes, tau[:, None], _NODES)
    top = float(inner.log.max())
    with np.errstate(divide="ignore"):
        others = np.exp(np.clip(np.log(state.weight) - inner.log + top, -690.0, 600.0))
    mean = float((state.weight * inner.mean).sum())
    variance = float((state.weight * (inner.var + (inner.mean - mean) ** 2)).sum())
    return StudyPosterior(
        weight=others,
        t=state.t,
        step=state.step,
        centre=state.centre,
        width=state.width,
        moments=(mean, float(np.sqrt(variance))),
        noise=tau,
        unit=state.unit,
        row=row,
        mass=state.weight,
        mean_given=inner.mean,
        sd_given=np.sqrt(np.maximum(inner.var, 0.0)),
        top=top,
    )
