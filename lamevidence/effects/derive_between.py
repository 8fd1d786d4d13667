"""Two arms of one study → one comparison: a difference of means, an odds ratio, a rate ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..errors import AmbiguousFinding, NotDerivable
from ..lineage import Lineage, Step
from ..questions.question import Question
from ..registry.records import Continuous, Contrast, Dichotomous, Rate, Study
from .derive_counts import events_over_time, patients_affected
from .derive_mean import MeanAndError, mean_and_error
from .derive_single import count_estimate, person_time_unit
from .derived import Cell, Derived
from .measures import MEASURES
from .selection import Candidate

__all__ = ["between_arms"]


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
    reason = "no result is printed arm by arm"
    if arms:
        try:
            return _from_arms(question, study, arms)
        except NotDerivable as error:
            reason = str(error)
    usable = [f for f in contrasts if f.measure == question.measure]
    if not usable:
        raise NotDerivable(reason)
    if len(usable) > 1:
        raise AmbiguousFinding(
            f"{study.id} prints several contrasts: {', '.join(f.id for f in usable)} · name one in `prefer`"
        )
    return _from_contrast(question, study, usable[0])


def _one(study: Study, candidates: Sequence[Candidate], interventions: Sequence[str], role: str) -> Candidate:
    found = [c for c in candidates if study.arm(c.finding.arm).intervention in interventions]
    if not found:
        raise NotDerivable(f"no eligible finding of the {role} arm ({' or '.join(interventions)})")
    if len(found) > 1:
        names = ", ".join(c.finding.id for c in found)
        raise AmbiguousFinding(f"{study.id} prints several results of its {role} arm: {names} · name one in `prefer`")
    return found[0]


def _from_arms(question: Question, study: Study, candidates: Sequence[Candidate]) -> Derived:
    rules = question.eligibility
    treated = _one(study, candidates, rules.interventions, "treated").finding
    control = _one(study, candidates, rules.comparators, "control").finding
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
    return Derived(yi, vi, lineage, treated.n + control.n)


def _from_contrast(question: Question, study: Study, finding: Contrast) -> Derived:
    if question.measure != "MD":
        raise NotDerivable(f"a printed {finding.measure} contrast is not read as {question.measure} here")
    found = mean_and_error(study, finding, question.unit)
    cells, steps = (*found.mean.cells, *found.se.cells), (*found.mean.steps, *found.se.steps)
    bounds = (found.se.bounds[0] ** 2, found.se.bounds[1] ** 2)
    lineage = Lineage(study.id, cells, steps, found.mean.bounds, bounds)
    return Derived(found.mean.value, found.se.value**2, lineage, found.n)
