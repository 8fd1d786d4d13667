"""Priors of the mean effect μ and of regression coefficients."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.units import a_unit
from ..exact.distributions import Distribution, Improper
from .base import converted, in_words, log_t, position, positive, shape

__all__ = ["EffectPrior", "Flat", "Normal", "StudentT"]


@dataclass(frozen=True, slots=True)
class EffectPrior(Distribution):
    """Prior of a mean effect: `Normal`, `StudentT` or `Flat`."""

    proper: ClassVar[bool] = True
    needs_unit: ClassVar[bool] = True
    measures: ClassVar[tuple[str, ...]] = ()
    law_of: ClassVar[str] = ""
    """Measures that a published law is of, as codes and in words; empty: any."""

    @abstractmethod
    def convert(self, unit: str | None) -> Self:
        """Return the same prior in another unit, or raise when there is none to convert."""

    @abstractmethod
    def logpdf(self, x: FloatArray) -> FloatArray:
        """Log density; 0 when flat."""

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self.logpdf(x))

    def describe(self) -> str:
        """The prior in words."""
        low, high = self.interval(0.95)
        unit = f" {self.unit}" if self.unit else ""
        return f"μ ~ {self!r}: 95 % of the prior lies between {low:.3g} and {high:.3g}{unit}"

    def __repr__(self) -> str:
        return in_words(self)


class _LocationScale(EffectPrior):
    """A prior with a centre and a scale, both in its unit."""

    __slots__ = ()

    loc: float
    scale: float

    def convert(self, unit: str | None) -> Self:
        """Return the same prior in another unit, or raise when there is none to convert."""
        return converted(self, unit)

    def _rescaled(self, ratio: float, unit: str | None) -> Self:
        changes: dict[str, Any] = {"loc": self.loc * ratio, "scale": self.scale * ratio, "unit": unit}
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, repr=False)
class Normal(_LocationScale):
    """Normal prior of a mean effect or of a coefficient: N(loc, scale²).

    The conjugate choice: the exact engine handles it in closed form given τ.

    Parameters
    ----------
    loc
        Centre, in the unit of the estimates.
    scale
        Standard deviation > 0, in the unit of the estimates.
    unit
        Unit of the estimates or one of its dimension; None for pure numbers.

    See Also
    --------
    StudentT : heavier tails.
    Flat : no information.

    References
    ----------
    Günhan, Röver & Friede 2020, doi:10.1002/jrsm.1370.

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
class StudentT(_LocationScale):
    """Student t prior of a mean effect: ``loc`` plus ``scale`` times t with ``df`` degrees of freedom.

    Heavier tails than `Normal`, so that data which contradict it win. Beside it the exact engine takes up to three
    coefficients.

    Parameters
    ----------
    df
        Degrees of freedom ν, 0.001 to 10⁷; the mean exists for ν > 1, the standard deviation for ν > 2.
    loc
        Centre, in the unit of the estimates.
    scale
        Scale > 0, in the unit of the estimates.
    unit
        Unit of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    O'Hagan & Pericchi 2012, doi:10.1214/11-BJPS164.

    Examples
    --------
    >>> round(StudentT(4, 0, 1).quantile(0.975), 3)
    2.776
    """

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
    """Improper uniform prior: of μ, of a coefficient, or (as p(τ) ∝ 1) of τ.

    Every value is as likely as any other. No Bayes factor about the quantity exists, and the posterior needs enough
    data.

    Parameters
    ----------
    unit
        Label of the unit; the prior has no scale of its own and follows the estimates.

    References
    ----------
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> Flat().proper
    False
    """

    unit: str | None = None

    proper: ClassVar[bool] = False
    needs_unit: ClassVar[bool] = False
    _instead: ClassVar[str] = "Normal(…)"

    def __post_init__(self) -> None:
        a_unit(self.unit)

    def __repr__(self) -> str:
        return "Flat()"

    def convert(self, unit: str | None) -> Self:
        """Return the prior labelled with the unit of the data: it has no scale of its own."""
        return replace(self, unit=unit)

    def describe(self) -> str:
        """The prior in words."""
        return "μ ~ Flat() (improper): every value is as likely as any other; no Bayes factor about μ exists"

    def logpdf(self, x: FloatArray) -> FloatArray:
        """0."""
        return np.zeros(np.shape(x))
