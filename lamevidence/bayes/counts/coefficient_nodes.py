"""Nodes over several coefficients given τ, and the likelihood of every row at them.

Given τ a row depends on the coefficients β through its mean effect η = xᵢ'β alone. Its log likelihood, the true effect
integrated out, is therefore tabulated in one dimension for each τ, on a line with nodes where the posterior of η is,
and read off by polynomials; rows with the same xᵢ share a table. The nodes over β lie around the mean of β given τ, in
units of a root of its covariance, on the sinh map of `NodeMap` in each direction, where a coarse rule finds mass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from ..exact.mu_posterior import lagrange, slope
from ..exact.node_maps import BROAD
from ..priors.effect_priors import EffectPrior
from .study_likelihood import StudyLikelihood

__all__ = [
    "Axes", "Core", "Given", "Held", "RowLine", "Term", "aligned", "coefficients", "every_node", "held_nodes",
    "log_density", "moved_core", "row_lines", "summed", "terms_of",
]  # fmt: skip

IntArray = NDArray[np.intp]

_FINE = 16
"""Cells between two nodes of a table, each with a cubic."""
_BENT = 3.0
"""Nats by which a polynomial may leave the chord of its cell: beyond, nodes are too far apart for one."""
_COARSE, _REACH = 0.4, 3.6
_MOVES = 8
_DEPTH = 34.0
_EMPTY = 41.0
"""Nats below the peak at which there are no more nodes over the coefficients: e^-41 < 2e-18."""


class Core(NamedTuple):
    """Mean (J, p) and covariance (J, p, p) of the coefficients at each τ (J,), about: where nodes are placed."""

    tau: FloatArray
    mean: FloatArray
    cov: FloatArray


class Axes(NamedTuple):
    """Nodes of each direction in the variable of its trapezoidal rule, and their distances."""

    t: tuple[FloatArray, ...]
    step: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of nodes in each direction."""
        return tuple(x.size for x in self.t)

    @property
    def mesh(self) -> FloatArray:
        """Their product, (n, p)."""
        return np.stack(np.meshgrid(*self.t, indexing="ij"), axis=-1).reshape(-1, len(self.t))


class Held(NamedTuple):
    """Nodes where there is mass: place in the mesh of each, row of τ after row of τ."""

    picks: tuple[IntArray, ...]

    @property
    def row(self) -> IntArray:
        """Row of τ of each node, (N,)."""
        return np.repeat(np.arange(len(self.picks)), [pick.size for pick in self.picks])

    @property
    def node(self) -> IntArray:
        """Place in the mesh of each node, (N,)."""
        return np.concatenate(self.picks)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The rows with their design, what is added to their mean effects, and the priors of the coefficients."""

    rows: tuple[StudyLikelihood, ...]
    X: FloatArray
    offset: FloatArray
    priors: tuple[EffectPrior, ...]

    def without(self, i: int) -> Given:
        """Return the same without a row."""
        rows = self.rows[:i] + self.rows[i + 1 :]
        return Given(rows, np.delete(self.X, i, axis=0), np.delete(self.offset, i), self.priors)


@dataclass(frozen=True, slots=True, eq=False)
class RowTable:
    """Log likelihood over a mean effect, at each τ: a cubic in every cell of a sinh-mapped line."""

    centre: FloatArray
    width: FloatArray
    first: float
    cell: float
    cubics: FloatArray

    def __call__(self, j: int, eta: FloatArray) -> FloatArray:
        """Values at ``eta`` (n,) for the τ of this row."""
        place = np.arcsinh((eta - self.centre[j]) / self.width[j])
        place -= self.first
        place /= self.cell
        cubics = self.cubics[:, j]
        np.clip(place, 0.0, cubics.shape[1] * (1.0 - 1e-15), out=place)
        i = place.astype(np.intp)
        place -= i
        value: FloatArray = cubics[3].take(i)
        for power in (2, 1, 0):
            value *= place
            value += cubics[power].take(i)
        return value


class Term(NamedTuple):
    """What all rows of one design add to the log density: their table over x'β + offset."""

    x: FloatArray
    offset: float
    table: RowTable


class RowLine(NamedTuple):
    """Log likelihood of one row at nodes ``t`` of its line at each τ, (J, T), and that by half the nodes over θ."""

    x: FloatArray
    offset: float
    centre: FloatArray
    width: FloatArray
    t: FloatArray
    log: FloatArray
    half: FloatArray


def _table(centre: FloatArray, width: FloatArray, t: FloatArray, value: FloatArray) -> RowTable:
    fine = float(t[1] - t[0]) / _FINE
    grid = t[0] + fine * np.arange((t.size - 1) * _FINE + 1)
    y = value @ lagrange(t, grid).T
    # far out a likelihood of counts falls by decades from node to node, and a polynomial swings up to any height: there
    # chords are taken, which lie below a log-concave law
    share = np.arange(_FINE) / _FINE
    chord = (value[:, :-1, None] + np.diff(value, axis=1)[..., None] * share).reshape(value.shape[0], -1)
    with np.errstate(invalid="ignore"):
        far = ~(np.abs(y[:, :-1] - chord) <= _BENT)
    bent = np.asarray(far.reshape(*chord.shape[:1], -1, _FINE).any(axis=2))
    y[:, :-1] = np.where(np.repeat(bent, _FINE, axis=1), chord, y[:, :-1])
    y[:, -1] = value[:, -1]
    beside = bent.copy()
    beside[:, 1:] |= bent[:, :-1]
    beside[:, :-1] |= bent[:, 1:]
    m = slope(y, 1.0)
    a, b, p, q = y[:, :-1], y[:, 1:], m[:, :-1], m[:, 1:]
    cubics = np.stack([a, p, 3 * (b - a) - 2 * p - q, 2 * (a - b) + p + q])
    straight = np.repeat(beside, _FINE, axis=1)
    cubics[1] = np.where(straight, b - a, cubics[1])
    cubics[2:, straight] = 0.0
    return RowTable(centre, width, float(t[0]), fine, cubics)


def row_lines(given: Given, core: Core, step: float, nodes: tuple[int, ...], reach: float = _REACH) -> list[RowLine]:
    """Return for each row its log likelihood at the nodes of its line.

    At τ = 0 the true effect is the mean effect.
    """
    size = given.X.shape[1]
    far = float(np.arcsinh(np.sqrt(max(size, 1)) * np.sinh(reach))) + 4 * step
    half = int(np.ceil(far / step / 2)) * 2
    t = np.asarray(step * np.arange(-half, half + 1), dtype=np.float64)
    out = []
    for i, row in enumerate(given.rows):
        x, offset = given.X[i], float(given.offset[i])
        centre = core.mean @ x + offset
        spread = np.sqrt(np.maximum(np.einsum("jpq,p,q->j", core.cov, x, x), 1e-30))
        width = BROAD * np.where(spread > 1e-14, spread, 1.0)
        eta = centre[:, None] + width[:, None] * np.sinh(t)
        if core.tau.size == 1 and core.tau[0] == 0.0:
            log = bare = row.value(eta)
        else:
            inner = row.integrate(eta, core.tau[:, None], nodes[i], moments=False)
            log, bare = inner.log, inner.half
        log, bare = (np.nan_to_num(np.maximum(x, -1e290), nan=-1e290) for x in (log, bare))
        out.append(RowLine(x, offset, centre, width, t, log, bare))
    return out


def terms_of(lines: Sequence[RowLine], *, half: bool = False, every: int = 1) -> list[Term]:
    """Return the tables of rows, those of one design as one: by half the nodes over θ, or by some nodes of the line."""
    alike: dict[tuple[float, ...], list[RowLine]] = {}
    for line in lines:
        alike.setdefault((*map(float, line.x), line.offset), []).append(line)
    out = []
    for group in alike.values():
        x, offset, centre, width, t, *_ = group[0]
        value = np.sum([line.half if half else line.log for line in group], axis=0)
        out.append(Term(x, offset, _table(centre, width, t[::every], value[:, ::every])))
    return out


def aligned(core: Core, x: FloatArray) -> FloatArray:
    """Root (J, p, p) of the covariances, its first column the direction in which x'β moves and no other does."""
    root = np.linalg.cholesky(core.cov)
    v = np.einsum("jpq,p->jq", root, x)
    size = np.linalg.norm(v, axis=1)
    # Householder's reflection of the first axis onto v
    u = v / size[:, None]
    sign = np.where(u[:, 0] > 0.0, -1.0, 1.0)
    w = u.copy()
    w[:, 0] -= sign
    norm = (w * w).sum(axis=1)
    turn = np.eye(x.size) - 2.0 * w[:, :, None] * w[:, None, :] / norm[:, None, None]
    # its first column is ±u: the direction of growing x'β
    turn[:, :, 0] *= sign[:, None]
    return np.asarray(root @ turn)


def summed(place: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return the weights added up at each of ``size`` places."""
    return np.asarray(np.bincount(place, weight, size), dtype=np.float64)


def every_node(axes: Axes, rows: int) -> Held:
    """Return all nodes of the mesh at each of so many τ."""
    return Held((np.arange(int(np.prod(axes.shape))),) * rows)


def coefficients(core: Core, root: FloatArray, axes: Axes, held: Held) -> FloatArray:
    """Coefficients at these nodes, (N, p)."""
    z = BROAD * np.sinh(axes.mesh)
    return np.concatenate([mean + z[pick] @ one.T for mean, one, pick in zip(core.mean, root, held.picks, strict=True)])


def log_density(
    given: Given, core: Core, root: FloatArray, axes: Axes, terms: Sequence[Term], held: Held
) -> tuple[FloatArray, FloatArray]:
    """Log density of the variables of the rule at these nodes, (N,), and the coefficients there, (N, p)."""
    beta = coefficients(core, root, axes, held)
    mesh = np.log(BROAD * np.cosh(axes.mesh)).sum(axis=1)
    det = np.log(np.abs(np.linalg.det(root)))
    log = np.concatenate([det[j] + mesh[pick] for j, pick in enumerate(held.picks)])
    for c, prior in enumerate(given.priors):
        log += prior.logpdf(beta[:, c])
    first = 0
    for j, pick in enumerate(held.picks):
        part = slice(first, first + pick.size)
        for term in terms:
            log[part] += term.table(j, beta[part] @ term.x + term.offset)
        first += pick.size
    return log, beta


def held_nodes(
    given: Given, core: Core, root: FloatArray, outer: FloatArray, terms: Sequence[Term], steps: Sequence[float]
) -> tuple[Axes, Held]:
    """Return axes with these steps, as far as a coarse rule finds mass, and of their nodes those where it finds any."""
    rows, coarse = core.tau.size, coarse_axes(len(steps))
    log = log_density(given, core, root, coarse, terms, every_node(coarse, rows))[0].reshape(rows, *coarse.shape)
    log += outer.reshape(-1, *(1,) * len(steps))
    # a cell between coarse nodes matters if a corner does
    alive = log > log.max() - _EMPTY
    for a in range(1, alive.ndim):
        low, high = (np.moveaxis(alive, a, 0)[part] for part in (slice(-1), slice(1, None)))
        alive = np.moveaxis(low | high, 0, a)
    start = coarse.t[0][0]
    t, cells = [], []
    for a, step in enumerate(steps):
        seen = np.flatnonzero(alive.any(axis=tuple(b for b in range(alive.ndim) if b != a + 1)))
        low, high = start + _COARSE * seen[0], start + _COARSE * (seen[-1] + 1)
        nodes = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
        t.append(nodes)
        cells.append(np.clip(((nodes - start) / _COARSE).astype(np.intp), seen[0], seen[-1]))
    some = alive[np.ix_(np.arange(rows), *cells)].reshape(rows, -1)
    return Axes(tuple(t), tuple(steps)), Held(tuple(np.flatnonzero(one) for one in some))


def coarse_axes(size: int) -> Axes:
    """Axes of a first look."""
    t = np.asarray(_COARSE * np.arange(-round(_REACH / _COARSE), round(_REACH / _COARSE) + 1), dtype=np.float64)
    return Axes((t,) * size, (_COARSE,) * size)


def _moments_of(log: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log mass (J,), mean (J, p) and covariance (J, p, p) over the nodes at each τ."""
    peak = log.max(axis=1)
    share = np.exp(log - peak[:, None])
    total = share.sum(axis=1)
    share = share / total[:, None]
    mean = np.einsum("jn,jnp->jp", share, beta)
    gap = beta - mean[:, None, :]
    return peak + np.log(total), mean, np.einsum("jn,jnp,jnq->jpq", share, gap, gap)


def moved_core(given: Given, core: Core, prior: FloatArray, nodes: int) -> tuple[Core, FloatArray]:
    """Return where the coefficients are at each τ, found by a coarse rule that follows them, and the log mass there.

    ``prior`` is the log density of τ in the variable of its rule, (J,).
    """
    size = core.mean.shape[1]
    axes = coarse_axes(size)
    for _ in range(_MOVES):
        root = np.asarray(np.linalg.cholesky(core.cov), dtype=np.float64)
        terms = terms_of(row_lines(given, core, _COARSE / 2, (nodes,) * len(given.rows)))
        log, beta = log_density(given, core, root, axes, terms, every_node(axes, core.tau.size))
        mass, mean, cov = _moments_of(log.reshape(core.tau.size, -1), beta.reshape(core.tau.size, -1, size))
        mass = mass + size * np.log(_COARSE) + prior
        before = np.sqrt(np.einsum("jpp->jp", core.cov))
        moved = np.abs(mean - core.mean) / before
        ratio = np.sqrt(np.einsum("jpp->jp", cov)) / before
        off = (moved > 0.5).any(axis=1) | (ratio < 0.7).any(axis=1) | (ratio > 1.4).any(axis=1)
        # nothing narrower than a fifth of what was looked at can be seen
        least = np.einsum("jpp->jp", core.cov) * 0.04
        cov = cov + np.einsum("jp,pq->jpq", 0.02 * least, np.eye(size))
        core = Core(core.tau, mean, cov)
        if not (off & (mass > mass.max() - _DEPTH)).any():
            break
    return core, mass
