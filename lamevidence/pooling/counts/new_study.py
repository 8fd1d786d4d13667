"""Where the effect of a new study is expected, from a one-stage likelihood, with the uncertainty of τ² in it.

Given τ, a new study lies at μ̂(τ) + τZ − t(k − p)·se(τ), all from the likelihood with τ held there; τ has a confidence
distribution, and the interval is made of the quantiles of the mixture, as Nagashima, Noma & Furukawa (2019,
doi:10.1177/0962280218773520) have it for estimates with variances. Their distribution of τ² is that of Cochran's Q,
which counts lack. Here it comes from the adjusted profile likelihood ℓ_A(τ) = max ℓ(·, τ) + log se(τ) (Cox & Reid 1987,
J R Stat Soc B 49:1), which for normal estimates is the restricted likelihood.

With k normal estimates of one variance v, twice the drop of ℓ_A from its maximum is ν(x − 1 − log x), ν = k − p,
x = S/(v + τ²) with S the mean square of the estimates, and the confidence of τ is P(χ²_ν > νx) exactly. The same two
equations make a confidence of the drop of any ℓ_A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...effects.measures.cells import BoolArray
from ...foundation.errors import NotEstimable
from ...foundation.values import Interval
from ..inverse_variance.prediction import Mixture, values_of_tau
from .likelihood import Likelihood

__all__ = ["NewStudy", "confidence_of_drop", "new_study"]

LARGEST = 16.0
"""τ up to which the likelihood is looked at, on the link scale: odds or rates e^16 apart."""
FAR = 60.0
"""Twice a drop of the log-likelihood that leaves a confidence of less than 1e-9, whatever the degrees of freedom."""
FINE = 20
"""Values of τ evenly spaced in the normal score of their confidence, besides the coarse grid."""
REACH = 4.5
"""Normal scores between which they lie."""
OPEN = 0.1
"""Confidence beyond `LARGEST`, as a share of what an interval leaves out, from which on it has no end."""
REMEDY = "prediction='HTS' takes τ as estimated, lam.pool_bayes takes a prior for it"
Held: TypeAlias = tuple[float, float, float]
"""Adjusted profile log-likelihood, mean and its standard error at one τ."""


@dataclass(slots=True)
class _Profile:
    """The likelihood with τ held, each value of τ started from the one before."""

    likelihood: Likelihood
    alpha: FloatArray
    beta: FloatArray
    known: dict[float, Held] = field(default_factory=dict)

    def look(self, tau: float) -> Held:
        """Return value, mean and standard error at one τ."""
        top = self.likelihood.held(tau, self.alpha, self.beta)
        self.alpha, self.beta = top.alpha, top.beta
        variance = float(top.covariance[0, 0])
        if not variance > 0:
            raise NotEstimable(f"the likelihood says nothing of the mean where τ = {tau:.3g} · {REMEDY}")
        se = math.sqrt(variance)
        return top.value + math.log(se), float(top.beta[0]), se

    def at(self, tau: float) -> float:
        """Return the adjusted profile log-likelihood, and keep what goes with it."""
        if tau not in self.known:
            self.known[tau] = self.look(tau)
        return self.known[tau][0]

    def columns(self) -> tuple[FloatArray, ...]:
        """Return τ, rising, with value, mean and standard error."""
        taus = sorted(self.known)
        return np.array(taus), *(np.array(column) for column in zip(*(self.known[t] for t in taus), strict=True))


def confidence_of_drop(drop: FloatArray, above: BoolArray, df: int) -> FloatArray:
    """Return P(χ²(df) > df·x) where df(x − 1 − log x) = ``drop``; x is above 1 where ``above``, else below."""
    argument = -np.exp(-1.0 - drop / df)
    x = np.where(above, -special.lambertw(argument, -1).real, -special.lambertw(argument, 0).real)
    return np.asarray(special.chdtrc(df, df * np.where(drop > 0, x, 1.0)))


def _confidence(profile: _Profile, df: int) -> tuple[FloatArray, ...]:
    """Return τ, the confidence of a smaller one, mean and standard error, at all values looked at."""
    taus, value, mean, se = profile.columns()
    best = int(np.argmax(value))
    share = confidence_of_drop(2 * (value[best] - value), np.arange(taus.size) < best, df)
    share = np.clip(np.maximum.accumulate(share), 1e-15, 1 - 1e-15)
    rising = np.concatenate([[True], np.diff(share) > 1e-12])
    return taus[rising], share[rising], mean[rising], se[rising]


def _look_around(profile: _Profile, df: int) -> None:
    """Evaluate the likelihood at a coarse grid of τ, at its maximum, and where its confidence rises."""
    from scipy.interpolate import PchipInterpolator
    from scipy.optimize import minimize_scalar

    top = profile.at(0.0)
    smallest = min(profile.known[0.0][2], LARGEST / 64) / 4
    steps = np.geomspace(smallest, LARGEST, math.ceil(math.log2(LARGEST / smallest)) + 1)
    for tau in steps:
        here = profile.at(float(tau))
        top = max(top, here)
        if 2 * (top - here) > FAR:
            break
    taus, value, *_ = profile.columns()
    best = int(np.argmax(value))
    if best == taus.size - 1:
        raise NotEstimable(f"the likelihood still rises where τ = {LARGEST:g}: τ has no upper bound · {REMEDY}")
    if best > 0:
        ends = float(taus[best - 1]), float(taus[best + 1])
        profile.at(float(minimize_scalar(lambda tau: -profile.look(float(tau))[0], bounds=ends, method="bounded").x))
    taus, share, *_ = _confidence(profile, df)
    score = special.ndtri(share)
    if score.size > 1:
        between = np.linspace(max(score[0], -REACH), min(score[-1], REACH), FINE)
        for tau in PchipInterpolator(score, taus)(between):
            profile.at(float(tau))


@dataclass(frozen=True, slots=True)
class NewStudy:
    """The distribution of the effect of a new study, and the confidence that τ lies beyond all that was looked at."""

    law: Mixture
    beyond: float

    def interval(self, level: float) -> Interval:
        """Return the central interval.

        Raises
        ------
        NotEstimable
            Too much of the confidence lies beyond the largest τ looked at.
        """
        self.require(level)
        return self.law.interval(level)

    def below(self, x: float) -> float:
        """Return the probability below ``x``.

        Raises
        ------
        NotEstimable
            As `interval` at 95 %.
        """
        self.require(0.95)
        return self.law.below(x)

    def draws(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return stratified draws of the mean and of the effect of a new study; each source is one point a stratum."""

        def spread() -> FloatArray:
            return (rng.permutation(count) + rng.random(count)) / count

        law = self.law
        at = np.minimum(np.searchsorted(np.cumsum(law.weight), spread()), law.weight.size - 1)
        means = law.mean[at] - special.stdtrit(law.df, spread()) * law.se[at]
        return np.asarray(means), np.asarray(means + law.tau[at] * special.ndtri(spread()))

    def require(self, level: float) -> None:
        """Raise `NotEstimable` where too much lies beyond the largest τ looked at for an interval of this level."""
        if self.beyond > OPEN * (1 - level):
            raise NotEstimable(
                f"the counts leave a confidence of {self.beyond:.2g} to a τ above {LARGEST:g}: a new study could be"
                f" anywhere · {REMEDY}"
            )


def new_study(likelihood: Likelihood, df: int) -> NewStudy:
    """Return where the effect of a new study is expected, ``df`` = k − p.

    Raises
    ------
    NotEstimable
        τ has no upper bound, or no mean goes with some τ.
    """
    from scipy.interpolate import PchipInterpolator

    profile = _Profile(likelihood, likelihood.optimum.alpha, likelihood.optimum.beta)
    _look_around(profile, df)
    taus, share, mean, se = _confidence(profile, df)
    if taus.size == 1:
        law = Mixture(np.ones(1), mean, taus, se, se, df)
        return NewStudy(law, 0.0)
    at, weight = values_of_tau(taus, share)
    spread = PchipInterpolator(taus, se)(at)
    return NewStudy(Mixture(weight, PchipInterpolator(taus, mean)(at), at, spread, spread, df), float(1.0 - share[-1]))
