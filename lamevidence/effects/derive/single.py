"""One arm of one study → one estimate: a mean or slope, a proportion, a rate."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ...foundation.errors import NotDerivable
from ...foundation.lineage import Lineage, Step
from ...questions.question import Question
from ...registry.records import Continuous, Dichotomous, Rate
from ..escalc import estimates_of
from ..measures import MEASURES
from .counts import events_over_time, patients_affected, years_followed
from .derived import Derived, Traced
from .mean import mean_and_error
from .selection import Candidate

__all__ = ["count_estimate", "person_time_unit", "single_arm"]


def person_time_unit(question: Question) -> str:
    """Return the person-time unit of a rate question (``events/person-year`` → ``person-year``)."""
    return (question.unit or "events/person-year").removeprefix("events/")


def count_estimate(measure: str, counts: Mapping[str, float]) -> tuple[float, float]:
    """Return yi and vi of counts, without any correction; NaN where they do not exist."""
    data = {name: np.array([value], dtype=float) for name, value in counts.items()}
    found = estimates_of(MEASURES[measure], data, {})
    return float(found.yi[0]), float(found.vi[0])


def single_arm(question: Question, candidate: Candidate) -> Derived:
    """Return the estimate of a single-arm question from one finding."""
    study, finding = candidate.study, candidate.finding
    if isinstance(finding, Continuous):
        found = mean_and_error(study, finding, question.unit)
        return _from_mean(study.id, found.mean, found.se, found.n)
    if isinstance(finding, Dichotomous):
        number = patients_affected(finding)
        if question.measure == "HAZ":
            years = years_followed(finding)
            counts = {"patients": float(number.affected), "total": float(number.at_risk), "time": years.value}
            yi, vi = count_estimate("HAZ", counts)
            text = f"{number.affected}/{number.at_risk} in {years.value:.6g} years"
            steps = (*number.steps, *years.steps, _measure_step("HAZ", text, yi))
            lineage = Lineage(study.id, (*number.cells, *years.cells), steps)
            return Derived(yi, vi, lineage, float(number.at_risk), counts)
        counts = {"xi": float(number.affected), "ni": float(number.at_risk)}
        yi, vi = count_estimate(question.measure, counts)
        steps = (*number.steps, _measure_step(question.measure, f"{number.affected}/{number.at_risk}", yi))
        return Derived(yi, vi, Lineage(study.id, number.cells, steps), float(number.at_risk), counts)
    if isinstance(finding, Rate):
        rate = events_over_time(finding, person_time_unit(question))
        names = ("events", "person_time") if question.measure == "HAZ" else ("xi", "ti")
        counts = dict(zip(names, (float(rate.events), rate.person_time.value), strict=True))
        yi, vi = count_estimate(question.measure, counts)
        text = f"{rate.events} events / {rate.person_time.value:.6g} {person_time_unit(question)}"
        steps = (*rate.steps, _measure_step(question.measure, text, yi))
        return Derived(yi, vi, Lineage(study.id, rate.cells, steps), rate.n, counts)
    raise NotDerivable(f"a {type(finding).__name__.lower()} finding is not a single-arm result")


def _from_mean(study: str, mean: Traced, se: Traced, n: float) -> Derived:
    lineage = Lineage(
        study,
        (*mean.cells, *se.cells),
        (*mean.steps, *se.steps),
        mean.bounds,
        (se.bounds[0] ** 2, se.bounds[1] ** 2),
    )
    counts = {"mi": mean.value, "sei": se.value, "ni": n}
    return Derived(mean.value, se.value**2, lineage, n, counts)


def _measure_step(measure: str, text: str, yi: float) -> Step:
    entry = MEASURES[measure]
    if math.isnan(yi):
        return Step("effect", f"{text}: no {entry.title} without a correction; the counts themselves are pooled")
    return Step("effect", f"{entry.title} of {text} = {yi:.6g}", entry.title, entry.reference)
