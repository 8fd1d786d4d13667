"""Measures made from Cohen's d: log odds ratios, point-biserial and biserial correlations, superiority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from .base import Estimates, FloatArray
from .change import change_variance
from .registering import file_measure
from .standardised import FROM_TESTS, MEANS_AND_SDS, cohen_d_columns, from_d

__all__ = ["biserial", "common_language", "common_language_paired", "d_to_log_odds", "point_biserial"]

_SANCHEZ = "Sánchez-Meca et al. 2003; doi:10.1037/1082-989X.8.4.448"
_JACOBS = "Jacobs & Viechtbauer 2017; doi:10.1002/jrsm.1218"
_TATE = "Tate 1954; doi:10.1214/aoms/1177728730"
CHINN = "Chinn 2000; doi:10.1002/1097-0258(20001130)19:22<3127::AID-SIM784>3.0.CO;2-M"
COX = 1.65
"""Cox and Snell's factor from normal d to log odds."""
LOGISTIC = np.pi / np.sqrt(3)
"""The SD of the standard logistic distribution."""


def _uncorrected(d: FloatArray, n1i: FloatArray, n2i: FloatArray) -> FloatArray:
    """Return 1/n1 + 1/n2 + d²/(2(n1+n2)), the variance of d itself."""
    return np.asarray(1 / n1i + 1 / n2i + d**2 / (2 * (n1i + n2i)))


def d_to_log_odds(d: FloatArray, n1i: FloatArray, n2i: FloatArray, factor: float) -> Estimates:
    """Return c·d and c²·(1/n1 + 1/n2 + d²/(2N)), d without small-sample correction."""
    return Estimates(factor * d, factor**2 * _uncorrected(d, n1i, n2i))


_AS_ODDS: dict[str, Any] = {"scale": "log", "back": np.exp, "forward": np.log, "back_title": "odds ratio"}


@from_d("D2OR", title="log odds ratio from d (logistic)", reference=CHINN, **_AS_ODDS)
@from_d("D2ORL", title="log odds ratio from d (logistic)", reference=_SANCHEZ, **_AS_ODDS)
def _d_to_log_odds_logistic(d: FloatArray, n1i: FloatArray, n2i: FloatArray) -> Estimates:
    """Return π d/√3 and π²/3 times the variance of d."""
    return d_to_log_odds(d, n1i, n2i, LOGISTIC)


@from_d("D2ORN", title="log odds ratio from d (normal)", reference="Cox & Snell 1989; " + _SANCHEZ, **_AS_ODDS)
def _d_to_log_odds_normal(d: FloatArray, n1i: FloatArray, n2i: FloatArray) -> Estimates:
    """Return 1.65 d and 1.65² times the variance of d."""
    return d_to_log_odds(d, n1i, n2i, COX)


@from_d("RPB", title="point-biserial correlation", vtypes=("ST", "CS"), reference=_TATE)
def point_biserial(d: FloatArray, n1i: FloatArray, n2i: FloatArray, *, vtype: str = "ST") -> Estimates:
    """Return r = d/√(d²+h), h = m/n1 + m/n2, m = n1+n2−2, and its variance.

    ``ST`` (group sizes fixed): h²/(h+d²)³ (1/n1 + 1/n2 + d²/(2N)).
    ``CS`` (cross-sectional): (1−r²)² (N r²/(4 n1 n2) + (2−3r²)/(2N)).
    """
    total = n1i + n2i
    h = (total - 2) * (1 / n1i + 1 / n2i)
    r = d / np.sqrt(d**2 + h)
    if vtype == "CS":
        return Estimates(r, (1 - r**2) ** 2 * (total * r**2 / (4 * n1i * n2i) + (2 - 3 * r**2) / (2 * total)))
    return Estimates(r, h**2 / (h + d**2) ** 3 * _uncorrected(d, n1i, n2i))


@from_d(
    "ZPB",
    title="z-transformed point-biserial correlation",
    vtypes=("ST", "CS"),
    scale="z",
    back=np.tanh,
    forward=np.arctanh,
    back_title="correlation",
    reference=_TATE,
)
def _point_biserial_z(d: FloatArray, n1i: FloatArray, n2i: FloatArray, *, vtype: str = "ST") -> Estimates:
    """Return artanh r and Var(r)/(1−r²)²."""
    raw = point_biserial(d, n1i, n2i, vtype=vtype)
    return Estimates(np.arctanh(raw.yi), raw.vi / (1 - raw.yi**2) ** 2)


def _cut(n1i: FloatArray, n2i: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return p, q, the normal quantile at the cut and the density there."""
    p = n1i / (n1i + n2i)
    q = 1 - p
    z = special.ndtri(q)
    return p, q, z, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


@from_d("RBIS", title="biserial correlation", reference="Soper 1914; doi:10.1093/biomet/10.2-3.384; " + _JACOBS)
def biserial(d: FloatArray, n1i: FloatArray, n2i: FloatArray) -> Estimates:
    """Return r_b = √(pq)/f · r_pb and Soper's variance, f the normal density at the cut.

    Var = [pq/f² − (3/2 + (1 − p z/f)(1 + q z/f)) r² + r⁴]/(N−1), at r = ±1 where the estimate lies beyond.
    """
    p, q, z, f = _cut(n1i, n2i)
    r = np.sqrt(p * q) / f * point_biserial(d, n1i, n2i).yi
    factor = 1.5 + (1 - p * z / f) * (1 + q * z / f)
    inside = np.clip(r, -1.0, 1.0)  # no correlation is beyond 1, and the variance is a polynomial that knows none
    return Estimates(r, (p * q / f**2 - factor * inside**2 + inside**4) / (n1i + n2i - 1))


@from_d(
    "ZBIS",
    title="z-transformed biserial correlation",
    scale="z",
    back=np.tanh,
    forward=np.arctanh,
    back_title="biserial correlation",
    reference=_JACOBS,
)
def _biserial_z(d: FloatArray, n1i: FloatArray, n2i: FloatArray) -> Estimates:
    """Return artanh r_b and Var(r_b)/(1−r_b²)²; not variance-stabilising."""
    raw = biserial(d, n1i, n2i)
    return Estimates(np.arctanh(raw.yi), raw.vi / (1 - raw.yi**2) ** 2)


def _superiority_columns(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return z·√2 and the pieces of its variance; test statistics know the pooled SD alone."""
    columns = cohen_d_columns(data, options)
    if "m1i" not in data or options["vtype"] == "HO":
        return columns
    v1, v2 = data["sd1i"] ** 2, data["sd2i"] ** 2
    return columns | {"difference": data["m1i"] - data["m2i"], "v1": v1, "v2": v2}


@file_measure(
    "CLESN",
    title="common language effect size (normal)",
    needs=MEANS_AND_SDS,
    alternatives=FROM_TESTS,
    family="means",
    vtypes=("LS", "LS2", "HO"),
    flip=True,
    null=0.5,
    prepare=_superiority_columns,
    reference="McGraw & Wong 1992; doi:10.1037/0033-2909.111.2.361",
)
def common_language(
    d: FloatArray,
    n1i: FloatArray,
    n2i: FloatArray,
    *,
    difference: FloatArray | None = None,
    v1: FloatArray | None = None,
    v2: FloatArray | None = None,
    vtype: str = "LS",
) -> Estimates:
    """Return Φ(z), the chance that a draw from group 1 exceeds one from group 2, by the delta method.

    ``LS``, ``LS2``: z = (m1−m2)/√(s1²+s2²). ``HO``, and whenever only a test statistic is known: z = d/√2.
    """
    if difference is None or v1 is None or v2 is None:
        z = d / np.sqrt(2)
        variance = _uncorrected(d, n1i, n2i) / 2
    else:
        total = v1 + v2
        z = difference / np.sqrt(total)
        less = 0 if vtype == "LS2" else 1
        sampling = (v1 / (n1i - less) + v2 / (n2i - less)) / total
        variance = sampling + z**2 / (2 * total**2) * (v1**2 / (n1i - less) + v2**2 / (n2i - less))
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return Estimates(special.ndtr(z), density**2 * variance)


@file_measure(
    "CLESCN",
    title="common language effect size (normal, paired)",
    needs="m1i sd1i m2i sd2i ni ri",
    family="change",
    flip=True,
    null=0.5,
    reference="McGraw & Wong 1992; doi:10.1037/0033-2909.111.2.361",
)
def common_language_paired(
    m1i: FloatArray, sd1i: FloatArray, m2i: FloatArray, sd2i: FloatArray, ni: FloatArray, ri: FloatArray
) -> Estimates:
    """Return Φ(z), z = (m1−m2)/√(s1²+s2²), for two draws from different patients, by the delta method.

    Var(z) = (s1²+s2²−2 r s1 s2)/((n−1)(s1²+s2²)) + z² (s1⁴+s2⁴+2 r² s1² s2²)/(2 (n−1)(s1²+s2²)²).
    """
    v1, v2 = sd1i**2, sd2i**2
    total = v1 + v2
    z = (m1i - m2i) / np.sqrt(total)
    of_means = change_variance(sd1i, sd2i, ri) / ((ni - 1) * total)
    of_spread = z**2 * (v1**2 + v2**2 + 2 * ri**2 * v1 * v2) / (2 * (ni - 1) * total**2)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return Estimates(special.ndtr(z), density**2 * (of_means + of_spread))
