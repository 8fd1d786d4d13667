"""Printed counts → the whole numbers behind a proportion or a rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from ...foundation.errors import NotDerivable
from ...foundation.lineage import Reported, Step
from ...foundation.units import convert
from ...registry.records import Dichotomous, NotReported, Rate
from ..recovery import counts_from_percentage
from .derived import Cell, Traced, printed_cell, unit_step

__all__ = ["CountOfPatients", "CountOverTime", "events_over_time", "patients_affected", "years_followed"]


@dataclass(frozen=True, slots=True)
class CountOfPatients:
    """Patients affected among patients at risk."""

    affected: int
    at_risk: int
    cells: tuple[Cell, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CountOverTime:
    """Events over person-time, in the time unit asked for."""

    events: int
    person_time: Traced
    n: float
    cells: tuple[Cell, ...]
    steps: tuple[Step, ...]


def _count(value: int) -> Reported:
    return Reported(Decimal(value))


def patients_affected(finding: Dichotomous) -> CountOfPatients:
    """Return the whole numbers of a dichotomous finding.

    A printed percentage gives a count only when exactly one whole number rounds to it.

    Raises
    ------
    NotDerivable
        No number at risk, or several counts print as the percentage.
    """
    if isinstance(finding.at_risk, NotReported):
        raise NotDerivable("the number of patients at risk is not reported")
    total = printed_cell(finding.id, "at risk", _count(finding.at_risk), finding.at)
    if finding.affected is not None:
        cell = printed_cell(finding.id, "affected", _count(finding.affected), finding.at)
        return CountOfPatients(finding.affected, finding.at_risk, (cell, total), ())
    if finding.percent is None and finding.percent_at_most is not None:
        raise NotDerivable(f"only a bound is printed: at most {finding.percent_at_most.value} %")
    if finding.percent is None:
        raise NotDerivable("neither a count nor a percentage is printed")
    possible = counts_from_percentage(float(finding.percent.value), finding.at_risk, float(finding.percent.rounding))
    if len(possible) != 1:
        raise NotDerivable(
            f"{finding.percent.value} % of {finding.at_risk} is compatible with"
            f" {', '.join(map(str, possible)) or 'no whole number'} patients"
        )
    cell = printed_cell(finding.id, "percent", finding.percent, finding.at)
    step = Step(
        "count",
        f"{possible[0]} is the only count of {finding.at_risk} that prints as {finding.percent.value} %",
        "x = the whole number with 100 x / n in the rounding interval",
    )
    return CountOfPatients(possible[0], finding.at_risk, (cell, total), (step,))


_ASSUMED = {
    "planned": "every patient was followed for the planned time",
    "median": "the mean follow-up is the printed median",
    "minimum": "no patient was followed for longer than the printed lower bound",
    "maximum": "every patient was followed for the longest time printed",
}
"""Kind of follow-up → what patients × follow-up takes for granted; a mean makes it exact."""


def years_followed(finding: Dichotomous) -> Traced:
    """Return the years in which the patients of a dichotomous finding were counted: its timeframe, else its follow-up.

    Raises
    ------
    NotDerivable
        Neither is printed.
    """
    frame, assumption = finding.timeframe, "every patient was followed for the whole time"
    if not isinstance(frame, NotReported) and isinstance(frame.end, Reported):
        ends = [convert(float(x.value), _time(x), "year") for x in (frame.start, frame.end)]
        half = convert(float(frame.end.rounding), _time(frame.end), "year")
        span, cells = ends[1] - ends[0], (printed_cell(finding.id, "timeframe", frame.end, finding.at),)
        text = f"counted from {frame.start.value} to {frame.end.value} {frame.end.unit}: {span:.6g} years"
    elif not isinstance(finding.follow_up, NotReported):
        printed = finding.follow_up.value
        span, half = (convert(float(x), _time(printed), "year") for x in (printed.value, printed.rounding))
        cells = (printed_cell(finding.id, "follow-up", printed, finding.follow_up.at or finding.at),)
        text = f"followed for {printed.value} {printed.unit}: {span:.6g} years"
        assumption = _ASSUMED.get(finding.follow_up.kind, assumption)
    else:
        raise NotDerivable("no timeframe and no follow-up are printed: a risk without a time gives no hazard")
    if not span > 0:
        raise NotDerivable("it is a value at one time, not a count over one: a risk without a time gives no hazard")
    return Traced(span, (span - half, span + half), cells, (Step("time", text, assumption=assumption),))


def _time(printed: Reported) -> str:
    assert printed.unit is not None
    return printed.unit


def events_over_time(finding: Rate, unit: str) -> CountOverTime:
    """Return events and person-time of a rate finding; ``unit`` is ``person-year`` or the like.

    Raises
    ------
    NotDerivable
        Neither person-time nor number of patients and follow-up are printed.
    """
    n = float(finding.n) if isinstance(finding.n, int) else (1.0 if finding.subject else math.nan)
    events = printed_cell(finding.id, "events", _count(finding.events), finding.at)
    if isinstance(finding.person_time, Reported):
        return CountOverTime(finding.events, _printed_time(finding, finding.person_time, unit), n, (events,), ())
    if isinstance(finding.follow_up, NotReported):
        raise NotDerivable("no person-time and no follow-up are printed: a count without time gives no rate")
    span, place = finding.follow_up.value, finding.follow_up.at or finding.at
    if math.isnan(n):
        raise NotDerivable("follow-up is printed but not the number of patients followed")
    assert span.unit is not None
    years, half = float(span.value), float(span.rounding)
    scale = [convert(x * n, f"person-{span.unit}", unit) for x in (years, years - half, years + half)]
    cells = (
        printed_cell(finding.id, "follow-up", span, place),
        printed_cell(finding.id, "n", _count(int(n)), finding.at),
    )
    step = Step(
        "time",
        f"{n:.0f} × {span.value} {span.unit} = {scale[0]:.6g} {unit}",
        "person-time = patients × follow-up",
        assumption=_ASSUMED.get(finding.follow_up.kind, "every patient was followed for the printed time"),
    )
    time = Traced(scale[0], (scale[1], scale[2]), cells, (step,))
    return CountOverTime(finding.events, time, n, (events, *cells), (step,))


def _printed_time(finding: Rate, person_time: Reported, unit: str) -> Traced:
    assert person_time.unit is not None
    value, half = float(person_time.value), float(person_time.rounding)
    a, b, c = (convert(x, person_time.unit, unit) for x in (value, value - half, value + half))
    cell = printed_cell(finding.id, "person-time", person_time, finding.at)
    return Traced(a, (b, c), (cell,), unit_step(person_time.unit, unit))
