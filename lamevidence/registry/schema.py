"""A study record as its YAML writes it, and the JSON Schema that editors complete from."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from .records import NOT_REPORTED
from .scalars import (
    QUANTITY_SCHEMA,
    Count,
    CountOrNot,
    Day,
    PatientsOrNot,
    Quantity,
    Slug,
    Text,
    TextOrNot,
    YearOrNot,
    trouble,
)
from .schema_findings import OR_NOT_REPORTED, FindingModel, LocatorModel, Strict, none_for_not_reported

__all__ = [
    "ArmModel",
    "CheckedByModel",
    "CohortModel",
    "CurationModel",
    "HeaderModel",
    "LevelModel",
    "PublicationModel",
    "RegistrationModel",
    "RiskOfBiasModel",
    "StudyModel",
    "json_schema",
]


OR_TEXT: dict[str, Any] = {"or_text": True}
"""Marks a mapping that may also be its first field alone, for the JSON Schema."""
OR_ONE: dict[str, Any] = {"or_one": True}
"""Marks a list that may also be its one item, for the JSON Schema."""


class PublicationModel(Strict):
    """One report of a study; ``id`` is what a locator's ``source`` names."""

    id: Slug
    citation: Text
    year: YearOrNot
    doi: TextOrNot | None = None
    pmid: TextOrNot | None = None
    pmcid: Text | None = None
    url: Text | None = None
    role: Literal["primary", "companion", "registry_entry", "secondary"] = "primary"
    read: Literal["full_text", "abstract", "registry_entry", "secondary_table"] = "full_text"
    retracted: Text | None = None


class RegistrationModel(Strict):
    """Trial registration."""

    registry: Text
    id: Text


class CohortModel(Strict):
    """Who was studied, and enough to recognise the same patients in another record."""

    condition: Text
    population: Text
    enrolled: PatientsOrNot
    centre: TextOrNot = NOT_REPORTED
    period: TextOrNot = NOT_REPORTED
    tsc: CountOrNot = NOT_REPORTED
    sporadic: CountOrNot = NOT_REPORTED


class LevelModel(Strict):
    """Blood levels of an arm as numbers: what was aimed at, or what was measured."""

    kind: Literal["target", "measured", "not_stated"]
    low: Quantity | None = None
    high: Quantity | None = None
    mean: Quantity | None = None
    note: Text | None = None
    at: LocatorModel


class ArmModel(Strict):
    """A group of patients treated alike."""

    id: Slug
    intervention: Text
    dose: TextOrNot = NOT_REPORTED
    trough: TextOrNot = NOT_REPORTED
    level: LevelModel | None = None
    randomised: PatientsOrNot | None = None
    enrolled: PatientsOrNot = NOT_REPORTED
    note: Text | None = None


class DomainModel(Strict):
    """One domain of a risk-of-bias tool; the support is mandatory."""

    judgement: Text
    support: Text


def _several(value: Any) -> Any:  # noqa: ANN401
    return value if isinstance(value, list) else [value]


class RiskOfBiasModel(Strict):
    """Judgements by one tool, of one outcome or of several that share them."""

    tool: Literal["RoB2", "ROBINS-I", "JBI-case-series"]
    outcome: Annotated[list[Slug], BeforeValidator(_several), Field(min_length=1, json_schema_extra=OR_ONE)]
    overall: Text
    assessor: Text | None = None
    domains: dict[str, DomainModel]


class CheckedByModel(Strict):
    """Who read the sources again, and what the comparison counted; `check` counts the cells itself."""

    by: Text
    date: Day | None = None
    cells: Count | None = None
    agreed: Count | None = None

    @model_validator(mode="after")
    def _both_counts(self) -> CheckedByModel:
        if (self.cells is None) != (self.agreed is None):
            raise trouble("LE102", "`cells` and `agreed` belong together", "give both, or leave both out")
        return self


def _checked(value: Any) -> Any:  # noqa: ANN401
    return {"by": value} if isinstance(value, str) and value != "not_reported" else none_for_not_reported(value)


class CurationModel(Strict):
    """Who put the record together, from what, and when (``YYYY-MM-DD`` in quotes)."""

    extracted_by: Text
    date: Day
    checked_by: Annotated[CheckedByModel | None, BeforeValidator(_checked)] = Field(
        default=None, json_schema_extra=OR_NOT_REPORTED | OR_TEXT
    )
    notes: list[Text] = Field(default_factory=list)


class HeaderModel(Strict):
    """A record without its findings."""

    id: Slug
    label: Text
    title: Text
    design: Slug
    year: YearOrNot
    registration: Annotated[RegistrationModel | None, BeforeValidator(none_for_not_reported)] = Field(
        default=None, json_schema_extra=OR_NOT_REPORTED
    )
    publications: Annotated[list[PublicationModel], Field(min_length=1)]
    cohort: CohortModel
    arms: Annotated[list[ArmModel], Field(min_length=1)]
    findings: list[Any]
    risk_of_bias: list[RiskOfBiasModel] = Field(default_factory=list)
    discrepancies: list[Text] = Field(default_factory=list)
    acknowledge: list[Text] = Field(default_factory=list)
    curation: CurationModel


class StudyModel(HeaderModel):
    """A whole record."""

    findings: list[FindingModel]


def _without_null(schema: Any) -> Any:  # noqa: ANN401
    """Drop the null that an absent field has in Python: in YAML a blank field is an error."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: _without_null(v) for k, v in schema.items() if not (k == "default" and v is None)}
    or_not = out.pop("or_not_reported", False)
    or_quantity, or_text = out.pop("or_quantity", False), out.pop("or_text", False)
    if out.pop("or_one", False):
        several = {k: v for k, v in out.items() if k not in ("title", "default")}
        return {k: v for k, v in out.items() if k == "title"} | {"anyOf": [several["items"], several]}
    branches = out.get("anyOf")
    if isinstance(branches, list) and {"type": "null"} in branches:
        kept = [b for b in branches if b != {"type": "null"}] + ([{"const": "not_reported"}] if or_not else [])
        kept += [QUANTITY_SCHEMA] if or_quantity else []
        kept += [{"type": "string", "minLength": 1}] if or_text else []
        out.pop("anyOf")
        out |= kept[0] if len(kept) == 1 else {"anyOf": kept}
    return out


def json_schema() -> str:
    """Return the JSON Schema of a study record, as ``studies/study.schema.json`` holds it."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_null(StudyModel.model_json_schema(by_alias=True)),
        "title": "Study record",
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
