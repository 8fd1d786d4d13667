"""Invented records, field by field, and the registry of one of them."""

from __future__ import annotations

import json
from typing import Any

from lamevidence.registry.files import parse_yaml
from lamevidence.registry.reader import read_study
from lamevidence.workspace import Registry
from tests.registry.bad_records import shipped

Finding = dict[str, Any]


class Raw(str):
    """Text that goes into YAML without quotes: digits as printed."""

    __slots__ = ()


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return str(value) if isinstance(value, Raw | int) else json.dumps(value)


def _finding(
    kind: str, identity: str, outcome: str, arm: str, phase: str, span: Any, at: Any, more: Finding
) -> Finding:
    out: Finding = {"id": identity, "kind": kind, "outcome": outcome, "arm": arm, "phase": phase}
    if span is not None:
        out["timeframe"] = {"from": Raw(f"{span[0]} month"), "to": Raw(f"{span[1]} month")}
    for name in ("p", "p_between"):
        if name in more:
            more[name] = {k: Raw(v) if k in ("value", "less_than") else v for k, v in more[name].items() if v != ""}
    if isinstance(more.get("follow_up"), str):
        more["follow_up"] = Raw(more["follow_up"])
    return {**out, **more, "at": {"source": "main", **(at or {"table": "1"})}}


def _spread(given: tuple[str, ...] | None) -> Any:
    if given is None:
        return {"type": "not_reported"}
    if given[0] == "ci":
        return {"type": "ci", "low": Raw(given[1]), "high": Raw(given[2]), "level": 95}
    return {"type": given[0], "value": Raw(given[1])}


def continuous(
    identity,
    outcome,
    arm,
    value,
    unit,
    spread,
    n,
    *,
    statistic="mean",
    phase="on_treatment",
    span=None,
    at=None,
    **more,
) -> Finding:
    """A mean, slope or change of one arm."""
    fields = {"statistic": statistic, "value": Raw(value), "unit": unit, "dispersion": _spread(spread)}
    fields["n"] = n if n is not None else "not_reported"
    return _finding("continuous", identity, outcome, arm, phase, span, at, {**fields, **more})


def dichotomous(
    identity, outcome, arm, affected, at_risk, *, phase="on_treatment", span=None, at=None, interval=None, **more
) -> Finding:
    """Patients affected of patients at risk."""
    fields: Finding = {"affected": affected, "at_risk": at_risk}
    if interval is not None:
        fields["interval"] = _spread(("ci", *interval))
    return _finding("dichotomous", identity, outcome, arm, phase, span, at, {**fields, **more})


def rate(identity, outcome, arm, events, *, n=46, phase="on_treatment", span=None, at=None, **more) -> Finding:
    """Events of an arm."""
    if "person_time" in more:
        more["person_time"] = Raw(more["person_time"])
    fields = {"events": events, "n": n, "follow_up": "12 month"}
    return _finding("rate", identity, outcome, arm, phase, span, at, {**fields, **more})


def contrast(identity, outcome, value, unit, *, span=None, at=None, spread=None, **more) -> Finding:
    """A difference of sirolimus from placebo."""
    fields = {
        "comparator": "placebo",
        "measure": "MD",
        "value": Raw(value),
        "unit": unit,
        "dispersion": _spread(spread),
    }
    return _finding("contrast", identity, outcome, "sirolimus", "on_treatment", span, at, {**fields, **more})


def paired(identity, outcome, arm, before, after, p, n, **more) -> Finding:
    """Before and after, with its p."""
    fields = {"before": before, "after": after, "n": n, "p": {"value": p}}
    return _finding("paired", identity, outcome, arm, "on_treatment", None, None, {**fields, **more})


def direction(identity, outcome, arm, word, **more) -> Finding:
    """A result in words."""
    return _finding("direction", identity, outcome, arm, "on_treatment", None, None, {"direction": word, **more})


def record(
    *findings: Finding, identity: str = "doe-2011", enrolled: int = 89, arms: dict[str, int] | None = None
) -> str:
    """Return the YAML of an invented trial."""
    sizes = arms or {"placebo": 43, "sirolimus": 46}
    lines = [
        f"id: {identity}",
        "label: Doe 2011",
        "title: An invented trial",
        "design: parallel_rct",
        "year: 2011",
        "registration: not_reported",
        "publications:",
        '  - {id: main, citation: "Doe J. Journal 2011;1:1-9", year: 2011}',
        f"cohort: {{condition: LAM, population: women, enrolled: {enrolled}}}",
        "arms:",
        *(f"  - {{id: {name}, intervention: {name}, randomised: {n}}}" for name, n in sizes.items()),
        *(["  - {id: all, intervention: both}"] if any(f["arm"] == "all" for f in findings) else []),
        "findings:",
    ]
    for finding in findings:
        fields = [f"{name}: {_yaml(value)}" for name, value in finding.items()]
        lines += [f"  - {fields[0]}", *(f"    {field}" for field in fields[1:])]
    return "\n".join([*lines, 'curation: {extracted_by: registry curators, date: "2026-11-21"}', ""])


def read(text: str, others: bool = False) -> Registry:
    """Return the registry of one record; with ``others`` beside the shipped ones, for checks that compare studies."""
    identity = text.split("\n", 1)[0].removeprefix("id: ")
    document = parse_yaml(text.encode(), f"records/{identity}.yaml")
    study, problems = read_study(document, shipped().vocabulary)
    assert study is not None, [f"{p.code} {p.line}: {p.message}" for p in problems]
    studies = {**shipped().by_id, study.id: study} if others else {study.id: study}
    documents = {**shipped().documents, study.path: document} if others else {study.path: document}
    groups = shipped().overlap_groups if others else ()
    return Registry(shipped().root, studies, shipped().vocabulary, groups, documents=documents)
