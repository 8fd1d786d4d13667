"""The exact posterior with moderators under a likelihood that is not normal: nodes over τ and up to three coefficients.

As in `fitting`: steps are made shorter until rules with twice the step, over τ, over each direction of the
coefficients, over the true effects and over the tables of the rows, agree. A geometric error is squared by halving the
step; that of the tables, which polynomials of degree 7 are read off, falls to a 256th. What coarser rules over the true
effects and coarser tables do is seen at every second node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable, OptionError, QuadratureError
from ..evidence_checks import check_estimates
from ..exact.existence import existence
from ..exact.normal_normal import normal_model
from ..exact.quadrature import TauGrid, TauMap
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior, StudentT
from .coefficient_nodes import (
    Axes,
    Core,
    Given,
    Held,
    aligned,
    every_node,
    held_nodes,
    log_density,
    moved_core,
    row_lines,
    summed,
    terms_of,
)
from .families import study_likelihoods
from .fitting import error_from, finer
from .likelihoods import Likelihood
from .placing import normal_like, over_tau, scan_of_tau
from .point_nulls import log_evidence_at
from .proper import require_proper
from .regression_state import RegressionState, Steps, steps_along
from .tails import effect_moments

__all__ = ["MOST_COEFFICIENTS", "evidence_without_spread", "fit_regression", "without_row"]

MOST_COEFFICIENTS = 3
_FIRST = 0.16, 0.125, 0.14, 0.0625, 61
_ROUNDS = 4
_MOST_THETA = 481
_GOOD = 1.4e-5
_LIMIT = 1e-6
_SCAN_THETA = 17
_EDGE = 1e-10
"""Most that the outermost nodes may hold where they are taken over without a row."""
_CLOSE = 1e-7
"""Largest estimated error of nodes that are taken over."""


class _Gaps(NamedTuple):
    """What rules with twice the step differ by: over τ, along and across, the true effects, the tables."""

    tau: float
    first: float
    other: float
    theta: float
    table: float


def fit_regression(
    table: EvidenceTable,
    likelihood: Likelihood,
    X: FloatArray,
    mu: tuple[EffectPrior, ...],
    tau: TauPrior,
    names: tuple[str, ...] = (),
) -> RegressionState:
    """Return the exact posterior of up to three coefficients.

    Raises
    ------
    OptionError
        More coefficients.
    ImproperPosterior
        An improper prior of τ, or a coefficient with a flat prior that the data do not bound.
    NotEstimable
        Columns with flat priors that depend on each other.
    QuadratureError
        The finest steps still miss 1e-6.
    """
    if X.shape[1] > MOST_COEFFICIENTS:
        raise OptionError(
            f"{X.shape[1]} coefficients with a {likelihood.name} likelihood are more than quadrature takes"
            f" ({MOST_COEFFICIENTS}) · use engine='nuts', or likelihood='normal'"
        )
    if likelihood.name in ("normal", "t"):
        check_estimates(table)
    rows = tuple(study_likelihoods(table, likelihood.name))
    known = table.vi if likelihood.name in ("normal", "t") else np.array([row.approx[1] for row in rows])
    prior_tau = tau.resolve(known)
    require_proper(rows, X, mu, prior_tau, likelihood.name, names)
    given = Given(rows, X, np.zeros(len(rows)), mu)
    return fit_given(given, prior_tau, table.unit, likelihood.name)


def fit_given(given: Given, tau: TauPrior, unit: str | None, name: str) -> RegressionState:
    """Return the exact posterior of the coefficients of rows that may have an offset."""
    rows = given.rows
    flat = sum(not prior.proper for prior in given.priors)
    exists = existence(tau, sum(row.below and row.above for row in rows), flat)
    moments = effect_moments(rows, given.priors, given.X)
    variable, scan, core, mass = _scan(given, tau)
    centre, width, ends = over_tau(variable, scan, core.tau, mass, exists.tau_moments)
    steps = Steps(*_FIRST[:4], (_FIRST[4],) * len(rows))
    for turn in range(_ROUNDS):
        state, moved = _fitted(given, tau, (variable, centre, width, ends), (scan, core), steps)
        error = error_from(moved[:4]) + 0.02 * moved.table
        if max(moved) < _GOOD or (turn > 1 and error < 0.1 * _LIMIT):
            break
        steps = Steps(
            steps.tau / finer(moved.tau),
            steps.first / finer(moved.first),
            steps.other / finer(moved.other),
            steps.table if moved.table < _GOOD else steps.table / 2,
            steps.theta if moved.theta < _GOOD else tuple(min(2 * n - 1, _MOST_THETA) for n in steps.theta),
        )
    if not error < _LIMIT:
        raise QuadratureError(
            f"integration over τ, {given.X.shape[1]} coefficients and θ still moves by {error:.1e} at the finest level"
            f" (limit {_LIMIT:g}) · use engine='nuts'"
        )
    return replace(
        state, error=error, exists=exists, moments=moments, unit=unit, likelihood=name,
        evidence_of=partial(_evidence_of, given, tau, name),
    )  # fmt: skip


def _evidence_of(given: Given, tau: TauPrior, name: str, null: str, value: float) -> float:
    """Log evidence where τ is 0, or where the first coefficient has a value."""
    if null == "tau":
        if value != 0.0:
            raise OptionError("the point null of τ is 0 · write bayes_factor(tau=0)")
        return evidence_without_spread(given, name)
    offset = given.offset + value * given.X[:, 0]
    if given.X.shape[1] == 1:
        return log_evidence_at(offset, given.rows, tau)
    return fit_given(Given(given.rows, given.X[:, 1:], offset, given.priors[1:]), tau, None, name).log_marginal


def _approximation(given: Given, tau: FloatArray) -> Core:
    """Where the coefficients are if every likelihood is taken as normal."""
    y, v = np.array([row.approx for row in given.rows]).T
    priors = [normal_like(prior) if isinstance(prior, StudentT) else prior for prior in given.priors]
    model = normal_model(y - given.offset, v, given.X, priors)
    _, mean, cov = model.given(tau)
    return Core(tau, mean + model.shift, cov)


def _scan(given: Given, tau: TauPrior) -> tuple[TauMap, FloatArray, Core, FloatArray]:
    """Return the variable of τ, its scan, where the coefficients are at each τ of it, and the log mass there."""
    y, v = np.array([row.approx for row in given.rows]).T
    variable, u = scan_of_tau(y - given.offset, v, tau)
    taus = variable.tau(u)
    with np.errstate(divide="ignore"):
        prior = tau.logpdf(taus) + variable.log_slope(u)
    seen = np.isfinite(prior) & (taus > 0.0)
    u, taus, prior = u[seen], taus[seen], prior[seen]
    try:
        start = _approximation(given, taus)
    except np.linalg.LinAlgError:
        raise NotEstimable("the columns of the design depend on each other · leave a moderator out") from None
    core, mass = moved_core(given, start, prior, _SCAN_THETA)
    return variable, u, core, mass


def _fitted(
    given: Given,
    tau: TauPrior,
    over: tuple[TauMap, float, float, tuple[float, float]],
    scanned: tuple[FloatArray, Core],
    steps: Steps,
) -> tuple[RegressionState, _Gaps]:
    """Return the posterior at these steps, and what coarser rules differ by."""
    variable, centre, width, ends = over
    h = steps.tau
    low, high = np.arcsinh((np.array(ends) - centre) / width)
    t = h * np.arange(np.floor(low / h), np.ceil(high / h) + 1)
    u = centre + width * np.sinh(t)
    taus = variable.tau(u)
    with np.errstate(divide="ignore", invalid="ignore"):
        outer = tau.logpdf(taus) + variable.log_slope(u) + np.log(width * np.cosh(t))
    keep = np.isfinite(outer) & (taus > 0)
    t, u, taus, outer = t[keep], u[keep], taus[keep], outer[keep]
    core = _between(scanned, u, taus)
    lines = row_lines(given, core, steps.table, steps.theta)
    terms = terms_of(lines)
    size = given.X.shape[1]
    root = aligned(core, given.X.mean(axis=0) if np.any(given.X.mean(axis=0)) else np.eye(size)[0])
    axes, held = held_nodes(given, core, root, outer, terms, steps_along(steps, size))
    log, beta = log_density(given, core, root, axes, terms, held)
    log += outer[held.row]
    peak = float(log.max())
    weight = np.exp(log - peak)
    total = float(weight.sum())
    weight /= total
    log_norm = peak + float(np.log(total)) + float(np.log(h) + np.log(axes.step).sum())
    over_tau = summed(held.row, weight, taus.size)
    grid = TauGrid(taus, over_tau, t, h, log_norm, centre, width, variable, np.inf)
    second = _even(axes, held).all(axis=1)
    place, rows = held.node[second], held.row[second]
    some = Held(tuple(place[rows == j] for j in range(taus.size)))
    coarser = [
        log_density(given, core, root, axes, rough, some)[0] + outer[rows] - log[second]
        for rough in (terms_of(lines, half=True), terms_of(lines, every=2))
    ]
    moved = _gaps(weight, beta, taus, axes, held, coarser)
    return RegressionState(given, tau, grid, core, outer, lines, terms, root, axes, held, weight, steps), moved


def _between(scanned: tuple[FloatArray, Core], u: FloatArray, taus: FloatArray) -> Core:
    """Where the coefficients are at other values of τ: between those of the scan."""
    at, core = scanned
    place = np.clip(np.interp(u, at, np.arange(at.size)), 0, at.size - 1)
    i = np.minimum(place.astype(np.intp), at.size - 2)
    share = place - i
    mean = core.mean[i] + share[:, None] * (core.mean[i + 1] - core.mean[i])
    cov = core.cov[i] + share[:, None, None] * (core.cov[i + 1] - core.cov[i])
    return Core(taus, mean, cov)


def _even(axes: Axes, held: Held) -> NDArray[np.bool_]:
    """Whether each node has an even place along τ and along each direction, (N, 1 + p)."""
    return np.stack([held.row % 2 == 0, *(at % 2 == 0 for at in np.unravel_index(held.node, axes.shape))], axis=1)


def _gaps(
    weight: FloatArray, beta: FloatArray, taus: FloatArray, axes: Axes, held: Held, coarser: Sequence[FloatArray] = ()
) -> _Gaps:
    """What coarser rules make of the evidence, of mean and sd of each coefficient and of τ, in units of each.

    Means are of an asinh of the coefficients and of log(1 + τ): they exist whatever the tails are. ``coarser`` is what
    a coarser rule over the true effects, and coarser tables, add to the logarithm at every second node.
    """
    even = _even(axes, held)
    middle = weight @ beta
    spread = np.sqrt(weight @ (beta - middle) ** 2)
    over_tau = summed(held.row, weight, taus.size)
    scale = float(np.median(taus[over_tau > 1e-3 * over_tau.max()]))
    soft = np.arcsinh((beta - middle) / np.where(np.isfinite(spread) & (spread > 0), spread, 1.0))
    known = np.concatenate([soft, soft * soft, np.log1p(taus / scale)[held.row, None]], axis=1)

    def means(part: FloatArray, seen: FloatArray) -> FloatArray:
        total = float(part.sum())
        if not total > 0:
            return np.full(1 + seen.shape[1], np.nan)  # every node with mass was left out: as far off as can be
        return np.array([np.log(total), *(part @ seen / total)])

    def apart(found: FloatArray, whole: FloatArray) -> float:
        return float(np.nan_to_num(np.abs(found - whole).max(), nan=1e3, posinf=1e3))

    whole = means(weight, known)
    double = np.append(-np.log(2.0), np.zeros(known.shape[1]))
    over = [apart(means(weight[pick], known[pick]), whole + double) for pick in even.T]
    second = even.all(axis=1)
    part, seen = weight[second], known[second]
    few = means(part, seen)
    bent = [apart(means(part * np.exp(np.clip(x, -50.0, 50.0)), seen), few) for x in coarser]
    return _Gaps(over[0], over[1], max(over[2:], default=0.0), *(bent or (0.0, 0.0)))


def without_row(state: RegressionState, i: int, close: float = _CLOSE) -> RegressionState | None:
    """Return the posterior given all rows but ``i`` from the nodes of all, None where these would not do.

    As `lamevidence.bayes.predictive.loo.without`: the weights are divided by the likelihood of the row.

    Raises
    ------
    ImproperPosterior
        The others do not bound a coefficient and its prior is flat.
    """
    given, axes, held, taus = state.given.without(i), state.axes, state.held, state.grid.tau
    require_proper(given.rows, given.X, given.priors, state.prior_tau, state.likelihood)
    empty = replace(state.given, priors=())
    own, beta = log_density(empty, state.core, state.root, axes, terms_of([state.lines[i]]), held)
    slope = log_density(empty, state.core, state.root, axes, (), held)[0]
    with np.errstate(divide="ignore"):
        log = np.log(state.weight) - (own - slope)
    top = float(log.max())
    weight = np.exp(log - top)
    total = float(weight.sum())
    weight /= total
    if float(weight[_outermost(axes, held)].sum()) > _EDGE:
        return None
    error = error_from(_gaps(weight, beta, taus, axes, held)[:4]) + state.error
    if not error < close:
        return None
    lines = [*state.lines[:i], *state.lines[i + 1 :]]
    log_norm = state.log_marginal + top + float(np.log(total))
    exists = existence(
        state.prior_tau, sum(row.below and row.above for row in given.rows), sum(not p.proper for p in given.priors)
    )
    return replace(
        state,
        given=given,
        lines=lines,
        terms=terms_of(lines),
        weight=weight,
        grid=replace(state.grid, weight=summed(held.row, weight, taus.size), log_norm=log_norm),
        steps=state.steps._replace(theta=state.steps.theta[:i] + state.steps.theta[i + 1 :]),
        error=error,
        exists=exists,
        moments=effect_moments(given.rows, given.priors, given.X),
        evidence_of=partial(_evidence_of, given, state.prior_tau, state.likelihood),
        made={},
        effects={},
    )


def _outermost(axes: Axes, held: Held) -> NDArray[np.bool_]:
    """Nodes with a neighbour, along τ or a direction, that is not held, (N,)."""
    shape = (len(held.picks), *axes.shape)
    inside = np.zeros(shape, dtype=bool)
    inside.reshape(shape[0], -1)[held.row, held.node] = True
    padded = np.pad(inside, 1)
    for a in range(inside.ndim):
        for side in (slice(None, -2), slice(2, None)):
            inside &= padded[tuple(side if b == a else slice(1, -1) for b in range(inside.ndim))]
    return ~inside.reshape(shape[0], -1)[held.row, held.node]


def evidence_without_spread(given: Given, name: str) -> float:
    """Log ∫ p(β) Π p(yᵢ | θᵢ = xᵢ'β + offset) dβ: no spread around the mean effects.

    Raises
    ------
    QuadratureError
        The rule of twice the step differs too much.
    """
    size = given.X.shape[1]
    zero = np.zeros(1)
    core, _ = moved_core(given, _approximation(given, zero), zero, _SCAN_THETA)
    found: list[float] = []
    for step in (0.25, 0.125):
        terms = terms_of(row_lines(given, core, step / 2, (61,) * len(given.rows)))
        t = np.asarray(step * np.arange(-round(3.75 / step), round(3.75 / step) + 1), dtype=np.float64)
        axes = Axes((t,) * size, (step,) * size)
        root = np.asarray(np.linalg.cholesky(core.cov), dtype=np.float64)
        log, _ = log_density(given, core, root, axes, terms, every_node(axes, 1))
        peak = float(log.max())
        found.append(peak + float(np.log(np.exp(log - peak).sum())) + size * float(np.log(step)))
    if not abs(found[1] - found[0]) < 1e-4:
        raise QuadratureError(f"the evidence of a {name} likelihood without spread did not settle · use another null")
    return found[1]
