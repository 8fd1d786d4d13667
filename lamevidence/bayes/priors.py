"""Priors as values: each has a unit, converts with the outcome or refuses, and says itself in words."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_number, a_unit
from ..units import factor
from ..values import Interval
from .distributions import Distribution, WithoutMoments

__all__ = [
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "ScalePrior",
    "TauPrior",
    "converted",
    "in_words",
    "log_t",
    "parse_prior",
    "position",
    "positive",
    "shape",
]

P = TypeVar("P", bound="TauPrior")
S = TypeVar("S", bound="ScalePrior")


_HUGE = 1e100
"""Scales lie between 1/_HUGE and _HUGE: their squares and the squares of τ stay within double precision."""
_RANGES = {"df": (1e-3, 1e7), "shape": (1e-3, 1e7), "sdlog": (1e-6, 100.0)}
"""Shapes beyond these are another distribution, or have quantiles that no double holds."""


def positive(name: str, value: Any, least: float = 1 / _HUGE, most: float = _HUGE) -> float:
    """Return ``value`` as a float, or raise when it is not a finite positive number within reach of the arithmetic."""
    return a_number(name, a_number(name, value, above=0.0, error=InputError), least=least, most=most, error=InputError)


def position(name: str, value: Any) -> float:
    """Return a location as a float, or raise when it is not a finite number within reach of the arithmetic."""
    return a_number(name, value, least=-_HUGE, most=_HUGE, error=InputError)


def shape(name: str, what: str, value: Any) -> float:
    """Return the shape called ``name`` as a float, or raise when it is out of its range."""
    return positive(what, value, *_RANGES[name])


def log_t(df: float) -> float:
    """Return the log of the constant of the t density with ``df`` degrees of freedom."""
    return float(special.gammaln((df + 1) / 2) - special.gammaln(df / 2) - 0.5 * np.log(df * np.pi))


def in_words(prior: Any) -> str:
    """Return the call that makes a prior: its numbers by position, its unit by name."""
    inner = ", ".join(f"{getattr(prior, f.name):.6g}" for f in fields(prior) if f.name != "unit")
    unit = f", unit={prior.unit!r}" if prior.unit else ""
    return f"{type(prior).__name__}({inner}{unit})"


def converted(prior: Any, unit: str | None) -> Any:
    """Return a prior in the unit of the data, or refuse.

    Raises
    ------
    OptionError
        One of the two has a unit and the other has none.
    UnitMismatch
        The two have different dimensions.
    """
    own, said = prior.unit, repr(prior)
    if own == a_unit(unit):
        return prior
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
    def convert(self: P, unit: str | None) -> P:
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

    def _rescaled(self: S, ratio: float, unit: str | None) -> S:
        changes: dict[str, Any] = self._moved(ratio) | {"unit": unit}
        return replace(self, **changes)

    def convert(self: S, unit: str | None) -> S:
        """Return the same prior in ``unit``.

        Examples
        --------
        >>> HalfNormal(72, unit="mL/year").convert("mL/month")
        HalfNormal(6, unit='mL/month')
        """
        same: S = converted(self, unit)
        return same

    def __repr__(self) -> str:
        return in_words(self)

    def describe(self) -> str:
        """The prior in words: how far studies may differ."""
        return f"τ ~ {self!r}: {self._say_tau()}"


@dataclass(frozen=True, slots=True, repr=False)
class HalfNormal(ScalePrior):
    """|N(0, scale²)|.

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
        """S √(2/π)."""
        return float(self.scale * np.sqrt(2 / np.pi))

    @property
    def sd(self) -> float:
        """S √(1 − 2/π)."""
        return float(self.scale * np.sqrt(1 - 2 / np.pi))


@dataclass(frozen=True, slots=True, repr=False)
class HalfStudentT(ScalePrior):
    """|t| with ``df`` degrees of freedom times ``scale``."""

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
    """Half-t with one degree of freedom."""

    scale: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """2."""
        return 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log 2/π − log s − log(1 + τ²/s²)."""
        return np.asarray(np.log(2 / np.pi) - np.log(self.scale) - np.log1p((tau / self.scale) ** 2))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(2 / np.pi * np.arctan(np.maximum(x, 0.0) / self.scale))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale / np.tan(0.5 * np.pi * (1.0 - p)))


def parse_prior(text: str, unit: str | None = None) -> Any:
    """Return the prior written as text; see `lamevidence.bayes.stated.parse_prior`."""
    from .stated import parse_prior as read

    return read(text, unit)
