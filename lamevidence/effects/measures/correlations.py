"""Correlations, partial and semi-partial correlations, and R²."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Estimates, FloatArray
from .hypergeometric import half_half, one_one
from .registering import file_measure
from .small_sample import across

__all__ = ["correlation", "fisher_z", "partial_correlation", "semi_partial_correlation", "unbiased_correlation"]

_OLKIN = "Olkin & Pratt 1958; doi:10.1214/aoms/1177706717; Hedges 1989; doi:10.1037/0021-9010.74.3.469"
_ALOE = "Aloe & Becker 2012; doi:10.3102/1076998610396901"
_ALOE2014 = "Aloe & Thompson 2013; doi:10.5243/jsswr.2013.24"
_Z: dict[str, Any] = {"scale": "z", "back": np.tanh, "forward": np.arctanh}


@file_measure(
    "COR",
    title="correlation",
    needs="ri ni",
    family="correlation",
    vtypes=("LS", "UB", "AV"),
    reference="Borenstein 2009; Handbook of Research Synthesis 2nd ed., eq. 12.27; UB: " + _OLKIN,
)
def correlation(ri: FloatArray, ni: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return r and (1−r²)²/(n−1); ``AV`` averages r over studies; ``UB`` is Hedges' unbiased variance."""
    if vtype == "UB":
        return Estimates(ri, _unbiased_variance(ri, ni))
    inside = across(ri, ni) if vtype == "AV" else ri
    return Estimates(ri, (1 - inside**2) ** 2 / (ni - 1))


def _unbiased_variance(ri: FloatArray, ni: FloatArray) -> FloatArray:
    """Return r_u² − [1 − (n−3)/(n−2) (1−r²) ₂F₁(1, 1; n/2; 1−r²)], the unbiased estimate of Var(r_u)."""
    unbiased = ri * half_half((ni - 2) / 2, ri)
    rest = (ni - 3) / (ni - 2) * (1 - ri**2) * one_one(ni / 2, ri)
    return np.asarray(unbiased**2 - 1 + rest)


@file_measure(
    "UCOR",
    title="unbiased correlation",
    needs="ri ni",
    family="correlation",
    vtypes=("LS", "UB", "AV"),
    reference=_OLKIN,
)
def unbiased_correlation(ri: FloatArray, ni: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return r_u = r ₂F₁(½, ½; (n−2)/2; 1−r²) and (1−r_u²)²/(n−1); ``AV`` and ``UB`` as for COR."""
    unbiased = ri * half_half((ni - 2) / 2, ri)
    if vtype == "UB":
        return Estimates(unbiased, _unbiased_variance(ri, ni))
    inside = across(unbiased, ni) if vtype == "AV" else unbiased
    return Estimates(unbiased, (1 - inside**2) ** 2 / (ni - 1))


@file_measure(
    "ZCOR",
    title="z-transformed correlation",
    needs="ri ni",
    family="correlation",
    back_title="correlation",
    reference="Fisher 1921",
    **_Z,
)
def fisher_z(ri: FloatArray, ni: FloatArray) -> Estimates:
    """Return artanh r and 1/(n−3)."""
    return Estimates(np.arctanh(ri), 1 / np.where(ni > 3, ni - 3, np.nan))  # z exists, its variance does not


@file_measure(
    "PCOR",
    title="partial correlation",
    needs="ti ni mi",
    alternatives=("ri ni mi",),
    family="correlation",
    vtypes=("LS", "AV"),
    reference=_ALOE2014,
    prepare=lambda data, options: _partial_columns(data),
)
def partial_correlation(ri: FloatArray, ni: FloatArray, mi: FloatArray, *, vtype: str = "LS") -> Estimates:
    """Return r = t/√(t² + n−m−1) (m predictors in the model) and (1−r²)²/(n−m); ``AV`` averages r over studies."""
    inside = across(ri, ni) if vtype == "AV" else ri
    return Estimates(ri, (1 - inside**2) ** 2 / (ni - mi))


def _partial_columns(data: Any) -> dict[str, FloatArray]:  # noqa: ANN401
    ni, mi = data["ni"], data["mi"]
    r = data["ri"] if "ri" in data else data["ti"] / np.sqrt(data["ti"] ** 2 + ni - mi - 1)
    return {"ri": r, "ni": ni, "mi": mi}


@file_measure(
    "ZPCOR",
    title="z-transformed partial correlation",
    needs="ti ni mi",
    alternatives=("ri ni mi",),
    family="correlation",
    back_title="partial correlation",
    reference=_ALOE2014,
    prepare=lambda data, options: _partial_columns(data),
    **_Z,
)
def _partial_z(ri: FloatArray, ni: FloatArray, mi: FloatArray) -> Estimates:
    """Return artanh r and 1/(n−m−2)."""
    return Estimates(np.arctanh(ri), 1 / (ni - mi - 2))


@file_measure("SPCOR", title="semi-partial correlation", needs="ti ni mi r2i", family="correlation", reference=_ALOE)
def semi_partial_correlation(ti: FloatArray, ni: FloatArray, mi: FloatArray, r2i: FloatArray) -> Estimates:
    """Return r = t √((1−R²)/(n−m−1)) and (R⁴ − 2R² + q + 1 − q²)/n with q = R² − r²."""
    r = ti * np.sqrt((1 - r2i) / (ni - mi - 1))
    rest = r2i - r**2
    return Estimates(r, (r2i**2 - 2 * r2i + rest + 1 - rest**2) / ni)


@file_measure(
    "ZSPCOR",
    title="z-transformed semi-partial correlation",
    needs="ti ni mi r2i",
    family="correlation",
    back_title="semi-partial correlation",
    reference=_ALOE,
    **_Z,
)
def _semi_partial_z(ti: FloatArray, ni: FloatArray, mi: FloatArray, r2i: FloatArray) -> Estimates:
    """Return artanh r and Var(r)/(1−r²)²."""
    raw = semi_partial_correlation(ti, ni, mi, r2i)
    return Estimates(np.arctanh(raw.yi), raw.vi / (1 - raw.yi**2) ** 2)


@file_measure(
    "R2",
    title="R²",
    needs="r2i mi ni",
    family="correlation",
    reference="Olkin & Finn 1995; doi:10.1037/0033-2909.118.1.155",
)
def _r_squared(r2i: FloatArray, mi: FloatArray, ni: FloatArray) -> Estimates:
    """Return R² and 4 R² (1−R²)²/n, random predictors."""
    return Estimates(r2i, 4 * r2i * (1 - r2i) ** 2 / ni)


def _square_tanh(x: FloatArray) -> FloatArray:
    return np.asarray(np.tanh(x) ** 2)


def _artanh_root(x: FloatArray) -> FloatArray:
    return np.asarray(np.arctanh(np.sqrt(x)))


@file_measure(
    "ZR2",
    title="z-transformed R²",
    needs="r2i mi ni",
    family="correlation",
    scale="z",
    null=None,
    back=_square_tanh,
    forward=_artanh_root,
    back_title="R²",
    reference="Olkin & Finn 1995; doi:10.1037/0033-2909.118.1.155",
)
def _r_squared_z(r2i: FloatArray, mi: FloatArray, ni: FloatArray) -> Estimates:
    """Return artanh √R² and 1/n."""
    return Estimates(np.arctanh(np.sqrt(r2i)), 1 / ni)
