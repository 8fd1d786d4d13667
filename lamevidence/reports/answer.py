"""The whole answer to one question: rows, both engines, sensitivity sets, leaving studies out, disagreement, doubts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..bayes.alternatives import under
from ..bayes.api import pool_bayes
from ..bayes.posterior import Posterior, PosteriorBase
from ..effects.absolute_risks import control_groups
from ..effects.derive.derivation import evidence
from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..foundation.errors import DependentRows, LamEvidenceError, NotEstimable, OptionError
from ..pooling import pool
from ..questions.question import Question
from ..questions.variation import varied
from ..results.absolute_effects import AbsoluteEffects
from ..results.contract import Result
from ..synthesis.adverse_events import AdverseEventProfile, adverse_event_profile
from ..synthesis.joint_api import joint
from ..synthesis.joint_moves import DesignsCompared, compare_designs
from ..synthesis.joint_posterior import JointPosterior

if TYPE_CHECKING:
    from ..workspace import Registry

__all__ = ["BAYES_LEADS", "Answer", "Omission", "SetAnswer", "answer", "whole_answer"]

BAYES_LEADS = 4
"""Up to this many studies the Bayesian answer leads: a frequentist interval then rests on a τ² that is hardly known."""

DEFAULT_LEVEL = 0.95

R = TypeVar("R", bound=Result)
Lead = Literal["reported", "bayes", "frequentist", "joint", "none"]
NO_MEAN = "slopes on and off a treatment have no mean in common; the joint model of all designs leads"


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """A sensitivity set with both engines; a result that does not exist is None, with the reason.

    A set of a joint question has ``joint`` instead, and its reason is ``why_not_bayes``.
    """

    name: str
    because: str
    table: EvidenceTable
    fit: Result | None
    post: Posterior | None
    why_not_pooled: str = ""
    why_not_bayes: str = ""
    joint: JointPosterior | None = None


@dataclass(frozen=True, slots=True)
class Omission:
    """Both engines without one study, or the joint synthesis without it."""

    study: str
    label: str
    fit: Result | None
    post: PosteriorBase | None
    joint: JointPosterior | None = None

    def of(self, lead: Lead) -> Result | None:
        """Return the result that leads the answer, without this study."""
        return self.joint if lead == "joint" else self.post if lead == "bayes" else self.fit


@dataclass(frozen=True, slots=True)
class Answer:
    """One question with everything computed for it.

    Attributes
    ----------
    question, table
        What was asked and the rows that answer it.
    fit, post
        Frequentist and Bayesian result, None where there is none.
    beside
        The Bayesian result with every standard error taken as known, where ``post`` does not take it so.
    why_not_pooled, why_not_bayes
        The reason when there is none.
    sets
        The sensitivity sets of the question.
    omissions
        The results without each study in turn; empty for fewer than two studies.
    doubts
        Printed numbers that are used and in doubt, one sentence each, with the label of the study first.
    absolute
        The leading result at a stated baseline, where one was asked for.
    joint
        The joint synthesis of a question that says ``compare: joint``, None where its rows do not identify the effect.
    designs
        What each kind of design does to it; None where it was not asked for.
    profile
        The categories of events of one trial shrunk to each other, where the rows are that.
    """

    question: Question
    table: EvidenceTable
    fit: Result | None
    post: Posterior | None
    why_not_pooled: str = ""
    why_not_bayes: str = ""
    beside: PosteriorBase | None = None
    sets: tuple[SetAnswer, ...] = ()
    omissions: tuple[Omission, ...] = ()
    doubts: tuple[tuple[str, str], ...] = ()
    absolute: AbsoluteEffects | None = None
    joint: JointPosterior | None = None
    designs: DesignsCompared | None = None
    profile: AdverseEventProfile | None = None

    @property
    def lead(self) -> Lead:
        """Which result leads: that of one study as reported, the posterior up to four studies, else the frequentist.

        Where no patient of a proportion has the event (or all have), the posterior is its prior, and the exact interval
        leads. The joint synthesis leads a joint question.
        """
        if self.joint is not None:
            return "joint"
        if self.table.k == 1 and self.fit is not None:
            return "reported"
        if self.fit is not None and _all_or_none(self.table):
            return "frequentist"
        if self.post is not None and (self.table.k <= BAYES_LEADS or self.fit is None):
            return "bayes"
        return "frequentist" if self.fit is not None else "none"

    @property
    def level(self) -> float:
        """The level of every interval of the answer."""
        made = self.fit or self.post or self.joint
        return DEFAULT_LEVEL if made is None else made.level

    @property
    def leading(self) -> PosteriorBase | Result | None:
        """The result that leads, None when there is none."""
        if self.joint is not None:
            return self.joint
        return self.post if self.lead == "bayes" else self.fit


def _profile(question: Question, table: EvidenceTable) -> AdverseEventProfile | None:
    """Return the profile of the categories of events of one trial, where the rows are that."""
    of_one = question.rows == "category" and table.k > 1 and len(set(table.studies)) == 1
    return adverse_event_profile(table) if of_one and table.measure == "IRR" else None


def _all_or_none(table: EvidenceTable) -> bool:
    """Whether no patient of a table of proportions has the event, or every one."""
    if MEASURES[table.measure].family != "proportion" or not {"xi", "ni"} <= set(table.counts):
        return False
    events, patients = float(table.counts["xi"].sum()), float(table.counts["ni"].sum())
    return table.k > 0 and events in (0.0, patients)


def answer(
    registry: Registry, question_id: str, options: Mapping[str, Any] | None = None, *, bayes: bool = True
) -> Answer:
    """Return the primary answer to a registry question; a result that does not exist is a reason, not an error.

    Parameters
    ----------
    registry
        A loaded registry.
    question_id
        One of its questions.
    options
        Passed on to `pool`; an invalid value raises.
    bayes
        Also compute the exact posterior.

    Raises
    ------
    UnknownName
        No such question.
    LamEvidenceError
        An option does not apply.

    See Also
    --------
    whole_answer : with sensitivity sets, leave-one-out and doubts.
    """
    question = registry.question(question_id)
    table = registry.evidence(question_id)
    if not question.pooled:
        reason = "the rows share patients and are shown side by side, as the question says"
        if options:
            raise DependentRows(f"{question_id}: {reason} · options of a pooled model do not apply")
        return Answer(question, table, None, None, reason, reason, profile=_profile(question, table) if bayes else None)
    if question.compare == "joint":
        return _joint_answer(question, table, options, bayes=bayes)
    fit, why_not = _pooled(table, options)
    if not bayes:
        return Answer(question, table, fit, None, why_not, "not asked for")
    post, why_not_bayes = _posterior(table, DEFAULT_LEVEL if fit is None else fit.level)
    beside: PosteriorBase | None = None
    if post is not None and post.likelihood == "t":
        beside = under(post, "normal")
    return Answer(question, table, fit, post, why_not, why_not_bayes, beside)


def whole_answer(
    registry: Registry,
    question_id: str,
    options: Mapping[str, Any] | None = None,
    *,
    baseline: float | tuple[float, ...] | Literal["controls"] | None = None,
    time: str = "",
) -> Answer:
    """Return the answer to a registry question with all that it depends on.

    Parameters
    ----------
    registry
        A loaded registry.
    question_id
        One of its questions.
    options
        Passed on to `pool`, for the primary set and the sensitivity sets that do not name a model of their own.
    baseline, time
        Also say the leading result at this baseline, as ``fit.absolute``; ``controls`` pools the control groups.

    Raises
    ------
    UnknownName
        No such question.
    LamEvidenceError
        An option does not apply.
    """
    found = answer(registry, question_id, options)
    if baseline is not None:
        found = replace(found, absolute=absolute_answer(found, baseline, time))
    sets = tuple(_set(registry, found, i, options) for i in range(len(found.question.sensitivity)))
    if found.joint is not None:
        found = replace(found, designs=compare_designs(found.joint))
    return replace(found, sets=sets, omissions=_omissions(found), doubts=_doubts(registry, found.table))


def absolute_answer(
    found: Answer, baseline: float | tuple[float, ...] | Literal["controls"], time: str
) -> AbsoluteEffects:
    """Return the leading result at a baseline: a number, low and high, or the pooled control groups of its rows.

    Parameters
    ----------
    found
        An answer.
    baseline, time
        As in ``fit.absolute``, or ``controls``.

    Raises
    ------
    LamEvidenceError
        There is no result, or it has no absolute effect at this baseline.
    """
    leading = found.leading
    if leading is None:
        raise NotEstimable(found.why_not_pooled)
    if baseline != "controls":
        return leading.absolute(baseline, time=time, level=found.level)  # type: ignore[arg-type]
    # a question counts person-time in years
    controls = control_groups(found.table, unit="events/person-year" if leading.measure == "IRR" else None)
    pooled = pool_bayes(controls, level=found.level) if found.lead == "bayes" else pool(controls, level=found.level)
    return leading.absolute(pooled, time=time, level=found.level)


def _joint_answer(
    question: Question, table: EvidenceTable, options: Mapping[str, Any] | None, *, bayes: bool
) -> Answer:
    """Return the answer of a joint question; what belongs to a pooled mean does not apply to it."""
    if options:
        raise OptionError(
            f"{', '.join(options)}: {question.id} joins all designs in one Bayesian model, and nothing of it is pooled"
            " · leave these options out"
        )
    if not bayes:
        return Answer(question, table, None, None, NO_MEAN, "not asked for")
    post, why_not = _joint(table)
    return Answer(question, table, None, None, NO_MEAN if post is not None else why_not, why_not, joint=post)


def _joint(table: EvidenceTable) -> tuple[JointPosterior | None, str]:
    try:
        return joint(table), ""
    except LamEvidenceError as error:
        return None, str(error)


def _pooled(table: EvidenceTable, options: Mapping[str, Any] | None) -> tuple[Result | None, str]:
    try:
        return pool(table, **dict(options or {})), ""
    except LamEvidenceError as error:
        if options:
            raise
        return None, str(error)


def _posterior(table: EvidenceTable, level: float) -> tuple[Posterior | None, str]:
    try:
        found = pool_bayes(table, level=level)
        found.display()  # a quadrature that misses its bound says so here
    except LamEvidenceError as error:
        return None, str(error)
    return found, ""


def _set(registry: Registry, found: Answer, i: int, options: Mapping[str, Any] | None) -> SetAnswer:
    """Answer one sensitivity set; an option that its rows do not allow is its reason, not an error of the answer."""
    question = found.question
    variation = question.sensitivity[i]
    table = evidence(registry, varied(question, variation))
    if not question.pooled:
        reason = "the rows share patients"
        return SetAnswer(variation.name, variation.because, table, None, None, reason, reason)
    if question.compare == "joint":
        post_of_all, why_not = _joint(table)
        return SetAnswer(variation.name, variation.because, table, None, None, NO_MEAN, why_not, joint=post_of_all)
    fit: Result | None = None
    why_not = ""
    try:
        fit = pool(table, **({} if variation.model else dict(options or {})))
    except LamEvidenceError as error:
        why_not = str(error)
    post, why_not_bayes = _posterior(table, found.level)
    return SetAnswer(variation.name, variation.because, table, fit, post, why_not, why_not_bayes)


def _omissions(found: Answer) -> tuple[Omission, ...]:
    table = found.table
    if len(set(table.studies)) < 2 or found.leading is None:
        return ()
    out = []
    for study in dict.fromkeys(table.studies):
        label = table.labels[table.studies.index(study)]
        if found.joint is not None:
            label = label.rpartition(", ")[0]  # the study, of whose rows this is the first
        fit, post = _without(found.fit, study), _without(found.post, study)
        out.append(Omission(study, label, fit, post, _without(found.joint, study)))
    return tuple(out)


def _without(result: R | None, study: str) -> R | None:
    """Return the result without a study, None where it does not exist."""
    if result is None:
        return None
    try:
        other = result.without(study)
        other.display()
    except LamEvidenceError:
        return None
    return other


def _doubts(registry: Registry, table: EvidenceTable) -> tuple[tuple[str, str], ...]:
    """Return (label, sentence) for each printed number of a table that is in doubt.

    Parameters
    ----------
    registry
        Where the rows come from.
    table
        The rows that are used.
    """
    found: list[tuple[str, str]] = []
    warned = _warned(registry)
    for row in table:
        told = [step.text for step in row.lineage.steps if step.rule == "read as"]
        used = {finding for finding, *_ in row.lineage.cells}
        study = row.study.partition("/")[0]
        told += [f"{code}: {message}" for finding in sorted(used) for code, message in warned.get((study, finding), ())]
        found += [(row.label, text) for text in dict.fromkeys(told)]
    return tuple(found)


def _warned(registry: Registry) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return study and finding → code and message of what the audit says of it."""
    lines = {
        (study.path, finding.line): (study.id, finding.id) for study in registry.studies for finding in study.findings
    }
    by_file: dict[str, list[int]] = {}
    for path, line in lines:
        by_file.setdefault(path, []).append(line)
    warned: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for problem in registry.audit():
        starts = [line for line in by_file.get(problem.path, ()) if line <= problem.line]
        places = [(problem.path, max(starts))] if starts else []
        # a doubt between findings is said of each: the wrong number may be any of them
        places += [(path, int(line)) for path, _, line in (place.rpartition(":") for place in problem.related)]
        for place in dict.fromkeys(places):
            if place in lines:
                warned.setdefault(lines[place], []).append((problem.code, problem.message))
    return warned
