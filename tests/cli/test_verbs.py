"""The command line as a user meets it: shapes, exit codes, files, refusals."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lamevidence.bayes import pool_bayes
from lamevidence.cli.app import app
from lamevidence.foundation.errors import QuestionError
from lamevidence.workspace import load_registry
from tests.cli.conftest import PAIR

QUESTIONS = sorted(load_registry().questions)
NOT_POOLED = {name for name in QUESTIONS if "-by-category" in name} | {
    "death-after-stopping",
    "sirolimus-effect-on-fev1-slope",
}
"""Rows that share patients, deaths in one arm alone, and slopes on and off a drug, which are joined."""
SOME = sorted({*QUESTIONS[::9], *NOT_POOLED, "death-on-sirolimus", "fev1-slope-on-sirolimus"})
"""What each verb is tried with; tests/questions and tests/reports go through all of them, without the program."""


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def as_json(*arguments: str):
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_list_has_the_public_shape():
    listed = as_json("list")
    assert {q["id"] for q in listed["questions"]} == set(QUESTIONS)
    assert all(isinstance(q["k"], int) and q["title"] for q in listed["questions"])
    assert all({"id", "design"} <= s.keys() for s in listed["studies"])


@pytest.mark.parametrize("question", SOME)
def test_table_has_the_public_shape(question):
    table = as_json("table", question)
    assert all({"study", "yi", "vi", "unit"} <= row.keys() for row in table["rows"])
    assert all(e["study"] and e["reason"] for e in table["excluded"])


@pytest.mark.parametrize("question", SOME)
def test_pool_has_the_public_shape(question):
    pooled = as_json("pool", question)
    assert {"mu", "se", "interval", "prediction", "tau2", "q", "i2", "k", "unit", "spec"} <= pooled.keys()
    if "not_pooled" in pooled:
        assert question in NOT_POOLED
        return
    assert question not in NOT_POOLED
    read = pooled if pooled["mu"] is not None else pooled["transformed"]  # the logit of 0 % is null
    low, high = read["interval"]
    assert low <= read["mu"] <= high
    assert pooled["spec"]["why"]


@pytest.mark.parametrize("question", SOME)
def test_explain_names_every_row_and_every_exclusion(question):
    table = as_json("table", question)
    text = invoke("explain", question).stdout
    for row in table["rows"]:
        assert row["label"] in text
    for left_out in table["excluded"]:
        assert left_out["reason"] in text


def test_show_says_where_miles_prints_its_slopes():
    shown = as_json("show", "mccormack-2011")
    slopes = [f for f in shown["findings"] if f["outcome"] == "fev1_slope" and "Table 2" in f["at"]]
    assert {"1", "-12"} <= {f["value"] for f in slopes}
    text = invoke("show", "mccormack-2011").stdout
    assert "Table 2" in text
    assert "P = 0.34 against tlc-slope.placebo.treatment-year, followed for 12 month, planned" in text
    assert "blood level of sirolimus (target): from 5 ng/mL to 15 ng/mL" in text
    between = {f["id"]: f["p_between"] for f in shown["findings"]}
    assert between["tlc-slope.sirolimus.on"] == "P = 0.34 against tlc-slope.placebo.treatment-year"
    assert between["tlc-slope.placebo.treatment-year"] is None


def test_show_says_bounds_and_what_a_follow_up_is():
    assert "at most 5 % of 47 patients, followed for 35.8 month, mean" in invoke("show", "bee-2018").stdout
    followed = {f["id"]: f["follow_up"] for f in as_json("show", "leiomyomatosis-2024")["findings"]}
    assert followed["objective-response"] == "15 month, median (6 to 54, RANGE)"
    assert followed["follow-up"] is None


def test_bayes_answers_with_its_sensitivity():
    found = as_json("bayes", "fev1-slope-on-sirolimus", "--tau", "HalfNormal(36)")
    assert "HalfNormal(36" in found["spec"]["tau"]
    assert invoke("bayes", "fev1-slope-on-sirolimus").exit_code == 0


def test_methods_lists_every_catalogue():
    listed = as_json("methods")
    assert {e["code"] for e in listed["tau2 estimators"]} >= {"DL", "PM", "REML", "ML", "EB", "SJ", "HE", "HS"}


def test_forest_writes_the_file_it_names(tmp_path):
    for suffix in ("png", "pdf", "svg"):
        path = tmp_path / f"f.{suffix}"
        assert invoke("forest", "stomatitis", "--out", str(path), "--dpi", "60").exit_code == 0
        assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pool", "fev1-slope-on-sirolimu"), 2, "did you mean 'fev1-slope-on-sirolimus'?"),
        (("show", "mccormack"), 2, "choices:"),
        (("pool", "fev1-slope-on-sirolimus", "--tau2", "nonsense"), 2, "REML"),
        (("pool", "fev1-slope-on-sirolimus", "--interval", "nonsense"), 2, "HKSJ"),
        (("pool", "fev1-slope-on-sirolimus", "--model", "nonsense"), 2, "random"),
        (("pool", "fev1-slope-on-sirolimus", "--prediction", "nonsense"), 2, "HTS"),
        (("pool", "fev1-slope-on-sirolimus", "--level", "95"), 2, "level"),
        (("pool", "miles-adverse-events-by-category", "--model", "random"), 1, "share patients"),
        (("forest", "stomatitis", "--out", "x.gif"), 2, "png"),
        (("forest", "stomatitis", "--layout", "nonsense"), 2, "revman"),
        (("explain", "LE999"), 2, "problem code"),
        (("bayes", "fev1-slope-on-sirolimus", "--tau", "HalfNorma(3)"), 2, "HalfNormal"),
        (("table",), 2, ""),
        (("nonsense",), 2, ""),
    ],
)
def test_bad_usage_is_told_and_never_a_traceback(arguments, code, said):
    result = invoke(*arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("question", ["fev1-slope-on-sirolimus", "aml-response", "dlco-change-12-months-randomised"])
def test_bayes_says_each_thing_once(shipped, question):
    """The mean, and the reason of each choice: a note of the result is not said again among the choices."""
    said = invoke("bayes", question).stdout
    above, _, _ = said.partition("What other priors give")
    post = pool_bayes(shipped.evidence(question))
    assert post.spec.why
    for reason in post.spec.why.values():
        assert above.count(reason) == 1, reason
    assert above.count("credible interval") == 2  # of the mean and of τ
    assert above.count("t with the degrees of freedom") == (post.likelihood == "t")


def test_a_registry_of_ones_own(shipped, tmp_path):
    result = invoke("table", "fev1-slope-on-sirolimus", "--studies", str(tmp_path / "absent"))
    assert result.exit_code == 1
    assert "LE008" in result.stderr
    assert invoke("check", str(shipped.root)).exit_code == 0
    assert invoke("table", "fev1-slope-on-sirolimus", "--studies", str(shipped.root)).exit_code == 0


TABLES = ("results.json", "studies.csv", "summary.csv", "answer.txt")


def test_run_writes_the_same_bytes_twice(fewer, tmp_path):
    """Two runs into two folders: equal hashes in both manifests."""
    outs, root = [tmp_path / "a", tmp_path / "b"], fewer(*SOME)
    for out in outs:
        assert invoke("run", "--studies", str(root), "--out", str(out), "--no-figures").exit_code == 0
    first, second = (json.loads((out / "manifest.json").read_text()) for out in outs)
    assert first == second
    assert {name.split("/")[1] for name in first["outputs"]} == {*TABLES}


def test_run_draws_every_question_with_rows_and_makes_nothing_twice(pair, tmp_path, monkeypatch):
    """A second run prints the same, in JSON and in words, and writes no file of an answer again."""
    monkeypatch.setenv("COLUMNS", "100")
    out = tmp_path / "out"
    command = ["run", "--studies", str(pair), "--out", str(out)]
    first = [sys.executable, "-m", "lamevidence", *command]
    done = subprocess.run(first, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    told = done.stdout
    for question in PAIR:
        assert {p.suffix for p in (out / question).glob("forest.*")} == {".png", ".pdf", ".svg"}
        assert question in (out / "manifest.json").read_text()
        assert (out / question / "answer.txt").read_text(encoding="utf-8") in told
    assert "τ" in told
    times, manifest = written(out), (out / "manifest.json").read_bytes()
    assert invoke(*command).stdout == told
    assert as_json(*command)["questions"]
    assert written(out) == times
    assert (out / "manifest.json").read_bytes() == manifest


def written(out: Path) -> dict[str, int]:
    """File of an answer → when it was written."""
    return {p.relative_to(out).as_posix(): p.stat().st_mtime_ns for p in out.glob("*/*")}


def run_tables(root: Path, out: Path, *more: str) -> str:
    result = invoke("run", "--studies", str(root), "--out", str(out), "--no-figures", *more)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_run_makes_again_what_changed_and_only_that(pair, tmp_path, monkeypatch):
    """A question, a record, a file or the manifest that is not as it was is not taken for what it was."""
    monkeypatch.setenv("COLUMNS", "100")  # the width of answer.txt
    out = tmp_path / "out"
    first = PAIR[0]
    told = run_tables(pair, out)
    as_json = json.loads(run_tables(pair, out, "--json"))["questions"]
    before = written(out)
    assert json.loads(run_tables(pair, tmp_path / "fresh", "--json"))["questions"] == as_json

    def again() -> set[str]:
        """Questions whose files were written again by a run; all is then as a fresh run has it."""
        nonlocal before
        run_tables(pair, out)
        after = written(out)
        made = {name.split("/")[0] for name in after if after[name] != before.get(name)}
        before = after
        return made

    assert again() == set()
    changed = out / first / "summary.csv"
    whole = changed.read_bytes()
    changed.write_bytes(whole + b"\n")  # by hand
    assert again() == {first}
    assert changed.read_bytes() == whole
    changed.unlink()
    assert again() == {first}
    question = pair / "questions" / f"{first}.yaml"
    text = question.read_text(encoding="utf-8")
    question.write_text(re.sub("(?m)^title: .*$", 'title: "Another title"', text, count=1), encoding="utf-8")
    assert again() == {first}
    assert "Another title" in (out / first / "results.json").read_text(encoding="utf-8")
    record = pair / "records" / "bee-2018.yaml"
    record.write_text(record.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    assert again() == set(PAIR)  # any record may be named among those left out
    path = out / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["outputs"][f"{first}/results.json"]
    path.write_text(json.dumps(manifest))
    assert again() == {first}
    manifest = json.loads(path.read_text())
    forged = out / first / "answer.txt"
    forged.write_text("forged")
    manifest["outputs"][f"{first}/answer.txt"] = hashlib.sha256(b"forged").hexdigest()
    path.write_text(json.dumps(manifest))
    assert again() == {first}  # the seal holds the listed hashes too
    assert forged.read_text(encoding="utf-8") in run_tables(pair, out) != told


def test_a_second_run_speaks_to_the_terminal_at_hand(pair, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run_tables(pair, out)
    monkeypatch.setenv("COLUMNS", "70")
    again = run_tables(pair, out)
    assert max(len(line) for line in again.splitlines()[3:-3]) <= 70
    assert again == run_tables(pair, tmp_path / "fresh").replace(str(tmp_path / "fresh"), str(out))


def test_another_program_makes_all_answers_again(pair, tmp_path, monkeypatch):
    from lamevidence.cli import kept

    out = tmp_path / "out"
    run_tables(pair, out)
    before = written(out)
    monkeypatch.setattr(kept, "_program", lambda: "another")
    run_tables(pair, out)
    after = written(out)
    assert all(after[name] > before[name] for name in before)


def test_a_registry_that_changes_during_a_run_is_not_mixed(pair, tmp_path):
    """Each process reads the registry; one that reads another than the run did refuses, and a new run works."""
    from lamevidence.cli.answer_files import Look
    from lamevidence.cli.workers import _answer, _registry

    out = tmp_path / "out"
    question, look, registry = PAIR[0], Look(None, 100, False), load_registry(pair)
    with pytest.raises(QuestionError, match="changed while the run read it · run again"):
        _answer(question, pair, "0" * 64, out, look)
    _registry.cache_clear()
    assert _answer(question, pair, registry.sha256, out, look).files


def test_python_m_is_the_same_program():
    outputs = [
        subprocess.run([sys.executable, *how, "--version"], capture_output=True, text=True).stdout
        for how in (["-m", "lamevidence"], ["-c", "from lamevidence.cli.app import main; main()"])
    ]
    assert outputs[0] == outputs[1] != ""
