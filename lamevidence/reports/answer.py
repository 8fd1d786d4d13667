"""The whole answer to one question: its rows, its frequentist and its Bayesian result, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..effects.evidence_table import EvidenceTable
from ..errors import DependentRows, LamEvidenceError
from ..questions.question import Question

if TYPE_CHECKING:
    from ..bayes.posterior import Posterior
    from ..pooling.results import Pooled
    from ..registry.registry import Registry

__all__ = ["Answer", "answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One question with everything computed for it.

    Attributes
    ----------
    question, table
        What was asked and the rows that answer it.
    fit, post
        Frequentist and Bayesian result, None where there is none.
    why_not_pooled, why_not_bayes
        The reason when there is none.
    """

    question: Question
    table: EvidenceTable
    fit: Pooled | None
    post: Posterior | None
    why_not_pooled: str = ""
    why_not_bayes: str = ""


def answer(
    registry: Registry, question_id: str, options: Mapping[str, Any] | None = None, *, bayes: bool = True
) -> Answer:
    """Return the answer to a registry question; a result that does not exist is a reason, not an error.

    Parameters
    ----------
    registry
        A loaded registry.
    question_id
        One of its questions.
    options
        Passed on to `pool`; a nonsense value raises.
    bayes
        Also compute the exact posterior.
    """
    from ..bayes import pool_bayes
    from ..pooling import pool

    question = registry.question(question_id)
    table = registry.evidence(question_id)
    if not question.pooled:
        reason = "the rows share patients and are shown side by side, as the question says"
        if options:
            raise DependentRows(f"{question_id}: {reason} · options of a pooled model do not apply")
        return Answer(question, table, None, None, reason, reason)
    fit: Pooled | None = None
    why_not = ""
    try:
        fit = pool(table, **dict(options or {}))
    except LamEvidenceError as error:
        if options:
            raise
        why_not = str(error)
    if not bayes:
        return Answer(question, table, fit, None, why_not, "not asked for")
    post: Posterior | None = None
    why_not_bayes = ""
    try:
        found = pool_bayes(table)
        found.interval(), found.prediction()  # a quadrature that misses its bound says so here
        post = found
    except LamEvidenceError as error:
        why_not_bayes = str(error)
    return Answer(question, table, fit, post, why_not, why_not_bayes)
