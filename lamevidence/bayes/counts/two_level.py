"""The exact posterior for any likelihood of one effect: weights of nodes over τ and μ, and the laws read off them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ..exact.average_posterior import average_of_nodes
from ..exact.distributions import Distribution
from ..exact.existence import Existence
from ..exact.mu_posterior import MuPosterior
from ..exact.node_maps import NodeMap
from ..exact.quadrature import TauGrid
from ..exact.tau_posterior import TauPosterior
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior
from .families import StudyLikelihood
from .point_nulls import log_evidence_at, log_evidence_without_spread
from .study_posterior import study_effect
from .tails import EffectMoments

__all__ = ["TwoLevelState", "tau_law"]

_FLAT_BELOW = 1e-5
_ROWS_AT_ONCE = 4000


@dataclass(frozen=True, slots=True, eq=False)
class TwoLevelState:
    """Nodes over (τ, μ), ``mu_nodes`` (J, M), with their weights; laws made from them are kept.

    ``inner`` are, of each row at each node, the log likelihood with its effect integrated out, and mean and variance of
    that effect, (3, k, J, M); empty where they are worked out row by row.
    """

    rows: tuple[StudyLikelihood, ...]
    prior_mu: EffectPrior
    prior_tau: TauPrior
    grid: TauGrid
    t: FloatArray
    step: float
    map: NodeMap
    mu_nodes: FloatArray
    weight: FloatArray
    inner: FloatArray
    log_total: float
    error: float
    exists: Existence
    moments: EffectMoments
    theta_nodes: tuple[int, ...]
    unit: str | None
    likelihood: str
    laws: dict[tuple[bool, float], MuPosterior] = field(default_factory=dict)
    effects: dict[int, Distribution] = field(default_factory=dict)

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood."""
        return self.log_total

    @property
    def tau(self) -> Distribution:
        """Posterior of τ."""
        return tau_law(self.grid, self.prior_tau, self.exists, self.unit)

    @property
    def _mu(self) -> MuPosterior:
        return self.at(np.ones(1))

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> MuPosterior:
        """Posterior of μ, of a new study's effect, plus normal noise of variance ``extra``; made once."""
        if (new, extra) not in self.laws:
            self.laws[new, extra] = self._law(new, extra)
        return self.laws[new, extra]

    def _law(self, new: bool, extra: float) -> MuPosterior:
        nodes = self.mu_nodes
        mean = float((self.weight * nodes).sum())
        var = float((self.weight * (nodes - mean) ** 2).sum())
        noise = np.sqrt((self.grid.tau**2 if new else 0.0) + np.full(self.grid.tau.size, extra))
        var += float(self.grid.weight @ noise**2)
        heavy = not (self.exists.tau_moments == 2 or (self.exists.flat == 0 and not new))
        most = self.moments.highest
        known = (mean if most >= 1 else float("nan"), float(np.sqrt(var)) if most == 2 and not heavy else float("inf"))
        note = self.moments.note or (self.exists.note if heavy else "")
        return MuPosterior(self.weight, self.t, self.step, self.map, nodes, known, noise, note, self.unit)

    def average(self, link: str) -> Distribution:
        """Posterior of the average over studies, on this link scale."""
        return average_of_nodes(link, self.grid.tau, self.mu_nodes, self.weight, self._mu.rows_law, self.unit)

    def covariance(self) -> FloatArray:
        """Posterior variance of μ, (1, 1)."""
        return np.array([[self._mu.sd**2]])

    def mean_weights(self) -> None:
        """A likelihood of counts gives no weights: None."""
        return None

    def theta(self, i: int) -> Distribution:
        """Posterior of θᵢ: its likelihood times its density given all other rows; mean and sd from its conditionals."""
        if i not in self.effects:
            self.effects[i] = study_effect(i, self)
        return self.effects[i]

    def draw(self, rng: np.random.Generator, size: int, *, effects: bool = True) -> Mapping[str, FloatArray]:
        """Draws of τ and μ by inverse distribution functions, and of each θ from its law given both."""
        tau = self.tau._quantile(rng.uniform(size=size))
        # given τ, the place of μ on its map hardly depends on τ: taken from one of the two nodes around it
        place = np.clip((self.grid.to_t(tau) - self.grid.t[0]) / self.grid.step, 0.0, self.grid.t.size - 1.0)
        nodes = np.arange(self.grid.t.size)
        row = np.minimum(np.floor(place + rng.uniform(size=size)).astype(np.intp), nodes[-1])
        at = self._mu.draw_rows(rng, row)
        if self.map.single:
            width = np.exp(np.interp(place, nodes, np.log(self.map.width[:, 0])))
            mu = np.interp(place, nodes, self.map.centre[:, 0]) + width * np.sinh(at)
        else:
            mu = np.empty(size)
            for j in np.unique(row):
                mu[row == j] = self.map[np.array([j])].nodes(at[row == j])[0]
        if not effects:
            return {"tau": tau, "beta": mu[:, None]}
        theta = np.empty((size, len(self.rows)))
        for i, study in enumerate(self.rows):
            for first in range(0, size, _ROWS_AT_ONCE):
                part = slice(first, first + _ROWS_AT_ONCE)
                theta[part, i] = study.draw(mu[part], tau[part], rng)
        return {"tau": tau, "beta": mu[:, None], "theta": theta}

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k)."""
        inner = (row.integrate(beta[:, :1], tau[:, None], 41, moments=False) for row in self.rows)
        return np.column_stack([one.log[:, 0] for one in inner])

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log p(y | null) − log p(y), both integrals of their own: nothing underflows."""
        if name == "mu":
            return log_evidence_at(np.full(len(self.rows), value), self.rows, self.prior_tau) - self.log_marginal
        if value != 0.0:
            raise OptionError("the point null of τ is 0 · write bayes_factor(tau=0)")
        return log_evidence_without_spread(self.rows, self.prior_mu) - self.log_marginal


def tau_law(grid: TauGrid, prior: TauPrior, exists: Existence, unit: str | None) -> TauPosterior:
    """Return the posterior of τ from its nodes: a sinc series, below them the prior's shape."""
    sinc = grid.pdf_t
    # below this node hardly any mass is left and the sinc series is noise; there the likelihood is flat in τ, so
    # the density follows the prior
    least = float(grid.tau[np.flatnonzero(grid.weight > _FLAT_BELOW * grid.weight.max())[0]])

    def on_nodes(tau: FloatArray) -> FloatArray:
        place = grid.to_t(tau)
        x = np.sinh(place)
        slope = grid.width * np.cosh(place)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = (
                np.log(np.maximum(sinc(place), 0.0))
                - np.log(slope)
                - grid.variable.log_slope(grid.centre + grid.width * x)
            )
        return np.asarray(value)

    def log_density(tau: FloatArray) -> FloatArray:
        value = on_nodes(np.maximum(tau, least))
        small = tau < least
        if small.any():
            before = np.asarray(prior.logpdf(np.append(tau[small], least)))
            value[small] += before[:-1] - before[-1]
        return value

    return TauPosterior(grid, log_density, exists, unit)
