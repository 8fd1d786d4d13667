"""Prediction intervals: where the true effect of a new, similar study is expected.

One function a method, from a `Fitted` data set and the `Inference` chosen for its mean to a `Predictive`.

NNF is the prediction interval that carries the uncertainty of τ² along, by quadrature: no draws, no seed.

Given τ², a new study lies at μ̂(τ²) + τZ − t(k − 1)·se(τ²); τ² has the confidence distribution
H(t) = P_t(Q > observed). Mixing over both gives a distribution whose quantiles are the interval of Nagashima, Noma &
Furukawa (2019, doi:10.1177/0962280218773520); `bootstrap_prediction` draws from the same distribution.

Q is a weighted sum of χ²₁ with Laplace transform Π(1 + 2λᵢs)^−½. With w = 1/v and dᵢ = 2wᵢ(vᵢ + t) that product is
ΠDᵢ · Σ(wᵢ/Dᵢ)/Σwᵢ, Dᵢ = 1 + dᵢs (matrix determinant lemma), so that no eigenvalues are needed and all values of t are
inverted side by side on the contour of `kernel.distributions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, TypeAlias

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import TooFewStudies
from ...foundation.values import Interval
from ...results.heterogeneity import prediction_se
from ..kernel.distributions import below, hyperbola, quantile
from ..kernel.fitted import Fitted
from .intervals import Inference, kenward_roger

__all__ = [
    "ONE_SD",
    "PREDICTIONS",
    "Mixture",
    "PredictionMethod",
    "Predictive",
    "exceeds",
    "mixture_of",
    "nagashima",
    "refuse_few",
    "values_of_tau",
]


class Law(Protocol):
    """A distribution of the effect in a new study."""

    def interval(self, level: float) -> Interval:
        """Return the central interval."""

    def below(self, x: float) -> float:
        """Return the probability below ``x``."""


@dataclass(frozen=True, slots=True)
class Predictive:
    """Distribution of the true effect in a new study, on the fit's own scale: mean + se × t(df) (or normal).

    ``law`` replaces that where the method has a distribution of another kind; ``se`` is half its central 68 % then.
    """

    mean: float
    se: float
    df: float
    law: Law | None = None

    def interval(self, level: float) -> Interval:
        """Return the central interval."""
        if self.law is not None:
            return self.law.interval(level)
        half = quantile(level, self.df) * self.se
        return Interval(self.mean - half, self.mean + half)

    def below(self, x: float) -> float:
        """Return P(new effect < x)."""
        if self.law is not None:
            return self.law.below(x)
        if self.se == 0:
            return float(x > self.mean)
        return below((x - self.mean) / self.se, self.df)


PredictionMethod: TypeAlias = Callable[[Fitted, Inference], Predictive]

PREDICTIONS: Catalog[PredictionMethod] = Catalog("prediction interval")


def refuse_few(fit: Fitted, needed: int, name: str) -> None:
    """Raise `TooFewStudies` when a method needs more studies than there are."""
    if fit.k < needed:
        raise TooFewStudies(f"prediction={name!r}", fit.k, needed, "use prediction='none' or the Bayesian model")


def _spread(fit: Fitted, variance: float, df: float, needed: int, name: str) -> Predictive:
    refuse_few(fit, needed, name)
    return Predictive(fit.mean, prediction_se(fit.t, variance), df)


@PREDICTIONS.register("normal", title="normal quantile", reference="10.1111/j.1467-985X.2008.00552.x")
def normal(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± z·√(τ² + se²), with the standard error of the interval method."""
    return _spread(fit, inference.se**2, np.inf, 2, "normal")


@PREDICTIONS.register("simple", title="normal quantile, mean taken as known", reference="10.1136/bmj.d549")
def simple(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± z·τ, which leaves out that the mean is an estimate."""
    return _spread(fit, 0.0, np.inf, 2, "simple")


@PREDICTIONS.register("t", title="t quantile with k − 1 df", reference="10.1111/j.1467-985X.2008.00552.x")
def student(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 1)·√(τ² + se²), with the standard error of the interval method."""
    return _spread(fit, inference.se**2, fit.k - 1, 2, "t")


@PREDICTIONS.register("riley", title="t quantile with k − 2 df", reference="10.1136/bmj.d549")
def riley(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(max(1, k − 2))·√(τ² + se²), with the standard error of the interval method."""
    return _spread(fit, inference.se**2, max(1, fit.k - 2), 2, "riley")


@PREDICTIONS.register("HTS", title="Higgins-Thompson-Spiegelhalter", reference="10.1111/j.1467-985X.2008.00552.x")
def higgins_thompson_spiegelhalter(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 2)·√(τ² + se²) with the Wald standard error."""
    return _spread(fit, fit.variance, fit.k - 2, 3, "HTS")


def _knapp_variance(fit: Fitted, inference: Inference) -> float:
    """Return the HKSJ variance, never below that of the interval chosen (which may be the floored one)."""
    plain = fit.variance * fit.factor
    floored = fit.variance * max(1.0, fit.factor)
    return floored if inference.se**2 > plain * (1 + 1e-12) else plain


@PREDICTIONS.register("HK", title="Hartung-Knapp, k − 1 df", reference="10.1002/sim.7140")
def hartung_knapp(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 1)·√(τ² + se²_HKSJ); the floored variance where the interval is floored."""
    return _spread(fit, _knapp_variance(fit, inference), fit.k - 1, 2, "HK")


@PREDICTIONS.register("HK-PR", title="Hartung-Knapp, k − 2 df", reference="10.1002/sim.7140")
def hartung_knapp_partlett_riley(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(k − 2)·√(τ² + se²_HKSJ); the floored variance where the interval is floored."""
    return _spread(fit, _knapp_variance(fit, inference), fit.k - 2, 3, "HK-PR")


@PREDICTIONS.register("KR", title="Kenward-Roger", reference="10.1002/sim.7140")
def kenward_roger_prediction(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(df)·√(τ² + se²_KR) with Kenward and Roger's standard error and df."""
    se, df = kenward_roger(fit, "prediction='HK' or prediction='normal'")
    return _spread(fit, se**2, df, 2, "KR")


@PREDICTIONS.register("KR-PR", title="Kenward-Roger, df − 1", reference="10.1002/sim.7140")
def kenward_roger_partlett_riley(fit: Fitted, inference: Inference) -> Predictive:
    """Return mean ± t(df − 1)·√(τ² + se²_KR)."""
    refuse_few(fit, 3, "KR-PR")
    se, df = kenward_roger(fit, "prediction='HK' or prediction='normal'", less=1.0)
    return _spread(fit, se**2, df, 3, "KR-PR")


# ---- mixing over the confidence distribution of τ²
GRID = 48
"""Values of τ at which its confidence distribution is computed, besides a coarse grid."""
MANY, PIECE = 150, 600
"""Studies up to which the law of Q is exact; numbers (values of τ² × studies) that are inverted side by side."""
FAR = 1e-7
"""Probability of a τ² beyond the grid."""
NODES, SCALES = 64, 48
"""Gauss-Legendre nodes over the normal score of τ², and over the scale of t."""
ONE_SD = float(special.ndtr(1.0) - special.ndtr(-1.0))


def exceeds(observed: float, v: FloatArray, t: FloatArray) -> FloatArray:
    """Return P(Q > ``observed``) where the between-study variance is each of ``t`` (n,), for variances ``v`` (k,).

    Beyond `MANY` studies by a χ² with the first three cumulants of Q (Buckley & Eagleson 1988,
    doi:10.1111/j.1467-842X.1988.tb00471.x), which is less than 1e-3 off there, and ever less with more.
    """
    w = 1.0 / v
    if v.size > MANY:
        return _by_cumulants(observed, w, 1.0 + w * t[:, None])
    step = max(1, PIECE // v.size)
    parts = [_inverted(observed, w, 2.0 + 2.0 * w * t[i : i + step, None]) for i in range(0, t.size, step)]
    return np.concatenate(parts)


def _by_cumulants(observed: float, w: FloatArray, d: FloatArray) -> FloatArray:
    """Return the same from the traces of (AΣ)ⁿ, AΣ = diag(d) − u(wv')."""
    u, z = w / float(w.sum()), d
    zu, zdu, zddu = (u * z).sum(axis=1), (u * z * d).sum(axis=1), (u * z * d * d).sum(axis=1)
    first = d.sum(axis=1) - zu
    second = (d**2).sum(axis=1) - 2 * zdu + zu**2
    third = (d**3).sum(axis=1) - 3 * zddu + 3 * zdu * zu - zu**3
    nu = second**3 / third**2
    x = (observed - first) / np.sqrt(2 * second) * np.sqrt(2 * nu) + nu
    return np.asarray(special.chdtrc(nu, np.maximum(x, 0.0)))


def _inverted(observed: float, w: FloatArray, d: FloatArray) -> FloatArray:
    """Return the same from the Laplace transform, one row of ``d`` (n, k) a value of t."""
    total = float(w.sum())
    s = np.full(d.shape[0], 1.0 / observed)
    for _ in range(100):  # the saddle point, by Newton's method
        D = 1.0 + d * s[:, None]
        share, ratio = w / D, d / D
        first = share.sum(axis=1)
        slope1, bend1 = -(share * ratio).sum(axis=1) / first, 2.0 * (share * ratio**2).sum(axis=1) / first
        slope = observed - 0.5 * ratio.sum(axis=1) - 0.5 * slope1 - 1.0 / s
        bend = 0.5 * (ratio**2).sum(axis=1) - 0.5 * (bend1 - slope1**2) + 1.0 / s**2
        new = s - slope / bend
        new = np.where(new > 0, new, s / 2)
        moved = float((np.abs(new - s) / s).max())
        s = new
        if moved <= 1e-6:
            break
    path, speed = hyperbola()
    width = bend**-0.5
    at = s[:, None] + width[:, None] * path
    D = 1.0 + d[:, None, :] * at[..., None]
    height = at * observed - 0.5 * (np.log(D).sum(axis=-1) + np.log((w / D).sum(axis=-1) / total))
    inside = (np.exp(height) / at * speed).sum(axis=-1).imag * width / np.pi
    return np.asarray(1.0 - np.clip(inside, 0.0, 1.0))


def confidence_grid(fit: Fitted) -> tuple[FloatArray, FloatArray]:
    """Return values of τ² from 0 on, and the confidence H(τ²) = P(Q > observed) there, rising.

    A coarse grid over all magnitudes shows where H rises; the fine one is evenly spaced in its normal score.
    """
    w = 1.0 / fit.v
    r = fit.y - float(w.dot(fit.y)) / float(w.sum())
    observed = float((w * r).dot(r))
    if observed <= 0:
        return np.array([0.0]), np.array([1.0])
    coarse = np.concatenate([[0.0], float(fit.v.min()) * 4.0 ** np.arange(-5.0, 40.0)])
    share = _clipped(exceeds(observed, fit.v, coarse))
    last = int(np.argmax(share >= 1.0 - FAR)) if share[-1] >= 1.0 - FAR else share.size - 1
    if last == 0:
        return coarse[:1], share[:1]
    score = special.ndtri(share[: last + 1])
    at = np.linspace(score[0], min(score[-1], -float(special.ndtri(FAR))), GRID)
    root = np.interp(at, score, np.sqrt(coarse[: last + 1]))
    t = np.unique(np.concatenate([coarse[: last + 1], root**2]))
    share = _clipped(exceeds(observed, fit.v, t))
    rising = np.concatenate([[True], np.diff(share) > 1e-12])
    return t[rising], share[rising]


def _clipped(share: FloatArray) -> FloatArray:
    return np.clip(np.maximum.accumulate(share), 1e-15, 1.0 - 1e-15)


@dataclass(frozen=True, slots=True)
class Mixture:
    """Mixture over τ² of μ̂(τ²) + τZ − t(df)·se(τ²).

    Attributes
    ----------
    weight, mean, tau, se, wald
        Of each value of τ², (n,): its confidence, μ̂, τ, Knapp-Hartung and Wald standard error.
    df
        Degrees of freedom of t.
    """

    weight: FloatArray
    mean: FloatArray
    tau: FloatArray
    se: FloatArray
    wald: FloatArray
    df: int

    def floored(self) -> Mixture:
        """Return the mixture with standard errors of at least the Wald ones."""
        return replace(self, se=np.maximum(self.se, self.wald))

    def below(self, x: float) -> float:
        """Return the probability below ``x``: t is a normal over the scale of a χ²."""
        scale, share = _scales(self.df)
        spread = np.hypot(self.tau[:, None], self.se[:, None] / scale)
        away = x - self.mean[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.where(spread > 0, special.ndtr(away / spread), (away >= 0) * 1.0)
        return float(self.weight @ inside @ share)

    def quantile(self, p: float) -> float:
        """Return the value with probability ``p`` below it."""
        from scipy.optimize import brentq

        middle = float(self.weight @ self.mean)
        step = float(np.hypot(self.tau, self.se)[-1]) if not self.weight @ np.hypot(self.tau, self.se) > 0 else 0.0
        step = max(step, float(self.weight @ np.hypot(self.tau, self.se)))
        if step == 0:
            return middle
        low, high = middle - step, middle + step
        while self.below(low) > p:
            low -= 2 * (middle - low)
        while self.below(high) < p:
            high += 2 * (high - middle)
        return float(brentq(lambda x: self.below(x) - p, low, high, xtol=1e-9 * step, rtol=1e-12))

    def interval(self, level: float) -> Interval:
        """Return the central interval."""
        return Interval(self.quantile(0.5 - level / 2), self.quantile(0.5 + level / 2))


@lru_cache(maxsize=256)
def _scales(df: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of √(χ²(df)/df)."""
    x, w = np.polynomial.legendre.leggauss(SCALES)
    reach = 8.0 / math.sqrt(2.0 * df)
    low, high = max(0.0, 1.0 - reach), 1.0 + reach
    s = low + (high - low) * (x + 1) / 2
    height = (df - 1) * np.log(s) - df * s * s / 2
    weight = w * np.exp(height - height.max())
    return s, weight / weight.sum()


def values_of_tau(tau: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values of τ with weights for its confidence ``share``, known at some ``tau`` that begin with 0.

    The first has the share of 0; the others are Gauss-Legendre nodes over the normal score of the rest.
    """
    if tau.size == 1:
        return tau, share
    from scipy.interpolate import PchipInterpolator

    score = special.ndtri(share)  # on the normal scale the distribution is nearly straight up to its tails
    x, w = np.polynomial.legendre.leggauss(NODES)
    at = score[0] + (score[-1] - score[0]) * (x + 1) / 2
    mass = w * np.exp(-at * at / 2)
    nodes = np.concatenate([tau[:1], PchipInterpolator(score, tau)(at)])
    return nodes, np.concatenate([share[:1], mass * (1.0 - share[0]) / mass.sum()])


def mixture_of(fit: Fitted) -> Mixture:
    """Return the distribution of the effect in a new study."""
    t, share = confidence_grid(fit)
    tau, weight = values_of_tau(np.sqrt(t), share)
    tau2 = tau * tau
    w = 1.0 / (fit.v + tau2[:, None])
    total = w.sum(axis=1)
    mean = w @ fit.y / total
    factor = (w * (fit.y - mean[:, None]) ** 2).sum(axis=1) / (fit.k - 1)
    return Mixture(weight, mean, tau, np.sqrt(factor / total), 1.0 / np.sqrt(total), fit.k - 1)


def _predictive(fit: Fitted, name: str, floor: bool) -> Predictive:
    refuse_few(fit, 3, name)
    law = mixture_of(fit).floored() if floor else mixture_of(fit)
    return Predictive(fit.mean, law.interval(ONE_SD).width / 2, np.inf, law)


@PREDICTIONS.register("NNF", title="Nagashima-Noma-Furukawa", reference="10.1177/0962280218773520")
def nagashima(fit: Fitted, inference: Inference) -> Predictive:
    """Return quantiles of μ̂(τ²) + τZ − t(k − 1)·se_HK(τ²), τ² from its confidence distribution, by quadrature."""
    return _predictive(fit, "NNF", False)


@PREDICTIONS.register(
    "NNF-floor", title="Nagashima-Noma-Furukawa, variance factor not below 1", reference="10.1177/0962280218773520"
)
def nagashima_floor(fit: Fitted, inference: Inference) -> Predictive:
    """Return the same with the Knapp-Hartung factor at each τ² not below 1, as in the HKSJ-floor interval."""
    return _predictive(fit, "NNF-floor", True)
