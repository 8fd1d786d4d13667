"""Priors as values: each has a unit, converts with the outcome or refuses, and says itself in words."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_number
from ...foundation.units import a_unit, factor
from ...foundation.values import Interval
from ..exact.distributions import Distribution, WithoutMoments

__all__ = [
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "ScalePrior",
    "TauPrior",
    "converted",
    "in_words",
    "log_t",
    "position",
    "positive",
    "shape",
]


class InUnit(Protocol):
    """What has a unit and can be said in another."""

    @property
    def unit(self) -> str | None: ...

    def _rescaled(self, ratio: float, unit: str | None) -> Self: ...


R = TypeVar("R", bound=InUnit)

_HUGE = 1e100
"""Scales lie between 1/_HUGE and _HUGE: their squares and the squares of τ stay within double precision."""
_RANGES = {"df": (1e-3, 1e7), "shape": (1e-3, 1e7), "sdlog": (1e-6, 100.0)}
"""Shapes beyond these are another distribution, or have quantiles that no double holds."""


def positive(name: str, value: object, least: float = 1 / _HUGE, most: float = _HUGE) -> float:
    """Return ``value`` as a float, or raise when it is not a finite positive number within reach of the arithmetic."""
    return a_number(name, a_number(name, value, above=0.0, error=InputError), least=least, most=most, error=InputError)


def position(name: str, value: object) -> float:
    """Return a location as a float, or raise when it is not a finite number within reach of the arithmetic."""
    return a_number(name, value, least=-_HUGE, most=_HUGE, error=InputError)


def shape(name: str, what: str, value: object) -> float:
    """Return the shape called ``name`` as a float, or raise when it is out of its range."""
    return positive(what, value, *_RANGES[name])


def log_t(df: float) -> float:
    """Return the log of the constant of the t density with ``df`` degrees of freedom."""
    return float(special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - 0.5 * np.log(df * np.pi))


def in_words(prior: Any) -> str:
    """Return the call that makes a prior: its numbers by position, its unit by name."""
    inner = ", ".join(f"{getattr(prior, f.name):.6g}" for f in fields(prior) if f.name != "unit")
    unit = f", unit={prior.unit!r}" if prior.unit else ""
    return f"{getattr(prior, 'printed_name', type(prior).__name__)}({inner}{unit})"


def converted(prior: R, unit: str | None) -> R:
    """Return a prior in the unit of the data, or refuse.

    Raises
    ------
    OptionError
        One of the two has a unit and the other has none.
    UnitMismatch
        The two have different dimensions.
    """
    own = prior.unit
    if own == a_unit(unit):
        return prior
    said = repr(prior)
    if own is None:
        raise OptionError(
            f"{said} has no unit but the estimates are in {unit}"
            f" · write for example {said.replace(')', '')}, unit={unit!r})"
        )
    if unit is None:
        raise OptionError(f"{said} is in {own} but the estimates are pure numbers · leave its unit out")
    return prior._rescaled(float(factor(own, unit)), unit)


@dataclass(frozen=True, slots=True)
class TauPrior(Distribution):
    """Prior of the between-study standard deviation τ.

    Attributes of a class: ``tail`` is a in p(τ) ~ τ^-a at infinity (``inf`` if lighter), ``log_tail`` the power of
    1/log τ beside it; ``proper`` is False when the density does not integrate.
    """

    needs_unit: ClassVar[bool] = True
    proper: ClassVar[bool] = True
    log_tail: ClassVar[float] = 0.0
    measures: ClassVar[tuple[str, ...]] = ()
    law_of: ClassVar[str] = ""
    """Measures that a published law is of, as codes and in words; empty: any."""

    @property
    @abstractmethod
    def tail(self) -> float:
        """Power a in p(τ) ~ τ^-a at infinity."""

    @property
    @abstractmethod
    def typical(self) -> float:
        """A value of the order of τ under this prior."""

    @property
    def upper(self) -> float:
        """Upper edge of the support."""
        return float("inf")

    @property
    def support(self) -> Interval:
        """From 0 to the upper edge."""
        return Interval(0.0, self.upper)

    @abstractmethod
    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log density at τ ≥ 0, any shape; unnormalised when improper."""

    def _pdf(self, x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", over="ignore"):
            inside = np.exp(self.logpdf(np.where(x >= 0.0, x, 1.0)))
        return np.where((x >= 0.0) & (x <= self.upper), inside, 0.0)

    def resolve(self, vi: FloatArray) -> TauPrior:
        """Return the prior for studies with these variances: itself, unless it is defined by them."""
        return self

    @abstractmethod
    def convert(self, unit: str | None) -> Self:
        """Return the same prior in another unit, or raise when there is none to convert."""

    @abstractmethod
    def describe(self) -> str:
        """The prior in words."""

    def _say_tau(self) -> str:
        q50, q95 = np.asarray(self.quantile(np.array([0.5, 0.95])))
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"95 % of the prior says that true study effects have a standard deviation of less than {q95:.3g}{unit} "
            f"(median {q50:.3g}{unit}), "
            f"so that 95 % of studies differ from their mean by less than {1.96 * q95:.3g}{unit}"
        )


@dataclass(frozen=True, slots=True)
class ScalePrior(TauPrior):
    """A proper prior of τ; every field named in ``_scales`` is in the unit of τ."""

    _scales: ClassVar[tuple[str, ...]] = ("scale",)

    def __post_init__(self) -> None:
        for name, given in ((field.name, getattr(self, field.name)) for field in fields(self)):
            what = f"{type(self).__name__} {name}"
            if name == "unit":
                a_unit(given)
            elif name == "meanlog":
                limit = float(np.log(_HUGE))
                object.__setattr__(self, name, a_number(what, given, least=-limit, most=limit, error=InputError))
            else:
                object.__setattr__(self, name, positive(what, given, *_RANGES.get(name, ())))

    @property
    def tail(self) -> float:
        """Lighter than any power, unless a class says otherwise."""
        return float("inf")

    @property
    def typical(self) -> float:
        """The prior median."""
        return self.median

    def _moved(self, ratio: float) -> dict[str, float]:
        """Return the fields that another unit changes."""
        return {name: getattr(self, name) * ratio for name in self._scales}

    def _rescaled(self, ratio: float, unit: str | None) -> Self:
        changes: dict[str, Any] = self._moved(ratio) | {"unit": unit}
        return replace(self, **changes)

    def convert(self, unit: str | None) -> Self:
        """Return the same prior in ``unit``.

        Examples
        --------
        >>> HalfNormal(72, unit="mL/year").convert("mL/month")
        HalfNormal(6, unit='mL/month')
        """
        return converted(self, unit)

    def __repr__(self) -> str:
        return in_words(self)

    def describe(self) -> str:
        """The prior in words: how far studies may differ."""
        return f"τ ~ {self!r}: {self._say_tau()}"


@dataclass(frozen=True, slots=True, repr=False)
class HalfNormal(ScalePrior):
    """Half-normal prior of τ: |N(0, s²)|.

    Density √(2/π)/s · exp(−τ²/2s²) for τ ≥ 0: light tails, most mass near 0, 95 % of it below 1.96 s. The usual
    weakly informative choice; its scale says which heterogeneity would surprise.

    Parameters
    ----------
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    See Also
    --------
    HalfCauchy : heavier tails.
    lamevidence.pool_bayes : where it is used.

    References
    ----------
    Friede, Röver, Wandel & Neuenschwander 2017, doi:10.1002/jrsm.1217;
    Röver, Bender, Dias, Schmid, Schmidli, Sturtz, Weber & Friede 2021, doi:10.1002/jrsm.1475.

    Examples
    --------
    >>> round(HalfNormal(6, unit="mL/month").quantile(0.95), 2)
    11.76
    """

    scale: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """½ log(2/π) − log s − τ²/2s²."""
        return np.asarray(0.5 * np.log(2 / np.pi) - np.log(self.scale) - 0.5 * (tau / self.scale) ** 2)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.erf(np.maximum(x, 0.0) / self.scale / np.sqrt(2.0)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale * np.sqrt(2.0) * special.erfinv(p))

    @property
    def mean(self) -> float:
        """s √(2/π)."""
        return float(self.scale * np.sqrt(2 / np.pi))

    @property
    def sd(self) -> float:
        """s √(1 − 2/π)."""
        return float(self.scale * np.sqrt(1 - 2 / np.pi))


@dataclass(frozen=True, slots=True, repr=False)
class HalfStudentT(ScalePrior):
    """Half-t prior of τ: |s · t_ν|.

    Density 2 t_ν(τ/s)/s for τ ≥ 0: between `HalfCauchy` (ν = 1) and `HalfNormal` (ν → ∞). The mean is finite for ν >
    1, the standard deviation for ν > 2.

    Parameters
    ----------
    df
        Degrees of freedom ν, 0.001 to 10⁷.
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Gelman 2006, doi:10.1214/06-BA117A.

    Examples
    --------
    >>> round(HalfStudentT(4, 1).quantile(0.95), 3)
    2.776
    """

    df: float
    scale: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """ν + 1."""
        return self.df + 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Twice the t density on the positive half."""
        nu = self.df
        return np.asarray(
            np.log(2.0) + log_t(nu) - np.log(self.scale) - (nu + 1) / 2 * np.log1p((tau / self.scale) ** 2 / nu)
        )

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(2.0 * special.stdtr(self.df, np.maximum(x, 0.0) / self.scale) - 1.0)

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(-self.scale * special.stdtrit(self.df, 0.5 * (1.0 - p)))

    @property
    def mean(self) -> float:
        """Finite for ν > 1."""
        nu = self.df
        if nu <= 1:
            return float("inf")
        ratio = np.exp(special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2))
        return float(2 * self.scale * np.sqrt(nu / np.pi) * ratio / (nu - 1))

    @property
    def sd(self) -> float:
        """Finite for ν > 2."""
        if self.df <= 2:
            return float("inf")
        return float(np.sqrt(self.scale**2 * self.df / (self.df - 2) - self.mean**2))


@dataclass(frozen=True, slots=True, repr=False)
class HalfCauchy(WithoutMoments, ScalePrior):
    """Half-Cauchy prior of τ: half-t with one degree of freedom.

    Density 2/(π s) · 1/(1 + (τ/s)²) for τ ≥ 0: half of it lies below s, and no moment exists.

    Parameters
    ----------
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Gelman 2006, doi:10.1214/06-BA117A; Polson & Scott 2012, doi:10.1214/12-BA730.

    Examples
    --------
    >>> round(HalfCauchy(0.5).median, 12)
    0.5
    """

    scale: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """2."""
        return 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log 2/π − log s − log(1 + τ²/s²)."""
        return np.asarray(np.log(2 / np.pi) - np.log(self.scale) - np.log1p((tau / self.scale) ** 2))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(2 / np.pi * np.arctan(np.maximum(x, 0.0) / self.scale))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale / np.tan(0.5 * np.pi * (1.0 - p)))
