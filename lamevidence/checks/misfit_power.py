"""How often each misfit would be seen on a design: it is planted into replicates, and looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..bayes.counts.families import Binomial, Hypergeometric, study_likelihoods
from ..bayes.counts.rates import Poisson
from ..bayes.counts.study_likelihood import StudyLikelihood
from ..effects.measures.base import FloatArray
from .misfits import FACTOR, Replicates, between, cochran_q, skewness, tail, wide_ratio

if TYPE_CHECKING:
    from ..bayes.posterior import PosteriorBase
    from .working_scale import WorkingModel

__all__ = ["PLANTS", "powers"]

PLANTS = {
    "loo_pit": "one row moved by 6 sd",
    "groups": "groups 4 τ apart",
    "zeros": "no events possible in a third of the rows",
    "skewness": "effects that are exponentially distributed",
    "scale": "standard errors 3 times too small",
    "q": "standard errors 3 times too large",
}
"""Statistic → the misfit that is planted for it."""
_SETS = 200
_CHOICES = 60


def powers(
    post: PosteriorBase, reps: Replicates, levels: dict[str, float], apart: WorkingModel | str, seed: int
) -> dict[str, float]:
    """Return the share of planted data sets in which each statistic alone has p ≤ its level.

    Replicates have the fitted mean and spread. They are judged on the working scale, those without events by their
    likelihood.

    Parameters
    ----------
    post, reps
        The result and replicates of its design.
    levels
        Statistic → level of its own.
    apart
        The working model with groups, where there are such.
    seed
        What reproduces the plants.
    """
    rng = np.random.default_rng([seed, 3])
    part = slice(0, _SETS)
    mean, tau, y = reps.mean[part], reps.tau[part, None], reps.new[part]
    se = np.sqrt(reps.scale.vi)
    shape = y.shape
    effect = mean + tau * rng.standard_normal(shape)
    noise = se * rng.standard_normal(shape)
    out: dict[str, float] = {}
    for name, level in levels.items():
        if name == "loo_pit":
            row = np.arange(shape[0]) % shape[1]
            sets = np.arange(shape[0])
            moved = y.copy()
            side = rng.choice([-1.0, 1.0], size=shape[0])
            moved[sets, row] += 6.0 * side * np.hypot(se[row], tau[:, 0])
            pit = reps.model.pit(moved)[sets, row]
            p = 2.0 * shape[1] * np.minimum(pit, 1.0 - pit)
        elif name == "groups" and not isinstance(apart, str):
            extra = apart.X[:, reps.scale.X.shape[1] :]
            place = np.append(extra, 1.0 - extra.sum(axis=1, keepdims=True), axis=1) @ np.arange(extra.shape[1] + 1.0)
            p = between(reps, apart, y + 4.0 * tau * place)
        elif name == "skewness":
            drawn = skewness(reps.fitted.z)
            planted = mean + tau * (rng.exponential(size=shape) - 1.0) + noise
            value = skewness(reps.model.fit(planted).z)
            p = 2.0 * np.minimum(tail(value, drawn), tail(-value, -drawn))
        elif name == "scale" and reps.prior is not None:
            p = tail(wide_ratio(reps, effect + FACTOR * noise), wide_ratio(reps, reps.prior))
        elif name == "q":
            p = tail(-cochran_q(reps, effect + noise / FACTOR), -cochran_q(reps, reps.new))
        elif name == "zeros":
            p = _without_events(post, reps, rng)
        else:
            continue
        out[name] = float(np.mean(p <= level))
    return out


def _without_events(post: PosteriorBase, reps: Replicates, rng: np.random.Generator) -> FloatArray:
    """P values of a third of the rows without events, rows chosen at random, given μ and τ of the fit to all rows."""
    rows = [empty for row in study_likelihoods(post.table, post.likelihood) if (empty := _emptied(row)) is not None]
    k = len(rows)
    if not k:
        return np.ones(1)
    size = -(-k // 3)
    part = slice(0, _SETS // 2)
    mu, tau = (reps.beta[part] @ post.X[0])[:, None], reps.tau[part, None]
    log = np.column_stack([row.integrate(mu, tau, 41, moments=False).log[:, 0] for row in rows])
    ways = np.log(special.comb(k, size))
    chosen = [rng.permutation(k)[:size] for _ in range(_CHOICES)]
    found = [special.logsumexp(log[:, rows].sum(axis=1)) - np.log(log.shape[0]) for rows in chosen]
    return np.asarray(np.exp(np.minimum(0.0, np.array(found) + ways)))


def _emptied(row: StudyLikelihood) -> StudyLikelihood | None:
    """Return the row with no event; None where it always has some, or none."""
    if isinstance(row, Binomial):
        return Binomial(0.0, row.n, row.offset) if row.n else None
    if isinstance(row, Poisson):
        return Poisson(0.0, row.exposure)
    if isinstance(row, Hypergeometric) and row.low == 0 and row.high > 0:
        n1, n2, m = row.margins
        return Hypergeometric(0.0, n1, m, n2)
    return None
