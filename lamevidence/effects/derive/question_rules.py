"""What a question says of the registry and of measures, checked before any number is derived.

`evidence` refuses a question with such a fault, and ``check`` prints it with its place in the file: one list for both.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ...foundation.errors import DependentRows, OptionError, QuestionError, did_you_mean
from ...foundation.units import UNITS
from ...questions.question import Question
from ...questions.variation import varied
from ...registry.nodes import Loc
from ...registry.registry import RegistryRecords
from ..evidence_table import EvidenceTable
from ..measures import MEASURES
from .between import RATIOS
from .reread import spread_of
from .selection import reason_against

__all__ = ["Fault", "answer_faults", "question_faults"]

_MANY = 12
_MISSPELT = 0.85
"""Likeness (difflib) from which a word is a misspelt one: ``sirolimis`` is .89 from sirolimus, ``everolimus`` .74."""
_MADE = {
    ("single_arm", "continuous"): ("MN",),
    ("between_arms", "continuous"): ("MD",),
    ("between_arms", "contrast"): ("MD", *RATIOS),
    ("within_patients", "paired"): ("MC",),
    ("single_arm", "dichotomous"): ("proportion", "hazard"),
    ("single_arm", "rate"): ("rate", "hazard"),
    ("between_arms", "dichotomous"): ("two-by-two",),
    ("between_arms", "rate"): ("person-time",),
    ("joint", "continuous"): ("MN",),
}
"""Comparison and kind of finding → the measures, or families of measures, that are derived from it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a question says and that cannot be so."""

    code: str
    loc: Loc
    message: str
    remedy: str
    key: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message} · {self.remedy}"


def question_faults(question: Question, registry: RegistryRecords) -> list[Fault]:
    """Return everything that a question says wrongly of the registry, of units and of measures."""
    return [
        *_references(question, registry),
        *_measure(question),
        *_unit(question, registry),
        *_words(question, registry),
        *(fault for i in range(len(question.sensitivity)) for fault in _set(question, i, registry)),
    ]


def _set(question: Question, i: int, registry: RegistryRecords) -> Iterator[Fault]:
    """Yield what a sensitivity set says wrongly, beyond what its question does."""
    variation, here = question.sensitivity[i], ("sensitivity", i)
    studies = _study_ids(registry)
    excluded = {rule.study for rule in question.eligibility.exclude}
    for name in ("leave_out", "take_in"):
        for j, study in enumerate(getattr(variation, name)):
            if study not in studies:
                yield _unknown((*here, name, j), "study", study, studies)
            elif (study in excluded) == (name == "leave_out"):
                message = f"{study} is {'already' if name == 'leave_out' else 'not'} excluded by the question"
                yield Fault("LE321", (*here, name, j), message, f"delete it from `{name}`")
    own = set(question_faults(replace(question, sensitivity=()), registry))
    try:
        other = varied(question, variation)
    except OptionError:
        return  # the file's own checks have said so
    for fault in question_faults(other, registry):
        moved = fault.loc[0] in variation.changes
        if fault not in own and fault.loc[:2] != ("eligibility", "exclude"):
            yield replace(fault, loc=(*here, *fault.loc) if moved else (*here, "name"), key=fault.key and moved)


def _study_ids(registry: RegistryRecords) -> list[str]:
    # a record with an error of its own is there all the same
    files = (PurePosixPath(path) for path in registry.documents)
    return sorted({*registry.by_id, *(f.stem for f in files if f.parent.name == "records")})


def _reread(question: Question, registry: RegistryRecords) -> Iterator[Fault]:
    """Yield the findings of ``read_as`` that are not there, or whose spread is not one printed number."""
    studies = _study_ids(registry)
    for name, kind in question.read_as.items():
        loc: Loc = ("read_as", name)
        study_id, _, finding_id = name.partition("/")
        if study_id not in studies:
            yield _unknown(loc, "study", study_id, studies, key=True)
            continue
        study = registry.by_id.get(study_id)
        if study is None:
            continue
        asked = [f for f in study.findings if f.outcome == question.outcome]
        if finding_id and finding_id not in {f.id for f in study.findings}:
            yield _unknown(loc, f"finding of {study_id}", finding_id, [f.id for f in asked], key=True)
            continue
        of_it = [f for f in study.findings if f.id == finding_id] if finding_id else asked
        if not any(spread_of(f) not in ("", kind) for f in of_it):
            message = f"nothing of {name} that answers has a ± that the record reads otherwise than {kind.upper()}"
            yield Fault("LE321", loc, message, "delete it", key=True)


def _unknown(
    loc: Loc, what: str, given: str, choices: Iterable[str], code: str = "LE304", *, key: bool = False
) -> Fault:
    names = list(dict.fromkeys(choices))
    near = did_you_mean(given, names)
    hint = f"did you mean `{near}`? " if near else ""
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return Fault(
        code, loc, f"unknown {what} `{given}`", f"{hint}choices: {', '.join(names[:_MANY]) or 'none'}{more}", key
    )


def _references(question: Question, registry: RegistryRecords) -> Iterator[Fault]:
    studies = _study_ids(registry)
    if question.outcome not in registry.vocabulary.outcomes:
        yield _unknown(("outcome",), "outcome", question.outcome, registry.vocabulary.outcomes)
    for i, rule in enumerate(question.eligibility.exclude):
        if rule.study not in studies:
            yield _unknown(("eligibility", "exclude", i, "study"), "study", rule.study, studies)
    for study in question.prefer:
        if study not in studies:
            yield _unknown(("prefer", study), "study", study, studies, key=True)
        elif study in registry.by_id:
            yield from _preferred(question, registry, study)
    groups = {group.id: group for group in registry.overlap_groups}
    for name, primary in question.primary.items():
        if name not in groups:
            yield _unknown(("primary", name), "overlap group", name, groups, key=True)
        elif primary not in groups[name].studies:
            yield _unknown(("primary", name), f"study of the group {name}", primary, groups[name].studies)
        elif not groups[name].binding:
            yield Fault(
                "LE321",
                ("primary", name),
                f"the group {name} is a possible overlap, which removes no study",
                "delete this line; to leave a study out, name it under `eligibility: {exclude: …}`",
            )
    yield from _reread(question, registry)


def _preferred(question: Question, registry: RegistryRecords, study_id: str) -> Iterator[Fault]:
    study = registry.by_id[study_id]
    findings = {f.id: f for f in study.findings}
    for name in question.preferred(study_id):
        finding = findings.get(name)
        if finding is None:
            own = [f.id for f in study.findings if f.outcome == question.outcome]
            yield _unknown(("prefer", study_id), f"finding of {study_id}", name, [*own, *findings])
            continue
        reason = f"its outcome is {finding.outcome}" if finding.outcome != question.outcome else ""
        reason = reason or reason_against(question, study, finding)[1]
        if reason:
            yield Fault(
                "LE308",
                ("prefer", study_id),
                f"finding {name} of {study_id} does not answer this question: {reason}",
                "name an eligible finding, or delete the preference",
            )


def _measure(question: Question) -> Iterator[Fault]:
    if question.measure not in MEASURES:
        yield _unknown(("measure",), "effect measure", question.measure, MEASURES)
    made = _MADE.get((question.compare, question.kind))
    if made is None:
        fitting = sorted({kind for compare, kind in _MADE if compare == question.compare})
        yield Fault(
            "LE321",
            ("kind",),
            f"no estimate of a comparison {question.compare} is made from findings of kind {question.kind}",
            f"{question.compare} goes with kind {' or '.join(fitting)}",
        )
        return
    fits = [e.code for e in MEASURES.entries() if e.code in made or e.item.family in made]
    if question.measure in MEASURES and question.measure not in fits:
        yield Fault(
            "LE321",
            ("measure",),
            f"measure {question.measure} is not made from findings of kind {question.kind} in a comparison"
            f" {question.compare}",
            f"choose {', '.join(fits)}",
        )


def _unit(question: Question, registry: RegistryRecords) -> Iterator[Fault]:
    if question.measure not in MEASURES:
        return
    measure, unit = MEASURES[question.measure], question.unit
    if unit is None and measure.dimension != "none":
        example = "events/person-year" if measure.dimension == "rate" else "mL/year"
        outcome = registry.vocabulary.outcomes.get(question.outcome)
        if measure.dimension == "outcome" and outcome is not None and outcome.units:
            example = outcome.plausible_unit or outcome.units[0]
        yield Fault(
            "LE102",
            ("measure",),
            f"`unit` is missing: a {measure.title} has one, and findings in several units cannot be told apart without",
            f"add `unit: {example}`, or another unit of the outcome",
        )
    if unit is None or unit not in UNITS:
        return
    if question.kind == "rate":
        time = unit.removeprefix("events/")
        if not unit.startswith("events/") or time not in UNITS or UNITS[time].dimension != "person-time":
            yield Fault("LE122", ("unit",), f"a rate in `{unit}`", "write events/person-year, or another person-time")
    elif measure.dimension == "none":
        yield Fault("LE321", ("unit",), f"a {measure.title} has no unit, not {unit}", "delete `unit`")
    else:
        outcome = registry.vocabulary.outcomes.get(question.outcome)
        if outcome is not None and UNITS[unit].dimension not in outcome.dimension:
            yield Fault(
                "LE122",
                ("unit",),
                f"{question.outcome} in `{unit}`, a {UNITS[unit].dimension}",
                f"choose a unit of {' or '.join(outcome.dimension)}: {', '.join(outcome.units[:_MANY])}",
            )


def _words(question: Question, registry: RegistryRecords) -> Iterator[Fault]:
    """Yield what no record has among the words of the criteria: an error where it is all but one that records have."""
    if any(p.is_error for p in registry.problems):
        return  # it may be in a record that was not read
    arms = {arm.intervention for study in registry.studies for arm in study.arms}
    conditions = {study.cohort.condition for study in registry.studies}
    rules = question.eligibility
    for name, wanted, known in (
        ("interventions", rules.interventions, arms),
        ("comparators", rules.comparators, arms),
        ("conditions", rules.conditions, conditions),
    ):
        for i, word in enumerate(wanted):
            if word not in known:
                near = difflib.get_close_matches(word.casefold(), [k.casefold() for k in known], n=1, cutoff=_MISSPELT)
                loc = ("eligibility", name, i)
                yield _unknown(loc, name.removesuffix("s"), word, sorted(known), "LE304" if near else "LW307")


def answer_faults(question: Question, answer: EvidenceTable | QuestionError) -> Iterator[Fault]:
    """Yield what an attempt to answer a question shows: its table, or the error that there is instead."""
    if isinstance(answer, QuestionError):
        message, _, remedy = str(answer).removeprefix("LE311: ").partition(" · ")
        dependent = isinstance(answer, DependentRows)
        yield Fault("LE311" if dependent else "LE306", ("primary",) if dependent else ("prefer",), message, remedy)
    elif answer.k == 0:
        yield Fault("LW309", ("id",), "no study answers this question", f"`lamevidence table {question.id}` says why")
    elif question.pooled and question.compare != "joint" and len(set(answer.studies)) < answer.k:
        twice = next(s for s in answer.studies if answer.studies.count(s) > 1)
        yield Fault(
            "LE311",
            ("rows",),
            f"several rows of one study share patients and cannot be pooled: those of {twice}",
            "add `pooled: false` to show them side by side",
        )
