"""ML and REML: the likelihood of τ², and a maximum that is never a wrong mode.

The likelihood can have several maxima (up to 7 % of ML problems with very unequal variances), and a score
that is negative at τ² = 0 does not mean that the maximum is there. Newton's method finds one maximum, a short proof
shows for most data sets that it is the only one (`likelihood_certain`), all others are scanned (`likelihood_scan`).
"""

from __future__ import annotations

import numpy as np

from ..effects.measures.base import FloatArray
from .kernels import Projection, pick, take
from .likelihood_certain import certain
from .likelihood_one import maximum_of_one
from .likelihood_scan import LikelihoodFit, scan
from .likelihood_terms import restricted_log_likelihood, score

__all__ = [
    "LikelihoodFit", "information", "log_likelihood", "maximise", "maximum_of_one", "restricted_log_likelihood",
    "score",
]

SCANNED = 1000
"""Data sets scanned at once."""
_LOG_2PI = float(np.log(2 * np.pi))


def log_likelihood(
    y: FloatArray, v: FloatArray, t: float, X: FloatArray, *, restricted: bool, residuals: FloatArray | None = None
) -> float:
    """Return the full (restricted) log-likelihood of one data set, all constants included."""
    k, p = X.shape
    w = 1.0 / (v + t)
    projection = Projection(w, X)
    r = projection.residuals(y) if residuals is None else residuals
    rss = float(np.sum(w * r * r))
    logs = float(np.sum(np.log(v + t)))
    if not restricted:
        return float(-0.5 * (k * _LOG_2PI + logs + rss))
    within = float(np.linalg.slogdet(X.T @ X)[1])
    return float(-0.5 * ((k - p) * _LOG_2PI - within + logs + float(projection.log_determinant()) + rss))


def information(value: float, v: FloatArray, p: int, estimated: bool, restricted: bool) -> dict[str, float]:
    """Return log-likelihood, deviance, AIC, BIC and AICc.

    Parameters
    ----------
    value
        Log-likelihood at the estimate.
    v
        Variances, (k,); the saturated model of the ML deviance.
    p, estimated
        Number of coefficients, and whether τ² was estimated.
    restricted
        REML: k − p observations, deviance −2ℓ.
    """
    k, parameters = v.size, p + int(estimated)
    n = k - p if restricted else k
    saturated = 0.0 if restricted else -0.5 * float(np.sum(_LOG_2PI + np.log(v)))
    size = max(n, parameters + 2)
    return {
        "log_likelihood": value, "deviance": -2 * (value - saturated), "aic": -2 * value + 2 * parameters,
        "bic": -2 * value + parameters * float(np.log(n)),
        "aicc": -2 * value + 2 * parameters * size / (size - parameters - 1),
    }


def maximise(
    y: FloatArray, v: FloatArray, k: FloatArray, X: FloatArray | None, restricted: bool
) -> LikelihoodFit:
    """Return the global maximum of the (restricted) likelihood of τ² for each of m data sets.

    Parameters
    ----------
    y, v
        Centred data, (m, k).
    k
        Number of live studies, (m,).
    X
        Design, (k, p) or (m, k, p), or None.
    restricted
        REML if True, ML otherwise.
    """
    m = y.shape[0]
    if m == 1 and X is None and k[0] == y.shape[1] > 1 and v.min() > 0:
        return LikelihoodFit(*(np.array([x]) for x in maximum_of_one(y[0], v[0], restricted)))
    y, v = np.asfortranarray(y), np.asfortranarray(v)
    t, sure = certain(y, v, k - (0 if not restricted else 1 if X is None else X.shape[-1]), X, restricted)
    fit = LikelihoodFit(t, np.ones(m, dtype=np.int64), np.full(m, np.inf), np.zeros(m, dtype=np.int64))
    rest = np.flatnonzero(~sure)
    if rest.size == 1:  # one row alone would be added up in another order than rows side by side
        rest = np.repeat(rest, 2)
    for i in range(0, rest.size, SCANNED):
        rows = rest[max(0, min(i, rest.size - 2)) : i + SCANNED]
        found = scan(take(y, rows), take(v, rows), k[rows], pick(X, rows), restricted)
        for all_of_them, some in zip(fit, found, strict=True):
            all_of_them[rows] = some
    return fit
