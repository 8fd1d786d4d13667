"""Two independent groups, a quantity measured: differences and ratios of means and of spread."""

from __future__ import annotations

import numpy as np

from .base import Estimates, FloatArray
from .registering import file_measure
from .small_sample import across

__all__ = ["cv_ratio", "mean_difference", "pooled_variance", "ratio_of_means", "variability_ratio"]

_NEEDS = "m1i sd1i n1i m2i sd2i n2i"
_NAKAGAWA = "Nakagawa et al. 2015; doi:10.1111/2041-210X.12309"
_SENIOR = _NAKAGAWA + "; LS2: Senior et al. 2020; doi:10.1002/jrsm.1423"
_LAJEUNESSE = (
    "Hedges et al. 1999; doi:10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2; Lajeunesse 2015; doi:10.1890/14-2402.1"
)


def pooled_variance(sd1i: FloatArray, n1i: FloatArray, sd2i: FloatArray, n2i: FloatArray) -> FloatArray:
    """Return ((n1−1) s1² + (n2−1) s2²) / (n1+n2−2)."""
    return np.asarray(((n1i - 1) * sd1i**2 + (n2i - 1) * sd2i**2) / (n1i + n2i - 2))


@file_measure(
    "MD",
    title="mean difference",
    needs=_NEEDS,
    family="means",
    vtypes=("LS", "HO"),
    flip=True,
    dimension="outcome",
    reference="Borenstein 2009; Handbook of Research Synthesis 2nd ed., eq. 12.3, 12.5",
)
def mean_difference(
    m1i: FloatArray,
    sd1i: FloatArray,
    n1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    n2i: FloatArray,
    *,
    vtype: str = "LS",
) -> Estimates:
    """Return m1 − m2 and s1²/n1 + s2²/n2; ``HO`` pools the variance of the two groups."""
    if vtype == "HO":
        return Estimates(m1i - m2i, pooled_variance(sd1i, n1i, sd2i, n2i) * (1 / n1i + 1 / n2i))
    return Estimates(m1i - m2i, sd1i**2 / n1i + sd2i**2 / n2i)


@file_measure(
    "ROM",
    title="log ratio of means",
    needs=_NEEDS,
    family="means",
    vtypes=("LS", "HO", "AV", "AVHO", "LS2"),
    correct=True,
    flip=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="ratio of means",
    reference=_LAJEUNESSE,
)
def ratio_of_means(
    m1i: FloatArray,
    sd1i: FloatArray,
    n1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    n2i: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return log(m1/m2), NaN when the signs differ, and its variance.

    With q = (s/m)² per group, the correction adds (q1/n1 − q2/n2)/2. ``LS``: q1/n1 + q2/n2. ``LS2`` adds
    q²/(2n²) per group. ``HO`` uses the pooled variance. ``AV`` averages s/m of each group over studies (weights n),
    ``AVHO`` averages it over both groups and studies.
    """
    yi = np.log(m1i / m2i)
    q1, q2 = (sd1i / m1i) ** 2, (sd2i / m2i) ** 2
    if correct:
        yi = yi + 0.5 * (q1 / n1i - q2 / n2i)
    if vtype == "HO":
        pooled = pooled_variance(sd1i, n1i, sd2i, n2i)
        q1, q2 = pooled / m1i**2, pooled / m2i**2
    elif vtype == "AV":
        q1, q2 = across(sd1i / m1i, n1i) ** 2, across(sd2i / m2i, n2i) ** 2
    elif vtype == "AVHO":
        both = (n1i * sd1i / m1i + n2i * sd2i / m2i) / (n1i + n2i)
        q1 = q2 = across(both, n1i + n2i) ** 2
    vi = q1 / n1i + q2 / n2i
    if vtype == "LS2":
        vi = vi + q1**2 / (2 * n1i**2) + q2**2 / (2 * n2i**2)
    return Estimates(yi, vi)


@file_measure(
    "VR",
    title="log variability ratio",
    needs="sd1i n1i sd2i n2i",
    family="means",
    vtypes=("LS", "LS2"),
    correct=True,
    flip=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="ratio of SDs",
    reference=_SENIOR,
)
def variability_ratio(
    sd1i: FloatArray, n1i: FloatArray, sd2i: FloatArray, n2i: FloatArray, *, vtype: str = "LS", correct: bool = True
) -> Estimates:
    """Return log(s1/s2) + 1/(2(n1−1)) − 1/(2(n2−1)) and 1/(2(n1−1)) + 1/(2(n2−1)); ``LS2``: Σ n/(2(n−1)²)."""
    h1, h2 = 1 / (2 * (n1i - 1)), 1 / (2 * (n2i - 1))
    yi = np.log(sd1i / sd2i) + (h1 - h2 if correct else 0.0)
    if vtype == "LS2":
        return Estimates(yi, 2 * n1i * h1**2 + 2 * n2i * h2**2)
    return Estimates(yi, h1 + h2)


@file_measure(
    "CVR",
    title="log coefficient of variation ratio",
    needs=_NEEDS,
    family="means",
    vtypes=("LS", "LS2"),
    correct=True,
    flip=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="ratio of coefficients of variation",
    reference=_SENIOR,
)
def cv_ratio(
    m1i: FloatArray,
    sd1i: FloatArray,
    n1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    n2i: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return log((s1/m1)/(s2/m2)): the variability ratio minus the ratio of means, their variances added.

    Mean and SD are independent under normality, so no covariance enters.
    """
    spread = variability_ratio(sd1i, n1i, sd2i, n2i, vtype=vtype, correct=correct)
    means = ratio_of_means(m1i, sd1i, n1i, m2i, sd2i, n2i, vtype=vtype, correct=correct)
    return Estimates(spread.yi - means.yi, spread.vi + means.vi)
