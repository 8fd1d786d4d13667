"""Workbooks and Parquet: displayed digits, computed values, several sheets; hostile files are refused in one line."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import io
import os
import time
import zipfile

import pandas as pd
import pytest

from lamevidence.errors import InputError, InvalidSheet, LamEvidenceError, OptionError, UnknownName
from lamevidence.sheets import read_sheet
from lamevidence.sheets import workbooks as module

openpyxl = importlib.import_module("openpyxl")
opendocument = importlib.import_module("odf.opendocument")
odf_table = importlib.import_module("odf.table")
odf_text = importlib.import_module("odf.text")


def xlsx(path, rows, *, formats=None, more=None, name="Data"):
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    for cell, style in (formats or {}).items():
        book.active[cell].number_format = style
    for title, others in (more or {}).items():
        sheet = book.create_sheet(title)
        for row in others:
            sheet.append(row)
    book.save(path)
    return path


def ods(path, rows):
    """Cells are texts, or (type, value, displayed)."""
    document = opendocument.OpenDocumentSpreadsheet()
    table = odf_table.Table(name="Data")
    for row in rows:
        line = odf_table.TableRow()
        for value in row:
            if isinstance(value, tuple):
                kind, number, shown = value
                cell = odf_table.TableCell(valuetype=kind, value=number)
            else:
                shown = value
                cell = odf_table.TableCell(valuetype="string")
            cell.addElement(odf_text.P(text=shown))
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    document.save(str(path))
    return path


HEAD = ["study", "mean", "n", "percent"]


def test_a_workbook_keeps_the_displayed_decimals_and_every_stored_digit(tmp_path):
    rows = [["Table 1"], [], HEAD, ["Lee", 2.3, 46, 0.472], ["Kim", 0.8893, 50, 0.5], ["Total", 3, 96, 1]]
    sheet = read_sheet(xlsx(tmp_path / "a.xlsx", rows, formats={"B4": "0.00", "B5": "0.00", "D4": "0.0%", "D5": "0%"}))
    assert [str(r.numbers["mean"].value) for r in sheet.rows] == ["2.30", "0.8893"]
    assert [str(r.numbers["percent"].value) for r in sheet.rows] == ["47.2", "50"]
    assert [r.number for r in sheet.rows] == [4, 5]
    assert any("totals" in note for note in sheet.notes)


def test_ods_has_the_value_and_the_displayed_decimals(tmp_path):
    row = ["Lee", ("float", "2.3", "2,30"), ("float", "46", "46"), ("percentage", "0.472", "47,2%")]
    (read,) = read_sheet(ods(tmp_path / "a.ods", [HEAD, row])).rows
    assert {k: str(v.value) for k, v in read.numbers.items()} == {"mean": "2.30", "n": "46", "percent": "47.2"}


def test_texts_of_workbooks_go_by_the_same_rules(tmp_path):
    sheet = read_sheet(xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", "−1,5", "46", "47.2 %"], ["Kim", "n/a", 5, None]]))
    assert sheet.to_frame()["mean"].tolist() == pytest.approx([-1.5, float("nan")], nan_ok=True)


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        (datetime.date(2024, 3, 1), "LE107", "date"),
        (True, "LE107", "truth"),
        ("#DIV/0!", "LE103", "error of the spreadsheet"),
        ("=1+1", "LE103", "without a computed value"),
    ],
)
def test_cells_that_are_no_numbers(tmp_path, value, code, says):
    path = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", value, 46, 10]])
    with pytest.raises(InvalidSheet) as caught:
        read_sheet(path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.code) == (2, 2, code)
    assert says in problem.message
    assert problem.where.startswith("B2 `mean`")


def test_several_sheets_are_refused_until_one_is_named(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", 1, 46, 10]], more={"Other": [HEAD, ["Kim", 2, 5, 10]]})
    with pytest.raises(InputError, match="2 sheets hold data: 'Data', 'Other'"):
        read_sheet(path)
    assert read_sheet(path, sheet="Other").rows[0].study == "Kim"
    with pytest.raises(UnknownName, match="did you mean 'Other'"):
        read_sheet(path, sheet="Othr")


def test_an_empty_second_sheet_does_not_matter(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", 1, 46, 10]], more={"Sheet2": []})
    assert len(read_sheet(path).rows) == 1


def test_hidden_sheets_are_not_read_and_hidden_rows_are(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", 1, 46, 10]], more={"Old": [HEAD, ["Kim", 2, 5, 10]]})
    book = openpyxl.load_workbook(path)
    book["Old"].sheet_state = "hidden"
    book["Data"].row_dimensions[2].hidden = True
    book.save(path)
    assert [row.study for row in read_sheet(path).rows] == ["Lee"]


@pytest.mark.parametrize(("suffix", "library"), [(".xlsx", "openpyxl"), (".ods", "odfpy"), (".parquet", "pyarrow")])
def test_a_missing_library_is_named_with_its_command(tmp_path, monkeypatch, suffix, library):
    path = tmp_path / f"a{suffix}"
    frame = pd.DataFrame({"study": ["Lee"], "events": [3], "n": [40]})
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        xlsx(path, [list(frame.columns), ["Lee", 3, 40]])

    def missing(name, package):
        raise OptionError(module._missing(package))

    monkeypatch.setattr(module, "_library", missing)
    with pytest.raises(OptionError, match=f"pip install {library}"):
        read_sheet(path)


def test_the_message_of_a_missing_library():
    with pytest.raises(OptionError, match=r"pip install nothing-here, or pip install 'lamevidence\[sheets\]'"):
        module._library("nothing_here", "nothing-here")


# ---- hostile files -----------------------------------------------------------------------------
def archive(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in parts.items():
            out.writestr(name, data)
    return path


def parts_of(path):
    with zipfile.ZipFile(path) as held:
        return {name: held.read(name) for name in held.namelist()}


def one_line(path, **options):
    start = time.perf_counter()
    with pytest.raises(LamEvidenceError) as caught:
        read_sheet(path, **options)
    assert time.perf_counter() - start < 90
    text = str(caught.value)
    assert "\n" not in text
    assert "\x1b" not in text
    return text


def test_a_zip_bomb_is_not_opened(tmp_path):
    path = archive(tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": b"0" * 60_000_000})
    assert os.path.getsize(path) < 1_000_000
    assert "unpacks to more than" in one_line(path)


def test_entities_are_not_expanded(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", 1, 46, 10]])
    parts = parts_of(path)
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b"<workbook", bomb + b"<workbook", 1)
    assert "entities" in one_line(archive(path, parts))


def test_a_sheet_that_says_it_is_huge_is_read_by_what_it_holds(tmp_path):
    path = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", 1, 46, 10]])
    parts = parts_of(path)
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"A1:D2", b"A1:XFD1048576")
    assert len(read_sheet(archive(path, parts)).rows) == 1


def test_a_cell_far_out_is_refused(tmp_path):
    book = openpyxl.Workbook()
    for i, text in enumerate(HEAD):
        book.active.cell(1, i + 1, text)
    book.active.cell(2, 16000, 3)
    book.save(tmp_path / "a.xlsx")
    assert "columns" in one_line(tmp_path / "a.xlsx")


@pytest.mark.parametrize("suffix", [".xlsx", ".ods", ".parquet"])
@pytest.mark.parametrize("data", [b"x", b"PK\x03\x04", b"\x00" * 100, b"study,events,n\nLee,3,40\n", b"PAR1xxxxPAR1"])
def test_broken_files_are_told_in_one_line(tmp_path, suffix, data):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    one_line(path)


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04zz", b"PAR1", b"%PDF-1.4", b"\xd0\xcf\x11\xe0", b"a\x00b,c\n", b'study,n\n"Lee,3\n']
)
def test_what_is_no_text_is_told_in_one_line(tmp_path, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    one_line(path)


def test_damaged_workbooks_never_trace_back(tmp_path):
    whole = xlsx(tmp_path / "a.xlsx", [HEAD, ["Lee", 1, 46, 10]])
    parts = parts_of(whole)
    for name in parts:
        for damage in (b"", b"<x>", parts[name][: len(parts[name]) // 2]):
            path = archive(tmp_path / "b.xlsx", {**parts, name: damage})
            with contextlib.suppress(LamEvidenceError):
                read_sheet(path)


@pytest.mark.parametrize("make", ["folder", "pipe", "large", "device"])
def test_what_is_no_plain_file_of_a_size(tmp_path, make, monkeypatch):
    path = tmp_path / "a.csv"
    if make == "folder":
        path.mkdir()
    elif make == "pipe":
        os.mkfifo(path)
    elif make == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(b"study,events,n\n" + b"Lee,3,40\n" * 200_000)
    said = one_line(path)
    if make == "large":
        assert "LAMEVIDENCE_MAX_FILE_MB" in said
        monkeypatch.setenv("LAMEVIDENCE_MAX_FILE_MB", "5")
        assert "20000 rows" in one_line(path)


def test_parquet_that_unpacks_to_too_much(tmp_path):
    held = io.BytesIO()
    frame = {"study": [f"{i:06}" * 170 for i in range(19_900)], "events": [1] * 19_900, "n": [2] * 19_900}
    pd.DataFrame(frame | {"note": [f"{i % 7}" * 300 for i in range(19_900)]}).to_parquet(
        held, compression="zstd", use_dictionary=False
    )
    path = tmp_path / "a.parquet"
    path.write_bytes(held.getvalue())
    assert path.stat().st_size < 1_000_000
    assert "unpacks to" in one_line(path)
