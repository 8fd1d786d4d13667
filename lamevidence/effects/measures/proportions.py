"""One group, an outcome that is there or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from .base import Estimates, FloatArray
from .cells import corrected_proportion
from .registering import Formula, file_measure
from .small_sample import across

__all__ = [
    "arcsine_proportion",
    "freeman_tukey_back",
    "freeman_tukey_proportion",
    "log_proportion",
    "logit_proportion",
    "probit_proportion",
    "raw_proportion",
]


def _proportion(code: str, *, add: float = 0.5, **details: Any) -> Callable[[Formula], Formula]:  # noqa: ANN401
    return file_measure(
        code,
        needs="xi ni",
        alternatives=("xi mi",),
        family="proportion",
        prepare=corrected_proportion,
        zeros={"add": add},
        null=None,
        back_title="proportion",
        **details,
    )


def _square_sine(x: FloatArray) -> FloatArray:
    """Return sin²x, with angles outside [0, π/2] meaning 0 and 1."""
    return np.asarray(np.sin(np.clip(x, 0.0, np.pi / 2)) ** 2)


def _arcsine_root(p: FloatArray) -> FloatArray:
    return np.asarray(np.arcsin(np.sqrt(p)))


def freeman_tukey_back(x: FloatArray, total: FloatArray) -> FloatArray:
    """Return the proportion whose double arcsine is ``x`` at sample size ``total`` (Miller 1978).

    For a pooled value ``total`` is a stand-in (the harmonic mean of the sizes), which is why this
    transformation is offered for comparison only (Schwarzer et al. 2019, doi:10.1002/jrsm.1348).
    Values no count attains (below asin√(1/(n+1))/2, above its mirror) map to 0 and 1.
    """
    with np.errstate(all="ignore"):
        angle = 2 * x
        sine = np.sin(angle)
        inner = 1 - (sine + (sine - 1 / sine) / total) ** 2
        p = 0.5 * (1 - np.sign(np.cos(angle)) * np.sqrt(np.maximum(inner, 0.0)))
    edge = 0.5 * np.arcsin(np.sqrt(1 / (total + 1)))
    p = np.where(x <= edge, 0.0, p)
    return np.asarray(np.where(x >= np.pi / 2 - edge, 1.0, p))


@_proportion(
    "PR",
    title="proportion",
    vtypes=("LS", "UB", "AV"),
    reference="Fleiss, Levin & Paik 2003, ch. 2",
)
def raw_proportion(xi: FloatArray, ni: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return p = x/n and p(1−p)/n; ``UB`` divides by n−1, ``AV`` averages p over studies."""
    p = xi / ni
    pbar = across(p, ni) if vtype == "AV" else p
    return Estimates(p, pbar * (1 - pbar) / (ni - (1 if vtype == "UB" else 0)))


@_proportion(
    "PLN",
    title="log proportion",
    vtypes=("LS", "AV"),
    scale="log",
    back=np.exp,
    forward=np.log,
    reference="Fleiss, Levin & Paik 2003, ch. 2",
)
def log_proportion(xi: FloatArray, ni: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return log p and 1/x − 1/n; ``AV``: (1−p̄)/(n p̄)."""
    p = xi / ni
    if vtype == "AV":
        pbar = across(p, ni)
        return Estimates(np.log(p), (1 - pbar) / (ni * pbar))
    return Estimates(np.log(p), 1 / xi - 1 / ni)


@_proportion(
    "PLO",
    title="logit proportion",
    vtypes=("LS", "AV"),
    scale="logit",
    back=special.expit,
    forward=special.logit,
    reference="Fleiss, Levin & Paik 2003, ch. 2",
)
def logit_proportion(xi: FloatArray, ni: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return log(p/(1−p)) and 1/x + 1/(n−x); ``AV``: 1/(n p̄(1−p̄))."""
    yi = np.log(xi / (ni - xi))
    if vtype == "AV":
        pbar = across(xi / ni, ni)
        return Estimates(yi, 1 / (ni * pbar * (1 - pbar)))
    return Estimates(yi, 1 / xi + 1 / (ni - xi))


@_proportion(
    "PRZ",
    title="probit proportion",
    scale="probit",
    back=special.ndtr,
    forward=special.ndtri,
    reference="Lipsey & Wilson 2001, Practical Meta-Analysis",
)
def probit_proportion(xi: FloatArray, ni: FloatArray) -> Estimates:
    """Return z = Φ⁻¹(p) and p(1−p)/(n φ(z)²)."""
    p = xi / ni
    z = special.ndtri(p)
    return Estimates(z, 2 * np.pi * p * (1 - p) * np.exp(z**2) / ni)


@_proportion(
    "PAS",
    add=0.0,
    title="arcsine square root proportion",
    scale="asin",
    back=_square_sine,
    forward=_arcsine_root,
    reference="Rücker et al. 2009; doi:10.1002/sim.3511",
)
def arcsine_proportion(xi: FloatArray, ni: FloatArray) -> Estimates:
    """Return asin√p and 1/(4n)."""
    return Estimates(np.arcsin(np.sqrt(xi / ni)), 1 / (4 * ni))


@_proportion(
    "PFT",
    add=0.0,
    title="Freeman-Tukey double arcsine proportion",
    scale="asin",
    back_total=freeman_tukey_back,
    reference="Freeman & Tukey 1950; doi:10.1214/aoms/1177729756",
)
def freeman_tukey_proportion(xi: FloatArray, ni: FloatArray) -> Estimates:
    """Return ½(asin√(x/(n+1)) + asin√((x+1)/(n+1))) and 1/(4n+2)."""
    yi = 0.5 * (np.arcsin(np.sqrt(xi / (ni + 1))) + np.arcsin(np.sqrt((xi + 1) / (ni + 1))))
    return Estimates(yi, 1 / (4 * ni + 2))
