"""A sheet: its rows with numbers under the names of their columns, and everything that was decided on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from ..foundation.errors import InputError, InvalidSheet, OptionError, Problem
from ..foundation.options import a_choice, a_flag, a_path, a_text
from ..foundation.printable import one_line
from ..registry.files import Budget, shown_path
from .column_names import NUMBERS, TEXTS
from .grid import Cell, Grid, address, bounded, refused
from .header import Column, columns_of, header_row, is_total, sums_of_rows
from .limits import alone, beside
from .numbers import Decimals, Number, Trouble, decimals_of, is_missing, read_number
from .text_files import text_rows
from .workbooks import parquet_rows, python_cell, workbook_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SUFFIXES", "Column", "Row", "Sheet", "read_frame", "read_sheet"]

_TEXT = (".csv", ".tsv", ".tab", ".txt")
_BOOKS = (".xlsx", ".xlsm", ".ods")
SUFFIXES = (*_TEXT, *_BOOKS, ".parquet")
"""Endings of the files that are read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data.

    Attributes
    ----------
    number
        As the spreadsheet numbers it, from 1.
    study
        Name of the study, ``row 7`` where the sheet has no column of them.
    texts, numbers
        Role of a column → what is written there; what is not reported is absent.
    """

    number: int
    study: str
    texts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """A user's table, read by rules that it tells.

    Attributes
    ----------
    path
        The file as messages print it.
    columns
        Role → `Column`.
    rows
        The rows of data; titles, blank rows, headings and totals are in ``notes``.
    notes
        How the file was read, one sentence for each rule that was used.
    unused
        Names of the columns that are not read.
    problems
        What is wrong, with row and column.
    sha256
        Hash of the file's bytes.

    See Also
    --------
    read_sheet : reads one.
    """

    path: str
    columns: Mapping[str, Column]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    sha256: str = ""

    def place(self, row: int, role: str, code: str, message: str, remedy: str) -> Problem:
        """Return the problem of one cell: its row and column, its column's name and its study."""
        column = self.columns.get(role)
        study = next((r.study for r in self.rows if r.number == row), "")
        index = column.index + 1 if column is not None else 0
        return _problem(self.path, row, index, role if column is None else column.name, study, code, message, remedy)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, one column a role; numbers as floats, what is not reported as NaN."""
        import pandas as pd

        data: dict[str, list[object]] = {"study": [r.study for r in self.rows]}
        for role in self.columns:
            if role in NUMBERS:
                data[role] = [float(r.numbers[role].value) if role in r.numbers else float("nan") for r in self.rows]
            elif role != "study":
                data[role] = [r.texts.get(role) for r in self.rows]
        return pd.DataFrame(data, index=pd.Index([r.number for r in self.rows], name="row"))

    def told(self) -> list[str]:
        """Return what was guessed and decided, one line each."""
        named = ", ".join(str(c) for c in self.columns.values())
        lines = [f"{len(self.rows)} row{'s' if len(self.rows) != 1 else ''} of data · {named}"]
        if self.unused:
            lines.append(f"not read: {', '.join(f'`{name}`' for name in self.unused)}")
        return [one_line(line) for line in (*lines, *self.notes)]

    def __repr__(self) -> str:
        return f"<Sheet {one_line(self.path)}: {len(self.rows)} rows, {len(self.problems)} problems>"


def _problem(path: str, row: int, column: int, name: str, study: str, code: str, message: str, remedy: str) -> Problem:
    at = address(row, column) if column else f"row {row}"
    where = one_line(" · ".join(x for x in (f"{at} `{name}`" if name else at, study) if x))
    return Problem(code, path, row, column, where, message, remedy)


def read_sheet(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    strict: bool = True,
) -> Sheet:
    """Read a table of one's own: CSV, TSV, XLSX, ODS or Parquet.

    Columns are known by the field's usual names; title rows, blank rows, headings and totals are passed over; decimal
    commas, thousands, percent signs and typographic minus signs are read, and words for what is not reported. Each
    rule that was used is in ``notes``; what can be read in two ways is refused, with its row and column.

    Parameters
    ----------
    path
        The file; its ending says its format. As large as a record may be (``LAMEVIDENCE_MAX_FILE_MB``).
    columns
        Role → name of the column, where the names do not tell: ``{"events": "Ev.T"}``.
    sheet
        Name of the sheet of a workbook, where several hold data.
    decimal
        Decimal sign, ``"."`` or ``","``, where the numbers do not tell.
    encoding
        Of a text file; without it UTF-8 and UTF-16 are told apart by their bytes, anything else is Windows-1252.
    separator
        Of a text file; without it the one under which the columns have names.
    strict
        Raise when there is any error; with False return what could be read, problems attached.

    Returns
    -------
    Sheet
        Columns, rows, notes and problems.

    Raises
    ------
    InvalidSheet
        All problems, each with row, column and study.
    InputError
        The file cannot be read at all.
    OptionError
        Another format, or a library that is not installed.
    UnknownName
        A column or a sheet that is not there; names the nearest one.

    See Also
    --------
    lamevidence.audit.audit_file : compares the numbers of a sheet with each other.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "trials.csv"
    >>> _ = file.write_text("Trial;Ev.T;N.T;Ev.C;N.C\\nLee 2010;3;40;7;41\\n")
    >>> sheet = read_sheet(file)
    >>> [str(c) for c in sheet.columns.values()][:2]
    ['study ← `Trial`', 'events ← `Ev.T`']
    """
    a_flag("strict", strict)
    file = a_path("path", path)
    for name, value in (("sheet", sheet), ("encoding", encoding)):
        if value is not None:
            a_text(name, value)
    if decimal is not None:
        a_choice("decimal", decimal, (".", ","))
    told = _columns_told(columns)
    found = _read(_grid(file, sheet, encoding, separator), told, decimal)
    if strict and any(p.is_error for p in found.problems):
        raise InvalidSheet(found.problems)
    return found


def read_frame(frame: pd.DataFrame, *, columns: Mapping[str, str] | None = None, decimal: str | None = None) -> Sheet:
    """Return a DataFrame as a sheet, problems attached; its names are row 1.

    Parameters
    ----------
    frame
        One row a study, arm or comparison.
    columns, decimal
        As in `read_sheet`.

    Raises
    ------
    InputError
        Not a DataFrame, or no row.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"the frame is a {type(frame).__name__} · give a pandas DataFrame, one row an arm or comparison"
        )
    if len(frame) == 0:
        raise InputError("the frame has no rows · give one row an arm or comparison")
    if decimal is not None:
        a_choice("decimal", decimal, (".", ","))
    told = _columns_told(columns)
    bounded("frame", len(frame), frame.shape[1])
    head = tuple(Cell(str(name)) for name in frame.columns)
    columns_ = [frame.iloc[:, i].astype(object).tolist() for i in range(frame.shape[1])]
    rows = tuple(tuple(map(python_cell, row)) for row in zip(*columns_, strict=True))
    return _read(Grid("frame", (head, *rows)), told, decimal)


def _columns_told(columns: Mapping[str, str] | None) -> dict[str, str]:
    if columns is not None and not isinstance(columns, Mapping):
        raise OptionError('columns is a mapping from roles to names of columns · for example {"events": "Ev.T"}')
    return {a_text("role", k): a_text("name of a column", v) for k, v in (columns or {}).items()}


def _grid(file: Path, sheet: str | None, encoding: str | None, separator: str | None) -> Grid:
    suffix = file.suffix.casefold()
    shown = shown_path(file, None)
    a_choice("ending of a table", suffix, SUFFIXES)
    for name, value, fits in (
        ("sheet", sheet, suffix in _BOOKS),
        ("encoding", encoding, suffix in _TEXT),
        ("separator", separator, suffix in _TEXT),
    ):
        if value is not None and not fits:
            raise OptionError(f"{name}={value!r} is not for a {suffix} file · leave it out")
    budget = Budget()
    data = budget.take(file, shown)
    if isinstance(data, Problem):
        raise refused(shown, data.message, data.remedy)
    if not data.strip():
        raise refused(shown, "the file is empty", "give one row of names and one row a study")
    if suffix in _TEXT:
        rows, notes = text_rows(data, shown, suffix, encoding, separator)
    elif suffix in _BOOKS:
        rows, notes = workbook_rows(data, shown, suffix, sheet, budget.file_mb)
    else:
        rows, notes = parquet_rows(data, shown, budget.file_mb)
    return Grid(shown, rows, tuple(notes), sha256(data).hexdigest())


# ---- from cells to rows -----------------------------------------------------------------------
def _read(grid: Grid, told: Mapping[str, str], decimal: str | None) -> Sheet:
    header = header_row(grid, told)
    columns, problems, unused = columns_of(grid, header, told)
    notes = list(grid.notes)
    titles = [i + 1 for i, row in enumerate(grid.rows[:header]) if any(not c.blank for c in row)]
    if titles:
        notes.append(f"{_rows(titles)} above the names of the columns passed over")
    numeric = [c for c in columns.values() if c.role in NUMBERS]
    data, found = _data_rows(grid, header, columns, numeric)
    notes += found
    width = len(grid.rows[header])
    problems += _ragged(grid, data, width)
    if decimal is not None:
        sign: Decimals = "," if decimal == "," else "."
    else:
        cells = [_cell(grid.rows[i], c) for i in data for c in numeric]
        sign = decimals_of(cells)
    reader = _Reader(grid, columns, numeric, sign, decimal is not None)
    rows = _told_apart([reader.row(i) for i in data], columns, notes)
    for row in (rows[i] for i in sums_of_rows([r.numbers for r in rows])):
        notes.append(f"row {row.number} (`{row.study}`) is the sum of those above it and was read as a study: a total?")
    if not data:
        problems.append(
            _problem(grid.path, header + 1, 0, "", "", "LE006", "no row of data", "write one row a study below it")
        )
    ordered = sorted((*problems, *reader.problems), key=lambda p: (p.line, p.column, p.code))
    return Sheet(
        grid.path, columns, rows, (*notes, *reader.notes()), tuple(unused), tuple(dict.fromkeys(ordered)), grid.sha256
    )


def _told_apart(rows: list[Row], columns: Mapping[str, Column], notes: list[str]) -> tuple[Row, ...]:
    """Return the rows; studies of one name and several years are named with their year, and that is said."""
    years: dict[str, set[str]] = {}
    for row in rows:
        years.setdefault(row.study.casefold(), set()).add(row.texts.get("year", ""))
    several = {name for name, found in years.items() if len(found) > 1 and "" not in found}
    if several:
        names = ", ".join(dict.fromkeys(row.study for row in rows if row.study.casefold() in several))
        notes.append(f"studies of one name told apart by `{columns['year'].name}`: {names}")
    return tuple(
        replace(row, study=f"{row.study} {row.texts['year']}") if row.study.casefold() in several else row
        for row in rows
    )


def _cell(row: tuple[Cell, ...], column: Column) -> Cell:
    return row[column.index] if column.index < len(row) else Cell("")


def _rows(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    shown = ", ".join(map(str, numbers[:6]))
    return f"rows {shown}" + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")


def _data_rows(
    grid: Grid, header: int, columns: Mapping[str, Column], numeric: list[Column]
) -> tuple[list[int], list[str]]:
    """Return the indexes of the rows of data, and what the others are."""
    others: dict[str, list[int]] = {}
    data = []
    names = [c.text.strip() for c in grid.rows[header]]
    for i, row in enumerate(grid.rows[header + 1 :], header + 1):
        full = [c for c in row if not c.blank]
        first = _cell(row, columns["study"]) if "study" in columns else (full[0] if full else Cell(""))
        if not full:
            others.setdefault("blank", []).append(i + 1)
        elif [c.text.strip() for c in row] == names:
            others.setdefault("the names of the columns again", []).append(i + 1)
        elif is_total(first) or is_total(full[0]):
            others.setdefault("totals, no studies", []).append(i + 1)
        elif len(full) == 1 and full[0].kind == "text" and all(_cell(row, c).blank for c in numeric):
            others.setdefault("headings or notes without a number", []).append(i + 1)
        else:
            data.append(i)
    return data, [f"{_rows(where)} passed over: {what}" for what, where in others.items()]


def _ragged(grid: Grid, data: list[int], width: int) -> list[Problem]:
    """Refuse rows with more cells than there are names: a separator stands within a number or a name."""
    found = []
    for i in data:
        beyond = next((j for j, c in enumerate(grid.rows[i][width:], width) if not c.blank), None)
        if beyond is not None:
            told = f"`{grid.rows[i][beyond].text[:40]}` stands beyond the {width} columns that have a name"
            remedy = "a separator within a number or a name? put that cell in quotes, or name the column"
            found.append(_problem(grid.path, i + 1, beyond + 1, "", "", "LE107", told, remedy))
    return found


class _Reader:
    """Reads rows; counts which rules were needed where."""

    def __init__(
        self, grid: Grid, columns: Mapping[str, Column], numeric: list[Column], sign: Decimals, said: bool
    ) -> None:
        self.grid, self.columns, self.numeric, self.sign, self.said = grid, columns, numeric, sign, said
        self.problems: list[Problem] = []
        self.used: dict[str, list[str]] = {}
        self.words: Counter[str] = Counter()

    def row(self, i: int) -> Row:
        """Return one row; what is wrong with it is filed."""
        cells = self.grid.rows[i]
        texts = {}
        for role, column in self.columns.items():
            if role in TEXTS and not is_missing(cell := _cell(cells, column)):
                texts[role] = " ".join(cell.text.split())
        study = texts.pop("study", "")
        if not study and "study" in self.columns:
            self._file(i, "study", "", Trouble("LE108", "no study is named", "write its name in every row"))
        study = study or f"row {i + 1}"
        numbers: dict[str, Number] = {}
        for column in self.numeric:
            made = self._number(i, column, study, _cell(cells, column))
            if made is not None:
                numbers[column.role] = made
        for role, trouble in beside(numbers):
            self._file(i, role, study, trouble)
        return Row(i + 1, study, texts, numbers)

    def _number(self, i: int, column: Column, study: str, cell: Cell) -> Number | None:
        if is_missing(cell):
            if not cell.blank:
                self.words[cell.text.strip()] += 1
            return None
        made = read_number(cell, self.sign, told=self.said)
        trouble = made if isinstance(made, Trouble) else alone(column.role, made)
        if isinstance(made, Trouble) or trouble is not None:
            self._file(i, column.role, study, trouble or Trouble("LE103", "", ""))
            return None
        for rule in made.rules:
            self.used.setdefault(rule, []).append(address(i + 1, column.index + 1))
        if made.percent and (column.role.endswith("proportion") or column.role == "ci_level"):
            return replace(made, value=made.value.scaleb(-2))
        return made

    def _file(self, i: int, role: str, study: str, trouble: Trouble) -> None:
        column = self.columns[role]
        at = (i + 1, column.index + 1, column.name, study)
        self.problems.append(_problem(self.grid.path, *at, trouble.code, trouble.message, trouble.remedy))

    def notes(self) -> list[str]:
        """Return one sentence for each rule that was used."""
        lines = []
        for rule, places in self.used.items():
            shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
            lines.append(f"{_RULES[rule]} in {len(places)} cell{'s' if len(places) > 1 else ''} ({shown})")
        if self.words:
            said = ", ".join(f"`{one_line(word)}` {n} time{'s' if n > 1 else ''}" for word, n in self.words.items())
            lines.append(f"not reported: {said}")
        return lines


_RULES = {
    "decimal comma": "decimal commas read as points",
    "thousands": "separators of thousands taken out",
    "percent sign": "percent signs taken off",
    "typographic minus": "typographic minus signs read as minus",
    "raised decimal point": "raised decimal points read as points",
}
