"""Beta-binomial model of single-arm proportions: a sensitivity analysis that needs no link and no quadrature."""

from __future__ import annotations

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable
from .count_results import CountPooled
from .mixed_counts import MixedModel, fit_mixed, several_arms

__all__ = ["fit_beta_binomial"]


def log_likelihood(x: FloatArray, n: FloatArray, mean: float, rho: float) -> float:
    """Return Σ log P(x | n) with p ~ Beta, E p = ``mean`` and intra-study correlation ``rho`` = 1/(a + b + 1).

    With θ = ρ/(1 − ρ): C(n,x) Π_{j<x}(m + jθ) Π_{j<n−x}(1 − m + jθ) / Π_{j<n}(1 + jθ), exact at ρ = 0 too.
    """
    theta = rho / (1 - rho)
    total = float((special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)).sum())
    total += _rising(mean, theta, x) + _rising(1 - mean, theta, n - x) - _rising(1.0, theta, n)
    return total


def _rising(start: float, theta: float, counts: FloatArray) -> float:
    """Return Σ_i Σ_{j < counts_i} log(start + jθ)."""
    largest = int(counts.max(initial=0.0))
    sums = np.concatenate([[0.0], np.cumsum(np.log(start + theta * np.arange(largest)))])
    return float(sums[counts.astype(np.intp)].sum())


def fit_beta_binomial(table: EvidenceTable, *, level: float = 0.95) -> CountPooled:
    """Fit x_i ~ Binomial(n_i, p_i), p_i ~ Beta(a, b), by maximum likelihood.

    ``mu`` is the log odds of the mean proportion a/(a+b): a marginal quantity, unlike the conditional one of
    `fit_glmm`. ``tau2`` is NaN, since between-study variance lives on the proportion scale: the intra-study
    correlation ρ = 1/(a+b+1) is in ``glance()``.

    Parameters
    ----------
    table
        Counts ``xi ni``.
    level
        Confidence level.

    Raises
    ------
    OptionError, InputError
        Counts missing or impossible.
    TooFewStudies, NotEstimable
        Fewer than two studies; no events, or nothing but events.

    References
    ----------
    Kuss 2015, doi:10.1002/sim.6383.

    Examples
    --------
    >>> import numpy as np
    >>> from lamevidence.effects.evidence_table import EvidenceTable
    >>> x = [16, 10, 4, 43, 10, 25, 13, 12, 22, 4, 5, 18, 58, 6]
    >>> n = [17, 12, 8, 58, 10, 42, 14, 12, 41, 5, 6, 23, 68, 10]
    >>> names = tuple(str(i) for i in range(14))
    >>> t = EvidenceTable(yi=np.zeros(14), vi=np.full(14, np.nan), labels=names, studies=names, measure="PLO",
    ...     unit=None, counts={"xi": x, "ni": n})
    >>> round(fit_beta_binomial(t).transformed()["mu"], 6)
    0.77475
    """
    x, n, level = several_arms(table, ("xi", "ni"), "the beta-binomial model", level)
    if x.sum() == 0 or (x == n).all():
        raise NotEstimable(
            "no events, or nothing but events: the mean is at the edge · model='glmm' gives the exact bound"
        )
    model = MixedModel("beta-binomial", "PLO", "rho", float(special.logit(x.sum() / n.sum())))

    def value(mu: float, rho: float) -> float:
        return log_likelihood(x, n, float(special.expit(mu)), rho)

    return fit_mixed(table, model, value, np.concatenate([[0.0], np.geomspace(1e-4, 0.95, 25)]), 0.9999, level)
