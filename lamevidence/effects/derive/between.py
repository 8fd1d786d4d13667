"""Two arms of one study → one comparison: a difference of means, an odds ratio, a rate ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...foundation.errors import AmbiguousFinding, NotDerivable
from ...foundation.lineage import Lineage, Step
from ...questions.question import Question
from ...registry.records import Continuous, Contrast, Dichotomous, Rate, Study
from ..measures import MEASURES
from ..recovery import sd_from_se, se_from_ci, se_from_p
from .counts import events_over_time, patients_affected
from .derived import Cell, Derived, corner_bounds, printed_cell, printed_p
from .mean import MeanAndError, mean_and_error
from .selection import Candidate
from .single import count_estimate, person_time_unit

__all__ = ["RATIOS", "between_arms", "printed_difference"]

RATIOS = ("HR", "IRR", "OR", "RR")
"""Measures of two arms that papers print as a ratio and that are pooled as its logarithm."""


def between_arms(question: Question, candidates: Sequence[Candidate]) -> Derived:
    """Return the comparison of a two-arm question from the findings of one study.

    Results printed arm by arm are preferred; a printed contrast is used when they are missing.

    Raises
    ------
    NotDerivable
        One arm is missing, or an arm leads to no estimate and no contrast is printed.
    AmbiguousFinding
        An arm has several eligible findings.
    """
    study = candidates[0].study
    arms = [c for c in candidates if not isinstance(c.finding, Contrast)]
    contrasts = [c.finding for c in candidates if isinstance(c.finding, Contrast)]
    named = question.preferred(study.id)
    reason = "no result is printed arm by arm"
    if arms and not any(f.id in named for f in contrasts):
        try:
            return _from_arms(question, study, arms)
        except NotDerivable as error:
            reason = str(error)
    usable = [f for f in contrasts if f.measure == question.measure]
    usable = [f for f in usable if f.id in named] or usable
    if not usable:
        raise NotDerivable(reason)
    if len(usable) > 1:
        raise AmbiguousFinding(
            f"{study.id} prints several contrasts: {', '.join(f.id for f in usable)}"
            f" · name one under `prefer: {{{study.id}: …}}`"
        )
    return _from_contrast(question, study, usable[0])


def _one(
    study: Study, candidates: Sequence[Candidate], interventions: Sequence[str], role: str, named: Sequence[str]
) -> Candidate:
    found = [c for c in candidates if study.arm(c.finding.arm).intervention in interventions]
    found = [c for c in found if c.finding.id in named] or found
    if not found:
        raise NotDerivable(f"no eligible finding of the {role} arm ({' or '.join(interventions)})")
    if len(found) > 1:
        names = ", ".join(c.finding.id for c in found)
        raise AmbiguousFinding(
            f"{study.id} prints several results of its {role} arm: {names} · name one under `prefer: {{{study.id}: …}}`"
        )
    return found[0]


def _from_arms(question: Question, study: Study, candidates: Sequence[Candidate]) -> Derived:
    rules = question.eligibility
    named = question.preferred(study.id)
    treated = _one(study, candidates, rules.interventions, "treated", named).finding
    control = _one(study, candidates, rules.comparators, "control", named).finding
    if isinstance(treated, Continuous) and isinstance(control, Continuous):
        return _difference(study, *(mean_and_error(study, f, question.unit) for f in (treated, control)))
    if isinstance(treated, Dichotomous) and isinstance(control, Dichotomous):
        a, c = patients_affected(treated), patients_affected(control)
        counts = {
            name: float(value)
            for name, value in zip(
                ("ai", "n1i", "ci", "n2i"), (a.affected, a.at_risk, c.affected, c.at_risk), strict=True
            )
        }
        text = f"{a.affected}/{a.at_risk} v {c.affected}/{c.at_risk}"
        return _of_counts(
            question, study, counts, text, (*a.cells, *c.cells), (*a.steps, *c.steps), a.at_risk + c.at_risk
        )
    if isinstance(treated, Rate) and isinstance(control, Rate):
        unit = person_time_unit(question)
        x, y = events_over_time(treated, unit), events_over_time(control, unit)
        counts = {
            "x1i": float(x.events),
            "t1i": x.person_time.value,
            "x2i": float(y.events),
            "t2i": y.person_time.value,
        }
        text = f"{x.events}/{x.person_time.value:.6g} v {y.events}/{y.person_time.value:.6g} {unit}"
        return _of_counts(question, study, counts, text, (*x.cells, *y.cells), (*x.steps, *y.steps), x.n + y.n)
    raise NotDerivable("the two arms print different kinds of results")


def _of_counts(
    question: Question,
    study: Study,
    counts: Mapping[str, float],
    text: str,
    cells: tuple[Cell, ...],
    steps: tuple[Step, ...],
    n: float,
) -> Derived:
    yi, vi = count_estimate(question.measure, counts)
    entry = MEASURES[question.measure]
    if math.isnan(yi):
        last = Step("effect", f"{text}: no {entry.title} without a correction; the counts themselves are used")
    else:
        last = Step("effect", f"{entry.title} of {text} = {yi:.6g}", entry.title, entry.reference)
    if "n1i" in counts:
        counts = dict(counts) | {"bi": counts["n1i"] - counts["ai"], "di": counts["n2i"] - counts["ci"]}
    return Derived(yi, vi, Lineage(study.id, cells, (*steps, last)), float(n), {k: float(v) for k, v in counts.items()})


def _difference(study: Study, treated: MeanAndError, control: MeanAndError) -> Derived:
    yi = treated.mean.value - control.mean.value
    vi = treated.se.value**2 + control.se.value**2
    (a, b), (c, d) = treated.mean.bounds, control.mean.bounds
    (e, f), (g, h) = treated.se.bounds, control.se.bounds
    cells = (*treated.mean.cells, *treated.se.cells, *control.mean.cells, *control.se.cells)
    steps = (
        *treated.mean.steps,
        *treated.se.steps,
        *control.mean.steps,
        *control.se.steps,
        Step("effect", f"{treated.mean.value:.6g} − ({control.mean.value:.6g}) = {yi:.6g}", "difference of means"),
        Step(
            "se",
            f"√({treated.se.value:.6g}² + {control.se.value:.6g}²) = {math.sqrt(vi):.6g}",
            "SE of a difference of independent arms",
            "Cochrane Handbook 6.5.1",
        ),
    )
    lineage = Lineage(study.id, cells, steps, (a - d, b - c), (e**2 + g**2, f**2 + h**2))
    return Derived(yi, vi, lineage, treated.n + control.n, _arms(treated, control))


def _arms(treated: MeanAndError, control: MeanAndError) -> dict[str, float]:
    """Return mean, SD and n of each arm, as a data frame of means has them; nothing where an n is not reported.

    An arm's SD is SE·√n, so that the degrees of freedom of the difference are those of its arms.
    """
    found: dict[str, float] = {}
    for i, arm in enumerate((treated, control), 1):
        if math.isnan(arm.n):
            return {}
        found |= {f"m{i}i": arm.mean.value, f"sd{i}i": float(sd_from_se(arm.se.value, arm.n)), f"n{i}i": arm.n}
    return found


def _from_contrast(question: Question, study: Study, finding: Contrast) -> Derived:
    if question.measure in RATIOS:
        return _from_ratio(study, finding)
    if question.measure != "MD":
        raise NotDerivable(f"a printed {finding.measure} contrast is not read as {question.measure} here")
    return printed_difference(study, finding, question.unit)


def printed_difference(study: Study, finding: Contrast, unit: str | None) -> Derived:
    """Return a printed difference of means with its variance, in ``unit``."""
    found = mean_and_error(study, finding, unit)
    cells, steps = (*found.mean.cells, *found.se.cells), (*found.mean.steps, *found.se.steps)
    bounds = (found.se.bounds[0] ** 2, found.se.bounds[1] ** 2)
    lineage = Lineage(study.id, cells, steps, found.mean.bounds, bounds)
    return Derived(found.mean.value, found.se.value**2, lineage, found.n)


def _from_ratio(study: Study, finding: Contrast) -> Derived:
    """Return the logarithm of a printed ratio; its standard error from the interval, else from an exact p."""
    n = float(finding.n) if isinstance(finding.n, int) else math.nan
    value, half = float(finding.value.value), float(finding.value.rounding)
    if not value - half > 0:
        raise NotDerivable(f"a ratio printed as {finding.value.value} has no logarithm that its rounding would bound")
    yi, bounds = math.log(value), (math.log(value - half), math.log(value + half))
    entry = MEASURES[finding.measure]
    cell = printed_cell(finding.id, "value", finding.value, finding.at)
    effect = Step("effect", f"ln {finding.value.value} = {yi:.6g}", entry.title, entry.reference)
    se, se_bounds, cells, made = _ratio_error(finding, yi, bounds)
    lineage = Lineage(
        study.id, (cell, *cells), (effect, made), bounds, (max(se_bounds[0], 0.0) ** 2, se_bounds[1] ** 2)
    )
    return Derived(yi, se**2, lineage, n)


def _ratio_error(
    finding: Contrast, yi: float, bounds: tuple[float, float]
) -> tuple[float, tuple[float, float], tuple[Cell, ...], Step]:
    spread, p = finding.dispersion, finding.p
    if spread.kind == "ci" and spread.low is not None and spread.high is not None:
        level = spread.level if spread.level is not None else 95.0
        ends = [(float(x.value), float(x.rounding)) for x in (spread.low, spread.high)]
        if not ends[0][0] - ends[0][1] > 0:
            message = f"the lower bound {spread.low.value} of a ratio has no logarithm that rounding would bound"
            raise NotDerivable(message)

        def of_ends(low: float, high: float) -> float:
            return float(se_from_ci(low, high, level=level / 100, log=True))

        se = of_ends(ends[0][0], ends[1][0])
        cells = tuple(
            printed_cell(finding.id, name, number, finding.at)
            for name, number in (("ci low", spread.low), ("ci high", spread.high))
        )
        made = Step(
            "se",
            f"(ln {spread.high.value} − ln {spread.low.value}) / (2 z) = {se:.6g}",
            f"SE = width of the {level:g} % CI of the logarithm / (2 z)",
            "Cochrane Handbook 6.3.2",
            assumption="the interval is symmetric on the log scale and uses the normal quantile",
        )
        return se, corner_bounds(of_ends, *((x - h, x + h) for x, h in ends)), cells, made
    if p is not None and p.relation == "=":
        printed, around = printed_p(p)

        def of_p(log_ratio: float, level: float) -> float:
            return float(se_from_p(log_ratio, level))

        if yi == 0:
            raise NotDerivable("a ratio of 1 has a large p value whatever its standard error: none follows from it")
        se = of_p(yi, float(p.value))
        made = Step(
            "se",
            f"|{yi:.6g}| / z(p = {p.value}) = {se:.6g}",
            "SE = |log ratio| / z quantile of p",
            "Cochrane Handbook 6.3.2",
            assumption="the printed p tests this ratio against 1, two-sided",
        )
        cell = printed_cell(finding.id, "p", printed, p.at or finding.at)
        return se, corner_bounds(of_p, bounds, around), (cell,), made
    bound = f"; only p {p.relation} {p.value} is printed" if p is not None else ""
    raise NotDerivable(f"no interval and no exact p value of the ratio is printed{bound}")
