"""Study records: what a paper prints, where it prints it, and nothing else.

These frozen values mirror the YAML files of ``studies/records`` field by field; `schema` reads the
YAML into them. A field that a source does not report is `NOT_REPORTED`, never a blank or a guess.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from ..foundation.lineage import Locator, Reported

__all__ = [
    "NOT_REPORTED",
    "Arm",
    "Between",
    "CheckedBy",
    "Cohort",
    "Continuous",
    "Contrast",
    "Curation",
    "Dichotomous",
    "Direction",
    "Dispersion",
    "Finding",
    "FollowUp",
    "Level",
    "NotReported",
    "PValue",
    "Paired",
    "Publication",
    "Rate",
    "Registration",
    "RiskOfBias",
    "Study",
    "Timeframe",
]


class NotReported(enum.Enum):
    """The source does not say."""

    NOT_REPORTED = "not_reported"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "not_reported"


NOT_REPORTED = NotReported.NOT_REPORTED

Phase: TypeAlias = Literal[
    "baseline",
    "pre_treatment",
    "on_treatment",
    "placebo",
    "observation",
    "whole_study",
    "natural_history",
    "comparator",
]
DispersionKind: TypeAlias = Literal["se", "sd", "ci", "iqr", "range", "none", "not_reported"]
Basis: TypeAlias = Literal["stated", "inferred"]
FollowUpKind: TypeAlias = Literal["planned", "mean", "median", "minimum", "maximum", "exact", "not_stated"]


@dataclass(frozen=True, slots=True)
class Publication:
    """One report of a study. ``id`` is what a locator's ``source`` names."""

    id: str
    citation: str
    year: int | NotReported
    doi: str | NotReported | None = None
    pmid: str | NotReported | None = None
    pmcid: str | None = None
    url: str | None = None
    role: Literal["primary", "companion", "registry_entry", "secondary"] = "primary"
    read: Literal["full_text", "abstract", "registry_entry", "secondary_table"] = "full_text"
    retracted: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """Trial registration."""

    registry: str
    id: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who was studied, and enough to recognise the same patients in another record."""

    condition: str
    population: str
    enrolled: int | NotReported
    centre: str | NotReported = NOT_REPORTED
    period: str | NotReported = NOT_REPORTED
    tsc: int | NotReported = NOT_REPORTED
    sporadic: int | NotReported = NOT_REPORTED


@dataclass(frozen=True, slots=True)
class Level:
    """Blood levels of an arm: what was aimed at, or what was measured."""

    kind: Literal["target", "measured", "not_stated"]
    at: Locator
    low: Reported | None = None
    high: Reported | None = None
    mean: Reported | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Arm:
    """A group of patients treated alike."""

    id: str
    intervention: str
    dose: str | NotReported = NOT_REPORTED
    trough: str | NotReported = NOT_REPORTED
    level: Level | None = None
    randomised: int | NotReported | None = None
    enrolled: int | NotReported = NOT_REPORTED
    note: str = ""


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The span a finding covers, on the clock of its study.

    The clock starts at baseline: randomisation, or the start of treatment. So an observation year after a year of
    treatment is months 12 to 24, and a value measured at 12 months is ``from: 12 month, to: 12 month``. Before
    treatment it runs back from there.
    """

    start: Reported
    end: Reported | NotReported
    note: str = ""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """What a printed ± or interval is. ``kind`` is mandatory; ``basis`` says who says so.

    ``value`` holds an SE or SD; ``low`` and ``high`` hold an interval, with ``level`` for a CI.
    ``because`` is the argument when the kind is inferred.
    """

    kind: DispersionKind
    value: Reported | None = None
    low: Reported | None = None
    high: Reported | None = None
    level: float | None = None
    scale: Literal["linear", "log"] = "linear"
    basis: Basis = "stated"
    because: str = ""


@dataclass(frozen=True, slots=True)
class PValue:
    """A printed p value: exact, or a bound. ``at`` is None when it stands where its finding does."""

    value: Decimal
    relation: Literal["=", "<", ">"] = "="
    test: str = ""
    at: Locator | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How long patients were followed, as printed; ``at`` is None when it stands where the finding does."""

    value: Reported
    kind: FollowUpKind = "not_stated"
    spread: Dispersion | None = None
    at: Locator | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Between:
    """A printed p value of a finding against that of another arm."""

    against: str
    p: PValue


@dataclass(frozen=True, slots=True)
class _FindingBase:
    """What every finding has: an identity, an outcome, a place in its study and a place in print."""

    id: str
    outcome: str
    at: Locator
    phase: Phase
    line: int
    population: str = ""
    timeframe: Timeframe | NotReported = NOT_REPORTED
    note: str = ""
    not_poolable: str = ""
    basis: Basis = "stated"
    because: str = ""
    acknowledge: tuple[str, ...] = ()
    follow_up: FollowUp | NotReported = NOT_REPORTED
    p_between: Between | None = None


@dataclass(frozen=True, slots=True)
class Continuous(_FindingBase):
    """A mean, a slope, a change or a median of one arm in one phase."""

    arm: str = ""
    statistic: Literal["mean", "median", "slope", "change", "value"] = "mean"
    value: Reported = field(default_factory=lambda: Reported(Decimal(0)))
    dispersion: Dispersion = field(default_factory=lambda: Dispersion("not_reported"))
    n: int | NotReported = NOT_REPORTED
    n_note: str = ""
    p: PValue | None = None


@dataclass(frozen=True, slots=True)
class Dichotomous(_FindingBase):
    """Patients affected among patients at risk. ``percent`` is a printed percentage, ``percent_at_most`` a bound."""

    arm: str = ""
    affected: int | None = None
    percent: Reported | None = None
    percent_at_most: Reported | None = None
    at_risk: int | NotReported = NOT_REPORTED
    interval: Dispersion | None = None
    category: str = ""


@dataclass(frozen=True, slots=True)
class Rate(_FindingBase):
    """Events (not patients) over person-time; ``person_time`` only when the source prints it.

    Without it, ``n`` patients followed for ``follow_up`` give a nominal person-time, which is a
    recorded step of the derivation. ``subject`` names the patient when events are listed one by one.
    """

    arm: str = ""
    events: int = 0
    person_time: Reported | NotReported = NOT_REPORTED
    n: int | NotReported = NOT_REPORTED
    category: str = ""
    serious: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Contrast(_FindingBase):
    """A printed comparison: ``arm`` minus (or over) ``comparator``; DM is a difference of medians."""

    arm: str = ""
    comparator: str = ""
    measure: Literal["MD", "DM", "RR", "OR", "HR", "IRR", "RD"] = "MD"
    value: Reported = field(default_factory=lambda: Reported(Decimal(0)))
    dispersion: Dispersion = field(default_factory=lambda: Dispersion("not_reported"))
    n: int | NotReported = NOT_REPORTED
    p: PValue | None = None


@dataclass(frozen=True, slots=True)
class Paired(_FindingBase):
    """Before and after in the same patients: two findings of this study, named by id."""

    arm: str = ""
    before: str = ""
    after: str = ""
    n: int | NotReported = NOT_REPORTED
    correlation: Decimal | NotReported = NOT_REPORTED
    change: Reported | None = None
    dispersion: Dispersion | None = None
    p: PValue | None = None


@dataclass(frozen=True, slots=True)
class Direction(_FindingBase):
    """A result printed in words only: improved, unchanged or worsened."""

    arm: str = ""
    direction: Literal["improved", "unchanged", "worsened", "increased", "decreased"] = "unchanged"
    n: int | NotReported = NOT_REPORTED
    p: PValue | None = None


Finding: TypeAlias = Continuous | Dichotomous | Rate | Contrast | Paired | Direction


@dataclass(frozen=True, slots=True)
class RiskOfBias:
    """Judgements by one tool; each domain has a judgement and the support for it."""

    tool: Literal["RoB2", "ROBINS-I", "JBI-case-series"]
    outcome: str
    domains: tuple[tuple[str, str, str], ...]
    overall: str
    assessor: str = ""


@dataclass(frozen=True, slots=True)
class CheckedBy:
    """Who read the sources again, and in how many cells of those compared the two readings agreed."""

    by: str
    date: str = ""
    cells: int | None = None
    agreed: int | None = None


@dataclass(frozen=True, slots=True)
class Curation:
    """Who put the record together, from what, and when."""

    extracted_by: str
    date: str
    checked_by: CheckedBy | NotReported = NOT_REPORTED
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One trial or cohort; it may have several publications."""

    id: str
    label: str
    title: str
    design: str
    publications: tuple[Publication, ...]
    cohort: Cohort
    arms: tuple[Arm, ...]
    findings: tuple[Finding, ...]
    curation: Curation
    registration: Registration | NotReported = NOT_REPORTED
    risk_of_bias: tuple[RiskOfBias, ...] = ()
    discrepancies: tuple[str, ...] = ()
    path: str = ""
    year: int | NotReported = NOT_REPORTED
    sha256: str = ""
    acknowledge: tuple[str, ...] = ()

    def finding(self, finding_id: str) -> Finding:
        """Return the finding with this id."""
        for finding in self.findings:
            if finding.id == finding_id:
                return finding
        raise KeyError(finding_id)

    def arm(self, arm_id: str) -> Arm:
        """Return the arm with this id."""
        for arm in self.arms:
            if arm.id == arm_id:
                return arm
        raise KeyError(arm_id)
