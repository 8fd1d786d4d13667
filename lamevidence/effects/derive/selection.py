"""Which findings of the registry may answer a question, and why the others may not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ...questions.question import ROLE_OF_PHASE, Question
from ...registry.records import (
    Continuous,
    Contrast,
    Dichotomous,
    Direction,
    Finding,
    NotReported,
    Paired,
    Rate,
    Study,
)
from ..evidence_table import Excluded

__all__ = ["Candidate", "eligible_findings", "reason_against"]

KIND_OF = {Continuous: "continuous", Dichotomous: "dichotomous", Rate: "rate", Contrast: "contrast", Paired: "paired"}

Gate = Callable[[Question, Study, Finding], str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding that passed every gate of its question."""

    study: Study
    finding: Finding


def _kind(question: Question, study: Study, finding: Finding) -> str:
    if isinstance(finding, Direction):
        return f"only the direction is printed ({finding.direction}), no number"
    kind = KIND_OF[type(finding)]
    if kind == question.kind or (kind == "contrast" and question.compare in ("between_arms", "joint")):
        return ""
    if question.measure == "HAZ" and kind in ("dichotomous", "rate"):
        return ""  # patients in a time and events in person-time are of one hazard
    if kind == "rate" and question.kind == "dichotomous":
        return "events are counted, not patients with an event"
    if kind == "dichotomous" and question.kind == "rate":
        return "patients with an event are counted, not events over person-time"
    if question.kind == "paired":
        return "no before-after pair in the same patients is printed"
    return f"the result is of kind {kind}, the question needs {question.kind}"


def _condition(question: Question, study: Study, finding: Finding) -> str:
    wanted = question.eligibility.conditions
    if wanted and study.cohort.condition not in wanted:
        return f"the cohort has {study.cohort.condition}, the question is about {' or '.join(wanted)}"
    return ""


def _design(question: Question, study: Study, finding: Finding) -> str:
    wanted = question.eligibility.designs
    if wanted and study.design not in wanted:
        return f"design {study.design} is not among {', '.join(wanted)}"
    return ""


def _intervention(question: Question, study: Study, finding: Finding) -> str:
    rules = question.eligibility
    wanted = rules.interventions
    if question.compare == "between_arms" and not isinstance(finding, Contrast):
        wanted = (*wanted, *rules.comparators) if wanted and rules.comparators else ()
    if question.compare == "joint" and ROLE_OF_PHASE.get(finding.phase) == "untreated":
        wanted = rules.comparators
    if not wanted:
        return ""
    given = study.arm(finding.arm).intervention
    if given not in wanted:
        return f"the arm received {given}, the question is about {' or '.join(wanted)}"
    return ""


def _comparator(question: Question, study: Study, finding: Finding) -> str:
    wanted = question.eligibility.comparators
    if wanted and isinstance(finding, Contrast):
        given = study.arm(finding.comparator).intervention
        if given not in wanted:
            return f"compared with {given}, the question compares with {' or '.join(wanted)}"
    return ""


def _follow_up(question: Question, study: Study, finding: Finding) -> str:
    wanted = question.eligibility.follow_up
    if wanted is None:
        return ""
    if isinstance(finding.follow_up, NotReported):
        return "its follow-up is not reported"
    given = finding.follow_up.value
    if wanted.holds(given):
        return ""
    return f"followed for {given.value} {given.unit} ({finding.follow_up.kind.replace('_', ' ')}), not {wanted}"


def _phase(question: Question, study: Study, finding: Finding) -> str:
    wanted = question.eligibility.phases
    if wanted and not isinstance(finding, Contrast | Paired) and finding.phase not in wanted:
        if (
            isinstance(finding, Rate)
            and isinstance(finding.person_time, NotReported)
            and isinstance(finding.follow_up, NotReported)
        ):
            return f"counted {finding.phase.replace('_', ' ')} over a time that is not reported: no rate"
        phase = finding.phase.replace("_", " ")
        return f"measured in phase {phase}, not {' or '.join(wanted).replace('_', ' ')}"
    return ""


def _statistic(question: Question, study: Study, finding: Finding) -> str:
    wanted = question.eligibility.statistics
    if wanted and isinstance(finding, Continuous) and finding.statistic not in wanted:
        return f"a {finding.statistic} is printed, not a {' or '.join(wanted)}"
    return ""


def _category(question: Question, study: Study, finding: Finding) -> str:
    category = getattr(finding, "category", "")
    wanted = question.eligibility.categories
    if wanted and category not in wanted:
        return f"counts one category only ({category})"
    if question.rows == "category" and category in ("", "all"):
        return "the total of the categories shown"
    if question.rows == "subject" and not getattr(finding, "subject", ""):
        return "the total of the patients shown one by one"
    return ""


def _retracted(question: Question, study: Study, finding: Finding) -> str:
    for publication in study.publications:
        if publication.id == finding.at.source and publication.retracted:
            return f"the publication is marked as retracted or superseded ({publication.retracted})"
    return ""


def _own(question: Question, study: Study, finding: Finding) -> str:
    for rule in question.eligibility.exclude:
        if rule.study == study.id:
            return rule.reason
    return finding.not_poolable


GATES: tuple[Gate, ...] = (
    _kind,
    _condition,
    _design,
    _intervention,
    _comparator,
    _statistic,
    _phase,
    _category,
    _follow_up,
    _own,
    _retracted,
)
"""In the order in which a reader would ask; the first that says no gives the reason."""

MANY = 8
"""More findings than this with one reason are told as one line."""


def reason_against(question: Question, study: Study, finding: Finding) -> tuple[int, str]:
    """Return (how many gates were passed, reason); the reason is empty when all were."""
    for passed, gate in enumerate(GATES):
        reason = gate(question, study, finding)
        if reason:
            return passed, reason
    return len(GATES), ""


def eligible_findings(
    question: Question, studies: Iterable[Study]
) -> tuple[dict[str, list[Candidate]], list[Excluded]]:
    """Return the candidates by study id, and each study that reports the outcome but has none.

    A study without any finding of the outcome is no candidate and is not listed. For a study all of
    whose findings fail, the reason is that of the finding that came closest.
    """
    accepted: dict[str, list[Candidate]] = {}
    excluded: list[Excluded] = []
    for study in studies:
        findings = [f for f in study.findings if f.outcome == question.outcome]
        if not findings:
            continue
        verdicts = [(*reason_against(question, study, f), f) for f in findings]
        passed = [Candidate(study, f) for _, reason, f in verdicts if not reason]
        if passed:
            accepted[study.id] = passed
        failed = [v for v in verdicts if v[1]]
        if not passed:
            _, reason, finding = max(failed, key=lambda v: v[0])
            excluded.append(Excluded(study.id, reason, "not_eligible", finding.id, study.label))
        elif question.rows != "study":
            excluded += _within_study(study, [(reason, f) for _, reason, f in failed])
    return accepted, excluded


def _within_study(study: Study, failed: Sequence[tuple[str, Finding]]) -> list[Excluded]:
    """Return what one study prints beside the rows shown; equal reasons are told once, with the findings counted."""
    by_reason: dict[str, list[Finding]] = {}
    for reason, finding in failed:
        by_reason.setdefault(reason, []).append(finding)
    told = []
    for reason, findings in by_reason.items():
        if len(findings) > MANY:
            told.append(Excluded(study.id, reason, "not_eligible", f"{len(findings)} findings", study.label))
            continue
        for f in findings:
            counted = f" ({f.events} events)" if isinstance(f, Rate) else ""
            told.append(Excluded(study.id, reason + counted, "not_eligible", f.id, study.label))
    return told
