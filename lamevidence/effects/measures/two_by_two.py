"""Two independent groups, an outcome that is there or not: the two-by-two table.

``ai`` and ``bi`` count group 1 with and without the event, ``ci`` and ``di`` group 2; ``p1 = ai/(ai+bi)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Estimates, FloatArray
from .cells import corrected_table
from .registering import Formula, file_measure
from .small_sample import across

__all__ = [
    "arcsine_risk_difference",
    "log_odds_ratio",
    "log_odds_ratio_peto",
    "log_risk_ratio",
    "risk_difference",
]


def two_by_two(code: str, *, add: float = 0.5, **details: Any) -> Callable[[Formula], Formula]:  # noqa: ANN401
    """File a formula of the four cells, with the zero-cell rule and ``flip``."""
    return file_measure(
        code,
        needs="ai n1i ci n2i",
        alternatives=("ai bi ci di", "ai n1i ci di", "ai bi ci n2i"),
        family="two-by-two",
        prepare=corrected_table,
        zeros={"add": add, "drop00": False},
        flip=True,
        **details,
    )


def average_risks(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the two risks averaged over studies with group sizes as weights (``vtype="AV"``)."""
    return across(ai / (ai + bi), ai + bi), across(ci / (ci + di), ci + di)


@two_by_two(
    "RR",
    title="log risk ratio",
    vtypes=("LS", "AV"),
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="risk ratio",
    reference="Fleiss & Berlin 2009; Handbook of Research Synthesis 2nd ed., ch. 13",
)
def log_risk_ratio(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return log(p1/p2) and its variance.

    ``LS``: 1/a − 1/n1 + 1/c − 1/n2. ``AV``: (1−p̄1)/(n1 p̄1) + (1−p̄2)/(n2 p̄2) with the risks averaged over
    studies. Natural log; pure numbers; arrays (…, k).

    Examples
    --------
    >>> import numpy as np
    >>> r = log_risk_ratio(*(np.array([float(x)]) for x in (4, 119, 11, 128)))
    >>> round(float(r.yi[0]), 8), round(float(r.vi[0]), 8)
    (-0.88931133, 0.32558477)
    """
    n1, n2 = ai + bi, ci + di
    yi = np.log(ai / n1) - np.log(ci / n2)
    if vtype == "AV":
        p1, p2 = average_risks(ai, bi, ci, di)
        return Estimates(yi, (1 - p1) / (n1 * p1) + (1 - p2) / (n2 * p2))
    return Estimates(yi, 1 / ai - 1 / n1 + 1 / ci - 1 / n2)


@two_by_two(
    "OR",
    title="log odds ratio",
    vtypes=("LS", "AV"),
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="odds ratio",
    reference="Woolf 1955; doi:10.1111/j.1469-1809.1955.tb01348.x",
)
def log_odds_ratio(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return log(ad/bc) and its variance.

    ``LS``: 1/a + 1/b + 1/c + 1/d. ``AV``: 1/(n1 p̄1(1−p̄1)) + 1/(n2 p̄2(1−p̄2)) with the risks averaged over studies.
    """
    yi = np.log(ai / bi) - np.log(ci / di)
    if vtype == "AV":
        p1, p2 = average_risks(ai, bi, ci, di)
        return Estimates(yi, 1 / ((ai + bi) * p1 * (1 - p1)) + 1 / ((ci + di) * p2 * (1 - p2)))
    return Estimates(yi, 1 / ai + 1 / bi + 1 / ci + 1 / di)


@two_by_two(
    "RD",
    title="risk difference",
    vtypes=("LS", "UB", "AV"),
    reference="Fleiss & Berlin 2009; Handbook of Research Synthesis 2nd ed., ch. 13",
)
def risk_difference(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return p1 − p2 and its variance.

    ``LS``: p1(1−p1)/n1 + p2(1−p2)/n2. ``UB`` divides by n−1 (unbiased). ``AV`` averages the risks over studies.
    """
    n1, n2 = ai + bi, ci + di
    p1, p2 = ai / n1, ci / n2
    yi = p1 - p2
    if vtype == "AV":
        p1, p2 = average_risks(ai, bi, ci, di)
    less = 1 if vtype == "UB" else 0
    return Estimates(yi, p1 * (1 - p1) / (n1 - less) + p2 * (1 - p2) / (n2 - less))


@two_by_two(
    "AS",
    add=0.0,
    title="arcsine square root risk difference",
    scale="asin",
    reference="Rücker et al. 2009; doi:10.1002/sim.3511",
)
def arcsine_risk_difference(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return asin√p1 − asin√p2 and 1/(4 n1) + 1/(4 n2); defined with zero cells, so nothing is added by default."""
    n1, n2 = ai + bi, ci + di
    return Estimates(np.arcsin(np.sqrt(ai / n1)) - np.arcsin(np.sqrt(ci / n2)), 1 / (4 * n1) + 1 / (4 * n2))


@two_by_two(
    "PETO",
    title="log odds ratio (Peto)",
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="Peto odds ratio",
    reference="Yusuf et al. 1985; doi:10.1016/S0033-0620(85)80003-7",
)
def log_odds_ratio_peto(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return (O−E)/V and 1/V with E = n1(a+c)/N and V = n1 n2 (a+c)(b+d) / (N²(N−1))."""
    n1, n2 = ai + bi, ci + di
    total = n1 + n2
    events = ai + ci
    variance = n1 * n2 * events * (total - events) / (total**2 * (total - 1))
    return Estimates((ai - n1 * events / total) / variance, 1 / variance)
