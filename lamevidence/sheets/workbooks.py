"""XLSX, ODS and Parquet: computed values as displayed; archives that unpack to more than a sheet are not opened."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ..foundation.errors import InputError, OptionError, UnknownName
from ..foundation.printable import one_line
from .grid import EMPTY, MOST_COLUMNS, MOST_ROWS, Cell, bounded, refused

__all__ = ["parquet_rows", "python_cell", "workbook_rows"]

_UNPACKED = 20
"""A workbook may unpack to this many times the size that a file may have."""
Rows = list[tuple[Cell, ...]]


def workbook_rows(
    data: bytes, path: str, suffix: str, sheet: str | None, megabytes: float
) -> tuple[tuple[tuple[Cell, ...], ...], list[str]]:
    """Return the rows of one sheet of an XLSX or ODS workbook, and how it was read.

    Raises
    ------
    InputError
        The file is no such workbook, unpacks to too much, or has several sheets with data and none is named.
    OptionError
        The library that reads it is not installed; the message has the command.
    """
    _safe_archive(data, path, megabytes)
    reader = _ods if suffix == ".ods" else _xlsx
    try:
        sheets = reader(data, path)
    except (InputError, OptionError):
        raise
    except Exception as error:  # a damaged workbook fails anywhere in the library
        said = one_line(str(error))[:200] or type(error).__name__
        raise refused(path, f"not a workbook that can be read ({said})", "open and save it anew, or as CSV") from None
    name = _chosen(sheets, path, sheet)
    rows, formulas = sheets[name]
    notes = [f"sheet {name!r}"] if len(sheets) > 1 else []
    if formulas:
        notes.append(f"{formulas} cell{'s' if formulas > 1 else ''} with a formula: the value last computed is read")
    return tuple(rows), notes


def _chosen(sheets: dict[str, tuple[Rows, int]], path: str, asked: str | None) -> str:
    if asked is not None:
        if asked not in sheets:
            raise UnknownName("sheet", asked, sheets)
        return asked
    full = [name for name, (rows, _) in sheets.items() if any(not c.blank for row in rows for c in row)]
    if len(full) > 1:
        names = ", ".join(map(repr, full))
        raise refused(path, f"{len(full)} sheets hold data: {names}", f"say which: sheet={full[0]!r} (--sheet)")
    return full[0] if full else next(iter(sheets))


def _safe_archive(data: bytes, path: str, megabytes: float) -> None:
    """Refuse an archive that unpacks to too much, or whose XML declares entities."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise refused(path, "an old Excel workbook, or one with a password", "save it as .xlsx without one, or as CSV")
    most = int(_UNPACKED * megabytes * 1_000_000)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > 2000 or sum(e.file_size for e in entries) > most:
                limit = f"more than {most / 1e6:g} MB in at most 2000 parts"
                raise refused(path, f"unpacks to {limit}: it is not opened", "save the sheet alone, as CSV")
            if any(e.flag_bits & 1 for e in entries):
                raise refused(path, "protected by a password", "save it without one, or as CSV")
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    # entities are declared before the root element
                    with archive.open(entry) as part:
                        head = part.read(10_000).replace(b"\0", b"")
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise refused(path, "its XML declares entities: it is not opened", "save it anew, or as CSV")
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise refused(path, "not a workbook: no zip archive that can be read", "save it anew, or as CSV") from None


def _library(name: str, package: str) -> Any:  # noqa: ANN401
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise OptionError(_missing(package)) from None


def _missing(package: str) -> str:
    return (
        f"{package} is not installed, which reads this format · pip install {package},"
        " or pip install 'lamevidence[sheets]'; or save the file as CSV"
    )


# ---- XLSX -------------------------------------------------------------------------------------
def _xlsx(data: bytes, path: str) -> dict[str, tuple[Rows, int]]:
    import warnings

    openpyxl = _library("openpyxl", "openpyxl")
    with warnings.catch_warnings(action="ignore"):  # of styles and extensions that hold no data
        values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        found = {}
        for shown, written in zip(values.worksheets, formulas.worksheets, strict=True):
            if shown.sheet_state == "visible":
                found[shown.title] = _xlsx_sheet(shown, written, path)
    if not found:
        raise refused(path, "no sheet that is shown", "show the sheet, or save it as CSV")
    return found


def _xlsx_sheet(shown: Any, written: Any, path: str) -> tuple[Rows, int]:  # noqa: ANN401
    rows: Rows = []
    formulas = blank = 0
    for sheet in (shown, written):
        sheet.reset_dimensions()  # what a workbook says of its size need not be so
    for row, raw in zip(shown.iter_rows(), written.iter_rows(), strict=True):
        cells = []
        for cell, formula in zip(row, raw, strict=True):
            computed = formula.data_type == "f"
            formulas += computed
            cells.append(_xlsx_cell(cell, formula.value if computed else None))
        while cells and cells[-1].blank:
            cells.pop()
        blank = 0 if cells else blank + 1
        rows.append(tuple(cells))
        bounded(path, len(rows) - blank if blank < MOST_ROWS else len(rows), len(cells))
    return rows[: len(rows) - blank], formulas


def _xlsx_cell(cell: Any, formula: object) -> Cell:  # noqa: ANN401
    value = cell.value
    if value is None:
        return EMPTY if formula is None else Cell(str(formula), "formula")
    if isinstance(value, bool):
        return Cell(str(value).upper(), "truth")
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "General")
    if cell.data_type == "e":
        return EMPTY if value == "#N/A" else Cell(str(value), "error")
    return Cell(value) if isinstance(value, str) else Cell(str(value), "date")


def _number(value: float, style: str) -> Cell:
    """Return a number with the decimals that its format displays, and every digit that it has besides."""
    if value != value or value in (float("inf"), float("-inf")):
        return Cell(str(value), "error")
    number = Decimal(format(value, ".15g"))
    section = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", style.split(";")[0])
    percent = section.endswith("%")
    number = number.scaleb(2) if percent else number
    decimals = re.search(r"[0#?]\.([0?]+)", section)
    return Cell(_with_decimals(number, len(decimals.group(1)) if decimals else 0) + "%" * percent, "number")


def _with_decimals(number: Decimal, least: int) -> str:
    number = number.normalize()
    exponent = number.as_tuple().exponent
    places = max(least, -exponent if isinstance(exponent, int) else 0)
    return f"{number:.{places}f}" if number.adjusted() < 30 and places < 60 else str(number)


# ---- ODS --------------------------------------------------------------------------------------
def _ods(data: bytes, path: str) -> dict[str, tuple[Rows, int]]:
    opendocument = _library("odf.opendocument", "odfpy")
    document = opendocument.load(io.BytesIO(data))
    body = getattr(document, "spreadsheet", None)
    if body is None:
        raise refused(path, "an OpenDocument file that is no spreadsheet", "give an .ods file, or save it as CSV")
    found: dict[str, tuple[Rows, int]] = {}
    for child in body.childNodes:
        if _tag(child) == "table":
            found[_attribute(child, "name") or f"Sheet{len(found) + 1}"] = _ods_sheet(child, path)
    if not found:
        raise refused(path, "no sheet in it", "save it anew, or as CSV")
    return found


def _tag(node: Any) -> str:  # noqa: ANN401
    return node.qname[1] if getattr(node, "qname", None) else ""


def _attribute(node: Any, name: str) -> str:  # noqa: ANN401
    return next((str(v) for (_, key), v in (node.attributes or {}).items() if key == name), "")


def _times(node: Any, name: str) -> int:  # noqa: ANN401
    text = _attribute(node, name)
    return min(int(text), 10**7) if text.isdigit() else 1


def _ods_rows(table: Any) -> Iterator[Any]:  # noqa: ANN401
    for child in table.childNodes:
        if _tag(child) == "table-row":
            yield child
        elif _tag(child) in ("table-rows", "table-header-rows", "table-row-group"):
            yield from _ods_rows(child)


def _ods_sheet(table: Any, path: str) -> tuple[Rows, int]:  # noqa: ANN401
    rows: Rows = []
    formulas = blank = 0
    for node in _ods_rows(table):
        cells: list[Cell] = []
        for child in node.childNodes:
            if _tag(child) not in ("table-cell", "covered-table-cell"):
                continue
            cell = _ods_cell(child)
            formulas += bool(_attribute(child, "formula"))
            times = _times(child, "number-columns-repeated")
            if not cell.blank:
                bounded(path, 0, len(cells) + times)
            cells += [cell] * min(times, MOST_COLUMNS + 1)
            del cells[2 * MOST_COLUMNS :]
        while cells and cells[-1].blank:
            cells.pop()
        times = _times(node, "number-rows-repeated")
        if cells:
            bounded(path, len(rows) + blank + times, len(cells))
            rows += [()] * blank + [tuple(cells)] * times
            blank = 0
        else:
            blank = min(blank + times, 10**7)
    return rows, formulas


def _ods_cell(node: Any) -> Cell:  # noqa: ANN401
    kind, shown = _attribute(node, "value-type"), _ods_text(node).strip()
    if kind in ("float", "currency", "percentage"):
        value = _attribute(node, "value")
        number = Decimal(format(float(value), ".15g"))
        percent = kind == "percentage"
        decimals = re.search(r"[.,](\d+)\D*\Z", shown)
        places = len(decimals.group(1)) if decimals else 0
        return Cell(_with_decimals(number.scaleb(2) if percent else number, places) + "%" * percent, "number")
    if kind in ("date", "time"):
        return Cell(shown, "date")
    if kind == "boolean":
        return Cell(shown.upper(), "truth")
    if _attribute(node, "formula") and (not shown or re.match(r"#|Err:", shown)):
        return EMPTY if shown == "#N/A" else Cell(shown or _attribute(node, "formula"), "error" if shown else "formula")
    return Cell(shown) if shown else EMPTY


def _ods_text(node: Any) -> str:  # noqa: ANN401
    """Return the text of a cell without the comments pinned to it."""
    parts = []
    for child in node.childNodes:
        if _tag(child) == "annotation":
            continue
        if _tag(child) == "s":
            parts.append(" " * _times(child, "c"))
        elif child.nodeType == child.TEXT_NODE:
            parts.append(str(child.data))
        else:
            parts.append(_ods_text(child) + ("\n" if _tag(child) == "p" else ""))
    return "".join(parts)


# ---- Parquet ----------------------------------------------------------------------------------
def parquet_rows(data: bytes, path: str, megabytes: float) -> tuple[tuple[tuple[Cell, ...], ...], list[str]]:
    """Return the names of the columns as row 1 and the rows of a Parquet file below.

    Raises
    ------
    InputError
        It cannot be read, or unpacks to too much.
    OptionError
        pyarrow is not installed; the message has the command.
    """
    parquet = _library("pyarrow.parquet", "pyarrow")
    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        meta = file.metadata
        size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        bounded(path, meta.num_rows, meta.num_columns)
        if size > _UNPACKED * megabytes * 1_000_000:
            raise refused(path, f"unpacks to {size / 1e6:.0f} MB: it is not opened", "save the sheet alone")
        table = file.read()
        columns = [column.to_pylist() for column in table.columns]
    except InputError:
        raise
    except Exception as error:  # a damaged file fails anywhere in the library
        said = one_line(str(error))[:200] or type(error).__name__
        raise refused(path, f"not a Parquet file that can be read ({said})", "write it anew, or as CSV") from None
    head = tuple(Cell(str(name)) for name in table.column_names)
    return (head, *(tuple(map(python_cell, row)) for row in zip(*columns, strict=True))), ["row 1 names the columns"]


def python_cell(value: object) -> Cell:
    """Return the cell of a Python object, as Parquet files and frames hold them."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return EMPTY
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return Cell(str(value).upper(), "truth")
    if isinstance(value, int | Decimal):
        return Cell(str(value), "number")
    if isinstance(value, float):
        return _number(value, "General") if abs(value) != float("inf") else Cell(str(value), "error")
    if isinstance(value, str):
        return Cell(value) if value else EMPTY
    return Cell(str(value)[:80], "date" if hasattr(value, "isoformat") else "other")
