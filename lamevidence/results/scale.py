"""How a measure is read by people: back-transformed, in its unit, on the axis that suits it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray, Measure, identity
from ..foundation.errors import OptionError
from ..foundation.numbers import decimals_for
from ..foundation.options import shown

__all__ = ["PER_100", "ReaderScale", "reader_scale", "reference_line", "subscripted"]

PER_100 = "per 100 patient-years"
"""The unit in which hazards are read; on the scale of the analysis they are per person-year."""
_ARMED = ("two-by-two", "person-time", "means", "time-to-event")


@dataclass(frozen=True, slots=True)
class ReaderScale:
    """What a reader sees of a measure.

    Attributes
    ----------
    word
        Head of the estimate column (``RR``, ``Slope``).
    axis_title
        Second line over the panel: the unit, or what a ratio is.
    log
        Whether the axis is logarithmic.
    factor
        100 for proportions, read as percentages, and for hazards, read per 100 patient-years.
    null
        The value of no effect as displayed, or None.
    bounds
        The values that can exist.
    left, right
        What lower and higher values mean, for the direction labels; empty where nothing can be said.
    unit, family
        Unit as displayed, family of the measure.
    back
        From the analysis scale to this one, before ``factor``.
    title
        What the number is, in words (``Odds ratio``).
    """

    word: str
    axis_title: str
    log: bool
    factor: float
    null: float | None
    bounds: tuple[float, float]
    left: str
    right: str
    unit: str
    family: str
    back: Callable[[FloatArray], FloatArray]
    title: str = ""

    def decimals(self, se: float) -> int:
        """Return the decimals for this standard error: two significant digits, but two decimals for a ratio."""
        needed = decimals_for(se)
        # more than three only where the ratio is known so closely that two would print 1.00 throughout
        return 2 if self.log and needed <= 3 else needed

    def read(self, x: float) -> float:
        """Return a value of the analysis scale as it is displayed."""
        if math.isnan(x):
            return x
        with np.errstate(all="ignore"):
            return float(self.back(np.asarray(x, dtype=np.float64))) * self.factor

    def on_analysis_scale(self, measure: Measure, unit: str | None) -> ReaderScale:
        """Return the scale of the analysis itself, named as what it is (``Log odds ratio``)."""
        title = measure.label()
        return replace(
            self,
            word=title,
            axis_title=f"({unit})" if unit else "",
            log=False,
            factor=1.0,
            null=measure.null,
            bounds=(-math.inf, math.inf),
            unit=unit or "",
            back=identity,
            title=title,
        )


def _slope(table: EvidenceTable) -> bool:
    return bool(table.unit) and str(table.unit).rsplit("/", 1)[-1] in ("day", "week", "month", "year")


def _word(code: str, measure: Measure, table: EvidenceTable) -> str:
    if measure.family == "proportion":
        return "Proportion, %"
    if measure.family in ("rate", "hazard"):
        return "Rate"
    if _slope(table) and measure.family in ("mean", "change", "generic"):
        return "Slope" if measure.family != "change" else "Change"
    if measure.family == "mean":
        return "Mean"
    if measure.family == "change" and measure.dimension == "outcome":
        return "Change"
    if measure.family == "correlation":
        return "Correlation"
    return "Estimate" if measure.family == "generic" else code


def _directions(measure: Measure, table: EvidenceTable) -> tuple[str, str]:
    """Return what lower and higher mean; where there are arms, which arm a side favours."""
    if measure.family in _ARMED:
        treated, control = table.arms or ("treatment", "control")
        sides = (f"Favours {control}", f"Favours {treated}")
        if table.higher_is == "better":
            return sides
        return sides[::-1] if table.higher_is == "worse" else (f"Lower with {treated}", f"Higher with {treated}")
    if measure.family in ("mean", "change", "generic") and (_slope(table) or measure.family == "change"):
        return ("Decline", "Gain") if table.higher_is == "better" else ("Decrease", "Increase")
    return ("", "")


def _back(measure: Measure, table: EvidenceTable) -> Callable[[FloatArray], FloatArray]:
    """Return the back-transform; one that depends on sizes gets their harmonic mean."""
    of_total = measure.back_total
    if of_total is None:
        return measure.back
    sizes = next((table.counts[name] for name in ("ni", "ti") if name in table.counts), None)
    if sizes is None:
        raise OptionError(f"measure {measure.code} is read back through the sizes ni or ti, which the table lacks")
    harmonic = np.asarray(sizes.size / np.sum(1 / sizes))

    def back(x: FloatArray) -> FloatArray:
        return np.asarray(of_total(x, harmonic))

    return back


def reference_line(ref: object, default: float | None, log: bool) -> float | None:
    """Return where the line of no effect stands: the measure's own, a number, or none."""
    if ref is None or (isinstance(ref, str) and ref == "auto"):
        return default if ref else None
    if isinstance(ref, bool) or not isinstance(ref, int | float) or not abs(ref) <= 1e300 or (log and ref <= 0):
        raise OptionError(f"ref={shown(ref)} is not a place on this axis · give 'auto', None or a number as displayed")
    return float(ref)


def subscripted(text: str, drawable: Callable[[str], bool]) -> str:
    """Return text with FEV1 printed as FEV\u2081, where the typeface has that character."""
    return text.replace("FEV1", "FEV\u2081") if drawable("\u2081") else text


def reader_scale(table: EvidenceTable, code: str | None = None) -> ReaderScale:
    """Return how the measure of a table (or another one, ``code``, of the same counts) is displayed."""
    measure = MEASURES[table.measure if code is None else code]
    proportion = measure.family == "proportion"
    log = measure.scale == "log" and measure.null is not None
    back = _back(measure, table)
    null = measure.null
    if null is None and _slope(table) and measure.family in ("mean", "generic"):
        null = 0.0
    hazard = measure.family == "hazard"
    unit = "%" if proportion else PER_100 if hazard else (table.unit or "").replace("%pred", "% predicted")
    read_title = (measure.back_title or measure.title).strip()
    in_unit = f"({unit})" if unit else ""
    axis_title = f"{read_title[:1].upper()}{read_title[1:]} (log scale)" if log else in_unit
    bounds = (0.0, 100.0) if proportion else (0.0 if measure.family in ("rate", "hazard") else -math.inf, math.inf)
    left, right = _directions(measure, table)
    shown_null = None if null is None else float(back(np.asarray(null, dtype=np.float64)))
    return ReaderScale(
        _word(measure.code, measure, table),
        axis_title,
        log,
        100.0 if proportion or hazard else 1.0,
        shown_null,
        bounds,
        left if null is not None else "",
        right if null is not None else "",
        unit,
        measure.family,
        back,
        f"{read_title[:1].upper()}{read_title[1:]}",
    )
