"""One group measured twice, or matched pairs: change, raw and standardised, with the correlation explicit.

``m1i sd1i`` and ``m2i sd2i`` describe the two occasions, ``ni`` the pairs, ``ri`` their correlation; the sign is
occasion 1 minus occasion 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Estimates, FloatArray
from .hypergeometric import half_half
from .registering import Formula, file_measure
from .small_sample import exact_j, unbiased_excess

__all__ = [
    "change_variance",
    "log_ratio_of_means_change",
    "mean_change",
    "standardised_change",
    "standardised_raw_change",
]


def _change(code: str, **details: Any) -> Callable[[Formula], Formula]:  # noqa: ANN401
    return file_measure(code, needs="m1i sd1i m2i sd2i ni ri", family="change", flip=True, **details)


def change_variance(sd1i: FloatArray, sd2i: FloatArray, ri: FloatArray) -> FloatArray:
    """Return s1² + s2² − 2 r s1 s2, the variance of one pair's difference."""
    return np.asarray(sd1i**2 + sd2i**2 - 2 * ri * sd1i * sd2i)


@_change("MC", title="mean change", dimension="outcome", reference="Gibbons et al. 1993; doi:10.3102/10769986018003271")
def mean_change(
    m1i: FloatArray, sd1i: FloatArray, m2i: FloatArray, sd2i: FloatArray, ni: FloatArray, ri: FloatArray
) -> Estimates:
    """Return m1 − m2 and (s1² + s2² − 2 r s1 s2)/n, in the unit of the outcome.

    Examples
    --------
    >>> import numpy as np
    >>> r = mean_change(*(np.array([x]) for x in (26.0, 30**0.5, 22.0, 20**0.5, 60.0, 0.7)))
    >>> float(r.yi[0]), round(float(r.vi[0]), 6)
    (4.0, 0.261786)
    """
    return Estimates(m1i - m2i, change_variance(sd1i, sd2i, ri) / ni)


@_change(
    "SMCC",
    title="standardised mean change (change-score SD)",
    vtypes=("LS", "LS2", "UB"),
    correct=True,
    reference="Gibbons et al. 1993; doi:10.3102/10769986018003271",
)
def standardised_change(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return g = J(n−1) (m1−m2)/s_change and its variance.

    ``LS``: 1/n + g²/(2n). ``LS2``: J² (1/n + d²/(2n)). ``UB``: 1/n + (1 − (m−2)/(m J²)) g² with m = n−1.
    """
    d = (m1i - m2i) / np.sqrt(change_variance(sd1i, sd2i, ri))
    return _standardised(d, 1 / ni, ni, vtype=vtype, correct=correct)


@_change(
    "SMCR",
    title="standardised mean change (raw-score SD)",
    vtypes=("LS", "LS2", "UB"),
    correct=True,
    reference="Becker 1988; doi:10.1111/j.2044-8317.1988.tb00901.x",
)
def standardised_raw_change(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return g = J(n−1) (m1−m2)/s1 and 2(1−r)/n + g²/(2n); ``sd2i`` is not used.

    ``LS2`` and ``UB`` as for SMCC; ``UB`` takes the unbiased correlation r ₂F₁(½, ½; (n−2)/2; 1−r²) for r.
    """
    if vtype == "UB":
        ri = ri * half_half((ni - 2) / 2, ri)
    return _standardised((m1i - m2i) / sd1i, 2 * (1 - ri) / ni, ni, vtype=vtype, correct=correct)


def _standardised(d: FloatArray, sampling: FloatArray, ni: FloatArray, *, vtype: str, correct: bool) -> Estimates:
    j = exact_j(ni - 1)
    g = d * j if correct else d
    if vtype == "LS2":
        return Estimates(g, j**2 * (sampling + d**2 / (2 * ni)))
    if vtype == "UB":
        return Estimates(g, sampling + unbiased_excess(ni - 1) * g**2)
    return Estimates(g, sampling + g**2 / (2 * ni))


@_change(
    "SMCRH",
    title="standardised mean change (raw-score SD, unequal variances)",
    vtypes=("LS", "LS2"),
    correct=True,
    reference="Bonett 2008; doi:10.1037/1082-989X.13.2.99",
)
def standardised_raw_change_unequal(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return g = J(n−1) (m1−m2)/s1 and s_change²/(s1²(n−1)) + g²/(2(n−1)); ``LS2``: n instead of n−1."""
    less = 0 if vtype == "LS2" else 1
    g = (m1i - m2i) / sd1i * (exact_j(ni - 1) if correct else 1.0)
    return Estimates(g, (change_variance(sd1i, sd2i, ri) / sd1i**2 + g**2 / 2) / (ni - less))


@_change(
    "SMCRP",
    title="standardised mean change (pooled SD)",
    correct=True,
    reference="Cousineau 2020; doi:10.20982/tqmp.16.4.p418",
)
def standardised_pooled_change(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    correct: bool = True,
) -> Estimates:
    """Return g = J(2(n−1)/(1+r²)) (m1−m2)/√((s1²+s2²)/2) and 2(1−r)/n + g²(1+r²)/(4n)."""
    d = (m1i - m2i) / np.sqrt((sd1i**2 + sd2i**2) / 2)
    g = d * exact_j(2 * (ni - 1) / (1 + ri**2)) if correct else d
    return Estimates(g, 2 * (1 - ri) / ni + g**2 * (1 + ri**2) / (4 * ni))


@_change(
    "SMCRPH",
    title="standardised mean change (pooled SD, unequal variances)",
    vtypes=("LS", "LS2"),
    correct=True,
    reference="Bonett 2015; doi:10.3102/1076998615583902",
)
def standardised_pooled_change_unequal(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return g as SMCRP and s_change²/(s²(n−1)) + g²(s1⁴+s2⁴+2r²s1²s2²)/(8 s⁴(n−1)); ``LS2``: n instead of n−1."""
    less = 0 if vtype == "LS2" else 1
    pooled = (sd1i**2 + sd2i**2) / 2
    g = (m1i - m2i) / np.sqrt(pooled) * (exact_j(2 * (ni - 1) / (1 + ri**2)) if correct else 1.0)
    spread = (sd1i**4 + sd2i**4 + 2 * ri**2 * sd1i**2 * sd2i**2) / (8 * pooled**2)
    return Estimates(g, (change_variance(sd1i, sd2i, ri) / pooled + spread * g**2) / (ni - less))


_SENIOR = "Senior et al. 2020; doi:10.1002/jrsm.1423"


@_change(
    "ROMC",
    title="log ratio of means (change)",
    vtypes=("LS", "LS2"),
    correct=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="ratio of means",
    reference="Lajeunesse 2011; doi:10.1890/11-0423.1; LS2: " + _SENIOR,
)
def log_ratio_of_means_change(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return log(m1/m2) + (q1−q2)/(2n), q = (s/m)², and (q1 + q2 − 2 r s1 s2/(m1 m2))/n.

    ``LS2`` adds (q1² + q2²)/(2n²) + r² s1² s2² (m1⁴ + m2⁴)/(2 n² m1⁴ m2⁴). NaN when the signs differ.
    """
    q1, q2 = (sd1i / m1i) ** 2, (sd2i / m2i) ** 2
    yi = np.log(m1i / m2i) + (0.5 * (q1 - q2) / ni if correct else 0.0)
    vi = (q1 + q2 - 2 * ri * sd1i * sd2i / (m1i * m2i)) / ni
    if vtype == "LS2":
        cross = ri**2 * sd1i**2 * sd2i**2 * (m1i**-4.0 + m2i**-4.0)
        vi = vi + (q1**2 + q2**2 + cross) / (2 * ni**2)
    return Estimates(yi, vi)


@file_measure(
    "VRC",
    title="log variability ratio (change)",
    needs="sd1i sd2i ni ri",
    family="change",
    vtypes=("LS", "LS2"),
    flip=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="ratio of SDs",
    reference=_SENIOR,
)
def variability_ratio_change(
    sd1i: FloatArray, sd2i: FloatArray, ni: FloatArray, ri: FloatArray, *, vtype: str = "LS"
) -> Estimates:
    """Return log(s1/s2), whose bias cancels, and (1−r²)/(n−1).

    ``LS2``: n/(n−1)² − r²/(n−1) + r⁴ (s1⁸ + s2⁸)/(2 (n−1)² s1⁴ s2⁴).
    """
    yi = np.log(sd1i / sd2i)
    if vtype == "LS2":
        ratio4 = (sd1i / sd2i) ** 4
        tail = ri**4 * (ratio4 + 1 / ratio4) / (2 * (ni - 1) ** 2)
        return Estimates(yi, ni / (ni - 1) ** 2 - ri**2 / (ni - 1) + tail)
    return Estimates(yi, (1 - ri**2) / (ni - 1))


@_change(
    "CVRC",
    title="log coefficient of variation ratio (change)",
    vtypes=("LS", "LS2"),
    correct=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="ratio of coefficients of variation",
    reference=_SENIOR,
)
def cv_ratio_change(
    m1i: FloatArray,
    sd1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    ni: FloatArray,
    ri: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return VRC minus ROMC, their variances added (mean and SD independent under normality)."""
    spread = variability_ratio_change(sd1i, sd2i, ni, ri, vtype=vtype)
    means = log_ratio_of_means_change(m1i, sd1i, m2i, sd2i, ni, ri, vtype=vtype, correct=correct)
    return Estimates(spread.yi - means.yi, spread.vi + means.vi)
