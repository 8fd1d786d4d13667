"""Which printed findings enter a question or one of its sensitivity sets, and why each of the others does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...foundation.errors import QuestionError
from ...questions.question import Question
from ...questions.variation import varied
from ...registry.records import Direction, Finding, Paired, Study
from ...registry.registry import RegistryRecords
from ..evidence_table import EvidenceTable
from .derivation import evidence
from .selection import reason_against

__all__ = ["Unused", "Usage", "could_be_pooled", "usage"]


@dataclass(frozen=True, slots=True)
class Unused:
    """A finding that could be pooled and enters nothing, with the reason of the question that came closest."""

    study: str
    finding: str
    outcome: str
    reason: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the questions make of the findings of a registry.

    Attributes
    ----------
    entering
        (study, finding) of everything that a row of a question or of a set rests on.
    unused
        The findings that could be pooled and enter nothing.
    poolable
        Number of findings that could be pooled.
    """

    entering: frozenset[tuple[str, str]]
    unused: tuple[Unused, ...]
    poolable: int

    @property
    def studies(self) -> tuple[str, ...]:
        """Studies of which something enters."""
        return tuple(sorted({study for study, _ in self.entering}))


def could_be_pooled(finding: Finding) -> bool:
    """Whether a finding is a result in numbers that its record does not keep out: no baseline value, no direction."""
    described = finding.phase == "baseline" or finding.outcome == "baseline_characteristic"
    return not (described or isinstance(finding, Direction) or finding.not_poolable)


def usage(registry: RegistryRecords, questions: Iterable[Question]) -> Usage:
    """Return which findings enter the questions, sensitivity sets included, and why the others do not.

    Parameters
    ----------
    registry
        The records.
    questions
        What is asked of them; a question or set that cannot be answered uses nothing.
    """
    asked = [(question, table) for question in questions for question, table in _answers(registry, question)]
    entering = {used for question, table in asked for used in _used(registry, question, table)}
    unused, poolable = [], 0
    admitted = {study.id: study for study in registry.admitted}
    for study in registry.studies:
        for finding in filter(could_be_pooled, study.findings):
            poolable += 1
            if (study.id, finding.id) not in entering:
                # as a question sees it: what contradicts itself is out, with the code that says so
                unused.append(_why(registry, asked, admitted[study.id], admitted[study.id].finding(finding.id)))
    return Usage(frozenset(entering), tuple(unused), poolable)


def _answers(registry: RegistryRecords, question: Question) -> list[tuple[Question, EvidenceTable]]:
    found = []
    for asked in (question, *(varied(question, variation) for variation in question.sensitivity)):
        try:
            found.append((asked, evidence(registry, asked)))
        except QuestionError:
            continue
    return found


def _used(registry: RegistryRecords, question: Question, table: EvidenceTable) -> set[tuple[str, str]]:
    used = {(row.study.partition("/")[0], finding) for row in table for finding, *_ in row.lineage.cells}
    if question.kind == "paired":  # a pair prints what its halves do not, and may print nothing of its own
        for study in {study for study, _ in used}:
            pairs = [f for f in registry.by_id[study].findings if isinstance(f, Paired)]
            used |= {(study, f.id) for f in pairs if {(study, f.before), (study, f.after)} <= used}
    return used


def _why(
    registry: RegistryRecords, asked: Iterable[tuple[Question, EvidenceTable]], study: Study, finding: Finding
) -> Unused:
    best, reason, question_id = -1, "", ""
    for question, table in asked:
        if question.outcome != finding.outcome:
            continue
        passed, why = reason_against(question, study, finding)
        if not why:
            told = [e for e in table.excluded if e.study == study.id]
            own = [e.reason for e in told if e.finding == finding.id]
            why = (own or [e.reason for e in told] or ["another finding of the study answers"])[0]
            passed += 1 + bool(own) + (bool(own) and question.compare != "between_arms")
        if passed > best:
            best, reason, question_id = passed, why, question.id
    if not question_id:
        reason = f"no question asks for {registry.vocabulary.outcomes[finding.outcome].title}"
    return Unused(study.id, finding.id, finding.outcome, reason, question_id)
