"""An invented record and a helper that injures it: what tests of messages share."""

from __future__ import annotations

import functools

from lamevidence.foundation.errors import Problem
from lamevidence.registry.files import parse_yaml
from lamevidence.registry.reader import read_study
from lamevidence.registry.vocabulary import Vocabulary
from lamevidence.workspace import Registry, load_registry

RECORD = """\
id: doe-2011
label: Doe 2011
title: An invented trial
design: parallel_rct
year: 2011
registration: {registry: clinicaltrials.gov, id: NCT00000000}
publications:
  - {id: main, citation: "Doe J. Journal 2011;1:1-9", year: 2011, doi: 10.1000/xyz, pmid: "12345678"}
cohort: {condition: LAM, population: women, enrolled: 89, centre: Springfield, period: 2006-12 to 2010-09}
arms:
  - {id: sirolimus, intervention: sirolimus, randomised: 46}
  - {id: placebo, intervention: placebo, randomised: 43}
findings:
  - id: slope
    kind: continuous
    outcome: fev1_slope
    arm: sirolimus
    phase: on_treatment
    timeframe: {from: 0 month, to: 12 month}
    statistic: slope
    value: 1
    unit: mL/month
    dispersion: {type: se, value: 2}
    n: 46
    p: {value: 0.62}
    at: {source: main, table: "2", printed: "1±2"}
  - id: response
    kind: dichotomous
    outcome: aml_response
    arm: sirolimus
    phase: on_treatment
    affected: 16
    at_risk: 36
    interval: {type: ci, low: 28, high: 61, level: 95}
    at: {source: main, section: abstract, printed: "16/36"}
  - id: ae
    kind: rate
    outcome: adverse_event
    arm: sirolimus
    phase: on_treatment
    events: 275
    n: 46
    follow_up: 12 month
    at: {source: main, table: "3", printed: "275"}
  - id: difference
    kind: contrast
    outcome: fev1_slope
    arm: sirolimus
    comparator: placebo
    measure: MD
    phase: on_treatment
    value: 74.36
    unit: mL/year
    dispersion: {type: ci, low: 15.87, high: 132.85, level: 95}
    at: {source: main, section: abstract, printed: "74.36"}
curation: {extracted_by: registry curators, date: "2026-11-21"}
"""


def injured(*edits: tuple[str, str]) -> str:
    """Return the record with each first occurrence of ``old`` replaced by ``new``."""
    text = RECORD
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems_in(text: str | bytes, path: str = "records/doe-2011.yaml") -> list[Problem]:
    """Return all problems of a record, read with the shipped vocabulary."""
    data = text if isinstance(text, bytes) else text.encode()
    return read_study(parse_yaml(data, path), vocabulary())[1]


def told(problems: list[Problem]) -> list[str]:
    """Return ``CODE line:column message | remedy`` of each problem."""
    return [f"{p.code} {p.line}:{p.column} {p.message} | {p.remedy}" for p in problems]


@functools.cache
def shipped() -> Registry:
    """Return the shipped registry, read once."""
    return load_registry(strict=False)


def vocabulary() -> Vocabulary:
    """Return the shipped vocabulary."""
    return shipped().vocabulary
