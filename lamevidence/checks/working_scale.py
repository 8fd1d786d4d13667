"""Estimates with variances that do not move with the data, for statistics of many replicates at once.

Counts are put on the scale of the true effect around the fit by the variance-stabilising transform of their law
(two arms given their margins, and hazards: by the score), so that all replicates of a design share one set of
variances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..bayes.counts.families import study_likelihoods
from ..bayes.counts.study_likelihood import LogConcaveLikelihood
from ..bayes.posterior import PosteriorBase
from ..effects.measures.base import FloatArray
from ..effects.measures.hazard import hazard_columns, log_survival
from ..effects.rows import MAX_MAGNITUDE

__all__ = ["Fitted", "WorkingModel", "WorkingScale", "tau_nodes", "working_scale"]

_NODES = 32
_AT_ONCE = 100_000
"""Residuals in memory at a time: few enough to stay in a processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkingScale:
    """A design on its working scale.

    Attributes
    ----------
    centre, slope
        The working estimate of a transformed datum is (it − centre)/slope, (k,).
    kind
        ``plain``, ``arcsine``, ``root`` or ``score``.
    size
        Totals behind arcsines, (k,).
    vi
        Variances on the working scale, (k,).
    kept
        Rows that carry information, (k,).
    X
        Design of these rows.
    """

    kind: str
    centre: FloatArray
    slope: FloatArray
    size: FloatArray
    vi: FloatArray
    kept: NDArray[np.intp]
    X: FloatArray

    def of(self, data: FloatArray) -> FloatArray:
        """Return working estimates of data (…, k), without the rows that carry no information."""
        if self.kind == "arcsine":
            data = 2.0 * np.arcsin(np.sqrt((data + 0.375) / (self.size + 0.75)))
        elif self.kind == "root":
            data = 2.0 * np.sqrt(data + 0.375)
        return np.asarray(((data - self.centre) / self.slope)[..., self.kept])


def working_scale(post: PosteriorBase) -> WorkingScale:
    """Return the working scale around the posterior medians of the coefficients."""
    c = post.table.counts
    at = post.X @ np.array([law.median for law in post.coefficients.values()])
    one = np.ones(post.k)
    if post.likelihood in ("normal", "t"):
        rows = study_likelihoods(post.table, post.likelihood)
        return _made("plain", at, one, one, np.array([row.approx[1] for row in rows]), post.X)
    if post.likelihood == "poisson":
        rate = c["ti"] * np.exp(at)
        return _made("root", 2.0 * np.sqrt(rate + 0.375), np.sqrt(rate), one, 1.0 / rate, post.X)
    if post.likelihood == "hypergeometric":
        slope, variance = np.empty(post.k), np.empty(post.k)
        for i, row in enumerate(study_likelihoods(post.table, post.likelihood)):
            assert isinstance(row, LogConcaveLikelihood)
            first, second = row.slopes(at[i : i + 1])
            slope[i], variance[i] = float(first[0]), -float(second[0])
        with np.errstate(divide="ignore"):
            return _made("score", c["ai"] - slope, variance, one, 1.0 / variance, post.X)
    if post.likelihood == "hazard":
        return _of_hazards(hazard_columns(c), at, post.X)
    binomial = post.likelihood == "binomial"
    size = c["ni"] if binomial else c["x1i"] + c["x2i"]
    p = special.expit(at if binomial else at + np.log(c["t1i"] / c["t2i"]))
    slope = np.sqrt(p * (1 - p))
    centre = 2.0 * np.arcsin(np.sqrt((size * p + 0.375) / (size + 0.75)))
    with np.errstate(divide="ignore"):
        return _made("arcsine", centre, slope, size, 1.0 / (size * p * (1 - p)), post.X)


def _of_hazards(c: Mapping[str, FloatArray], at: FloatArray, X: FloatArray) -> WorkingScale:
    """Return the scale of scores: the datum less its mean, over the slope of the mean, with the variance of that."""
    risk = ~np.isnan(c["patients"])
    m = np.exp(at) * np.where(risk, c["time"], c["person_time"])
    free = np.exp(log_survival(np.log(m), c["frailty"]))
    # of n(1 − S) patients the slope is n S m/(1 + φm); a rate's mean is its own
    mean = np.where(risk, c["total"] * (1 - free), m)
    slope = np.where(risk, c["total"] * free * m / (1.0 + c["frailty"] * m), m)
    clustered = np.where(c["frailty"] > 0, m * m * c["frailty"] / c["total"], 0.0)
    variance = np.where(risk, c["total"] * free * (1 - free), m + clustered)
    with np.errstate(divide="ignore", invalid="ignore"):
        vi = np.where(slope > 0, variance / slope**2, np.inf)
    return _made("score", mean, slope, np.ones(at.size), vi, X)


def _made(
    kind: str, centre: FloatArray, slope: FloatArray, size: FloatArray, vi: FloatArray, X: FloatArray
) -> WorkingScale:
    kept = np.flatnonzero(np.isfinite(vi) & (vi < MAX_MAGNITUDE))
    return WorkingScale(kind, centre, np.where(slope > 0, slope, 1.0), size, vi[kept], kept, X[kept])


def tau_nodes(post: PosteriorBase, vi: FloatArray, y: FloatArray) -> FloatArray:
    """Return nodes of τ with equal weights: quantiles of its prior; of an improper one, even in log τ."""
    places = (np.arange(_NODES) + 0.5) / _NODES
    if post.prior_tau.proper:
        return np.asarray(post.prior_tau.quantile(places))
    typical = float(np.sqrt(np.median(vi)))
    low, high = np.log(0.1 * typical), np.log(5.0 * max(typical, float(np.ptp(y))))
    return np.asarray(np.exp(low + (high - low) * places))


class Fitted(NamedTuple):
    """Log marginal likelihood (n,) and standardised residuals of each row, averaged over τ, (n, k)."""

    log: FloatArray
    z: FloatArray


class WorkingModel:
    """y ~ N(Xβ, v + τ²), β flat, τ on nodes of equal weight: the posterior of many data sets in a few array steps."""

    def __init__(self, vi: FloatArray, X: FloatArray, tau: FloatArray) -> None:
        self.X = X
        self.total = vi + tau[:, None] ** 2
        w = 1.0 / self.total
        P = np.einsum("jk,kp,kq->jpq", w, X, X)
        V = np.linalg.inv(P)
        self._to_beta = np.einsum("jpq,kq,jk->jpk", V, X, w)
        self._residual = np.maximum(self.total - np.einsum("kp,jpq,kq->jk", X, V, X), 1e-12 * self.total)
        self._const = -0.5 * (np.log(self.total).sum(axis=1) + np.linalg.slogdet(P)[1])

    def _parts(self, y: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """Residuals given τ, (n, J, k), a part of the data sets at a time."""
        step = max(1, _AT_ONCE // self.total.size)
        for first in range(0, y.shape[0], step):
            part = slice(first, first + step)
            beta = np.einsum("jpk,nk->njp", self._to_beta, y[part], optimize=True)
            yield part, y[part, None, :] - beta @ self.X.T

    def log_given(self, y: FloatArray) -> FloatArray:
        """Log marginal likelihood of each node, (n, J), up to a constant that is the same for all designs of rank p."""
        out = np.empty((y.shape[0], self.total.shape[0]))
        for part, gap in self._parts(y):
            out[part] = self._const - 0.5 * np.einsum("njk,njk,jk->nj", gap, gap, 1.0 / self.total)
        return out

    def log(self, y: FloatArray) -> FloatArray:
        """Log marginal likelihood, (n,)."""
        given = self.log_given(y)
        return np.asarray(special.logsumexp(given, axis=1) - np.log(given.shape[1]))

    def square(self, y: FloatArray) -> FloatArray:
        """Σ residual²/(v + τ²) of each node, (n, J)."""
        return np.asarray(-2.0 * (self.log_given(y) - self._const))

    def fit(self, y: FloatArray) -> Fitted:
        """Return what each data set (n, k) gives."""
        found = Fitted(np.empty(y.shape[0]), np.empty(y.shape))
        over, root = 1.0 / self.total, 1.0 / np.sqrt(self._residual)
        for part, gap in self._parts(y):
            given = self._const - 0.5 * np.einsum("njk,njk,jk->nj", gap, gap, over)
            top = given.max(axis=1, keepdims=True)
            weight = np.exp(given - top)
            found.log[part] = top[:, 0] + np.log(weight.mean(axis=1))
            found.z[part] = np.einsum("nj,njk,jk->nk", weight / weight.sum(axis=1, keepdims=True), gap, root)
        return found

    def pit(self, y: FloatArray) -> FloatArray:
        """P(a value below that of each row | the other rows), (n, k).

        Given τ a deleted residual in its standard deviation is the standardised residual, and the weights of the nodes
        given the others are those given all, divided by the density of the row.
        """
        out = np.empty(y.shape)
        spread = np.log(self.total) - 0.5 * np.log(self._residual)
        for part, gap in self._parts(y):
            given = self._const - 0.5 * np.einsum("njk,njk,jk->nj", gap, gap, 1.0 / self.total)
            z = gap / np.sqrt(self._residual)
            rest = given[:, :, None] + spread + 0.5 * z * z
            rest = np.exp(rest - rest.max(axis=1, keepdims=True))
            out[part] = (rest * special.ndtr(z)).sum(axis=1) / rest.sum(axis=1)
        return out
