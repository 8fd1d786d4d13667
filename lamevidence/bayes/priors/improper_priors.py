"""Priors of τ that do not integrate, or whose constant is not used: flat ones, and those of Jeffreys' kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...effects.measures.base import FloatArray
from .data_priors import StandardErrorPrior, log_of

__all__ = ["BergerDeely", "Conventional", "FlatSqrt", "FlatTau", "Jeffreys", "OverallJeffreys"]


def _weights(vi: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log of the largest 1/(v + τ²), and all of them relative to it: neither under- nor overflows."""
    tau2 = np.asarray(tau)[..., None] ** 2
    least = vi.min() + tau2
    return -np.log(least)[..., 0], least / (vi + tau2)


@dataclass(frozen=True, slots=True, repr=False)
class FlatTau(StandardErrorPrior):
    """Uniform prior of τ, p(τ) ∝ 1, improper: what ``Flat()`` means for τ.

    It needs three studies with a flat prior of μ.

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
    >>> FlatTau().proper
    False
    """

    title: ClassVar[str] = "every τ is as likely as any other"
    _power: ClassVar[float] = 0.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """0."""
        return np.zeros(np.shape(tau))


@dataclass(frozen=True, slots=True, repr=False)
class FlatSqrt(StandardErrorPrior):
    """Uniform prior of √τ, p(τ) ∝ τ^−½, improper.

    More mass near 0 than a uniform prior of τ.

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
    >>> FlatSqrt().proper
    False
    """

    title: ClassVar[str] = "uniform in the square root of τ"
    _power: ClassVar[float] = 0.5

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """−½ log τ."""
        return -0.5 * log_of(tau)


@dataclass(frozen=True, slots=True, repr=False)
class Jeffreys(StandardErrorPrior):
    """Jeffreys' prior of τ with μ known, p(τ) ∝ √Σ (τ/(sᵢ² + τ²))², improper.

    The root of the information about τ; sᵢ are the standard errors of the studies.

    Parameters
    ----------
    vi
        Sampling variances that define it, (k,); leave them out: a fit knows its own, and a refit those of its rows.
    unit
        Label of the unit; the prior follows the estimates by itself.

    References
    ----------
    Bodnar, Link, Arendacká, Possolo & Elster 2017, doi:10.1002/sim.7156;
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> Jeffreys().proper
    False
    """

    title: ClassVar[str] = "Jeffreys' rule for τ"
    _power: ClassVar[float] = 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """½ log Σ (τ/(sᵢ² + τ²))²."""
        log_top, relative = _weights(self.variances, tau)
        return np.asarray(log_of(tau) + log_top + 0.5 * np.log((relative**2).sum(-1)))


@dataclass(frozen=True, slots=True, repr=False)
class OverallJeffreys(StandardErrorPrior):
    """Jeffreys' prior of (μ, τ) jointly, p(τ) ∝ √(Σ 1/(sᵢ² + τ²) · Σ (τ/(sᵢ² + τ²))²), improper.

    The root of the determinant of the information about both.

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
    >>> OverallJeffreys().proper
    False
    """

    title: ClassVar[str] = "Jeffreys' rule for μ and τ jointly"
    _power: ClassVar[float] = 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """½ log Σ wᵢ + log τ + ½ log Σ wᵢ²."""
        log_top, w = _weights(self.variances, tau)
        return np.asarray(1.5 * log_top + 0.5 * np.log(w.sum(-1)) + log_of(tau) + 0.5 * np.log((w * w).sum(-1)))


@dataclass(frozen=True, slots=True, repr=False)
class BergerDeely(StandardErrorPrior):
    """Berger and Deely's prior of τ, p(τ) ∝ Π (τ/(sᵢ² + τ²))^(1/k), improper.

    The geometric mean of the Jeffreys priors that each study alone would give.

    Parameters
    ----------
    vi
        Sampling variances that define it, (k,); leave them out: a fit knows its own, and a refit those of its rows.
    unit
        Label of the unit; the prior follows the estimates by itself.

    References
    ----------
    Berger & Deely 1988, Journal of the American Statistical Association 83:364;
    Röver 2020, doi:10.18637/jss.v093.i06.

    Examples
    --------
    >>> BergerDeely().proper
    False
    """

    title: ClassVar[str] = "geometric mean of the studies' own Jeffreys priors"
    _power: ClassVar[float] = 1.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log τ − mean log(sᵢ² + τ²)."""
        return np.asarray(log_of(tau) - np.mean(np.log(self.variances + np.asarray(tau)[..., None] ** 2), axis=-1))


@dataclass(frozen=True, slots=True, repr=False)
class Conventional(StandardErrorPrior):
    """Conventional prior of τ, p(τ) ∝ Π (τ (sᵢ² + τ²)^(−3/2))^(1/k).

    Integrable, but its constant is not closed and is not used, so that it counts as improper: no marginal
    likelihood.

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
    >>> Conventional().proper
    False
    """

    title: ClassVar[str] = "geometric mean of the studies' own conventional priors"
    _power: ClassVar[float] = 2.0

    def logpdf(self, tau: FloatArray) -> FloatArray:
        """log τ − 3/2 mean log(sᵢ² + τ²)."""
        return np.asarray(
            log_of(tau) - 1.5 * np.mean(np.log(self.variances + np.asarray(tau)[..., None] ** 2), axis=-1)
        )
