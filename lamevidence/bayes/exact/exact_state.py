"""The exact normal-normal posterior as an engine behind a `Posterior`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ..priors.effect_priors import EffectPrior
from .average_posterior import average_of_nodes
from .distributions import Distribution
from .normal_normal import ExactNormal, fit_normal
from .tau_posterior import TauPosterior

__all__ = ["ExactState"]

_Z, _SHARE = np.polynomial.hermite_e.hermegauss(64)
_SHARE = _SHARE / _SHARE.sum()
"""Nodes and shares of a standard normal law."""


@dataclass(frozen=True, slots=True, eq=False)
class ExactState:
    """Closed answers from the nodes over τ."""

    fit: ExactNormal
    priors: tuple[EffectPrior, ...]
    unit: str | None

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood."""
        return self.fit.log_marginal

    @property
    def tau(self) -> TauPosterior:
        """Posterior of τ."""
        fit = self.fit

        def log_density(tau: FloatArray) -> FloatArray:
            return np.asarray(fit.model.log_likelihood(tau) + fit.prior.logpdf(tau) - fit.log_marginal)

        return TauPosterior(fit.grid, log_density, fit.exists, self.unit)

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> Distribution:
        """Posterior of x'β, of a new study there, plus normal noise of variance ``extra``."""
        return self.fit.contrast(x, self.unit, new=new, extra=extra)

    def theta(self, i: int) -> Distribution:
        """Posterior of the true effect of row ``i``."""
        return self.fit.shrinkage(i, self.unit)

    def average(self, link: str) -> Distribution:
        """Posterior of the average over studies, of one mean on this link scale."""
        grid = self.fit.grid
        loc = (self.fit.b[:, 0] + float(self.fit.model.shift[0]))[:, None]
        scale = np.sqrt(self.fit.V[:, 0, 0])[:, None]
        share = (grid.weight / grid.weight.sum())[:, None]

        def rows(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
            z = (mu - loc) / scale
            with np.errstate(under="ignore", over="ignore"):
                return share * special.ndtr(z), share * np.exp(-0.5 * z * z) / (scale * np.sqrt(2 * np.pi))

        return average_of_nodes(link, grid.tau, loc + scale * _Z, share * _SHARE, rows, self.unit)

    def mean_weights(self) -> FloatArray:
        """Posterior mean weights of the rows and of the prior in μ, (k + 1,)."""
        return self.fit.mean_weights()

    def covariance(self) -> FloatArray:
        """Posterior covariance of the coefficients, (p, p); infinite where their variances are."""
        return self.fit.covariance()

    def draw(self, rng: np.random.Generator, size: int, *, effects: bool = True) -> Mapping[str, FloatArray]:
        """Independent joint draws: τ by its inverse distribution function, β and θ from their conditionals."""
        tau = self.tau._quantile(rng.uniform(size=size))
        _, b, V = self.fit.model.given(tau)
        p = b.shape[1]
        root = np.sqrt(V) if p == 1 else np.linalg.cholesky(V)
        beta = b + np.einsum("npq,nq->np", root, rng.standard_normal((size, p)))
        model = self.fit.model
        if not effects:
            return {"tau": tau, "beta": beta + model.shift}
        pull = model.v / (model.v + tau[:, None] ** 2)
        centre = model.X @ model.shift
        loc = (1 - pull) * model.y + pull * (beta @ model.X.T) + centre
        theta = loc + np.sqrt((1 - pull) * model.v) * rng.standard_normal(loc.shape)
        return {"tau": tau, "beta": beta + model.shift, "theta": theta}

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log N(yᵢ | xᵢ'β, vᵢ + τ²), (n, k)."""
        model = self.fit.model
        total = model.v + tau[:, None] ** 2
        gap = model.y - (beta - model.shift) @ model.X.T
        return np.asarray(-0.5 * (np.log(2 * np.pi * total) + gap * gap / total))

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log p(y | null) − log p(y)."""
        if name == "tau":
            if value != 0.0:
                raise OptionError("the point null of τ is 0 · write bayes_factor(tau=0)")
            return float(self.fit.model.log_likelihood(np.zeros(1))[0]) - self.log_marginal
        return self._fixed_first(value) - self.log_marginal

    def _fixed_first(self, value: float) -> float:
        """Log marginal likelihood with the first coefficient fixed at ``value``."""
        model = self.fit.model
        y = model.y + model.X @ model.shift - value * model.X[:, 0]
        null = fit_normal(y, model.v, model.X[:, 1:], self.priors[1:], self.fit.prior)
        return null.log_marginal

    def pit(self, i: int, y: float, v: float, x: FloatArray) -> float:
        """Probability of an estimate below ``y`` in a new study with variance ``v`` at ``x``."""
        mixture = self.fit.contrast(x, None, new=True, extra=v)
        return float(special.xlogy(0.0, 1.0) + mixture.cdf(y))
