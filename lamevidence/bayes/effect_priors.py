"""Priors of the mean effect μ and of regression coefficients."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..options import a_unit
from .distributions import Distribution, Improper
from .priors import converted, in_words, log_t, position, positive, shape

__all__ = ["EffectPrior", "Flat", "Normal", "StudentT"]


@dataclass(frozen=True, slots=True)
class EffectPrior(Distribution):
    """Prior of a mean effect: `Normal`, `StudentT` or `Flat`."""

    proper: ClassVar[bool] = True
    needs_unit: ClassVar[bool] = True

    def convert(self: Any, unit: str | None) -> Any:
        """Return the same prior in another unit, or raise when there is none to convert."""
        return converted(self, unit)

    @abstractmethod
    def logpdf(self, x: FloatArray) -> FloatArray:
        """Log density; 0 when flat."""

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self.logpdf(x))

    def _rescaled(self: Any, ratio: float, unit: str | None) -> Any:
        return replace(self, loc=self.loc * ratio, scale=self.scale * ratio, unit=unit)

    def describe(self) -> str:
        """The prior in words."""
        low, high = self.interval(0.95)
        unit = f" {self.unit}" if self.unit else ""
        return f"μ ~ {self!r}: 95 % of the prior lies between {low:.3g} and {high:.3g}{unit}"

    def __repr__(self) -> str:
        return in_words(self)


@dataclass(frozen=True, slots=True, repr=False)
class Normal(EffectPrior):
    """N(mean, sd²).

    Examples
    --------
    >>> Normal(0, 20, unit="mL/month").convert("mL/year")
    Normal(0, 240, unit='mL/year')
    """

    loc: float
    scale: float
    unit: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "loc", position("Normal mean", self.loc))
        object.__setattr__(self, "scale", positive("Normal sd", self.scale))
        a_unit(self.unit)

    @property
    def mean(self) -> float:
        """Mean."""
        return self.loc

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return self.scale

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Log density."""
        z = (x - self.loc) / self.scale
        return np.asarray(-0.5 * z * z - np.log(self.scale) - 0.5 * np.log(2 * np.pi))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr((x - self.loc) / self.scale))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.loc + self.scale * special.ndtri(p))


@dataclass(frozen=True, slots=True, repr=False)
class StudentT(EffectPrior):
    """``loc`` plus ``scale`` times t with ``df`` degrees of freedom."""

    df: float
    loc: float
    scale: float
    unit: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "df", shape("df", "StudentT df", self.df))
        object.__setattr__(self, "loc", position("StudentT loc", self.loc))
        object.__setattr__(self, "scale", positive("StudentT scale", self.scale))
        a_unit(self.unit)

    @property
    def mean(self) -> float:
        """Defined for ν > 1."""
        return self.loc if self.df > 1 else float("nan")

    @property
    def sd(self) -> float:
        """Finite for ν > 2."""
        return float(self.scale * np.sqrt(self.df / (self.df - 2))) if self.df > 2 else float("inf")

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Log density."""
        nu, z = self.df, (x - self.loc) / self.scale
        return np.asarray(log_t(nu) - np.log(self.scale) - (nu + 1) / 2 * np.log1p(z * z / nu))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.stdtr(self.df, (x - self.loc) / self.scale))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.loc + self.scale * special.stdtrit(self.df, p))


@dataclass(frozen=True, slots=True, repr=False)
class Flat(Improper, EffectPrior):
    """Improper uniform prior, for μ, for a coefficient, or (as p(τ) ∝ 1) for τ."""

    unit: str | None = None

    proper: ClassVar[bool] = False
    needs_unit: ClassVar[bool] = False
    _instead: ClassVar[str] = "Normal(…)"

    def __post_init__(self) -> None:
        a_unit(self.unit)

    def __repr__(self) -> str:
        return "Flat()"

    def convert(self, unit: str | None) -> Flat:
        """Return the prior labelled with the unit of the data: it has no scale of its own."""
        return Flat(unit)

    def describe(self) -> str:
        """The prior in words."""
        return "μ ~ Flat() (improper): every value is as likely as any other; no Bayes factor about μ exists"

    def logpdf(self, x: FloatArray) -> FloatArray:
        """0."""
        return np.zeros(np.shape(x))
