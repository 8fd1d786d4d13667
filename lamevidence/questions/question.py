"""A question: what is asked, which printed findings may answer it, and how the answer is pooled.

A question is written before its answer is looked at; its hash travels with every result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

from ..errors import OptionError
from ..options import a_choice, a_flag, a_number, a_text, a_unit, an_instance, shown

__all__ = ["Correlation", "Eligibility", "ExcludedStudy", "Question"]

Kind: TypeAlias = Literal["continuous", "dichotomous", "rate", "contrast", "paired"]
Compare: TypeAlias = Literal["single_arm", "between_arms", "within_patients"]


@dataclass(frozen=True, slots=True)
class ExcludedStudy:
    """A study that the question leaves out by name, with the reason."""

    study: str
    reason: str


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

    def __post_init__(self) -> None:
        for member in fields(self):
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
        Outcome key of the vocabulary, the kind of finding and the comparison it makes.
    measure, unit
        Effect measure code and unit of the analysis (None for pure numbers).
    eligibility
        Which findings may enter.
    prefer
        Study id → finding id, where one study prints several eligible findings.
    primary
        Overlap group id → study id that represents it here.
    rows
        ``study`` for one row a study; ``category`` or ``subject`` for a table within one study.
    pooled
        False when the rows share patients and are shown side by side only.
    correlation
        For ``within_patients``.
    model, bayes
        What is pre-specified; an absent key is chosen by the k-aware policy, which says why.
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
    prefer: Mapping[str, str] = field(default_factory=dict)
    primary: Mapping[str, str] = field(default_factory=dict)
    rows: Literal["study", "category", "subject"] = "study"
    pooled: bool = True
    correlation: Correlation | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    bayes: Mapping[str, Any] = field(default_factory=dict)
    higher_is: str = ""
    notes: tuple[str, ...] = ()
    registered: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "title", "estimand", "outcome", "measure", "higher_is", "registered", "path"):
            a_text(name, getattr(self, name))
        a_choice("kind", self.kind, get_args(Kind))
        a_choice("compare", self.compare, get_args(Compare))
        a_choice("rows", self.rows, ("study", "category", "subject"))
        a_flag("pooled", self.pooled)
        a_unit(self.unit)
        an_instance("eligibility", self.eligibility, Eligibility, "write Eligibility(designs=…, phases=…)")
        if self.correlation is not None:
            an_instance("correlation", self.correlation, Correlation, "write Correlation(used, low, high, because)")
        for name in ("prefer", "primary", "model", "bayes"):
            an_instance(name, getattr(self, name), Mapping, "give a mapping")
        an_instance("notes", self.notes, tuple, "give a tuple of sentences")

    @property
    def hash(self) -> str:
        """Return the sha256 of everything that is pre-specified, 12 hex digits."""
        content = {k: v for k, v in asdict(self).items() if k != "path"}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]
