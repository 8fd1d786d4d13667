"""The findings of a record as its YAML writes them: one pydantic model per kind."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from .records import NOT_REPORTED
from .scalars import (
    Count,
    Flag,
    Number,
    NumberOrNot,
    PatientsOrNot,
    Quantity,
    QuantityOrNot,
    Slug,
    Text,
    UnitSymbol,
    blank,
    number_trouble,
    trouble,
)

__all__ = [
    "FINDING_MODELS",
    "OR_NOT_REPORTED",
    "BetweenModel",
    "ContinuousModel",
    "ContrastModel",
    "DichotomousModel",
    "DirectionModel",
    "DispersionModel",
    "FindingBase",
    "FindingModel",
    "FollowUpModel",
    "LocatorModel",
    "PModel",
    "PairedModel",
    "RateModel",
    "Strict",
    "TimeframeModel",
    "none_for_not_reported",
]


OR_NOT_REPORTED: dict[str, Any] = {"or_not_reported": True}
"""Marks a mapping that may also be the word not_reported, for the JSON Schema."""


class Strict(BaseModel):
    """No unknown fields, no coercion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class LocatorModel(Strict):
    """Where a number is printed; at least one place besides ``source``."""

    source: Slug
    page: Text | None = None
    table: Text | None = None
    row: Text | None = None
    column: Text | None = None
    figure: Text | None = None
    section: Text | None = None
    printed: Text | None = None
    digitised: Flag = False


class PModel(Strict):
    """A printed p value: exactly one of ``value``, ``less_than``, ``greater_than``."""

    value: Number | None = None
    less_than: Number | None = None
    greater_than: Number | None = None
    test: Text | None = None
    at: LocatorModel | None = None


class BetweenModel(PModel):
    """A printed p value of this finding against that of another arm, which ``against`` names by its id."""

    against: Slug


class DispersionModel(Strict):
    """What the printed ± or interval is, and who says so."""

    type: Literal["se", "sd", "ci", "iqr", "range", "none", "not_reported"]
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    level: Number | None = None
    scale: Literal["linear", "log"] = "linear"
    basis: Literal["stated", "inferred"] = "stated"
    because: Text | None = None


class TimeframeModel(Strict):
    """The span a finding covers, on the clock of its study: from baseline, before treatment back from it."""

    start: Quantity = Field(alias="from")
    to: QuantityOrNot
    note: Text | None = None


def _follow_up(value: Any) -> Any:  # noqa: ANN401
    if value is None:
        raise blank()
    if value == "not_reported":
        return None
    return value if isinstance(value, dict) else {"value": value, "kind": "not_stated"}


def _span(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return value
    raise trouble(
        "LE107",
        "a timeframe is a mapping",
        "write `timeframe: {from: 0 month, to: 12 month}` or not_reported",
    )


def none_for_not_reported(value: Any) -> Any:  # noqa: ANN401
    """Let ``not_reported`` stand for a whole mapping."""
    return None if value == "not_reported" else value


def _p(value: Any) -> Any:  # noqa: ANN401
    if value is None:
        raise blank()
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        code, message, remedy = number_trouble(value)
        raise trouble(code, message.replace("`", "`p: ", 1), remedy)
    raise trouble("LE107", "p is a mapping", f"write `p: {{value: {value}}}`, or less_than or greater_than for a bound")


def _dispersion(value: Any) -> Any:  # noqa: ANN401
    if value in ("not_reported", "none"):
        return {"type": value}
    if isinstance(value, dict) or value is None:
        return value
    raise trouble(
        "LE115",
        f"dispersion `{value}`: what is it?",
        f"`dispersion: {{type: se, value: {value}}}`, or sd, ci, iqr, range; the table's legend says which",
    )


FollowUpKind: TypeAlias = Literal["planned", "mean", "median", "minimum", "maximum", "exact", "not_stated"]


class FollowUpModel(Strict):
    """How long the patients of a finding were followed, as printed; ``at`` where that is another place."""

    value: Quantity
    kind: FollowUpKind
    spread: Annotated[DispersionModel | None, BeforeValidator(_dispersion)] = None
    at: LocatorModel | None = None
    note: Text | None = None


P = Annotated[PModel, BeforeValidator(_p)]
Span = Annotated[TimeframeModel, BeforeValidator(_span)]
Between = Annotated[BetweenModel, BeforeValidator(_p)]
Spread = Annotated[DispersionModel, BeforeValidator(_dispersion)]
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


class FindingBase(Strict):
    """What every finding has."""

    id: Slug
    outcome: Slug
    phase: Phase
    timeframe: Annotated[Span | None, BeforeValidator(none_for_not_reported)] = Field(
        default=None, json_schema_extra=OR_NOT_REPORTED
    )
    follow_up: Annotated[FollowUpModel | None, BeforeValidator(_follow_up)] = Field(
        default=None, json_schema_extra=OR_NOT_REPORTED | {"or_quantity": True}
    )
    p_between: Between | None = None
    at: LocatorModel
    population: Text | None = None
    note: Text | None = None
    not_poolable: Text | None = None
    basis: Literal["stated", "inferred"] = "stated"
    because: Text | None = None
    acknowledge: list[Text] = Field(default_factory=list)


class ContinuousModel(FindingBase):
    """A mean, a slope, a change or a median of one arm in one phase."""

    kind: Literal["continuous"]
    arm: Slug
    statistic: Literal["mean", "median", "slope", "change", "value"]
    value: Number
    unit: UnitSymbol
    dispersion: Spread
    n: PatientsOrNot = NOT_REPORTED
    n_note: Text | None = None
    p: P | None = None


class DichotomousModel(FindingBase):
    """Patients affected among patients at risk."""

    kind: Literal["dichotomous"]
    arm: Slug
    at_risk: PatientsOrNot
    affected: Count | None = None
    percent: Number | None = None
    percent_at_most: Number | None = None
    interval: Spread | None = None
    category: Slug | None = None

    @field_validator("affected", mode="before")
    @classmethod
    def _percentage_for_count(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        at_risk = info.data.get("at_risk")
        if isinstance(value, Decimal) and value.is_finite() and value != value.to_integral_value():
            remedy = f"a percentage goes into `percent: {value}`"
            if isinstance(at_risk, int) and 0 <= value <= 100:
                remedy = f"{value} % of {at_risk} = {float(value) * at_risk / 100:.4g} · {remedy}"
            raise trouble("LE242", f"affected {value} is not a whole number", remedy)
        return value


class RateModel(FindingBase):
    """Events, not patients, over person-time."""

    kind: Literal["rate"]
    arm: Slug
    events: Count
    person_time: QuantityOrNot = NOT_REPORTED
    n: PatientsOrNot = NOT_REPORTED
    category: Slug | None = None
    serious: Flag = False
    subject: Text | None = None


class ContrastModel(FindingBase):
    """A printed comparison: ``arm`` minus, or over, ``comparator``."""

    kind: Literal["contrast"]
    arm: Slug
    comparator: Slug
    measure: Literal["MD", "DM", "RR", "OR", "HR", "IRR", "RD"]
    value: Number
    unit: UnitSymbol | None = None
    dispersion: Spread
    n: PatientsOrNot = NOT_REPORTED
    p: P | None = None


class PairedModel(FindingBase):
    """Before and after in the same patients."""

    kind: Literal["paired"]
    arm: Slug
    before: Slug
    after: Slug
    n: PatientsOrNot = NOT_REPORTED
    correlation: NumberOrNot = NOT_REPORTED
    change: Number | None = None
    unit: UnitSymbol | None = None
    dispersion: Spread | None = None
    p: P | None = None


class DirectionModel(FindingBase):
    """A result printed in words only."""

    kind: Literal["direction"]
    arm: Slug
    direction: Literal["improved", "unchanged", "worsened", "increased", "decreased"]
    n: PatientsOrNot = NOT_REPORTED
    p: P | None = None


FindingModel: TypeAlias = Annotated[
    ContinuousModel | DichotomousModel | RateModel | ContrastModel | PairedModel | DirectionModel,
    Field(discriminator="kind"),
]
FINDING_MODELS: dict[str, type[FindingBase]] = {
    "continuous": ContinuousModel,
    "dichotomous": DichotomousModel,
    "rate": RateModel,
    "contrast": ContrastModel,
    "paired": PairedModel,
    "direction": DirectionModel,
}
