"""A file of one's own in place of a question: the numbers are those of references, what is guessed is said."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import lamevidence as lam
from lamevidence.cli.app import app
from lamevidence.cli.own_columns import TABLE_WORDS

BCG = """trial;tpos;tn;cpos;cn;alloc
Aronson 1948;4;123;11;139;random
Ferguson & Simes 1949;6;306;29;303;random
Rosenthal 1960;3;231;11;220;random
Hart & Sutherland 1977;62;13598;248;12867;random
Frimodt-Moller 1973;33;5069;47;5808;alternate
Stein & Aronson 1953;180;1541;372;1451;alternate
Vandiviere 1973;8;2545;10;629;random
Madras 1980;505;88391;499;88391;random
Coetzee & Berjak 1968;29;7499;45;7277;random
Rosenthal 1961;17;1716;65;1665;systematic
Comstock 1974;186;50634;141;27338;systematic
Comstock & Webster 1969;5;2498;3;2341;systematic
Comstock 1976;27;16913;29;17854;systematic
"""
"""metafor's dat.bcg: Colditz et al. 1994, doi:10.1001/jama.1994.03510330076038."""
COUNTS = ["--events", "tpos", "--total", "tn", "--control-events", "cpos", "--control-total", "cn"]
REML = ["--model", "random", "--tau2", "REML", "--interval", "z"]


@pytest.fixture
def bcg(tmp_path):
    path = tmp_path / "bcg.csv"
    path.write_text(BCG)
    return path


def run(*words):
    return CliRunner().invoke(app, [str(w) for w in words])


def answered(*words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("word", ["RR", "rr", "risk ratio", "Relative risk"])
def test_counts_are_pooled_as_metafor_does(bcg, word):
    # metafor: rma(measure="RR", ai=tpos, n1i=tn, ci=cpos, n2i=cn): −0.7145, SE 0.1798, τ² 0.3132, Q 152.2330
    found = answered("pool", bcg, "--measure", word, *COUNTS, *REML)
    assert found["estimate"] == pytest.approx(-0.7145, abs=5e-5)
    assert found["se"] == pytest.approx(0.1798, abs=5e-5)
    assert found["tau2"] == pytest.approx(0.3132, abs=5e-5)
    assert found["k"] == 13
    assert found["read"][0].startswith("RR, log risk ratio: study ← `trial`, events ← `tpos`")


def test_groups_are_pooled_apart(bcg):
    # metafor: rma(yi, vi, subset=alloc=="random"): −0.9710, SE 0.2760
    found = answered("pool", bcg, "--measure", "RR", *COUNTS, *REML, "--by", "alloc")
    first = next(row for row in found["subgroups"] if "random" in str(row.values()))
    assert first["estimate"] == pytest.approx(-0.9710, abs=1e-3)
    text = run("pool", bcg, "--measure", "RR", *COUNTS, *REML, "--by", "alloc").output
    assert "between groups" in text


def test_columns_of_usual_names_need_not_be_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(BCG.replace("trial;tpos;tn;cpos;cn", "Trial;Ev.T;N.T;Ev.C;N.C"))
    found = answered("pool", path, "--measure", "RR", *REML)
    assert found["estimate"] == pytest.approx(-0.7145, abs=5e-5)
    assert "events ← `Ev.T`" in found["read"][0]


def test_means_estimates_rates_and_proportions_are_those_of_the_library(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,mean_t,sd_t,n_t,mean_c,sd_c,n_c\nA,5.1,2.0,30,4.0,2.2,31\nB,6.0,1.5,25,5.5,1.6,24\n")
    found = answered("table", path, "--measure", "mean difference")["rows"]
    assert [row["yi"] for row in found] == pytest.approx([1.1, 0.5])
    assert found[0]["vi"] == pytest.approx(2.0**2 / 30 + 2.2**2 / 31)
    path.write_text("study,events,person_years\nA,5,100\nB,7,90\n")
    assert answered("table", path, "--measure", "IR")["rows"][0]["yi"] == pytest.approx(0.05)
    path.write_text("study,events,n\nA,5,100\nB,7,90\n")
    assert answered("table", path, "--measure", "PR")["rows"][0]["yi"] == pytest.approx(0.05)
    path.write_text("study,yi,vi\nA,0.1,0.04\nB,0.3,0.09\n")
    table = lam.EvidenceTable.from_estimates([0.1, 0.3], vi=[0.04, 0.09])
    assert answered("pool", path, "--measure", "GEN")["estimate"] == pytest.approx(lam.pool(table).estimate)
    path.write_text("study,est,stderr\nA,0.1,0.2\nB,0.3,0.3\n")
    assert answered("pool", path, "--measure", "GEN")["estimate"] == pytest.approx(lam.pool(table).estimate)


def test_ratios_and_their_logs_come_to_the_same(tmp_path):
    ratios, logs = tmp_path / "ratios.csv", tmp_path / "logs.csv"
    ratios.write_text("study,estimate,lower,upper\nA,0.50,0.25,1.00\nB,0.80,0.40,1.60\n")
    logs.write_text("study,estimate,lower,upper\nA,-0.6931,-1.3863,0.0000\nB,-0.2231,-0.9163,0.4700\n")
    # log 0.5 = −0.6931, (log 1 − log 0.25)/(2·1.96) = 0.3537
    for path, words in ((ratios, "ratios: their logs"), (logs, "logs of ratios")):
        found = answered("table", path, "--measure", "OR")
        assert found["rows"][0]["yi"] == pytest.approx(-0.6931, abs=1e-4)
        assert found["rows"][0]["vi"] ** 0.5 == pytest.approx(0.3537, abs=1e-4)
        assert any(words in line for line in found["read"])
    narrow = answered("table", ratios, "--measure", "OR", "--ci-level", "90")["rows"][0]["vi"] ** 0.5
    assert narrow == pytest.approx(1.3863 / (2 * 1.644854), abs=1e-4)


def test_what_may_be_a_ratio_or_its_log_is_asked(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,estimate,se\nA,0.5,0.2\nB,0.8,0.3\n")
    result = run("table", path, "--measure", "OR")
    assert result.exit_code == 2
    assert "--scale ratio or --scale log" in result.output
    assert answered("table", path, "--measure", "OR", "--scale", "log")["rows"][0]["yi"] == 0.5
    assert "--ci-low" in run("table", path, "--measure", "OR", "--scale", "ratio").output


def test_what_is_not_reported_is_refused_or_left_out_aloud(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,events,n\nA,5,100\nB,NR,90\nC,3,80\n")
    result = run("pool", path, "--measure", "PLO")
    assert result.exit_code == 1
    assert "t.csv:3:2" in result.output
    assert "--na drop" in result.output
    found = answered("pool", path, "--measure", "PLO", "--na", "drop")
    assert found["k"] == 2
    assert found["excluded"][0]["study"] == "B"
    assert "row 3" in found["excluded"][0]["reason"]
    assert "Left out" in run("table", path, "--measure", "PLO", "--na", "drop").output


def test_one_name_of_two_years_is_two_studies(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("author,year,events,n\nLee,2010,5,100\nLee,2011,3,80\nKim,2011,4,80\n")
    rows = answered("table", path, "--measure", "PLO")["rows"]
    assert [row["study"] for row in rows] == ["Lee 2010", "Lee 2011", "Kim"]


def test_patients_are_kept_where_some_are_not_reported(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,yi,se,n\nA,0.1,0.2,40\nB,0.3,0.3,NR\n")
    assert [row["n"] for row in answered("table", path, "--measure", "GEN")["rows"]] == [40, None]


@pytest.mark.parametrize("verb", ["table", "bayes"])
def test_groups_where_there_are_none(bcg, verb):
    result = run(verb, bcg, "--measure", "RR", *COUNTS, "--by", "alloc")
    assert result.exit_code == 2
    assert "--by is for pool and forest" in result.output


def test_one_study_twice_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,events,n\nLee,5,100\nKim,3,80\nlee,3,80\n")
    result = run("pool", path, "--measure", "PLO")
    assert result.exit_code == 1
    assert "row 2 and in row 4" in result.output


def test_several_outcomes_and_several_units_are_not_pooled_together(tmp_path):
    path = tmp_path / "t.csv"
    head = "study,outcome,mean_t,sd_t,n_t,mean_c,sd_c,n_c,unit\n"
    path.write_text(head + "A,FEV1,5,2,30,4,2,31,L\nB,FEV1,6,2,25,5,2,24,L\nA,FVC,6,2,25,5.5,2,24,L\n")
    result = run("pool", path, "--measure", "MD")
    assert result.exit_code == 2
    assert "2 outcomes: FEV1, FVC · pool one: --outcome" in result.output
    found = answered("pool", path, "--measure", "MD", "--outcome", "FEV1")
    assert (found["k"], found["unit"]) == (2, "L")
    assert found["estimate"] == pytest.approx(1.0)
    assert found["excluded"][0]["reason"] == "row 4: another outcome"
    assert "did you mean 'FEV1'" in run("pool", path, "--measure", "MD", "--outcome", "FEV").output
    path.write_text(head + "A,FEV1,5,2,30,4,2,31,L\nB,FEV1,6000,200,25,5000,200,24,mL\n")
    result = run("pool", path, "--measure", "MD")
    assert result.exit_code == 2
    assert "several units: L, mL" in result.output


def test_problems_of_columns_that_are_not_used_do_not_matter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,events,n,mean\nLee,5,100,1 ± 2\nKim,3,80,2\n")
    assert answered("pool", path, "--measure", "PLO")["k"] == 2


def test_figures_and_files_are_written(bcg, tmp_path):
    out = tmp_path / "out"
    found = answered("pool", bcg, "--measure", "RR", *COUNTS, "--out", out)
    assert sorted(found["files"]) == sorted(p.name for p in out.iterdir())
    assert json.loads((out / "results.json").read_text())["table"]["rows"][0]["study"] == "Aronson 1948"
    assert "Aronson 1948" in (out / "studies.csv").read_text()
    picture = tmp_path / "f.svg"
    assert run("forest", bcg, "--measure", "RR", *COUNTS, "-o", picture, "--no-bayes").exit_code == 0
    assert "Madras 1980" in picture.read_text()


def test_formulas_do_not_get_into_files(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_text('study,events,n\n"=HYPERLINK(""x"")",5,100\nKim,3,80\n')
    assert run("pool", path, "--measure", "PLO", "--out", out).exit_code == 0
    assert "'=HYPERLINK" in (out / "studies.csv").read_text()


def test_the_exact_posterior_of_a_file(bcg):
    found = answered("bayes", bcg, "--measure", "RR", *COUNTS, "--tau", "HalfNormal(0.5)", "--mu", "Normal(0, 4)")
    frame = {"estimate": found["mu"]}
    assert frame["estimate"]
    text = run("bayes", bcg, "--measure", "RR", *COUNTS).output
    assert "What other priors give" in text
    assert "What may be printed so" not in text


def test_what_a_file_prints_is_known_as_it_is_printed(tmp_path):
    sheet = tmp_path / "slopes.csv"
    sheet.write_text("study,estimate,se\nA,1.2,0.5\nB,-0.4,0.3\nC,2.0,0.9\n", encoding="utf-8")
    words = (
        "bayes",
        sheet,
        "--measure",
        "GEN",
        "--tau",
        "HalfNormal(1)",
        "--mu",
        "Normal(0, 4)",
        "--print-uncertainty",
    )
    table = lam.EvidenceTable.from_estimates([1.2, -0.4, 2.0], sei=[0.5, 0.3, 0.9], digits=1)
    post = lam.pool_bayes(table, mu="Normal(0, 4)", tau="HalfNormal(1)", print_uncertainty=True)
    assert answered(*words)["mu"]["mean"] == pytest.approx(post.mu.mean, rel=1e-9)
    text = run(*words).output
    assert "What may be printed so" in text
    assert text.count("rounding (3 rows)") == 1


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--measure", "zz"], 2, "effect measure"),
        ([], 2, "--measure"),
        (["--measure", "RR"], 2, "--events --total --control-events --control-total"),
        (["--measure", "RR", *COUNTS, "--n", "tn"], 2, "twice"),
        (["--measure", "RR", *COUNTS[:-1], "cnn"], 2, "did you mean 'cn'"),
        (["--measure", "RR", *COUNTS, "--na", "keep"], 2, "drop"),
        (["--measure", "RR", *COUNTS, "--by", "allocation of"], 2, "unknown column"),
        (["--measure", "RR", *COUNTS, "--by", "tn"], 2, "groups"),
        (["--measure", "RR", *COUNTS, "--scale", "log"], 2, "--scale is for estimates"),
        (["--measure", "RR", *COUNTS, "--ci-level", "95"], 2, "--ci-level is for estimates"),
        (["--measure", "RR", *COUNTS, "--studies", "x"], 2, "--studies is for a question"),
        (["--measure", "RR", *COUNTS, "--baseline", "0.1"], 2, "--baseline is for a question"),
        (["--measure", "RR", *COUNTS, "--unit", "furlong"], 2, "furlong"),
        (["--measure", "RR", *COUNTS, "--outcome", "death"], 2, "no column of outcomes"),
        (["--measure", "RR", *COUNTS, "--tau2", "zz"], 2, "choices"),
    ],
    ids=lambda x: " ".join(map(str, x[-2:])) if isinstance(x, list) else None,
)
def test_words_that_make_no_sense(bcg, words, code, says):
    result = run("pool", bcg, *words)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert says in " ".join(result.output.split())


def test_options_of_a_file_with_a_question():
    result = run("pool", "fev1-slope-on-sirolimus", "--events", "x")
    assert result.exit_code == 2
    assert "for a FILE" in result.output
    assert "--out: for a FILE" in run("pool", "fev1-slope-on-sirolimus", "--out", "x").output


@pytest.mark.parametrize("verb", ["pool", "table", "bayes", "forest"])
def test_files_that_are_none(tmp_path, verb):
    for name in ("nothing.csv", "nothing.xlsx"):
        result = run(verb, tmp_path / name)
        assert result.exit_code == 1
        assert "cannot read the file" in result.output
    (tmp_path / "a.docx").write_bytes(b"x")
    assert "ending of a table" in run(verb, tmp_path / "a.docx").output


def test_every_option_is_in_the_help():
    for verb in ("pool", "table", "bayes", "forest"):
        text = run(verb, "--help").output
        for name in TABLE_WORDS:
            assert f"--{name.replace('_', '-')}" in text
