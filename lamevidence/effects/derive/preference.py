"""Which of the findings of a study that answer equally well is taken."""

from __future__ import annotations

from collections.abc import Sequence

from ...foundation.errors import AmbiguousFinding
from ...foundation.units import unit as unit_of
from ...questions.question import Question
from .selection import Candidate

__all__ = ["preferred"]


def preferred(question: Question, candidates: Sequence[Candidate]) -> Candidate:
    """Return the finding in the dimension of the question, the one that the question names where there are several.

    Raises
    ------
    AmbiguousFinding
        Several answer, and the question names none of them, or more than one.
    """
    candidates = _of_the_same_dimension(question, candidates)
    if len(candidates) == 1:
        return candidates[0]
    study = candidates[0].study
    wanted = [c for c in candidates if c.finding.id in question.preferred(study.id)]
    if len(wanted) == 1:
        return wanted[0]
    names = ", ".join(c.finding.id for c in candidates)
    raise AmbiguousFinding(
        f"{study.id} prints several findings that answer {question.id}: {names}"
        f" · name one under `prefer: {{{study.id}: …}}`"
    )


def _of_the_same_dimension(question: Question, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Where a study prints a result in mL and in % predicted, keep the one the question asks for."""
    if question.unit is None:
        return candidates
    wanted = unit_of(question.unit).dimension
    fitting = [
        c
        for c in candidates
        if (symbol := getattr(getattr(c.finding, "value", None), "unit", None)) and unit_of(symbol).dimension == wanted
    ]
    return fitting or candidates
