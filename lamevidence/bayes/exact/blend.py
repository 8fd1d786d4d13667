"""Finite mixtures of any distributions: what models that are weighted by their evidence say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.values import Interval
from .distributions import Distribution
from .inversion import invert
from .mixture import NormalMixture

__all__ = ["Blend", "blend"]


@dataclass(frozen=True, slots=True, eq=False)
class Blend(Distribution):
    """Σ wⱼ Pⱼ of distributions with densities.

    Attributes
    ----------
    weight
        Weights that sum to one, (m,).
    parts
        The distributions.
    unit
        Unit of the number.
    """

    weight: FloatArray
    parts: tuple[Distribution, ...]
    unit: str | None = None

    @property
    def support(self) -> Interval:
        """From the lowest to the highest."""
        ends = [part.support for part in self.parts]
        return Interval(min(e.low for e in ends), max(e.high for e in ends))

    @property
    def mean(self) -> float:
        """Σ wⱼ meanⱼ."""
        return float(self.weight @ np.array([part.mean for part in self.parts]))

    @property
    def sd(self) -> float:
        """Root of Σ wⱼ (sdⱼ² + (meanⱼ − mean)²)."""
        mean = np.array([part.mean for part in self.parts])
        sd = np.array([part.sd for part in self.parts])
        if not np.isfinite(mean).all():
            return float("inf")
        return float(np.sqrt(self.weight @ (sd**2 + (mean - self.weight @ mean) ** 2)))

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite or undefined."""
        return next((part.moment_note for part in self.parts if part.moment_note), "")

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(sum(w * part._pdf(x) for w, part in zip(self.weight, self.parts, strict=True)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(sum(w * part._cdf(x) for w, part in zip(self.weight, self.parts, strict=True)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        flat = p.ravel()
        ends = np.stack([part._quantile(flat) for part in self.parts])
        low, high = ends.min(axis=0), ends.max(axis=0)
        start = np.clip(self.weight @ ends, low, high)
        wide = float(np.ptp(self._core()))
        return invert(lambda x: (self._cdf(x), self._pdf(x)), flat, low, high, start, wide).reshape(p.shape)

    def _core(self) -> FloatArray:
        return np.array([part._quantile(np.array([0.16, 0.84])) for part in self.parts])


def blend(log_weight: FloatArray, parts: Sequence[Distribution], unit: str | None) -> Distribution:
    """Return the distributions weighted by exp(log_weight), those of weight 0 left out; one alone is itself."""
    weight = np.exp(log_weight - special.logsumexp(log_weight))
    keep = np.flatnonzero(weight > 1e-16)
    if keep.size == 1:
        return parts[int(keep[0])]
    share = weight[keep] / weight[keep].sum()
    held = tuple(parts[int(j)] for j in keep)
    normal = [part for part in held if isinstance(part, NormalMixture)]
    if len(normal) < len(held):
        return Blend(share, held, unit)
    # a mixture of normal mixtures is one: what is asked of it is answered as of any other
    return NormalMixture(
        np.concatenate([w * part.weight for w, part in zip(share, normal, strict=True)]),
        np.concatenate([part.loc for part in normal]),
        np.concatenate([part.scale for part in normal]),
        all(part.finite_mean for part in normal),
        all(part.finite_sd for part in normal),
        next((part.note for part in normal if part.note), ""),
        unit,
    )
