"""Confidence intervals and tests for the common mean.

One function a method: from a `Fitted` data set to an `Inference`. Adding a method is adding a function here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from scipy import special

from ..catalog import Catalog
from ..errors import NotEstimable, TooFewStudies
from ..values import Interval
from .fitted import Fitted, fit_at
from .kernels import Projection

__all__ = ["HKSJ_FAMILY", "INTERVALS", "Inference", "IntervalMethod", "kenward_roger", "quantile", "two_sided"]


@lru_cache(maxsize=1024)
def quantile(level: float, df: float = math.inf) -> float:
    """Return the two-sided critical value of the normal, or of t with ``df`` degrees of freedom."""
    upper = 0.5 + level / 2
    return float(special.ndtri(upper) if math.isinf(df) else special.stdtrit(df, upper))


def two_sided(statistic: float, df: float = np.inf) -> float:
    """Return the two-sided p value of a z statistic, or of a t statistic with ``df`` degrees of freedom."""
    size = -abs(statistic)
    return float(2 * special.ndtr(size) if math.isinf(df) else 2 * special.stdtr(df, size))


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
    from .tau2 import dersimonian_laird

    plain = hartung_knapp(fit)
    t = float(dersimonian_laird(fit.y[None], fit.v[None], np.array([float(fit.k)]), None, None).value[0])
    classic = wald(fit_at(fit.y, fit.v, t))
    if plain.interval(0.95).width < classic.interval(0.95).width:
        return hartung_knapp_floor(fit)
    return plain


def kenward_roger(fit: Fitted) -> tuple[float, float]:
    """Return the Kenward-Roger standard error and degrees of freedom of a common mean.

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
    return variance**0.5, 2.0 / (tau2_variance * (variance * squares) ** 2)


@INTERVALS.register("KR", title="Kenward-Roger", reference="10.1002/sim.7140")
def kenward_roger_interval(fit: Fitted) -> Inference:
    """Return mean ± t(df)·se with Kenward and Roger's inflated variance and their df."""
    _degrees(fit, "the Kenward-Roger interval")
    if fit.own_weights:
        raise NotEstimable("Kenward-Roger needs the model's own weights · leave weights out")
    se, df = kenward_roger(fit)
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
