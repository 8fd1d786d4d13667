"""Nagashima, Noma and Furukawa's prediction interval: τ² drawn from its confidence distribution.

The distribution function of Cochran's Q at the observed value, as a function of τ², is a confidence
distribution of τ²; the interval propagates it, and the uncertainty of the mean, to a new study.
Reference: Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from .fitted import Fitted
from .intervals import Inference
from .prediction import PREDICTIONS, Predictive, refuse_few
from .quadratic_forms import weighted_chi2_cdf
from .tau2 import form_eigenvalues, solve_form

__all__ = ["DRAWS", "confidence_draws", "nagashima", "tau2_confidence_draws"]

DRAWS = 50_000
SEED = 20190
GRID = 160


def tau2_confidence_draws(fit: Fitted, u: FloatArray) -> FloatArray:
    """Return the τ² at which P(Q ≤ observed) equals 1 − u, for uniform u; 0 where that is below τ² = 0."""
    w = 1.0 / fit.v
    r = fit.y - float(w.dot(fit.y)) / float(w.sum())
    observed = float((w * r).dot(r))

    def reached(t: float) -> float:
        return 1.0 - weighted_chi2_cdf(observed, form_eigenvalues(fit.v, t, None, w))

    high = max(solve_form(fit.y, fit.v, None, w, 1e-7)[0], float(fit.v.min()))
    low = min(float(fit.v.min()) * 1e-3, high / 2)
    points = np.concatenate([[0.0], np.geomspace(low, high, GRID)])
    share = np.clip(np.maximum.accumulate([reached(float(t)) for t in points]), 1e-15, 1.0 - 1e-15)
    rising = np.concatenate([[True], np.diff(share) > 0])
    from scipy.interpolate import PchipInterpolator

    score = special.ndtri(share[rising])  # on the normal scale the distribution is nearly straight up to its tails
    inverse = PchipInterpolator(score, np.sqrt(points[rising]))
    return np.asarray(np.where(u <= share[0], 0.0, inverse(np.clip(special.ndtri(u), score[0], score[-1]))) ** 2)


def confidence_draws(fit: Fitted, draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return stratified draws of the mean, μ̂(τ²) − t(k − 1)·se_HK(τ²), and of a new study, which adds τZ.

    τ² is drawn from its confidence distribution; each of the three sources is one point a stratum.
    """
    t = tau2_confidence_draws(fit, (np.arange(draws) + rng.random(draws)) / draws)
    w = 1.0 / (fit.v + t[:, None])
    total = w.sum(axis=1)
    mean = w @ fit.y / total
    se = np.sqrt((w * (fit.y - mean[:, None]) ** 2).sum(axis=1) / ((fit.k - 1) * total))
    normal = special.ndtri((rng.permutation(draws) + rng.random(draws)) / draws)
    student = special.stdtrit(fit.k - 1, (rng.permutation(draws) + rng.random(draws)) / draws)
    means = mean - student * se
    return np.asarray(means), np.asarray(means + np.sqrt(t) * normal)


@PREDICTIONS.register("NNF", title="Nagashima-Noma-Furukawa", reference="10.1177/0962280218773520")
def nagashima(fit: Fitted, inference: Inference) -> Predictive:
    """Return draws of μ̂(τ²) + τZ − t(k − 1)·se_HK(τ²), τ² from its confidence distribution; fixed seed."""
    refuse_few(fit, 3, "NNF")
    draws = confidence_draws(fit, DRAWS, np.random.default_rng(SEED))[1]
    return Predictive(fit.mean, float(draws.std()), np.inf, tuple(draws.tolist()))
