"""Operating characteristics of a two-arm trial whose analysis borrows: by quadrature for means, exactly for counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special
from scipy.interpolate import CubicSpline

from ..bayes.priors.effect_priors import Normal
from ..bayes.priors.mixture_priors import MixtureOfBetas, MixtureOfNormals
from ..effects.measures.base import FloatArray

__all__ = ["CountTrial", "Decision", "MeanTrial", "TrialModel", "information_value"]

_Z, _SHARE = np.polynomial.legendre.leggauss(24)
_REACH = 8.5
"""Standard deviations: beyond them lies 2e-17."""
_CELLS = 12
_CURVE = 513
_P_CELLS = 60
_FAR, _PLACES = 7.0, 281
"""Widths and nodes either side of what the data of a trial may be."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Success when P(effect > threshold) > probability, or P(effect < threshold) when ``above`` is False."""

    threshold: float
    probability: float
    above: bool


class TrialModel(Protocol):
    """What a kind of outcome answers."""

    def success(self, control: FloatArray, treated: FloatArray, spread: float = 0.0) -> FloatArray:
        """P(success) at true values of both arms, (n,), the treated one with normal ``spread`` around it."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanTrial:
    """Two means with known standard deviation of one patient.

    Given the control's mean the probability that the treated arm is better rises with its own mean, so that success
    is a half line: its end is found once at every node of the control's mean.
    """

    n: tuple[int, int]
    sd: float
    control: MixtureOfNormals
    treated: MixtureOfNormals
    decision: Decision

    def success(self, control: FloatArray, treated: FloatArray, spread: float = 0.0) -> FloatArray:
        """P(success): the control's mean integrated over its sampling law."""
        se = [self.sd / np.sqrt(n) for n in self.n]
        where = np.linspace(control.min() - _REACH * se[1], control.max() + _REACH * se[1], _CURVE)
        critical = CubicSpline(where, self._critical(where))
        edges = np.linspace(-_REACH, _REACH, _CELLS + 1)
        half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
        z = (middle[:, None] + half[:, None] * _Z).ravel()
        share = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) * (half[:, None] * _SHARE).ravel()
        need = critical(control[:, None] + se[1] * z)
        sign = 1.0 if self.decision.above else -1.0
        chance = special.ndtr(sign * (treated[:, None] - need) / np.hypot(se[0], spread))
        return np.asarray(np.clip(chance @ share, 0.0, 1.0))

    def _critical(self, ybar: FloatArray) -> FloatArray:
        """The treated arm's mean at which success begins, at each mean of the control arm."""
        weight, loc, scale = _updated(self.control, ybar, self.sd / np.sqrt(self.n[1]))
        span = 12.0 * (float(np.ptp(ybar)) + max(self.control.sd, self.treated.sd) + self.sd)
        low = np.full(ybar.shape, ybar.min() - span + self.decision.threshold)
        high = np.full(ybar.shape, ybar.max() + span + self.decision.threshold)
        for _ in range(80):
            middle = 0.5 * (low + high)
            good = self._better(middle, weight, loc, scale) > self.decision.probability
            move = good if self.decision.above else ~good
            high, low = np.where(move, middle, high), np.where(move, low, middle)
        return np.asarray(0.5 * (low + high))

    def _better(self, ybar: FloatArray, weight: FloatArray, loc: FloatArray, scale: FloatArray) -> FloatArray:
        """Posterior probability of the effect beyond the threshold, at means of the treated arm, (n,)."""
        own, mean, sd = _updated(self.treated, ybar, self.sd / np.sqrt(self.n[0]))
        gap = mean[:, :, None] - loc[:, None, :] - self.decision.threshold
        z = gap / np.sqrt(sd[:, :, None] ** 2 + scale[:, None, :] ** 2)
        return np.asarray(np.einsum("na,nab,nb->n", own, special.ndtr(z if self.decision.above else -z), weight))


def _updated(prior: MixtureOfNormals, ybar: FloatArray, se: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, means and standard deviations of the posterior at each mean, (n, m)."""
    weight, loc, scale = np.array(prior.weight), np.array(prior.loc), np.array(prior.scale)
    total = scale**2 + se**2
    log = np.log(weight) - 0.5 * np.log(total) - 0.5 * (ybar[:, None] - loc) ** 2 / total
    share = np.exp(log - special.logsumexp(log, axis=1, keepdims=True))
    pull = scale**2 / total
    return share, loc + pull * (ybar[:, None] - loc), np.broadcast_to(np.sqrt(pull) * se, share.shape)


@dataclass(frozen=True, slots=True, eq=False)
class CountTrial:
    """Two proportions: every possible outcome of the trial is decided, and summed by its binomial probability."""

    n: tuple[int, int]
    control: MixtureOfBetas
    treated: MixtureOfBetas
    decision: Decision

    def success(self, control: FloatArray, treated: FloatArray, spread: float = 0.0) -> FloatArray:
        """P(success) = Σ over (r_treated, r_control) that are a success."""
        from scipy import stats

        assert spread == 0.0
        good = self.table()
        r, s = np.arange(self.n[0] + 1), np.arange(self.n[1] + 1)
        mine = stats.binom.pmf(r, self.n[0], treated[..., None])
        other = stats.binom.pmf(s, self.n[1], control[..., None])
        return np.asarray(np.clip(np.einsum("...r,rs,...s->...", mine, good.astype(float), other), 0.0, 1.0))

    def table(self) -> FloatArray:
        """Return which outcomes are a success, (n_treated + 1, n_control + 1)."""
        edges = np.linspace(0.0, 1.0, _P_CELLS + 1) ** 2 * 0.5
        edges = np.concatenate([edges, 1.0 - edges[-2::-1]])
        half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
        p = (middle[:, None] + half[:, None] * _Z).ravel()
        share = (half[:, None] * _SHARE).ravel()
        control = np.array([self.control.updated(s, self.n[1]).pdf(p) for s in range(self.n[1] + 1)]) * share
        at = np.clip(p + self.decision.threshold, 0.0, 1.0)
        below = np.array([self.treated.updated(r, self.n[0]).cdf(at) for r in range(self.n[0] + 1)])
        beyond = 1.0 - below if self.decision.above else below
        return np.asarray(beyond @ control.T > self.decision.probability)

    def assurance(self, control: float | MixtureOfBetas, treated: MixtureOfBetas) -> float:
        """P(success) where both true proportions are uncertain."""
        mine, other = event_chances(treated, self.n[0]), event_chances(control, self.n[1])
        return float(np.clip(mine @ self.table().astype(float) @ other, 0.0, 1.0))

    def information_value(self, control: float | MixtureOfBetas, treated: MixtureOfBetas) -> float:
        """Return E max(0, E(effect | data) − threshold) − max(0, E effect − threshold), a sum over every outcome."""
        sign = 1.0 if self.decision.above else -1.0
        (mine, after), (other, beside) = (
            (
                event_chances(law, n),
                np.array([law if isinstance(law, float) else law.updated(r, n).mean for r in range(n + 1)]),
            )
            for law, n in ((treated, self.n[0]), (control, self.n[1]))
        )
        gain = np.maximum(sign * (after[:, None] - beside - self.decision.threshold), 0.0)
        now = sign * (mine @ after - other @ beside - self.decision.threshold)
        return float(max(mine @ gain @ other - max(now, 0.0), 0.0))


def event_chances(law: float | MixtureOfBetas, n: int) -> FloatArray:
    """Return P(r events of n patients), r = 0 … n: binomial, or beta-binomial where p is uncertain."""
    from scipy import stats

    r = np.arange(n + 1)
    if isinstance(law, float):
        return np.asarray(stats.binom.pmf(r, n, law))
    return np.asarray(
        sum(w * stats.betabinom.pmf(r, n, a, b) for w, a, b in zip(law.weight, law.a, law.b, strict=True))
    )


def information_value(
    n: tuple[int, int], sd: float, control: float | MixtureOfNormals, effect: Normal, decision: Decision
) -> float:
    """Return E max(0, E(effect | data) − threshold) − max(0, E effect − threshold), or of its negative.

    Given a component of the control's law both means and the effect are jointly normal; the density of the data is the
    mixture of these.
    """
    v_treated, v_control = sd**2 / n[0], sd**2 / n[1]
    if isinstance(control, float):
        weight, loc, scale = np.ones(1), np.array([control]), np.zeros(1)
    else:
        weight, loc, scale = np.array(control.weight), np.array(control.loc), np.array(control.scale)
    sign = 1.0 if decision.above else -1.0
    prior = sign * (effect.loc - decision.threshold)
    a, b, s2 = scale**2 + v_control, scale**2, effect.scale**2
    c = scale**2 + s2 + v_treated
    # along (control mean, difference of means) the components share what the effect adds
    rest = c - b * b / a
    gain = s2 / rest
    first = (weight @ loc, float(np.sqrt(weight @ (a + (loc - weight @ loc) ** 2))))
    x = first[0] + first[1] * _FAR * np.linspace(-1.0, 1.0, _PLACES)
    width = float(np.sqrt(rest.max() + (weight @ scale**2)))
    u = effect.loc + width * _FAR * np.linspace(-1.0, 1.0, _PLACES)
    total = 0.0
    for at in x:
        y = at + u[:, None]
        ahead = loc + effect.loc + b / a * (at - loc)
        gap = y - ahead
        log = np.log(weight) - 0.5 * (at - loc) ** 2 / a - 0.5 * np.log(a) - 0.5 * gap**2 / rest - 0.5 * np.log(rest)
        each = np.exp(log)
        mass = each.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(mass > 0.0, (each * (effect.loc + gain * gap)).sum(axis=1) / mass, effect.loc)
        total += float(mass @ np.maximum(sign * (mean - decision.threshold), 0.0))
    total *= (x[1] - x[0]) * (u[1] - u[0]) / (2.0 * np.pi)
    return float(max(total - max(prior, 0.0), 0.0))
