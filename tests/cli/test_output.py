"""What the program prints and writes: safe to look at, safe to open, and one line when it cannot be written."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import lamevidence as lam
from lamevidence.cli.app import app
from lamevidence.foundation.printable import cell, printable
from tests.cli.conftest import QUESTION

HERE = Path(__file__).parents[2]
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NASTY = r'"\e[31mBee\e[0m\a\0\r\u202E\x9b"'


def edit(file: Path, pattern: str, replacement: str) -> None:
    text, n = re.subn(pattern, lambda _: replacement, file.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert n == 1
    file.write_text(text, encoding="utf-8")


def invoke(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize("verb", ["table", "pool", "explain", "bayes"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_control_characters_never_reach_the_terminal(registry, verb, form):
    edit(registry / "records" / "bee-2018.yaml", "^label: .*$", f"label: {NASTY}")
    edit(registry / "questions" / f"{QUESTION}.yaml", "^title: .*$", r'title: "\e[2J\e]0;x\a\u2066"')
    told = invoke(verb, QUESTION, "--studies", registry, *form)
    assert told.exit_code == 0, told.output
    assert not UNSAFE.search(told.output)
    assert "\\u001b[2J" in told.stdout
    if form:
        title = json.dumps(json.loads(told.stdout))
        assert "\\u001b[2J\\u001b]0;x\\u0007\\u2066" in title


def test_check_show_list_and_run_print_safely(registry, tmp_path):
    edit(registry / "records" / "bee-2018.yaml", "^label: .*$", f"label: {NASTY}")
    edit(registry / "records" / "hu-2019.yaml", "^year: .*$", r'year: "\e[31m"')
    for form in ("text", "json", "github"):
        told = invoke("check", registry, "--format", form)
        assert told.exit_code == 1
        assert not UNSAFE.search(told.output.replace("\n", ""))
    assert "LW109" in told.stdout
    (registry / "records" / "hu-2019.yaml").unlink()
    for arguments in (("show", "bee-2018"), ("list",), ("run", "--out", tmp_path / "out", "--no-figures")):
        told = invoke(*arguments, "--studies", registry)
        assert told.exit_code == 0, told.output
        assert "\\u001b" in told.stdout or arguments == ("list",)
        assert not UNSAFE.search(told.output.replace("\n", ""))


def test_figures_of_any_label_are_well_formed():
    labels = ["\x1b[31mBee\x07", "a\x00b\u202e", "c\ufffe & <d>", "e\u009b"]
    table = lam.EvidenceTable.from_estimates(
        [0.1, 0.3, 0.2, 0.4], vi=[0.1, 0.2, 0.1, 0.3], labels=labels, title="\x1bT"
    )
    fit = lam.pool(table)
    figures = [lam.forest(fit), lam.plots.funnel(fit), lam.plots.baujat(fit), lam.leave_one_out(fit).plot()]
    for figure in figures:
        for as_text in (False, True):
            svg = figure.to_svg(text=as_text)
            ElementTree.fromstring(svg)
            assert not UNSAFE.search(svg)
    assert "\\u001b[31mBee\\u0007" in figures[0].to_svg(text=True)
    for shown in (repr(table), table._repr_html_(), repr(fit), fit._repr_html_(), repr(figures[0])):
        assert not UNSAFE.search(shown)
    loo = lam.leave_one_out(fit)
    assert not UNSAFE.search(repr(loo) + loo._repr_html_())


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://evil","x")', "@SUM(1+1)|cmd", "+1", "-1+1", "\t=1", "\r=1", " =1", "＝1"]
)
def test_what_begins_a_formula_is_text(text):
    assert cell(text).startswith("'")
    assert cell(cell(text)) == cell(text)


def test_words_and_numbers_are_left_as_they_are(registry, tmp_path):
    assert cell("Bee 2018 = 3") == "Bee 2018 = 3"
    assert printable("µ−τ² ‰ נ א 中 👩\u200d🔬") == "µ−τ² ‰ נ א 中 👩\u200d🔬"
    edit(registry / "records" / "bee-2018.yaml", "^label: .*$", r'label: "=HYPERLINK(\"http://evil\",\"x\")"')
    out = tmp_path / "out"
    assert invoke("run", "--out", out, "--studies", registry, "--no-figures").exit_code == 0
    rows = list(csv.DictReader(io.StringIO((out / QUESTION / "studies.csv").read_text(encoding="utf-8"))))
    assert '\'=HYPERLINK("http://evil","x")' in {row["label"] for row in rows}
    assert all(not value.startswith(("=", "+", "@")) for row in rows for value in row.values())
    used = [row for row in rows if row["used"] == "yes"]
    assert any(float(row["yi"]) < 0 for row in used)  # a negative number stays a number


def program(*arguments: object, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-m", "lamevidence", *map(str, arguments)]
    return subprocess.Popen(command, cwd=HERE, env=environment, stderr=subprocess.PIPE, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("verb", ["check", "list", "--help", "methods"])
def test_a_full_disk_is_one_line(verb):
    with open("/dev/full", "w") as full:
        process = program(verb, stdout=full)
        said = process.communicate()[1].decode()
    assert (process.returncode, said.count("\n")) == (1, 1), said
    assert said.startswith("error: cannot read or write the output: No space left on device")


def test_a_place_that_cannot_be_written_is_one_line(registry, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / QUESTION).write_text("mine")
    told = invoke("run", "--out", tmp_path / "out", "--studies", registry, "--no-figures")
    assert told.exit_code == 2
    assert told.stderr.startswith("error: cannot make the folder")
    assert (tmp_path / "out" / QUESTION).read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processes from /proc")
@pytest.mark.slow
def test_a_killed_run_leaves_no_workers(tmp_path):
    process = program("run", "--out", tmp_path / "out", stdout=subprocess.DEVNULL, start_new_session=True)
    workers: set[int] = set()
    until = time.monotonic() + 60
    while not any("forest" in p.name for p in tmp_path.rglob("*.png")) and time.monotonic() < until:
        workers |= children(process.pid)
        time.sleep(0.05)
    workers |= children(process.pid)
    assert workers
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until = time.monotonic() + 20
    while any(alive(w) for w in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [w for w in workers if alive(w)]


def children(parent: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.add(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


DAMAGED = [
    "",
    "{",
    "[]",
    "3",
    '{"answers": 3, "outputs": 3}',
    '{"answers": {"x": 1}, "outputs": {"x": 1, "../a": 2}}',
    '{"outputs": [1], "answers": [2]}',
    '{"outputs": {"QUESTION/results.json": [], "QUESTION/answer.txt": {}}, "answers": {"QUESTION": {}}}',
    '{"outputs": {"": "", "/": "", "a": null}}',
    "[" * 100_000,
    "\udcff",
]


@pytest.mark.parametrize("manifest", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_manifest_is_as_good_as_none(registry, tmp_path, manifest):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_bytes(manifest.replace("QUESTION", QUESTION).encode("utf-8", "surrogateescape"))
    (tmp_path / "a").write_text("mine")
    assert invoke("run", "--out", out, "--studies", registry, "--no-figures").exit_code == 0
    assert set(json.loads((out / "manifest.json").read_text())["questions"]) == {QUESTION}
    assert (tmp_path / "a").read_text() == "mine"


def test_run_removes_only_what_its_manifest_lists(registry, tmp_path):
    out = tmp_path / "out"
    old, new = (registry / "questions" / f"{name}.yaml" for name in ("old", QUESTION))
    old.write_text(new.read_text().replace(f"id: {QUESTION}", "id: old"))
    run = ("run", "--out", out, "--studies", registry, "--no-figures")
    assert invoke(*run).exit_code == 0
    (out / "old" / "mine.txt").write_text("mine")
    (out / "old" / "summary.csv").write_text("changed by hand")
    (out / "notes").mkdir()
    (out / "notes" / "studies.csv").write_text("mine")
    old.unlink()
    assert invoke(*run).exit_code == 0
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {
        "manifest.json",
        "notes/studies.csv",
        "old/mine.txt",
        "old/summary.csv",
        *(f"{QUESTION}/{name}" for name in ("results.json", "studies.csv", "summary.csv", "answer.txt")),
    }
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["outputs"] |= {"../r/vocabulary.yaml": "x", "notes/studies.csv": "0" * 64, "/etc/passwd": "x"}
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert invoke(*run).exit_code == 0
    assert (registry / "vocabulary.yaml").exists()
    assert (out / "notes" / "studies.csv").read_text() == "mine"


def test_the_manifest_has_the_hash_of_every_input(registry, tmp_path):
    assert invoke("run", "--out", tmp_path / "out", "--studies", registry, "--no-figures").exit_code == 0
    inputs = json.loads((tmp_path / "out" / "manifest.json").read_text())["inputs"]
    assert set(inputs) == {p.relative_to(registry).as_posix() for p in registry.rglob("*.yaml")}


def test_run_refuses_what_check_refuses(registry, tmp_path):
    (registry / "questions" / f"{QUESTION}.yaml").unlink()
    told = invoke("run", "--out", tmp_path / "out", "--studies", registry)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "has no question" in told.stderr
    (registry / "questions").rmdir()
    told = invoke("run", "--out", tmp_path / "out", "--studies", registry)
    assert told.exit_code == 1
    assert "the folder questions/ is missing" in told.stderr
    assert not (tmp_path / "out").exists()


def test_errors_come_back_from_another_process():
    """With their type, words and what they carry."""
    from lamevidence.foundation import errors

    for error in (
        errors.UnknownName("forest layout", "bnj", ["bmj", "jama"]),
        errors.TooFewStudies("Egger's test", 2, 3, "add a study"),
        errors.QuestionError("it changed · run again"),
        errors.InvalidRegistry((), Path("studies")),
    ):
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


FORGED = r'"Bee\nmean  9.99\u2028mean  9.99\tmean  9.99\x85mean  9.99\rmean  9.99"'


@pytest.mark.parametrize("verb", ["table", "pool", "explain", "bayes", "show", "list", "check", "run"])
def test_a_name_with_a_line_break_imitates_no_row(registry, tmp_path, verb):
    """Line feeds are layout, so that they stay in texts; in a name they are written out."""
    edit(registry / "records" / "bee-2018.yaml", "^label: .*$", f"label: {FORGED}")
    edit(registry / "records" / "bee-2018.yaml", "^title: .*$", f"title: {FORGED}")
    edit(registry / "questions" / f"{QUESTION}.yaml", "^title: .*$", f"title: {FORGED}")
    more = {"show": ["bee-2018"], "list": [], "check": [registry], "run": ["--out", tmp_path / "out", "--no-figures"]}
    given = more.get(verb, [QUESTION]) + ([] if verb == "check" else ["--studies", registry])
    told = invoke(verb, *given)
    assert told.exit_code == 0, told.output
    assert "\\u000amean" in told.output
    assert not [line for line in re.split("[\n\t\r\x85\u2028]", told.output) if line.strip().startswith("mean  9")]
    if verb == "run":
        rows = csv.DictReader(io.StringIO((tmp_path / "out" / QUESTION / "studies.csv").read_text(encoding="utf-8")))
        assert all("\n" not in value and "\t" not in value for row in rows for value in row.values())


@pytest.mark.parametrize(("given", "there"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_one_thread_unless_the_environment_says_otherwise(given, there):
    """Set before numpy is loaded, so that it counts; the processes of a run inherit it."""
    code = "import sys, os; sys.argv = ['lamevidence', '--version']\nfrom lamevidence.cli.app import main\n"
    code += "try:\n    main()\nfinally:\n    print(os.environ['OPENBLAS_NUM_THREADS'], 'numpy' in sys.modules)"
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=bare | given, check=False)
    assert done.stdout.split()[-2:] == [there, "False"]
