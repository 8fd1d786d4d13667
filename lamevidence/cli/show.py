"""``lamevidence show STUDY``: every number as printed, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..lineage import Reported
from ..registry.records import (
    Continuous,
    Contrast,
    Dichotomous,
    Direction,
    Dispersion,
    Finding,
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


def describe_finding(finding: Finding) -> str:
    """Return one finding as printed, in one line, without its place."""
    if isinstance(finding, Continuous):
        head = f"{finding.statistic} {_number(finding.value)}{_spread(finding.dispersion)}"
        return f"{head}, n {_count(finding.n)}{_p(finding.p)}"
    if isinstance(finding, Dichotomous):
        percent = f"{finding.percent.value} %" if finding.percent else ""
        count = f"{finding.affected}" if finding.affected is not None else percent
        tail = f" ({percent})" if finding.affected is not None and percent else ""
        return f"{count} of {_count(finding.at_risk)} patients{tail}{_spread(finding.interval)}"
    if isinstance(finding, Rate):
        time = finding.person_time if isinstance(finding.person_time, Reported) else finding.follow_up
        who = finding.subject or f"n {_count(finding.n)}"
        return f"{finding.events} events, {who}, time {_number(time)}"
    if isinstance(finding, Contrast):
        head = f"{finding.measure} {_number(finding.value)}{_spread(finding.dispersion)}"
        return f"{head}, {finding.arm} v {finding.comparator}{_p(finding.p)}"
    if isinstance(finding, Paired):
        return f"{finding.after} after {finding.before}, n {_count(finding.n)}{_p(finding.p)}"
    assert isinstance(finding, Direction)
    return f"{finding.direction}, n {_count(finding.n)} (direction only)"


def _count(n: int | NotReported) -> str:
    return str(n) if isinstance(n, int) else "not reported"


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
            {"id": p.id, "citation": p.citation, "doi": p.doi, "pmid": p.pmid, "role": p.role, "read": p.read}
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
    print(f"{study.label} · {study.id} · {study.design}\n{study.title}")
    for p in study.publications:
        link = f" · doi {p.doi}" if p.doi else ""
        print(f"  [{p.id}] {p.citation}{link} · read: {p.read.replace('_', ' ')}")
    cohort = study.cohort
    print(f"  cohort: {cohort.condition}; {cohort.population}; enrolled {_count(cohort.enrolled)}")
    outcome = ""
    for f in sorted(study.findings, key=lambda f: f.outcome):
        if f.outcome != outcome:
            outcome = f.outcome
            print(f"\n{outcome}")
        category = getattr(f, "category", "")
        where = " / ".join(x for x in (getattr(f, "arm", ""), f.phase, category) if x)
        print(f"  {f.id}  ({where})\n      {describe_finding(f)}\n      printed {f.at.printed or '–'} · {f.at}")
        spread = getattr(f, "dispersion", None)
        if spread is not None and spread.because:
            print(f"      ± inferred: {spread.because}")
        for text in (f.because, f.note, f"not poolable: {f.not_poolable}" if f.not_poolable else ""):
            if text:
                print(f"      {text}")
    if study.discrepancies:
        print("\nDiscrepancies in print")
        for text in study.discrepancies:
            print(f"  - {text}")
