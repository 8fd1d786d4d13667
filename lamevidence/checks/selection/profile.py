"""Profile likelihood of selection models: intervals that let the selection parameters move, up to their edges.

The signed root r(ψ) = √(2(ℓ̂ − ℓₚ(ψ))) is nearly straight, so its crossing of the normal quantile is found by Newton's
method within a bracket; the slope of ℓₚ is that of the likelihood in ψ at the constrained maximum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ...effects.measures.base import FloatArray
from .fit import FINE, ROUGH, choices, climb, guarded, polish
from .rows import SelectionData

__all__ = ["Profile", "bound", "root"]

CLOSE = 1e-8
"""How near r is to the quantile at a bound."""
NOT_FOUND = 1e-3
"""How far it is where no bound was found."""
FAR_OUT = 1e3, 1e6
"""Steps from the estimate beyond which an interval is unbounded: of coefficients, of τ² and δ."""
EVALUATIONS = 80
SETTLED, LIFTED = 1e-4, 0.1
"""A τ² or δ this small counts as being at its edge, and where it is put if the likelihood rises from there."""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One likelihood and where its constrained maximum was last seen; ``fixed`` as in `best_fit`."""

    data: SelectionData
    fixed: FloatArray | None
    x: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The likelihood of a fit seen along one parameter.

    Attributes
    ----------
    branches
        The likelihood, and that of the limit it may rise to.
    place
        Position of the parameter.
    value
        Its estimate.
    highest
        Log-likelihood there.
    lowest
        Edge of its range.
    step
        A first distance.
    factor
        What turns the parameter into that of the reader.
    """

    branches: tuple[Branch, ...]
    place: int
    value: float
    highest: float
    lowest: float
    step: float
    factor: float


def of_coefficient(profile: Profile, row: FloatArray) -> Profile:
    """Return the profile of row·β: the basis of the design is turned so that it is the first coordinate."""
    p = row.size
    length = float(np.linalg.norm(row))
    turn = np.linalg.qr(np.column_stack([row / length, np.eye(p)]))[0][:, :p]
    if turn[:, 0] @ row < 0:
        turn = -turn
    branches = tuple(
        Branch(replace(b.data, X=b.data.X @ turn), b.fixed, np.concatenate([turn.T @ b.x[:p], b.x[p:]]))
        for b in profile.branches
    )
    return replace(profile, branches=branches, value=float(branches[0].x[0]), factor=length)


@dataclass(frozen=True, slots=True)
class Point:
    """The constrained maximum at a value of the parameter."""

    at: float
    root: float
    slope: float
    branches: tuple[Branch, ...]


def _point(profile: Profile, at: float, branches: tuple[Branch, ...], everywhere: bool = False) -> Point:
    """Return the maximum over the other parameters, from where it was last seen, or from all starts as well."""
    best, slope, seen = -math.inf, 0.0, []
    for branch in branches:
        data, fixed, i = branch.data, branch.fixed, profile.place
        starts = [branch.x.copy()]
        if everywhere:
            head = data.X.shape[1] + data.free_tau2
            starts += [np.concatenate([branch.x[:head], deltas]) for deltas in choices(data, fixed)]
            starts += [_with(x, head - 1, LIFTED) for x in starts if data.free_tau2]
        found = []
        for start in starts:
            start[i] = at
            _lift(data, start, fixed, i)
            found.append(climb(data, start, fixed, ROUGH if everywhere else FINE, i))
        x = max(found, key=lambda end: end[1])[0]
        x = polish(data, climb(data, x, fixed, FINE, i)[0] if everywhere else x, fixed, i)
        here = guarded(data, x, fixed)
        seen.append(Branch(data, fixed, x))
        if here.value > best:
            best, slope = here.value, float(here.gradient[i])
    r = math.sqrt(max(0.0, 2 * (profile.highest - best)))
    return Point(at, r, abs(slope) / r if r > 0 else 0.0, tuple(seen))


def _with(x: FloatArray, place: int, value: float) -> FloatArray:
    out = x.copy()
    out[place] = value
    return out


def _lift(data: SelectionData, x: FloatArray, fixed: FloatArray | None, held: int) -> None:
    """Take parameters off their edge where the likelihood rises from there: steps on logarithms would not."""
    p = data.X.shape[1]
    rises = guarded(data, x, fixed).gradient > 0
    for j in range(p, x.size):
        if j != held and x[j] < SETTLED and rises[j]:
            x[j] = LIFTED


def root(profile: Profile, at: float) -> float:
    """Return √(2(ℓ̂ − ℓₚ)) at a value of the reader's parameter."""
    return _point(profile, at / profile.factor, profile.branches, everywhere=True).root


@lru_cache(maxsize=512)
def bound(profile: Profile, side: float, quantile: float) -> float:
    """Return where r crosses the quantile below (side = −1) or above (1) the estimate; ±inf where it never does.

    NaN where the search ends short of it: on a ridge without a maximum the likelihood beside the estimate is noise.
    """
    inside = Point(profile.value, 0.0, 0.0, profile.branches)
    for _ in range(4):
        found = _crossing(profile, inside, side, quantile)
        if not math.isfinite(found.at) or found.at == profile.lowest:
            break
        inside = _point(profile, found.at, found.branches, everywhere=True)
        if inside.root > quantile - 1e-6:  # no other maximum is higher there
            break
    short = math.isfinite(found.at) and found.at != profile.lowest and abs(found.root - quantile) > NOT_FOUND
    return math.nan if short else found.at * profile.factor


def _crossing(profile: Profile, inside: Point, side: float, quantile: float) -> Point:
    lowest = profile.lowest if side < 0 else -math.inf
    if math.isfinite(lowest):
        if inside.at <= lowest:
            return replace(inside, at=lowest)
        edge = _point(profile, lowest, inside.branches, everywhere=True)
        if edge.root <= quantile:
            return edge
        outside: Point | None = edge
    else:
        outside = None
    reach = profile.step * quantile
    for _ in range(EVALUATIONS):
        at = _next(inside, outside, side, quantile, reach)
        if abs(at - profile.value) > FAR_OUT[math.isfinite(profile.lowest)] * profile.step:
            return replace(inside, at=side * math.inf)
        tried = _point(profile, at, inside.branches)
        if abs(tried.root - quantile) < CLOSE:
            return tried
        inside, outside = (tried, outside) if tried.root < quantile else (inside, tried)
        reach = max(reach, abs(tried.at - profile.value))
        if outside is not None and abs(outside.at - inside.at) <= 1e-13 * (abs(inside.at) + profile.step):
            break
    return inside


def _next(inside: Point, outside: Point | None, side: float, quantile: float, reach: float) -> float:
    """Return where to look: Newton's step of the nearer end if it is between the two, else the middle."""
    if outside is None:
        newton = (quantile - inside.root) / inside.slope if inside.slope > 0 else math.inf
        low = 1e-3 * reach if inside.slope > 0 and inside.root > 0.5 * quantile else 0.5 * reach
        return (
            inside.at + side * min(max(1.02 * newton, low), 5 * reach) if inside.root > 0 else inside.at + side * reach
        )
    a, b = sorted((inside.at, outside.at))
    for end in sorted((inside, outside), key=lambda end: abs(end.root - quantile)):
        if end.slope > 0 and end.root < 1e3:
            at = end.at + side * (quantile - end.root) / end.slope
            if a + 1e-3 * (b - a) < at < b - 1e-3 * (b - a) or (a < at < b and b - a < 1e-3 * reach):
                return at
    return 0.5 * (a + b)
