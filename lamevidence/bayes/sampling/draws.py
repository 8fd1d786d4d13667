"""Independent draws from a posterior, from its prior, and of data that either predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import ImproperPosterior
from ...foundation.options import a_choice, a_seed, a_whole
from ..counts.families import study_likelihoods

if TYPE_CHECKING:
    from ..posterior_base import PosteriorBase

_MOST = 10**8
"""Draws in all chains together; more would not fit in memory."""

__all__ = ["Draws", "posterior_draws", "predictive", "prior_draws"]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Draws with chains first.

    Attributes
    ----------
    mu, tau, theta_new
        (chains, draws).
    beta
        Coefficients, (chains, draws, p).
    theta
        True effect of each row, (chains, draws, k).
    seed
        What reproduces them; None when none was given.
    """

    mu: FloatArray
    tau: FloatArray
    theta_new: FloatArray
    beta: FloatArray
    theta: FloatArray
    seed: int | None

    def flat(self) -> Mapping[str, FloatArray]:
        """Return the draws with chains joined, draws first."""
        names = ("mu", "tau", "theta_new", "beta", "theta")
        return {name: getattr(self, name).reshape(-1, *getattr(self, name).shape[2:]) for name in names}


def _shaped(raw: Mapping[str, FloatArray], new: FloatArray, draws: int, chains: int, seed: int | None) -> Draws:
    shape = (chains, draws)
    beta, theta = (raw[name].reshape(*shape, -1) for name in ("beta", "theta"))
    return Draws(beta[..., 0], raw["tau"].reshape(shape), new.reshape(shape), beta, theta, seed)


def _count(draws: int, chains: int) -> int:
    return a_whole("draws", draws, 1, _MOST) * a_whole("chains", chains, 1, _MOST // draws)


def posterior_draws(post: PosteriorBase, draws: int, chains: int, seed: int | None) -> Draws:
    """Return independent draws from the posterior."""
    size = _count(draws, chains)
    seed = post.seed if seed is None else a_seed(seed)
    rng = np.random.default_rng(seed)
    raw = post.state.draw(rng, size)
    new = raw["beta"][:, 0] + raw["tau"] * rng.standard_normal(size)
    return _shaped(raw, new, draws, chains, seed)


def prior_draws(post: PosteriorBase, draws: int, chains: int, seed: int | None) -> Draws:
    """Return independent draws from the prior.

    Raises
    ------
    ImproperPosterior
        A prior is improper and cannot be drawn from.
    """
    if not post.proper:
        raise ImproperPosterior("an improper prior cannot be drawn from · give mu=Normal(…) and a proper prior of τ")
    size = _count(draws, chains)
    rng = np.random.default_rng(post.seed if seed is None else a_seed(seed))
    tau = np.asarray(post.prior_tau.quantile(rng.uniform(size=size)))
    beta = np.column_stack([np.asarray(p.quantile(rng.uniform(size=size))) for p in post.prior_mu])
    theta = beta @ post.X.T + tau[:, None] * rng.standard_normal((size, post.k))
    new = beta[:, 0] + tau * rng.standard_normal(size)
    return _shaped({"tau": tau, "beta": beta, "theta": theta}, new, draws, chains, seed)


def predictive(post: PosteriorBase, draws: int, seed: int | None, replicate: str, source: str) -> FloatArray:
    """Return replicated data, (draws, k): estimates, or events for a likelihood of counts.

    Parameters
    ----------
    post
        The result.
    draws, seed
        Number of replicates, and what reproduces them.
    replicate
        ``new`` draws each row a new true effect (same design, another study); ``same`` keeps its own true effect.
    source
        ``posterior`` or ``prior``.
    """
    a_choice("replicate", replicate, ("new", "same"))
    a_choice("source", source, ("posterior", "prior"))
    draw = posterior_draws if source == "posterior" else prior_draws
    flat = draw(post, draws, 1, seed).flat()
    chosen = post.seed if seed is None else seed
    rng = np.random.default_rng(None if chosen is None else [chosen, 1])
    theta = flat["theta"]
    if replicate == "new" and source == "posterior":
        theta = flat["beta"] @ post.X.T + flat["tau"][:, None] * rng.standard_normal(theta.shape)
    rows = study_likelihoods(post.table, post.likelihood)
    return np.column_stack([row.sample(theta[:, i], rng) for i, row in enumerate(rows)])
