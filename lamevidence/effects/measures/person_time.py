"""Two independent groups, events counted over person-time."""

from __future__ import annotations

import numpy as np

from .base import Estimates, FloatArray
from .cells import corrected_events
from .registering import file_measure

__all__ = ["log_rate_ratio", "rate_difference", "sqrt_rate_difference"]

_NEEDS = "x1i t1i x2i t2i"
_ROTHMAN = "Rothman, Greenland & Lash 2008; Modern Epidemiology 3rd ed., ch. 14"


@file_measure(
    "IRR",
    title="log incidence rate ratio",
    needs=_NEEDS,
    family="person-time",
    reference=_ROTHMAN,
    prepare=corrected_events,
    zeros={"add": 0.5, "drop00": False},
    flip=True,
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="incidence rate ratio",
)
def log_rate_ratio(x1i: FloatArray, t1i: FloatArray, x2i: FloatArray, t2i: FloatArray) -> Estimates:
    """Return log((x1/t1)/(x2/t2)) and 1/x1 + 1/x2; the unit of person-time cancels."""
    return Estimates(np.log(x1i / t1i) - np.log(x2i / t2i), 1 / x1i + 1 / x2i)


@file_measure(
    "IRD",
    title="incidence rate difference",
    needs=_NEEDS,
    family="person-time",
    reference=_ROTHMAN,
    prepare=corrected_events,
    zeros={"add": 0.5, "drop00": False},
    flip=True,
    dimension="rate",
)
def rate_difference(x1i: FloatArray, t1i: FloatArray, x2i: FloatArray, t2i: FloatArray) -> Estimates:
    """Return x1/t1 − x2/t2 and x1/t1² + x2/t2², per unit of person-time."""
    return Estimates(x1i / t1i - x2i / t2i, x1i / t1i**2 + x2i / t2i**2)


@file_measure(
    "IRSD",
    title="square root incidence rate difference",
    needs=_NEEDS,
    family="person-time",
    reference="Bagos & Nikolopoulos 2009; doi:10.2202/1557-4679.1105",
    prepare=corrected_events,
    zeros={"add": 0.0, "drop00": False},
    flip=True,
    scale="sqrt",
    dimension="rate",
)
def sqrt_rate_difference(x1i: FloatArray, t1i: FloatArray, x2i: FloatArray, t2i: FloatArray) -> Estimates:
    """Return √(x1/t1) − √(x2/t2) and 1/(4 t1) + 1/(4 t2); defined without events, so nothing is added by default."""
    return Estimates(np.sqrt(x1i / t1i) - np.sqrt(x2i / t2i), 1 / (4 * t1i) + 1 / (4 * t2i))
