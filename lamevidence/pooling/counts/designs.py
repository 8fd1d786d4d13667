"""From counts to the study likelihoods of each one-stage model.

Models are named as in Stijnen, Hamza & Özdemir (2010, doi:10.1002/sim.4040) and Jackson et al. (2018,
doi:10.1002/sim.7588): unconditional with fixed (UM.FS) or random (UM.RS) study effects, conditional with exact (CM.EL)
or approximate (CM.AL) likelihood; one-arm models have one row a study.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...effects.measures.cells import BoolArray
from .cumulants import Binomial, Cumulant, Hypergeometric, Poisson
from .hazard import Hazard, HazardRows
from .quadrature import StudyModel

__all__ = ["CountData", "conditional", "one_arm", "random_intercept", "saturated_intercept", "unconditional"]


@dataclass(frozen=True, slots=True)
class CountData:
    """Counts of one or two arms.

    Attributes
    ----------
    x
        Events, (k, arms), treated arm first.
    size
        Patients (binomial) or person-time (Poisson), (k, arms).
    family
        ``binomial``, ``poisson`` or ``hazard``.
    mods
        Design of the effect, intercept included, (k, p).
    hazard
        The rows of a model of hazards.
    """

    x: FloatArray
    size: FloatArray
    family: str
    mods: FloatArray
    hazard: HazardRows | None = None

    @property
    def k(self) -> int:
        """Number of studies."""
        return int(self.x.shape[0])

    def uninformative(self) -> BoolArray:
        """Return True where every arm is without events, or every patient of every arm has one."""
        none = (self.x == 0).all(axis=1)
        if self.family == "binomial":
            none = none | (self.x == self.size).all(axis=1)
        return np.asarray(none)

    def rows(self, keep: BoolArray) -> CountData:
        """Return the studies at the positions (or mask) ``keep``."""
        hazard = None if self.hazard is None else self.hazard.rows(keep)
        return CountData(self.x[keep], self.size[keep], self.family, self.mods[keep], hazard)


def _cumulant(data: CountData) -> tuple[Cumulant, FloatArray, FloatArray]:
    """Return (A, offset, log constants per study)."""
    if data.hazard is not None:
        return Hazard(data.hazard), np.log(data.size), data.hazard.constant
    if data.family == "binomial":
        constant = (
            special.gammaln(data.size + 1) - special.gammaln(data.x + 1) - special.gammaln(data.size - data.x + 1)
        ).sum(axis=1)
        return Binomial(data.size), np.zeros_like(data.x), constant
    return Poisson(), np.log(data.size), -special.gammaln(data.x + 1).sum(axis=1)


def one_arm(data: CountData) -> StudyModel:
    """Return the binomial-normal (Hamza 2008), Poisson-normal or hazard-normal model of one arm."""
    cumulant, offset, constant = _cumulant(data)
    k = data.k
    ones = np.ones((k, 1))
    return StudyModel(data.x, offset, 0 * ones, data.mods[:, None, :], ones[:, :, None, None], ones, constant, cumulant)


def conditional(data: CountData, exact: bool) -> StudyModel:
    """Return the likelihood of the treated events given all events of the study.

    Binomial data: Fisher's non-central hypergeometric law (``exact``, CM.EL) or its binomial approximation with
    offset log(n1/n2) (CM.AL). Poisson data: binomial with offset log(t1/t2), which is exact.
    """
    k, _ = data.mods.shape
    ones = np.ones((k, 1))
    X, E = data.mods[:, None, :], ones[:, :, None, None]
    a, c = data.x[:, 0], data.x[:, 1]
    if exact and data.family == "binomial":
        law = Hypergeometric(data.size[:, 0], data.size[:, 1], a + c, a)
        return StudyModel(a[:, None], 0 * ones, 0 * ones, X, E, ones, np.zeros(k), law)
    m = (a + c)[:, None]
    constant = special.gammaln(a + c + 1) - special.gammaln(a + 1) - special.gammaln(c + 1)
    offset = np.log(data.size[:, :1] / data.size[:, 1:])
    return StudyModel(a[:, None], offset, 0 * ones, X, E, ones, constant, Binomial(m))


def _two_rows(data: CountData) -> tuple[Cumulant, FloatArray, FloatArray, FloatArray]:
    cumulant, offset, constant = _cumulant(data)
    treated = np.stack([data.mods, np.zeros_like(data.mods)], axis=1)
    return cumulant, offset, constant, treated


def unconditional(data: CountData, coding: float) -> StudyModel:
    """Return UM.FS: one intercept a study, random effect on (½,−½), (1,0) or (0,1) for ``coding`` ½, 1, 0."""
    cumulant, offset, constant, treated = _two_rows(data)
    k = data.k
    ones = np.ones((k, 2))
    slope = np.broadcast_to(np.array([coding, coding - 1.0]), (k, 2))
    if coding == 0:
        slope = np.broadcast_to(np.array([0.0, 1.0]), (k, 2))
    empty = data.uninformative()
    active = np.where(empty[:, None], 0.0, ones)
    constant = np.where(empty, 0.0, constant)
    return StudyModel(data.x, offset, ones, treated, slope[:, :, None, None].copy(), active, constant, cumulant, True)


def random_intercept(data: CountData, coding: float, correlated: bool, slope: bool = True) -> StudyModel:
    """Return UM.RS: intercepts N(β0, σ²) and effects N(β, τ²), independent or ``correlated``.

    Coefficients are (effect…, β0); scales (σ, τ), or the Cholesky factor (σ, λ21, λ22) when correlated.
    Without ``slope`` only the intercepts vary (the common-effect model of UM.RS).
    """
    cumulant, offset, constant, treated = _two_rows(data)
    k = data.k
    ones = np.ones((k, 2))
    X = np.concatenate([treated, ones[:, :, None]], axis=-1)
    z = np.array([coding, coding - 1.0]) if coding else np.array([0.0, 1.0])
    if not slope:
        E = ones[:, :, None, None]
    else:
        m = 3 if correlated else 2
        E = np.zeros((k, 2, m, 2))
        E[:, :, 0, 0] = 1.0
        E[:, :, m - 1, 1] = z
        if correlated:
            E[:, :, 1, 0] = z
    return StudyModel(data.x, offset, 0 * ones, X, E, ones, constant, cumulant)


def saturated_intercept(data: CountData) -> StudyModel:
    """Return UM.RS with one effect a study: what its heterogeneity tests compare with."""
    cumulant, offset, _ = _cumulant(data)
    k = data.k
    ones = np.ones((k, 2))
    local = np.broadcast_to(np.array([1.0, 0.0]), (k, 2)).copy()
    perfect = data.x[:, 0] == 0
    if data.family == "binomial":
        perfect = perfect | (data.x[:, 0] == data.size[:, 0])
    active = ones.copy()
    active[perfect, 0] = 0.0
    single = _single_arm_constant(data, perfect)
    X = ones[:, :, None]
    return StudyModel(data.x, offset, local, X, ones[:, :, None, None], active, single, cumulant, True)


def _single_arm_constant(data: CountData, perfect: BoolArray) -> FloatArray:
    arms = special.gammaln(data.size + 1) - special.gammaln(data.x + 1) - special.gammaln(data.size - data.x + 1)
    if data.family == "poisson":
        arms = -special.gammaln(data.x + 1)
    arms = np.where(np.column_stack([perfect, np.zeros_like(perfect)]), 0.0, arms)
    return np.asarray(arms.sum(axis=1))
