"""Flows of records (PRISMA 2020): numbers of published diagrams, their sums, and everything that can be wrong.

The diagrams: AEDS-09-2025-0494 and HE-08-2025-0134 (2025), JTF-01-2022-0023 (2022), as their publisher describes them
in words; a diagram of a student that circulates with the template filled in and whose sums do not hold.
"""

from __future__ import annotations

import copy
import datetime
import math
from decimal import Decimal

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.errors import InvalidFlow, OptionError
from lamevidence.foundation.errors import Problem
from lamevidence.registry.files import parse_yaml
from lamevidence.registry.flow.boxes import BOXES
from lamevidence.registry.flow.counted import counted, flow_problems
from lamevidence.registry.flow.reading import flow_of
from tests.registry.bad_records import RECORD
from tests.registry.test_files import write_registry

NR = "not_reported"


def searched(databases, registers, duplicates, screened, excluded, sought, lost, assessed, out, **others):
    numbers = {"databases": databases, "registers": registers, "duplicates": duplicates, "screened": screened}
    numbers |= {"excluded": excluded, "sought": sought, "not_retrieved": lost, "assessed": assessed}
    return {"automation": 0, "other_reasons": 0, **numbers, "excluded_reports": out, **others}


def flow(part, studies, reports=None, **others):
    return {
        "databases_and_registers": part,
        "included": {"studies": studies, "reports": studies if reports is None else reports},
        **others,
    }


ABSTRACTS = flow(searched(162, 0, 23, 139, 25, 114, 4, 110, {"abstract content": 88}), 22)
SCOPE = flow(searched({"search": 678, "other": 22}, 0, 167, 533, 398, 135, 0, 135, {"outside scope": 93}), 42)
REVISION = flow(
    searched(384, 0, 68, 316, 211, 105, 0, 105, 64),
    47,
    other_methods={"identified": 6, "sought": 6, "not_retrieved": 0, "assessed": 6, "excluded_reports": 0},
)
PUBLISHED = {"abstracts": ABSTRACTS, "scope": SCOPE, "revision": REVISION}
UPDATE = flow(
    searched({"MEDLINE": 412, "Embase": 633}, {"CT.gov": 31}, 387, 672, {"people": 600, "tools": 12}, 60, 4, 56, 40)
    | {"automation": 12, "other_reasons": 5},
    15,
    18,
    other_methods={
        "identified": {"websites": 3, "citations": 2},
        "sought": 5,
        "not_retrieved": 1,
        "assessed": 4,
        "excluded_reports": {"no outcome": 2},
    },
    previous={"studies": 11, "reports": 13},
    total={"studies": 26, "reports": 31},
    searched={"MEDLINE": "2024-12-24", "Embase": "2024-12-26", "websites": "2024"},
)
"""Own numbers; every one of them takes part in a sum."""
CASES = {**PUBLISHED, "update": UPDATE}


def leaves(given, at=()):
    """Yield (place, number) of every number of a flow."""
    for key, value in given.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        elif isinstance(value, int):
            yield (*at, key), value


def changed(given, place, value):
    out = copy.deepcopy(given)
    inner = out
    for key in place[:-1]:
        inner = inner[key]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return out


def problems(given) -> list[Problem]:
    with pytest.raises(InvalidFlow) as caught:
        lam.reports.prisma(given)
    return list(caught.value.problems)


@pytest.mark.parametrize("name", CASES)
def test_a_flow_whose_sums_hold_is_read_number_by_number(name):
    read = lam.reports.prisma(CASES[name])
    rows = read.to_frame()
    found = {(r.part, r.box, *((r["item"],) if r["item"] else ())): r.n for _, r in rows.iterrows()}
    assert found == dict(leaves(CASES[name]))
    assert read.not_reported == ()
    assert read.notes == ()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("by", [1, -1])
def test_every_number_that_is_one_off_is_noticed(name, by):
    """No number of a complete flow is free: each takes part in a sum (a 0 cannot be one less)."""
    for place, n in leaves(CASES[name]):
        if n + by < 0 or (place == ("included", "studies") and "total" not in CASES[name]):
            continue  # without a total the reports make the sum; how many studies they are of is in none
        wrong = changed(CASES[name], place, n + by)
        if place[:2] == ("other_methods", "identified") and by == 1:
            assert "in no box" in lam.reports.prisma(wrong).notes[0]
        else:
            assert "LE701" in {p.code for p in problems(wrong)}, place


def test_numbers_of_a_published_diagram_that_do_not_add_up():
    """3890 records less 400, 50 and 673 are 2767, and 2765 are said to be screened; all later steps hold."""
    part = searched(2, 3888, 400, 2765, 1840, 925, 885, 40, {"outcomes": 25, "intervention": 5, "design": 5})
    wrong = flow(part | {"automation": 50, "other_reasons": 673}, 5)
    (problem,) = problems(wrong)
    assert problem.where == "databases_and_registers.screened"
    assert problem.message == (
        "databases 2 + registers 3888 = 3890,"
        " but duplicates 400 + automation 50 + other reasons 673 + screened 2765 = 3888"
    )
    for mended in (2767 - 2765 + 400, NR):  # the remedy: the right number, or that it was not counted
        assert lam.reports.prisma(changed(wrong, ("databases_and_registers", "duplicates"), mended))


def test_all_sums_are_told_at_once():
    wrong = copy.deepcopy(UPDATE)
    part = wrong["databases_and_registers"]
    part["screened"], part["sought"], part["assessed"] = 671, 61, 58
    wrong["total"]["studies"] = 27
    assert [p.where for p in problems(wrong)] == [
        "databases_and_registers.screened",
        "databases_and_registers.sought",
        "databases_and_registers.assessed",
        "included.reports",
        "total.studies",
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_number_that_is_not_reported_is_unknown_and_not_0(name):
    for place, _ in leaves(CASES[name]):
        read = lam.reports.prisma(changed(CASES[name], place, NR))
        assert ".".join(place[:2]) in read.not_reported
        assert "an unreported number" in read.describe() or "not reported" in read.describe()
        assert "not reported" in repr(read)
    everything = copy.deepcopy(CASES[name])
    for place, _ in leaves(CASES[name]):
        everything = changed(everything, place, NR)
    assert set(lam.reports.prisma(everything).to_frame()["n"].isna()) == {True}


def test_steps_without_a_number_are_passed_over():
    """What left in between and the next number together are the one before: the sum over two steps has to hold."""
    for name in ("screened", "sought", "assessed"):
        at = ("databases_and_registers", name)
        unknown = changed(ABSTRACTS, at, NR)
        assert lam.reports.prisma(unknown)
        (problem,) = problems(changed(unknown, ("databases_and_registers", "excluded"), 24))
        assert problem.code == "LE701"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"duplicates": NR, "screened": 163},
            "databases 162 + registers 0 = 162, but duplicates not reported + automation 0 + other reasons 0"
            " + screened 163 = 163 or more",
        ),
        (
            {"databases": {"A": NR, "B": 170}, "screened": 139},
            "databases not reported + registers 0 = 170 or more, but duplicates 23 + automation 0 + other reasons 0"
            " + screened 139 = 162",
        ),
        ({"screened": NR, "excluded": NR, "duplicates": NR, "sought": 163, "not_retrieved": 53}, "= 163 or more"),
    ],
)
def test_what_is_known_of_a_sum_must_not_exceed_the_other_side(changes, message):
    wrong = copy.deepcopy(ABSTRACTS)
    wrong["databases_and_registers"] |= changes
    assert message in problems(wrong)[0].message


def test_a_published_text_that_reports_some_numbers():
    """4056 records and 9 found by hand, 3257 screened, 209 reports assessed, 126 studies (a preprint's Results)."""
    part = searched(4056, 9, NR, 3257, NR, NR, NR, 209, NR) | {"automation": NR, "other_reasons": NR}
    read = lam.reports.prisma(flow(part, 126, NR))
    assert read.databases_and_registers.screened == 3257
    assert "3257 records were screened and an unreported number excluded." in read.describe()
    assert "209 assessed for eligibility; an unreported number were excluded, for reasons that" in read.describe()
    assert "126 studies (an unreported number of reports) were included." in read.describe()
    too_many = flow(part | {"assessed": 3258}, 126, NR)
    assert problems(too_many)[0].where == "databases_and_registers.assessed"


def test_a_column_that_loses_more_than_it_has_is_told_once():
    wrong = changed(REVISION, ("other_methods", "excluded_reports"), 7)
    (problem,) = problems(wrong)
    assert problem.where == "other_methods.excluded_reports"
    assert problem.message == ("assessed (other methods) 6, but excluded reports (other methods) 7 = 7 or more")


def test_studies_and_their_reports():
    assert problems(changed(ABSTRACTS, ("included", "studies"), 0))[0].message == (
        "included studies 0, reports 22: a report is of at least one study"
    )
    none = flow(searched(5, 0, 0, 5, 5, 0, 0, 0, 0), 0)
    assert lam.reports.prisma(none).describe().count("0 studies (0 reports) were included.") == 1
    assert "a study has at least one report" in problems(changed(none, ("included", "studies"), 3))[0].message
    odd = lam.reports.prisma(changed(ABSTRACTS, ("included", "studies"), 30))
    assert odd.notes == ("included: 30 studies in 22 reports, so a report has several studies",)
    assert "A report has several" not in odd.describe()
    assert odd.notes[0][1:] in odd.describe()
    assert "note: included: 30" in repr(odd)


@pytest.mark.parametrize(("found", "verb"), [(8, "are"), (7, "is")])
def test_records_of_other_methods_that_are_in_no_box(found, verb):
    odd = lam.reports.prisma(changed(REVISION, ("other_methods", "identified"), found))
    assert odd.notes == (f"{found - 6} of {found} records from other methods {verb} in no box: 6 were sought",)
    (problem,) = problems(changed(REVISION, ("other_methods", "identified"), 5))
    assert problem.message == "identified by other methods 5, but sought (other methods) 6 = 6 or more"


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (
            ("databases_and_registers", "screened"),
            None,
            "LE102 `screened` is missing · add it; what the source does not",
        ),
        (("included",), None, "LE102 `included` is missing"),
        (("included", "studies"), -1, "LE243 the count must be a whole number, zero or more, not `-1`"),
        (("included", "studies"), 2.5, "LE242 the count 2.5 is not a whole number"),
        (("included", "studies"), True, "LE103 `true` is not a number"),
        (
            ("included", "studies"),
            "22",
            'LE103 "22" in quotes is text, not a number · the count is a whole number, or not_reported',
        ),
        (("included", "studies"), "NR", "LE103 `NR` is not a number"),
        (("included", "studies"), math.nan, "LE114 `nan` is not data"),
        (("included", "studies"), object(), "LE103"),
        (("included", "studies"), [1], "LE103 a list is not a number"),
        (("databases_and_registers", "databases"), {}, "LE102 no name and no number"),
        (("databases_and_registers", "databases"), {" ": 162}, "LE108 a number without a name"),
        (("databases_and_registers", "databases"), {"MEDLINE": "many"}, "LE103 `many` is not a number"),
        (("databases_and_registers", "databases"), [162], "LE103 a list is not a number"),
        (("databases_and_registers",), 3, "LE107 `3` where fields are expected"),
        (("screend",), 1, "LE101 unknown field `screend`"),
        (("databases_and_registers", "screend"), 1, "LE101 unknown field `screend` · did you mean `screened`?"),
        (("databases_and_registers", "duplicate"), 1, "LE101 unknown field `duplicate` · did you mean `duplicates`?"),
        (("previous",), {"studies": 1, "reports": 1}, "LE102 `previous` without `total` · add `total:"),
        (("total",), {"studies": 22, "reports": 22}, "LE102 `total` without `previous` · add `previous:"),
        (("searched",), "24 December 2024", "LE106 `'24 December 2024'` is not a date"),
        (("searched",), "2024-13-01", "LE106 `'2024-13-01'` is not a date"),
        (("searched",), 2024, 'LE107 `2024` is not text · write a day, a month or a year in quotes: "2024-12-24"'),
    ],
)
def test_what_is_no_flow_is_told_with_the_remedy(place, value, says):
    told = [f"{p.code} {p.message} · {p.remedy}" for p in problems(changed(ABSTRACTS, place, value))]
    assert any(t.startswith(says) for t in told), told


def test_a_sum_is_told_beside_a_number_that_is_wrong_by_itself():
    wrong = changed(ABSTRACTS, ("included", "studies"), "twenty")
    wrong["databases_and_registers"]["sought"] = 113
    found = {(p.code, p.where) for p in problems(wrong)}
    assert {("LE103", "included.studies"), ("LE701", "databases_and_registers.sought")} <= found


def test_a_blank_is_told_once():
    told = problems(changed(ABSTRACTS, ("included", "studies"), None) | {"searched": None})
    assert sorted((p.code, p.where) for p in told) == [("LE102", "included.studies"), ("LE108", "searched")]


def test_numbers_of_other_kinds_are_numbers():
    made = copy.deepcopy(ABSTRACTS)
    made["databases_and_registers"] |= {"databases": np.int64(162), "screened": 139.0, "sought": Decimal(114)}
    made["searched"] = datetime.date(2024, 12, 24)
    assert lam.reports.prisma(made).databases_and_registers.screened == 139
    assert lam.reports.prisma(made).last_searched == "2024-12-24"
    made["databases_and_registers"]["screened"] = np.float64(138.0)
    assert {p.code for p in problems(made)} == {"LE701"}


def test_a_mapping_that_holds_itself_is_no_flow():
    endless = copy.deepcopy(ABSTRACTS)
    endless["included"] = endless
    assert {p.code for p in problems(endless)} >= {"LE101"}


@pytest.mark.parametrize("given", [None, 3, [ABSTRACTS], object()])
def test_what_is_no_source_is_refused(given):
    with pytest.raises(OptionError, match="give a mapping, a YAML file, a registry or its folder"):
        lam.reports.prisma(given)


# ---- dates --------------------------------------------------------------------------------------------------
def test_dates_of_searches():
    read = lam.reports.prisma(UPDATE)
    assert read.last_searched == "2024-12-26"
    assert "searched on: MEDLINE 2024-12-24, Embase 2024-12-26, websites 2024." in read.describe()
    alone = lam.reports.prisma(ABSTRACTS | {"searched": "2024-12"})
    assert alone.describe().endswith("The sources were last searched on 2024-12.")
    for none in (ABSTRACTS, ABSTRACTS | {"searched": NR}):
        assert lam.reports.prisma(none).last_searched == ""
        assert lam.reports.prisma(none).describe().endswith("When the sources were last searched is not reported.")
    wrong = copy.deepcopy(UPDATE)
    wrong["searched"]["Medline"] = wrong["searched"].pop("MEDLINE")
    (problem,) = problems(wrong)
    assert problem.message == "unknown source `Medline`"
    assert problem.remedy == "did you mean `MEDLINE`? choices: CT.gov, Embase, MEDLINE, citations, websites"
    # without names of the sources any name may stand there
    assert lam.reports.prisma(REVISION | {"searched": {"Scopus": "2024"}}).searched == {"Scopus": "2024"}


# ---- words and numbers --------------------------------------------------------------------------------------
def test_sentences_of_a_complete_flow():
    assert lam.reports.prisma(ABSTRACTS).describe() == (
        "Databases gave 162 records and registers 0. Before screening, 23 duplicates, 0 records marked as ineligible"
        " by automation tools and 0 records for other reasons were removed. 139 records were screened and 25 excluded."
        " 114 reports were sought for retrieval, 4 not retrieved and 110 assessed for eligibility; 88 were excluded"
        " (abstract content 88). 22 studies (22 reports) were included."
        " When the sources were last searched is not reported."
    )
    read = lam.reports.prisma(UPDATE).describe()
    assert "15 new studies (18 reports) were included, which with 11 studies (13 reports) of the previous" in read
    assert "makes 26 studies (31 reports)." in read
    assert "Other methods gave 5 records (websites 3, citations 2). Of these, 5 reports were sought" in read
    assert "56 assessed for eligibility; 40 were excluded, for reasons that are not reported." in read
    assert "0 were excluded." in lam.reports.prisma(REVISION).describe()
    one = flow(searched(2, 0, 1, 1, 0, 1, 0, 1, 0), 1)
    assert "2 records and registers 0. Before screening, 1 duplicate," in lam.reports.prisma(one).describe()
    assert "1 record was screened and 0 excluded. 1 report was sought" in lam.reports.prisma(one).describe()
    assert "1 study (1 report) was included." in lam.reports.prisma(one).describe()


def test_a_flow_goes_through_json_and_back():
    for case in CASES.values():
        read = lam.reports.prisma(case)
        told = {k: v for k, v in read.to_json().items() if k not in ("source", "notes")}
        again = lam.reports.prisma(told)
        assert again == read


def test_html_shows_names_as_text():
    made = changed(ABSTRACTS, ("databases_and_registers", "databases"), {"<b>MEDLINE</b>": 162})
    html = lam.reports.prisma(made)._repr_html_()
    assert "<b>MEDLINE" not in html
    assert "&lt;b&gt;MEDLINE" in html
    assert "not reported" in lam.reports.prisma(changed(made, ("included", "studies"), NR))._repr_html_()


def test_every_box_of_the_template_is_there():
    """The 22 numbers of the statement's four templates (doi:10.1136/bmj.n71), other methods in one."""
    assert len(BOXES) == 22
    assert {f"{b.part}.{b.name}" for b in BOXES} == {
        f"{r.box.part}.{r.box.name}" for r in lam.reports.prisma(UPDATE).rows()
    }


# ---- files --------------------------------------------------------------------------------------------------
TEXT = """\
searched: "2024-12-24"
databases_and_registers:
  databases: {MEDLINE: 90, Embase: 72}
  registers: 0
  duplicates: 23
  automation: 0
  other_reasons: 0
  screened: 139
  excluded: 25
  sought: 114
  not_retrieved: 4
  assessed: 110
  excluded_reports: {abstract content: 88}
included: {studies: 22, reports: 22}
"""


def test_a_file_is_read_and_its_problems_have_places(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(TEXT)
    assert lam.reports.prisma(path).included.studies == 22
    assert lam.reports.prisma(str(path)).searched == {"": "2024-12-24"}
    path.write_text(TEXT.replace("sought: 114", "sougth: 114").replace("studies: 22", "studies: 0"))
    with pytest.raises(InvalidFlow) as caught:
        lam.reports.prisma(path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 errors in the flow"
    assert f"{path.as_posix()}:10:3: databases_and_registers.sougth: LE101: unknown field `sougth` · did you mean" in (
        "\n".join(lines)
    )
    assert f"{path.as_posix()}:14:33: included.reports: LE701" in "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "LE006"),
        (b"- 1\n", "LE107"),
        (b"flow\n", "LE107"),
        (b"\xff", "LE003"),
        (b"a: [1\n", "LE001"),
        (TEXT.replace("23", "23\n  duplicates: 24").encode(), "LE002"),
        (TEXT.replace('"2024-12-24"', "2024-12-24").encode(), "LE107"),
        (TEXT.replace("duplicates: 23", "duplicates:").encode(), "LE108"),
        (TEXT.replace("MEDLINE: 90", "MEDLINE: &a 90").encode(), "LE007"),
    ],
)
def test_files_that_are_no_flow(text, code):
    read, found = flow_of(parse_yaml(text, "prisma.yaml"))
    assert read is None
    assert code in {p.code for p in found}
    assert all(p.line or p.code == "LE006" for p in found)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InvalidFlow, match="cannot read the file"):
        lam.reports.prisma(tmp_path / "nothing.yaml")


# ---- a registry ---------------------------------------------------------------------------------------------
EXCLUDED = """\
- {study: a-2001, stage: eligibility, reason: "review"}
- {study: b-2002, stage: eligibility, reason: "other disease"}
- {study: c-2003, stage: data, reason: "no numbers"}
"""
SMALL = TEXT.replace("25", "109").replace("114", "30").replace("110", "26").replace(": 88", ": 25")
SMALL = SMALL.replace("studies: 22, reports: 22", "studies: 1, reports: 1")


@pytest.fixture
def folder(tmp_path):
    root = write_registry(tmp_path / "r", {"doe-2011": RECORD})
    (root / "questions").mkdir()
    (root / "excluded.yaml").write_text(EXCLUDED)
    return root


def test_a_registry_that_recorded_no_search_knows_its_studies_alone(folder):
    read = lam.reports.prisma(folder)
    assert read.included.studies == 1
    assert len(read.not_reported) == len(list(read.rows())) - 1
    assert "the registry records what was found, not the search" in repr(read)
    assert lam.reports.prisma(lam.load_registry(folder)) == read
    here = counted(lam.load_registry(folder))
    assert (here.studies, here.by_stage) == (1, {"eligibility": 2, "data": 1})
    assert flow_problems(lam.load_registry(folder)) == ()


def test_counts_of_the_shipped_registry_are_those_of_its_files():
    registry = lam.load_registry()
    here = counted(registry)
    assert here.studies == len(list((registry.root / "records").glob("*.yaml")))
    cited = [p for study in registry.studies for p in study.publications]
    assert sum(here.publications.values()) == sum(p.role != "secondary" for p in cited)
    assert here.secondary == len({p.citation for p in cited if p.role == "secondary"})
    excluded = (registry.root / "excluded.yaml").read_text(encoding="utf-8")
    assert len(here.excluded) == excluded.count("- {study:")
    assert here.by_stage == {stage: excluded.count(f"stage: {stage}") for stage in ("eligibility", "data")}
    overlaps = (registry.root / "overlaps.yaml").read_text(encoding="utf-8")
    assert len(here.overlaps) == overlaps.count("- {id:")
    for study in here.without:
        assert all(p.role == "secondary" for p in registry.study(study).publications)
    assert all(paper.reason in repr(here) for paper in registry.excluded)
    assert not (registry.root / "prisma.yaml").exists()
    assert lam.reports.prisma(registry).included.studies == here.studies


def test_the_file_of_a_registry_is_read_and_held_against_it(folder):
    (folder / "prisma.yaml").write_text(SMALL)
    registry = lam.load_registry(folder)
    assert registry.problems == ()
    assert lam.reports.prisma(registry).databases_and_registers.duplicates == 23
    assert flow_problems(registry) == ()
    (folder / "prisma.yaml").write_text(SMALL.replace(": 25}", ": 24}").replace("1, reports: 1", "2, reports: 2"))
    (problem,) = flow_problems(registry)
    assert (problem.code, problem.path, problem.line, problem.column) == ("LE703", "prisma.yaml", 14, 21)
    assert problem.message == "2 studies included, and records/ holds 1"
    with pytest.raises(InvalidFlow, match="LE703"):
        lam.reports.prisma(folder)
    # the remedy: the number of records
    (folder / "prisma.yaml").write_text(SMALL)
    assert flow_problems(registry) == ()
    assert lam.load_registry(folder).sha256 == registry.sha256, "no answer depends on the file"


def test_lists_that_are_longer_than_the_flow_counts(folder):
    fewer = SMALL.replace("assessed: 26", "assessed: 2").replace("not_retrieved: 4", "not_retrieved: 28")
    (folder / "prisma.yaml").write_text(fewer.replace(": 25}", ": 1}"))
    (problem,) = flow_problems(lam.load_registry(folder))
    assert problem.code == "LW704"
    assert problem.message == "1 report excluded, and excluded.yaml lists 2 left out at eligibility"
    assert lam.reports.prisma(folder).included.studies == 1
    (folder / "excluded.yaml").write_text(EXCLUDED.replace("eligibility", "screening", 1))  # the remedy
    assert flow_problems(lam.load_registry(folder)) == ()


def test_more_publications_than_reports(tmp_path):
    second = 'pmid: "12345678"}\n  - {id: more, citation: "Doe J. More 2012", year: 2012, role: companion}'
    record = RECORD.replace('pmid: "12345678"}', second, 1)
    assert record != RECORD
    root = write_registry(tmp_path / "r", {"doe-2011": record})
    (root / "questions").mkdir()
    (root / "prisma.yaml").write_text(SMALL)
    (problem,) = flow_problems(lam.load_registry(root))
    assert (problem.code, problem.message) == ("LW704", "1 report included, and the records list 2 publications")


def test_check_reports_it(folder):
    from tests.cli.test_verbs import invoke

    (folder / "prisma.yaml").write_text(SMALL.replace("screened: 139", "screened: 138"))
    told = invoke("check", str(folder))
    assert told.exit_code == 1
    assert "error[LE701]" in told.stdout
    assert "prisma.yaml:8:13" in told.stdout
