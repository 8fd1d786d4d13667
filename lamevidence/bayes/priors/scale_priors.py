"""Further proper priors of τ, each with its closed density, distribution function and quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ..exact.distributions import WithoutMoments
from .base import ScalePrior, log_t

__all__ = [
    "Exponential",
    "HalfLogistic",
    "LogNormal",
    "LogStudentT",
    "Rayleigh",
    "Uniform",
]

_INF = float("inf")


@dataclass(frozen=True, slots=True, repr=False)
class Exponential(ScalePrior):
    """Exponential prior of τ with mean s (rate 1/s).

    Density exp(−τ/s)/s for τ ≥ 0; the prior that penalises the distance from τ = 0 at a constant rate.

    Parameters
    ----------
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Simpson, Rue, Riebler, Martins & Sørbye 2017, doi:10.1214/16-STS576.

    Examples
    --------
    >>> round(Exponential(2).quantile(0.95), 3)
    5.991
    """

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
        """s."""
        return self.scale

    @property
    def sd(self) -> float:
        """s."""
        return self.scale


@dataclass(frozen=True, slots=True, repr=False)
class HalfLogistic(ScalePrior):
    """Half-logistic prior of τ: |logistic(0, s)|.

    Density 2 e^−z/(s (1 + e^−z)²) with z = τ/s ≥ 0: flat near 0 like a half-normal, with an exponential tail.

    Parameters
    ----------
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> round(HalfLogistic(1).median, 4)
    1.0986
    """

    scale: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log 2 − log s − z − 2 log(1 + e^−z) with z = τ/s."""
        z = tau / self.scale
        return np.asarray(np.log(2.0) - np.log(self.scale) - z - 2.0 * np.log1p(np.exp(-z)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.tanh(np.maximum(x, 0.0) / (2 * self.scale)))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(2 * self.scale * np.arctanh(p))

    @property
    def mean(self) -> float:
        """s log 4."""
        return float(self.scale * np.log(4.0))

    @property
    def sd(self) -> float:
        """s √(π²/3 − (log 4)²)."""
        return float(self.scale * np.sqrt(np.pi**2 / 3 - np.log(4.0) ** 2))


@dataclass(frozen=True, slots=True, repr=False)
class Rayleigh(ScalePrior):
    """Rayleigh prior of τ.

    Density τ/s² · exp(−τ²/2s²) for τ ≥ 0: it is 0 at τ = 0 and so rules out equal effects; its mode is s.

    Parameters
    ----------
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> round(Rayleigh(1).median, 4)
    1.1774
    """

    scale: float
    unit: str | None = None

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log τ − 2 log s − τ²/2s²."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(tau) - 2 * np.log(self.scale) - 0.5 * (tau / self.scale) ** 2)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(-np.expm1(-0.5 * (np.maximum(x, 0.0) / self.scale) ** 2))

    def _quantile(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.scale * np.sqrt(-2 * np.log1p(-p)))

    @property
    def mean(self) -> float:
        """s √(π/2)."""
        return float(self.scale * np.sqrt(np.pi / 2))

    @property
    def sd(self) -> float:
        """s √(2 − π/2)."""
        return float(self.scale * np.sqrt(2 - np.pi / 2))


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
    """Log-normal prior of τ: log τ ~ N(m, s²).

    A published law of log τ² ~ N(m, s²) is ``LogNormal(m/2, s/2)``; see `turner_prior`. It rules out τ = 0.

    Parameters
    ----------
    meanlog
        Mean m of log τ, τ in ``unit``.
    sdlog
        Scale s of log τ, 10⁻⁶ to 100.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    See Also
    --------
    turner_prior : the published table for log odds ratios.

    References
    ----------
    Turner, Jackson, Wei, Thompson & Higgins 2015, doi:10.1002/sim.6381.

    Examples
    --------
    >>> round(LogNormal(-1.28, 0.87).median, 3)
    0.278
    """

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
    """Log-t prior of τ: (log τ − m)/s is t with ν degrees of freedom.

    No moment of τ exists. A published law of log τ² with location m and scale s is ``LogStudentT(5, m/2, s/2)``.

    Parameters
    ----------
    df
        Degrees of freedom ν, 0.001 to 10⁷.
    meanlog
        Mean m of log τ, τ in ``unit``.
    sdlog
        Scale s of log τ, 10⁻⁶ to 100.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    See Also
    --------
    rhodes_prior : the published table for standardised mean differences.

    References
    ----------
    Rhodes, Turner & Higgins 2015, doi:10.1016/j.jclinepi.2014.08.012.

    Examples
    --------
    >>> round(LogStudentT(5, -1.72, 1.0).median, 3)
    0.179
    """

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
        """t density of log τ, over τ."""
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
    """Uniform prior of τ between 0 and h.

    Density 1/h on 0 ≤ τ ≤ h. Everything above h is ruled out, however strongly the data speak for it.

    Parameters
    ----------
    high
        Upper edge h > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Gelman 2006, doi:10.1214/06-BA117A.

    Examples
    --------
    >>> Uniform(5).median
    2.5
    """

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
