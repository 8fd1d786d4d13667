"""Further proper priors of τ, each with its closed density, distribution function and quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from .distributions import WithoutMoments
from .priors import ScalePrior, log_t

__all__ = [
    "Exponential",
    "HalfLogistic",
    "InverseChi",
    "InverseGamma",
    "LogNormal",
    "LogStudentT",
    "Lomax",
    "Rayleigh",
    "Uniform",
]

_INF = float("inf")


@dataclass(frozen=True, slots=True, repr=False)
class Exponential(ScalePrior):
    """Exponential with mean ``scale`` (rate 1/scale)."""

    scale: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """−log s − τ/s."""
        return np.asarray(-np.log(self.scale) - tau / self.scale)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(-np.expm1(-np.maximum(x, 0.0) / self.scale))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(-self.scale * np.log1p(-p))

    @property
    def mean(self) -> float:
        """S."""
        return self.scale

    @property
    def sd(self) -> float:
        """S."""
        return self.scale


@dataclass(frozen=True, slots=True, repr=False)
class HalfLogistic(ScalePrior):
    """|logistic(0, scale)|."""

    scale: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log 2 − log s − z − 2 log(1 + e^−z) with z = τ/s."""
        z = tau / self.scale
        return np.asarray(np.log(2.0) - np.log(self.scale) - z - 2.0 * np.log1p(np.exp(-z)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.tanh(np.maximum(x, 0.0) / (2 * self.scale)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(2 * self.scale * np.arctanh(p))

    @property
    def mean(self) -> float:
        """S log 4."""
        return float(self.scale * np.log(4.0))

    @property
    def sd(self) -> float:
        """S √(π²/3 − (log 4)²)."""
        return float(self.scale * np.sqrt(np.pi**2 / 3 - np.log(4.0) ** 2))


@dataclass(frozen=True, slots=True, repr=False)
class Rayleigh(ScalePrior):
    """Density τ/s² exp(−τ²/2s²)."""

    scale: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log τ − 2 log s − τ²/2s²."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(tau) - 2 * np.log(self.scale) - 0.5 * (tau / self.scale) ** 2)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(-np.expm1(-0.5 * (np.maximum(x, 0.0) / self.scale) ** 2))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale * np.sqrt(-2 * np.log1p(-p)))

    @property
    def mean(self) -> float:
        """S √(π/2)."""
        return float(self.scale * np.sqrt(np.pi / 2))

    @property
    def sd(self) -> float:
        """S √(2 − π/2)."""
        return float(self.scale * np.sqrt(2 - np.pi / 2))


@dataclass(frozen=True, slots=True, repr=False)
class _PowerTail(ScalePrior):
    """A shape a and a scale s, p(τ) ~ τ^−(a+1), and the mean s/(a − 1)."""

    shape: float
    scale: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """A + 1."""
        return self.shape + 1.0

    @property
    def mean(self) -> float:
        """s/(a − 1), infinite for a ≤ 1."""
        return self.scale / (self.shape - 1) if self.shape > 1 else _INF


@dataclass(frozen=True, slots=True, repr=False)
class Lomax(_PowerTail):
    """Density a/s (1 + τ/s)^−(a+1)."""

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """Log a − log s − (a+1) log(1 + τ/s)."""
        return np.asarray(np.log(self.shape) - np.log(self.scale) - (self.shape + 1) * np.log1p(tau / self.scale))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(-np.expm1(-self.shape * np.log1p(np.maximum(x, 0.0) / self.scale)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale * np.expm1(-np.log1p(-p) / self.shape))

    @property
    def sd(self) -> float:
        """Infinite for a ≤ 2."""
        a = self.shape
        return float(self.scale / (a - 1) * np.sqrt(a / (a - 2))) if a > 2 else _INF


@dataclass(frozen=True, slots=True, repr=False)
class InverseChi(ScalePrior):
    """``scale`` over a chi variable with ``df`` degrees of freedom: 1/τ² is a scaled chi-squared."""

    df: float
    scale: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """ν + 1."""
        return self.df + 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """(1 − ν/2) log 2 − log Γ(ν/2) + ν log s − (ν+1) log τ − s²/2τ²."""
        half = 0.5 * self.df
        with np.errstate(divide="ignore", invalid="ignore"):
            value = (
                (1 - half) * np.log(2.0)
                - special.gammaln(half)
                + self.df * np.log(self.scale)
                - (self.df + 1) * np.log(tau)
                - 0.5 * (self.scale / tau) ** 2
            )
        return np.where(np.asarray(tau) > 0, value, -_INF)

    def _cdf(self, x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.asarray(special.gammaincc(0.5 * self.df, 0.5 * (self.scale / np.maximum(x, 0.0)) ** 2))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale / np.sqrt(2 * special.gammainccinv(0.5 * self.df, p)))

    def _moment(self, r: int) -> float:
        if self.df <= r:
            return _INF
        return float(
            np.exp(
                r * np.log(self.scale)
                - 0.5 * r * np.log(2)
                + special.gammaln((self.df - r) / 2)
                - special.gammaln(self.df / 2)
            )
        )

    @property
    def mean(self) -> float:
        """Finite for ν > 1."""
        return self._moment(1)

    @property
    def sd(self) -> float:
        """Finite for ν > 2."""
        return float(np.sqrt(self._moment(2) - self.mean**2)) if self.df > 2 else _INF


@dataclass(frozen=True, slots=True, repr=False)
class InverseGamma(_PowerTail):
    """Inverse gamma on τ itself: density s^a/Γ(a) τ^−(a+1) e^(−s/τ)."""

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """A log s − log Γ(a) − (a+1) log τ − s/τ."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = (
                self.shape * np.log(self.scale)
                - special.gammaln(self.shape)
                - (self.shape + 1) * np.log(tau)
                - self.scale / tau
            )
        return np.where(np.asarray(tau) > 0, value, -_INF)

    def _cdf(self, x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.asarray(special.gammaincc(self.shape, self.scale / np.maximum(x, 0.0)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale / special.gammainccinv(self.shape, p))

    @property
    def sd(self) -> float:
        """Infinite for a ≤ 2."""
        return float(self.mean / np.sqrt(self.shape - 2)) if self.shape > 2 else _INF


class _OfLog(ScalePrior):
    """A law of (log τ − meanlog)/sdlog; another unit moves meanlog."""

    __slots__ = ()

    meanlog: float
    sdlog: float

    def _moved(self, ratio: float) -> dict[str, float]:
        return {"meanlog": self.meanlog + float(np.log(ratio))}

    def _z(self, tau: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((np.log(tau) - self.meanlog) / self.sdlog)


@dataclass(frozen=True, slots=True, repr=False)
class LogNormal(_OfLog):
    """log τ ~ N(meanlog, sdlog²). A published law of log τ² ~ N(m, s²) is ``LogNormal(m/2, s/2)``."""

    meanlog: float
    sdlog: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """−log τ − log s − ½ log 2π − (log τ − m)²/2s²."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = self._z(tau)
            value = -np.log(tau) - np.log(self.sdlog) - 0.5 * np.log(2 * np.pi) - 0.5 * z * z
        return np.where(np.asarray(tau) > 0, value, -_INF)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(self._z(np.maximum(x, 0.0))))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self.meanlog + self.sdlog * special.ndtri(p)))

    @property
    def mean(self) -> float:
        """exp(m + s²/2)."""
        return float(np.exp(self.meanlog + 0.5 * self.sdlog**2))

    @property
    def sd(self) -> float:
        """Mean √(exp(s²) − 1)."""
        return float(self.mean * np.sqrt(np.expm1(self.sdlog**2)))


@dataclass(frozen=True, slots=True, repr=False)
class LogStudentT(WithoutMoments, _OfLog):
    """(log τ − meanlog)/sdlog is t with ``df`` degrees of freedom; no moment of τ exists."""

    df: float
    meanlog: float
    sdlog: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """τ^−1, beside a power of 1/log τ."""
        return 1.0

    @property
    def log_tail(self) -> float:  # type: ignore[override]
        """ν + 1."""
        return self.df + 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """T density of log τ, over τ."""
        nu = self.df
        const = log_t(nu) - np.log(self.sdlog)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = self._z(tau)
            value = const - np.log(tau) - (nu + 1) / 2 * np.log1p(z * z / nu)
        return np.where(np.asarray(tau) > 0, value, _INF)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.stdtr(self.df, self._z(np.maximum(x, 0.0))))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self.meanlog + self.sdlog * special.stdtrit(self.df, p)))


@dataclass(frozen=True, slots=True, repr=False)
class Uniform(ScalePrior):
    """Uniform between 0 and ``high``."""

    high: float
    unit: str | None = None

    _scales: ClassVar[tuple[str, ...]] = ("high",)

    @property
    def upper(self) -> float:
        """The upper edge."""
        return self.high

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """−log high on the support."""
        return np.where(np.asarray(tau) <= self.high, -np.log(self.high), -_INF)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.clip(x / self.high, 0.0, 1.0))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.high * p)

    @property
    def mean(self) -> float:
        """high/2."""
        return 0.5 * self.high

    @property
    def sd(self) -> float:
        """high/√12."""
        return float(self.high / np.sqrt(12.0))
