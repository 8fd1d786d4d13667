"""The scale people read: back-transformed, in percent where it is a proportion, with its own name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.arm_intervals import arm_interval, rate_interval
from ..numbers import decimals_for
from ..values import Interval

__all__ = ["Display", "display_of", "row_interval"]

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Display:
    """How numbers of one table are shown.

    Attributes
    ----------
    name
        Header of the effect column.
    unit
        Unit beside the title, empty for pure numbers.
    decimals
        Of every number in the effect columns.
    measure
        Code of the measure, which holds the back-transform.
    percent
        True when a proportion is shown times 100.
    """

    name: str
    unit: str
    decimals: int
    measure: str
    percent: bool

    def value(self, x: float) -> float:
        """Return a number of the analysis scale on the scale that is shown."""
        shown = float(MEASURES[self.measure].back(np.asarray(x, dtype=float)))
        return 100 * shown if self.percent else shown

    def interval(self, bounds: Interval | tuple[float, float]) -> Interval:
        """Return both bounds on the scale that is shown."""
        low, high = sorted((self.value(bounds[0]), self.value(bounds[1])))
        return Interval(low, high)



def display_of(table: EvidenceTable, se: float = math.nan) -> Display:
    """Return how this table is shown; ``se`` of the pooled estimate decides the decimals."""
    measure = MEASURES[table.measure]
    percent = measure.family == "proportion"
    if table.measure in ("MN", "MD", "MC", "GEN"):
        reference = se if math.isfinite(se) else float(np.nanmin(table.sei)) if table.k else 1.0
        decimals = min(decimals_for(reference), 3)
    else:
        decimals = 1 if percent else 2
    named = {"MD": "Diff.", "MC": "Change", "MN": "Mean", "GEN": "Effect"}
    name = named.get(table.measure) or ("Percent" if percent else "Rate" if measure.family == "rate" else table.measure)
    return Display(name, "%" if percent else (table.unit or ""), decimals, table.measure, percent)


def row_interval(table: EvidenceTable, i: int, display: Display) -> tuple[float, Interval] | None:
    """Return estimate and 95 % interval of row ``i`` as shown, None where it has none.

    A single proportion or rate gets its exact (Clopper-Pearson, Garwood) interval.
    """
    counts = {name: float(column[i]) for name, column in table.counts.items()}
    if display.percent and {"xi", "ni"} <= counts.keys():
        low, high = arm_interval(counts["xi"], counts["ni"], method="exact")
        return 100 * counts["xi"] / counts["ni"], Interval(100 * float(low), 100 * float(high))
    if MEASURES[table.measure].family == "rate" and {"xi", "ti"} <= counts.keys():
        low, high = rate_interval(counts["xi"], counts["ti"])
        return counts["xi"] / counts["ti"], Interval(float(low), float(high))
    yi, se = float(table.yi[i]), float(table.sei[i])
    if not (math.isfinite(yi) and math.isfinite(se)):
        return None
    return display.value(yi), display.interval((yi - _Z95 * se, yi + _Z95 * se))
