"""A sensitivity set: the question with one choice made otherwise, named and argued before its answer is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..foundation.errors import OptionError
from ..foundation.options import a_choice, a_number, a_text, an_instance, shown
from .question import Eligibility, ExcludedStudy, FollowUpRange, Question, Spread

__all__ = ["Variation", "varied"]

_LISTS = tuple(f.name for f in fields(Eligibility) if f.name not in ("exclude", "follow_up"))


@dataclass(frozen=True, slots=True)
class Variation:
    """What a sensitivity set changes of its question; whatever is not named stays.

    Attributes
    ----------
    name, because
        What tables and figures print, and why somebody would choose so.
    eligibility
        Criterion → the list that replaces the question's; ``()`` admits any.
    leave_out, take_in
        Studies left out besides, and studies that the question excludes by name and that this set keeps.
    primary, prefer
        Overlap group → study that represents it; study → finding to take: instead of the question's.
    read_as
        Study or finding (``study/finding``) → ``se`` or ``sd``: what its printed ± is read as.
    follow_up
        How long the patients have to have been followed, instead of what the question says.
    correlation
        Within-patient correlation used where none can be recovered.
    model, bayes
        Keys that replace those of the question; ``bayes: {likelihood: normal}`` is one.

    See Also
    --------
    varied : the question that a set asks.
    """

    name: str
    because: str
    eligibility: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    take_in: tuple[str, ...] = ()
    primary: Mapping[str, str] = field(default_factory=dict)
    prefer: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    read_as: Mapping[str, Spread] = field(default_factory=dict)
    follow_up: FollowUpRange | None = None
    correlation: float | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    bayes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        a_text("name", self.name)
        a_text("because", self.because)
        for name in ("eligibility", "primary", "prefer", "read_as", "model", "bayes"):
            an_instance(name, getattr(self, name), Mapping, "give a mapping")
        for name in self.eligibility:
            a_choice("eligibility", name, _LISTS)
        for name in ("leave_out", "take_in"):
            if not isinstance(getattr(self, name), tuple):
                raise OptionError(f"{name}={shown(getattr(self, name))} · give a tuple of study ids")
        if self.follow_up is not None:
            an_instance("follow_up", self.follow_up, FollowUpRange, "write FollowUpRange(least=…, most=…)")
        if self.correlation is not None:
            a_number("correlation", self.correlation, least=-1, most=1)

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of the fields that change something."""
        named = (f.name for f in fields(self) if f.name not in ("name", "because"))
        return tuple(name for name in named if getattr(self, name) not in ((), {}, None))


def varied(question: Question, variation: Variation) -> Question:
    """Return the question that a sensitivity set asks.

    Parameters
    ----------
    question
        The question as it is pre-specified.
    variation
        One of its sensitivity sets, or one of your own.

    Returns
    -------
    Question
        With the id of the original, and no sets of its own.

    Raises
    ------
    OptionError
        A correlation is varied in a question that uses none.

    Examples
    --------
    >>> import lamevidence as lam
    >>> from lamevidence.questions import Variation, varied
    >>> registry = lam.load_registry()
    >>> question = registry.question("fev1-slope-on-sirolimus")
    >>> one_less = varied(question, Variation("without Neurohr", "an early gain", leave_out=("neurohr-2011",)))
    >>> registry.evidence(one_less).k
    3
    """
    an_instance("question", question, Question, "take it from registry.question(id)")
    an_instance("variation", variation, Variation, "write Variation(name, because, …)")
    rules = question.eligibility
    kept = tuple(rule for rule in rules.exclude if rule.study not in variation.take_in)
    besides = tuple(ExcludedStudy(study, f"left out in this set: {variation.because}") for study in variation.leave_out)
    lists = {name: tuple(words) for name, words in variation.eligibility.items()}
    # what the question prefers of a study that is left out has nothing to say
    preferred = {study: names for study, names in question.prefer.items() if study not in variation.leave_out}
    r = question.correlation
    if variation.correlation is not None:
        if r is None:
            raise OptionError(f"{question.id} uses no correlation · leave `correlation` out of {variation.name!r}")
        used = variation.correlation
        r = replace(r, used=used, low=min(r.low, used), high=max(r.high, used))
    return replace(
        question,
        eligibility=replace(
            rules, **lists, exclude=(*kept, *besides), follow_up=variation.follow_up or rules.follow_up
        ),
        primary={**question.primary, **variation.primary},
        prefer={**preferred, **variation.prefer},
        read_as={**question.read_as, **variation.read_as},
        correlation=r,
        model=_argued(question.model, variation.model, variation.because),
        bayes=_argued(question.bayes, variation.bayes, variation.because),
        sensitivity=(),
    )


def _argued(own: Mapping[str, Any], changed: Mapping[str, Any], because: str) -> dict[str, Any]:
    """Return the keys of a question with those of a set in their place, and the argument of the set."""
    return {**own, **changed, "because": because} if changed else dict(own)
