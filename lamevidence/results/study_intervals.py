"""The interval of each row as a reader sees it: exact where the counts of one arm are known, normal otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.arm_intervals import clopper_pearson, garwood
from ..effects.measures.base import FloatArray
from ..effects.measures.hazard import hazard_columns
from .hazards import hazard_intervals
from .scale import ReaderScale

__all__ = ["StudyIntervals", "study_intervals"]


@dataclass(frozen=True, slots=True)
class StudyIntervals:
    """Estimates and bounds as displayed, (k,), NaN where not estimable, and how they were made."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    how: str


def study_intervals(table: EvidenceTable, scale: ReaderScale, level: float) -> StudyIntervals:
    """Return the displayed estimate and interval of every row of a table.

    Parameters
    ----------
    table
        The rows.
    scale
        How the table is displayed, as `reader_scale` returns it.
    level
        Level of the intervals.
    """
    counts = table.counts
    if scale.family == "proportion" and {"xi", "ni"} <= set(counts):
        low, high = clopper_pearson(counts["xi"], counts["ni"], level)
        how, share = "Study intervals: exact binomial (Clopper-Pearson).", counts["xi"] / counts["ni"]
        return StudyIntervals(100.0 * share, 100.0 * low, 100.0 * high, how)
    if scale.family == "rate" and {"xi", "ti"} <= set(counts):
        low, high = garwood(counts["xi"], counts["ti"], level)
        how = "Study intervals: exact Poisson (Garwood)."
        return StudyIntervals(counts["xi"] / counts["ti"], low, high, how)
    if scale.family == "hazard" and {"patients", "events"} & set(counts):
        low, high = hazard_intervals(counts, level)
        c = hazard_columns(counts)
        # a risk of 1 has no finite hazard
        estimate = 100.0 * np.where(c["events"] == 0, 0.0, np.where(c["patients"] == 0, 0.0, np.exp(table.yi)))
        how = "Study intervals: exact, of the risk (Clopper-Pearson) or of the rate (Garwood)."
        return StudyIntervals(estimate, 100.0 * low, 100.0 * high, how)
    z = float(special.ndtri(0.5 + level / 2))
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0)
    yi = np.where(usable, table.yi, np.nan)
    half = z * np.sqrt(np.where(usable, table.vi, np.nan))

    def read(values: FloatArray) -> FloatArray:
        return np.array([scale.read(float(x)) for x in values], dtype=float)

    ends = np.sort(np.array([read(yi - half), read(yi + half)]), axis=0)
    return StudyIntervals(read(yi), ends[0], ends[1], "")
