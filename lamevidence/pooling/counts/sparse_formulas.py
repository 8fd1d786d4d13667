"""Mantel-Haenszel and Peto estimates, their variances and tests: sums over studies, no iteration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from .sparse_counts import PersonTime, TwoByTwo

__all__ = [
    "Association",
    "Homogeneity",
    "Summed",
    "breslow_day",
    "cochran_mantel_haenszel",
    "irr_test",
    "mh_ird",
    "mh_irr",
    "mh_or",
    "mh_rd",
    "mh_rr",
    "peto_or",
]


@dataclass(frozen=True, slots=True)
class Summed:
    """An estimate, its standard error (NaN where it does not exist) and the studies' weights."""

    mu: float
    se: float
    weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Association:
    """A test of no association: chi-square with 1 df and its p value."""

    statistic: float
    p: float


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Breslow-Day statistic, Tarone's correction of it, their p values, and the tables that count."""

    bd: float
    bd_p: float
    tarone: float
    tarone_p: float
    k_pos: int


def _nothing(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Summed:
    return Summed(math.nan, math.nan, weights)


def mh_or(t: TwoByTwo) -> Summed:
    """Return the log odds ratio Σ(ad/N)/Σ(bc/N) with Robins, Breslow & Greenland's variance (doi:10.2307/2531052)."""
    p, q = (t.a + t.d) / t.n, (t.b + t.c) / t.n
    r, s = t.a * t.d / t.n, t.b * t.c / t.n
    R, S = float(r.sum()), float(s.sum())
    if R == 0 or S == 0:
        return _nothing(s)
    variance = 0.5 * ((p * r).sum() / R**2 + (p * s + q * r).sum() / (R * S) + (q * s).sum() / S**2)
    return Summed(math.log(R / S), math.sqrt(variance), s)


def mh_rr(t: TwoByTwo) -> Summed:
    """Return the log risk ratio with Greenland & Robins's variance (doi:10.2307/2530643)."""
    R, S = float((t.a * t.n2 / t.n).sum()), float((t.c * t.n1 / t.n).sum())
    weights = t.c * t.n1 / t.n
    if R == 0 or S == 0:
        return _nothing(weights)
    top = (t.n1 / t.n * (t.n2 / t.n) * (t.a + t.c) - t.a * t.c / t.n).sum()
    return Summed(math.log(R / S), math.sqrt(top / (R * S)), weights)


def mh_rd(t: TwoByTwo, variance: str = "sato") -> Summed:
    """Return the risk difference Σ(a n2 − c n1)/N ÷ Σ n1 n2/N.

    ``sato``: Sato, Greenland & Robins's variance (1989, Biometrics 45:1323), consistent for few large and many
    small studies; ``greenland-robins``: Greenland & Robins 1985 (doi:10.2307/2530643), for few large ones.
    """
    weights = t.n1 * t.n2 / t.n
    total = float(weights.sum())
    mu = float(((t.a * t.n2 - t.c * t.n1) / t.n).sum()) / total
    if variance == "greenland-robins":
        top = float(((t.a * t.b * t.n2**3 + t.c * t.d * t.n1**3) / (t.n1 * t.n2 * t.n**2)).sum())
        return Summed(mu, math.sqrt(top) / total, weights)
    first = (t.c * (t.n1 / t.n) ** 2 - t.a * (t.n2 / t.n) ** 2 + t.n1 / t.n * (t.n2 / t.n) * (t.n2 - t.n1) / 2).sum()
    second = (t.a * t.d / t.n + t.c * t.b / t.n).sum() / 2
    return Summed(mu, math.sqrt(max(0.0, mu * float(first) + float(second))) / total, weights)


def mh_irr(t: PersonTime) -> Summed:
    """Return the log incidence rate ratio (Greenland & Robins 1985; Rothman, Modern Epidemiology, ch. 15)."""
    weights = t.x2 * t.t1 / t.t
    R, S = float((t.x1 * t.t2 / t.t).sum()), float(weights.sum())
    if R == 0 or S == 0:
        return _nothing(weights)
    return Summed(
        math.log(R / S), math.sqrt(float((t.t1 / t.t * (t.t2 / t.t) * (t.x1 + t.x2)).sum()) / (R * S)), weights
    )


def mh_ird(t: PersonTime) -> Summed:
    """Return the incidence rate difference (same sources as `mh_irr`)."""
    weights = t.t1 * t.t2 / t.t
    total = float(weights.sum())
    mu = float(((t.x1 * t.t2 - t.x2 * t.t1) / t.t).sum()) / total
    return Summed(mu, math.sqrt(float(((t.x1 * t.t2**2 + t.x2 * t.t1**2) / t.t**2).sum())) / total, weights)


def peto_or(t: TwoByTwo) -> tuple[Summed, float, int]:
    """Return Peto's log odds ratio Σ(O − E)/ΣV, its Q statistic and the number of tables with V > 0.

    Reference: Yusuf et al. 1985, doi:10.1016/S0033-0620(85)80003-7.
    """
    events = t.a + t.c
    gap = t.a - events * t.n1 / t.n
    v = events * (t.b + t.d) * (t.n1 / t.n) * (t.n2 / t.n) / (t.n - 1)
    total = float(v.sum())
    if total == 0:
        return _nothing(v), math.nan, 0
    used = v > 0
    q = max(0.0, float((gap[used] ** 2 / v[used]).sum()) - float(gap.sum()) ** 2 / total)
    return Summed(float(gap.sum()) / total, math.sqrt(1 / total), v), q, int(used.sum())


def _chi2(statistic: float, df: int = 1) -> float:
    return float(special.chdtrc(df, statistic))


def cochran_mantel_haenszel(t: TwoByTwo, correct: bool = True) -> Association:
    """Return the Cochran-Mantel-Haenszel test, with Yates's ½ unless ``correct`` is False."""
    events, rest = t.a + t.c, t.b + t.d
    if events.sum() == 0 or rest.sum() == 0:
        return Association(math.nan, math.nan)
    variance = float((t.n1 / t.n * (t.n2 / t.n) * events * rest / (t.n - 1)).sum())
    return _association(float((t.a - t.n1 / t.n * events).sum()), variance, correct)


def irr_test(t: PersonTime, correct: bool = True) -> Association:
    """Return the Mantel-Haenszel test of equal rates."""
    events = t.x1 + t.x2
    if events.sum() == 0:
        return Association(math.nan, math.nan)
    variance = float((events * t.t1 * t.t2 / t.t**2).sum())
    return _association(float((t.x1 - events * t.t1 / t.t).sum()), variance, correct)


def _association(gap: float, variance: float, correct: bool) -> Association:
    if variance == 0:  # no study has both patients with and without the event
        return Association(math.nan, math.nan)
    statistic = (abs(gap) - (0.5 if correct else 0.0)) ** 2 / variance
    return Association(statistic, _chi2(statistic))


def breslow_day(t: TwoByTwo, mu: float) -> Homogeneity:
    """Return the Breslow-Day test of one odds ratio and Tarone's (1985) correction of it.

    Expected counts solve a' d'/(b' c') = e^mu with all margins fixed.
    """
    if math.isnan(mu):
        return Homogeneity(math.nan, math.nan, math.nan, math.nan, 0)
    ratio, events = math.exp(mu), t.a + t.c
    # the root of the quadratic written so that it stays exact when the odds ratio is 1
    A = ratio * (t.n1 + events) + (t.n2 - events)
    expected = 2 * ratio * t.n1 * events / (A + np.sqrt(A * A - 4 * t.n1 * events * ratio * (ratio - 1)))
    used = (expected > 0) & (events > 0) & (t.b + t.d > 0)
    k_pos = int(used.sum())
    e11, a = expected[used], t.a[used]
    e12, e21 = t.n1[used] - e11, events[used] - e11
    e22 = t.n2[used] - e21
    v = 1 / (1 / e11 + 1 / e12 + 1 / e21 + 1 / e22)
    bd = max(0.0, float(((a - e11) ** 2 / v).sum()))
    tarone = max(0.0, bd - float((a - e11).sum()) ** 2 / float(v.sum())) if k_pos else math.nan
    if k_pos < 2:
        return Homogeneity(bd, math.nan, tarone, math.nan, k_pos)
    return Homogeneity(bd, _chi2(bd, k_pos - 1), tarone, _chi2(tarone, k_pos - 1), k_pos)
