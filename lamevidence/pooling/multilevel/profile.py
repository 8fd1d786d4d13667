"""Likelihood-ratio tests, and profile-likelihood intervals of variance components."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError
from ...foundation.values import Interval
from ..kernel.distributions import quantile
from .blocks import BlockEngine
from .fitted import Component, FittedModel
from .likelihood import Likelihood
from .terms import Grouping, Term

__all__ = ["LikelihoodRatio", "likelihood_ratio", "profile_interval"]

PRECISE = 1e-9
MAX_PARAMETER = 1e12


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


def profile_interval(model: FittedModel, name: str, index: int, level: float) -> Interval:
    """Return the values whose profile likelihood is within χ²(level) / 2 of the maximum.

    A bound at the edge of the parameter space (0, ±1) means that the likelihood does not fall far enough on that side.

    Raises
    ------
    UnknownName, OptionError
        No such component.
    """
    component = model.components.get(name, index)
    likelihood, theta, component = _leading(model.likelihood, model.maximum.theta, component)
    term = likelihood.terms[component.term]
    position = likelihood.parts[component.term].start + component.position
    profile = _Profile(likelihood, theta, position, model.log_likelihood, quantile(level) ** 2)
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
        if far > MAX_PARAMETER:
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


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test.

    Attributes
    ----------
    statistic
        2(ℓ₁ − ℓ₀).
    df
        Difference in parameters.
    p_value
        From χ².
    note
        A caution where χ² is not exact, else empty.
    """

    statistic: float
    df: int
    p_value: float
    note: str = ""


def likelihood_ratio(reduced: FittedModel, full: FittedModel) -> LikelihoodRatio:
    """Return the likelihood-ratio test of a reduced against a full model.

    Raises
    ------
    InputError
        Different rows, V or estimator.
    OptionError
        REML with different fixed effects, or a full model that is not larger.

    References
    ----------
    Self and Liang 1987, 10.1080/01621459.1987.10478472: variances on the edge of their space.
    """
    if reduced.y.size != full.y.size or (reduced.y != full.y).any():
        raise InputError("the two models were fitted to different rows · compare models of the same table")
    if reduced.V.shape != full.V.shape or (reduced.V != full.V).any():
        raise InputError("the two models have different sampling covariances V · fit both with the same V=")
    if reduced.likelihood.restricted != full.likelihood.restricted:
        raise InputError("one model was fitted by REML and one by ML · fit both with the same tau2=")
    same_mean = reduced.design.X.shape == full.design.X.shape and np.allclose(
        full.design.basis @ (full.design.basis.T @ reduced.design.X), reduced.design.X
    )
    if full.likelihood.restricted and not same_mean:
        raise OptionError("REML likelihoods with different moderators cannot be compared · fit both with tau2='ML'")
    df = full.parameters - reduced.parameters
    if df < 1:
        raise OptionError(
            f"the full model has {full.parameters} parameters, the reduced one {reduced.parameters} · swap them"
        )
    statistic = max(0.0, 2.0 * (full.log_likelihood - reduced.log_likelihood))
    on_edge = full.likelihood.size > reduced.likelihood.size
    note = "the hypothesis sets variances to 0, the edge of their space: the p value is too large" if on_edge else ""
    return LikelihoodRatio(statistic, df, float(special.chdtrc(df, statistic)), note)
