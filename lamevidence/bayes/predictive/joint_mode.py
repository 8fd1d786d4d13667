"""The highest points of the likelihood and of the posterior of (τ, μ)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import OptionError
from ..exact.normal_normal import normal_model
from ..priors.effect_priors import Flat, Normal

if TYPE_CHECKING:
    from ..posterior_base import PosteriorBase

__all__ = ["joint_mode", "marginal_maxima"]


def joint_mode(post: PosteriorBase, prior: bool) -> tuple[float, float]:
    """Return (τ, μ) at the maximum of the likelihood, times the priors when ``prior``."""
    if post.likelihood != "normal" or post.X.shape[1] != 1 or post.table.printed:
        raise OptionError(
            "the joint mode exists for the normal likelihood without moderators and print uncertainty"
            " · read post.tau.mode and post.mu.mode"
        )
    y, v, mu = post.table.yi, post.table.vi, post.prior_mu[0]
    if prior and not isinstance(mu, Normal | Flat):
        raise OptionError(
            f"the joint mode is worked out for a Normal or Flat prior of μ, not {mu!r}"
            " · read post.tau.mode and post.mu.mode"
        )
    scale = float(np.sqrt(v.min()))
    informed = prior and mu.proper
    weight0, b0 = (1.0 / mu.sd**2, mu.mean) if informed else (0.0, 0.0)

    def profile(tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        total = v + tau[:, None] ** 2
        w = 1.0 / total
        best = (w @ y + weight0 * b0) / (w.sum(1) + weight0)
        height = -0.5 * (np.log(total) + w * (y - best[:, None]) ** 2).sum(1) - 0.5 * weight0 * (best - b0) ** 2
        return height + (post.prior_tau.logpdf(tau) if prior else 0.0), best

    top = max(float(np.ptp(y)), scale) * 4.0
    tau = _highest(lambda t: profile(t)[0], np.concatenate([[0.0], np.geomspace(scale * 1e-4, top, 200)]))
    return tau, float(profile(np.array([tau]))[1][0])


def marginal_maxima(post: PosteriorBase) -> tuple[float, float]:
    """Return the maximum of the likelihood of τ with μ integrated over its prior, and of μ with τ over its prior."""
    if post.likelihood != "normal" or post.X.shape[1] != 1 or post.table.printed:
        raise OptionError(
            "marginal likelihood maxima exist for the normal likelihood without moderators and print uncertainty"
            " · use likelihood='normal'"
        )
    y, v = post.table.yi, post.table.vi
    scale = float(np.sqrt(v.min()))
    top = max(float(np.ptp(y)), scale)
    if not isinstance(post.prior_mu[0], Normal | Flat):
        raise OptionError(
            "the marginal likelihood maximum of τ is worked out for a Normal or Flat prior of μ,"
            f" not {post.prior_mu[0]!r} · read post.tau.mode and post.mu.mode"
        )
    model = normal_model(y, v, post.X, post.prior_mu)
    tau = _highest(model.log_likelihood, np.concatenate([[0.0], np.geomspace(scale * 1e-4, 4 * top, 200)]))
    nodes = np.geomspace(scale * 1e-8, top * 1e8, 1500)
    total = v + nodes[:, None] ** 2
    const = post.prior_tau.logpdf(nodes) + np.log(nodes) - 0.5 * np.log(total).sum(1)
    alive = np.isfinite(const)
    const, total = const[alive], total[alive]

    def height(mu: FloatArray) -> FloatArray:
        gap2 = (y - mu[:, None]) ** 2
        return np.asarray(special.logsumexp(const - 0.5 * gap2 @ (1.0 / total).T, axis=1))

    return tau, _highest(height, np.linspace(y.min(), y.max(), 101))


def _highest(height: Callable[[FloatArray], FloatArray], grid: FloatArray) -> float:
    """Maximum by a scan and zooms around its best point."""
    span = float(np.ptp(grid))
    for _ in range(14):
        values = height(grid)
        i = int(np.argmax(values))
        low, high = grid[max(i - 1, 0)], grid[min(i + 1, grid.size - 1)]
        if not np.isfinite(values[i]) or high - low <= 1e-13 * span:
            break
        grid = np.linspace(low, high, 21)
    return float(grid[i])
