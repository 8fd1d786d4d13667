"""``lamevidence show STUDY``: every number as printed, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..foundation.lineage import Reported
from ..foundation.printable import one_line
from ..registry.records import (
    CheckedBy,
    Continuous,
    Contrast,
    Dichotomous,
    Direction,
    Dispersion,
    Finding,
    FollowUp,
    Level,
    NotReported,
    Paired,
    PValue,
    Rate,
    Study,
)
from .output import open_registry, print_json

__all__ = ["describe_finding", "show_study"]


def _number(number: Reported | NotReported | None) -> str:
    if number is None:
        return ""
    if isinstance(number, NotReported):
        return "not reported"
    return f"{number.value}" + (f" {number.unit}" if number.unit else "")


def _text(value: str | NotReported | None) -> str | None:
    return "not_reported" if isinstance(value, NotReported) else value


def _spread(spread: Dispersion | None) -> str:
    if spread is None or spread.kind == "none":
        return ""
    if spread.kind == "not_reported":
        return ", spread not reported"
    if spread.value is not None:
        text = f" ± {spread.value.value} ({spread.kind.upper()}"
    else:
        assert spread.low is not None
        assert spread.high is not None
        level = f" {spread.level:g} %" if spread.level else ""
        text = f" ({spread.low.value} to {spread.high.value},{level} {spread.kind.upper()}"
    return text + (", inferred)" if spread.basis == "inferred" else ")")


def _p(p: PValue | None) -> str:
    return f", P {p.relation} {p.value}" if p is not None else ""


def _between(finding: Finding) -> str:
    between = finding.p_between
    return f"{_p(between.p)} against {between.against}" if between is not None else ""


def _followed(finding: Finding) -> str:
    """Return how long the patients were followed; of a rate without person-time that is its time."""
    span = finding.follow_up
    if not isinstance(span, FollowUp):
        return ""
    kind = {"not_stated": "not said of what kind", "exact": "exactly"}.get(span.kind, span.kind)
    return f", followed for {_number(span.value)}, {kind}{_spread(span.spread)}"


def describe_finding(finding: Finding) -> str:
    """Return one finding as printed, in one line, without its place."""
    return f"{_described(finding)}{_between(finding)}{_followed(finding)}"


def _described(finding: Finding) -> str:
    if isinstance(finding, Continuous):
        head = f"{finding.statistic} {_number(finding.value)}{_spread(finding.dispersion)}"
        return f"{head}, n {_count(finding.n)}{_p(finding.p)}"
    if isinstance(finding, Dichotomous):
        percent = f"{finding.percent.value} %" if finding.percent else ""
        if finding.percent_at_most is not None:
            percent = f"at most {finding.percent_at_most.value} %"
        count = f"{finding.affected}" if finding.affected is not None else percent
        tail = f" ({percent})" if finding.affected is not None and percent else ""
        return f"{count} of {_count(finding.at_risk)} patients{tail}{_spread(finding.interval)}"
    if isinstance(finding, Rate):
        who = finding.subject or f"n {_count(finding.n)}"
        return f"{finding.events} events, {who}, person-time {_number(finding.person_time)}"
    if isinstance(finding, Contrast):
        head = f"{finding.measure} {_number(finding.value)}{_spread(finding.dispersion)}"
        return f"{head}, {finding.arm} v {finding.comparator}{_p(finding.p)}"
    if isinstance(finding, Paired):
        return f"{finding.after} after {finding.before}, n {_count(finding.n)}{_p(finding.p)}"
    assert isinstance(finding, Direction)
    return f"{finding.direction}, n {_count(finding.n)}{_p(finding.p)} (direction only)"


def _count(n: int | NotReported) -> str:
    return str(n) if isinstance(n, int) else "not reported"


def _level(level: Level) -> str:
    parts = (("mean", level.mean), ("from", level.low), ("to", level.high))
    return " ".join(f"{word} {_number(value)}" for word, value in parts if value is not None) + f" · {level.at}"


def _json(study: Study) -> dict[str, Any]:
    findings = []
    for f in study.findings:
        spread = getattr(f, "dispersion", None) or getattr(f, "interval", None)
        value = getattr(f, "value", None)
        findings.append(
            {
                "id": f.id,
                "kind": type(f).__name__.lower(),
                "outcome": f.outcome,
                "arm": getattr(f, "arm", ""),
                "phase": f.phase,
                "value": str(value.value) if value is not None else None,
                "unit": value.unit if value is not None else None,
                "spread": _spread(spread).strip(" ,") or None,
                "text": describe_finding(f),
                "p_between": _between(f).strip(" ,") or None,
                "follow_up": _followed(f).removeprefix(", followed for ") or None,
                "at": str(f.at),
                "printed": f.at.printed,
                "digitised": f.at.digitised,
                "basis": f.basis,
                "because": f.because,
                "note": f.note,
                "not_poolable": f.not_poolable,
                "line": f.line,
            }
        )
    return {
        "id": study.id,
        "label": study.label,
        "title": study.title,
        "design": study.design,
        "path": study.path,
        "publications": [
            {"id": p.id, "citation": p.citation}
            | {name: _text(getattr(p, name)) for name in ("doi", "pmid", "role", "read")}
            for p in study.publications
        ],
        "findings": findings,
        "discrepancies": list(study.discrepancies),
    }


def show_study(study_id: str, *, studies: Path | None, as_json: bool) -> None:
    """Print a study record, finding by finding, with the place each is printed."""
    study = open_registry(studies).study(study_id)
    if as_json:
        print_json(_json(study))
        return
    print(f"{one_line(study.label)} · {study.id} · {study.design}\n{one_line(study.title)}")
    for p in study.publications:
        link = f" · doi {p.doi}" if p.doi else ""
        print(one_line(f"  [{p.id}] {p.citation}{link} · read: {p.read.replace('_', ' ')}"))
    cohort = study.cohort
    print(one_line(f"  cohort: {cohort.condition}; {cohort.population}; enrolled {_count(cohort.enrolled)}"))
    if isinstance(checked := study.curation.checked_by, CheckedBy):
        counted = "" if checked.cells is None else f": {checked.agreed} of {checked.cells} cells agree"
        print(one_line(f"  read again: {checked.by}{f', {checked.date}' if checked.date else ''}{counted}"))
    for arm in study.arms:
        if arm.level is not None:
            print(one_line(f"  blood level of {arm.id} ({arm.level.kind.replace('_', ' ')}): {_level(arm.level)}"))
    outcome = ""
    for f in sorted(study.findings, key=lambda f: f.outcome):
        if f.outcome != outcome:
            outcome = f.outcome
            print(f"\n{outcome}")
        category = getattr(f, "category", "")
        where = " / ".join(x for x in (getattr(f, "arm", ""), f.phase, category) if x)
        printed = f"printed {f.at.printed or '–'} · {f.at}"
        print("\n      ".join(map(one_line, (f"  {f.id}  ({where})", describe_finding(f), printed))))
        spread = getattr(f, "dispersion", None)
        if spread is not None and spread.because:
            print(one_line(f"      ± inferred: {spread.because}"))
        for text in (f.because, f.note, f"not poolable: {f.not_poolable}" if f.not_poolable else ""):
            if text:
                print(one_line(f"      {text}"))
    if study.discrepancies:
        print("\nDiscrepancies in print")
        for text in study.discrepancies:
            print(one_line(f"  - {text}"))
