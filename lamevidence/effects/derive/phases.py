"""One study → its rows in a joint question: slopes without the treatment, before it and on it, or their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...foundation.errors import DerivationError
from ...questions.question import ROLE_OF_PHASE, Question
from ...registry.records import Contrast
from ..evidence_table import Excluded
from ..measures import FloatArray
from .between import printed_difference
from .derived import Derived
from .preference import preferred
from .selection import Candidate
from .single import single_arm

__all__ = ["design_columns", "rows_of_phases"]

UNTREATED, BEFORE, ON, DIFFERENCE = "untreated", "before", "on treatment", "difference"
_ORDER = (UNTREATED, BEFORE, ON, DIFFERENCE)


def rows_of_phases(
    question: Question, candidates: Sequence[Candidate]
) -> tuple[list[tuple[str, Derived]], list[Excluded]]:
    """Return label and estimate of each row of a study, and what of it leads to none.

    Slopes on and off the treatment are preferred to their printed difference, which holds the same patients again; it
    is taken where one of them is missing, or where the question prefers it by name.

    Parameters
    ----------
    question
        A joint question.
    candidates
        The findings of one study that passed its gates.

    Raises
    ------
    AmbiguousFinding
        Several findings of one phase answer, and the question prefers none.
    """
    study = candidates[0].study
    by_role: dict[str, list[Candidate]] = {}
    for one in candidates:
        role = DIFFERENCE if isinstance(one.finding, Contrast) else ROLE_OF_PHASE.get(one.finding.phase, "")
        by_role.setdefault(role, []).append(one)
    excluded: list[Excluded] = []
    made: dict[str, Derived] = {}

    def leave_out(one: Candidate, role: str, reason: str) -> None:
        excluded.append(Excluded(study.id, reason, "not_derivable", one.finding.id, f"{study.label}, {role}"))

    for one in by_role.pop("", []):
        phase = one.finding.phase.replace("_", " ")
        leave_out(one, phase, f"phase {phase} is neither on the treatment, nor before it, nor without it")
    for role in _ORDER:
        if role not in by_role:
            continue
        chosen = preferred(question, by_role[role])
        try:
            found = _derived(question, chosen)
        except DerivationError as error:
            leave_out(chosen, role, str(error))
            continue
        made[role] = replace(found, counts={}, design=_design(role))
    for role, reason in _superfluous(question, made, by_role):
        leave_out(by_role[role][0], role, reason)
        del made[role]
    return [(f"{study.label}, {role}", made[role]) for role in _ORDER if role in made], excluded


def _design(role: str) -> dict[str, float]:
    truths = {"treated": role in (ON, DIFFERENCE), "selected": role == BEFORE, "contrast": role == DIFFERENCE}
    return {name: float(truth) for name, truth in truths.items()}


def _derived(question: Question, chosen: Candidate) -> Derived:
    if isinstance(chosen.finding, Contrast):
        return printed_difference(chosen.study, chosen.finding, question.unit)
    return single_arm(question, chosen)


def _superfluous(
    question: Question, made: dict[str, Derived], by_role: dict[str, list[Candidate]]
) -> list[tuple[str, str]]:
    """Return the rows that cannot stand beside the others of their study, and why."""
    slopes = [role for role in (UNTREATED, BEFORE, ON) if role in made]
    if DIFFERENCE in made and slopes:
        study = by_role[DIFFERENCE][0].study.id
        named = any(c.finding.id in question.preferred(study) for c in by_role[DIFFERENCE])
        if ON in made and len(slopes) > 1 and not named:
            return [(DIFFERENCE, "the slopes on and off the treatment, of which it is the difference, are used")]
        return [(role, "the printed difference of the study holds the same patients and is used") for role in slopes]
    if BEFORE in made and ON not in made:
        return [(BEFORE, "a slope before treatment says nothing without the slope on it, which is not usable here")]
    return []


def design_columns(rows: Sequence[Derived]) -> dict[str, FloatArray]:
    """Return the columns that say what each row of a joint question is, 0 or 1 each."""
    return {name: np.array([row.design[name] for row in rows]) for name in ("treated", "selected", "contrast")}
