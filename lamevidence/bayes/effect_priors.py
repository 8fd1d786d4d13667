"""Priors of the mean effect μ and of regression coefficients."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import OptionError
from ..options import a_unit
from .distributions import Distribution
from .priors import position, positive, shape, unit_factor

__all__ = ["EffectPrior", "Flat", "Normal", "StudentT"]


@dataclass(frozen=True, slots=True)
class EffectPrior(Distribution):
    """Prior of a mean effect: `Normal`, `StudentT` or `Flat`."""

    proper: ClassVar[bool] = True
    needs_unit: ClassVar[bool] = True

    def convert(self: Any, unit: str | None) -> Any:
        """Return the same prior in another unit, or raise when there is none to convert."""
        ratio = unit_factor(repr(self), self.unit, unit, repr(self))
        if unit == self.unit:
            return self
        return self._rescaled(ratio, unit)

    @abstractmethod
    def logpdf(self, x: FloatArray) -> FloatArray:
        """Log density; 0 when flat."""

    def _rescaled(self: Any, ratio: float, unit: str | None) -> Any:
        raise NotImplementedError

    def describe(self) -> str:
        """The prior in words."""
        low, high = self.interval(0.95)
        unit = f" {self.unit}" if self.unit else ""
        return f"μ ~ {self!r}: 95 % of the prior lies between {low:.3g} and {high:.3g}{unit}"

    def _name(self, *values: float) -> str:
        unit = f", unit={self.unit!r}" if self.unit else ""
        return f"{type(self).__name__}({', '.join(f'{v:.6g}' for v in values)}{unit})"


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

    def __repr__(self) -> str:
        return self._name(self.loc, self.scale)

    def _rescaled(self, ratio: float, unit: str | None) -> Normal:
        return Normal(self.loc * ratio, self.scale * ratio, unit)

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

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self.logpdf(x))

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

    def __repr__(self) -> str:
        return self._name(self.df, self.loc, self.scale)

    def _rescaled(self, ratio: float, unit: str | None) -> StudentT:
        return StudentT(self.df, self.loc * ratio, self.scale * ratio, unit)

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
        const = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(self.scale)
        return np.asarray(const - (nu + 1) / 2 * np.log1p(z * z / nu))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self.logpdf(x))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.stdtr(self.df, (x - self.loc) / self.scale))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.loc + self.scale * special.stdtrit(self.df, p))


@dataclass(frozen=True, slots=True, repr=False)
class Flat(EffectPrior):
    """Improper uniform prior, for μ, for a coefficient, or (as p(τ) ∝ 1) for τ."""

    unit: str | None = None

    proper: ClassVar[bool] = False
    needs_unit: ClassVar[bool] = False

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

    def _no(self) -> OptionError:
        return OptionError("Flat() is improper: it has no distribution function, quantiles or moments · use Normal(…)")

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.ones(np.shape(x))

    def _cdf(self, x: FloatArray) -> FloatArray:
        raise self._no()

    def _quantile(self, p: FloatArray) -> FloatArray:
        raise self._no()

    @property
    def mean(self) -> float:
        """Does not exist."""
        raise self._no()

    @property
    def sd(self) -> float:
        """Does not exist."""
        raise self._no()
