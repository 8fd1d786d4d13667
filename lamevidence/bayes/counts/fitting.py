"""Fitting: nodes over τ and μ where the posterior is, closer in whichever direction they are not close enough.

The nodes of one fit hold those of rules with twice the step, over τ, over μ and over each θ. A geometric error is
squared by halving the step, so that what such a rule differs by, d, bounds the error by about d²; what is stated is
more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import QuadratureError
from ..evidence_checks import check_estimates
from ..exact.existence import existence
from ..exact.node_maps import NodeMap
from ..exact.quadrature import TauGrid
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior
from .families import PrintedEstimate, StudyLikelihood, study_likelihoods
from .likelihoods import Likelihood
from .placing import Places, Seen, place_nodes
from .proper import require_proper
from .study_likelihood import LogConcaveLikelihood, Tempered
from .tails import effect_moments
from .two_level import TwoLevelState

__all__ = ["Known", "Steps", "error_from", "finer", "fit_rows", "fit_two_level", "gaps"]


class Steps(NamedTuple):
    """Steps over τ and over μ, and nodes over θ of each row."""

    tau: float
    mu: float
    theta: tuple[int, ...]


class Known(NamedTuple):
    """What a fit of nearly the same rows showed: the posterior, roughly, and the steps that it will take."""

    seen: Seen
    steps: Steps


class _Nodes(NamedTuple):
    """Nodes with their weights, and what rules with twice the step over θ would add to the logarithm of each row.

    ``inner`` are the log integral over θ, mean and variance of θ of each row at each node, (3, k, J, M).
    """

    grid: TauGrid
    map: NodeMap
    t: FloatArray
    at: FloatArray
    weight: FloatArray
    inner: FloatArray
    halves: FloatArray


_FIRST = 0.16, 0.125
_FIRST_THETA, _FIRST_SCALES = 57, 61
"""Nodes over θ of counts, and steps over the scales of a t likelihood."""
_ROUNDS = 5
_MOST_THETA = 481
_GOOD = 1.4e-5
"""A rule with twice the step that differs by less is close enough."""
_AIM = 3e-6
"""What a rule with finer steps is meant to differ by from that with twice its step."""
_FACTOR = 100.0
_FLOOR = 2e-10
"""What rounding and the ends leave."""
_ENOUGH = 1e-7
_LIMIT = 1e-6
_LOST = 1e3
"""What is said of rules that differ by more, or by what is no number."""


def fit_two_level(
    table: EvidenceTable, likelihood: Likelihood, mu: EffectPrior, tau: TauPrior, *, power: float = 1.0
) -> TwoLevelState:
    """Return the exact posterior of one mean effect; steps are made shorter until their rules agree.

    ``power`` tempers log-concave likelihoods.

    Raises
    ------
    ImproperPosterior
        An improper prior of τ, or a flat prior of μ with data that do not bound it (no events at all).
    QuadratureError
        The finest steps still miss 1e-6.
    """
    if likelihood.name in ("normal", "t"):
        check_estimates(table)
    rows = tuple(study_likelihoods(table, likelihood.name))
    if power != 1.0:
        rows = tuple(Tempered(row, power) for row in rows if isinstance(row, LogConcaveLikelihood))
    known = table.vi if likelihood.name in ("normal", "t") else np.array([row.approx[1] for row in rows])
    prior_tau = tau.resolve(known)
    require_proper(rows, np.ones((len(rows), 1)), (mu,), prior_tau, likelihood.name)
    return fit_rows(rows, mu, prior_tau, table.unit, likelihood.name)


def fit_rows(
    rows: tuple[StudyLikelihood, ...],
    mu: EffectPrior,
    prior_tau: TauPrior,
    unit: str | None,
    name: str,
    known: Known | None = None,
) -> TwoLevelState:
    """Return the exact posterior of these rows, which is proper; ``known`` is what nodes near it showed.

    Raises
    ------
    QuadratureError
        The finest steps still miss 1e-6.
    """
    informative = sum(row.below and row.above for row in rows)
    exists = existence(prior_tau, informative, int(not mu.proper))
    moments = effect_moments(rows, (mu,))
    several = name == "t" or any(isinstance(row, PrintedEstimate) for row in rows)
    places = place_nodes(rows, mu, prior_tau, exists.tau_moments, several=several, seen=known and known.seen)
    light = not np.isfinite(prior_tau.tail) and moments.highest == 2
    steps = known.steps if known else Steps(*_FIRST, (_FIRST_SCALES if several else _FIRST_THETA,) * len(rows))
    for turn in range(_ROUNDS):
        made = _weights(rows, mu, prior_tau, places, steps)
        moved = gaps(made.at, made.grid.tau, made.weight, made.halves.sum(axis=0), light=light)
        error = error_from(moved)
        if max(moved) < _GOOD or (turn > 1 and error < _ENOUGH):
            break
        # each row's share in what the nodes over θ move
        shares = np.abs(np.einsum("jm,kjm->k", made.weight, np.clip(made.halves, -1.0, 1.0)))
        rough = shares > min(0.3 * _GOOD, 0.5 * float(shares.max())) if moved[2] >= _GOOD else shares < 0.0
        steps = Steps(
            steps.tau / finer(moved[0]),
            steps.mu / finer(moved[1]),
            tuple(
                min(1 + 2 * int(np.ceil(0.5 * (n - 1) * finer(moved[2]))), _MOST_THETA) if more else n
                for n, more in zip(steps.theta, rough, strict=True)
            ),
        )
    if not error < _LIMIT:
        raise QuadratureError(
            f"integration over τ, μ and θ still moves by {error:.1e} at the finest level (limit {_LIMIT:g})"
            " · use engine='nuts'"
        )
    t = made.t
    return TwoLevelState(
        rows, mu, prior_tau, made.grid, t, float(t[1] - t[0]), made.map, made.at, made.weight, made.inner,
        made.grid.log_norm, error, exists, moments, steps.theta, unit, name,
    )  # fmt: skip


def finer(moved: float) -> float:
    """By how much a step is to be divided: 1 where it is close enough, else what a geometric error needs, up to 2."""
    if moved < _GOOD:
        return 1.0
    return float(np.clip(np.log(_AIM) / np.log(min(moved, 0.5)), 1.1, 2.0))


def error_from(moved: tuple[float, ...]) -> float:
    """Bound of the error where rules with twice the step differ by ``moved``."""
    return _FLOOR + _FACTOR * float(np.sum(np.square(np.minimum(moved, _LOST))))


def _weights(rows: tuple[StudyLikelihood, ...], mu: EffectPrior, tau: TauPrior, places: Places, steps: Steps) -> _Nodes:
    """Return the nodes and their weights."""
    h, hm = steps.tau, steps.mu / places.several
    ends = np.arcsinh((np.array(places.ends) - places.centre) / places.width)
    grid_t = h * np.arange(np.floor(ends[0] / h), np.ceil(ends[1] / h) + 1)
    u = places.centre + places.width * np.sinh(grid_t)
    taus = places.variable.tau(u)
    with np.errstate(divide="ignore", invalid="ignore"):
        outer = tau.logpdf(taus) + places.variable.log_slope(u) + np.log(places.width * np.cosh(grid_t))
    keep = np.isfinite(outer) & (taus > 0)
    grid_t, u, taus, outer = grid_t[keep], u[keep], taus[keep], outer[keep]
    maps = places.maps(u)
    t = hm * np.arange(np.floor(places.reach[0] / hm) - 1, np.ceil(places.reach[1] / hm) + 2)
    at = maps.nodes(t)
    log = mu.logpdf(at) + outer[:, None] - np.log(maps.slope(at))
    inner = np.empty((3, len(rows), *at.shape))
    halves = np.empty(inner.shape[1:])
    for i, row in enumerate(rows):
        # mean and variance cost a quarter more here, and as much again as all of it once a study's effect is asked for
        own, mean, var, half = row.integrate(at, taus[:, None], steps.theta[i])
        inner[0, i], inner[1, i], inner[2, i], halves[i] = own, mean, var, half - own
        log = log + own
    peak = log.max()
    weight = np.exp(log - peak)
    total = weight.sum()
    weight = weight / total
    row_mass = weight.sum(1)
    log_total = float(peak + np.log(total) + np.log(h) + np.log(hm))
    grid = TauGrid(taus, row_mass, grid_t, h, log_total, places.centre, places.width, places.variable, np.inf)
    return _Nodes(grid, maps, t, at, weight, inner, halves)


def gaps(
    nodes: FloatArray, tau: FloatArray, weight: FloatArray, halves: FloatArray | None, *, light: bool
) -> tuple[float, float, float]:
    """By how much rules with every second node over τ, μ and θ differ, in the scale of each quantity.

    Watched are the evidence, mean and standard deviation of μ and of τ; with heavy tails (not ``light``), whose moments
    hang on the farthest nodes, the means of an asinh of μ and of log(1 + τ). Without ``halves`` those over θ are taken
    as they are.
    """
    middle = float((weight * nodes).sum()) if light else float(nodes[np.unravel_index(weight.argmax(), weight.shape)])
    if light:
        of_mu, of_tau = [nodes, (nodes - middle) ** 2], [tau, tau * tau]
    else:
        unit = float(np.median(np.abs(nodes - middle)[weight > 1e-3 * weight.max()])) or 1.0
        of_mu, of_tau = [np.arcsinh((nodes - middle) / unit)], [np.log1p(tau)]

    def means(part: FloatArray, pick: tuple[slice, slice]) -> FloatArray:
        part = part[pick]
        rows = part.sum(axis=1)
        total = float(rows.sum())
        seen = [float(np.einsum("jm,jm->", part, x[pick])) / total for x in of_mu]
        seen += [float(rows @ x[pick[0]]) / total for x in of_tau]
        if not light:
            return np.array([np.log(total), *seen])
        (mean, square, first, second), shift = seen, seen[0] - middle
        return np.array([np.log(total), mean, square - shift**2, first, second - first**2])

    every, other = slice(None), slice(None, None, 2)
    whole = means(weight, (every, every))
    scale = np.array([1.0, np.sqrt(whole[2]), 2 * whole[2], whole[3], 2 * whole[4]]) if light else np.ones(3)

    def moved(part: FloatArray, pick: tuple[slice, slice], factor: float) -> float:
        apart = means(part, pick) - whole
        apart[0] += np.log(factor)
        most = float(np.max(np.abs(apart / scale)))
        return most if most < _LOST else _LOST

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        over_theta = 0.0
        if halves is not None:
            over_theta = moved(weight * np.exp(np.clip(halves, -50.0, 50.0)), (every, every), 1.0)
        return moved(weight, (other, every), 2.0), moved(weight, (every, other), 2.0), over_theta
