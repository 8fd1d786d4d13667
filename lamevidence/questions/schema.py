"""A question file as its YAML writes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..registry.scalars import Flag, Number, Slug, Text
from ..registry.schema_findings import Strict

__all__ = ["QuestionModel"]

Phase = Literal["baseline", "pre_treatment", "on_treatment", "placebo", "observation", "natural_history", "comparator"]


class ExcludeModel(Strict):
    """A study left out by name."""

    study: Slug
    reason: Text


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


class BayesModel(Strict):
    """Pre-specified priors in the unit of the question: ``{normal: [0, 10]}``, ``{half_normal: 2}``."""

    mu: dict[str, Any] | None = None
    tau: dict[str, Any] | None = None
    because: Text


class QuestionModel(Strict):
    """A whole question file."""

    id: Slug
    title: Text
    estimand: Text
    outcome: Slug
    kind: Literal["continuous", "dichotomous", "rate", "contrast", "paired"]
    compare: Literal["single_arm", "between_arms", "within_patients"]
    measure: Text
    unit: Text | None = None
    eligibility: EligibilityModel = Field(default_factory=EligibilityModel)
    prefer: dict[str, str] = Field(default_factory=dict)
    primary: dict[str, str] = Field(default_factory=dict)
    rows: Literal["study", "category", "subject"] = "study"
    pooled: Flag = True
    correlation: CorrelationModel | None = None
    model: ModelModel | None = None
    bayes: BayesModel | None = None
    higher_is: Literal["better", "worse", "neutral"] | None = None
    notes: list[Text] = Field(default_factory=list)
    registered: Text
