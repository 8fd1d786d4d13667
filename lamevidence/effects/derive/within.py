"""Before and after in the same patients → the mean change, with the correlation said out loud.

The variance of a change needs the within-patient correlation r, which papers rarely print. In this
order: a printed change with its own ±; an exact p value of the paired test, which needs no ± of the
halves; a printed r; else the question's stated r, whose whole stated range goes into ``vi_bounds``.
There is no hidden default.
"""

from __future__ import annotations

import math

from ...foundation.errors import NotDerivable
from ...foundation.lineage import Lineage, Step
from ...foundation.numbers import fixed
from ...questions.question import Question
from ...registry.records import Continuous, NotReported, Paired, Study
from ..recovery import r_from_change_se, se_from_p
from .derived import Derived, Traced, corner_bounds, printed_cell, printed_p
from .mean import MeanAndError, mean_and_error, mean_of
from .selection import Candidate

__all__ = ["BELIEVABLE", "within_patients"]

BELIEVABLE = (-0.5, 0.95)
"""Within-patient correlations outside this range say that a p, a ± or a change is not what it is read as."""


def within_patients(question: Question, candidate: Candidate) -> Derived:
    """Return after minus before for the patients of one paired finding.

    Raises
    ------
    NotDerivable
        A half of the pair has no usable mean or error, or nothing says how the halves correlate.
    """
    study, pair = candidate.study, candidate.finding
    assert isinstance(pair, Paired)
    n = float(pair.n) if isinstance(pair.n, int) else math.nan
    before, after = (_half(study, name) for name in (pair.before, pair.after))
    if pair.change is not None and pair.dispersion is not None:
        return _printed_change(question, study, pair, n)
    first, last = mean_of(before, question.unit), mean_of(after, question.unit)
    change = last.value - first.value
    bounds = (last.bounds[0] - first.bounds[1], last.bounds[1] - first.bounds[0])
    mean = Traced(
        change,
        bounds,
        (*first.cells, *last.cells),
        (
            *first.steps,
            *last.steps,
            Step("effect", f"{last.value:.6g} − ({first.value:.6g}) = {change:.6g}", "after − before"),
        ),
    )
    caution = ""
    told = change != 0 or question.correlation is None  # the p of no change tells nothing of its standard error
    if pair.p is not None and pair.p.relation == "=" and not math.isnan(n) and told:
        se, r = _from_paired_p(pair, n, mean, _halves(question, study, before, after))
        low, high = BELIEVABLE
        if r is not None and not low <= r <= high:
            caution = (
                f"{study.label}: the printed p implies a within-patient correlation of {fixed(r, 2)}, outside"
                f" {fixed(low, 1)} to {fixed(high, 2)}: the p, the ± or the change may not be what it is read as."
            )
    else:
        se = _se_of_change(question, pair, *(mean_and_error(study, half, question.unit) for half in (before, after)))
    lineage = Lineage(
        study.id,
        (*mean.cells, *se.cells),
        (*mean.steps, *se.steps),
        mean.bounds,
        (se.bounds[0] ** 2, se.bounds[1] ** 2),
    )
    return Derived(change, se.value**2, lineage, n, caution=caution)


def _halves(
    question: Question, study: Study, before: Continuous, after: Continuous
) -> tuple[MeanAndError, MeanAndError] | None:
    """Return both halves with their standard errors, None where one has none."""
    try:
        return mean_and_error(study, before, question.unit), mean_and_error(study, after, question.unit)
    except NotDerivable:
        return None


def _half(study: Study, finding_id: str) -> Continuous:
    finding = study.finding(finding_id)
    if not isinstance(finding, Continuous):
        raise NotDerivable(f"{finding_id} is not a mean or slope")
    return finding


def _printed_change(question: Question, study: Study, pair: Paired, n: float) -> Derived:
    assert pair.change is not None
    assert pair.dispersion is not None
    as_mean = Continuous(
        id=pair.id,
        outcome=pair.outcome,
        at=pair.at,
        phase=pair.phase,
        line=pair.line,
        arm=pair.arm,
        statistic="change",
        value=pair.change,
        dispersion=pair.dispersion,
        n=pair.n,
        p=pair.p,
    )
    found = mean_and_error(study, as_mean, question.unit)
    lineage = Lineage(
        study.id,
        (*found.mean.cells, *found.se.cells),
        (*found.mean.steps, *found.se.steps),
        found.mean.bounds,
        (found.se.bounds[0] ** 2, found.se.bounds[1] ** 2),
    )
    return Derived(found.mean.value, found.se.value**2, lineage, n)


def _se_of_change(question: Question, pair: Paired, first: MeanAndError, last: MeanAndError) -> Traced:
    cells = (*first.se.cells, *last.se.cells)
    steps = (*first.se.steps, *last.se.steps)

    def rule(a: float, b: float, r: float) -> float:
        return math.sqrt(max(a * a + b * b - 2 * r * a * b, 0.0))

    a, b = first.se.value, last.se.value
    if not isinstance(pair.correlation, NotReported):
        r = float(pair.correlation)
        step = Step(
            "se", f"√({a:.6g}² + {b:.6g}² − 2·{r:g}·{a:.6g}·{b:.6g}) = {rule(a, b, r):.6g}", "Var(after − before)"
        )
        return Traced(
            rule(a, b, r), corner_bounds(rule, first.se.bounds, last.se.bounds, (r, r)), cells, (*steps, step)
        )
    stated = question.correlation
    if stated is None:
        raise NotDerivable("neither the correlation of before and after nor an exact paired p is printed")
    bounds = corner_bounds(rule, first.se.bounds, last.se.bounds, (stated.low, stated.high))
    step = Step(
        "se",
        f"√({a:.6g}² + {b:.6g}² − 2 r·{a:.6g}·{b:.6g}) = {rule(a, b, stated.used):.6g} at r = {stated.used:g}",
        "Var(after − before) with within-patient correlation r",
        "Becker 1988, 10.1111/j.2044-8317.1988.tb00901.x",
        assumption=f"r = {stated.used:g}, range {stated.low:g} to {stated.high:g}: {stated.because}",
    )
    return Traced(rule(a, b, stated.used), bounds, cells, (*steps, step))


def _from_paired_p(
    pair: Paired, n: float, mean: Traced, halves: tuple[MeanAndError, MeanAndError] | None
) -> tuple[Traced, float | None]:
    """Return the standard error of the change, and the correlation that it implies where both halves have one."""
    assert pair.p is not None

    def rule(m: float, q: float) -> float:
        return float(se_from_p(m, q, df=n - 1))

    if mean.value == 0:
        raise NotDerivable("a change of 0 has a large p value whatever its standard error: none follows from it")
    p = float(pair.p.value)
    printed, around = printed_p(pair.p)
    se = rule(mean.value, p)
    bounds = corner_bounds(rule, mean.bounds, around)
    made = Step(
        "se",
        f"|{mean.value:.6g}| / t{n - 1:.0f}(p = {p:g}) = {se:.6g}",
        "SE = |change| / t quantile of p",
        "Cochrane Handbook 6.5.2.3",
        assumption="the printed p is of the paired test of this change, two-sided",
    )
    cell = printed_cell(pair.id, "p", printed, pair.p.at or pair.at)
    if halves is None:
        return Traced(se, bounds, (cell,), (made,)), None
    first, last = (half.se for half in halves)
    r = float(r_from_change_se(se, first.value, last.value))
    implied = Step(
        "r",
        f"implied within-patient correlation {r:.3g}",
        "r = (a² + b² − SE²) / (2 a b)",
        "Follmann 1992, 10.1016/0895-4356(92)90054-Q",
    )
    cells = (*first.cells, *last.cells, cell)
    return Traced(se, bounds, cells, (*first.steps, *last.steps, made, implied)), r
