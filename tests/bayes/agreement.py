"""Chains against a reference: means, standard deviations and quantiles in units of their Monte Carlo error."""

import numpy as np
from scipy import stats

QUANTILES = (0.05, 0.5, 0.95)


def _effective(named):
    """Effective sample size for the mean of each array (chain, draw): the one call that both lines of ArviZ share."""
    import arviz as az
    import xarray

    data = xarray.Dataset({str(i): (("chain", "draw"), x) for i, x in enumerate(named)})
    found = az.ess(data, method="mean")
    return [float(found[str(i)]) for i in range(len(named))]


def z_scores(draws, reference):
    """Return statistic → deviation of draws (chain, draw) from ``mean``, ``sd`` and ``quantile`` of a reference.

    Monte Carlo errors: Vehtari et al. 2021 (doi:10.1214/20-BA1221), that of the sd by the delta method.
    """
    mean, sd = draws.mean(), draws.std()
    squares = (draws - mean) ** 2
    cuts = [np.quantile(draws, p) for p in QUANTILES]
    size = _effective([draws, squares, *(np.asarray(draws <= q, dtype=float) for q in cuts)])
    out = {
        "mean": (mean - reference.mean) / (sd / np.sqrt(size[0])),
        "sd": (sd - reference.sd) / (squares.std() / (2 * sd * np.sqrt(size[1]))),
    }
    for p, q, n in zip(QUANTILES, cuts, size[2:], strict=True):
        ends = np.quantile(draws, stats.beta(n * p + 1, n * (1 - p) + 1).ppf(stats.norm.cdf([-1, 1])))
        out[p] = (q - reference.quantile(p)) / (0.5 * np.ptp(ends))
    return {name: float(z) for name, z in out.items()}


def worst(posterior, references):
    """Return the largest deviation and where it is; ``references`` maps (variable, index or None) to a reference."""
    scores = {}
    for (name, i), reference in references.items():
        values = posterior[name].values if i is None else posterior[name].values[..., i]
        scores |= {(name, i, statistic): z for statistic, z in z_scores(values, reference).items()}
    where = max(scores, key=lambda key: abs(scores[key]))
    return abs(scores[where]), where


def of_posterior(post):
    """References of an exact posterior: μ, τ and every θᵢ."""
    effects = {("theta", i): d for i, d in enumerate(post.theta.values())}
    return {("mu", None): post.mu, ("tau", None): post.tau} | effects
