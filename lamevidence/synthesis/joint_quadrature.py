"""The joint model given its three standard deviations is Gaussian: here it is summed over a product rule of them.

At every node the mean effects β have mean A⁻¹b and covariance A⁻¹ with A = B₀⁻¹ + Σ X'V⁻¹X and b = B₀⁻¹β₀ + Σ X'V⁻¹y,
and the node weighs as much as prior times evidence there. The step of each axis is shortened until nothing that is
watched moves when every second node is left out; as the rule converges geometrically, what is left is near the square
of that movement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable, QuadratureError
from .packed import Packed, entry, inverted, product
from .scale_axis import ScaleAxis
from .study_blocks import Block

__all__ = ["JointNodes", "MeanPriors", "integrate"]

_DEPTH = 34.0
"""Planes of nodes that lie this many nats below the peak throughout are cut: e^-34 < 2e-15."""
_NEGLIGIBLE = 1e-17
_MOVED = 3e-6
"""Steps are short enough when no probe moves by more of its standard deviation; the error left is near the square."""
_AIM = 6e-7
"""The movement that the next step is chosen for."""
_LIMIT = 1e-4
_MOST_NODES = 3_000_000


@dataclass(frozen=True, slots=True, eq=False)
class MeanPriors:
    """Normal priors of the mean effects; precision 0 where a prior is flat.

    Attributes
    ----------
    mean, precision
        Of each, (p,).
    """

    mean: FloatArray
    precision: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class JointNodes:
    """Nodes of the standard deviations, and the law of the mean effects at each.

    Attributes
    ----------
    axes
        The three axes.
    margins
        Posterior weight of each node of each axis, the other two summed out.
    tau
        The standard deviations at the nodes that weigh something, (3, m).
    weight
        Their weights, which sum to one, (m,).
    mean, covariance
        Mean and covariance of the mean effects there: (p, m), and packed.
    log_evidence
        Log marginal likelihood; of flat priors up to their constant.
    error
        How far what is watched moves when every second node is left out, in standard deviations.
    """

    axes: tuple[ScaleAxis, ...]
    margins: tuple[FloatArray, ...]
    tau: FloatArray
    weight: FloatArray
    mean: FloatArray
    covariance: Packed
    log_evidence: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """One evaluation of the rule: log weights (n₁, n₂, n₃), and the law of the means in shapes that broadcast."""

    axes: tuple[ScaleAxis, ...]
    tau: tuple[FloatArray, ...]
    log: FloatArray
    mean: list[Any]
    covariance: Packed


def _evaluate(blocks: Sequence[Block], priors: MeanPriors, axes: tuple[ScaleAxis, ...]) -> _Grid:
    rules = [axis.rule() for axis in axes]
    views = [(slice(None), None, None), (None, slice(None), None), (None, None, slice(None))]
    tau2 = [rule[0][view] ** 2 for rule, view in zip(rules, views, strict=True)]
    p = priors.mean.size
    A: Packed = {(i, j): float(i == j) * float(priors.precision[i]) for i in range(p) for j in range(i + 1)}
    b: list[Any] = [float(x) for x in priors.precision * priors.mean]
    proper = priors.precision > 0
    total: Any = float(priors.precision @ priors.mean**2 - np.log(priors.precision[proper]).sum())
    total = total - float((~proper).sum()) * np.log(2.0 * np.pi)
    for block in blocks:
        W, log_det = block.inverse(tau2)
        X, y = block.X, block.y
        r = y.size
        total = total + log_det + block.rest
        for a in range(r):
            for c in range(a + 1):
                both = 1.0 if a == c else 2.0
                if y[a] * y[c]:
                    total = total + W[a, c] * float(both * y[a] * y[c])
                for i in range(p):
                    sums = [float(0.5 * both * (X[a, i] * X[c, j] + X[c, i] * X[a, j])) for j in range(i + 1)]
                    for j in np.flatnonzero(sums):
                        A[i, int(j)] = A[i, int(j)] + W[a, c] * sums[int(j)]
                    load = float(0.5 * both * (X[a, i] * y[c] + X[c, i] * y[a]))
                    if load:
                        b[i] = b[i] + W[a, c] * load
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance, log_det = inverted(A, p)
        mean = product(covariance, b, p)
        total = total + log_det - sum(b[i] * mean[i] for i in range(p))
    shape = tuple(rule[0].size for rule in rules)
    log = np.array(np.broadcast_to(-0.5 * total, shape))
    for rule, view in zip(rules, views, strict=True):
        log += rule[1][view]
    if np.isnan(log).any():
        raise NotEstimable(
            "these rows do not determine every mean effect under the flat prior given · give it a normal prior, such as"
            " lam.priors.Normal(0, 240, unit='mL/year')"
        )
    return _Grid(axes, tuple(rule[0] for rule in rules), log, mean, covariance)


def _probes(grid: _Grid, halved: int | None = None) -> FloatArray:
    """Return log evidence, then mean and variance of each mean effect and each τ²; by every second node of one axis."""
    keep = tuple(slice(None, None, 2) if axis == halved else slice(None) for axis in range(3))
    log = grid.log[keep]
    peak = log.max()
    weight = np.exp(log - peak)
    total = weight.sum()
    weight /= total

    def part(values: Any) -> FloatArray:  # noqa: ANN401
        return np.asarray(np.broadcast_to(values, grid.log.shape)[keep])

    out = [peak + np.log(total) + (np.log(2.0) if halved is not None else 0.0)]
    for i, column in enumerate(grid.mean):
        m = part(column)
        centre = float((weight * m).sum())
        gap = m - centre
        out += [centre, float(np.sqrt((weight * (part(entry(grid.covariance, i, i)) + gap * gap)).sum()))]
    return np.array(out)


def _moved(grid: _Grid, full: FloatArray, axis: int) -> float:
    """Return how far the probes move when every second node of an axis is left out, in standard deviations."""
    if grid.axes[axis].prior is None:
        return 0.0
    gap = np.abs(_probes(grid, axis) - full)
    sd = full[2::2]
    return float(max(gap[0], (gap[1::2] / sd).max(), (gap[2::2] / sd).max()))


def _finer(grid: _Grid, moved: Sequence[float]) -> tuple[ScaleAxis, ...]:
    """Return axes with shorter steps where they are needed, and without nodes where no combination weighs anything.

    What is left of the integral after a step h falls as exp(−c/h): its square root is what moves when every second node
    is left out, so that the step at which no more moves than is allowed is known from what moves now.
    """
    out = []
    for i, (axis, far) in enumerate(zip(grid.axes, moved, strict=True)):
        if axis.prior is None:
            out.append(axis)
            continue
        height = grid.log.max(axis=tuple(j for j in range(3) if j != i))
        held = np.flatnonzero(height > height.max() - _DEPTH)
        share = np.clip(np.log(min(far, 0.5)) / np.log(_AIM), 0.5, 0.95) if far > _MOVED else 1.0
        ends = max(int(held[0]) - 1, 0), min(int(held[-1]) + 1, height.size - 1)
        out.append(axis.between(*ends, axis.step * float(share)))
    return tuple(out)


def integrate(blocks: Sequence[Block], priors: MeanPriors, axes: Sequence[ScaleAxis]) -> JointNodes:
    """Return the posterior of the joint model as a mixture over nodes.

    Parameters
    ----------
    blocks
        The studies.
    priors
        Priors of the mean effects.
    axes
        First axes of the three standard deviations.

    Raises
    ------
    NotEstimable
        A mean effect under a flat prior is not determined.
    QuadratureError
        The rule still moves at the largest number of nodes.
    """
    grid = _evaluate(blocks, priors, tuple(axes))
    while True:
        full = _probes(grid)
        moved = [_moved(grid, full, axis) for axis in range(3)]
        if max(moved) <= _MOVED:
            break
        finer = _finer(grid, moved)
        if np.prod([float(axis.last - axis.first + 1) for axis in finer]) > _MOST_NODES:
            if max(moved) <= _LIMIT:
                break
            raise QuadratureError(
                f"integration over the three standard deviations still moves by {max(moved):.1e} of a posterior SD"
                f" (limit {_LIMIT:g}) · check their priors against the scale of the data"
            )
        grid = _evaluate(blocks, priors, finer)
    return _collected(grid, float(full[0]), max(moved))


def _collected(grid: _Grid, log_evidence: float, error: float) -> JointNodes:
    weight = np.exp(grid.log - grid.log.max())
    weight /= weight.sum()
    margins = tuple(weight.sum(axis=tuple(j for j in range(3) if j != i)) for i in range(3))
    where = np.nonzero(weight > _NEGLIGIBLE)

    def held(values: Any) -> FloatArray:  # noqa: ANN401
        return np.asarray(np.broadcast_to(values, weight.shape)[where])

    kept = weight[where]
    tau = np.array([column[index] for column, index in zip(grid.tau, where, strict=True)])
    covariance: Packed = {place: held(values) for place, values in grid.covariance.items()}
    mean = np.array([held(column) for column in grid.mean])
    return JointNodes(grid.axes, margins, tau, kept / kept.sum(), mean, covariance, log_evidence, error)
