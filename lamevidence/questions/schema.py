"""A question file as its YAML writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ..registry.scalars import Count, Day, Flag, Number, Quantity, Slug, Text, blank, trouble
from ..registry.schema_findings import Strict

__all__ = ["QuestionModel"]

Phase = Literal[
    "baseline",
    "pre_treatment",
    "on_treatment",
    "placebo",
    "observation",
    "whole_study",
    "natural_history",
    "comparator",
]


def _names(value: Any) -> Any:  # noqa: ANN401
    if value is None:
        raise blank()
    if type(value) is str:
        return (value,)
    if isinstance(value, list) and value and all(type(v) is str for v in value):
        return tuple(value)
    raise trouble("LE107", "an id of a finding, or a list of such ids, is expected here", "write `study: finding`")


def _one_or_more(value: Any) -> Any:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


class ExcludeModel(Strict):
    """A study left out by name."""

    study: Slug
    reason: Text


class FollowUpModel(Strict):
    """How long the patients of a finding have to have been followed."""

    least: Quantity | None = None
    most: Quantity | None = None


class EligibilityModel(Strict):
    """Which findings may enter; a list that is absent means any."""

    designs: list[Slug] = Field(default_factory=list)
    interventions: list[Text] = Field(default_factory=list)
    comparators: list[Text] = Field(default_factory=list)
    conditions: list[Text] = Field(default_factory=list)
    phases: list[Phase] = Field(default_factory=list)
    statistics: list[Literal["mean", "median", "slope", "change", "value"]] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list)
    exclude: list[ExcludeModel] = Field(default_factory=list)
    follow_up: FollowUpModel | None = None


class CorrelationModel(Strict):
    """Within-patient correlation where none can be recovered: a value, its range, the argument."""

    used: Number
    low: Number
    high: Number
    because: Text


class ModelModel(Strict):
    """A pre-specified frequentist model; an absent key is chosen by the k-aware policy."""

    kind: Text | None = None
    tau2: Text | None = None
    interval: Text | None = None
    prediction: Text | None = None
    level: Number | None = None
    because: Text | None = None


class VariedBayesModel(Strict):
    """What a set changes of priors and likelihood; the set says why."""

    mu: dict[str, Any] | None = None
    tau: dict[str, Any] | None = None
    likelihood: Text | None = None
    print_uncertainty: bool | None = None
    baseline: dict[str, Any] | None = None
    effect: dict[str, Any] | None = None
    bias: dict[str, Any] | Literal["none"] | None = None
    tau_baseline: dict[str, Any] | None = None
    tau_effect: dict[str, Any] | None = None
    tau_bias: dict[str, Any] | None = None


class BayesModel(VariedBayesModel):
    """Pre-specified priors in the unit of the question: ``{normal: [0, 10]}``, ``{half_normal: 2}``.

    A question of one mean has ``mu``, ``tau``, ``likelihood`` and ``print_uncertainty``; one that says
    ``compare: joint`` has the others, and ``bias: none`` where slopes before treatment count as untreated ones.
    """

    because: Text


class VariedEligibilityModel(Strict):
    """Lists that replace those of the question; an empty one admits any, an absent one stays."""

    designs: list[Slug] | None = None
    interventions: list[Text] | None = None
    comparators: list[Text] | None = None
    conditions: list[Text] | None = None
    phases: list[Phase] | None = None
    statistics: list[Literal["mean", "median", "slope", "change", "value"]] | None = None
    categories: list[str] | None = None
    follow_up: FollowUpModel | None = None


class VariationModel(Strict):
    """A sensitivity set: what is chosen otherwise, and why."""

    name: Text
    because: Text
    eligibility: VariedEligibilityModel | None = None
    leave_out: list[Slug] = Field(default_factory=list)
    take_in: list[Slug] = Field(default_factory=list)
    primary: dict[str, Slug] = Field(default_factory=dict)
    prefer: dict[str, Annotated[tuple[str, ...], BeforeValidator(_names)]] = Field(default_factory=dict)
    read_as: dict[str, Literal["se", "sd"]] = Field(default_factory=dict)
    correlation: Number | None = None
    model: ModelModel | None = None
    bayes: VariedBayesModel | None = None


class JudgedModel(Strict):
    """A judgement of GRADE with its reason."""

    judgement: Text
    because: Text


class UpgradeModel(Strict):
    """Levels up, with the reason."""

    levels: Count
    because: Text


class InformationModel(Strict):
    """What the optimal information size is planned on."""

    because: Text
    risk: Number | None = None
    relative_reduction: Number | None = None
    difference: Number | None = None
    sd: Number | None = None


class BaselineModel(Strict):
    """The baseline of the absolute effect: one number, or low and high."""

    at: Annotated[list[Number], BeforeValidator(_one_or_more)]
    because: Text
    time: Text | None = None


class GradeDomainsModel(Strict):
    """The five reasons to rate down."""

    risk_of_bias: JudgedModel | None = None
    inconsistency: JudgedModel | None = None
    indirectness: JudgedModel | None = None
    imprecision: JudgedModel | None = None
    publication_bias: JudgedModel | None = None


class GradeUpgradesModel(Strict):
    """The three reasons to rate up."""

    large_effect: UpgradeModel | None = None
    dose_response: UpgradeModel | None = None
    opposing_confounding: UpgradeModel | None = None


class GradeModel(Strict):
    """Judgements of the certainty of evidence; made after the answer, so no part of what is pre-specified."""

    start: JudgedModel | None = None
    domains: GradeDomainsModel | None = None
    upgrades: GradeUpgradesModel | None = None
    certainty: JudgedModel | None = None
    thresholds: list[Number] | None = None
    information: InformationModel | None = None
    baseline: BaselineModel | None = None
    judged_by: Text | None = None


class QuestionModel(Strict):
    """A whole question file."""

    id: Slug
    title: Text
    estimand: Text
    outcome: Slug
    kind: Literal["continuous", "dichotomous", "rate", "contrast", "paired"]
    compare: Literal["single_arm", "between_arms", "within_patients", "joint"]
    measure: Text
    unit: Text | None = None
    eligibility: EligibilityModel = Field(default_factory=EligibilityModel)
    prefer: dict[str, Annotated[tuple[str, ...], BeforeValidator(_names)]] = Field(default_factory=dict)
    primary: dict[str, Slug] = Field(default_factory=dict)
    rows: Literal["study", "category", "subject"] = "study"
    pooled: Flag = True
    correlation: CorrelationModel | None = None
    model: ModelModel | None = None
    bayes: BayesModel | None = None
    read_as: dict[str, Literal["se", "sd"]] = Field(default_factory=dict)
    reads: Text | None = None
    sensitivity: list[VariationModel] = Field(default_factory=list)
    higher_is: Literal["better", "worse", "neutral"] | None = None
    grade: GradeModel | None = None
    notes: list[Text] = Field(default_factory=list)
    registered: Day
