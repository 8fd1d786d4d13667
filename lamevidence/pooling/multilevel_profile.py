"""Profile-likelihood intervals of variance components."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..effects.measures.base import FloatArray
from ..values import Interval
from .intervals import quantile
from .multilevel_components import Component
from .multilevel_likelihood import Likelihood
from .multilevel_terms import Grouping, Term

if TYPE_CHECKING:
    from .multilevel_results import MultilevelPooled

__all__ = ["profile_interval"]

PRECISE = 1e-9
FARTHEST = 1e12


@dataclass(slots=True)
class _Profile:
    """−2 (profile − maximum) − χ² as a function of one parameter.

    Each fit starts at the maximum and where the last one ended: near the edge of the space the profile can jump.
    """

    likelihood: Likelihood
    theta: FloatArray
    position: int
    top: float
    critical: float
    last: FloatArray | None = None

    def __call__(self, value: float) -> float:
        starts = [self.theta] if self.last is None else [self.theta, self.last]
        level, at = self.likelihood.profile(starts, self.position, value)
        if math.isfinite(level):
            self.last = at
        return 2.0 * (self.top - level) - self.critical


def profile_interval(fit: MultilevelPooled, name: str, index: int, level: float) -> Interval:
    """Return the values whose profile likelihood is within χ²(level) / 2 of the maximum.

    A bound at the edge of the parameter space (0, ±1) means that the likelihood does not fall far enough on that side.

    Raises
    ------
    UnknownName, OptionError
        No such component.
    """
    component = fit.components.get(name, index)
    likelihood, theta, component = _leading(fit.likelihood, fit.maximum.theta, component)
    term = likelihood.terms[component.term]
    position = likelihood.parts[component.term].start + component.position
    profile = _Profile(likelihood, theta, position, fit.log_likelihood, quantile(level) ** 2)
    estimate = float(theta[position])
    if name in ("rho", "phi"):
        angles = term.structure.code == "UN" and term.structure.m > 2
        lowest, highest = (-1.0, 1.0) if angles else term.structure.bounds
        at = (lambda x: profile(math.acos(x))) if angles else profile
        estimate = math.cos(estimate) if angles else estimate
        return Interval(_bound(at, estimate, lowest), _bound(at, estimate, highest))
    unit = likelihood.scale if term.structure.as_sd else likelihood.scale**2
    low = _bound(profile, estimate, 0.0)
    profile.last = None
    high = _upper(profile, estimate)
    power = 2 if term.structure.as_sd else 1
    return Interval((unit * low) ** power, (unit * high) ** power)


def _bound(excess: Callable[[float], float], inside: float, edge: float) -> float:
    """Return where the excess is 0 between the estimate and the edge; the edge when it never is."""
    from scipy.optimize import brentq

    if inside == edge or excess(edge) <= 0:
        return edge
    return float(brentq(excess, inside, edge, xtol=1e-12, rtol=PRECISE))


def _upper(excess: Callable[[float], float], estimate: float) -> float:
    near, far = estimate, max(1.5 * estimate, 0.05)
    while excess(far) <= 0:
        near, far = far, 2.0 * far
        if far > FARTHEST:
            return math.inf
    return _bound(excess, near, far)


def _leading(
    likelihood: Likelihood, theta: FloatArray, component: Component
) -> tuple[Likelihood, FloatArray, Component]:
    """Return the model with the two levels of a correlation first: there its angle is the correlation."""
    term = likelihood.terms[component.term]
    structure = term.structure
    if structure.code != "UN" or structure.m < 3 or component.name not in ("rho", "phi"):
        return likelihood, theta, component
    i, j = (int(a[component.index]) for a in np.triu_indices(structure.m, 1))
    order = [i, j, *(x for x in range(structure.m) if x not in (i, j))]
    assert term.inner is not None
    labels = tuple(term.inner.values[x] for x in order)
    moved = replace(term, inner=Grouping(term.inner.name, np.argsort(order)[term.inner.codes], labels))
    part = likelihood.parts[component.term]
    own = theta[part]
    correlation = structure.matrix(np.r_[np.ones(structure.m), own[structure.m :]])[np.ix_(order, order)]
    changed = theta.copy()
    changed[part] = np.r_[own[: structure.m][order], _angles(correlation)]
    terms: tuple[Term, ...] = tuple(moved if t is term else t for t in likelihood.terms)
    from .multilevel_blocks import BlockEngine

    again = replace(likelihood, terms=terms, engine=BlockEngine(terms, likelihood.V))
    return again, changed, replace(component, position=structure.m)


def _angles(correlation: FloatArray) -> FloatArray:
    """Return the angles whose unit-sphere Cholesky rows make this correlation matrix."""
    m = correlation.shape[0]
    root = np.linalg.cholesky(correlation + 1e-12 * np.eye(m))
    angles = []
    for i in range(1, m):
        rest = 1.0
        for j in range(i):
            angle = math.acos(min(1.0, max(-1.0, root[i, j] / rest))) if rest > 0 else 0.0
            angles.append(angle)
            rest *= math.sin(angle)
    return np.array(angles)
