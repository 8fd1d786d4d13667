"""Matched pairs, or one group twice, an outcome that is there or not.

``ai`` and ``di`` count pairs that agree (both with, both without the event), ``bi`` pairs with the event on
occasion 1 alone, ``ci`` on occasion 2 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .base import Estimates, FloatArray
from .cells import corrected_pairs
from .registering import Formula, file_measure

__all__ = ["conditional_log_odds", "marginal_log_odds", "marginal_log_risk", "marginal_risk_difference"]

_CURTIN = "Curtin, Elbourne & Altman 2002; doi:10.1002/sim.1205"
_NEWCOMBE = "Newcombe 1998; doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C"
_ZOU = "Zou 2007, Clinical Trials 4:25"
_ODDS: dict[str, Any] = {"scale": "log", "back": np.exp, "forward": np.log, "back_title": "odds ratio"}


def _pairs(code: str, needs: str = "ai bi ci di", **details: Any) -> Callable[[Formula], Formula]:  # noqa: ANN401
    details.setdefault("prepare", corrected_pairs)
    return file_measure(code, needs=needs, family="matched-pairs", zeros={"add": 0.5}, flip=True, **details)


@_pairs("MPRD", title="matched pairs risk difference", reference=_NEWCOMBE)
def marginal_risk_difference(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return (b−c)/n and (b+c)/n² − (b−c)²/n³."""
    n = ai + bi + ci + di
    return Estimates((bi - ci) / n, (bi + ci) / n**2 - (bi - ci) ** 2 / n**3)


@_pairs(
    "MPRR",
    title="matched pairs log risk ratio",
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="risk ratio",
    reference=_ZOU,
)
def marginal_log_risk(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return log((a+b)/(a+c)) and (b+c)/((a+b)(a+c))."""
    return Estimates(np.log((ai + bi) / (ai + ci)), (bi + ci) / ((ai + bi) * (ai + ci)))


@_pairs("MPOR", title="matched pairs marginal log odds ratio", reference=_ZOU, **_ODDS)
def marginal_log_odds(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return the log odds ratio of the margins and 1/r1+1/r2+1/c1+1/c2 − 2n(ad−bc)/(r1 r2 c1 c2).

    r1 = a+b, r2 = c+d, c1 = a+c, c2 = b+d.
    """
    r1, r2, c1, c2 = ai + bi, ci + di, ai + ci, bi + di
    n = r1 + r2
    yi = np.log(r1 / r2) - np.log(c1 / c2)
    vi = 1 / r1 + 1 / r2 + 1 / c1 + 1 / c2 - 2 * n * (ai * di - bi * ci) / (r1 * r2 * c1 * c2)
    return Estimates(yi, vi)


@_pairs("MPORC", title="matched pairs conditional log odds ratio", reference=_CURTIN, **_ODDS)
def conditional_log_odds(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return log(b/c) and 1/b + 1/c."""
    return Estimates(np.log(bi / ci), 1 / bi + 1 / ci)


@_pairs("MPPETO", title="matched pairs conditional log odds ratio (Peto)", reference=_CURTIN, **_ODDS)
def _conditional_peto(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return 2(b−c)/(b+c) and 4/(b+c)."""
    return Estimates(2 * (bi - ci) / (bi + ci), 4 / (bi + ci))


def _marginal_columns(data: Mapping[str, FloatArray], options: dict[str, Any]) -> dict[str, FloatArray]:
    """Return the corrected cells, the correlation and the pairs; by convention a correction adds to them once."""
    columns = corrected_pairs(data, options)
    pairs = sum(data[name] for name in ("ai", "bi", "ci", "di")) / 2
    return {name: columns[name] for name in ("ai", "bi", "ci", "di", "ri")} | {
        "pairs": np.asarray(pairs + columns["ai"] - data["ai"])
    }


@_pairs(
    "MPORM",
    needs="ai bi ci di ri",
    prepare=_marginal_columns,
    title="marginal log odds ratio from marginal tables",
    reference="Elbourne et al. 2002; doi:10.1093/ije/31.1.140; " + _ZOU,
    **_ODDS,
)
def _marginal_tables(
    ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, ri: FloatArray, pairs: FloatArray
) -> Estimates:
    """Return log(ad/bc) of the marginal table and its variance, the occasions correlated by φ = ``ri``.

    Here ``ai bi`` are events and non-events on occasion 1, ``ci di`` on occasion 2, n pairs = half the sum of all:
    Var = 1/a+1/b+1/c+1/d − 2 φ n/√(abcd).
    """
    yi = np.log(ai * di / (bi * ci))
    return Estimates(yi, 1 / ai + 1 / bi + 1 / ci + 1 / di - 2 * ri * pairs / np.sqrt(ai * bi * ci * di))
