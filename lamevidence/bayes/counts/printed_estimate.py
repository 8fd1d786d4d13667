"""Likelihood of a true effect when estimate and standard error are known only as they are printed: a finite mixture.

With weights wⱼ of estimates yⱼ and variances vⱼ, l(θ) = Σ wⱼ N(yⱼ | θ, vⱼ), or t laws in place of the normal ones,
which are mixtures over scales themselves; the integral over θ ~ N(μ, τ²) is closed for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.printed_law import PrintedLaw
from .study_likelihood import Inner, StudyLikelihood
from .t_scales import t_scales

__all__ = ["PrintedEstimate"]

_AT_ONCE = 100_000
"""Values in memory."""
_LEAST = 1e-280
"""Sums below are worked out again as logarithms."""
_NOTHING = 1e-17
_DRAWN = 41

_Parts = tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class PrintedEstimate(StudyLikelihood):
    """Estimate with the weights of what it may be; ``df`` degrees of freedom of its standard error (inf: known)."""

    law: PrintedLaw
    df: float

    below = above = True

    @cached_property
    def approx(self) -> tuple[float, float]:  # type: ignore[override]
        """Mean of the estimates, and harmonic mean of the variances: near to the narrowest, as nodes must be."""
        wide = self.df / (self.df - 2) if 4 < self.df < np.inf else 1.0
        law = self.law
        return float(law.weight @ law.yi / law.weight.sum()), wide * float(
            law.weight.sum() / (law.weight / law.vi).sum()
        )

    @property
    def narrowest(self) -> float:
        """The smallest standard error."""
        return float(np.sqrt(self.law.vi.min()))

    def of_reading(self, position: int) -> PrintedEstimate:
        """Return the part of the mixture that belongs to one reading, with its weights as they are."""
        law, kept = self.law, self.law.reading == position
        part = PrintedLaw(law.yi[kept], law.vi[kept], law.weight[kept], law.reading[kept], law.readings)
        return PrintedEstimate(part, self.df)

    def _parts(self, nodes: int, mu: FloatArray) -> _Parts:
        """Estimates, variances and weights of normal laws, and which of them every second scale keeps."""
        law = self.law
        if np.isinf(self.df):
            return law.yi, law.vi, law.weight, np.ones(law.yi.size, dtype=np.bool_)
        far2 = max(float(np.max((y - mu) ** 2)) / v for y, v in zip(law.yi, law.vi, strict=True))
        share, scale = t_scales(self.df, nodes, far2)
        second = np.arange(share.size) % 2 == 0
        y, v, w = np.repeat(law.yi, share.size), np.outer(law.vi, scale).ravel(), np.outer(law.weight, share).ravel()
        kept = (w > 0.0) & np.repeat(law.weight > _NOTHING, share.size)
        return y[kept], v[kept], w[kept], np.tile(second, law.yi.size)[kept]

    def value(self, theta: FloatArray) -> FloatArray:
        """Log density of the estimate."""
        law = self.law
        gap2 = (law.yi - theta[..., None]) ** 2 / law.vi
        if np.isinf(self.df):
            log = -0.5 * (gap2 + np.log(2 * np.pi * law.vi))
        else:
            half = 0.5 * self.df
            const = special.gammaln(half + 0.5) - special.gammaln(half) - 0.5 * np.log(self.df * np.pi * law.vi)
            log = const - (half + 0.5) * np.log1p(gap2 / self.df)
        return np.asarray(special.logsumexp(log + np.log(law.weight), axis=-1))

    def integrate(self, mu: FloatArray, tau: FloatArray, nodes: int, *, moments: bool = True) -> Inner:
        """Σ of wⱼ N(yⱼ | μ, vⱼ + τ²)."""
        shape = np.broadcast_shapes(mu.shape, tau.shape)
        m, t2 = np.broadcast_to(mu, shape), np.broadcast_to(tau * tau, shape)
        # where all of a row of nodes has one τ, what depends on it alone is worked out once
        of_tau = tau * tau if tau.ndim == len(shape) else t2
        y, v, w, second = self._parts(nodes, mu)
        sums = np.zeros((4 if moments else 2, *shape))
        lead = (-1,) + (1,) * len(shape)
        size = max(1, _AT_ONCE // max(m.size, 1))
        for first in range(0, y.size, size):
            some = slice(first, first + size)
            own, every = v[some].reshape(lead), second[some]
            total = of_tau + own
            gap = y[some].reshape(lead) - m
            part = np.asarray(gap * gap)
            part *= -0.5 / total
            with np.errstate(under="ignore"):
                np.exp(part, out=part)
            part *= w[some].reshape(lead) / np.sqrt(2 * np.pi * total)
            sums[0] += part.sum(axis=0)
            sums[1] += part[every].sum(axis=0)
            if moments:
                # given its component θ has mean μ + pull (y − μ) and variance v pull
                pull = of_tau / total
                gap *= pull
                sums[2] += (part * gap).sum(axis=0)
                gap *= gap
                gap += pull * own
                sums[3] += (part * gap).sum(axis=0)
        return self._read(m, t2, sums, (y, v, w, second))

    def _read(self, mu: FloatArray, tau2: FloatArray, sums: FloatArray, parts: _Parts) -> Inner:
        """Logarithms and moments from the sums; where these underflow, from logarithms."""
        here = np.maximum(sums[0], _LEAST)
        log = np.log(here)
        half = log if np.isinf(self.df) else log + np.log(np.maximum(2.0 * sums[1] / here, 1e-30))
        mean = var = log
        if sums.shape[0] == 4:
            first = sums[2] / here
            mean, var = mu + first, np.maximum(sums[3] / here - first * first, 0.0)
        low = sums[0] <= _LEAST
        if low.any():
            y, v, w, _ = parts
            total = v + tau2[low][:, None]
            gap = y - mu[low][:, None]
            far = np.log(w) - 0.5 * (np.log(2 * np.pi * total) + gap * gap / total)
            log[low] = special.logsumexp(far, axis=1)
            half = np.where(low, log, half)
            if sums.shape[0] == 4:
                share = np.exp(far - log[low][:, None])
                pull = tau2[low][:, None] / total
                first = (share * pull * gap).sum(axis=1)
                mean[low] = mu[low] + first
                var[low] = np.maximum((share * (pull * v + (pull * gap - first[:, None]) ** 2)).sum(axis=1), 0.0)
        return Inner(log, mean, var, half)

    def draw(self, mu: FloatArray, tau: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One draw of θ: of the component by its share, then of the normal law given it."""
        y, v, w, _ = self._parts(_DRAWN, mu)
        out = np.empty(mu.size)
        size = max(1, 10 * _AT_ONCE // y.size)
        for first in range(0, mu.size, size):
            some = slice(first, first + size)
            m, t2 = mu[some], tau[some] ** 2
            total = v + t2[:, None]
            log = np.log(w) - 0.5 * (np.log(total) + (y - m[:, None]) ** 2 / total)
            below = np.cumsum(np.exp(log - log.max(axis=1, keepdims=True)), axis=1)
            which = (below < rng.uniform(size=(m.size, 1)) * below[:, -1:]).sum(axis=1)
            pull = t2 / (v[which] + t2)
            out[some] = m + pull * (y[which] - m) + np.sqrt(v[which] * pull) * rng.standard_normal(m.size)
        return out

    def sample(self, theta: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Estimate with one of the standard errors, as likely as they are before the data."""
        law = self.law
        which = rng.choice(law.vi.size, size=theta.size, p=law.weight / law.weight.sum())
        noise = rng.standard_normal(theta.size) if np.isinf(self.df) else rng.standard_t(self.df, theta.size)
        return np.asarray(theta + np.sqrt(law.vi[which]) * noise)

    def cumulative(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probability of an estimate below the one observed, over the components, twice."""
        law = self.law
        z = (law.yi - theta[..., None]) / np.sqrt(law.vi)
        below = np.asarray((special.ndtr(z) if np.isinf(self.df) else special.stdtr(self.df, z)) @ law.weight)
        return below, below
