"""Exact bounds of the hazard of one group, of either kind of row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from ..effects.measures.arm_intervals import clopper_pearson, garwood
from ..effects.measures.base import FloatArray
from ..effects.measures.hazard import hazard_columns, hazard_from_risk

__all__ = ["hazard_intervals"]


def hazard_intervals(counts: Mapping[str, FloatArray], level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact bounds of each row's hazard: Clopper-Pearson of the risk, Garwood of the rate; per person-year.

    With a frailty the bounds of events are those of the negative binomial law.
    """
    c = hazard_columns(counts)
    risk, frailty = ~np.isnan(c["patients"]), c["frailty"]
    one = np.ones_like(c["total"])
    ends = clopper_pearson(np.where(risk, c["patients"], 0.0), np.where(risk, c["total"], one), level)
    rates = garwood(np.where(risk, 0.0, c["events"]), np.where(risk, one, c["person_time"]), level)
    half = (1 - level) / 2
    out = []
    for end, rate, at_least in zip(ends, rates, (True, False), strict=True):
        from_risk = hazard_from_risk(end, frailty) / c["time"]
        found = np.where(risk, from_risk, rate)
        for i in np.flatnonzero(~risk & (frailty > 0)):
            row = {name: float(column[i]) for name, column in c.items()}
            found[i] = _clustered_bound(row, half, at_least=at_least)
        out.append(found)
    return out[0], out[1]


def _clustered_bound(row: Mapping[str, float], half: float, *, at_least: bool) -> float:
    """Return the rate at which as many events or more (or: or fewer) have probability ``half``, negative binomial."""
    x, shape = row["events"], row["total"] / row["frailty"]
    if at_least and x == 0:
        return 0.0
    stay = float(special.betaincinv(shape, x, 1 - half) if at_least else special.betaincinv(shape, x + 1, half))
    return shape * (1 - stay) / stay / row["person_time"]
