"""How far the data moved each prior."""

from __future__ import annotations

import numpy as np

from ..bayes.exact.distributions import Distribution
from ..bayes.posterior import PosteriorBase
from ..effects.measures.base import FloatArray
from ..foundation.errors import ImproperPosterior, OptionError
from .tables import CheckTable

__all__ = ["prior_learning"]

_NODES = 2001
_TAIL = 1e-10
_UNMOVED = 0.01
"""Nats below which a posterior is called its prior: two normals a seventh of a standard deviation apart."""


def prior_learning(fit: PosteriorBase) -> CheckTable:
    """Measure how far the data moved the priors of μ and τ, and where in its prior each posterior lies.

    The distance is Kullback and Leibler's ∫ p(x) log(p(x)/q(x)) dx of posterior p from prior q in nats: 0 where data
    say nothing. The place is the prior probability below the posterior median: near 0 or 1, prior and data conflict.

    Parameters
    ----------
    fit
        Exact result of `pool_bayes`; an improper prior has no distance, and its row is left out.

    Returns
    -------
    CheckTable
        ``quantity``, ``median`` of the posterior, ``pit`` its place in the prior, ``kl`` in nats.

    Raises
    ------
    OptionError
        Not an exact result.
    ImproperPosterior
        Both priors are improper.

    See Also
    --------
    prior_data_conflict : Whether the data surprise the prior.

    References
    ----------
    Kullback & Leibler 1951, doi:10.1214/aoms/1177729694.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> found = lam.checks.prior_learning(post)
    >>> found["quantity"], bool(found["kl"][0] > found["kl"][1])
    (('mu', 'tau'), True)
    """
    if not isinstance(fit, PosteriorBase) or fit.engine != "exact":
        given = f"engine={fit.engine!r}" if isinstance(fit, PosteriorBase) else type(fit).__name__
        raise OptionError(f"prior_learning takes an exact result of pool_bayes, got {given} · use engine='exact'")
    pairs: list[tuple[str, Distribution, Distribution]] = []
    if fit.prior_mu[0].proper:
        pairs.append(("mu", fit.mu, fit.prior_mu[0]))
    if fit.prior_tau.proper:
        pairs.append(("tau", fit.tau, fit.prior_tau))
    if not pairs:
        raise ImproperPosterior("improper priors have no distance from their posteriors · give a Normal or HalfNormal")
    middle = np.array([found.median for _, found, _ in pairs])
    pit = np.array([float(prior.cdf(m)) for (_, _, prior), m in zip(pairs, middle, strict=True)])
    kl = np.array([_distance(found, prior, name == "tau") for name, found, prior in pairs])
    names = tuple(name for name, _, _ in pairs)
    words = [
        f"{name}: {'the data leave the prior as it is' if d < _UNMOVED else f'{d:.2f} nats from its prior'}"
        f" (posterior median at its {100 * u:.3g}th percentile)"
        for name, d, u in zip(names, kl, pit, strict=True)
    ]
    columns = {"quantity": names, "median": middle, "pit": pit, "kl": kl}
    return CheckTable("prior_learning", "What the data add to the priors", columns, "; ".join(words) + ".", (), fit)


def _distance(found: Distribution, prior: Distribution, positive: bool) -> float:
    """∫ p log(p/q) by the trapezoidal rule between far quantiles, on a log scale where values are positive."""
    low, high = (float(x) for x in np.asarray(found.quantile(np.array([_TAIL, 1 - _TAIL]))))
    if positive:
        low = max(low, 1e-12 * high)
    t = np.linspace(np.log(low), np.log(high), _NODES) if positive else np.linspace(low, high, _NODES)
    x = np.exp(t) if positive else t
    p, q = (np.asarray(d.pdf(x)) for d in (found, prior))
    inside: FloatArray = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0) / np.where(q > 0, q, np.inf)), 0.0)
    return max(0.0, float(np.trapezoid(inside * (x if positive else 1.0), t)))
