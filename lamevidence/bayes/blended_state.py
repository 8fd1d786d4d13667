"""The exact posterior under mixture priors of the coefficients: one engine a component, weighted by its evidence.

With p(β) = Σ wⱼ pⱼ(β) the posterior is Σ wⱼ mⱼ pⱼ(β | y) / Σ wⱼ mⱼ, mⱼ the marginal likelihood under component j.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from .exact.blend import blend
from .exact.distributions import Distribution
from .priors.effect_priors import EffectPrior, Normal
from .priors.mixture_priors import MixtureOfNormals

if TYPE_CHECKING:
    from .fit_state import ExactEngine

__all__ = ["BlendedState", "blended_state", "has_mixture"]

_MOST = 256
"""Components of all coefficients together."""


@dataclass(frozen=True, slots=True, eq=False)
class BlendedState:
    """Engines of the components with their prior weights.

    Attributes
    ----------
    log_prior
        Log prior weights, (m,).
    parts
        The posterior under each component.
    unit
        Unit of the estimates.
    """

    log_prior: FloatArray
    parts: tuple[ExactEngine, ...]
    unit: str | None

    @property
    def _log_joint(self) -> FloatArray:
        return np.asarray(self.log_prior + np.array([part.log_marginal for part in self.parts]))

    @property
    def share(self) -> FloatArray:
        """Posterior weights of the components, (m,)."""
        log = self._log_joint
        return np.asarray(np.exp(log - special.logsumexp(log)))

    @property
    def log_marginal(self) -> float:
        """Log Σ wⱼ mⱼ."""
        return float(special.logsumexp(self._log_joint))

    def _blend(self, law: Callable[[ExactEngine], Distribution]) -> Distribution:
        return blend(self._log_joint, [law(part) for part in self.parts], self.unit)

    @property
    def tau(self) -> Distribution:
        """Posterior of τ."""
        return self._blend(lambda part: part.tau)

    def theta(self, i: int) -> Distribution:
        """Posterior of the true effect of row ``i``."""
        return self._blend(lambda part: part.theta(i))

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> Distribution:
        """Posterior of x'β, of a new study there, plus normal noise of variance ``extra``."""
        return self._blend(lambda part: part.at(x, new=new, extra=extra))

    def average(self, link: str) -> Distribution:
        """Posterior of the average over studies on this link scale."""
        return self._blend(lambda part: part.average(link))

    def covariance(self) -> FloatArray:
        """Covariance of the coefficients, (p, p): within components and between them."""
        inner = [part.covariance() for part in self.parts]
        rows = np.eye(inner[0].shape[0])
        mean = np.array([[part.at(row).mean for row in rows] for part in self.parts])
        gap = mean - self.share @ mean
        return np.asarray(np.einsum("j,jpq->pq", self.share, np.array(inner)) + (self.share[:, None] * gap).T @ gap)

    def mean_weights(self) -> FloatArray | None:
        """Mean weights of the rows, then of the prior; None where there are none."""
        found = [part.mean_weights() for part in self.parts]
        known = [weights for weights in found if weights is not None]
        return np.asarray(self.share @ np.array(known)) if len(known) == len(found) else None

    def draw(self, rng: np.random.Generator, size: int, *, effects: bool = True) -> Mapping[str, FloatArray]:
        """Joint draws: of a component by its weight, then from its posterior."""
        which = rng.choice(len(self.parts), size=size, p=self.share)
        out: dict[str, FloatArray] = {}
        for j in np.unique(which):
            at = np.flatnonzero(which == j)
            for name, drawn in self.parts[j].draw(rng, at.size, effects=effects).items():
                out.setdefault(name, np.empty((size, *drawn.shape[1:])))[at] = drawn
        return out

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k): no prior enters."""
        return self.parts[0].log_likelihood(tau, beta)

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log p(y | null) − log p(y), p(y | null) being Σ wⱼ p(y | null, component j)."""
        null = [part.log_bayes_factor(name, value) + part.log_marginal for part in self.parts]
        return float(special.logsumexp(self.log_prior + np.array(null))) - self.log_marginal


def has_mixture(priors: tuple[EffectPrior, ...]) -> bool:
    """Return whether a coefficient has a mixture prior."""
    return any(isinstance(prior, MixtureOfNormals) for prior in priors)


def blended_state(
    priors: tuple[EffectPrior, ...], unit: str | None, make: Callable[[tuple[EffectPrior, ...]], ExactEngine]
) -> BlendedState:
    """Return the posterior under mixture priors; ``make`` gives that under priors of one component each.

    Raises
    ------
    OptionError
        More than 256 components of all coefficients together.
    """
    choices: list[list[tuple[float, EffectPrior]]] = []
    for prior in priors:
        if isinstance(prior, MixtureOfNormals):
            parts = zip(prior.weight, prior.loc, prior.scale, strict=True)
            choices.append([(w, Normal(m, s, unit=prior.unit)) for w, m, s in parts])
        else:
            choices.append([(1.0, prior)])
    if np.prod([len(choice) for choice in choices]) > _MOST:
        raise OptionError(
            f"the priors of the coefficients have more than {_MOST} components together"
            " · approximate them by lam.synthesis.map_prior(post, components=4)"
        )
    log_prior, states = [], []
    for chosen in product(*choices):
        log_prior.append(float(np.log([w for w, _ in chosen]).sum()))
        states.append(make(tuple(prior for _, prior in chosen)))
    return BlendedState(np.array(log_prior), tuple(states), unit)
