"""The exact posterior of several coefficients and τ as an engine behind a `PosteriorRegression`.

What is asked about one combination x'β is read off a rule whose first direction is that combination: summed over the
other directions its nodes are those of the posterior of one mean effect, and its laws those of `TwoLevelState`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError
from ..exact.distributions import Distribution
from ..exact.existence import Existence
from ..exact.mixture import NormalMixture
from ..exact.mu_posterior import lagrange, normal_shape
from ..exact.node_maps import BROAD, NodeMap
from ..exact.quadrature import TauGrid
from ..priors.base import TauPrior
from .coefficient_nodes import (
    Axes,
    Core,
    Given,
    Held,
    RowLine,
    Term,
    aligned,
    coefficients,
    held_nodes,
    log_density,
    summed,
)
from .study_posterior import study_effect
from .tails import EffectMoments
from .two_level import TwoLevelState, tau_law

__all__ = ["RegressionState", "Steps", "steps_along"]

_ROWS_AT_ONCE = 4000
_FINE = 6
"""Cells between two nodes that draws come from."""


class Steps(NamedTuple):
    """Steps over τ, along and across a combination of coefficients, of the tables; nodes over θ of each row."""

    tau: float
    first: float
    other: float
    table: float
    theta: tuple[int, ...]


def steps_along(steps: Steps, size: int) -> tuple[float, ...]:
    """Steps of each direction of a rule."""
    return (steps.first, *(steps.other,) * (size - 1))


@dataclass(frozen=True, slots=True, eq=False)
class RegressionState:
    """Nodes over τ and the coefficients with their weights (N,); what is asked about one combination is kept.

    ``lines`` are the rows each by itself, ``terms`` together.
    """

    given: Given
    prior_tau: TauPrior
    grid: TauGrid
    core: Core
    outer: FloatArray
    lines: list[RowLine]
    terms: list[Term]
    root: FloatArray
    axes: Axes
    held: Held
    weight: FloatArray
    steps: Steps
    error: float = float("nan")
    exists: Existence = field(default_factory=lambda: Existence(np.inf, 2, 0))
    moments: EffectMoments = field(default_factory=lambda: EffectMoments(2))
    unit: str | None = None
    likelihood: str = ""
    evidence_of: Callable[[str, float], float] | None = None
    made: dict[tuple[float, ...], TwoLevelState] = field(default_factory=dict)
    effects: dict[int, Distribution] = field(default_factory=dict)

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood."""
        return self.grid.log_norm

    @property
    def tau(self) -> Distribution:
        """Posterior of τ."""
        return tau_law(self.grid, self.prior_tau, self.exists, self.unit)

    def along(self, x: FloatArray) -> TwoLevelState:
        """Return the posterior of x'β and τ as that of one mean effect; made once."""
        key = tuple(map(float, x))
        if key not in self.made:
            self.made[key] = self._along(x)
        return self.made[key]

    def _along(self, x: FloatArray) -> TwoLevelState:
        given, core, grid = self.given, self.core, self.grid
        root = aligned(core, x)
        axes, held = held_nodes(given, core, root, self.outer, self.terms, steps_along(self.steps, x.size))
        row, size = held.row, axes.shape[0]
        log = log_density(given, core, root, axes, self.terms, held)[0] + self.outer[row]
        place = row * size + held.node // int(np.prod(axes.shape[1:]))
        weight = summed(place, np.exp(log - log.max()), core.tau.size * size).reshape(-1, size)
        weight = _continued(weight, axes.t[0])
        weight /= weight.sum()
        line = NodeMap((core.mean @ x)[:, None], BROAD * np.abs(root[:, :, 0] @ x)[:, None])
        return TwoLevelState(
            given.rows, given.priors[0], self.prior_tau, grid, axes.t[0], axes.step[0], line,
            line.nodes(axes.t[0]), weight, np.empty(0), self.log_marginal, self.error, self.exists, self.moments,
            self.steps.theta, self.unit, self.likelihood,
        )  # fmt: skip

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> Distribution:
        """Posterior of x'β, of a new study there, plus normal noise of variance ``extra``."""
        if np.any(x):
            return self.along(x).at(np.ones(1), new=new, extra=extra)
        if not new and extra == 0.0:
            raise OptionError(
                "where all columns are 0 the mean effect is 0 and has no distribution · give other values"
            )
        spread = np.sqrt((self.grid.tau**2 if new else 0.0) + np.full(self.grid.tau.size, extra))
        finite = self.exists.tau_moments
        return NormalMixture(
            self.grid.weight, np.zeros(spread.size), spread, True, finite == 2 or not new, self.exists.note, self.unit
        )

    def theta(self, i: int) -> Distribution:
        """Posterior of θᵢ: its likelihood times its density given all other rows."""
        if i not in self.effects:
            self.effects[i] = study_effect(i, self.along(self.given.X[i]))
        return self.effects[i]

    def covariance(self) -> FloatArray:
        """Posterior covariance of the coefficients, (p, p); infinite where their variances are."""
        size = self.core.mean.shape[1]
        if self.moments.highest < 2 or (self.exists.tau_moments < 2 and self.exists.flat):
            return np.full((size, size), np.inf)
        beta = coefficients(self.core, self.root, self.axes, self.held)
        gap = beta - self.weight @ beta
        return np.asarray((self.weight * gap.T) @ gap)

    def average(self, link: str) -> Distribution:
        """Refused: an average over studies is of one mean."""
        raise NotEstimable(f"an average over studies ({link}) is of one mean · leave moderators out")

    def mean_weights(self) -> None:
        """A likelihood of counts gives no weights: None."""
        return None

    def draw(self, rng: np.random.Generator, size: int, *, effects: bool = True) -> Mapping[str, FloatArray]:
        """Draws of τ by its inverse distribution function, of β direction by direction given τ, and of each θ.

        Given τ, and a direction drawn, what follows is taken from one of the two nodes around it: in the units of the
        rule the laws hardly depend on where in between they are.
        """
        tau = self.tau._quantile(rng.uniform(size=size))
        place = np.clip((self.grid.to_t(tau) - self.grid.t[0]) / self.grid.step, 0.0, self.grid.t.size - 1.0)
        row = np.minimum(np.floor(place + rng.uniform(size=size)).astype(np.intp), self.grid.t.size - 1)
        mesh = int(np.prod(self.axes.shape))
        joint = summed(self.held.row * mesh + self.held.node, self.weight, self.grid.t.size * mesh)
        joint = joint.reshape(self.grid.t.size, *self.axes.shape)
        t = np.empty((size, len(self.axes.t)))
        # the law of a direction given the nodes of those before it; those after it summed
        known: tuple[FloatArray, ...] = (row,)
        for a, (nodes, step) in enumerate(zip(self.axes.t, self.axes.step, strict=True)):
            law = joint.sum(axis=tuple(range(a + 2, joint.ndim)))[known]
            t[:, a] = _drawn(law, nodes, step, rng)
            near = np.clip((t[:, a] - nodes[0]) / step, 0.0, nodes.size - 1.0)
            known = (*known, np.minimum(np.floor(near + rng.uniform(size=size)).astype(np.intp), nodes.size - 1))
        j = np.minimum(place.astype(np.intp), self.grid.t.size - 2)
        share = (place - j)[:, None]
        mean = self.core.mean[j] + share * (self.core.mean[j + 1] - self.core.mean[j])
        root = self.root[j] + share[..., None] * (self.root[j + 1] - self.root[j])
        beta = mean + np.einsum("npq,nq->np", root, BROAD * np.sinh(t))
        if not effects:
            return {"tau": tau, "beta": beta}
        centre = beta @ self.given.X.T
        theta = np.empty((size, len(self.given.rows)))
        for i, study in enumerate(self.given.rows):
            for first in range(0, size, _ROWS_AT_ONCE):
                part = slice(first, first + _ROWS_AT_ONCE)
                theta[part, i] = study.draw(centre[part, i], tau[part], rng)
        return {"tau": tau, "beta": beta, "theta": theta}

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k)."""
        centre = beta @ self.given.X.T
        inner = (
            row.integrate(centre[:, [i]], tau[:, None], 41, moments=False) for i, row in enumerate(self.given.rows)
        )
        return np.column_stack([one.log[:, 0] for one in inner])

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log p(y | null) − log p(y), both integrals of their own."""
        assert self.evidence_of is not None
        return self.evidence_of(name, value) - self.log_marginal


def _continued(weight: FloatArray, t: FloatArray) -> FloatArray:
    """Weights with nodes that hold nothing filled as the normal law falls beyond the outermost that do: no edges."""
    shape = normal_shape(t)
    with np.errstate(divide="ignore"):
        ratio = np.log(weight) - shape
    out = weight.copy()
    for j in np.flatnonzero(weight.any(axis=1)):
        held = np.flatnonzero(weight[j])
        out[j] = np.exp(shape + np.interp(t, t[held], ratio[j][held]))
    return out


def _drawn(law: FloatArray, nodes: FloatArray, step: float, rng: np.random.Generator) -> FloatArray:
    """One draw from each law given at nodes (n, m): polynomials on finer nodes, linear in between."""
    size = _FINE * (nodes.size - 1) + 1
    fine = nodes[0] + step / _FINE * np.arange(size)
    law = np.maximum(law @ lagrange(nodes, fine).T, 0.0)
    nodes, step = fine, step / _FINE
    a, b = law[:, :-1], law[:, 1:]
    below = np.cumsum(0.5 * (a + b), axis=1)
    u = rng.uniform(size=law.shape[0]) * below[:, -1]
    n = np.arange(law.shape[0])
    cell = np.minimum((below < u[:, None]).sum(axis=1), law.shape[1] - 2)
    left = u - np.where(cell > 0, below[n, np.maximum(cell - 1, 0)], 0.0)
    start, rise = law[n, cell], law[n, cell + 1] - law[n, cell]
    # the root of start x + rise x²/2 = left, in the form that stands rise = 0
    x = 2.0 * left / np.maximum(start + np.sqrt(np.maximum(start * start + 2.0 * rise * left, 0.0)), 1e-300)
    return np.asarray(nodes[cell] + np.minimum(x, 1.0) * step)
