"""Expected weights Aᵢ = ∫ w φ with their derivatives, however far out in the tails.

Everything is kept relative to the largest part of a study's integral, whose logarithm goes with it: at z = 40, or with
a mean 40 standard deviations below the studies that were seen, A itself has no double. Step functions have A in closed
form. Smooth weights are integrated over z = y/√v by Gauss-Legendre on panels common to all studies: in z every normal
density has standard deviation ≥ 1, and w does not depend on the parameters of the effect. The panels end where log w
is an 1e-17 or w is nothing, and are cut where −log w = exp(−26), exp(−14) … 1, 8, 46 …: the weight falls from 1 to 0
within 1/z at z.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from .rows import SelectionData, log_weight, logs_of, square

__all__ = ["Mass", "smooth_mass", "step_mass"]

ROOT_2PI = float(np.sqrt(2 * np.pi))
CERTAIN = 8.5
"""−z beyond which p is 1 in double precision."""
NODES = 24
WIDE = 2.0
"""Widest panel, in standard deviations."""
LEVELS = (-39.0, -26.0, -14.0, -5.0, -2.5, 0.0)
"""Logs of −log w at which panels are cut, beside those of `_falls`."""
KINK = (-5.0, 0.0, 2.0, 4.0)
"""The same where a bounded weight begins to fall."""
PLAIN = 40.0
"""Wider ranges of z are cut by what the studies reach."""
DEEPEST = 300.0
"""Standard deviations of a mean below the fall of the weight beyond which the likelihood is not computed."""
BOUNDED = (-3.5, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 3.5)
"""Cuts for weights of bounded p."""


class Mass(NamedTuple):
    """Expected weights over exp(log_scale).

    ∂ʲA/∂mʲ, j = 0 … 4 (5, k); by δ as well, j = 0 … 2 (d, 3, k); twice by δ (d, d, k); logs of the scale (k,).
    """

    by_mean: FloatArray
    by_delta: FloatArray
    twice: FloatArray
    log_scale: FloatArray


def _bell(a: FloatArray, root: FloatArray, log_scale: FloatArray) -> FloatArray:
    """Return the derivatives by the mean of P(y > cut), first to fourth, over the scale; a = (cut − mean)/root."""
    phi = np.exp(-0.5 * a * a - log_scale) / ROOT_2PI / root
    a1, over = a / root, 1 / root**2
    return np.stack([phi, phi * a1, phi * (a1 * a1 - over), phi * a1 * (a1 * a1 - 3 * over)])


def step_mass(data: SelectionData, mean: FloatArray, t: FloatArray, delta: FloatArray) -> Mass:
    """Return Σ δⱼ P(interval j): intervals from the largest y (smallest p) down."""
    steps, k = data.cuts.shape
    root = np.sqrt(t)
    a = (data.cuts - mean) / root
    ends = np.full((1, k), np.inf)
    log_share = _log_between(np.concatenate([a, -ends]), np.concatenate([ends, a]))
    log_scale = special.logsumexp(log_share, axis=0, b=delta[:, None])
    edges = np.zeros((4, steps + 2, k))
    edges[:, 1:-1] = _bell(a, root, log_scale)
    shares = np.concatenate([np.exp(log_share - log_scale)[None], np.diff(edges, axis=1)])  # (5, intervals, k)
    by_mean = np.einsum("d,jdk->jk", delta, shares)
    return Mass(by_mean, shares[:3].transpose(1, 0, 2), np.zeros((delta.size, delta.size, k)), log_scale)


def _log_between(low: FloatArray, high: FloatArray) -> FloatArray:
    """Return log P(low < u < high) of a standard normal, from the tail in which both are."""
    flip = low > 0
    near, far = np.where(flip, -low, high), np.where(flip, -high, low)
    most = special.log_ndtr(near)
    return np.asarray(most + np.log1p(-np.exp(special.log_ndtr(far) - most)))


@lru_cache(maxsize=1)
def _rule() -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(NODES)
    return (x + 1) / 2, w / 2


class Range(NamedTuple):
    """Where smooth weights are integrated: edges of the panels, and whether w is nothing below the first."""

    edges: FloatArray
    nothing_below: bool


def _range(data: SelectionData, mu: FloatArray, sd: FloatArray, delta: FloatArray) -> Range | None:
    """Return the panels in z for means ``mu`` and standard deviations ``sd``; None where slopes are beyond reason."""
    assert data.weight is not None
    far, width = data.weight.far, data.weight.width(delta)
    start = np.log(data.full_below) - data.unit if data.full_below > 0 else -np.inf

    def where(log_level: FloatArray, log_delta: float) -> FloatArray:
        """Return z at which −log w has a level."""
        log_p = data.unit + width * np.logaddexp(log_level - log_delta, start / width)
        return np.asarray(-special.ndtri_exp(np.minimum(log_p, 0.0)))

    strength = float(np.log(max(delta[0], np.exp(-PLAIN))))
    if far:
        kink = where(np.array(KINK), strength) if data.full_below > 0 else np.empty(0)
        start_z = where(np.array([-np.inf]), strength)[data.full_below == 0 :]
        inner = [x for x in (*BOUNDED, *kink, *start_z) if -far < x < far]
        return Range(np.array([-far, *sorted(inner), far]), False)
    weakest = strength + float(np.log(data.imprecision.min()))
    strong, weak = max(strength, 0.0), max(weakest, 0.0)
    fall = where(np.zeros(1), strength)
    depth = float(np.max((fall[0] - mu) / sd)) if np.isfinite(fall[0]) else 0.0
    if depth > DEEPEST:
        return None
    levels = np.array([*LEVELS, *_falls(max(depth, 0.0))])
    cuts = np.concatenate([where(levels, grade) for grade in np.arange(strong, weak - 1.9, -2.0)])
    high = float(where(levels[:1], strong)[0])
    low = float(where(levels[-1:], weakest)[0])
    nothing = low > -CERTAIN
    low = max(low, -CERTAIN, float(np.min(mu - 10 * sd)))
    if high - low > PLAIN:
        fallen = log_weight(data, *logs_of(data, mu), delta, data.imprecision)[0]
        reach = mu + sd * np.sqrt(2 * (45.0 - fallen))
        high = min(high, float(reach.max()))
    else:
        reach = np.full(1, np.inf)
    edges = _walk(low, max(high, low + 1e-6), np.sort(cuts), sd, mu - 10 * sd, reach)
    return Range(edges, nothing)


def _falls(depth: float) -> list[float]:
    """Return logs of −log w from 8 on, to where no mean that is ``depth`` below the fall of w makes up for it."""
    least = 60.0 + 0.5 * depth * depth
    return [2 * float(np.log(root)) for root in np.arange(2.8, least**0.5, 4.0)] + [float(np.log(least))]


def _walk(
    low: float, high: float, cuts: FloatArray, sd: FloatArray, begin: FloatArray, reach: FloatArray
) -> FloatArray:
    """Return edges from low to high: all cuts, and between them steps that the densities that live there allow."""
    edges = [low]
    inner = [x for x in cuts if low < x < high] + [high]
    for end in inner:
        while end > edges[-1]:
            at = edges[-1]
            alive = (reach > at) & (begin <= at + WIDE)
            step = WIDE * float(np.min(sd, where=alive, initial=np.inf))
            parts = max(1.0, np.ceil((end - at) / step)) if np.isfinite(step) else 1.0
            edges.append(end if parts == 1 else at + (end - at) / parts)
    return np.array(edges)


def smooth_mass(data: SelectionData, mean: FloatArray, t: FloatArray, delta: FloatArray) -> Mass:
    """Return Aᵢ by quadrature over y/√vᵢ, tails in closed form."""
    s, root = np.sqrt(data.v), np.sqrt(t)
    mu, sd, d = mean / s, root / s, delta.size
    found = _range(data, mu, sd, delta)
    if found is None:
        none, k = np.nan, mean.size
        return Mass(np.full((5, k), none), np.full((d, 3, k), none), np.full((d, d, k), none), np.full(k, none))
    edges, share = found.edges, _rule()[1]
    z = (edges[:-1, None] + np.diff(edges)[:, None] * _rule()[0]).ravel()
    share = (np.diff(edges)[:, None] * share).ravel()
    varies = bool((data.imprecision != 1).any())
    where = np.concatenate([z, edges[[-1, 0]]])
    logs = log_weight(data, *logs_of(data, where), delta, data.imprecision[:, None] if varies else np.ones(1))
    slopes = np.stack(logs[1])
    bends = square(logs[2], d) + slopes[:, None] * slopes[None]
    one = np.ones_like(logs[0])
    columns = np.concatenate([one[None], slopes, bends.reshape(d * d, *one.shape)])  # (1 + d + d², [k,] nodes)

    u = (z - mu[:, None]) / sd[:, None]
    high, low = (edges[-1] - mu) / sd, (edges[0] - mu) / sd
    inside = logs[0][..., :-2] - 0.5 * u * u
    above = logs[0][..., -2] + special.log_ndtr(-high)
    below = np.full_like(above, -np.inf) if found.nothing_below else logs[0][..., -1] + special.log_ndtr(low)
    log_scale = np.maximum(np.maximum(above, below), inside.max(axis=1))
    density = np.exp(inside - log_scale[:, None]) * (share / ROOT_2PI / sd[:, None])
    u1, over = u / root[:, None], 1 / t[:, None]
    u2 = u1 * u1
    factors = (None, u1, u2 - over, u1 * (u2 - 3 * over), u2 * u2 - 6 * over * u2 + 3 * over * over)
    upper = np.concatenate([np.exp(above - log_scale)[None], _bell(high, root, log_scale - logs[0][..., -2])])
    lower = np.concatenate([np.exp(below - log_scale)[None], -_bell(low, root, log_scale - logs[0][..., -1])])
    if found.nothing_below:
        lower[:] = 0.0
    total = []
    for j, factor in enumerate(factors):
        wanted = columns[: (1 + d + d * d, 1 + d, 1 + d, 1, 1)[j]]
        mass = density if factor is None else density * factor
        inner = wanted[..., :-2]
        part = np.einsum("kn,ckn->ck", mass, inner) if varies else inner @ mass.T
        total.append(
            part
            + wanted[..., -2:-1].reshape(len(wanted), -1) * upper[j]
            + wanted[..., -1:].reshape(len(wanted), -1) * lower[j]
        )
    by_delta = np.stack([part[1 : 1 + d] for part in total[:3]], axis=1)
    return Mass(np.stack([part[0] for part in total]), by_delta, total[0][1 + d :].reshape(d, d, -1), log_scale)
