"""Every quirk is read right and said, or refused with its row, its column and its study."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamevidence.errors import InputError, InvalidSheet, OptionError, UnknownName
from lamevidence.sheets import read_sheet
from lamevidence.sheets.column_names import ROLES, role_of
from lamevidence.sheets.grid import Cell
from lamevidence.sheets.numbers import Number, read_number
from tests.sheets.quirks import READ, REFUSED


def file_of(folder, quirk):
    path = folder / f"table{quirk.suffix}"
    path.write_bytes(quirk.data)
    return path


@pytest.mark.parametrize("quirk", READ, ids=lambda q: q.name)
def test_what_is_read_is_right_and_said(tmp_path, quirk):
    sheet = read_sheet(file_of(tmp_path, quirk), **quirk.options)
    frame = sheet.to_frame()
    for role, values in quirk.values.items():
        expected = [float("nan") if x is None else x for x in values]
        assert frame[role].tolist() == pytest.approx(expected, nan_ok=True)
    told = "\n".join(sheet.told())
    for words in quirk.says:
        assert words in told
    assert "\x1b" not in told


@pytest.mark.parametrize("quirk", REFUSED, ids=lambda q: q.name)
def test_what_is_refused_has_row_column_and_study(tmp_path, quirk):
    path = file_of(tmp_path, quirk)
    with pytest.raises(InvalidSheet) as caught:
        read_sheet(path, **quirk.options)
    found = caught.value.problems
    assert [(p.line, p.column, p.code) for p in found] == list(quirk.at)
    text = " ".join(f"{p.message} {p.remedy}" for p in found)
    assert quirk.words in text
    for problem in found:
        assert f"{path.name}:{problem.line}:{problem.column}" in str(caught.value)
        if problem.column and problem.line > 1 and problem.code not in ("LE108", "LE107"):
            assert "Lee" in problem.where or "Park" in problem.where or "row" in problem.where
    assert "Traceback" not in text


def test_remedies_work_on_the_same_data(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('study,mean,sd\nLee,"1,234",2\n')
    for sign, value in ((",", 1.234), (".", 1234.0)):
        assert read_sheet(path, decimal=sign).to_frame()["mean"].tolist() == [value]
    path.write_text("study,cases,deaths,n\nLee,3,15,20\n")
    assert read_sheet(path, columns={"events": "deaths"}).to_frame()["events"].tolist() == [15]
    path.write_text("study,events_treatment,n,events_control,control n\nLee,3,15,2,15\n")
    assert read_sheet(path).to_frame()["control_events"].tolist() == [2]
    path.write_text("study,mean,sd,n\nLee,12,3,40\n")
    assert read_sheet(path).to_frame()["sd"].tolist() == [3]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *((n, "events") for n in ("ai", "Ev.T", "event.e", "events_1", "Treatment events", "r1", "cases", "nEvents")),
        *((n, "control_events") for n in ("event.c", "Ev.C", "events_2", "Control events", "placebo_events", "r2")),
        *((n, "n") for n in ("n1i", "n.e", "N", "Total", "n_treat", "nT", "sample size", "Number randomised"[7:])),
        *((n, "control_n") for n in ("n2i", "n.c", "Control total", "n_ctrl", "N2")),
        *((n, "mean") for n in ("mean", "m1i", "Mean.T", "mean1")),
        *((n, "control_sd") for n in ("sd2i", "SD.C", "sd_control", "sd2")),
        *((n, "ci_low") for n in ("95% CI lower", "LCL", "ci.lb", "lower", "CI_low", "lower 95% CI", "95%CI_lower")),
        *((n, "ci_high") for n in ("95% CI upper", "UCL", "ci.ub", "upper", "Upper 95 % CI")),
        *(
            (n, "estimate")
            for n in ("yi", "TE", "Odds ratio", "logOR", "log_rr", "HR", "Mean difference", "Effect size")
        ),
        *((n, "se") for n in ("seTE", "sei", "Standard error", "SEM")),
        *((n, "p") for n in ("p", "P-value", "p.value", "pval")),
        *((n, "study") for n in ("Study", "Trial", "Author", "slab", "studlab", "Study ID")),
        *((n, "percent") for n in ("%", "Percent", "pct")),
        *((n, "person_time") for n in ("t1i", "person-years", "PY", "pyrs_1")),
        *((n, "") for n in ("weight", "country", "notes", "DOI")),
    ],
)
def test_usual_names(name, role):
    assert role_of(name)[0] == role


def test_control_events_of_metafor_are_told_from_an_interval():
    assert role_of("ci", frozenset({"ai", "ci"}))[0] == "control_events"
    assert role_of("ci")[0] == ""


def test_digits_are_kept_as_printed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,mean,n\nLee,2.30,46\n")
    assert read_sheet(path).rows[0].numbers["mean"].value.as_tuple() == Decimal("2.30").as_tuple()


def test_told_names_of_columns_and_those_that_are_not_there(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("who,hit,all\nLee,3,40\n")
    sheet = read_sheet(path, columns={"study": "who", "events": "hit", "n": "all"})
    assert sheet.rows[0].study == "Lee"
    assert not sheet.columns["events"].guessed
    with pytest.raises(UnknownName, match="did you mean 'hit'"):
        read_sheet(path, columns={"events": "hitt"})
    with pytest.raises(UnknownName, match="column role"):
        read_sheet(path, columns={"evnts": "hit"})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sheet": "A"}, "not for a .csv"),
        ({"decimal": ";"}, "decimal"),
        ({"encoding": "utf-99"}, "latin-1"),
        ({"separator": "x"}, "separator"),
    ],
)
def test_options_that_do_not_apply(tmp_path, options, says):
    path = tmp_path / "t.csv"
    path.write_text("study,events,n\nLee,3,40\n")
    with pytest.raises((OptionError, InputError), match=says):
        read_sheet(path, **options)


def test_another_format_names_those_that_are_read(tmp_path):
    (tmp_path / "t.docx").write_bytes(b"x")
    with pytest.raises(OptionError, match="xlsx"):
        read_sheet(tmp_path / "t.docx")


def test_without_strict_the_problems_are_attached(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,events,n\nLee,x,40\n")
    sheet = read_sheet(path, strict=False)
    assert [p.code for p in sheet.problems] == ["LE103"]
    assert sheet.rows[0].numbers.keys() == {"n"}


# ---- properties --------------------------------------------------------------------------------
DECIMALS = st.decimals(-(10**6), 10**6, places=2, allow_nan=False)


@given(DECIMALS)
def test_a_number_is_read_as_it_is_however_it_is_dressed(x):
    plain = f"{x:f}"
    for text in (plain, plain.replace("-", "−"), plain.replace(".", ","), f" {plain}\u00a0"):
        made = read_number(Cell(text))
        assert isinstance(made, Number)
        assert made.value == x


@given(st.integers(1000, 10**9), st.sampled_from([" ", "\u00a0", "\u202f", "'", "’"]))
def test_thousands_are_taken_out(n, sign):
    made = read_number(Cell(f"{n:,}".replace(",", sign)))
    assert isinstance(made, Number)
    assert made.value == n


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_told_in_one_line(text):
    made = read_number(Cell(text))
    if not isinstance(made, Number):
        assert made.code.startswith("LE")
        assert made.message
        assert made.remedy


@given(st.text(max_size=40))
def test_any_name_has_a_role_or_none(name):
    assert role_of(name)[0] in (*ROLES, "")


def test_a_frame_comes_back_as_it_was(tmp_path):
    frame = pd.DataFrame({"study": ["Lee", "Kim"], "events": [3, 5], "n": [40, 50], "mean": [1.25, -2.5]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.csv", index=False, sep=";", decimal=",")
    frame.to_parquet(tmp_path / "c.parquet", index=False)
    for name in ("a.csv", "b.csv", "c.parquet"):
        back = read_sheet(tmp_path / name).to_frame()
        for column in ("events", "n", "mean"):
            assert back[column].tolist() == frame[column].tolist()


def test_the_page_names_every_role():
    page = (Path(__file__).parents[2] / "docs" / "sheets.md").read_text(encoding="utf-8")
    assert [role for role in ROLES if f"`{role}`" not in page] == []


SUMMED = [
    ("Lee,3,10\nPark,5,20\nWszyscy,8,30\n", ["Wszyscy"]),
    ("Lee,3,10\nPark,5,20\nX,8,30\nKim,1,9\nChoi,2,9\nY,3,18\n", ["X", "Y"]),
    ("Lee,3,10\nPark,5,20\nKim,8,31\n", []),
    ("Lee,0,10\nPark,0,20\nKim,0,30\n", []),
    ("Lee,3,10\nPark,3,10\n", []),
    ("Lee,3,10\nPark,,20\nKim,3,30\n", []),
]


@pytest.mark.parametrize(("rows", "named"), SUMMED)
def test_a_row_that_is_the_sum_of_those_above_is_told(tmp_path, rows, named):
    path = tmp_path / "t.csv"
    path.write_text(f"study,events,total\n{rows}")
    told = "\n".join(read_sheet(path).told())
    assert told.count("is the sum of those above it") == len(named)
    assert all(f"(`{name}`) is the sum" in told for name in named)


@pytest.mark.parametrize("word", ["Gesamt", "Zwischensumme (95 %-KI)", "Sous-total", "Totaal"])
def test_totals_in_other_languages_are_no_studies(tmp_path, word):
    path = tmp_path / "t.csv"
    path.write_text(f"study,events,total\nLee,3,10\nPark,5,20\n{word},8,30\n")
    sheet = read_sheet(path)
    assert len(sheet.rows) == 2
    assert "row 4 passed over: totals" in "\n".join(sheet.told())
