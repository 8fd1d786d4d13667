"""From a FILE of one's own to a table of effect estimates: which columns, which rows, which scale, all of it said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..effects.column_aliases import FRIENDLY
from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES, Measure
from ..effects.measures.measure_words import measure_code
from ..effects.recovery.standard_errors import se_from_ci
from ..effects.table_row import Excluded
from ..foundation.errors import InputError, InvalidSheet, OptionError, Problem
from ..foundation.lineage import Lineage, Locator, Reported, half_width
from ..foundation.options import a_choice
from ..sheets import Sheet, read_sheet
from ..sheets.table import Row

__all__ = ["OwnTable", "own_table"]

_READING = ("sheet", "decimal", "encoding", "separator")
_NOT_COLUMNS = ("measure", "outcome", "ci_level", "scale", "by", "unit", "na", *_READING)
_ROLES = {"total": "n", "control_total": "control_n"}
_ESTIMATES = ("estimate", "se", "vi", "ci_low", "ci_high")


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A file as evidence.

    Attributes
    ----------
    table
        Its rows; those left out are in ``excluded``.
    told
        What was guessed and decided, one line each.
    by
        Name of the moderator of groups, empty for none.
    """

    table: EvidenceTable
    told: tuple[str, ...]
    by: str = ""


def own_table(path: Path, given: Mapping[str, str]) -> OwnTable:
    """Return the evidence in a file.

    Parameters
    ----------
    path
        CSV, TSV, XLSX, ODS or Parquet.
    given
        Option → what was given, as `TABLE_WORDS` lists them.

    Raises
    ------
    InvalidSheet
        Cells that are used and are no numbers, numbers that are not reported, or one study twice.
    OptionError
        The columns do not make the measure.
    """
    if "na" in given:
        a_choice("--na", given["na"], ("drop",))
    columns = _columns(given)
    if "by" in given:
        columns["design"] = given["by"]
    options = {name: given.get(name) for name in _READING}
    sheet = read_sheet(path, columns=columns, strict=False, **options)
    measure = _measure(sheet, given)
    inputs = _inputs(sheet, measure, columns)
    sheet = replace(sheet, problems=_relevant(sheet, inputs))
    sheet, others = _of_outcome(sheet, given.get("outcome"))
    rows, left, problems = _usable(sheet, inputs, drop="na" in given)
    if any(p.is_error for p in (*sheet.problems, *problems)):
        raise InvalidSheet([*sheet.problems, *problems])
    if not rows:
        raise InputError(f"{sheet.path}: no row has {', '.join(inputs)} · nothing to pool")
    table, notes = _made(sheet, rows, measure, inputs, given)
    used = [sheet.columns[role] for role in ("study", *inputs) if role in sheet.columns]
    told = [f"{measure.code}, {measure.title}: {', '.join(map(str, used))}", *sheet.notes, *notes]
    told += [f"{len(others)} rows of other outcomes left out"] if others else []
    told += [f"left out: {e.label} ({e.reason})" for e in left]
    lineage = tuple(
        _lineage(sheet, row, inputs, *numbers)
        for row, *numbers in zip(rows, table.yi.tolist(), table.sei.tolist(), strict=True)
    )
    table = replace(table, excluded=(*others, *left), lineage=lineage)
    return OwnTable(table, tuple(told), given.get("by", ""))


def _of_outcome(sheet: Sheet, asked: str | None) -> tuple[Sheet, list[Excluded]]:
    """Return the sheet with the rows of one outcome, and the others.

    Raises
    ------
    OptionError
        Several outcomes and none is asked for, or one that is not there.
    """
    found = {row.texts.get("outcome", "") for row in sheet.rows}
    if asked is None:
        if len(found) > 1:
            names = ", ".join(sorted(name or "a blank one" for name in found))
            raise OptionError(f"{sheet.path}: {len(found)} outcomes: {names} · pool one: --outcome {max(found)!r}")
        return sheet, []
    if "outcome" not in sheet.columns:
        raise OptionError(f"--outcome {asked!r}, but {sheet.path} has no column of outcomes · leave it out")
    a_choice("outcome", asked, sorted(found - {""}))
    kept = [row for row in sheet.rows if row.texts.get("outcome") == asked]
    others = [row for row in sheet.rows if row.texts.get("outcome") != asked]
    numbers = {row.number for row in others}
    problems = tuple(p for p in sheet.problems if p.line not in numbers)
    left = [Excluded(r.study, f"row {r.number}: another outcome", "other_outcome", "", r.study) for r in others]
    return replace(sheet, rows=tuple(kept), problems=problems), left


def _unit(sheet: Sheet, rows: Sequence[Row], measure: Measure, asked: str | None) -> str | None:
    """Return the unit of the estimates: that of all rows, or the one that is said.

    Raises
    ------
    OptionError
        A unit for a pure number, several units, or another than the column has.
    """
    if measure.dimension != "outcome" and measure.code != "GEN":
        if asked is not None:
            raise OptionError(f"--unit {asked!r}: {measure.title} has none · leave it out")
        return None
    found = {row.texts["unit"] for row in rows if "unit" in row.texts}
    if len(found) > 1:
        raise OptionError(f"{sheet.path}: several units: {', '.join(sorted(found))} · convert them to one in the sheet")
    if asked is not None and found - {asked}:
        raise OptionError(f"--unit {asked!r}, but the column says {found.pop()!r} · leave it out")
    return asked or (found.pop() if found else None)


def _lineage(sheet: Sheet, row: Row, inputs: Sequence[str], yi: float, sei: float) -> Lineage:
    """Return the cells of the sheet behind one row; bounds where estimate and standard error are pooled as printed."""
    cells = []
    for role in inputs:
        column, value = sheet.columns[role], row.numbers[role].value
        at = Locator(sheet.path, row=str(row.number), column=column.name)
        cells.append((f"row {row.number}", column.name, Reported(value, None, half_width(value)), at))
    if tuple(inputs) == ("estimate", "se"):
        y, s = (row.numbers[role].value for role in inputs)
        if float(y) == yi and math.isclose(float(s), sei, rel_tol=1e-12):
            (a, b), (c, d) = ((float(x - half_width(x)), float(x + half_width(x))) for x in (y, s))
            return Lineage(row.study, tuple(cells), (), (a, b), (max(c, 0.0) ** 2, d**2))
    return Lineage(row.study, tuple(cells))


def _columns(given: Mapping[str, str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for word, name in given.items():
        if word not in _NOT_COLUMNS:
            role = _ROLES.get(word, word)
            if role in columns:
                raise OptionError(f"--{word.replace('_', '-')} is given twice, in two words · give it once")
            columns[role] = name
    return columns


def _measure(sheet: Sheet, given: Mapping[str, str]) -> Measure:
    if "measure" in given:
        return MEASURES[measure_code(given["measure"])]
    column = sheet.columns.get("estimate")
    said = {measure_code(r.texts["measure"]) for r in sheet.rows if "measure" in r.texts}
    if len(said) == 1:
        return MEASURES[said.pop()]
    if column is not None and column.measure and not said:
        return MEASURES[column.measure.removeprefix("log")]
    if said:
        raise OptionError(f"several measures in one file: {', '.join(sorted(said))} · pool one: --measure, a file each")
    fits = [code for code in ("OR", "RR", "RD", "IRR", "MD", "SMD", "PLO", "IRLN", "MN") if _raw(sheet, MEASURES[code])]
    listed = f"these columns make {', '.join(fits)}" if fits else "OR, RR, RD, MD, SMD, PLO …, or GEN for estimates"
    raise OptionError(f"no measure is named · say it: --measure; {listed}")


def _raw(sheet: Sheet, measure: Measure) -> tuple[str, ...]:
    """Return the roles that make a measure from printed numbers, empty where the sheet lacks one."""
    words = {name: _ROLES.get(word, word) for word, name in reversed(FRIENDLY.get(measure.family, {}).items())}
    for names in (measure.needs, *measure.alternatives):
        roles = tuple(words.get(name, name) for name in names)
        if roles and all(role in sheet.columns for role in roles):
            return roles
    # a 2 × 2 table is usually printed as events and patients
    roles = ("events", "n", "control_events", "control_n")
    return roles if measure.family == "two-by-two" and all(r in sheet.columns for r in roles) else ()


def _inputs(sheet: Sheet, measure: Measure, told: Mapping[str, str]) -> tuple[str, ...]:
    """Return the roles that are used: printed numbers where they make the measure, else estimates."""
    raw = _raw(sheet, measure)
    if raw and "estimate" not in told:
        return raw
    has = [role for role in _ESTIMATES if role in sheet.columns]
    named = [role for role in _ESTIMATES[1:] if role in told]
    for spread in (("se",), ("vi",), ("ci_low", "ci_high")):
        # what is named goes first; else the first that the sheet has
        if "estimate" in has and all(r in has for r in spread) and (not named or spread[0] in named):
            return ("estimate", *spread)
    words = FRIENDLY.get(measure.family, {})
    needs = " ".join(f"--{w.replace('_', '-')}" for w, name in words.items() if name in measure.needs)
    needs = "--events --total --control-events --control-total" if measure.family == "two-by-two" else needs
    raise OptionError(
        f"{sheet.path}: no columns that make {measure.code} · name them: {needs or '--estimate'},"
        " or --estimate with --se, --vi, or --ci-low and --ci-high;"
        f" columns: {', '.join([*(c.name for c in sheet.columns.values()), *sheet.unused])}"
    )


def _relevant(sheet: Sheet, inputs: Sequence[str]) -> tuple[Problem, ...]:
    """Return the problems of the columns that are used, and those of the table as a whole."""
    used = {sheet.columns[role].index + 1 for role in (*inputs, "study") if role in sheet.columns}
    return tuple(p for p in sheet.problems if p.column in used or not p.column or p.code in ("LE107", "LE002"))


def _usable(sheet: Sheet, inputs: Sequence[str], *, drop: bool) -> tuple[list[Row], list[Excluded], list[Problem]]:
    rows: list[Row] = []
    left: list[Excluded] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for row in sheet.rows:
        lacking = [role for role in inputs if role not in row.numbers]
        faults = {(p.line, p.column) for p in sheet.problems}
        if lacking and not any(line == row.number for line, _ in faults):
            names = ", ".join(f"`{sheet.columns[role].name}`" for role in lacking)
            if drop:
                left.append(
                    Excluded(row.study, f"row {row.number}: {names} not reported", "not_reported", "", row.study)
                )
            else:
                told = f"{names} not reported"
                remedy = "write the number, or leave such rows out: --na drop"
                problems.append(sheet.place(row.number, lacking[0], "LE102", told, remedy))
            continue
        first = seen.setdefault(row.study.casefold(), row.number)
        if first != row.number:
            told = f"{row.study} is in row {first} and in row {row.number}"
            remedy = "its rows share patients: delete one, or give them names of their own if they do not"
            problems.append(sheet.place(row.number, "study", "LE301", told, remedy))
        rows.append(row)
    return rows, left, problems


def _made(
    sheet: Sheet, rows: Sequence[Row], measure: Measure, inputs: Sequence[str], given: Mapping[str, str]
) -> tuple[EvidenceTable, list[str]]:
    import pandas as pd

    values = {role: [float(row.numbers[role].value) for row in rows] for role in inputs}
    studies = [row.study for row in rows]
    groups = [row.texts.get("design", "not reported") for row in rows]
    by = given.get("by", "")
    common: dict[str, Any] = {"unit": _unit(sheet, rows, measure, given.get("unit")), "title": Path(sheet.path).stem}
    if "estimate" not in inputs:
        for name in ("scale", "ci_level"):
            if name in given:
                raise OptionError(
                    f"--{name.replace('_', '-')} is for estimates, and {measure.code} is made from counts or means"
                )
        name_of = {role: sheet.columns[role].name for role in inputs}
        study = sheet.columns["study"].name if "study" in sheet.columns else ""
        if by in name_of.values():
            raise OptionError(f"--by {by!r} is a column of numbers that are pooled · name one of groups")
        data: dict[str, Any] = {name_of[role]: column for role, column in values.items()}
        frame = pd.DataFrame({**data, study or "study": studies, **({by: groups} if by else {})})
        words = _words(measure, inputs)
        named: dict[str, Any] = {words[role]: name_of[role] for role in inputs}
        named |= {"study": study or "study", "moderators": [by] if by else None}
        return EvidenceTable.from_frame(frame, measure.code, **named, **common), []
    yi, sei, notes = _estimates(sheet, rows, measure, values, given)
    n = [int(row.numbers["n"].value) if "n" in row.numbers else math.nan for row in rows]
    common["n"] = n if "n" in sheet.columns else None
    made = EvidenceTable.from_estimates(
        yi, sei=sei, studies=studies, measure=measure.code, moderators={by: groups} if by else None, **common
    )
    return made, notes


def _words(measure: Measure, inputs: Sequence[str]) -> dict[str, str]:
    """Return role → the word by which `from_frame` takes it."""
    back = {_ROLES.get(word, word): word for word in FRIENDLY.get(measure.family, {})}
    return {role: back.get(role, role) for role in inputs}


def _estimates(
    sheet: Sheet, rows: Sequence[Row], measure: Measure, values: Mapping[str, list[float]], given: Mapping[str, str]
) -> tuple[list[float], list[float], list[str]]:
    """Return estimates and standard errors on the analysis scale."""
    notes = []
    log = measure.scale == "log" and _on_ratio_scale(sheet, measure, values, given)
    if log and "ci_low" not in values:
        raise OptionError(
            f"`{sheet.columns['estimate'].name}` holds ratios, and their standard errors may be of the ratio or of its"
            " log · give --ci-low and --ci-high, or the logs with --scale log"
        )
    if measure.scale == "log":
        notes.append(f"estimates are {'ratios: their logs are pooled' if log else 'logs of ratios'}")
    elif "scale" in given:
        raise OptionError(f"--scale is for ratios, and {measure.code} is none · leave it out")
    moved = {role: [math.log(x) for x in column] if log else column for role, column in values.items()}
    if "ci_low" not in moved:
        if "ci_level" in given:
            raise OptionError("--ci-level is of --ci-low and --ci-high · leave it out, or give them")
        spread = moved["se"] if "se" in moved else [math.sqrt(x) for x in moved["vi"]]
        return moved["estimate"], spread, notes
    level = _level(sheet, rows, given)
    if "ci_level" not in given and "ci_level" not in sheet.columns:
        notes.append("intervals are read as 95 %: no column says their level (--ci-level)")
    pairs = zip(moved["ci_low"], moved["ci_high"], level, strict=True)
    return moved["estimate"], [float(se_from_ci(low, high, at)) for low, high, at in pairs], notes


def _level(sheet: Sheet, rows: Sequence[Row], given: Mapping[str, str]) -> list[float]:
    if "ci_level" in given:
        try:
            level = float(given["ci_level"])
        except ValueError:
            level = math.nan
        level = level / 100 if level > 1 else level
        if not 0.5 <= level < 1:
            raise OptionError(f"--ci-level {given['ci_level']} is no level of an interval · write 95 or 0.95")
        return [level] * len(rows)
    found = [float(row.numbers["ci_level"].value) if "ci_level" in row.numbers else 0.95 for row in rows]
    return [x / 100 if x > 1 else x for x in found]


def _on_ratio_scale(
    sheet: Sheet, measure: Measure, values: Mapping[str, list[float]], given: Mapping[str, str]
) -> bool:
    """Tell whether estimates of a ratio are ratios and not their logs: by word, name, sign or symmetry."""
    if "scale" in given:
        ratio = a_choice("--scale", given["scale"], ("log", "ratio")) == "ratio"
        if ratio and min(x for column in values.values() for x in column) <= 0:
            raise InputError(f"{sheet.path}: a ratio is above 0, and there are others · give --scale log")
        return ratio
    named = sheet.columns["estimate"].measure
    every = [x for role in ("estimate", "ci_low", "ci_high") if role in values for x in values[role]]
    if named.startswith("log") or min(every) <= 0:
        return False
    if named == measure.code:
        return True
    if "ci_low" in values:
        rows = list(zip(values["ci_low"], values["estimate"], values["ci_high"], strict=True))
        plain = sum(_lopsided(*row) for row in rows)
        logs = sum(_lopsided(*map(math.log, row)) for row in rows)
        if logs < plain / 2:
            return True
        if plain < logs / 2:
            return False
    raise OptionError(
        f"`{sheet.columns['estimate'].name}` may hold ratios or their logs · say which: --scale ratio or --scale log"
    )


def _lopsided(low: float, middle: float, high: float) -> float:
    """Return by which part of an interval its sides differ."""
    return abs((high - middle) - (middle - low)) / (high - low) if high > low else 0.0
