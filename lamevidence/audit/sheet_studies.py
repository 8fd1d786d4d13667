"""From the rows of a sheet to studies with findings, so that every check of records reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from ..effects.measures.measure_words import measure_code
from ..foundation.errors import Problem
from ..foundation.lineage import Locator, Reported, half_width
from ..registry.records import (
    NOT_REPORTED,
    Arm,
    Between,
    Cohort,
    Continuous,
    Contrast,
    Curation,
    Dichotomous,
    Dispersion,
    Finding,
    NotReported,
    PValue,
    Study,
    Timeframe,
)
from ..registry.registry import RegistryRecords
from ..registry.vocabulary import Outcome, Vocabulary
from ..sheets import Sheet
from ..sheets.numbers import Number
from ..sheets.table import Row

__all__ = ["SheetStudies", "sheet_studies"]

_RATIOS = ("RR", "OR", "HR", "IRR")
_YES = frozenset(("yes", "y", "true", "1", "whole", "integer", "count", "counts"))
_BINARY = frozenset(("binary", "0/1", "yes/no", "yes or no"))


@dataclass(frozen=True)
class SheetStudies:
    """A sheet as the checks read it.

    Attributes
    ----------
    registry
        Its studies.
    roles
        (Finding id, field) → role of the column that holds it.
    problems
        Rows that cannot be told apart.
    notes
        What had to be decided.
    """

    registry: RegistryRecords
    roles: Mapping[tuple[str, str], str]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


@dataclass
class _Making:
    sheet: Sheet
    measure: str
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def sheet_studies(sheet: Sheet, measure: str = "") -> SheetStudies:
    """Return the studies of a sheet: each row's arms, means, counts and contrast.

    Parameters
    ----------
    sheet
        From `read_sheet`.
    measure
        Measure of the column of estimates, where the sheet does not say it.
    """
    making = _Making(sheet, measure)
    problems = _twice(sheet)
    findings: dict[str, list[Finding]] = {}
    for row in sheet.rows:
        findings.setdefault(row.study, []).extend(_findings(making, row))
    if "arm" in sheet.columns and not _wide(sheet):
        for study, found in findings.items():
            findings[study] = _paired(making, found, sheet)
    studies = {name: _study(name, found, sheet.path) for name, found in findings.items()}
    if "ci_low" in sheet.columns and "ci_level" not in sheet.columns:
        making.notes.append("intervals are read as 95 %: no column says their level")
    registry = RegistryRecords(Path(sheet.path), studies, Vocabulary(_outcomes(sheet)))
    return SheetStudies(registry, making.roles, tuple(problems), tuple(dict.fromkeys(making.notes)))


def _study(name: str, findings: Sequence[Finding], path: str) -> Study:
    arms = dict.fromkeys(a for f in findings for a in (getattr(f, "arm", ""), getattr(f, "comparator", "")) if a)
    return Study(
        id=name,
        label=name,
        title=name,
        design="",
        publications=(),
        cohort=Cohort("", "", NOT_REPORTED),
        arms=tuple(Arm(a, a) for a in arms),
        findings=tuple(findings),
        curation=Curation("", ""),
        path=path,
    )


def _wide(sheet: Sheet) -> bool:
    return any(role.startswith("control_") for role in sheet.columns)


def _outcome(row: Row) -> str:
    return row.texts.get("outcome", "")


def _outcomes(sheet: Sheet) -> dict[str, Outcome]:
    """Return the outcomes; one whose values are said to be whole numbers has the dimension of events."""
    kinds: dict[str, set[str]] = {}
    for row in sheet.rows:
        said = row.texts.get("whole", "").casefold()
        kinds.setdefault(_outcome(row), set()).add("patients" if said in _BINARY else "events" if said in _YES else "")
    dimension = {name: tuple(found) if len(found) == 1 and "" not in found else () for name, found in kinds.items()}
    return {name: Outcome(name, name, dimension[name], "neutral") for name in kinds}


def _twice(sheet: Sheet) -> list[Problem]:
    """Refuse rows of one study that no column tells apart: which of them is meant?"""
    seen: dict[tuple[str, ...], Row] = {}
    found = []
    for row in sheet.rows:
        names = ("outcome", "timepoint", "measure") if _wide(sheet) else ("outcome", "timepoint", "measure", "arm")
        key = (row.study.casefold(), *(row.texts.get(name, "").casefold() for name in names))
        first = seen.setdefault(key, row)
        if first is not row:
            told = f"{row.study} is in row {first.number} and in row {row.number}, and no column tells them apart"
            remedy = "delete one, or name what differs in a column outcome, timepoint or arm"
            found.append(sheet.place(row.number, "study", "LE301", told, remedy))
    return found


# ---- one row ----------------------------------------------------------------------------------
def _findings(making: _Making, row: Row) -> Iterator[Finding]:
    wide = _wide(making.sheet)
    one = "treated" if wide else row.texts.get("arm", "").casefold()
    has = row.numbers
    ci = _interval(row)
    takes_ci = "estimate" if "estimate" in has else "mean" if "mean" in has else "percent"
    contrast = _contrast(making, row, one, "control" if wide else "other", ci)
    for prefix, arm in (("", one), ("control_", "control")) if wide else (("", one),):
        name = f"row {row.number}" + (", control" if prefix else "")
        if f"{prefix}mean" in has:
            yield _mean(making, row, prefix, arm, name, None if prefix or takes_ci != "mean" else ci)
        if any(f"{prefix}{role}" in has for role in ("events", "percent", "proportion")):
            if f"{prefix}person_time" in has:
                continue
            name += ", events" if f"{prefix}mean" in has else ""
            yield _count(making, row, prefix, arm, name, None if prefix or takes_ci != "percent" else ci)
    if contrast is not None:
        yield contrast


def _reported(number: Number, unit: str | None = None, shift: int = 0) -> Reported:
    return Reported(number.value.scaleb(shift), unit, half_width(number.value).scaleb(shift))


def _interval(row: Row) -> tuple[Number, Number, float] | None:
    low, high, level = (row.numbers.get(name) for name in ("ci_low", "ci_high", "ci_level"))
    if low is None or high is None:
        return None
    percent = 95.0 if level is None else float(level.value) * (1 if level.value > 1 else 100)
    return low, high, percent


def _base(row: Row, name: str) -> dict[str, Any]:
    span = row.texts.get("timepoint", "")
    return {
        "id": name,
        "outcome": _outcome(row),
        "at": Locator("sheet", row=str(row.number)),
        "phase": "on_treatment",
        "line": row.number,
        "timeframe": Timeframe(Reported(Decimal(0)), NOT_REPORTED, span) if span else NOT_REPORTED,
    }


def _size(row: Row, role: str) -> int | NotReported:
    return int(row.numbers[role].value) if role in row.numbers else NOT_REPORTED


def _p(row: Row) -> PValue | None:
    p = row.numbers.get("p")
    return None if p is None else PValue(p.value, p.relation)


def _mean(
    making: _Making, row: Row, prefix: str, arm: str, name: str, ci: tuple[Number, Number, float] | None
) -> Continuous:
    has, unit = row.numbers, row.texts.get("unit")
    se = f"{prefix}se" if prefix else "mean_se" if "mean_se" in has or "estimate" in has else "se"
    spread = f"{prefix}sd" if f"{prefix}sd" in has else se
    kind = "" if spread not in has else "sd" if spread.endswith("sd") else "se"
    value = _reported(has[spread], unit) if kind else None
    bounds = {} if ci is None else {"low": _reported(ci[0], unit), "high": _reported(ci[1], unit), "level": ci[2]}
    dispersion = Dispersion(cast("Any", kind or ("ci" if bounds else "not_reported")), value, **cast("Any", bounds))
    for place, role in (("value", "mean"), ("dispersion", "sd"), ("n", "n"), ("unit", "unit")):
        making.roles[name, place] = f"{prefix}{role}" if role != "unit" else role
    making.roles[name, "dispersion"] = spread if kind else "ci_low"
    making.roles[name, "p_between"] = "p"
    binary = (row.texts.get("whole", "").casefold() in _BINARY) and unit is None
    p = Between(f"{name}, control", cast("PValue", _p(row))) if not prefix and _wide(making.sheet) and _p(row) else None
    return Continuous(
        **_base(row, name),
        arm=arm,
        value=_reported(has[f"{prefix}mean"], "ratio" if binary else unit),
        dispersion=dispersion,
        n=_size(row, f"{prefix}n"),
        p_between=p if p is not None and "control_mean" in has else None,
    )


def _count(
    making: _Making, row: Row, prefix: str, arm: str, name: str, ci: tuple[Number, Number, float] | None
) -> Dichotomous:
    has = row.numbers
    percent = f"{prefix}percent" if f"{prefix}percent" in has else f"{prefix}proportion"
    shift = 2 if percent.endswith("proportion") and percent in has else 0
    printed = _reported(has[percent], "%", shift) if percent in has else None
    for place, role in (("affected", "events"), ("at_risk", "n")):
        making.roles[name, place] = f"{prefix}{role}"
    making.roles |= {(name, "percent"): percent, (name, "interval"): "ci_low", (name, "p_between"): "p"}
    interval = None
    if ci is not None and _single(row):
        moved = 2 if shift or (printed is None and _as_proportion(row, ci)) else 0
        interval = Dispersion("ci", None, _reported(ci[0], "%", moved), _reported(ci[1], "%", moved), ci[2])
    other = f"row {row.number}, control" + (", events" if "control_mean" in has else "")
    counted = any(f"control_{role}" in has for role in ("events", "percent", "proportion"))
    p = _p(row) if not prefix and counted and "mean" not in has else None
    events = _size(row, f"{prefix}events")
    return Dichotomous(
        **_base(row, name),
        arm=arm,
        affected=events if isinstance(events, int) else None,
        percent=printed,
        at_risk=_size(row, f"{prefix}n"),
        interval=interval,
        p_between=None if p is None else Between(other, p),
    )


def _single(row: Row) -> bool:
    """Tell whether an interval is of the proportion of the row: beside two arms it is of what compares them."""
    return not any(role.startswith("control_") for role in row.numbers)


def _as_proportion(row: Row, ci: tuple[Number, Number, float]) -> bool:
    """Tell whether bounds without a percentage beside them are proportions: those that hold events over patients."""
    has = row.numbers
    if "events" not in has or "n" not in has or ci[1].percent:
        return False
    return ci[0].value <= has["events"].value / has["n"].value <= ci[1].value <= 1


def _contrast(
    making: _Making, row: Row, arm: str, comparator: str, ci: tuple[Number, Number, float] | None
) -> Contrast | None:
    has, column = row.numbers, making.sheet.columns.get("estimate")
    if "estimate" not in has or column is None:
        return None
    said = row.texts.get("measure") or column.measure or making.measure
    code = measure_code(said) if said else ""
    if not code:
        making.notes.append("estimates without a measure are compared with their interval alone: add a column measure")
        return None
    log = code.startswith("log") or (code in _RATIOS and (has["estimate"].value <= 0 or _log_bounds(ci)))
    measure = "log" if log else code
    unit = row.texts.get("unit") if code in ("MD", "DM") else None
    name = f"row {row.number}, estimate"
    making.roles |= {(name, "value"): "estimate", (name, "p"): "p"}
    making.roles[name, "dispersion"] = "se" if "se" in has else "ci_low"
    kind = "se" if "se" in has else "ci" if ci else "not_reported"
    bounds = {} if ci is None else {"low": _reported(ci[0], unit), "high": _reported(ci[1], unit), "level": ci[2]}
    spread = Dispersion(
        cast("Any", kind),
        _reported(has["se"], unit) if kind == "se" else None,
        **cast("Any", bounds),
        scale="log" if measure in _RATIOS else "linear",
    )
    return Contrast(
        **_base(row, name),
        arm=arm,
        comparator=comparator,
        measure=cast("Any", measure),
        value=_reported(has["estimate"], unit),
        dispersion=spread,
        p=_p(row),
    )


def _log_bounds(ci: tuple[Number, Number, float] | None) -> bool:
    return ci is not None and ci[0].value <= 0


# ---- arms in rows of their own ----------------------------------------------------------------
def _paired(making: _Making, found: list[Finding], sheet: Sheet) -> list[Finding]:
    """Return findings with the p between two arms, where the sheet has one row an arm."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for f in found:
        if isinstance(f, Continuous | Dichotomous) and f.arm not in ("all", "both", "total", "overall"):
            groups.setdefault((type(f), f.outcome, f.timeframe), []).append(f)
    rows = {row.number: row for row in sheet.rows}
    partner: dict[str, Between] = {}
    for (kind, *_), group in groups.items():
        if kind is Dichotomous:  # beside a mean, the p of a row is that of the means
            group = [f for f in group if "mean" not in rows[f.line].numbers]
        printed = {p for f in group if (p := _p(rows[f.line])) is not None}
        if not printed:
            continue
        if len(group) != 2 or len(printed) != 1:
            making.notes.append(
                f"{rows[group[0].line].study}: {len(printed)} p of {len(group)} arms, not read as a p between two"
            )
            continue
        first = next(f for f in group if _p(rows[f.line]) is not None)
        other = next(f for f in group if f is not first)
        partner[first.id] = Between(other.id, printed.pop())
    return [replace(f, p_between=partner.get(f.id)) if f.id in partner else f for f in found]
