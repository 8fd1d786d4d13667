"""Two independent groups: the standardised mean difference and what is made from it.

Besides means and SDs, Cohen's d (``di``), the t statistic (``ti``) or its signed two-sided p-value (``pi``) do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import special

from .base import Estimates, FloatArray
from .mean_differences import pooled_variance
from .registering import Formula, file_measure
from .small_sample import across, exact_j, unbiased_excess

__all__ = [
    "cohen_d_columns",
    "standardised_by_group2",
    "standardised_mean_difference",
    "standardised_unequal",
    "t_from_p",
]

MEANS_AND_SDS = "m1i sd1i n1i m2i sd2i n2i"
FROM_TESTS = ("di n1i n2i", "ti n1i n2i", "pi n1i n2i")
_HEDGES = "Hedges 1981; doi:10.3102/10769986006002107"


def t_from_p(pi: FloatArray, df: FloatArray) -> FloatArray:
    """Return the t statistic of a two-sided p-value; the sign of ``pi`` is the sign of t."""
    return np.asarray(np.sign(pi) * np.abs(special.stdtrit(df, np.abs(pi) / 2)))


def cohen_d_columns(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return Cohen's d (pooled SD) and the group sizes from whichever statistic was given."""
    n1i, n2i = data["n1i"], data["n2i"]
    if "m1i" in data:
        d = (data["m1i"] - data["m2i"]) / np.sqrt(pooled_variance(data["sd1i"], n1i, data["sd2i"], n2i))
    elif "di" in data:
        d = data["di"]
    else:
        t = data["ti"] if "ti" in data else t_from_p(data["pi"], n1i + n2i - 2)
        d = t * np.sqrt(1 / n1i + 1 / n2i)
    return {"d": d, "n1i": n1i, "n2i": n2i}


def from_d(code: str, **details: Any) -> Callable[[Formula], Formula]:  # noqa: ANN401
    """File a formula of Cohen's d and the two group sizes."""
    return file_measure(
        code,
        needs=MEANS_AND_SDS,
        alternatives=FROM_TESTS,
        family="means",
        flip=True,
        prepare=cohen_d_columns,
        **details,
    )


def spread(
    d: FloatArray,
    weight: FloatArray,
    sampling: FloatArray,
    j: FloatArray,
    m: FloatArray,
    n: FloatArray,
    vtype: str,
    correct: bool,
) -> Estimates:
    """Return g and its variance by ``vtype``: 1/n1 + 1/n2 plus what estimating the SD adds.

    ``LS``: g²/(2n). ``LS2``: J² (… + d²/(2n)). ``UB``: (1 − (m−2)/(m J²)) g². ``AV``: ḡ²/(2n), ḡ averaged over studies.
    """
    g = d * j if correct else d
    if vtype == "LS2":
        return Estimates(g, j**2 * (sampling + d**2 / (2 * n)))
    if vtype == "UB":
        return Estimates(g, sampling + unbiased_excess(m) * g**2)
    inside = across(g, weight) if vtype == "AV" else g
    return Estimates(g, sampling + inside**2 / (2 * n))


@from_d(
    "SMD",
    title="standardised mean difference",
    vtypes=("LS", "LS2", "UB", "AV"),
    correct=True,
    reference=_HEDGES,
)
def standardised_mean_difference(
    d: FloatArray, n1i: FloatArray, n2i: FloatArray, *, vtype: str = "LS", correct: bool = True
) -> Estimates:
    """Return Hedges' g = J(n1+n2−2) d with d = (m1−m2)/s_pooled; variances in `spread` with n = n1+n2."""
    total = n1i + n2i
    return spread(d, total, 1 / n1i + 1 / n2i, exact_j(total - 2), total - 2, total, vtype, correct)


@file_measure(
    "SMD1",
    title="standardised mean difference (SD of group 2)",
    needs="m1i n1i m2i sd2i n2i",
    family="means",
    vtypes=("LS", "LS2", "UB", "AV"),
    correct=True,
    flip=True,
    reference="Glass 1976; " + _HEDGES,
)
def standardised_by_group2(
    m1i: FloatArray,
    n1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    n2i: FloatArray,
    *,
    vtype: str = "LS",
    correct: bool = True,
) -> Estimates:
    """Return g = J(n2−1) (m1−m2)/s2; variances in `spread` with n = n2."""
    sampling = 1 / n1i + 1 / n2i
    return spread((m1i - m2i) / sd2i, n1i + n2i, sampling, exact_j(n2i - 1), n2i - 1, n2i, vtype, correct)


@file_measure(
    "SMD1H",
    title="standardised mean difference (SD of group 2, unequal variances)",
    needs=MEANS_AND_SDS,
    family="means",
    correct=True,
    flip=True,
    reference="Bonett 2009; doi:10.1037/a0016619",
)
def standardised_by_group2_unequal(
    m1i: FloatArray,
    sd1i: FloatArray,
    n1i: FloatArray,
    m2i: FloatArray,
    sd2i: FloatArray,
    n2i: FloatArray,
    *,
    correct: bool = True,
) -> Estimates:
    """Return g = J(n2−1) (m1−m2)/s2 and s1²/(s2²(n1−1)) + 1/(n2−1) + g²/(2(n2−1))."""
    g = (m1i - m2i) / sd2i * (exact_j(n2i - 1) if correct else 1.0)
    return Estimates(g, (sd1i / sd2i) ** 2 / (n1i - 1) + 1 / (n2i - 1) + g**2 / (2 * (n2i - 1)))


@file_measure(
    "SMDH",
    title="standardised mean difference (unequal variances)",
    needs=MEANS_AND_SDS,
    family="means",
    vtypes=("LS", "LS2"),
    correct=True,
    flip=True,
    reference="Bonett 2009; doi:10.1037/a0016619",
)
def standardised_unequal(
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
    """Return g = J(n1+n2−2) (m1−m2)/s with s² = (s1²+s2²)/2.

    ``LS``: (s1²/(n1−1) + s2²/(n2−1))/s² + g² (s1⁴/(n1−1) + s2⁴/(n2−1))/(8 s⁴); ``LS2``: n instead of n−1.
    """
    v1, v2 = sd1i**2, sd2i**2
    average = (v1 + v2) / 2
    less = 0 if vtype == "LS2" else 1
    g = (m1i - m2i) / np.sqrt(average) * (exact_j(n1i + n2i - 2) if correct else 1.0)
    sampling = (v1 / (n1i - less) + v2 / (n2i - less)) / average
    fourth = v1**2 / (n1i - less) + v2**2 / (n2i - less)
    return Estimates(g, sampling + g**2 * fourth / (8 * average**2))
