"""Gamma-Poisson (negative binomial) model of single-arm event rates."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from .count_results import CountPooled
from .mixed_counts import MixedModel, fit_mixed, several_arms

__all__ = ["fit_gamma_poisson"]


def log_likelihood(x: FloatArray, t: FloatArray, rate: float, phi: float) -> float:
    """Return Σ log P(x | t) with rates Gamma of mean ``rate`` and squared coefficient of variation ``phi``.

    log P = x log m − log x! + Σ_{j<x} log(1 + jφ) − x log(1 + φm) − log(1 + φm)/φ with m = rate·t; exact at φ = 0 too.
    """
    m = rate * t
    grown = np.log1p(phi * m)
    sums = np.concatenate([[0.0], np.cumsum(np.log1p(phi * np.arange(int(x.max(initial=0.0)))))])
    spread = grown / phi if phi > 0 else m
    terms = special.xlogy(x, m) - special.gammaln(x + 1) + sums[x.astype(np.intp)] - x * grown - spread
    return float(terms.sum())


def fit_gamma_poisson(table: EvidenceTable, *, level: float = 0.95) -> CountPooled:
    """Fit x_i ~ Poisson(λ_i t_i), λ_i ~ Gamma with mean e^mu, by maximum likelihood.

    ``mu`` is the log of the mean rate: a marginal quantity, unlike the conditional one of `fit_glmm`. ``tau2`` is
    NaN; the squared coefficient of variation φ of the rates is in ``glance()``.

    Parameters
    ----------
    table
        Counts ``xi ti``.
    level
        Confidence level.

    Raises
    ------
    OptionError, InputError
        Counts missing or impossible.
    TooFewStudies, NotEstimable
        Fewer than two studies; no events.

    References
    ----------
    Guevara, Berlin & Wolf 2004, doi:10.1186/1471-2288-4-17.

    Examples
    --------
    >>> import numpy as np
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> names = tuple("abcd")
    >>> t = EvidenceTable(yi=np.zeros(4), vi=np.full(4, np.nan), labels=names, studies=names, measure="IRLN", unit=None,
    ...     counts={"xi": [2, 4, 3, 3], "ti": [20.0, 40.0, 30.0, 30.0]})
    >>> round(fit_gamma_poisson(t).transformed()["mu"], 6)
    0.1
    """
    x, t, level = several_arms(table, ("xi", "ti"), "the gamma-Poisson model", level)
    if x.sum() == 0:
        raise NotEstimable("no events: the rate is at the edge · model='glmm' gives the exact bound")
    model = MixedModel("gamma-poisson", "IRLN", "phi", math.log(x.sum() / t.sum()))

    def value(mu: float, phi: float) -> float:
        return log_likelihood(x, t, math.exp(mu), phi)

    return fit_mixed(table, model, value, np.concatenate([[0.0], np.geomspace(1e-4, 50, 25)]), 1e4, level)
