"""Finite mixtures of normal distributions: what the exact posterior of every effect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from .distributions import Distribution

__all__ = ["NormalMixture", "invert"]

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_NEGLIGIBLE = 1e-18
"""Components whose weight cannot move a probability are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture(Distribution):
    """Normal mixture with weights that sum to one.

    Attributes
    ----------
    weight, loc, scale
        Weights, means and standard deviations of the components, (m,).
    finite_mean, finite_sd
        False where the mixture stands for an integral whose moment does not exist.
    note
        Why, in words.
    unit
        Unit of the number.

    Examples
    --------
    >>> import numpy as np
    >>> d = NormalMixture(np.array([1.0]), np.array([2.0]), np.array([3.0]))
    >>> round(d.quantile(0.975), 4)
    7.8799
    """

    weight: FloatArray
    loc: FloatArray
    scale: FloatArray
    finite_mean: bool = True
    finite_sd: bool = True
    note: str = ""
    unit: str | None = None

    def __post_init__(self) -> None:
        keep = self.weight > _NEGLIGIBLE
        for name in ("weight", "loc", "scale"):
            column = np.array(getattr(self, name), dtype=np.float64)[keep]
            if name == "weight":
                column /= column.sum()
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    @property
    def mean(self) -> float:
        """Σ wⱼ mⱼ; ``nan`` when the integral it stands for diverges."""
        return self._mean() if self.finite_mean else float("nan")

    def _mean(self) -> float:
        centre = float(self.loc[0])
        return centre + float(self.weight @ (self.loc - centre))

    @property
    def sd(self) -> float:
        """Root of Σ wⱼ (sⱼ² + (mⱼ − mean)²); ``inf`` when the integral diverges."""
        if not self.finite_sd:
            return float("inf")
        gap = self.loc - self._mean()
        return float(np.sqrt(self.weight @ (self.scale**2 + gap * gap)))

    @property
    def moment_note(self) -> str:
        """Why a moment is infinite or undefined."""
        return self.note

    def _pdf(self, x: FloatArray) -> FloatArray:
        z = (x[..., None] - self.loc) / self.scale
        return np.asarray(np.exp(-0.5 * z * z) @ (self.weight / (self.scale * _ROOT_2PI)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr((x[..., None] - self.loc) / self.scale) @ self.weight)

    def sf(self, x: float) -> float:
        """Return the probability above ``x``, accurate far in the tail."""
        return float(special.ndtr((self.loc - x) / self.scale) @ self.weight)

    def _quantile(self, p: FloatArray) -> FloatArray:
        ends = self.loc[:, None] + self.scale[:, None] * special.ndtri(p)
        order = self.weight > 1e-3 / self.weight.size
        total = self.weight[order].sum()
        core = self.weight[order] @ ends[order] / total
        spread = float(self.weight[order] @ self.scale[order] / total)
        return invert(self._cdf, self._pdf, p, ends.min(axis=0), ends.max(axis=0), core, spread)

    def shifted(self, shift: float, factor: float = 1.0, unit: str | None = None) -> NormalMixture:
        """Return the distribution of ``factor · x + shift``."""
        return NormalMixture(
            self.weight,
            factor * self.loc + shift,
            abs(factor) * self.scale,
            self.finite_mean,
            self.finite_sd,
            self.note,
            unit or self.unit,
        )

    def widened(self, variance: float) -> NormalMixture:
        """Return the distribution of x plus independent normal noise of this variance."""
        return NormalMixture(
            self.weight,
            self.loc,
            np.sqrt(self.scale**2 + variance),
            self.finite_mean,
            self.finite_sd,
            self.note,
            self.unit,
        )

    def draw(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Return independent draws."""
        which = rng.choice(self.weight.size, size=size, p=self.weight)
        return np.asarray(self.loc[which] + self.scale[which] * rng.standard_normal(size))


def invert(
    cdf: Callable[[FloatArray], FloatArray],
    pdf: Callable[[FloatArray], FloatArray],
    p: FloatArray,
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
    spread: float,
) -> FloatArray:
    """Return x with cdf(x) = p for each p, by Newton steps kept inside a shrinking bracket.

    A step that leaves the bracket is replaced by its middle on an asinh scale around ``start``, so that a bracket
    over hundreds of decades (heavy tails) closes in a few dozen steps.
    """
    low, high = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    x = np.clip(np.array(start, dtype=np.float64), low, high)
    centre = x.copy()
    todo = np.arange(p.size)
    for _ in range(200):
        at, want = x[todo], p[todo]
        value = cdf(at) - want
        high[todo] = np.where(value > 0.0, at, high[todo])
        low[todo] = np.where(value > 0.0, low[todo], at)
        a, b = low[todo], high[todo]
        with np.errstate(divide="ignore", invalid="ignore"):
            trial = at - value / pdf(at)
        outside = ~((trial > a) & (trial < b))
        c = centre[todo]
        middle = c + spread * np.sinh(0.5 * (np.arcsinh((a - c) / spread) + np.arcsinh((b - c) / spread)))
        trial = np.where(outside, middle, trial)
        near = 2e-14 * np.maximum(np.abs(trial), spread)
        done = (value == 0.0) | (np.abs(trial - at) <= near) | (b - a <= near)
        x[todo] = np.where(value == 0.0, at, trial)
        todo = todo[~done]
        if todo.size == 0:
            break
    return x
