"""Registry and question → evidence table: select, derive, refuse shared patients, keep every reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...foundation.errors import DependentRows, DerivationError, QuestionError
from ...questions.question import Question
from ...registry.overlaps import possible_overlaps
from ...registry.records import Study
from ...registry.registry import RegistryRecords
from ..evidence_table import EvidenceTable
from ..measures import MEASURES, FloatArray
from ..measures.hazard import hazard_notes
from ..table_row import Excluded
from .between import between_arms
from .derived import Derived
from .phases import design_columns, rows_of_phases
from .preference import preferred
from .printed_laws import origin_of
from .question_rules import question_faults
from .reread import reread
from .selection import Candidate, eligible_findings
from .single import single_arm
from .within import within_patients

__all__ = ["evidence"]

UsedRow = tuple[Study, str, Derived]


def evidence(registry: RegistryRecords, question: Question) -> EvidenceTable:
    """Return the evidence table of a question.

    Parameters
    ----------
    registry
        A loaded registry.
    question
        One of its questions, or one of your own.

    Raises
    ------
    QuestionError
        The question names what the registry does not have, or its measure, unit and kind do not go together.
    AmbiguousFinding
        A study prints several findings that answer equally well; the message lists them.
    DependentRows
        LE311: two usable studies share patients and the question names no primary one.
    """
    faults = [fault for fault in question_faults(question, registry) if fault.code.startswith("LE")]
    if faults:
        raise QuestionError(f"{question.id or 'the question'} cannot be answered: {'; '.join(map(str, faults))}")
    accepted, excluded = eligible_findings(question, reread(registry.admitted, question.read_as))
    used: list[UsedRow] = []
    for candidates in accepted.values():
        study = candidates[0].study
        if question.compare == "joint":
            rows, unusable = rows_of_phases(question, candidates)
            used += [(study, label, row) for label, row in rows]
            excluded += unusable
            continue
        for label, group in _rows_of(question, study, candidates, registry.vocabulary.categories):
            try:
                used.append((study, label, _with_origin(question, group, _derive(question, group))))
            except DerivationError as error:
                excluded.append(Excluded(study.id, str(error), "not_derivable", group[0].finding.id, label))
    used, dropped = _one_per_cohort(registry, question, used)
    return _table(registry, question, _ordered(used), [*excluded, *dropped])


def _rows_of(
    question: Question, study: Study, candidates: Sequence[Candidate], titles: Mapping[str, str]
) -> list[tuple[str, list[Candidate]]]:
    if question.rows == "study":
        return [(study.label, list(candidates))]
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(getattr(candidate.finding, question.rows), []).append(candidate)
    return [(titles.get(key) or _words(key), group) for key, group in groups.items()]


def _words(key: str) -> str:
    text = key.replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def _derive(question: Question, candidates: Sequence[Candidate]) -> Derived:
    if question.compare == "between_arms":
        return between_arms(question, candidates)
    chosen = preferred(question, candidates)
    return within_patients(question, chosen) if question.compare == "within_patients" else single_arm(question, chosen)


def _with_origin(question: Question, candidates: Sequence[Candidate], row: Derived) -> Derived:
    """Return a row with what can derive it again from numbers that print alike."""
    return replace(row, lineage=replace(row.lineage, origin=origin_of(question, candidates, _derive)))


def _one_per_cohort(
    registry: RegistryRecords, question: Question, used: list[UsedRow]
) -> tuple[list[UsedRow], list[Excluded]]:
    dropped: list[Excluded] = []
    for group in registry.overlap_groups:
        if not group.binding:
            continue
        present = sorted({study.id for study, _, _ in used if study.id in group.studies})
        if len(present) < 2:
            continue
        primary = question.primary.get(group.id)
        if primary not in present:
            raise DependentRows(
                f"LE311: {' and '.join(present)} share patients ({group.reason}) and all enter {question.id}"
                f" · choose one under `primary: {{{group.id}: …}}` of the question"
            )
        reason = f"shares patients with {primary} ({group.reason}); {primary} represents the cohort here"
        for study, label, _ in used:
            if study.id in present and study.id != primary:
                dropped.append(Excluded(study.id, reason, "overlap", "", label))
        used = [row for row in used if row[0].id not in present or row[0].id == primary]
    return used, dropped


def _ordered(used: list[UsedRow]) -> list[UsedRow]:
    return sorted(used, key=lambda row: (_year(row[0]) is None, _year(row[0]) or 0, row[0].label))


def _year(study: Study) -> int | None:
    """Return the year of a study, None where no source prints one."""
    return study.year if isinstance(study.year, int) else None


def _may_overlap(registry: RegistryRecords, used: Sequence[UsedRow]) -> Iterator[str]:
    """Yield a sentence for each group of studies that may share patients and are all used."""
    for group, shared in possible_overlaps(registry.overlap_groups, [study.id for study, _, _ in used]):
        yield f"{' and '.join(shared)} may share patients ({group.reason}); all are used (overlap {group.id})."


def _table(
    registry: RegistryRecords, question: Question, used: Sequence[UsedRow], excluded: Sequence[Excluded]
) -> EvidenceTable:
    vocabulary = registry.vocabulary
    names = sorted({name for _, _, row in used for name in row.counts})
    columns = {name: np.array([row.counts.get(name, np.nan) for _, _, row in used]) for name in names}
    model = dict(question.model) | ({"bayes": dict(question.bayes)} if question.bayes else {})
    by_subject, joint = question.rows == "subject", question.compare == "joint"
    if joint and question.correlation is not None:
        model["correlation"] = question.correlation.used
    return EvidenceTable(
        yi=np.array([row.yi for _, _, row in used]),
        vi=np.array([row.vi for _, _, row in used]),
        labels=tuple(label for _, label, _ in used),
        studies=tuple(f"{s.id}/{label}" if by_subject else s.id for s, label, _ in used),
        measure=question.measure,
        unit=_unit_of_estimates(question),
        counts=columns,
        n=np.array([row.n for _, _, row in used]),
        lineage=tuple(row.lineage for _, _, row in used),
        excluded=tuple(replace(e, label=e.label or e.study) for e in excluded),
        title=question.title,
        higher_is=question.higher_is or vocabulary.outcomes[question.outcome].higher_is,
        question=question.id,
        question_hash=question.hash,
        designs=tuple(s.design for s, _, _ in used),
        groups=tuple(vocabulary.designs[s.design].title for s, _, _ in used),
        years=tuple(_year(s) for s, _, _ in used),
        notes=(
            *question.notes,
            *_of_measure(question, columns),
            *_may_overlap(registry, used),
            *(row.caution for _, _, row in used if row.caution),
        ),
        model=model,
        moderators=design_columns([row for _, _, row in used]) if joint else {},
        risk_of_bias=tuple(_rob(s, question.outcome) for s, _, _ in used) if question.rows == "study" else (),
        arms=_arms(question),
        row_is="phase" if joint else question.rows,
    )


def _of_measure(question: Question, counts: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """Return the sentences about what a measure's likelihood takes for granted of these counts."""
    return hazard_notes(counts) if question.measure == "HAZ" and counts else ()


def _arms(question: Question) -> tuple[str, str] | tuple[()]:
    """Return the names of the arms that a question compares, where it names them."""
    eligible = question.eligibility
    if question.compare != "between_arms" or not eligible.interventions or not eligible.comparators:
        return ()
    treated, control = (" or ".join(names) for names in (eligible.interventions, eligible.comparators))
    return treated.replace("_", " "), control.replace("_", " ")


def _unit_of_estimates(question: Question) -> str | None:
    """Return the question's unit where the estimates have one; a logarithm has none."""
    measure = MEASURES[question.measure]
    return question.unit if measure.dimension != "none" and measure.scale in ("identity", "sqrt") else None


def _rob(study: Study, outcome: str) -> object:
    for judged in study.risk_of_bias:
        if judged.outcome == outcome:
            return judged
    return next((judged for judged in study.risk_of_bias if judged.outcome == "all"), None)
