"""Proper priors of τ whose density falls like a power of τ, beside the half-t family in `base`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from .base import ScalePrior

__all__ = ["InverseChi", "InverseGamma", "Lomax"]

_INF = float("inf")


@dataclass(frozen=True, slots=True, repr=False)
class _PowerTail(ScalePrior):
    """A shape a and a scale s, p(τ) ~ τ^−(a+1), and the mean s/(a − 1)."""

    shape: float
    scale: float
    unit: str | None = None

    @property
    def tail(self) -> float:
        """a + 1."""
        return self.shape + 1.0

    @property
    def mean(self) -> float:
        """s/(a − 1), infinite for a ≤ 1."""
        return self.scale / (self.shape - 1) if self.shape > 1 else _INF


@dataclass(frozen=True, slots=True, repr=False)
class Lomax(_PowerTail):
    """Lomax prior of τ: a Pareto law that starts at 0.

    Density a/s · (1 + τ/s)^−(a+1) for τ ≥ 0; the mean is finite for a > 1, the standard deviation for a > 2.

    Parameters
    ----------
    shape
        Shape a, 0.001 to 10⁷: the smaller, the heavier the tail.
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> Lomax(1, 2).median
    2.0
    """

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log a − log s − (a+1) log(1 + τ/s)."""
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
    """Inverse-chi prior of τ: s over a chi variable with ν degrees of freedom.

    1/τ² is then a scaled chi-squared variable, the conjugate form. Density 2^(1−ν/2)/Γ(ν/2) · s^ν τ^−(ν+1)
    exp(−s²/2τ²) for τ > 0: it rules out τ = 0.

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
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> round(InverseChi(3, 1).median, 4)
    0.6501
    """

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
    """Inverse-gamma prior of τ itself (not of τ²).

    Density s^a/Γ(a) · τ^−(a+1) e^(−s/τ) for τ > 0: it rules out τ = 0; the mean is finite for a > 1, the standard
    deviation for a > 2.

    Parameters
    ----------
    shape
        Shape a, 0.001 to 10⁷: the smaller, the heavier the tail.
    scale
        Scale s > 0, in the unit of τ.
    unit
        Unit of τ, that of the estimates or one of its dimension; None for pure numbers.

    References
    ----------
    van Erp, Verhagen, Grasman & Wagenmakers 2017, doi:10.5334/jopd.33.

    Examples
    --------
    >>> round(InverseGamma(1, 0.15).median, 4)
    0.2164
    """

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """a log s − log Γ(a) − (a+1) log τ − s/τ."""
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
