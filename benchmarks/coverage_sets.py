"""Simulated meta-analyses for `coverage_table`, and their one-stage fits, many at once.

`fit_counts` maximises the likelihood that `lamevidence.pool` maximises, evaluated by the package's own quadrature
(`lamevidence.pooling.counts.quadrature_1d.line`) for all data sets side by side: a set's τ enters as the loading of its
studies. The program fits the first sets of each cell with `pool` as well, and stops where the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.effects.measures.base import FloatArray
from lamevidence.foundation.errors import LamEvidenceError
from lamevidence.pooling.counts.designs import CountData, conditional, one_arm
from lamevidence.pooling.counts.quadrature import StudyModel
from lamevidence.pooling.counts.quadrature_1d import line

__all__ = ["COLUMNS", "COUNTS", "OneStageMany", "Sets", "columns_of", "fit_counts", "simulate", "table_of"]

COUNTS = {"OR": "binomial", "IRR": "poisson", "PLO": "binomial", "IRLN": "poisson"}
"""Measure with a one-stage default → law of its counts."""
COLUMNS = {
    "OR": ("ai", "n1i", "ci", "n2i"),
    "RR": ("ai", "n1i", "ci", "n2i"),
    "RD": ("ai", "n1i", "ci", "n2i"),
    "IRR": ("x1i", "t1i", "x2i", "t2i"),
    "PLO": ("xi", "ni"),
    "IRLN": ("xi", "ti"),
}
MEAN = {"OR": -0.35, "RR": -0.35, "IRR": -0.35, "RD": -0.05, "MD": 0.5}
"""The true mean; of one arm it is the link of the event rate."""
SIZES = (30.0, 300.0)
"""Patients (or years) an arm are log-uniform between these."""
BASELINE = 0.3
"""Standard deviation of the studies' own level, on the link scale."""
RISKS = 0.03
"""The same for risk differences, in risk."""
PATIENTS = (10.0, 100.0)
"""Patients an arm of mean differences, log-uniform; the SD of a patient makes the typical standard error 1."""
TAUS = (0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Where the search for τ begins."""
NODES, FEW_NODES = 21, 5


@dataclass(frozen=True, slots=True)
class Sets:
    """Counts (events and sizes, (sets, k, arms)) or estimates with variances (sets, k), and the true mean."""

    measure: str
    truth: float
    events: FloatArray | None = None
    size: FloatArray | None = None
    yi: FloatArray | None = None
    vi: FloatArray | None = None


def simulate(measure: str, k: int, tau: float, rate: float, sets: int, rng: np.random.Generator) -> Sets:
    """Return data sets of one cell; two arms lie half an effect above and below the study's own level."""
    if measure == "MD":
        return _means(k, tau, sets, rng)
    size = np.round(np.exp(rng.uniform(*np.log(SIZES), (sets, k, 1))))
    if measure == "RD":
        return _risks(size[..., 0], tau, rate, rng)
    link = np.log if measure in ("RR", "IRR", "IRLN") else special.logit
    if measure in ("PLO", "IRLN"):
        truth = float(link(rate))
        theta = truth + tau * rng.standard_normal((sets, k, 1))
    else:
        truth = MEAN[measure]
        effect = truth + tau * rng.standard_normal((sets, k, 1))
        own = link(rate) + BASELINE * rng.standard_normal((sets, k, 1))
        theta = own + effect * np.array([0.5, -0.5])
        size = np.repeat(size, 2, axis=2)
    if measure in ("IRR", "IRLN"):
        events = rng.poisson(size * np.exp(theta))
    else:
        p = np.minimum(np.exp(theta), 0.99) if measure == "RR" else special.expit(theta)
        events = rng.binomial(size.astype(int), p)
    return Sets(measure, truth, events.astype(float), size)


def _risks(size: FloatArray, tau: float, rate: float, rng: np.random.Generator) -> Sets:
    """Return two arms whose risks differ by an effect on the scale of risks itself."""
    effect = MEAN["RD"] + tau * rng.standard_normal(size.shape)
    own = rate + RISKS * rng.standard_normal(size.shape)
    p = np.clip(own[..., None] + effect[..., None] * np.array([0.5, -0.5]), 0.0, 1.0)
    both = np.repeat(size[..., None], 2, axis=2)
    return Sets("RD", MEAN["RD"], rng.binomial(both.astype(int), p).astype(float), both)


def _means(k: int, tau: float, sets: int, rng: np.random.Generator) -> Sets:
    """Return mean differences with their estimated variances; the typical standard error is 1."""
    n = np.round(np.exp(rng.uniform(*np.log(PATIENTS), (sets, k))))
    sd = np.sqrt(np.exp(np.log(PATIENTS).mean()) / 2)
    truth = MEAN["MD"]
    theta = truth + tau * rng.standard_normal((sets, k))
    yi = theta + sd * np.sqrt(2 / n) * rng.standard_normal((sets, k))
    within = sd**2 * (rng.chisquare(n - 1) + rng.chisquare(n - 1)) / (n - 1) ** 2
    return Sets("MD", truth, yi=yi, vi=within * (n - 1) / n)


def columns_of(sets: Sets, i: int | slice) -> dict[str, FloatArray]:
    """Return the counts of a set (or of several) under the names of the package."""
    assert sets.events is not None
    assert sets.size is not None
    columns = [part[i][..., arm] for arm in range(sets.events.shape[2]) for part in (sets.events, sets.size)]
    return dict(zip(COLUMNS[sets.measure], columns, strict=True))


def table_of(sets: Sets, i: int) -> EvidenceTable:
    """Return one data set as a table."""
    if sets.yi is not None and sets.vi is not None:
        return EvidenceTable.from_estimates(sets.yi[i], vi=sets.vi[i], measure="MD")
    import pandas as pd

    columns = columns_of(sets, i)
    options: dict[str, Any] = {} if sets.measure in COUNTS else {"add": 0.5, "to": "only0", "drop00": True}
    return EvidenceTable.from_frame(pd.DataFrame(columns), sets.measure, **{c: c for c in columns}, **options)


@dataclass(frozen=True, slots=True)
class OneStageMany:
    """Mean, standard error, τ², degrees of freedom of each set; ``bounds`` where the interval is exact, else NaN."""

    mu: FloatArray
    se: FloatArray
    tau2: FloatArray
    df: FloatArray
    bounds: FloatArray

    def ends(self, quantile: FloatArray) -> FloatArray:
        """Return mean ± quantile × se, (sets, 2), exact bounds where there are such."""
        half = quantile * self.se
        wald = np.stack([self.mu - half, self.mu + half], axis=-1)
        return np.where(np.isnan(self.bounds), wald, self.bounds)


def fit_counts(sets: Sets, piece: int) -> OneStageMany:
    """Return the one-stage fit of each set, NaN where `pool` refuses; ``piece`` sets are fitted side by side."""
    assert sets.events is not None
    assert sets.size is not None
    m = sets.events.shape[0]
    out = np.full((4, m), np.nan)
    bounds = np.full((m, 2), np.nan)
    with np.errstate(all="ignore"):
        for start in range(0, m, piece):
            part = slice(start, min(start + piece, m))
            out[:, part] = _side_by_side(sets.events[part], sets.size[part], COUNTS[sets.measure])
    for i in np.flatnonzero(~np.isfinite(out).all(axis=0)):
        out[:, i] = np.nan
        try:
            fit = lam.pool(table_of(sets, int(i)))
        except LamEvidenceError:
            continue
        bounds[i] = tuple(fit.interval())
        if fit.bounds is None:
            out[:, i] = fit.mu, fit.se, fit.tau2, fit.k_informative - 1.0
            bounds[i] = np.nan
        else:
            out[0, i], out[3, i] = fit.mu, sets.events.shape[1] - 1.0
    return OneStageMany(*out, bounds)


class _Studies:
    """The studies of many sets as one model: each set with its own mean and τ."""

    def __init__(self, model: StudyModel, live: FloatArray) -> None:
        self.model, self.live = model, live
        self.mode: FloatArray | None = None

    def at(self, mu: FloatArray, tau: FloatArray, nodes: int, want: str) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log-likelihood (m,), gradient (m, 2) and Hessian (m, 2, 2) in (μ, τ)."""
        shape = self.live.shape
        spread = np.broadcast_to(tau[:, None], shape).ravel()
        model = replace(self.model, E=spread[:, None, None, None])
        f = (model.offset[:, 0] + np.broadcast_to(mu[:, None], shape).ravel())[None, None, :, None]
        terms = line(model, f, np.ones((1, 1)), nodes, self.mode, want)
        self.mode = np.where(np.isfinite(terms.mode), terms.mode, 0.0)
        value = (terms.value[0].reshape(shape) * self.live).sum(axis=1)
        if want == "value":
            return value, value, value
        gradient = (terms.gradient[0].reshape(*shape, 2) * self.live[..., None]).sum(axis=1)
        hessian = (terms.hessian[0].reshape(*shape, 2, 2) * self.live[..., None, None]).sum(axis=1)
        gradient[:, 1] /= tau
        hessian[:, 0, 1] /= tau
        hessian[:, 1, 0] /= tau
        hessian[:, 1, 1] /= tau**2
        return value, gradient, hessian

    def fixed(self, mu: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log-likelihood, score and information at τ = 0, (m,) each."""
        shape, model = self.live.shape, self.model
        eta = (model.offset[:, 0] + np.broadcast_to(mu[:, None], shape).ravel())[None, None, :, None]
        a, a1, a2 = (part[0, 0, :, 0] for part in model.cumulant.lower(eta))
        value = model.x[:, 0] * eta[0, 0, :, 0] - a + model.constant
        parts = (value, model.x[:, 0] - a1, a2)
        value, score, information = ((p.reshape(shape) * self.live).sum(axis=1) for p in parts)
        return value, score, information


def _side_by_side(events: FloatArray, size: FloatArray, family: str) -> FloatArray:
    """Return (μ, se, τ², df) of each set, (4, m); NaN where there may be no finite maximum."""
    m, k, arms = events.shape
    data = CountData(events.reshape(-1, arms), size.reshape(-1, arms), family, np.ones((m * k, 1)))
    live = np.ones((m, k)) if arms == 1 else 1.0 - data.uninformative().reshape(m, k)
    studies = _Studies(one_arm(data) if arms == 1 else conditional(data, exact=True), live)
    mu = _start(events, size, family)
    for _ in range(60):
        value, score, information = studies.fixed(mu)
        step = np.clip(score / np.maximum(information, 1e-12), -1.0, 1.0)
        mu = mu + step
        if np.abs(step).max() < 1e-10:
            break
    base = studies.fixed(mu)
    best_mu, best_tau, best = mu.copy(), np.zeros(m), base[0].copy()
    for tau in TAUS:
        at, spread = best_mu.copy(), np.full(m, tau)
        studies.mode = None
        for _ in range(3):
            value, gradient, hessian = studies.at(at, spread, FEW_NODES, "quick")
            step = np.clip(-gradient[:, 0] / np.minimum(hessian[:, 0, 0], -1e-9), -1.5, 1.5)
            at = at + step
        value = studies.at(at, spread, FEW_NODES, "value")[0]
        better = value > np.where(best_tau == 0, np.maximum(best - 0.05, -np.inf), best)
        best_mu, best_tau, best = (
            np.where(better, new, old) for new, old in ((at, best_mu), (spread, best_tau), (value, best))
        )
    random = best_tau > 0
    top = np.where(random, best_mu, mu)
    tau, value, variance, settled = _polished(studies, top, np.where(random, best_tau, 0.06))
    inside = random & settled[0] & (value > base[0] + 1e-9) & (tau > 1e-3)
    # a set whose search ran down to τ = 0 has its maximum there
    lost = random & ~settled[0] & (settled[1] > 1e-3)
    out = np.where(
        inside,
        [settled[2], np.sqrt(variance), tau**2, live.sum(axis=1) - 1],
        [mu, 1 / np.sqrt(base[2]), np.zeros(m), live.sum(axis=1) - 1],
    )
    infinite = (np.abs(base[1]) > 1e-6 * (1 + base[2])) | (np.abs(out[0]) > 20) | (out[2] > 400) | ~(base[2] > 1e-6)
    at_edge = (events.sum(axis=1) == 0).any(axis=1)
    if family == "binomial":
        at_edge |= (events == size).all(axis=1).any(axis=1)
    out[:, infinite | lost | at_edge | (live.sum(axis=1) < 2)] = np.nan
    return out


def _start(events: FloatArray, size: FloatArray, family: str) -> FloatArray:
    x, n = events.sum(axis=1) + 0.5, size.sum(axis=1)
    link = np.log(x / n) if family == "poisson" else np.log(x / (n + 1 - x))
    return np.asarray(link[:, 0] if link.shape[1] == 1 else link[:, 0] - link[:, 1])


def _polished(
    studies: _Studies, mu: FloatArray, tau: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, tuple[Any, FloatArray, FloatArray]]:
    """Return τ, log-likelihood, variance of μ, and (settled, τ, μ), by damped Newton steps in (μ, τ)."""
    studies.mode = None
    value, gradient, hessian = studies.at(mu, tau, NODES, "exact")
    settled, damp = np.zeros(mu.size, dtype=bool), np.ones(mu.size)
    for _ in range(40):
        curve, turn = np.linalg.eigh(hessian)
        push = (np.swapaxes(turn, 1, 2) @ gradient[..., None])[..., 0] / np.maximum(np.abs(curve), 1e-9)
        step = (turn @ push[..., None])[..., 0]
        predicted = np.abs((gradient * step).sum(axis=1))
        settled = (predicted < 1e-12 * (1 + np.abs(value))) | (tau < 1e-3)
        if settled.all():
            break
        limit = np.minimum(1.0, 0.6 * tau / np.maximum(np.abs(step[:, 1]), 1e-300))
        limit = np.minimum(limit, 1.5 / np.maximum(np.abs(step[:, 0]), 1e-300)) * damp
        trial_mu = np.where(settled, mu, mu + limit * step[:, 0])
        trial_tau = np.where(settled, tau, tau + limit * step[:, 1])
        new, new_gradient, new_hessian = studies.at(trial_mu, trial_tau, NODES, "exact")
        good = (new >= value - 1e-11 * (1 + np.abs(value))) & np.isfinite(new)
        damp = np.where(good, 1.0, damp * 0.3)
        mu, tau, value = np.where(good, trial_mu, mu), np.where(good, trial_tau, tau), np.where(good, new, value)
        gradient = np.where(good[:, None], new_gradient, gradient)
        hessian = np.where(good[:, None, None], new_hessian, hessian)
    information = -hessian
    determinant = information[:, 0, 0] * information[:, 1, 1] - information[:, 0, 1] ** 2
    return tau, value, information[:, 1, 1] / determinant, (settled & (tau >= 1e-3), tau, mu)
