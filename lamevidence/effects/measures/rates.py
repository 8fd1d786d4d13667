"""One group, events counted over person-time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Estimates, FloatArray
from .cells import corrected_rate
from .registering import Formula, file_measure

__all__ = ["freeman_tukey_rate", "freeman_tukey_rate_back", "incidence_rate", "log_rate", "sqrt_rate"]


def _rate(code: str, *, add: float, **details: Any) -> Callable[[Formula], Formula]:  # noqa: ANN401
    return file_measure(
        code,
        needs="xi ti",
        family="rate",
        prepare=corrected_rate,
        zeros={"add": add},
        dimension="rate",
        null=None,
        back_title="incidence rate",
        **details,
    )


def freeman_tukey_rate_back(x: FloatArray, total: FloatArray) -> FloatArray:
    """Return the rate whose Freeman-Tukey value is ``x`` at person-time ``total``; 0 below the smallest value.

    Inverts x = ½(√λ + √(λ + 1/t)); values below ½√(1/t), which no count attains, map to 0.
    """
    with np.errstate(all="ignore"):
        root = (x - 1 / (4 * total * x)) ** 2
    return np.asarray(np.where(x <= 0.5 * np.sqrt(1 / total), 0.0, root))


@_rate("IR", add=0.5, title="incidence rate", reference="Rothman, Greenland & Lash 2008, ch. 14")
def incidence_rate(xi: FloatArray, ti: FloatArray) -> Estimates:
    """Return x/t and x/t², per unit of person-time."""
    return Estimates(xi / ti, xi / ti**2)


@_rate(
    "IRLN",
    add=0.5,
    title="log incidence rate",
    reference="Rothman, Greenland & Lash 2008, ch. 14",
    scale="log",
    back=np.exp,
    forward=np.log,
)
def log_rate(xi: FloatArray, ti: FloatArray) -> Estimates:
    """Return log(x/t) and 1/x."""
    return Estimates(np.log(xi / ti), 1 / xi)


@_rate(
    "IRS",
    add=0.0,
    title="square root incidence rate",
    reference="Bartlett 1936; doi:10.2307/2983678",
    scale="sqrt",
    back=np.square,
    forward=np.sqrt,
)
def sqrt_rate(xi: FloatArray, ti: FloatArray) -> Estimates:
    """Return √(x/t) and 1/(4t)."""
    return Estimates(np.sqrt(xi / ti), 1 / (4 * ti))


@_rate(
    "IRFT",
    add=0.0,
    title="Freeman-Tukey incidence rate",
    scale="sqrt",
    back_total=freeman_tukey_rate_back,
    reference="Freeman & Tukey 1950; doi:10.1214/aoms/1177729756",
)
def freeman_tukey_rate(xi: FloatArray, ti: FloatArray) -> Estimates:
    """Return ½(√(x/t) + √((x+1)/t)) and 1/(4t)."""
    return Estimates(0.5 * (np.sqrt(xi / ti) + np.sqrt((xi + 1) / ti)), 1 / (4 * ti))
