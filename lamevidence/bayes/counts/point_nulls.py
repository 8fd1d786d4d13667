"""Evidence at a point: of τ = 0, and of a value of μ, each by an integral of its own in one dimension."""

from __future__ import annotations

import numpy as np

from ...effects.measures.base import FloatArray
from ..exact.quadrature import Watch, tau_grid
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior, Normal, StudentT
from .families import StudyLikelihood

__all__ = ["log_evidence_at", "log_evidence_without_spread"]

_THETA = 61
_SCAN = 0.1
_CELLS = 40
_DEPTH = 45.0
_PLACES, _SHARES = np.polynomial.legendre.leggauss(8)


def log_evidence_at(means: FloatArray, rows: tuple[StudyLikelihood, ...], tau: TauPrior) -> float:
    """Log ∫ p(τ) Π p(yᵢ | meanᵢ, τ) dτ: the mean effect of each row is known."""

    def target(taus: FloatArray) -> tuple[FloatArray, FloatArray]:
        log = tau.logpdf(taus)
        for row, mean in zip(rows, means, strict=True):
            log = log + row.integrate(np.full((1, 1), mean), taus[:, None], _THETA, moments=False).log[:, 0]
        return np.asarray(log), np.zeros((taus.size, 0))

    def watched(taus: FloatArray, given: FloatArray, weight: FloatArray) -> Watch:
        del taus, given, weight
        return lambda taus, given: np.asarray(np.log1p(taus)[:, None] + 0.0 * given.sum())

    centre, v = np.array([row.approx for row in rows]).T
    far = float(np.abs(centre - means).max())
    scales = [*np.sqrt(v), tau.typical, far or float(np.sqrt(v.min()))]
    grid, _ = tau_grid(target, watched, scales=(min(scales), max(scales)), upper=tau.upper, moments=0)
    return grid.log_norm


def log_evidence_without_spread(rows: tuple[StudyLikelihood, ...], prior: EffectPrior) -> float:
    """Log ∫ p(μ) Π p(yᵢ | θᵢ = μ) dμ: one common effect.

    The line is cut into cells that are narrow around every row, the mean of all and the prior, narrower where the
    integrand turns out to be, and each is integrated by Gauss and Legendre's rule.
    """
    centre, v = np.array([row.approx for row in rows]).T

    def log_density(mu: FloatArray) -> FloatArray:
        total = np.asarray(prior.logpdf(mu), dtype=np.float64) + np.zeros(mu.shape)
        for row in rows:
            total = total + row.value(mu)
        return np.asarray(np.where(np.isnan(total), -np.inf, total))

    anchors, widths = [*centre, float(np.average(centre, weights=1 / v))], [*np.sqrt(v), (1 / v).sum() ** -0.5]
    if isinstance(prior, Normal | StudentT):
        anchors.append(prior.loc)
        widths.append(prior.scale)
    s = np.sinh(np.arange(-14.0, 14.0 + _SCAN, _SCAN))
    edges = np.unique(np.concatenate([a + w * s for a, w in zip(anchors, widths, strict=True)]))
    for _ in range(40):
        log = log_density(edges)
        near = np.flatnonzero(log > float(log.max()) - _DEPTH)
        first, last = max(int(near[0]) - 1, 0), min(int(near[-1]) + 1, edges.size - 1)
        if near.size >= _CELLS:
            break
        edges = np.unique(np.concatenate([edges, np.linspace(edges[first], edges[last], 4 * _CELLS)]))
    cuts = edges[first : last + 1]
    half, middle = 0.5 * np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
    log = log_density(middle[:, None] + half[:, None] * _PLACES)
    peak = float(log.max())
    return peak + float(np.log(half @ (np.exp(log - peak) @ _SHARES)))
