"""One group, a quantity measured: means, coefficients of variation, standard deviations."""

from __future__ import annotations

import numpy as np

from .base import Estimates, FloatArray
from .registering import file_measure
from .small_sample import exact_j

__all__ = ["log_cv", "log_mean", "log_sd", "raw_mean", "standardised_mean"]

_NEEDS = "mi sdi ni"
_NAKAGAWA = "Nakagawa et al. 2015; doi:10.1111/2041-210X.12309"


@file_measure(
    "MN",
    title="mean",
    needs=_NEEDS,
    family="mean",
    reference="the central limit theorem: SE = SD/√n",
    null=None,
    back_title="mean",
    dimension="outcome",
)
def raw_mean(mi: FloatArray, sdi: FloatArray, ni: FloatArray) -> Estimates:
    """Return the mean and SD²/n, in the unit of the outcome and its square; ``sdi`` is the SD, not the SE."""
    return Estimates(mi, sdi**2 / ni)


@file_measure(
    "MNLN",
    title="log mean",
    needs=_NEEDS,
    family="mean",
    reference="delta method; " + _NAKAGAWA,
    null=None,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="geometric mean",
    dimension="outcome",
)
def log_mean(mi: FloatArray, sdi: FloatArray, ni: FloatArray) -> Estimates:
    """Return log m and SD²/(n m²); NaN for a mean that is not positive."""
    return Estimates(np.log(mi), sdi**2 / (ni * mi**2))


@file_measure(
    "SMN",
    title="standardised mean",
    needs=_NEEDS,
    family="mean",
    correct=True,
    null=None,
    back_title="standardised mean",
    reference="Hedges 1981; doi:10.3102/10769986006002107",
)
def standardised_mean(mi: FloatArray, sdi: FloatArray, ni: FloatArray, *, correct: bool = True) -> Estimates:
    """Return g = J(n−1) m/SD and 1/n + g²/(2n); without the correction J = 1."""
    g = mi / sdi * (exact_j(ni - 1) if correct else 1.0)
    return Estimates(g, 1 / ni + g**2 / (2 * ni))


@file_measure(
    "CVLN",
    title="log coefficient of variation",
    needs=_NEEDS,
    family="mean",
    correct=True,
    reference=_NAKAGAWA,
    null=None,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="coefficient of variation",
)
def log_cv(mi: FloatArray, sdi: FloatArray, ni: FloatArray, *, correct: bool = True) -> Estimates:
    """Return log(SD/m) and 1/(2(n−1)) + SD²/(n m²); NaN for a mean that is not positive.

    The correction adds 1/(2(n−1)), the bias of log SD.
    """
    half = 1 / (2 * (ni - 1))
    return Estimates(np.log(sdi / mi) + (half if correct else 0.0), half + sdi**2 / (ni * mi**2))


@file_measure(
    "SDLN",
    title="log standard deviation",
    needs="sdi ni",
    family="mean",
    correct=True,
    reference="Raudenbush & Bryk 1987; doi:10.3102/10769986012003241",
    null=None,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="standard deviation",
    dimension="outcome",
)
def log_sd(sdi: FloatArray, ni: FloatArray, *, correct: bool = True) -> Estimates:
    """Return log SD (+ 1/(2(n−1)) against its bias) and 1/(2(n−1))."""
    half = 1 / (2 * (ni - 1))
    return Estimates(np.log(sdi) + (half if correct else 0.0), half)
