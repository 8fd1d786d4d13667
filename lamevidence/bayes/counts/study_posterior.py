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
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ...foundation.errors import QuadratureError
from ..exact.mu_posterior import IntArray, MuPosterior, Table, slope
from ..exact.node_maps import BROAD, NodeMap
from .families import PrintedEstimate, TEstimate
from .study_likelihood import StudyLikelihood

if TYPE_CHECKING:
    from .two_level import TwoLevelState

__all__ = ["StudyPosterior", "study_effect"]

_STEP = 0.04
"""Step of the table; the density given the other rows, wider than the effect, is worked out at every second place."""
_MIDDLE = np.array([-5.0, 49.0, -245.0, 1225.0, 1225.0, -245.0, 49.0, -5.0]) / 2048.0
"""Weights of the polynomial through eight places in the middle between the inner two."""
_DEEP = 9.0
_HELD = 1e-15
"""Nodes with less probability add nothing to moments."""
_MOVED = 1e-7
_LIMIT = 1e-5


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
        Mean and standard deviation of θ given (τ, μ), (J, M); 0 where the node holds nothing.
    top
        Logarithm by which the likelihood is divided.
    """

    row: StudyLikelihood = field(kw_only=True)
    mass: FloatArray = field(kw_only=True)
    mean_given: FloatArray = field(kw_only=True)
    sd_given: FloatArray = field(kw_only=True)
    top: float = field(kw_only=True)

    @cached_property
    def _table(self) -> Table:
        """Density and distribution function on equal steps of a line with nodes where the law is narrow."""
        held = self.mass > _HELD
        low = float((self.mean_given - _DEEP * self.sd_given)[held].min())
        high = float((self.mean_given + _DEEP * self.sd_given)[held].max())
        rows = np.flatnonzero(self.mass.sum(axis=1) > 1e-13)
        line = NodeMap(*self._core(rows))
        first, last = line.place(0, np.array([low, high]))[0]
        sharp, smooth = self._split(rows)
        tables = self._row_tables(sharp)
        for step in (_STEP, _STEP / 2, _STEP / 4):
            half = int(np.ceil(0.5 * (last - first) / step))
            s = np.linspace(first, last, 2 * half + 1)
            x = line.nodes(s)[0]
            others = self._densities(x[::2], sharp, tables) + self._sum_of_normals(x[::2], smooth)
            log = with_middles(np.log(np.maximum(others, 1e-300)))
            density = np.exp(log + self.row.value(x) - self.top) / line.place(0, x)[1]
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
        return Table(line, s, density / total, gradient / total, below / total)

    def _matter(self, rows: IntArray) -> NDArray[np.bool_]:
        """Nodes of these rows that hold anything, the likelihood of the row included, (n, M)."""
        return np.asarray(self.mass[rows] > _HELD)

    def _core(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of θ in the row of nodes over τ where it is narrowest, of those that matter.

        Under a t likelihood, or one of several standard errors, the law may have modes at the estimate and at the mean
        effect: both get nodes of their own.
        """
        share, given, spread = self.mass[rows], self.mean_given[rows], self.sd_given[rows]
        total = share.sum(axis=1)
        mean = (share * given).sum(axis=1) / total
        sd = np.sqrt((share * (spread**2 + (given - mean[:, None]) ** 2)).sum(axis=1) / total)
        best = int(np.argmin(np.where(total > 1e-4, sd, np.inf)))
        known = isinstance(self.row, TEstimate) and np.isinf(self.row.df)
        if isinstance(self.row, TEstimate | PrintedEstimate) and not known:
            near, narrow = self.row.approx[0], self.row.narrowest
            j = rows[best]
            centre, width = self.map.centre[j], np.hypot(self.map.width[j] / BROAD, self.noise[j])
            return np.append(centre, near)[None], np.append(width, narrow)[None]
        return mean[[best], None], sd[[best], None]


def with_middles(y: FloatArray) -> FloatArray:
    """Return a smooth function on equal steps with the middles of its cells: a polynomial through eight places."""
    out = np.empty(2 * y.size - 1)
    out[::2], out[1::2] = y, 0.5 * (y[1:] + y[:-1])
    if y.size >= _MIDDLE.size:
        out[7:-7:2] = np.convolve(y, _MIDDLE, mode="valid")
    return out


def study_effect(i: int, state: TwoLevelState) -> StudyPosterior:
    """Return the posterior of the true effect of row ``i`` of ``state``."""
    row, tau = state.rows[i], state.grid.tau
    if state.inner.size:
        log, mean_given, variance_given = state.inner[:, i]
    else:
        inner = row.integrate(state.mu_nodes, tau[:, None], state.theta_nodes[i])
        log, mean_given, variance_given = inner.log, inner.mean, inner.var
    top = float(log.max())
    with np.errstate(divide="ignore"):
        others = np.exp(np.clip(np.log(state.weight) - log + top, -690.0, 600.0))
    # moments where there is any mass: the rest of the nodes is far out
    held = state.weight > _HELD
    share = state.weight[held]
    share /= share.sum()
    given, variance = np.where(held, mean_given, 0.0), np.where(held, variance_given, 0.0)
    mean = float(share @ given[held])
    total = float(share @ (variance[held] + (given[held] - mean) ** 2))
    return StudyPosterior(
        weight=others,
        t=state.t,
        step=state.step,
        map=state.map,
        nodes=state.mu_nodes,
        moments=(
            mean if state.moments.highest >= 1 else float("nan"),
            float(np.sqrt(total)) if state.moments.highest == 2 else float("inf"),
        ),
        noise=tau,
        note=state.moments.note,
        unit=state.unit,
        row=row,
        mass=state.weight,
        mean_given=given,
        sd_given=np.sqrt(np.maximum(variance, 0.0)),
        top=top,
    )
