"""The command line as a user meets it: shapes, exit codes, files, refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lamevidence.cli.app import app
from lamevidence.registry import load_registry

QUESTIONS = sorted(load_registry().questions)


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


@pytest.mark.parametrize("question", QUESTIONS)
def test_table_has_the_public_shape(question):
    table = as_json("table", question)
    assert all({"study", "yi", "vi", "unit"} <= row.keys() for row in table["rows"])
    assert all(e["study"] and e["reason"] for e in table["excluded"])


@pytest.mark.parametrize("question", QUESTIONS)
def test_pool_has_the_public_shape(question):
    pooled = as_json("pool", question)
    assert {"mu", "se", "interval", "prediction", "tau2", "q", "i2", "k", "unit", "spec"} <= pooled.keys()
    if "not_pooled" in pooled:
        assert question == "miles-adverse-events-by-category"
        return
    low, high = pooled["interval"]
    assert low <= pooled["mu"] <= high
    assert pooled["spec"]["why"]


@pytest.mark.parametrize("question", QUESTIONS)
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
    assert "Table 2" in invoke("show", "mccormack-2011").stdout


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


def test_a_registry_of_ones_own(tmp_path):
    result = invoke("table", "fev1-slope-on-sirolimus", "--studies", str(tmp_path / "absent"))
    assert result.exit_code == 1
    assert "LE008" in result.stderr
    shipped = load_registry().root
    assert invoke("check", str(shipped)).exit_code == 0
    assert invoke("table", "fev1-slope-on-sirolimus", "--studies", str(shipped)).exit_code == 0


def test_run_writes_the_same_bytes_twice(tmp_path):
    """Two runs into two folders: equal hashes in both manifests; a third run into the first keeps the figures."""
    outs = [tmp_path / "a", tmp_path / "b"]
    for out in outs:
        assert invoke("run", "--out", str(out), "--no-figures").exit_code == 0
    first, second = (json.loads((out / "manifest.json").read_text()) for out in outs)
    assert first == second
    assert {name.split("/")[1] for name in first["outputs"]} == {"results.json", "studies.csv", "summary.csv"}


def test_run_draws_every_question_with_rows(tmp_path):
    command = [sys.executable, "-m", "lamevidence", "run", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    for question in QUESTIONS:
        assert {p.suffix for p in (tmp_path / question).glob("forest.*")} == {".png", ".pdf", ".svg"}
        assert question in (tmp_path / "manifest.json").read_text()
    assert "τ" in done.stdout or "tau" in done.stdout


def test_python_m_is_the_same_program():
    outputs = [
        subprocess.run([sys.executable, *how, "--version"], capture_output=True, text=True).stdout
        for how in (["-m", "lamevidence"], ["-c", "from lamevidence.cli.app import main; main()"])
    ]
    assert outputs[0] == outputs[1] != ""
