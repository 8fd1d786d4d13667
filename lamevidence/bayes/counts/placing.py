"""Where the nodes over τ and μ lie: found by a coarse scan of the posterior itself, which may have several modes.

The scan covers all τ that the data or the prior could mean. Its nodes over μ start from the normal approximation and
move to where the mass is; for t likelihoods every cluster of estimates has nodes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ..exact.node_maps import BROAD, NodeMap
from ..exact.normal_normal import NormalModel, normal_model
from ..exact.quadrature import TauMap
from ..priors.base import TauPrior
from ..priors.effect_priors import EffectPrior, Normal, StudentT
from .study_likelihood import StudyLikelihood

__all__ = ["Places", "Seen", "log_mu", "normal_like", "over_tau", "place_nodes", "scan_of_tau"]

_DEPTH = 33.0
"""Nats below the peak at which nodes end: e^-33 = 5e-15."""
_NEAR = _DEPTH + 6.0
"""The same of single nodes."""
_STEP_U = 0.5
"""Steps over u of a scan of everything."""
_STEP_ZOOM = 0.7
"""And of one where the posterior is."""
_STEP_T = 0.4
_REACH_T = 4.4
"""The scan of μ runs to sinh(4.4) = 40 widths either side of each of its centres, or farther, in such strides:"""
_STRIDE_T = 2.0
_MOST_REACH_T = 40.0
_THETA = 17
"""Nodes over θ of the scan."""
_FAR = 300.0
_WIDTH = 1.0
"""Width of the map of τ: near its centre nodes are the step apart."""
_NARROW = 1e-3
"""Least width of the maps of μ, in that of the normal approximation."""
_MOST_CENTRES = 6
_FAR_PRIOR = 3.0
_FEW = 10
_COARSE = 17
"""Places of the first scan over τ."""
_MOVES = 8
_ZOOMS = 4


def normal_like(mu: StudentT) -> Normal:
    """Normal prior with about the same central 90 %, which only places nodes."""
    centre, reach = mu.median, mu.scale * float(special.stdtrit(mu.df, 0.95))
    return Normal(centre, min(reach / 1.645, 1e100))


def log_mu(rows: tuple[StudyLikelihood, ...], prior: EffectPrior, mu: FloatArray, tau: FloatArray) -> FloatArray:
    """Log density of μ given τ up to a constant, coarse: ``mu`` (J, M), ``tau`` (J,)."""
    log = prior.logpdf(mu)
    for row in rows:
        log = log + row.integrate(mu, tau[:, None], _THETA, moments=False).log
    return np.asarray(np.where(np.isnan(log), -np.inf, log))


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """What the scan found: the map and range of the nodes over τ, and the map of μ at any τ.

    ``centres`` of μ are in spreads of the normal approximation from its mean where they are ``shifts``. A t likelihood
    gives them as they are: the approximation runs after an outlier that the posterior leaves alone.
    """

    variable: TauMap
    centre: float
    width: float
    ends: tuple[float, float]
    reach: tuple[float, float]
    model: NormalModel
    u: FloatArray
    centres: FloatArray
    ratio: FloatArray
    shifts: bool

    @property
    def several(self) -> int:
        """Number of centres of the maps of μ."""
        return int(self.centres.shape[1])

    def maps(self, u: FloatArray) -> NodeMap:
        """Return the maps of μ at these values of the variable of τ."""
        centre, spread = _given(self.model, self.variable.tau(u))
        if self.several == 1:
            at, ratio = (np.interp(u, self.u, x[:, 0])[:, None] for x in (self.centres, self.ratio))
        else:
            near = np.clip(np.searchsorted(0.5 * (self.u[1:] + self.u[:-1]), u), 0, self.u.size - 1)
            at, ratio = self.centres[near], self.ratio[near]
        if self.shifts:
            at = centre[:, None] + spread[:, None] * at
        return NodeMap(at, BROAD * spread[:, None] * np.exp(ratio))


def _given(model: NormalModel, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of μ given τ in the normal approximation."""
    _, b, V = model.given(tau)
    return b[:, 0] + model.shift[0], np.sqrt(V[:, 0, 0])


class Seen(NamedTuple):
    """What is known of a posterior at places u: its log density over u, mean and standard deviation of μ there."""

    u: FloatArray
    q: FloatArray
    mean: FloatArray
    sd: FloatArray


def place_nodes(
    rows: tuple[StudyLikelihood, ...],
    mu: EffectPrior,
    tau: TauPrior,
    moments: int,
    *,
    several: bool,
    seen: Seen | None = None,
) -> Places:
    """Scan the posterior and return where its nodes are to lie.

    Parameters
    ----------
    rows
        The likelihoods.
    mu, tau
        The priors, resolved.
    moments
        Highest moment of τ that exists.
    several
        Whether μ may have several modes given τ.
    seen
        The posterior as it is already known, which saves the scan of everything.
    """
    y, v = np.array([row.approx for row in rows]).T
    model = normal_model(y, v, np.ones((len(rows), 1)), [normal_like(mu) if isinstance(mu, StudentT) else mu])
    variable, u = scan_of_tau(y, v, tau)
    if seen is not None:
        u = _around(seen)
    elif u.size > _COARSE:
        # first only where the posterior is: at places far apart, in log τ where the range is of many times the prior
        ends = np.log(variable.tau(u[[0, -1]])) if variable.soft else u[[0, -1]]
        some = np.linspace(ends[0], ends[1], _COARSE)
        seen = _scan(
            rows, mu, tau, model, variable, variable.u(np.exp(some)) if variable.soft else some, several=several
        ).seen
        u = _around(seen)
    for _ in range(_ZOOMS):
        scan = _scan(rows, mu, tau, model, variable, u, seen, several=several)
        seen = scan.seen
        held = np.flatnonzero(seen.q > seen.q.max() - _DEPTH)
        if held.size >= _FEW:
            break
        # a narrow posterior of τ: closer nodes where it is
        u = _around(seen)
    return _read(scan, v, model, variable, moments, several=several)


def _around(seen: Seen) -> FloatArray:
    """Return places where a scan shows mass, and up to where it shows none."""
    held = np.flatnonzero(seen.q > seen.q.max() - _DEPTH)
    low, high = seen.u[max(held[0] - 1, 0)], seen.u[min(held[-1] + 1, seen.u.size - 1)]
    return np.linspace(low, high, int(np.clip(np.ceil((high - low) / _STEP_ZOOM), 2 * _FEW, 4 * _FEW)))


def scan_of_tau(y: FloatArray, v: FloatArray, tau: TauPrior) -> tuple[TauMap, FloatArray]:
    """Return the variable of τ and values of it that cover all τ that the data or the prior could mean."""
    light = np.isinf(tau.upper) and np.isinf(tau.tail)
    variable = TauMap(tau.upper, tau.typical if light else 0.0)
    scales = [*np.sqrt(v), float(np.ptp(y)) or float(np.sqrt(v.min())), tau.typical]
    span = variable.u(np.array([1e-4 * min(scales), min(1e3 * max(scales), tau.upper * (1 - 1e-9))]))
    span = np.clip(span, -_FAR, _FAR)
    size = int(np.ceil((span[1] - span[0]) / _STEP_U)) + 1
    return variable, np.linspace(span[0], span[1], min(max(size, 9), 100))


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    """The coarse posterior: at each u its τ, nodes over μ with log density and log mass, and the log mass of them all.

    ``base`` and ``spread`` are what the normal approximation says of μ, ``mean`` and ``sd`` what the scan found.
    """

    u: FloatArray
    tau: FloatArray
    x: FloatArray
    log: FloatArray
    mass: FloatArray
    q: FloatArray
    base: FloatArray
    spread: FloatArray
    mean: FloatArray
    sd: FloatArray

    @property
    def seen(self) -> Seen:
        """What another scan may start from."""
        return Seen(self.u, self.q, self.mean, self.sd)


def _scan(
    rows: tuple[StudyLikelihood, ...],
    mu: EffectPrior,
    tau: TauPrior,
    model: NormalModel,
    variable: TauMap,
    u: FloatArray,
    seen: Seen | None = None,
    *,
    several: bool,
) -> _Scan:
    taus = variable.tau(u)
    with np.errstate(divide="ignore"):
        prior = tau.logpdf(taus) + variable.log_slope(u)
    holds = np.isfinite(prior) & (taus > 0.0)
    u, taus, prior = u[holds], taus[holds], prior[holds]
    base, spread = _given(model, taus)
    y, v = np.array([row.approx for row in rows]).T
    maps = _starts(y, v, taus, base, spread, mu) if several else _started(seen, model, variable, u, base, spread)
    reach = _REACH_T
    for _ in range(_MOVES if not several else int((_MOST_REACH_T - _REACH_T) / _STRIDE_T)):
        h = _STEP_T / np.sqrt(maps.centre.shape[1])
        ends = _ends_of_scan(maps, reach) / h
        t = h * np.arange(np.floor(ends[0]), np.ceil(ends[1]) + 1)
        x = maps.nodes(t)
        log = log_mu(rows, mu, x, taus)
        mass = log - np.log(maps.slope(x)) + np.log(h) + prior[:, None]
        if several and mass[:, [0, -1]].max() > mass.max() - _NEAR:
            # heavy tails go on: one estimate of few patients far inside its prior has mass at thousands of its widths
            reach += _STRIDE_T
            continue
        peak = mass.max(axis=1, keepdims=True)
        share = np.exp(mass - peak)
        total = share.sum(axis=1)
        q = peak[:, 0] + np.log(total)
        mean = (share * x).sum(axis=1) / total
        sd = np.sqrt((share * (x - mean[:, None]) ** 2).sum(axis=1) / total)
        if several:
            break
        before = maps.width[:, 0]
        moved = np.abs(mean - maps.centre[:, 0])
        off = (moved > 1.5 * before) | (sd < 0.5 * before) | (sd > 2.0 * before)
        if not (off & (q > q.max() - _DEPTH)).any():
            break
        # mass at the end of the nodes may go on beyond it
        wide = np.where(moved > 3.0 * before, np.maximum(sd, 0.25 * moved), sd)
        maps = NodeMap(mean[:, None], np.clip(wide, 0.2 * before, 20.0 * before)[:, None])
    return _Scan(u, taus, x, log, mass, q, base, spread, mean, sd)


def _started(
    seen: Seen | None, model: NormalModel, variable: TauMap, u: FloatArray, base: FloatArray, spread: FloatArray
) -> NodeMap:
    """Where the mass of μ is known to be at places near these, else where the normal approximation has it."""
    if seen is None:
        return NodeMap(base[:, None], spread[:, None])
    usual, width = _given(model, variable.tau(seen.u))
    shift = np.interp(u, seen.u, (seen.mean - usual) / width)
    ratio = np.interp(u, seen.u, np.log(np.maximum(seen.sd / width, _NARROW)))
    return NodeMap((base + spread * shift)[:, None], (spread * np.exp(ratio))[:, None])


def _ends_of_scan(maps: NodeMap, reach: float) -> FloatArray:
    """Places of the outermost of all points that lie sinh(``reach``) widths away from a centre, in any row.

    Where a map has several centres a far one takes its share of t, so that the reach itself ends too early there.
    """
    far = np.sinh(reach) * maps.width
    ends = np.stack([(maps.centre - far).min(axis=1), (maps.centre + far).max(axis=1)], axis=1)
    t, _ = maps.places(ends)
    return np.array([t[:, 0].min(), t[:, 1].max()])


def _read(seen: _Scan, v: FloatArray, model: NormalModel, variable: TauMap, moments: int, *, several: bool) -> Places:
    """Return the places that a scan shows."""
    held = np.flatnonzero(seen.q > seen.q.max() - _DEPTH)
    base, spread, tau = seen.base[held], seen.spread[held], seen.tau[held]
    centre, width = seen.mean[held, None], np.maximum(seen.sd[held], _NARROW * spread)[:, None]
    if several:
        found = [_modes(seen.x[j], seen.log[j]) for j in held]
        most = max(len(one) for one in found)
        # no mode is narrower than all rows together would make it
        narrow = 1.0 / np.sqrt((1.0 / (v + tau[:, None] ** 2)).sum(axis=1) + model.precision[0])
        if most > 1:
            centre = np.array([[one[n % len(one)] for n in range(most)] for one in found])
            width = np.repeat(narrow[:, None], most, axis=1)
        else:
            width = np.minimum(width, 3.0 * narrow[:, None])
    at = centre if several else (centre - base[:, None]) / spread[:, None]
    places = Places(
        variable,
        *over_tau(variable, seen.u, seen.tau, seen.q, moments),
        (0.0, 0.0),
        model,
        seen.u[held],
        np.asarray(at),
        np.log(width / spread[:, None]),
        not several,
    )
    maps = places.maps(places.u)
    near = seen.mass[held] > seen.mass.max() - _NEAR
    t = [maps.place(i, seen.x[j][near[i]])[0] for i, j in enumerate(held) if near[i].any()]
    return replace(places, reach=(min(float(x.min()) for x in t), max(float(x.max()) for x in t)))


def over_tau(
    variable: TauMap, u: FloatArray, taus: FloatArray, q: FloatArray, moments: int
) -> tuple[float, float, tuple[float, float]]:
    """Centre, width and ends (in u) of the nodes over τ, from the log density ``q`` over u."""
    top = int(q.argmax())
    with np.errstate(divide="ignore"):
        lift = moments * np.maximum(0.0, np.log(taus / taus[top])) if np.isinf(variable.upper) else 0.0
    reach = q + lift
    alive = np.flatnonzero(reach > reach.max() - _DEPTH)
    ends = []
    for edge, inner, sign in ((alive[0], alive[0] + 1, -1.0), (alive[-1], alive[-1] - 1, 1.0)):
        at = float(u[edge])
        if edge in (0, u.size - 1):
            fall = float(reach[inner] - reach[edge]) / abs(float(u[1] - u[0]))
            need = float(reach[edge] - reach.max()) + _DEPTH
            at += sign * (need / fall if fall > 1e-3 else 2 * _FAR)
        else:
            at += sign * float(u[1] - u[0])
        ends.append(float(np.clip(at, -_FAR, _FAR)))
    middle = float(np.exp(q - q.max()) @ u / np.exp(q - q.max()).sum())
    return middle, _WIDTH, (ends[0], ends[1])


def _starts(
    y: FloatArray, v: FloatArray, taus: FloatArray, base: FloatArray, spread: FloatArray, mu: EffectPrior
) -> NodeMap:
    """Centres of the scan where μ may have several modes: each cluster of estimates, the mean of all, a far prior."""
    order = np.argsort(y)
    groups: list[list[int]] = [[int(order[0])]]
    for i in order[1:]:
        last = groups[-1][-1]
        if y[i] - y[last] > 2.0 * np.sqrt(max(v[i], v[last])):
            groups.append([int(i)])
        else:
            groups[-1].append(int(i))
    while len(groups) > _MOST_CENTRES:
        middles = [float(np.mean(y[g])) for g in groups]
        i = int(np.argmin(np.diff(middles)))
        groups[i : i + 2] = [groups[i] + groups[i + 1]]
    prior = normal_like(mu) if isinstance(mu, StudentT) else mu
    # estimates of few patients outside their prior leave μ to it
    far = isinstance(prior, Normal) and bool((np.abs(y - prior.mean) > _FAR_PRIOR * prior.sd).all())
    if len(groups) == 1 and not far:
        return NodeMap(base[:, None], spread[:, None])
    centre, width = [base], [spread]
    if far and isinstance(prior, Normal):
        centre.append(np.full(base.size, prior.mean))
        width.append(np.full(base.size, prior.sd))
    for group in groups:
        w = 1.0 / (v[group] + taus[:, None] ** 2)
        centre.append((w @ y[group]) / w.sum(axis=1))
        width.append(1.0 / np.sqrt(w.sum(axis=1)))
    return NodeMap(np.column_stack(centre), np.column_stack(width))


def _modes(x: FloatArray, log: FloatArray) -> list[float]:
    """Local maxima of a log density on nodes, those that are not negligible."""
    up = np.concatenate([[True], log[1:] > log[:-1]])
    down = np.concatenate([log[:-1] >= log[1:], [True]])
    return [float(at) for at in x[up & down & (log > log.max() - _DEPTH + 5.0)]]
