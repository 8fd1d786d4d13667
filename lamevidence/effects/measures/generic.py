"""Estimates that arrive ready-made, and those made from observed minus expected events."""

from __future__ import annotations

import numpy as np

from .base import Estimates, FloatArray
from .registering import file_measure

__all__ = ["given_estimate", "log_hazard_ratio_one_step"]


@file_measure(
    "GEN",
    title="estimate",
    needs="yi vi",
    family="generic",
    reference="the estimate as given",
    dimension="outcome",
)
def given_estimate(yi: FloatArray, vi: FloatArray) -> Estimates:
    """Return the estimate and the variance as they are."""
    return Estimates(yi, vi)


@file_measure(
    "HROE",
    title="log hazard ratio (one-step)",
    needs="oei vi",
    family="generic",
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="hazard ratio",
    reference="Yusuf et al. 1985; doi:10.1016/S0033-0620(85)80003-7",
)
def log_hazard_ratio_one_step(oei: FloatArray, vi: FloatArray) -> Estimates:
    """Return (O−E)/V and 1/V from observed minus expected events and the log-rank variance V (``vi``)."""
    return Estimates(oei / vi, 1 / vi)


@file_measure(
    "HR",
    title="log hazard ratio",
    needs="yi vi",
    family="time-to-event",
    scale="log",
    back=np.exp,
    forward=np.log,
    back_title="hazard ratio",
    reference="Parmar et al. 1998; doi:10.1002/(SICI)1097-0258(19981230)17:24<2815::AID-SIM110>3.0.CO;2-8",
)
def log_hazard_ratio(yi: FloatArray, vi: FloatArray) -> Estimates:
    """Return the log hazard ratio of a Cox model or a printed ratio, and its variance, as they are."""
    return Estimates(yi, vi)
