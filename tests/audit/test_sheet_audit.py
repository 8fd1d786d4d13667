"""The audit of a sheet: numbers that agree pass, the same with one planted error are found in their cell."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from lamevidence.audit import CHECKS, audit_file, audit_table
from lamevidence.audit.doubts import COMPARISONS
from lamevidence.cli.app import app
from lamevidence.errors import InputError, LamEvidenceError, UnknownName


def found(rows, head, **options):
    """Audit rows of printed text; return the audit."""
    return audit_table(pd.DataFrame(rows, columns=head.split(), dtype=object), **options)


def codes(audit):
    return [(p.code, p.line, p.column) for p in audit.problems]


def ran(audit, code):
    return {r.code: r.rows for r in audit.runs if r.title != "SE against SD and n"}[code]


COUNTS = "study events n percent"
TWO = "study events n control_events control_n p"
CI = "study events n ci_low ci_high"
MEANS = "study mean sd n control_mean control_sd control_n p"
RATIO = "study events n control_events control_n OR"

CASES = {
    # 16/36 = 44.4 %; 17/36 = 47.2 %
    "LW233": (COUNTS, ["Lee", "16", "36", "44.4"], ["Lee", "16", "36", "47.2"], 4),
    # Newcombe 1998, table I: 15/148 by Wilson's score method is 0.0624 to 0.1605
    "LE218": (CI, ["Lee", "15", "148", "6.24", "16.05"], ["Lee", "15", "148", "6.24", "26.05"], 4),
    # 10/43 against 25/46: scipy's Fisher test gives the p below
    "LW217": (TWO, ["Lee", "10", "43", "25", "46", "0.004"], ["Lee", "10", "43", "25", "46", "<0.001"], 6),
    # scipy's Welch test gives the p below
    "LW216": (
        MEANS,
        ["Lee", "19.0", "124.0", "41", "-134.0", "182.0", "34", "0.0001"],
        ["Lee", "19.0", "124.0", "41", "-134.0", "182.0", "34", "0.1"],
        8,
    ),
    # 10·21/(33·25) = 0.2545
    "LW219": (RATIO, ["Lee", "10", "43", "25", "46", "0.25"], ["Lee", "10", "43", "25", "46", "0.52"], 6),
    # Brown & Heathers 2017: of 46 whole numbers no mean prints as 2.31
    "LW236": ("study mean n whole", ["Lee", "2.30", "46", "yes"], ["Lee", "2.31", "46", "yes"], 2),
    # half of 12.08 − 4.24 over 1.96 is 2.00
    "LE213": (
        "study estimate se ci_low ci_high measure",
        ["Lee", "8.16", "2.00", "4.24", "12.08", "MD"],
        ["Lee", "8.16", "4.00", "4.24", "12.08", "MD"],
        3,
    ),
    "LW214": (
        "study OR ci_low ci_high",
        ["Lee", "2.00", "1.00", "4.00"],
        ["Lee", "2.00", "1.00", "8.00"],
        3,
    ),
    # 3.0 over 1.0 is z = 3: p = 0.0027
    "LW215": ("study MD se p", ["Lee", "3.0", "1.0", "0.003"], ["Lee", "3.0", "1.0", "0.4"], 4),
}


def test_the_numbers_of_the_cases_are_right():
    assert stats.fisher_exact([[10, 33], [25, 21]])[1] == pytest.approx(0.0045, abs=0.0005)
    welch = stats.ttest_ind_from_stats(19, 124, 41, -134, 182, 34, equal_var=False).pvalue
    assert welch == pytest.approx(0.0001, abs=0.00005)
    assert pytest.approx(0.25, abs=0.005) == 10 * 21 / (33 * 25)
    assert 2 * stats.norm.sf(3) == pytest.approx(0.003, abs=0.0005)
    low, high = (15 + 1.96**2 / 2) / (148 + 1.96**2), 1.96 / (148 + 1.96**2) * math.sqrt(15 * 133 / 148 + 1.96**2 / 4)
    assert (low - high, low + high) == pytest.approx((0.0624, 0.1605), abs=0.0001)


@pytest.mark.parametrize("code", CASES)
def test_each_check_on_numbers_that_agree_and_that_do_not(code):
    head, right, wrong, column = CASES[code]
    clean = found([right], head)
    assert codes(clean) == []
    assert ran(clean, code) >= 1
    doubtful = found([wrong], head)
    assert [c for c, line, at in codes(doubtful) if (line, at) == (2, column)] == [code]
    assert "acknowledge" not in " ".join(p.remedy for p in doubtful.problems)
    assert doubtful.problems[0].where.endswith("Lee")
    assert doubtful.ok is code.startswith("LW")


def test_grimmer_and_debit():
    # whole numbers 1 2 3 4 5: mean 3, SD 1.58
    assert codes(found([["Lee", "3.00", "1.58", "5", "yes"]], "study mean sd n whole")) == []
    wrong = found([["Lee", "3.00", "1.50", "5", "yes"]], "study mean sd n whole")
    assert codes(wrong) == [("LW236", 2, 3)]
    # 3 of 10 yes: mean 0.30, SD √(10·0.3·0.7/9) = 0.48
    assert codes(found([["Lee", "0.30", "0.48", "10", "binary"]], "study mean sd n whole")) == []
    assert codes(found([["Lee", "0.30", "0.45", "10", "binary"]], "study mean sd n whole")) == [("LW236", 2, 3)]


def test_an_interval_of_a_proportion_is_in_percent_or_not():
    # Newcombe 1998, table I, as proportions
    assert codes(found([["Lee", "15", "148", "0.0624", "0.1605"]], CI)) == []
    assert codes(found([["Lee", "15", "148", "0.0624", "0.2605"]], CI)) == [("LE218", 2, 4)]
    assert codes(found([["Lee", "0.101", "148", "0.062", "0.160"]], "study proportion n ci_low ci_high")) == []


def test_se_or_sd_by_the_likelihood_of_printed_p_values():
    rows, wrong = [], []
    for i, (a, b, s) in enumerate([(10.0, 14.0, 1.0), (8.0, 9.0, 0.5), (20.0, 20.5, 2.0)]):
        p = stats.ttest_ind_from_stats(a, s * 5, 25, b, s * 5, 25).pvalue
        right = [f"S{i}", "x", f"{a:.1f}", f"{s:.1f}", "25", f"{b:.1f}", f"{s:.1f}", "25", f"{p:.3f}"]
        rows.append(right)
        wrong.append(right)
    names = "study outcome mean se_t n control_mean se_c control_n p"
    assert codes(found(rows, names)) == []
    swapped = found(wrong, names.replace("se_t", "sd").replace("se_c", "control_sd"))
    assert "LW204" in {c for c, *_ in codes(swapped)}


def test_rows_of_arms_are_paired_by_study_and_outcome():
    head = "study arm mean sd n p"
    right = [["Lee", "drug", "19.0", "124.0", "41", "0.0001"], ["Lee", "placebo", "-134.0", "182.0", "34", ""]]
    wrong = [[*right[0][:5], "0.1"], right[1]]
    assert codes(found(right, head)) == []
    doubtful = found(wrong, head)
    assert ("LW216", 2, 6) in codes(doubtful)
    assert doubtful.problems[-1].related == ("frame:3",)


def test_all_patients_are_compared_with_their_arms():
    head = "study arm events n"
    arms = [["Lee", "drug", "3", "40"], ["Lee", "placebo", "5", "41"]]
    assert codes(found([*arms, ["Lee", "all", "8", "81"]], head)) == []
    assert codes(found([*arms, ["Lee", "all", "9", "81"]], head)) == [("LW238", 4, 3)]


def test_an_se_beside_its_sd_and_n():
    head = "study mean sd se n"
    assert codes(found([["Lee", "5.0", "10.0", "2.0", "25"]], head)) == []
    assert codes(found([["Lee", "5.0", "10.0", "3.0", "25"]], head)) == [("LE213", 2, 4)]


def test_one_study_twice_is_refused_unless_a_column_tells_the_rows_apart():
    rows = [["Lee", "3", "40"], ["Kim", "4", "40"], ["lee", "5", "41"]]
    audit = found(rows, "study events n")
    assert codes(audit) == [("LE301", 4, 1)]
    assert "row 2" in audit.problems[0].message
    with_outcome = [[*row, outcome] for row, outcome in zip(rows, ("a", "a", "b"), strict=True)]
    assert codes(found(with_outcome, "study events n outcome")) == []


def test_swapped_ratio_says_so():
    audit = found([["Lee", "10", "43", "25", "46", "3.93"]], RATIO)
    assert "comparator against arm" in audit.problems[0].remedy


def test_the_log_of_a_ratio_is_no_ratio():
    audit = found([["Lee", "-1.37", "-2.2", "-0.5"]], "study logOR ci_low ci_high")
    assert codes(audit) == []
    assert ran(audit, "LW214") == 1


def test_what_ran_and_what_could_not_is_told():
    audit = found([["Lee", "16", "36", "44.4"], ["Kim", "3", "15", ""]], COUNTS)
    runs = {r.code: r for r in audit.runs if r.title != "SE against SD and n"}
    assert runs["LW233"].rows == 1
    assert runs["LW216"].lacking == ("mean", "sd or se or mean_se", "p", "control_mean or arm")
    text = audit.render()
    assert "LW233  count and percentage: 1 row" in text
    assert "no column mean, no column sd or se or mean_se" in text
    assert set(runs) == {entry.code for entry in CHECKS.entries() if entry.item in COMPARISONS}


def test_errors_of_reading_come_with_those_of_the_audit():
    audit = found([["Lee", "16", "36", "47.2"], ["Kim", "x", "15", "20"]], COUNTS)
    assert codes(audit) == [("LW233", 2, 4), ("LE103", 3, 2)]
    assert not audit.ok


def test_measures_go_by_their_words():
    rows = [["Lee", "10", "43", "25", "46", "0.52"]]
    head = "study events n control_events control_n estimate"
    assert codes(found(rows, head)) == []
    for word in ("OR", "or", "odds ratio", "Odds Ratio"):
        assert codes(found(rows, head, measure=word)) == [("LW219", 2, 6)]
    with pytest.raises(UnknownName, match="effect measure"):
        found(rows, head, measure="odd ratio of things")


def test_frames_that_are_none():
    with pytest.raises(InputError, match="DataFrame"):
        audit_table([1, 2])
    with pytest.raises(InputError, match="no rows"):
        audit_table(pd.DataFrame({"study": []}))


def test_the_verb_exits_as_check_does(tmp_path):
    file = tmp_path / "t.csv"
    run = CliRunner()
    file.write_text("study,events,n,percent\nLee,16,36,47.2\n")
    result = run.invoke(app, ["audit", str(file)])
    assert result.exit_code == 0
    assert "t.csv:2:4" in result.output
    assert run.invoke(app, ["audit", str(file), "--strict"]).exit_code == 1
    shape = json.loads(run.invoke(app, ["audit", str(file), "--json"]).output)
    assert shape["problems"][0] | {"path": ""} == {
        "code": "LW233",
        "path": "",
        "line": 2,
        "column": 4,
        "where": "D2 `percent` · Lee",
        "message": "47.2 % of 36 is 17, recorded 16",
        "remedy": "another denominator, or a digit misread?",
    }
    assert shape["columns"]["events"] == {"name": "events", "guessed": True}
    file.write_text("study,events,n\nLee,37,36\n")
    assert run.invoke(app, ["audit", str(file)]).exit_code == 1
    file.write_text("who,a,b,c\nLee,16,36,47.2\n")
    told = ["--column", "study=who", "--column", "events=a", "--column", "n=b", "--column", "percent=c"]
    assert "LW233" in run.invoke(app, ["audit", str(file), *told]).output


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--column", "events"], 2, "ROLE=NAME"),
        (["--column", "events=x", "--column", "events=y"], 2, "twice"),
        (["--column", "nothing=events"], 2, "column role"),
        (["--column", "events=nothing"], 2, "unknown column"),
        (["--measure", "zz"], 2, "effect measure"),
        (["--decimal", ";"], 2, "decimal"),
        (["--sheet", "A"], 2, "not for a .csv"),
    ],
)
def test_words_of_the_verb_that_make_no_sense(tmp_path, words, code, says):
    file = tmp_path / "t.csv"
    file.write_text("study,events,n\nLee,16,36\n")
    result = CliRunner().invoke(app, ["audit", str(file), *words])
    assert result.exit_code == code
    assert says in result.output


def test_hostile_names_do_not_reach_the_terminal(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes("study,events,n,percent\n\x1b[31mLee\u202e,16,36,47.2\n".encode())
    text = audit_file(file).render()
    assert "\x1b" not in text
    assert "\u202e" not in text
    with pytest.raises(LamEvidenceError):
        audit_file(tmp_path / "nothing.csv")


P_OF_RATIO = [
    # z = ln 1.5 / (ln(2.05/1.1)/3.92) = 2.55: p = 0.011
    ("OR", ["1.50", "1.10", "2.05", "0.01"], False),
    ("HR", ["0.70", "0.50", "0.98", "0.04"], False),
    ("HR", ["0.70", "0.50", "0.98", "0.40"], True),
    ("RR", ["1.02", "0.80", "1.30", "0.87"], False),
    ("RR", ["1.02", "0.80", "1.30", "0.001"], True),
    ("IRR", ["0.60", "0.42", "0.86", "<0.01"], False),
    # printed so roughly that p may be anything
    ("OR", ["1", "0.5", "2.0", "0.99"], False),
]


@pytest.mark.parametrize(("measure", "row", "doubted"), P_OF_RATIO)
def test_p_of_a_ratio_against_its_interval(measure, row, doubted):
    report = found([["Lee", measure, *row]], "study measure estimate ci_low ci_high p")
    assert ran(report, "LW215") == 1
    assert codes(report) == ([("LW215", 2, 6)] if doubted else [])
