# ruff: noqa: E501  a message is quoted whole
"""Files and folders that are not records at all: each has its own problem, none a traceback."""

from __future__ import annotations

import json
import os
from decimal import Decimal

import pytest

from lamevidence.foundation.errors import InvalidRegistry, OptionError, UnknownName
from lamevidence.registry import parse_cache
from lamevidence.registry.files import read_yaml
from lamevidence.registry.report import render_problems
from lamevidence.registry.schema import json_schema
from lamevidence.workspace import load_registry
from tests.registry.bad_records import RECORD, injured, problems_in, shipped, told

FILES = [
    (
        "not utf-8",
        RECORD.replace("Jou", "Jöu").encode("latin-1"),
        ["LE003 8:35 byte 0xF6 is not UTF-8 | save the file as UTF-8"],
    ),
    (
        "byte order mark",
        b"\xef\xbb\xbf" + RECORD.encode(),
        ["LW004 1:1 the file starts with a byte order mark | save it as UTF-8 without BOM"],
    ),
    (
        "crlf",
        RECORD.replace("\n", "\r\n").encode(),
        ["LW005 1:1 lines end with CR LF | save the file with LF line ends"],
    ),
    ("empty", b"", ["LE006 1:1 the file is empty | delete it, or fill it in from the example in studies/README.md"]),
    (
        "comment only",
        b"# later\n",
        ["LE006 1:1 the file is empty | delete it, or fill it in from the example in studies/README.md"],
    ),
    (
        "a list",
        b"- id: doe-2011\n",
        ["LE107 1:1 the file holds a list, a record is a mapping | start with `id: \u2026`, one study a file"],
    ),
    (
        "text",
        b"hello\n",
        ["LE107 1:1 the file holds text, a record is a mapping | start with `id: \u2026`, one study a file"],
    ),
    ("control character", b"id: a\x07b\n", ["LE001 1:6 not valid YAML: control character U+0007 | delete it"]),
]


@pytest.mark.parametrize(("data", "expected"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_what_is_not_a_record(data, expected):
    assert told(problems_in(data)) == expected


def write_registry(folder, records, **others):
    (folder / "records").mkdir(parents=True)
    (folder / "vocabulary.yaml").write_bytes((shipped().root / "vocabulary.yaml").read_bytes())
    for name, text in records.items():
        (folder / "records" / f"{name}.yaml").write_text(text, encoding="utf-8")
    for name, text in others.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def second(**edits):
    """The invented record under another id, with its own DOI, PMID and trial number."""
    text = RECORD.replace("doe-2011", "roe-2012").replace("10.1000/xyz", "10.1000/abc")
    text = text.replace("12345678", "87654321").replace("NCT00000000", "NCT11111111")
    for old, new in edits.items():
        text = text.replace(old, new)
    return text


def test_missing_folder(tmp_path):
    with pytest.raises(InvalidRegistry, match="the registry folder does not exist"):
        load_registry(tmp_path / "none")


def test_folder_without_records(tmp_path):
    messages = [p.message for p in load_registry(tmp_path, strict=False).problems]
    assert "the folder records/ is missing" in messages
    assert "cannot read the file: No such file or directory" in messages


def test_all_problems_of_all_files_in_one_pass(tmp_path):
    bad = second().replace("value: 1\n", "value: n.s.\n", 1)
    folder = write_registry(
        tmp_path / "r", {"doe-2011": injured(("arm: sirolimus", "arm: sirolimis")), "roe-2012": bad}
    )
    with pytest.raises(InvalidRegistry) as caught:
        load_registry(folder)
    found = {(p.path, p.line, p.code) for p in caught.value.problems if p.is_error}
    assert found == {("records/doe-2011.yaml", 17, "LE304"), ("records/roe-2012.yaml", 21, "LE103")}
    assert "2 errors in the registry" in str(caught.value)


def test_a_good_folder_loads(tmp_path):
    registry = load_registry(write_registry(tmp_path / "r", {"doe-2011": RECORD}))
    study = registry.study("doe-2011")
    slope = study.finding("slope")
    assert (slope.value.value, slope.value.unit, slope.value.rounding) == (Decimal(1), "mL/month", Decimal("0.5"))
    assert slope.line == 14
    assert study.path == "records/doe-2011.yaml"
    assert study.sha256 == registry.documents[study.path].sha256
    with pytest.raises(UnknownName, match="did you mean 'doe-2011'"):
        registry.study("doe-2001")
    with pytest.raises(UnknownName, match="did you mean 'fev1_slope'"):
        registry.findings("fev1_slop")
    assert [f.id for _, f in registry.findings("fev1_slope", kind="contrast")] == ["difference"]


def test_trailing_zeros_are_kept(tmp_path):
    folder = write_registry(tmp_path / "r", {"doe-2011": injured(("value: 1\n", "value: 1.00\n"), ("1±2", "1.00±2"))})
    value = load_registry(folder).study("doe-2011").finding("slope").value
    assert (str(value.value), value.rounding) == ("1.00", Decimal("0.005"))


def test_doubled_reports_and_ids(tmp_path):
    clash = RECORD.replace("doe-2011", "roe-2012").replace("Springfield", "Shelbyville")
    registry = load_registry(write_registry(tmp_path / "r", {"doe-2011": RECORD, "roe-2012": clash}), strict=False)
    help_ = "a second report of one study goes under its `publications`; two cohorts of one report are declared in overlaps.yaml"
    assert told(registry.problems) == [
        f"LE302 8:72 10.1000/xyz is in doe-2011 and roe-2012 | {help_}",
        f"LE302 8:91 PMID 12345678 is in doe-2011 and roe-2012 | {help_}",
        f"LE302 6:50 NCT00000000 is in doe-2011 and roe-2012 | {help_}",
    ]


def test_same_id_in_two_files(tmp_path):
    registry = load_registry(write_registry(tmp_path / "r", {"doe-2011": RECORD, "roe-2012": RECORD}), strict=False)
    assert "id doe-2011 in a file named roe-2012.yaml" in [p.message for p in registry.problems]


def test_likely_overlap_is_questioned_until_declared(tmp_path):
    records = {"doe-2011": RECORD, "roe-2012": second()}
    registry = load_registry(write_registry(tmp_path / "a", records))
    assert told(registry.problems) == [
        "LW312 9:67 doe-2011 and roe-2012 look as if they shared patients: centre Springfield, years 2006-12 to 2010-09 "
        "and 2006-12 to 2010-09 | declare the group in overlaps.yaml, or acknowledge LW312 with a discrepancy note when they do not"
    ]
    declared = (
        "- {id: springfield, studies: [doe-2011, roe-2012], kind: partial, reason: same centre, basis: the papers}\n"
    )
    registry = load_registry(write_registry(tmp_path / "b", records, overlaps=declared))
    assert registry.problems == ()
    assert registry.overlap_groups[0].studies == ("doe-2011", "roe-2012")


def test_overlaps_and_excluded_have_their_own_problems(tmp_path):
    overlaps = "- {id: a, studies: [doe-2011, roe-2012], kind: some, reason: x, basis: y}\n"
    overlaps += "- {id: b, studies: [doe-2011, doe-2012], kind: partial, reason: x, basis: y}\n"
    excluded = "- {stage: title, reason: no data}\n- {citation: X, reason: no data}\n"
    folder = write_registry(tmp_path / "r", {"doe-2011": RECORD}, overlaps=overlaps, excluded=excluded)
    assert told(load_registry(folder, strict=False).problems) == [
        "LE106 1:48 `some` is not allowed here | allowed: same_patients, partial, shared_control, possible",
        "LE304 2:31 unknown study `doe-2012` | did you mean `doe-2011`? choices: doe-2011",
        "LE102 2:3 `stage` is missing | add it; what the source does not say is written not_reported",
        "LE102 1:3 `study` or `citation` is missing | name the paper",
    ]


def test_report_as_a_compiler_prints_it():
    text = render_problems(problems_in(injured(("value: 1\n", "value: −1,5\n"))))
    assert text == (
        'error[LE111]: number uses the typographic minus "−" (U+2212) and a decimal comma\n'
        "  --> records/doe-2011.yaml:21:12   findings[0].value\n"
        "  21 |     value: −1,5\n"
        "     |            ^^^^\n"
        "  help: write -1.5\n\n"
        "1 error, 0 warnings"
    )


def test_report_as_json_and_for_github():
    problems = problems_in(injured(("value: 1\n", "value: n.s.\n")))
    data = json.loads(render_problems(problems, "json"))
    assert (data["errors"], data["warnings"]) == (1, 0)
    assert list(data["problems"][0]) == ["code", "path", "line", "column", "where", "message", "remedy"]
    assert data["problems"][0]["where"] == "findings[0].value"
    assert render_problems(problems, "github").startswith(
        "::error file=records/doe-2011.yaml,line=21,col=12,title=LE103::`n.s.` is not a number · "
    )
    with pytest.raises(OptionError, match="choose text, json or github"):
        render_problems(problems, "xml")


def test_schema_has_not_drifted():
    assert (load_registry(strict=False).root / "study.schema.json").read_text(encoding="utf-8") == json_schema()


def test_cache_holds_the_same_tree(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "doe-2011.yaml"
    path.write_text(RECORD, encoding="utf-8")
    fresh = read_yaml(path).root
    kept = list((tmp_path / "cache").rglob("*.json"))
    assert len(kept) == 1
    assert read_yaml(path).root == fresh
    kept[0].write_text("[1, 2", encoding="utf-8")
    assert read_yaml(path).root == fresh


def test_cache_that_cannot_be_written_is_passed_over(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert parse_cache.cache_folder() == blocked / "lamevidence" / parse_cache.cache_folder().name
    path = tmp_path / "doe-2011.yaml"
    path.write_text(RECORD, encoding="utf-8")
    assert read_yaml(path).root is not None
    assert os.listdir(tmp_path) != []
