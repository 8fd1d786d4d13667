"""Cumulant functions of the count models: A(η) and its first three derivatives.

Every count model of this chapter has the likelihood exp{x η − A(η)} · const with its natural
parameter η: binomial (logit), Poisson (log) and Fisher's non-central hypergeometric (log odds
ratio, Stijnen, Hamza & Özdemir 2010, doi:10.1002/sim.4040). All three are sums of log(1 + e^(η−c))
or limits of such sums, hence \\|A'''\\| ≤ A'': the damping of `self_concordant_step` never overshoots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray

__all__ = ["Binomial", "Cumulant", "Hypergeometric", "Poisson", "hypergeometric", "self_concordant_step"]

Derivatives = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class Cumulant(Protocol):
    """A(η) for every study and row."""

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return A, A', A'', A''' at ``eta``, shape (batch, k, nodes, rows)."""


@dataclass(frozen=True, slots=True)
class Binomial:
    """A(η) = n log(1 + e^η); ``n`` has shape (k, rows)."""

    n: FloatArray

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return A, A', A'', A'''."""
        n = self.n[:, None, :]
        e = np.exp(-np.abs(eta))
        positive = eta >= 0
        p = np.where(positive, 1.0, e) / (1.0 + e)
        a = n * (np.where(positive, eta, 0.0) + np.log1p(e))
        a2 = n * e / (1.0 + e) ** 2
        return a, n * p, a2, a2 * (1.0 - 2.0 * p)


@dataclass(frozen=True, slots=True)
class Poisson:
    """A(η) = e^η; the log of the person-time is part of η."""

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return A, A', A'', A''' (all equal)."""
        a = np.exp(np.minimum(eta, 700.0))
        return a, a, a, a


@dataclass(frozen=True, slots=True)
class Hypergeometric:
    """A(θ) = log Σ_u C(n1,u) C(n2,m−u) e^(uθ), Fisher's non-central hypergeometric law.

    Attributes
    ----------
    support
        Support points u minus ``centre``, (k, s), padded.
    log_weight
        log C(n1,u) + log C(n2,m−u), −inf where padded, (k, s).
    centre
        Where u is centred, (k,): keeps central moments free of cancellation.
    """

    support: FloatArray
    log_weight: FloatArray
    centre: FloatArray

    def derivatives(self, eta: FloatArray) -> Derivatives:
        """Return log normaliser, mean, variance and third central moment."""
        theta = eta[..., 0]
        u, centre = self.support, self.centre[:, None]
        exponent = theta[..., None] * u[:, None, :]
        exponent += self.log_weight[:, None, :]
        top = exponent.max(axis=-1)
        exponent -= top[..., None]
        np.exp(exponent, out=exponent)
        powers = np.stack([np.ones_like(u), u, u * u, u**3], axis=-1)
        moments = np.matmul(exponent, powers)
        s0 = moments[..., 0]
        m1, m2, m3 = (moments[..., j] / s0 for j in (1, 2, 3))
        variance = m2 - m1 * m1
        third = m3 - 3.0 * m1 * m2 + 2.0 * m1**3
        a = top + np.log(s0) + centre * theta
        return a[..., None], (m1 + centre)[..., None], variance[..., None], third[..., None]


def hypergeometric(ai: FloatArray, n1i: FloatArray, ci: FloatArray, n2i: FloatArray) -> Hypergeometric:
    """Return the conditional law of ``ai`` given all margins of each 2×2 table."""
    m = ai + ci
    low, high = np.maximum(0.0, m - n2i), np.minimum(n1i, m)
    size = int((high - low).max()) + 1
    u = low[:, None] + np.arange(size)[None, :]
    inside = u <= high[:, None]
    u = np.where(inside, u, high[:, None])
    choose = _log_choose(n1i[:, None], u) + _log_choose(n2i[:, None], m[:, None] - u)
    choose -= choose.max(axis=-1, keepdims=True)
    return Hypergeometric(u - ai[:, None], np.where(inside, choose, -np.inf), ai)


def _log_choose(n: FloatArray, r: FloatArray) -> FloatArray:
    gammaln = special.gammaln
    return np.asarray(gammaln(n + 1) - gammaln(r + 1) - gammaln(n - r + 1))


def self_concordant_step(eta_step: FloatArray) -> FloatArray:
    """Return the damping log(1+r)/r of a Newton step that moves η by at most r (1 for small r).

    With \\|A'''\\| ≤ A'' a step so damped always ascends (Bach 2010, doi:10.1214/09-EJS521).
    """
    r = np.abs(eta_step)
    return np.where(r > 0.1, np.log1p(r) / np.maximum(r, 1e-300), 1.0)
