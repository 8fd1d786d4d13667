"""Many normal-normal posteriors at once: simulation, calibration and sensitivity surfaces.

One fixed double-exponential rule for all data sets, not refined: h = 0.125 resolves τ to about 1e-8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from .effect_priors import EffectPrior, Flat, Normal
from .existence import existence
from .priors import TauPrior

__all__ = ["BatchPosterior", "pool_bayes_many"]

_STEP = 0.125
_REACH = 4.75
_CHUNK = 1000


@dataclass(frozen=True, slots=True, eq=False)
class BatchPosterior:
    """Posteriors of D data sets: nodes over τ and normal conditionals of μ, all (D, m).

    Attributes
    ----------
    tau, weight
        Nodes and weights of the posterior of τ.
    loc, scale
        Conditional mean and standard deviation of μ.
    log_marginal
        (D,).
    """

    tau: FloatArray
    weight: FloatArray
    loc: FloatArray
    scale: FloatArray
    log_marginal: FloatArray
    t: FloatArray
    centre: FloatArray
    width: FloatArray

    def mu_cdf(self, x: ArrayLike) -> FloatArray:
        """P(μ ≤ x) for one x a data set, (D,)."""
        at = np.asarray(x, dtype=np.float64)[:, None]
        return np.asarray((self.weight * special.ndtr((at - self.loc) / self.scale)).sum(1))

    def new_cdf(self, x: ArrayLike) -> FloatArray:
        """P(θ_new ≤ x) for one x a data set, (D,)."""
        at = np.asarray(x, dtype=np.float64)[:, None]
        return np.asarray((self.weight * special.ndtr((at - self.loc) / np.hypot(self.scale, self.tau))).sum(1))

    def tau_cdf(self, x: ArrayLike) -> FloatArray:
        """P(τ ≤ x) for one x a data set, (D,)."""
        with np.errstate(divide="ignore"):
            place = np.arcsinh((np.log(np.asarray(x, dtype=np.float64)) - self.centre) / self.width)
        si = special.sici(np.pi / _STEP * (place[:, None] - self.t))[0]
        return np.asarray(np.clip(0.5 + (si * self.weight).sum(1) / np.pi, 0.0, 1.0))

    @property
    def mu_mean(self) -> FloatArray:
        """Posterior mean of μ, (D,)."""
        return np.asarray((self.weight * self.loc).sum(1))

    @property
    def mu_sd(self) -> FloatArray:
        """Posterior standard deviation of μ, (D,)."""
        gap = self.loc - self.mu_mean[:, None]
        return np.asarray(np.sqrt((self.weight * (self.scale**2 + gap * gap)).sum(1)))

    @property
    def tau_mean(self) -> FloatArray:
        """Posterior mean of τ, (D,)."""
        return np.asarray((self.weight * self.tau).sum(1))


def pool_bayes_many(yi: ArrayLike, vi: ArrayLike, *, mu: EffectPrior, tau: TauPrior) -> BatchPosterior:
    """Return the normal-normal posteriors of D data sets of k studies each, under one prior.

    Parameters
    ----------
    yi, vi
        Estimates and variances, (D, k).
    mu, tau
        Priors; τ unbounded above and not defined by the standard errors.

    Raises
    ------
    InputError
        Shapes that differ, or numbers that are not estimates with positive variances.
    OptionError
        A prior that the batch does not take.
    ImproperPosterior
        The priors do not make a proper posterior.

    Examples
    --------
    >>> import numpy as np, lamevidence as lam
    >>> many = pool_bayes_many(np.zeros((3, 2)), np.ones((3, 2)), mu=lam.Normal(0, 4), tau=lam.HalfNormal(0.5))
    >>> many.mu_cdf(np.zeros(3)).round(12).tolist()
    [0.5, 0.5, 0.5]
    """
    y, v = np.asarray(yi, dtype=np.float64), np.asarray(vi, dtype=np.float64)
    if y.ndim != 2 or y.shape != v.shape or y.shape[1] == 0:
        raise InputError(f"yi and vi need one shape (D, k) with k ≥ 1, got {y.shape} and {v.shape}")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise InputError("every estimate must be finite with a finite positive variance")
    if not isinstance(mu, Normal | Flat) or np.isfinite(tau.upper) or not tau.needs_unit:
        raise OptionError("a batch takes mu=Normal or Flat and an unbounded prior of τ with its own scale")
    existence(tau, y.shape[1], int(not mu.proper))
    parts = [_chunk(y[i : i + _CHUNK], v[i : i + _CHUNK], mu, tau) for i in range(0, y.shape[0], _CHUNK)]

    def joined(name: str) -> FloatArray:
        return np.concatenate([getattr(part, name) for part in parts])

    return BatchPosterior(
        tau=joined("tau"),
        weight=joined("weight"),
        loc=joined("loc"),
        scale=joined("scale"),
        log_marginal=joined("log_marginal"),
        t=parts[0].t,
        centre=joined("centre"),
        width=joined("width"),
    )


def _given(y: FloatArray, v: FloatArray, mu: EffectPrior, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log g, conditional mean and sd of μ for τ (D, m)."""
    precision, b0 = (1.0 / mu.sd**2, mu.mean) if mu.proper else (0.0, 0.0)
    total = v[:, None, :] + tau[..., None] ** 2
    w = 1.0 / total
    P = w.sum(-1) + precision
    loc = ((w * y[:, None, :]).sum(-1) + precision * b0) / P
    square = (w * (y[:, None, :] - loc[..., None]) ** 2).sum(-1) + precision * (loc - b0) ** 2
    const = (y.shape[1] - (not mu.proper)) * np.log(2 * np.pi) - (np.log(precision) if mu.proper else 0.0)
    return -0.5 * (const + np.log(total).sum(-1) + square + np.log(P)), loc, 1.0 / np.sqrt(P)


def _chunk(y: FloatArray, v: FloatArray, mu: EffectPrior, tau: TauPrior) -> BatchPosterior:
    spread = np.maximum(np.ptp(y, axis=1), np.sqrt(v.min(axis=1)))
    low = np.log(np.minimum(np.sqrt(v.min(axis=1)), tau.typical)) - 3.0
    high = np.log(np.maximum(np.maximum(np.sqrt(v.max(axis=1)), spread), tau.typical)) + 3.0

    def height(u: FloatArray) -> FloatArray:
        at = np.exp(u)
        return _given(y, v, mu, at)[0] + tau.logpdf(at) + u

    u = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 25)
    gap = (high - low) / 24
    every = np.arange(y.shape[0])
    centre = u[every, np.argmax(height(u), axis=1)]
    for _ in range(2):
        u = centre[:, None] + gap[:, None] * np.linspace(-1, 1, 9)
        centre, gap = u[every, np.argmax(height(u), axis=1)], gap / 4
    q = height(centre[:, None] + 0.05 * np.array([-1.0, 0.0, 1.0]))
    bend = -(q[:, 0] - 2 * q[:, 1] + q[:, 2]) / 0.05**2
    width = np.where(bend > 0, np.minimum(1 / np.sqrt(np.maximum(bend, 1e-12)), 1.5), 1.5)
    t: FloatArray = np.asarray(_STEP * np.arange(-int(_REACH / _STEP), int(_REACH / _STEP) + 1))
    at = np.exp(np.clip(centre[:, None] + width[:, None] * np.sinh(t), -300.0, 300.0))
    log_g, loc, scale = _given(y, v, mu, at)
    log = log_g + tau.logpdf(at) + np.log(at) + np.log(width)[:, None] + np.log(np.cosh(t))
    peak = log.max(axis=1, keepdims=True)
    weight = np.exp(log - peak)
    total = weight.sum(axis=1, keepdims=True)
    log_marginal = (peak + np.log(total))[:, 0] + np.log(_STEP)
    return BatchPosterior(at, weight / total, loc, scale, log_marginal, t, centre, width)
