"""Confidence intervals and tests for the common mean.

One function a method: from a `Fitted` data set to an `Inference`. Adding a method is adding a function here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import NotEstimable, TooFewStudies
from ...foundation.values import Interval
from ..kernel.distributions import below, quantile, two_sided
from ..kernel.fitted import Fitted, fit_at
from ..kernel.kernels import Projection
from ..kernel.likelihood import maximise, restricted_log_likelihood
from ..tau2.estimators import dersimonian_laird
from .exact_interval import exact_region

__all__ = [
    "HKSJ_FAMILY",
    "INTERVALS",
    "Inference",
    "IntervalMethod",
    "henmi_copas",
    "kenward_roger",
    "quantile",
    "two_sided",
]


BISECTIONS, FURTHEST = 60, 7.0
"""Steps that find a place in the confidence distribution, and the normal quantile beyond which it is 0 or 1."""
FEWEST_DF = 0.1
"""Below this many degrees of freedom a 95 % quantile of t is beyond 10¹²: no digit of the data is left in it."""
SHORT = 0.01
"""Level of an interval so short that it shows where the confidence distribution has its middle."""


@dataclass(frozen=True, slots=True)
class Inference:
    """What an interval method makes of a fit; on the fit's own scale.

    Attributes
    ----------
    se, df
        Standard error, and degrees of freedom (inf for the normal distribution).
    bounds
        ``bounds(level)`` where the interval is not mean ± quantile × se, else None.
    null_test
        (statistic, p) of the hypothesis mean = ``null`` where it is not mean/se, else None.
    """

    se: float
    df: float
    mean: float
    bounds: Callable[[float], Interval] | None = None
    null_test: Callable[[float], tuple[float, float]] | None = None

    def interval(self, level: float) -> Interval:
        """Return the confidence interval."""
        if self.bounds is not None:
            return self.bounds(level)
        half = quantile(level, self.df) * self.se
        return Interval(self.mean - half, self.mean + half)

    def test(self, null: float = 0.0) -> tuple[float, float]:
        """Return (statistic, p value) of the hypothesis that the mean is ``null``."""
        if self.null_test is not None:
            return self.null_test(null)
        if self.se == 0:
            return float("nan"), float("nan")
        statistic = (self.mean - null) / self.se
        return statistic, two_sided(statistic, self.df)

    def below(self, x: float) -> float:
        """Return the confidence that the mean lies below ``x``: where ``x`` is in the confidence distribution.

        The intervals of all levels make that distribution (Xie & Singh 2013, doi:10.1111/insr.12000): an upper end
        of level 1 − 2α has confidence 1 − α below it. A method with bounds of its own is searched for the level that
        ends at ``x``.
        """
        if self.bounds is None:
            if self.se == 0:
                return float(x > self.mean)
            return below((x - self.mean) / self.se, self.df)
        centre = self.bounds(SHORT)
        side = 1.0 if 2 * x >= centre.low + centre.high else -1.0
        low, high = 0.0, FURTHEST
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            ends = self.bounds(1.0 - two_sided(middle))
            inside = ends.high < x if side > 0 else ends.low > x
            low, high = (middle, high) if inside else (low, middle)
        return below(side * (low + high) / 2)


IntervalMethod: TypeAlias = Callable[[Fitted], Inference]

INTERVALS: Catalog[IntervalMethod] = Catalog("interval method")

HKSJ_FAMILY = ("HKSJ", "HKSJ-floor", "HKSJ-hybrid", "HKSJ-IQWiG")


def _degrees(fit: Fitted, what: str) -> int:
    if fit.k < 2:
        raise TooFewStudies(what, fit.k, 2, "interval='z' reports the study as it is")
    return fit.k - 1


@INTERVALS.register("z", title="Wald, normal quantile", reference="10.1016/0197-2456(86)90046-2")
def wald(fit: Fitted) -> Inference:
    """Return mean ± z·se."""
    return Inference(fit.se, np.inf, fit.mean)


@INTERVALS.register("t", title="Wald, t quantile with k − 1 df", reference="10.1002/sim.791")
def wald_t(fit: Fitted) -> Inference:
    """Return mean ± t(k − 1)·se."""
    return Inference(fit.se, _degrees(fit, "the t interval"), fit.mean)


@INTERVALS.register("HKSJ", title="Hartung-Knapp-Sidik-Jonkman", reference="10.1002/sim.791")
def hartung_knapp(fit: Fitted) -> Inference:
    """Return mean ± t(k − 1)·se·√s², s² = Σw(y − ȳ)²/(k − 1)."""
    df = _degrees(fit, "the HKSJ interval")
    return Inference(fit.se * fit.factor**0.5, df, fit.mean)


@INTERVALS.register("HKSJ-floor", title="HKSJ, variance factor not below 1", reference="10.1002/sim.1482")
def hartung_knapp_floor(fit: Fitted) -> Inference:
    """Return the HKSJ interval with s² = max(1, s²), never shorter than the Wald t interval."""
    df = _degrees(fit, "the HKSJ-floor interval")
    return Inference(fit.se * max(1.0, fit.factor) ** 0.5, df, fit.mean)


@INTERVALS.register("HKSJ-hybrid", title="the wider of HKSJ and Wald", reference="10.1002/sim.7411")
def hartung_knapp_hybrid(fit: Fitted) -> Inference:
    """Return the wider of the HKSJ and the Wald interval at each level; the larger of the two p values."""
    plain, normal = hartung_knapp(fit), wald(fit)

    def bounds(level: float) -> Interval:
        return max(plain.interval(level), normal.interval(level), key=lambda i: i.width)

    def test(null: float) -> tuple[float, float]:
        both = (plain.test(null), normal.test(null))
        return max(both, key=lambda pair: -1.0 if np.isnan(pair[1]) else pair[1])

    wider = plain if plain.interval(0.95).width >= normal.interval(0.95).width else normal
    return Inference(wider.se, wider.df, fit.mean, bounds, test)


@INTERVALS.register("HKSJ-IQWiG", title="HKSJ, floored only where narrower than DL", reference="IQWiG, Methods 6")
def hartung_knapp_iqwig(fit: Fitted) -> Inference:
    """Return HKSJ, or its floored form where it is narrower than the DerSimonian-Laird Wald interval.

    The comparison is made at the 95 % level, as in IQWiG's methods paper.
    """
    plain = hartung_knapp(fit)
    t = float(dersimonian_laird(fit.y[None], fit.v[None], np.array([float(fit.k)]), None, None).value[0])
    classic = wald(fit_at(fit.y, fit.v, t))
    if plain.interval(0.95).width < classic.interval(0.95).width:
        return hartung_knapp_floor(fit)
    return plain


def kenward_roger(fit: Fitted, remedy: str, less: float = 0.0) -> tuple[float, float]:
    """Return the Kenward-Roger standard error and degrees of freedom (``less`` so many) of a common mean.

    With Φ = 1/Σw, P = Σw², Q = Σw³ and the variance of τ̂² from the expected information,
    Var = Φ + 2Φ²·Var(τ̂²)·(Q − ΦP²) and df = 2/(Var(τ̂²)·(Var·P)²); the adjusted variance enters the
    df, as in Partlett and Riley 2017.
    """
    w = fit.w
    phi = 1.0 / float(w.sum())
    squares, cubes = float((w * w).sum()), float((w**3).sum())
    information = float(Projection(w).trace_squared())
    tau2_variance = 2.0 / information
    variance = phi + 2.0 * phi**2 * tau2_variance * (cubes - phi * squares**2)
    df = 2.0 / (tau2_variance * (variance * squares) ** 2) - less
    if df < FEWEST_DF:
        share = 100.0 * float(w.max()) * phi
        raise NotEstimable(
            f"Kenward-Roger has {df:.2g} degrees of freedom: one study has {share:.4g} % of the weight, and t with so"
            f" few has no usable quantile · use {remedy}"
        )
    return variance**0.5, df


@INTERVALS.register("KR", title="Kenward-Roger", reference="10.1002/sim.7140")
def kenward_roger_interval(fit: Fitted) -> Inference:
    """Return mean ± t(df)·se with Kenward and Roger's inflated variance and their df."""
    _degrees(fit, "the Kenward-Roger interval")
    if fit.own_weights:
        raise NotEstimable("Kenward-Roger needs the model's own weights · leave weights out")
    se, df = kenward_roger(fit, "interval='HKSJ' or interval='z'")
    return Inference(se, df, fit.mean)


@INTERVALS.register("SJ", title="Sidik-Jonkman robust variance", reference="10.1016/j.csda.2005.07.019")
def sidik_jonkman(fit: Fitted) -> Inference:
    """Return mean ± t(k − 1)·se with se² = Σw²(y − ȳ)²/(1 − w/Σw) / (Σw)², the bias-corrected sandwich."""
    df = _degrees(fit, "the Sidik-Jonkman interval")
    if fit.own_weights:
        raise NotEstimable("the Sidik-Jonkman interval needs the model's own weights · leave weights out")
    share = fit.w / float(fit.w.sum())
    r = fit.y - fit.mean
    return Inference(float((share * share * r * r / (1.0 - share)).sum()) ** 0.5, df, fit.mean)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_FAR = 9.0


def henmi_copas(fit: Fitted) -> Inference:
    """Return the interval of Henmi and Copas: the common-effect mean, with an interval that allows for heterogeneity.

    Weights 1/v are less open to small-study effects. The critical value comes from the joint distribution of the mean
    and of Q with DerSimonian and Laird's τ²: given the mean, Q is close to a gamma variable with its exact first two
    moments. Not in `INTERVALS`: it belongs to ``model="henmi-copas"``. Reference: Henmi & Copas 2010,
    doi:10.1002/sim.4029.
    """
    k = fit.k
    if k < 2:
        raise TooFewStudies("Henmi and Copas's interval", k, 2, "interval='z' reports the study as it is")
    w = 1.0 / fit.v
    w1 = float(w.sum())
    w2, w3, w4 = (float((w**n).sum()) / w1 for n in (2, 3, 4))
    t = fit.t
    ratio = 1.0 + t * w2
    spread = ratio**0.5

    def gamma_shape(r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return shape and scale of the gamma that has the mean and variance of Q given the mean."""
        tilt = (r / ratio) ** 2 - 1.0 / ratio
        mean = (k - 1) + t * (w1 - w2) + t**2 * tilt * (w3 - w2**2)
        variance = (
            2 * (k - 1)
            + 4 * t * (w1 - w2)
            + 2 * t**2 * (w1 * w2 - 2 * w3 + w2**2)
            + 4 * tilt * (t**2 * (w3 - w2**2) + t**3 * (w4 - 2 * w2 * w3 + w2**3))
            + 2 * t**4 * (w3 - w2**2) ** 2 * (1.0 / ratio**2 - 2.0 * r**2 / ratio**3)
        )
        return mean**2 / variance, variance / mean

    def tail(x: float) -> float:
        """Return P(R > x·√(1 + w₂·τ̂²)), R = √w₁(μ̂ − μ): the one-sided error of the critical value x."""
        first = x / spread
        z = first + (_FAR - first) * (_NODES + 1) / 2
        r = spread * z
        limit = (w1 / w2 - 1.0) * ((r / x) ** 2 - 1.0) + (k - 1)
        shape, scale = gamma_shape(r)
        inside = special.gammainc(shape, np.maximum(limit, 0.0) / scale) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
        return float(np.sum(_WEIGHTS * inside) * (_FAR - first) / 2)

    def bounds(level: float) -> Interval:
        from scipy.optimize import brentq

        alpha = (1 - level) / 2
        critical = float(brentq(lambda x: tail(x) - alpha, 1e-3, spread * (_FAR - 0.5), xtol=1e-12))
        half = critical * fit.variance**0.5
        return Interval(fit.mean - half, fit.mean + half)

    return Inference(fit.se, np.inf, fit.mean, bounds)


@INTERVALS.register("exact", title="exact (Michael, Thornton, Xie & Tian)", reference="10.1111/biom.12998")
def michael_thornton_xie_tian(fit: Fitted) -> Inference:
    """Return every mean that an exact test of (mean, τ²) accepts at some τ²; coverage ≥ the level for k ≥ 2.

    The test joins DerSimonian and Laird's mean with a likelihood ratio, so that the interval stands around their mean,
    whatever estimator of τ² the fit has; its price is width at k = 2 and 3.
    """
    if fit.k < 2:
        raise TooFewStudies("the exact interval", fit.k, 2, "interval='z' reports the study as it is")
    if fit.own_weights:
        raise NotEstimable("the exact interval needs the model's own weights · leave weights out")
    if not fit.v.all():
        raise NotEstimable("a variance is 0, at which the test has no null distribution · use interval='HKSJ'")
    region = exact_region(fit.y, fit.v)

    def test(null: float) -> tuple[float, float]:
        p = region.p_value(null)
        return float(np.sign(region.mean - null) * -special.ndtri(p / 2)), p

    return Inference(fit.se, np.inf, fit.mean, region.interval, test)


# ---- profile likelihood, with or without Bartlett's correction ----------------------------------
_HARDY_THOMPSON = "10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A"


def _best_at(fit: Fitted, mean: float) -> tuple[float, float]:
    """Return the likelihood of ``mean`` maximised over τ² (all modes compared), and that τ².

    With the mean known, the likelihood of τ² is that of the residuals about it without any coefficient:
    (y − mean) mirrored about 0 has weighted mean 0 at every τ², and twice the likelihood.
    """
    r = fit.y - mean
    twice = np.concatenate([r, -r])[None]
    v = np.concatenate([fit.v, fit.v])[None]
    found = maximise(twice, v, np.array([2.0 * fit.k]), None, restricted=False)
    height = float(restricted_log_likelihood(twice, v, found.value, None, False)[0]) / 2
    return height, float(found.value[0])


def _unstretched(v: FloatArray, t: float) -> float:
    return 1.0


def _bartlett(v: FloatArray, t: float) -> float:
    """Return the mean of the likelihood ratio over that of χ²₁: 1 + 2Σw³/(Σw Σw²), w = 1/(v + t)."""
    w = 1.0 / (v + t)
    return 1.0 + 2.0 * float((w**3).sum()) / (float(w.sum()) * float((w * w).sum()))


def _by_likelihood_ratio(fit: Fitted, name: str, stretch: Callable[[FloatArray, float], float]) -> Inference:
    """Return the means whose likelihood ratio, divided by ``stretch`` at its own τ², is below the χ²₁ quantile."""
    if fit.k < 2:
        raise TooFewStudies(f"the {name} interval", fit.k, 2, "interval='z' reports the study as it is")
    if fit.own_weights:
        raise NotEstimable(f"the {name} interval needs the model's own weights · leave weights out")
    found = maximise(fit.y[None], fit.v[None], np.array([float(fit.k)]), None, restricted=False)
    top_mean = float(Projection(1.0 / (fit.v + found.value[0])).coefficients(fit.y)[0])
    top = float(restricted_log_likelihood(fit.y[None], fit.v[None], found.value, None, False)[0])

    def ratio(mean: float) -> float:
        height, t = _best_at(fit, mean)
        return 2.0 * (top - height) / stretch(fit.v, t)

    def bounds(level: float) -> Interval:
        from scipy.optimize import brentq

        cut = quantile(level) ** 2
        ends = []
        for sign in (-1.0, 1.0):
            far = top_mean + 2 * sign * fit.se
            while ratio(far) < cut:
                far = top_mean + 2 * (far - top_mean)
            end = brentq(lambda x: ratio(x) - cut, top_mean, far, xtol=1e-12 * fit.se, rtol=1e-14)
            ends.append(float(end))
        return Interval(ends[0], ends[1])

    def test(null: float) -> tuple[float, float]:
        root = np.sqrt(max(0.0, ratio(null))) * np.sign(top_mean - null)
        return float(root), float(2 * special.ndtr(-abs(root)))

    return Inference(fit.se, np.inf, fit.mean, bounds, test)


@INTERVALS.register("PL", title="profile likelihood (ML)", reference=_HARDY_THOMPSON)
def profile_likelihood(fit: Fitted) -> Inference:
    """Return the means whose likelihood, maximised over τ², is within χ²₁/2 of the maximum (Hardy & Thompson).

    The centre of the interval and the standard error belong to the maximum-likelihood mean, so τ² should be
    estimated by ML too.
    """
    return _by_likelihood_ratio(fit, "profile-likelihood", _unstretched)


@INTERVALS.register("BC", title="profile likelihood, Bartlett-corrected (ML)", reference="10.1002/sim.4350")
def bartlett_corrected(fit: Fitted) -> Inference:
    """Return the profile-likelihood interval with the ratio divided by its Bartlett factor (Noma 2011).

    The factor, 1 + 2Σw³/(Σw Σw²), is that of the τ² most likely under each mean, w = 1/(v + τ²). It makes the
    interval longer, most with few studies. τ² should be estimated by ML.
    """
    return _by_likelihood_ratio(fit, "Bartlett-corrected", _bartlett)
