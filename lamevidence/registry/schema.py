"""A study record as its YAML writes it, and the JSON Schema that editors complete from."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .records import NOT_REPORTED
from .scalars import CountOrNot, PatientsOrNot, Slug, Text, TextOrNot, Year
from .schema_findings import OR_NOT_REPORTED, FindingModel, Strict, none_for_not_reported

__all__ = [
    "ArmModel",
    "CohortModel",
    "CurationModel",
    "HeaderModel",
    "PublicationModel",
    "RegistrationModel",
    "RiskOfBiasModel",
    "StudyModel",
    "json_schema",
]


class PublicationModel(Strict):
    """One report of a study; ``id`` is what a locator's ``source`` names."""

    id: Slug
    citation: Text
    year: Year
    doi: Text | None = None
    pmid: Text | None = None
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


class ArmModel(Strict):
    """A group of patients treated alike."""

    id: Slug
    intervention: Text
    dose: TextOrNot = NOT_REPORTED
    trough: TextOrNot = NOT_REPORTED
    randomised: PatientsOrNot | None = None
    enrolled: PatientsOrNot = NOT_REPORTED
    note: Text | None = None


class DomainModel(Strict):
    """One domain of a risk-of-bias tool; the support is mandatory."""

    judgement: Text
    support: Text


class RiskOfBiasModel(Strict):
    """Judgements by one tool."""

    tool: Literal["RoB2", "ROBINS-I", "JBI-case-series"]
    outcome: Slug
    overall: Text
    assessor: Text | None = None
    domains: dict[str, DomainModel]


class CurationModel(Strict):
    """Who put the record together, from what, and when (``YYYY-MM-DD`` in quotes)."""

    extracted_by: Text
    date: Text
    checked_by: TextOrNot = NOT_REPORTED
    notes: list[Text] = Field(default_factory=list)


class HeaderModel(Strict):
    """A record without its findings."""

    id: Slug
    label: Text
    title: Text
    design: Slug
    year: Year
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
    branches = out.get("anyOf")
    if isinstance(branches, list) and {"type": "null"} in branches:
        kept = [b for b in branches if b != {"type": "null"}] + (
            [{"const": "not_reported"}] if or_not else []
        )
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
