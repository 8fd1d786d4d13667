"""The audit of one's own extraction sheet: which checks ran on how many rows, which could not, and what they found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..effects.measures import MEASURES
from ..effects.measures.measure_words import measure_code
from ..foundation.errors import Problem
from ..foundation.options import a_flag
from ..foundation.printable import one_line
from ..registry.report import problems_json, render_problems
from ..sheets import Sheet, read_sheet
from ..sheets.table import Row, read_frame
from .doubts import CHECKS, COMPARISONS, Compared, Doubt
from .sheet_studies import SheetStudies, sheet_studies

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CheckRun", "SheetAudit", "audit_file", "audit_table"]

_HANDBOOK = "Cochrane Handbook 6.5.2.2"
_HELP = {
    "LE213": "one of the two is misread, or belongs to another arm",
    "LW214": "a sign lost, the log of one of them, or another row?",
    "LW215": "a misread digit, another test, or an SD taken for an SE?",
    "LW203": "compare the legend of the table: is it an SE or an SD?",
    "LW223": "another unit or scale than the other studies?",
    "LW204": "compare the legend of the table: is it an SE or an SD?",
    "LW216": "a mean, its ± or its arm misread, or another test?",
    "LW217": "a count or its arm misread, or another test?",
    "LE218": "a bound, the count or the level misread?",
    "LW219": "a sign, a digit or the arm misread, or an adjusted estimate?",
    "LW233": "another denominator, or a digit misread?",
    "LW236": "another n, an SE for an SD, or a digit misread?",
    "LW238": "one of them misread, or other patients?",
    "LW222": "the unit misread?",
}
"""Code → what to look for in the source; a sheet has no field to acknowledge a doubt in."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One check on a sheet.

    Attributes
    ----------
    code, title
        Of the check.
    rows
        How many rows it compared.
    lacking
        What the sheet lacks for it; columns that do as well as each other are joined by ``or``.
    """

    code: str
    title: str
    rows: int
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True)
class SheetAudit:
    """What the printed numbers of a sheet contradict, and which checks looked.

    Attributes
    ----------
    sheet
        The sheet as it was read.
    problems
        What was found, in the order of rows; ``LE…`` is an error, ``LW…`` a warning.
    runs
        Every check, with the rows that it compared or the columns that it lacks.
    notes
        What had to be decided.
    """

    sheet: Sheet
    problems: tuple[Problem, ...]
    runs: tuple[CheckRun, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when nothing is an error."""
        return not any(p.is_error for p in self.problems)

    def strict(self) -> SheetAudit:
        """Return the same with every warning an error."""
        return replace(self, problems=tuple(replace(p, code="LE" + p.code[2:]) for p in self.problems))

    def render(self) -> str:
        """Return all of it as text: how the sheet was read, the problems, the checks."""
        ran = [r for r in self.runs if r.rows]
        idle = [r for r in self.runs if not r.rows]
        lines = [*self.sheet.told(), *map(one_line, self.notes), ""]
        lines += [f"{r.code}  {r.title}: {r.rows} row{'s' if r.rows != 1 else ''}" for r in ran]
        if not ran:
            lines.append("no check had what it needs")
        if idle:
            lines.append("not run:")
            lines += [f"{r.code}  {r.title}: {_lacks(r)}" for r in idle]
        return "\n".join([*lines, "", render_problems(self.problems)])

    def to_json(self) -> dict[str, Any]:
        """Return the public JSON shape."""
        columns = {c.role: {"name": c.name, "guessed": c.guessed} for c in self.sheet.columns.values()}
        runs = [{"code": r.code, "title": r.title, "rows": r.rows, "lacking": list(r.lacking)} for r in self.runs]
        read = {"path": self.sheet.path, "rows": len(self.sheet.rows), "columns": columns}
        told = {"not_read": list(self.sheet.unused), "notes": [*self.sheet.notes, *self.notes]}
        return {**read, **told, "checks": runs, **problems_json(self.problems)}

    def to_frame(self) -> pd.DataFrame:
        """Return the problems as a DataFrame: row, column, code, message and what to look for."""
        import pandas as pd

        rows = [(p.line, p.column, p.where, p.code, p.message, p.remedy) for p in self.problems]
        return pd.DataFrame(rows, columns=["row", "column", "where", "code", "message", "remedy"])

    def __repr__(self) -> str:
        ran = sum(r.rows > 0 for r in self.runs)
        errors = sum(p.is_error for p in self.problems)
        return (
            f"<SheetAudit {one_line(self.sheet.path)}: {errors} errors, {len(self.problems) - errors} warnings;"
            f" {ran} of {len(self.runs)} checks ran>"
        )


def _lacks(run: CheckRun) -> str:
    if run.lacking:
        return f"no column {', no column '.join(run.lacking)}"
    return "no row has all that it needs, or no other study to compare with"


def audit_file(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    measure: str | None = None,
    sheet: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    strict: bool = False,
) -> SheetAudit:
    """Audit an extraction sheet: do its printed numbers agree with each other?

    The checks are those of the registry: GRIM, GRIMMER and DEBIT, counts and percentages, p values of two arms,
    intervals of proportions, contrasts against their arms, intervals against standard errors, and SE or SD by the
    likelihood of the printed p values.

    Parameters
    ----------
    path
        CSV, TSV, XLSX, ODS or Parquet: one row an arm (with a column ``arm``), or one row a comparison.
    columns
        Role → name of the column, where the names do not tell.
    measure
        Measure of the column of estimates, where no column says it: ``OR``, ``odds ratio``, ``MD`` …
    sheet
        Name of the sheet of a workbook.
    decimal
        Decimal sign, where the numbers do not tell.
    encoding
        Of a text file.
    separator
        Of a text file.
    strict
        Count every warning as an error.

    Returns
    -------
    SheetAudit
        Problems with row and column, and for each check how many rows it compared or which column it lacks.

    Raises
    ------
    InputError
        The file cannot be read at all.
    UnknownName
        A column, sheet or measure that is not there; names the nearest one.

    See Also
    --------
    audit_table : the same for a DataFrame.
    audit : the same for a registry of records.

    References
    ----------
    Brown & Heathers 2017, doi:10.1177/1948550616673876. Each check names its own in `CHECKS`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "extracted.csv"
    >>> _ = file.write_text("study,events,n,percent\\nLee 2010,16,36,47.2\\n")
    >>> [p.message for p in audit_file(file).problems]
    ['47.2 % of 36 is 17, recorded 16']
    """
    a_flag("strict", strict)
    code = _measure(measure)
    read = read_sheet(
        path,
        columns=columns,
        sheet=sheet,
        decimal=decimal,
        encoding=encoding,
        separator=separator,
        strict=False,
    )
    found = _audited(read, code)
    return found.strict() if strict else found


def audit_table(
    frame: pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    measure: str | None = None,
    decimal: str | None = None,
    strict: bool = False,
) -> SheetAudit:
    """Audit a DataFrame of extracted numbers, as `audit_file` does a file.

    Numbers as text keep the digits as printed (``"2.30"``), which the checks of whole numbers need; a float has
    lost its trailing zeros.

    Parameters
    ----------
    frame
        One row an arm (with a column ``arm``), or one row a comparison.
    columns
        Role → name of the column, where the names do not tell.
    measure
        Measure of the column of estimates, where no column says it.
    decimal
        Decimal sign of numbers that are text, where they do not tell.
    strict
        Count every warning as an error.

    Returns
    -------
    SheetAudit
        Rows are numbered as a spreadsheet would: the names are row 1.

    Raises
    ------
    InputError
        Not a DataFrame, or no row names the columns.
    UnknownName
        A column or measure that is not there; names the nearest one.

    See Also
    --------
    audit_file : the same for a file.

    References
    ----------
    Brown & Heathers 2017, doi:10.1177/1948550616673876. Each check names its own in `CHECKS`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"study": ["Lee"], "mean": ["2.31"], "n": [46], "whole": ["yes"]})
    >>> audit_table(frame).problems[0].message
    'no whole number over 46 prints as 2.31'
    """
    a_flag("strict", strict)
    code = _measure(measure)
    found = _audited(read_frame(frame, columns=columns, decimal=decimal), code)
    return found.strict() if strict else found


def _measure(given: str | None) -> str:
    return "" if given is None else MEASURES[measure_code(given)].code


def _audited(sheet: Sheet, measure: str) -> SheetAudit:
    made = sheet_studies(sheet, measure)
    problems = [*sheet.problems, *made.problems]
    runs = []
    for entry in CHECKS.entries():
        comparison = COMPARISONS.get(entry.item)
        if comparison is None:
            continue
        rows: set[int] = set()
        for study in made.registry.studies:
            for found in comparison.run(study, made.registry):
                if isinstance(found, Compared):
                    rows.add(found.finding.line)
                else:
                    problems.append(_placed(sheet, made, entry.code, found))
        runs.append(CheckRun(entry.code, entry.title, len(rows), () if rows else _lacking(sheet, comparison.needs)))
    spreads = list(_spreads(sheet))
    found_there = [problem for _, problem in spreads if problem is not None]
    needs = ("sd", "se|mean_se", "n")
    runs.append(CheckRun("LE213", "SE against SD and n", len(spreads), () if spreads else _lacking(sheet, needs)))
    ordered = sorted((*problems, *found_there), key=lambda p: (p.line, p.column, p.code))
    return SheetAudit(sheet, tuple(dict.fromkeys(ordered)), tuple(runs), made.notes)


def _lacking(sheet: Sheet, needs: tuple[str, ...]) -> tuple[str, ...]:
    words = [need.split("|") for need in needs]
    return tuple(" or ".join(names) for names in words if not any(name in sheet.columns for name in names))


def _placed(sheet: Sheet, made: SheetStudies, code: str, doubt: Doubt) -> Problem:
    """Return a doubt as a problem of its cell; the rows beside it are named."""
    role = made.roles.get((doubt.finding.id, doubt.field[0]), "study")
    remedy = _HELP[code] if "acknowledge" in doubt.remedy or "`type:" in doubt.remedy else doubt.remedy
    problem = sheet.place(doubt.finding.line, role, code, doubt.message, remedy)
    beside = sorted({f.line for f in doubt.beside} - {doubt.finding.line})
    return replace(problem, related=tuple(f"{sheet.path}:{line}" for line in beside))


def _spreads(sheet: Sheet) -> Iterator[tuple[Row, Problem | None]]:
    """Compare an SE with the SD and n beside it, rounding included."""
    for row in sheet.rows:
        for prefix in ("", "control_"):
            se = "control_se" if prefix else "mean_se" if "mean_se" in row.numbers else "se"
            if se == "se" and "estimate" in row.numbers:
                continue
            if not {f"{prefix}sd", se, f"{prefix}n"} <= set(row.numbers):
                continue
            sd, error, n = (float(row.numbers[r].value) for r in (f"{prefix}sd", se, f"{prefix}n"))
            hidden = [0.5 * 10.0 ** int(row.numbers[r].value.as_tuple().exponent) for r in (f"{prefix}sd", se)]
            made, room = sd / math.sqrt(n), hidden[0] / math.sqrt(n) + hidden[1]
            if abs(made - error) <= room * (1 + 1e-9):
                yield row, None
                continue
            told = f"SD {row.numbers[f'{prefix}sd'].value} of {n:.0f} makes an SE of {made:.4g}, printed "
            told += str(row.numbers[se].value)
            yield row, sheet.place(row.number, se, "LE213", told, "one of the three misread, or of other patients?")
