"""A question: what is asked, which printed findings may answer it, and how the answer is pooled.

A question is written before its answer is looked at; its hash travels with every result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ..foundation.errors import OptionError
from ..foundation.lineage import Reported
from ..foundation.options import a_choice, a_flag, a_number, a_text, an_instance, shown
from ..foundation.units import UNITS, a_unit, factor
from .grade import Judgements

if TYPE_CHECKING:
    from .variation import Variation

__all__ = ["Correlation", "Eligibility", "ExcludedStudy", "FollowUpRange", "Question", "Spread"]

Kind: TypeAlias = Literal["continuous", "dichotomous", "rate", "contrast", "paired"]
Compare: TypeAlias = Literal["single_arm", "between_arms", "within_patients", "joint"]
Spread: TypeAlias = Literal["se", "sd"]
ONE_MEAN = ("mu", "tau", "likelihood", "print_uncertainty")
"""Keys of ``bayes`` in a question of one mean."""
JOINT = ("baseline", "effect", "bias", "tau_baseline", "tau_effect", "tau_bias")
"""Keys of ``bayes`` in a joint question."""
ROLE_OF_PHASE = {
    "on_treatment": "on treatment",
    "pre_treatment": "before",
    "placebo": "untreated",
    "natural_history": "untreated",
    "comparator": "untreated",
    "observation": "untreated",
}
"""Phase of a finding → what it is in a joint question."""
_LATER = ("read_as", "sensitivity", "reads")
"""Left out of the hash while empty, so that questions without them keep theirs."""


def places_its_number(reads: str) -> bool:
    """Whether a sentence has ``{estimate}`` once, and no other brace."""
    return reads.count("{estimate}") == 1 and not set("{}") & set(reads.replace("{estimate}", ""))


@dataclass(frozen=True, slots=True)
class ExcludedStudy:
    """A study that the question leaves out by name, with the reason."""

    study: str
    reason: str


@dataclass(frozen=True, slots=True)
class FollowUpRange:
    """How long the patients of a finding have to have been followed, by the number printed; None is no limit."""

    least: Reported | None = None
    most: Reported | None = None

    def __post_init__(self) -> None:
        ends = [end for end in (self.least, self.most) if end is not None]
        for end in ends:
            an_instance("follow_up", end, Reported, "write Reported(Decimal(12), 'month')")
            if end.unit not in UNITS or UNITS[end.unit].dimension != "time":
                raise OptionError(f"follow_up in {end.unit} · give a time, such as 12 month")
            if _time(end, "day") < 0:
                raise OptionError(f"follow_up of {_words(end)} · give a time of 0 or more")
        if not ends:
            raise OptionError("follow_up without `least` and `most` · give one of them")
        if len(ends) == 2 and _time(ends[0], "day") > _time(ends[1], "day"):
            raise OptionError(f"follow_up of at least {_words(ends[0])} and at most {_words(ends[1])} · swap them")

    def holds(self, time: Reported) -> bool:
        """Whether a printed follow-up lies within, ends included."""
        days = _time(time, "day")
        low = self.least is None or _time(self.least, "day") <= days
        return low and (self.most is None or days <= _time(self.most, "day"))

    def __str__(self) -> str:
        parts = (("at least", self.least), ("at most", self.most))
        return " and ".join(f"{word} {_words(end)}" for word, end in parts if end is not None)


def _time(time: Reported, unit: str) -> Fraction:
    return Fraction(time.value) * factor(str(time.unit), unit)


def _words(time: Reported) -> str:
    return f"{time.value} {time.unit}"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Which findings may enter.

    Empty tuples mean "any". ``require_interval`` etc. are not needed: a finding that has no path to
    a variance is excluded by the derivation, with the reason.
    """

    designs: tuple[str, ...] = ()
    interventions: tuple[str, ...] = ()
    comparators: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    exclude: tuple[ExcludedStudy, ...] = ()
    follow_up: FollowUpRange | None = None

    def __post_init__(self) -> None:
        if self.follow_up is not None:
            an_instance("follow_up", self.follow_up, FollowUpRange, "write FollowUpRange(least=…, most=…)")
        for member in fields(self):
            if member.name == "follow_up":
                continue
            kind = ExcludedStudy if member.name == "exclude" else str
            given = getattr(self, member.name)
            if not isinstance(given, tuple | list) or not all(isinstance(x, kind) for x in given):
                raise OptionError(f"{member.name}={shown(given)} · give a tuple of {kind.__name__}, () for any")


@dataclass(frozen=True, slots=True)
class Correlation:
    """Within-patient correlation to use where a source allows none to be recovered, and its range."""

    used: float
    low: float
    high: float
    because: str

    def __post_init__(self) -> None:
        low = a_number("low", self.low, least=-1, most=1)
        used = a_number("used", self.used, least=low, most=1)
        a_number("high", self.high, least=used, most=1)
        a_text("because", self.because)


@dataclass(frozen=True, slots=True)
class Question:
    """A pre-specified analysis.

    Attributes
    ----------
    id, title
        Identity and what plots print.
    estimand
        One sentence: what the pooled number is, and what it is not.
    outcome, kind, compare
        Outcome key of the vocabulary, the kind of finding and the comparison it makes: ``joint`` takes slopes on the
        treatment, before it and without it, and printed differences, for one model of all designs.
    measure, unit
        Effect measure code and unit of the analysis (None for pure numbers).
    eligibility
        Which findings may enter.
    prefer
        Study id → id of the finding to take, or several (one an arm or row), where a study prints several.
    primary
        Overlap group id → study id that represents it here.
    rows
        ``study`` for one row a study; ``category`` or ``subject`` for a table within one study.
    pooled
        False when the rows share patients and are shown side by side only.
    correlation
        For ``within_patients``; in ``joint``, of the slopes before and on treatment of one series.
    model, bayes
        What is pre-specified; an absent key is chosen by the k-aware policy, which says why. In ``joint``, ``bayes``
        holds the priors of `lamevidence.synthesis.joint`.
    read_as
        Study or finding (``study/finding``) → ``se`` or ``sd``: what its ± is read as, whatever the record says.
    sensitivity
        Named sets in which one choice is made otherwise (`Variation`).
    reads
        The sentence of the answer up to its number, with ``{estimate}`` where it stands: "On sirolimus, FEV1 changes by
        {estimate} on average".
    grade
        Judgements of the certainty of the evidence, None where none were made; no part of the hash.
    notes
        Sentences that belong under every figure.
    """

    id: str
    title: str
    estimand: str
    outcome: str
    kind: Kind
    compare: Compare
    measure: str
    unit: str | None = None
    eligibility: Eligibility = field(default_factory=Eligibility)
    prefer: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    primary: Mapping[str, str] = field(default_factory=dict)
    rows: Literal["study", "category", "subject"] = "study"
    pooled: bool = True
    correlation: Correlation | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    bayes: Mapping[str, Any] = field(default_factory=dict)
    read_as: Mapping[str, Spread] = field(default_factory=dict)
    sensitivity: tuple[Variation, ...] = ()
    reads: str = ""
    higher_is: str = ""
    grade: Judgements | None = None
    notes: tuple[str, ...] = ()
    registered: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "title", "estimand", "outcome", "measure", "reads", "higher_is", "registered", "path"):
            a_text(name, getattr(self, name))
        a_choice("kind", self.kind, get_args(Kind))
        a_choice("compare", self.compare, get_args(Compare))
        a_choice("rows", self.rows, ("study", "category", "subject"))
        a_flag("pooled", self.pooled)
        a_unit(self.unit)
        an_instance("eligibility", self.eligibility, Eligibility, "write Eligibility(designs=…, phases=…)")
        if self.correlation is not None:
            an_instance("correlation", self.correlation, Correlation, "write Correlation(used, low, high, because)")
        for name in ("prefer", "primary", "read_as", "model", "bayes"):
            an_instance(name, getattr(self, name), Mapping, "give a mapping")
        if self.reads and (
            self.reads.count("{estimate}") != 1 or set("{}") & set(self.reads.replace("{estimate}", ""))
        ):
            raise OptionError(f"reads={shown(self.reads)} · write {{estimate}} once, where the number stands")
        for finding, spread in self.read_as.items():
            a_text("a name under read_as", finding)
            a_choice(f"read_as of {finding}", spread, get_args(Spread))
        if self.grade is not None:
            an_instance("grade", self.grade, Judgements, "write Judgements(start=…, domains=…)")
        an_instance("sensitivity", self.sensitivity, tuple, "give a tuple of Variation")
        an_instance("notes", self.notes, tuple, "give a tuple of sentences")

    def preferred(self, study: str) -> tuple[str, ...]:
        """Return the findings of a study that the question names in ``prefer``."""
        named = self.prefer.get(study, ())
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def hash(self) -> str:
        """Return the sha256 of everything that is pre-specified, 12 hex digits."""
        content = {k: v for k, v in asdict(self).items() if k not in ("path", "grade") and (v or k not in _LATER)}
        content["eligibility"] = {k: v for k, v in content["eligibility"].items() if v is not None}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]
