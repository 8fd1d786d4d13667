"""Priors of τ that are defined by the standard errors of the studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError
from ...foundation.options import shown
from ...foundation.units import a_unit
from ...results.heterogeneity import typical_variance
from ..exact.distributions import Improper, WithoutMoments
from .base import TauPrior

__all__ = [
    "DuMouchel",
    "StandardErrorPrior",
    "UniformI2",
    "UniformShrinkage",
    "log_of",
]

SMALLEST = 1e-300
"""Variances below it have no inverse in double precision."""


@dataclass(frozen=True, slots=True, repr=False)
class StandardErrorPrior(Improper, TauPrior):
    """A prior whose scale comes from the standard errors; it follows the unit of the data by itself."""

    vi: FloatArray | None = None
    unit: str | None = None

    needs_unit: ClassVar[bool] = False
    proper: ClassVar[bool] = False
    title: ClassVar[str] = ""
    _power: ClassVar[float]

    def __post_init__(self) -> None:
        a_unit(self.unit)
        if self.vi is not None:
            v = floats(self.vi, f"{type(self).__name__} vi", "leave vi out: the fit knows the variances")
            if v.ndim != 1 or v.size == 0 or not np.all(np.isfinite(v) & (v > SMALLEST)):
                raise InputError(f"{type(self).__name__} vi={shown(self.vi)} · give finite variances above 0, (k,)")
            object.__setattr__(self, "vi", v)

    @property
    def tail(self) -> float:
        """Power a in p(τ) ~ τ^-a at infinity, whatever the variances are."""
        return self._power

    def resolve(self, vi: FloatArray) -> Self:
        """Return the prior for studies with these variances."""
        return self if self.vi is not None else type(self)(vi, self.unit)

    def convert(self, unit: str | None) -> Self:
        """Return the prior labelled with the unit of the data: it has no scale of its own."""
        return type(self)(self.vi, unit)

    @property
    def variances(self) -> FloatArray:
        """Sampling variances that define the prior."""
        if self.vi is None:
            raise OptionError(
                f"{self!r} is defined by the standard errors of the studies · use it in a fit, or call .resolve(vi)"
            )
        return self.vi

    @property
    def typical(self) -> float:
        """Harmonic-mean standard error."""
        return float(np.sqrt(self.variances.size / np.sum(1 / self.variances)))

    def describe(self) -> str:
        """The prior in words."""
        kind = "proper" if self.proper else "improper"
        return f"τ ~ {self!r} ({kind}): {self.title}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def log_of(tau: FloatArray) -> FloatArray:
    """Return log τ, −inf at 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(tau))


@dataclass(frozen=True, slots=True, repr=False)
class DuMouchel(WithoutMoments, StandardErrorPrior):
    """DuMouchel's prior of τ, p(τ) = s₀/(s₀ + τ)² with s₀² = k/Σ sᵢ⁻², proper.

    s₀/(s₀ + τ) is uniform, s₀ the harmonic-mean standard error; half of the prior lies below s₀.

    Parameters
    ----------
    vi
        Sampling variances that define it, (k,); leave them out: a fit knows its own, and a refit those of its rows.
    unit
        Label of the unit; the prior follows the estimates by itself.

    References
    ----------
    DuMouchel & Normand 2000, in: Stangl & Berry, Meta-analysis in medicine and health policy;
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> DuMouchel([4.0, 4.0]).median
    2.0
    """

    proper: ClassVar[bool] = True
    title: ClassVar[str] = "s₀/(s₀ + τ) is uniform, s₀ the harmonic-mean standard error"
    _power: ClassVar[float] = 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log s₀ − 2 log(s₀ + τ)."""
        s0 = self.typical
        return np.asarray(np.log(s0) - 2 * np.log(s0 + tau))

    def _cdf(self, x: FloatArray) -> FloatArray:
        x = np.maximum(x, 0.0)
        return np.asarray(x / (self.typical + x))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.typical * p / (1 - p))


@dataclass(frozen=True, slots=True, repr=False)
class UniformShrinkage(StandardErrorPrior):
    """Prior of τ under which the shrinkage s₀²/(s₀² + τ²) is uniform, p(τ) = 2 s₀² τ/(s₀² + τ²)², proper.

    s₀ is the harmonic-mean standard error; half of the prior lies below s₀.

    Parameters
    ----------
    vi
        Sampling variances that define it, (k,); leave them out: a fit knows its own, and a refit those of its rows.
    unit
        Label of the unit; the prior follows the estimates by itself.

    References
    ----------
    Daniels 1999, doi:10.2307/3316112;
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> UniformShrinkage([4.0, 4.0]).median
    2.0
    """

    proper: ClassVar[bool] = True
    title: ClassVar[str] = "s₀²/(s₀² + τ²) is uniform, s₀ the harmonic-mean standard error"
    _power: ClassVar[float] = 3.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log 2 s₀² + log τ − 2 log(s₀² + τ²)."""
        s2 = self.typical**2
        return np.asarray(np.log(2 * s2) + log_of(tau) - 2 * np.log(s2 + np.asarray(tau) ** 2))

    def _cdf(self, x: FloatArray) -> FloatArray:
        x2 = np.maximum(x, 0.0) ** 2
        return np.asarray(x2 / (self.typical**2 + x2))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.typical * np.sqrt(p / (1 - p)))

    @property
    def mean(self) -> float:
        """s₀ π/2."""
        return float(self.typical * np.pi / 2)

    @property
    def sd(self) -> float:
        """Infinite."""
        return float("inf")


@dataclass(frozen=True, slots=True, repr=False)
class UniformI2(UniformShrinkage):
    """Prior of τ under which I² is uniform: `UniformShrinkage` at the typical variance of I², proper.

    It needs two studies.

    Parameters
    ----------
    vi
        Sampling variances that define it, (k,); leave them out: a fit knows its own, and a refit those of its rows.
    unit
        Label of the unit; the prior follows the estimates by itself.

    References
    ----------
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> round(UniformI2([4.0, 4.0]).median, 12)
    2.0
    """

    title: ClassVar[str] = "I² is uniform"

    @property
    def typical(self) -> float:
        """Root of the typical variance, (k−1) Σw / ((Σw)² − Σw²) with w = 1/sᵢ²."""
        v = self.variances
        if v.size < 2:
            raise OptionError("a prior uniform in I² needs at least two studies · give another prior for τ")
        return float(np.sqrt(typical_variance(v)))
