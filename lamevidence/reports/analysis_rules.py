"""What a question pre-specifies of models and priors, tried before anyone asks for the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..bayes.counts.likelihoods import choose_likelihood
from ..bayes.priors.prior_parsing import mu_prior, tau_prior
from ..effects.derive.question_rules import Fault
from ..effects.evidence_table import EvidenceTable
from ..foundation.catalog import Catalog
from ..foundation.errors import LamEvidenceError, NotEstimable, UnknownName
from ..questions.question import JOINT, Question
from ..synthesis.joint_api import check_joint_rows, joint_choices

__all__ = ["analysis_faults"]


def analysis_faults(question: Question, table: EvidenceTable) -> list[Fault]:
    """Return what is wrong with the model, the priors and the judgements of a question.

    Parameters
    ----------
    question
        With ``model``, ``bayes`` or ``grade``.
    table
        Its evidence.
    """
    if question.compare == "joint":
        return _refused_joint(question, table)
    found = []
    if question.model:
        found += [*_unknown_names(question)] or [*_refused_model(table)]
    return [*found, *_refused_priors(question, table), *_refused_judgements(question, table)]


def _refused_joint(question: Question, table: EvidenceTable) -> list[Fault]:
    """Return why the rows and priors of a joint question make no model; nothing is computed for it."""
    found = []
    for name in JOINT:
        try:
            joint_choices(table, name)
        except LamEvidenceError as error:
            stated = name in question.bayes
            fault = _fault(("bayes", name) if stated else ("compare",), error)
            found.append(fault)
    if not found and table.k:
        try:
            check_joint_rows(table)
        except LamEvidenceError as error:
            found.append(_fault(("compare",), error, "LE322"))
    return found


def _fault(loc: tuple[str, ...], error: LamEvidenceError, code: str = "LE322") -> Fault:
    message, _, remedy = str(error).partition(" · ")
    return Fault(code, loc, message, remedy or "choose another, or leave it out")


def _unknown_names(question: Question) -> Iterator[Fault]:
    from ..pooling import INTERVALS, MODELS, PREDICTIONS, TAU2  # loaded for questions that name a model

    catalogues: dict[str, tuple[Catalog[Any], tuple[str, ...]]] = {
        "kind": (MODELS, ()),
        "tau2": (TAU2, ("none",)),
        "interval": (INTERVALS, ()),
        "prediction": (PREDICTIONS, ("none",)),
    }
    for name, (catalog, words) in catalogues.items():
        given = question.model.get(name)
        if given is not None and given not in words and given not in catalog:
            yield _fault(("model", name), UnknownName(catalog.kind, given, [*catalog, *words]))


def _refused_model(table: EvidenceTable) -> Iterator[Fault]:
    """Yield the refusal of `pool`; what the data do not allow yet is a warning."""
    if not table.k:
        return
    from ..pooling import pool

    try:
        pool(table)
    except NotEstimable as error:
        yield _fault(("model",), error, "LW309")
    except LamEvidenceError as error:
        yield _fault(("model",), error)


def _refused_priors(question: Question, table: EvidenceTable) -> Iterator[Fault]:
    improper = []
    for name, read in (("mu", mu_prior), ("tau", tau_prior)):
        if name in question.bayes:
            try:
                prior = read(question.bayes[name], table.unit)
            except LamEvidenceError as error:
                yield _fault(("bayes", name), error)
            else:
                improper += [] if prior.proper else [name]
    if improper and table.k:
        # whether such a prior leads to a posterior depends on the rows: the answer itself is tried
        from ..bayes.api import pool_bayes

        try:
            pool_bayes(table)
        except NotEstimable as error:
            yield _fault(("bayes", improper[0]), error, "LW309")
        except LamEvidenceError as error:
            yield _fault(("bayes", improper[-1]), error)
    if question.bayes.get("print_uncertainty") and table.k:
        from ..bayes.api import pool_bayes

        try:
            pool_bayes(table)
        except LamEvidenceError as error:
            yield _fault(("bayes", "print_uncertainty"), error)
    if "likelihood" in question.bayes and table.k:
        try:
            choose_likelihood(table, question.bayes["likelihood"])
        except LamEvidenceError as error:
            yield _fault(("bayes", "likelihood"), error)


def _refused_judgements(question: Question, table: EvidenceTable) -> Iterator[Fault]:
    """Yield what `grade` would refuse; where nothing can be pooled yet, nothing can be judged either."""
    judged = question.grade
    if (
        judged is None
        or not table.k
        or (judged.baseline is None and judged.information is None and not judged.thresholds)
    ):
        return
    from ..pooling import pool
    from .certainty import grade

    try:
        fit = pool(table)
    except LamEvidenceError:
        return
    try:
        grade(fit, judged)
    except LamEvidenceError as error:
        yield _fault(("grade",), error, "LE116")
