"""Every verb in words and as JSON, and how it leaves when it cannot answer."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lamevidence.cli.app import app
from lamevidence.cli.output import jsonable

SLOPES, RATIOS, SIDE_BY_SIDE = (
    "fev1-slope-on-sirolimus",
    "serious-adverse-events-two-arm",
    "miles-adverse-events-by-category",
)
ROOT = Path(__file__).parents[2]


def invoke(*arguments: object):
    return CliRunner().invoke(app, [str(x) for x in arguments])


def answered(*arguments: object) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


WORDS = {
    ("list",): (SLOPES, "Question", "Study", "Findings"),
    ("check",): ("findings read",),
    ("show", "mccormack-2011"): ("MILES", "doi", "cohort:", "printed"),
    ("table", SLOPES): ("measure MN", "yi", "SE", "printed as"),
    ("pool", SLOPES): ("FEV1 slope on sirolimus", "95% CI", "How much it depends"),
    ("pool", SIDE_BY_SIDE): ("side by side and not pooled", "lamevidence table"),
    ("pool", RATIOS, "--baseline", "0.1,0.3"): ("Where 100 per 1000 have the event", "NNT", "∞"),
    ("pool", RATIOS, "--baseline", "controls"): ("(pooled, 95", "is joined with that of the relative effect"),
    ("bayes", SLOPES): ("What other priors give", "HalfNormal"),
    ("bayes", SLOPES, "--print-uncertainty"): ("kind of ± (2 rows)", "What may be printed so", "posterior"),
    ("explain", SLOPES): ("Entered:", "Left out:", "Frequentist result", "Bayesian result", "Fingerprint"),
    ("explain", SIDE_BY_SIDE): ("Not pooled:", "No Bayesian result:"),
    ("explain", "LE104"): ("Example:", "Remedy:"),
    ("grade", SLOPES): ("indirectness: not judged", "certainty: not judged", "Summary of findings", "imprecision:"),
    ("multiverse", "fev1-slope-within-patient-change"): ("specifications of", "Shapley", "member of peking"),
    ("prisma",): (
        "screened not reported",
        "records what was found, not the search",
        "papers looked at and left out: 14",
    ),
    ("form", "ando-2013", "--source", "editorial"): ("study: ando-2013", "direction: ", "not_checked:"),
    ("compare",): ("cells agree", "κ", "Looked up in the source:"),
    ("methods",): ("tau2 estimators", "REML", "priors of tau"),
}


@pytest.mark.parametrize("arguments", WORDS, ids=" ".join)
def test_a_verb_in_words(arguments):
    text = answered(*arguments)
    assert text.strip()
    for words in WORDS[arguments]:
        assert words in text


SHAPES = {
    ("list",): {"questions", "studies"},
    ("show", "mccormack-2011"): {"id", "label", "design", "findings", "publications"},
    ("table", SLOPES): {"question", "measure", "unit", "fingerprint", "rows", "excluded", "notes"},
    ("pool", SLOPES): {"mu", "se", "interval", "prediction", "tau2", "q", "i2", "k", "unit", "spec", "estimate"},
    ("pool", SIDE_BY_SIDE): {"mu", "not_pooled", "k", "spec"},
    ("bayes", SLOPES): {"mu", "tau", "prediction", "spec", "k", "unit"},
    ("explain", SLOPES): {"estimand", "table", "pooled", "bayes", "text"},
    ("explain", "LE104"): {"code", "meaning", "example", "remedy"},
    ("grade", SLOPES): {"start", "domains", "upgrades", "certainty", "summary", "lead"},
    ("multiverse", "fev1-slope-within-patient-change"): {"specifications", "choices", "shares", "agreement"},
    ("prisma",): {"flow", "registry"},
    ("form", "ando-2013"): {"study", "sources", "form"},
    ("compare",): {"first", "second", "as_read", "now", "decided", "decisions", "undecided", "not_compared"},
    ("methods",): {"effect measures", "models", "tau2 estimators", "intervals", "prediction intervals"},
}


@pytest.mark.parametrize("arguments", SHAPES, ids=" ".join)
def test_a_verb_as_json(arguments):
    text = answered(*arguments, "--json")
    assert SHAPES[arguments] <= json.loads(text, parse_constant=pytest.fail).keys()


def test_rows_of_a_table_say_where_each_number_is_printed():
    rows = json.loads(answered("table", SLOPES, "--json"))["rows"]
    assert rows
    for row in rows:
        assert {"study", "yi", "vi", "unit", "cells"} <= row.keys()
        assert all({"finding", "printed", "at"} <= cell.keys() for cell in row["cells"])


def test_a_model_chosen_on_the_command_line_is_the_one_that_answers():
    common = json.loads(answered("pool", SLOPES, "--model", "common", "--level", "0.8", "--json"))
    assert common["tau2"] == 0
    assert common["level"] == 0.8
    assert common["spec"]["model"] == "common"


def test_a_baseline_on_the_command_line_is_the_method_of_the_leading_result():
    import lamevidence as lam

    table = lam.load_registry().evidence(RATIOS)
    expected = lam.pool(table).absolute((0.1, 0.3), time="by the end").to_json()
    told = json.loads(answered("pool", RATIOS, "--baseline", "0.1,0.3", "--time", "by the end", "--json"))
    assert told["lead"] == "reported"
    assert told["absolute"] == expected
    for baseline in ("0.1,0.3", "controls"):
        assert len(answered("pool", RATIOS, "--baseline", baseline).splitlines()) <= 40
    rates = json.loads(answered("pool", "adverse-event-rate-ratio", "--baseline", "controls", "--json"))
    # 718 events in 43 person-years on placebo, 959 in 46 on sirolimus (MILES, the rows of the question)
    assert rates["absolute"]["rows"][0]["baseline"] == pytest.approx(100 * 718 / 43)
    assert rates["absolute"]["rows"][0]["treated"] == pytest.approx(100 * 959 / 46)


def test_check_counts_its_problems(tmp_path):
    found = json.loads(answered("check", "--json"))
    assert (len(found["problems"]), found["errors"]) == (found["errors"] + found["warnings"], 0)
    assert invoke("check", "--strict").exit_code == int(found["warnings"] > 0)
    wrong = invoke("check", tmp_path, "--format", "github")
    assert wrong.exit_code == 1
    assert "::error" in wrong.stdout


def test_forest_writes_its_file_and_tells_its_rows(tmp_path):
    path = tmp_path / "f.svg"
    told = json.loads(answered("forest", SLOPES, "--out", path, "--json"))
    assert told["file"] == str(path)
    assert {"study", "pooled"} <= {row["kind"] for row in told["rows"]}
    assert path.read_text(encoding="utf-8").startswith("<?xml")
    alone = json.loads(answered("forest", SLOPES, "--no-bayes", "--out", path, "--json"))
    assert sum(row["kind"] == "pooled" for row in alone["rows"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list", "--studies", "nowhere"), 1),
        (("show", "nosuch"), 2),
        (("table", "nosuch"), 2),
        (("table", SLOPES, "--studies", "nowhere"), 1),
        (("pool", "nosuch"), 2),
        (("pool", SIDE_BY_SIDE, "--tau2", "DL"), 1),
        (("pool", RATIOS, "--baseline", "1.5"), 2),
        (("grade", "nosuch"), 2),
        (("grade", SIDE_BY_SIDE), 1),
        (("bayes", "nosuch"), 2),
        (("bayes", SIDE_BY_SIDE), 1),
        (("bayes", SLOPES, "--level", "2"), 2),
        (("bayes", "serious-adverse-event-rate-ratio", "--print-uncertainty"), 2),
        (("explain", "nosuch"), 2),
        (("explain", "LW999"), 2),
        (("forest", "nosuch"), 2),
        (("forest", SLOPES, "--width", "30", "--out", "x.png"), 1),
        (("form", "nosuch"), 2),
        (("form", "ando-2013", "--source", "nosuch"), 2),
        (("compare", "nowhere"), 2),
        (("compare", "nowhere", "elsewhere"), 1),
        (("compare", "--studies", "nowhere"), 1),
        (("compare", "--resolve", "nowhere/log.yaml"), 2),
        (("prisma", "nowhere.yaml"), 1),
        (("prisma", "--studies", "nowhere"), 1),
        (("prisma", "--out", "x.jpg"), 2),
        (("prisma", "--out", "x.png", "--width", "40"), 1),
        (("run", "--studies", "nowhere"), 1),
        (("run", "--layout", "lancet"), 2),
        (("methods", "more"), 2),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else None,
)
def test_what_cannot_be_answered_is_told_on_the_error_stream(arguments, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == code, result.output
    assert result.stderr.strip()
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_run_tells_what_it_wrote(fewer, tmp_path):
    out, some = tmp_path / "out", (SLOPES, RATIOS, SIDE_BY_SIDE)
    told = json.loads(answered("run", "--out", out, "--no-figures", "--json", "--studies", fewer(*some)))
    assert told["out"] == str(out)
    assert set(told["manifest"]["questions"]) == set(some)
    assert len(told["questions"]) == len(some)
    for name in told["manifest"]["outputs"]:
        assert (out / name).is_file()
    written = json.loads((out / SLOPES / "results.json").read_text(encoding="utf-8"))
    shape = json.loads(answered("pool", SLOPES, "--json"))
    for name in ("lead", "headline", "sets", "leave_one_out", "disagreement", "doubts"):
        assert written["answer"][name] == shape[name]
    assert [one["name"] for one in written["table"]["sets"]] == [one["name"] for one in shape["sets"]]


def test_a_number_that_json_lacks():
    assert jsonable({"a": [math.nan, math.inf, -math.inf, 1.5]}) == {"a": [None, "Inf", "-Inf", 1.5]}


def test_help_needs_none_of_the_heavy_libraries():
    heavy = ("numpy", "scipy", "pandas", "matplotlib", "pydantic")
    script = (
        "import sys; sys.argv = ['lamevidence', '--help']\n"
        "from lamevidence.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('loaded', [m for m in {heavy!r} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert "loaded []" in done.stderr, done.stderr
    assert "forest" in done.stdout


def test_a_flow_of_ones_own_is_printed_drawn_and_written(tmp_path, monkeypatch):
    import csv

    import lamevidence as lam
    from tests.registry.test_flow import TEXT

    path = tmp_path / "flow.yaml"
    path.write_text(TEXT.replace("automation: 0", "automation: not_reported"))
    flow = lam.reports.prisma(path)
    monkeypatch.setenv("COLUMNS", "60")
    text = answered("prisma", path, "--out", tmp_path / "flow.csv")
    assert max(map(len, text.splitlines())) <= 60
    assert "Counted in the registry" not in text
    assert " ".join(text.split()) == " ".join(repr(flow).split())
    told = json.loads(answered("prisma", path, "--out", tmp_path / "flow.svg", "--width", "85", "--json"))
    assert told == {"flow": flow.to_json(), "registry": None}
    with open(tmp_path / "flow.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["n"] for row in rows] == ["not_reported" if r.n is None else str(r.n) for r in flow.rows()]
    assert 'width="240.9' in (tmp_path / "flow.svg").read_text(encoding="utf-8")  # 85 mm in points
    shipped = lam.load_registry().root
    assert answered("prisma", shipped) == answered("prisma", "--studies", shipped)
    path.write_text(TEXT.replace("sought: 114", "sought: 113"))
    wrong = invoke("prisma", path)
    assert wrong.exit_code == 1
    assert (
        f"error[LE701]: screened 139, but excluded 25 + sought 113 = 138\n  --> {path.as_posix()}:10:11" in wrong.stderr
    )
    assert "help: mend the number" in wrong.stderr
