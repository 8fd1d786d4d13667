"""The interval of each study row: exact where the counts are known, normal otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from .display import Display

__all__ = ["StudyIntervals", "clopper_pearson", "garwood", "study_intervals"]


@dataclass(frozen=True, slots=True)
class StudyIntervals:
    """Estimates and bounds as displayed, (k,), NaN where not estimable, and how they were made."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    how: str


def clopper_pearson(x: FloatArray, n: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact binomial bounds: beta quantiles (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404)."""
    tail = (1 - level) / 2
    with np.errstate(all="ignore"):
        low = np.where(x == 0, 0.0, special.betaincinv(x, n - x + 1, tail))
        high = np.where(x == n, 1.0, special.betaincinv(x + 1, n - x, 1 - tail))
    return low, high


def garwood(x: FloatArray, t: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return exact Poisson bounds of a rate: gamma quantiles (Garwood 1936, doi:10.1093/biomet/28.3-4.437)."""
    tail = (1 - level) / 2
    with np.errstate(all="ignore"):
        low = np.where(x == 0, 0.0, special.gammaincinv(x, tail))
        high = special.gammaincinv(x + 1, 1 - tail)
        return low / t, high / t


def _normal(table: EvidenceTable, display: Display, level: float) -> StudyIntervals:
    z = float(special.ndtri(0.5 + level / 2))
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0)
    yi = np.where(usable, table.yi, np.nan)
    half = z * np.sqrt(np.where(usable, table.vi, np.nan))
    read = np.vectorize(display.read, otypes=[float])
    return StudyIntervals(read(yi), read(yi - half), read(yi + half), "")


def study_intervals(table: EvidenceTable, display: Display, level: float) -> StudyIntervals:
    """Return the displayed estimate and interval of every row of a table."""
    counts = table.counts
    if display.family == "proportion" and {"xi", "ni"} <= set(counts):
        low, high = clopper_pearson(counts["xi"], counts["ni"], level)
        how, share, scale = "Study intervals: exact binomial (Clopper-Pearson).", counts["xi"] / counts["ni"], 100.0
    elif display.family == "rate" and {"xi", "ti"} <= set(counts):
        low, high = garwood(counts["xi"], counts["ti"], level)
        how, share, scale = "Study intervals: exact Poisson (Garwood).", counts["xi"] / counts["ti"], 1.0
    else:
        return _normal(table, display, level)
    return StudyIntervals(scale * share, scale * low, scale * high, how)
