"""Which rows could have been pooled instead: what a question, its sets and its records leave open, and the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from ...effects.derive.derivation import evidence
from ...effects.evidence_table import EvidenceTable
from ...foundation.errors import LamEvidenceError
from ...questions.question import Question
from ...questions.variation import Variation, varied
from ...registry.registry import RegistryRecords

__all__ = ["Choice", "RowChoice", "choices_of_question", "choices_of_table", "tables_of"]

WORST = ("high", "serious", "critical")
"""Overall judgements after which a reader would leave a study out (RoB 2, ROBINS-I)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of an analysis.

    Attributes
    ----------
    name
        What is chosen.
    levels
        What could be chosen; the first is what the question or the policy chooses.
    """

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowChoice:
    """A choice that makes the rows; one change a level, None where the level changes nothing."""

    choice: Choice
    changes: tuple[Variation | None, ...]


def choices_of_table(table: EvidenceTable) -> tuple[RowChoice, ...]:
    """Return what can be left out of a table by its designs and its risk of bias, two rows at least being left."""
    found = []
    designs = table.designs
    if len(set(designs)) > 1:
        gone = [
            (f"without {d}", {s for s, own in zip(table.studies, designs, strict=True) if own == d})
            for d in dict.fromkeys(designs)
        ]
        found.append(_leaving("design", table, gone))
    biased = {
        s for s, rob in zip(table.studies, table.risk_of_bias, strict=False) if getattr(rob, "overall", "") in WORST
    }
    found.append(_leaving("risk of bias", table, [("without high or serious", biased)]))
    return tuple(choice for choice in found if len(choice.changes) > 1)


def _leaving(name: str, table: EvidenceTable, gone: Sequence[tuple[str, set[str]]]) -> RowChoice:
    kept = [(label, studies) for label, studies in gone if studies and len(set(table.studies) - studies) > 1]
    changes = [Variation(label, label, leave_out=tuple(sorted(studies))) for label, studies in kept]
    return RowChoice(Choice(name, ("all", *(label for label, _ in kept))), (None, *changes))


def choices_of_question(registry: RegistryRecords, question: Question, table: EvidenceTable) -> tuple[RowChoice, ...]:
    """Return the choices that a question and the records behind its rows leave open.

    Members of overlaps, the kind of an inferred ±, an assumed correlation, and of the sensitivity sets each change by
    itself: a study left out, another eligibility, another finding.
    """
    found = [*_overlaps(registry, question, table), *_spreads(question, table), *_correlation(question, table)]
    found += _of_sets(question)
    return (*found, *choices_of_table(table))


def _overlaps(registry: RegistryRecords, question: Question, table: EvidenceTable) -> list[RowChoice]:
    found = []
    for group in registry.overlap_groups:
        own = question.primary.get(group.id)
        if own is None or own not in table.studies:
            continue
        others = []
        for study in group.studies:
            change = Variation(study, "represents the cohort instead", primary={group.id: study})
            if study != own and study in _studies(registry, varied(question, change)):
                others.append(change)
        if others:
            levels = (own, *(change.name for change in others))
            found.append(RowChoice(Choice(f"member of {group.id}", levels), (None, *others)))
    return found


def _studies(registry: RegistryRecords, question: Question) -> tuple[str, ...]:
    try:
        return evidence(registry, question).studies
    except LamEvidenceError:
        return ()


def _spreads(question: Question, table: EvidenceTable) -> list[RowChoice]:
    """Return the ± whose kind is inferred, read the other way too; and those that a set reads otherwise."""
    keys: dict[str, tuple[str, str]] = {}
    for row in table:
        steps = [step for step in row.lineage.steps if step.rule == "read as" and step.text.startswith("± read as S")]
        if steps and len({finding for finding, *_ in row.lineage.cells}) == 1:
            finding, own = row.lineage.cells[0][0], steps[0].text.rsplit(" ", 1)[-1].lower()
            keys[f"{row.study.partition('/')[0]}/{finding}"] = (own, "sd" if own == "se" else "se")
    for variation in question.sensitivity:
        for key, kind in variation.read_as.items():
            covered = key in keys or any(held.partition("/")[0] == key for held in keys)
            if not covered:
                keys[key] = ("sd" if kind == "se" else "se", kind)
    return [
        RowChoice(
            Choice(f"± of {key}", (own, other)),
            (None, Variation(other, "the kind of ± is inferred", read_as={key: "sd" if other == "sd" else "se"})),
        )
        for key, (own, other) in keys.items()
    ]


def _correlation(question: Question, table: EvidenceTable) -> list[RowChoice]:
    r = question.correlation
    assumed = any((step.assumption or "").startswith("r = ") for row in table for step in row.lineage.steps)
    if r is None or not assumed:
        return []
    sets = [v.correlation for v in question.sensitivity if v.correlation is not None]
    others = [x for x in dict.fromkeys((r.low, r.high, *sets)) if x != r.used]
    changes = [Variation(f"{x:g}", r.because, correlation=x) for x in others]
    return [RowChoice(Choice("correlation", (f"{r.used:g}", *(c.name for c in changes))), (None, *changes))]


def _of_sets(question: Question) -> list[RowChoice]:
    """Return each change of the sets that is no overlap, spread, correlation, τ², interval or likelihood."""
    found = [
        RowChoice(
            Choice(f"study {study}", ("in", "out")), (None, Variation("out", "left out in a set", leave_out=(study,)))
        )
        for study in dict.fromkeys(s for v in question.sensitivity for s in v.leave_out)
    ]
    for v in question.sensitivity:
        priors = {name: prior for name, prior in v.bayes.items() if name in ("mu", "tau")}
        part = Variation(v.name, v.because, v.eligibility, take_in=v.take_in, prefer=v.prefer, bayes=priors)
        if part.changes:
            found.append(RowChoice(Choice(v.name, ("no", "yes")), (None, replace(part, name="yes"))))
    return found


Maker = Callable[[Sequence[Variation]], EvidenceTable]


def tables_of(
    choices: Sequence[RowChoice], registry: RegistryRecords | None, question: Question | None, table: EvidenceTable
) -> list[EvidenceTable | str]:
    """Return the table of every combination of levels, the last choice running fastest; or why there is none."""
    make: Maker = partial(_without, table)
    if registry is not None and question is not None:
        make = partial(_asked, registry, question)
    made: list[EvidenceTable | str] = []
    for levels in product(*(choice.changes for choice in choices)):
        try:
            found = make([change for change in levels if change is not None])
        except LamEvidenceError as error:
            made.append(str(error))
        else:
            made.append(found if found.k else "no row is left")
    return made


def _asked(registry: RegistryRecords, question: Question, changes: Sequence[Variation]) -> EvidenceTable:
    for change in changes:
        question = replace(varied(question, change), sensitivity=question.sensitivity)
    return evidence(registry, replace(question, sensitivity=()) if changes else question)


def _without(table: EvidenceTable, changes: Sequence[Variation]) -> EvidenceTable:
    gone = {study for change in changes for study in change.leave_out}
    return table.subset([i for i, study in enumerate(table.studies) if study not in gone]) if gone else table
