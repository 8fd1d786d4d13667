"""Priors of τ that are defined by the standard errors of the studies, and improper ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_unit, shown
from .distributions import Improper, WithoutMoments
from .priors import TauPrior

__all__ = [
    "BergerDeely",
    "Conventional",
    "DuMouchel",
    "FlatSqrt",
    "FlatTau",
    "Jeffreys",
    "OverallJeffreys",
    "UniformI2",
    "UniformShrinkage",
]


@dataclass(frozen=True, slots=True, repr=False)
class _StandardErrorPrior(Improper, TauPrior):
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
            if v.ndim != 1 or v.size == 0 or not np.all(np.isfinite(v) & (v > 0)):
                raise InputError(f"{type(self).__name__} vi={shown(self.vi)} · give finite variances above 0, (k,)")
            object.__setattr__(self, "vi", v)

    @property
    def tail(self) -> float:
        """Power a in p(τ) ~ τ^-a at infinity, whatever the variances are."""
        return self._power

    def resolve(self: Any, vi: FloatArray) -> Any:
        """Return the prior for studies with these variances."""
        return self if self.vi is not None else type(self)(vi, self.unit)

    def convert(self: Any, unit: str | None) -> Any:
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


def _log(tau: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(tau))


def _weights(vi: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log of the largest 1/(v + τ²), and all of them relative to it: neither under- nor overflows."""
    tau2 = np.asarray(tau)[..., None] ** 2
    least = vi.min() + tau2
    return -np.log(least)[..., 0], least / (vi + tau2)


@dataclass(frozen=True, slots=True, repr=False)
class FlatTau(_StandardErrorPrior):
    """p(τ) ∝ 1, improper."""

    title: ClassVar[str] = "every τ is as likely as any other"
    _power: ClassVar[float] = 0.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """0."""
        return np.zeros(np.shape(tau))


@dataclass(frozen=True, slots=True, repr=False)
class FlatSqrt(_StandardErrorPrior):
    """p(τ) ∝ τ^−½, uniform in √τ, improper."""

    title: ClassVar[str] = "uniform in the square root of τ"
    _power: ClassVar[float] = 0.5

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """−½ log τ."""
        return -0.5 * _log(tau)


@dataclass(frozen=True, slots=True, repr=False)
class Jeffreys(_StandardErrorPrior):
    """p(τ) ∝ √Σ (τ/(sᵢ² + τ²))², Jeffreys' rule for τ with μ known, improper."""

    title: ClassVar[str] = "Jeffreys' rule for τ"
    _power: ClassVar[float] = 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """½ log Σ (τ/(sᵢ² + τ²))²."""
        log_top, relative = _weights(self.variances, tau)
        return np.asarray(_log(tau) + log_top + 0.5 * np.log((relative**2).sum(-1)))


@dataclass(frozen=True, slots=True, repr=False)
class OverallJeffreys(_StandardErrorPrior):
    """p(τ) ∝ √(Σ 1/(sᵢ² + τ²) · Σ (τ/(sᵢ² + τ²))²), Jeffreys' rule for (μ, τ) jointly, improper."""

    title: ClassVar[str] = "Jeffreys' rule for μ and τ jointly"
    _power: ClassVar[float] = 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """½ log Σ wᵢ + log τ + ½ log Σ wᵢ²."""
        log_top, w = _weights(self.variances, tau)
        return np.asarray(1.5 * log_top + 0.5 * np.log(w.sum(-1)) + _log(tau) + 0.5 * np.log((w * w).sum(-1)))


@dataclass(frozen=True, slots=True, repr=False)
class BergerDeely(_StandardErrorPrior):
    """p(τ) ∝ Π (τ/(sᵢ² + τ²))^(1/k), improper (Berger and Deely 1988)."""

    title: ClassVar[str] = "geometric mean of the studies' own Jeffreys priors"
    _power: ClassVar[float] = 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log τ − mean log(sᵢ² + τ²)."""
        return np.asarray(_log(tau) - np.mean(np.log(self.variances + np.asarray(tau)[..., None] ** 2), axis=-1))


@dataclass(frozen=True, slots=True, repr=False)
class Conventional(_StandardErrorPrior):
    """p(τ) ∝ Π (τ (sᵢ² + τ²)^(−3/2))^(1/k), integrable; its constant is not closed and is not used."""

    title: ClassVar[str] = "geometric mean of the studies' own conventional priors"
    _power: ClassVar[float] = 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log τ − 3/2 mean log(sᵢ² + τ²)."""
        return np.asarray(_log(tau) - 1.5 * np.mean(np.log(self.variances + np.asarray(tau)[..., None] ** 2), axis=-1))


@dataclass(frozen=True, slots=True, repr=False)
class DuMouchel(WithoutMoments, _StandardErrorPrior):
    """p(τ) = s₀/(s₀ + τ)² with s₀² = k/Σ sᵢ⁻², proper."""

    proper: ClassVar[bool] = True
    title: ClassVar[str] = "s₀/(s₀ + τ) is uniform, s₀ the harmonic-mean standard error"
    _power: ClassVar[float] = 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log s₀ − 2 log(s₀ + τ)."""
        s0 = self.typical
        return np.asarray(np.log(s0) - 2 * np.log(s0 + tau))

    def _cdf(self, x: FloatArray) -> FloatArray:
        x = np.maximum(x, 0.0)
        return np.asarray(x / (self.typical + x))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.typical * p / (1 - p))


@dataclass(frozen=True, slots=True, repr=False)
class UniformShrinkage(_StandardErrorPrior):
    """p(τ) = 2 s₀² τ/(s₀² + τ²)², s₀ the harmonic-mean standard error: the shrinkage is uniform, proper."""

    proper: ClassVar[bool] = True
    title: ClassVar[str] = "s₀²/(s₀² + τ²) is uniform, s₀ the harmonic-mean standard error"
    _power: ClassVar[float] = 3.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log 2 s₀² + log τ − 2 log(s₀² + τ²)."""
        s2 = self.typical**2
        return np.asarray(np.log(2 * s2) + _log(tau) - 2 * np.log(s2 + np.asarray(tau) ** 2))

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
    """As `UniformShrinkage` with the typical variance of I², so that I² itself is uniform."""

    title: ClassVar[str] = "I² is uniform"

    @property
    def typical(self) -> float:
        """Root of (k−1) Σw / ((Σw)² − Σw²) with w = 1/sᵢ²."""
        w = 1.0 / self.variances
        if w.size < 2:
            raise OptionError("a prior uniform in I² needs at least two studies · give another prior for τ")
        return float(np.sqrt((w.size - 1) * w.sum() / (w.sum() ** 2 - (w * w).sum())))
