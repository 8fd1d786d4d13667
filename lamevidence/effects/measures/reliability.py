"""Cronbach's α of a scale of ``mi`` items answered by ``ni`` people."""

from __future__ import annotations

import numpy as np

from .base import Estimates, FloatArray
from .registering import file_measure

__all__ = ["bonett_alpha", "hakstian_whalen_alpha", "raw_alpha"]

_BONETT = "Bonett 2002; doi:10.3102/10769986027004335; Bonett 2010; doi:10.1037/a0020142"


def _cube_back(x: FloatArray) -> FloatArray:
    return np.asarray(1 - (1 - x) ** 3)


def _cube_forward(alpha: FloatArray) -> FloatArray:
    return np.asarray(1 - np.cbrt(1 - alpha))


def _log_back(x: FloatArray) -> FloatArray:
    return np.asarray(-np.expm1(-x))


def _log_forward(alpha: FloatArray) -> FloatArray:
    return np.asarray(-np.log1p(-alpha))


@file_measure("ARAW", title="Cronbach's alpha", needs="ai mi ni", family="correlation", reference=_BONETT, null=None)
def raw_alpha(ai: FloatArray, mi: FloatArray, ni: FloatArray) -> Estimates:
    """Return α and 2m(1−α)²/((m−1)(n−2))."""
    return Estimates(ai, 2 * mi * (1 - ai) ** 2 / ((mi - 1) * (ni - 2)))


@file_measure(
    "AHW",
    title="Hakstian-Whalen alpha",
    needs="ai mi ni",
    family="correlation",
    null=None,
    back=_cube_back,
    forward=_cube_forward,
    back_title="Cronbach's alpha",
    reference="Hakstian & Whalen 1976; doi:10.1007/BF02291840",
)
def hakstian_whalen_alpha(ai: FloatArray, mi: FloatArray, ni: FloatArray) -> Estimates:
    """Return 1 − (1−α)^⅓ and 18m(n−1)(1−α)^⅔/((m−1)(9n−11)²)."""
    vi = 18 * mi * (ni - 1) * np.cbrt((1 - ai) ** 2) / ((mi - 1) * (9 * ni - 11) ** 2)
    return Estimates(_cube_forward(ai), vi)


@file_measure(
    "ABT",
    title="log-transformed alpha",
    needs="ai mi ni",
    family="correlation",
    null=None,
    scale="log",
    back=_log_back,
    forward=_log_forward,
    back_title="Cronbach's alpha",
    reference=_BONETT,
)
def bonett_alpha(ai: FloatArray, mi: FloatArray, ni: FloatArray) -> Estimates:
    """Return −log(1−α) and 2m/((m−1)(n−2))."""
    return Estimates(_log_forward(ai), 2 * mi / ((mi - 1) * (ni - 2)))
