"""Nonsense on the command line: a message and an exit code, never a traceback, never a file lost or half written."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lamevidence
from lamevidence.cli.app import app

QUESTION = "aml-response"
SHIPPED = Path(lamevidence.__file__).parent.parent / "studies"
RECORD = "records/ando-2013.yaml"
ASKED = f"questions/{QUESTION}.yaml"
OTHERS = tuple(f"records/{name}.yaml" for name in ("bissler-2008", "dabora-2011", "davies-2011"))
HELD = (RECORD, ASKED, "vocabulary.yaml", *OTHERS)
"""Enough to pool: reading the whole registry for every word takes most of the time."""
VERBS = (
    "pool",
    "bayes",
    "grade",
    "forest",
    "explain",
    "show",
    "table",
    "run",
    "check",
    "list",
    "form",
    "compare",
    "prisma",
)


@functools.cache
def folder():
    """A folder that goes with the process."""
    return tempfile.TemporaryDirectory()


@functools.cache
def small():
    """Four shipped records and a question that they answer."""
    for name in HELD:
        target = Path(folder().name) / "registry" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / name, target)
    return Path(folder().name) / "registry"


def told(*words: object) -> str:
    """Run the program on the small registry, unless another is named; its message of failure is returned."""
    where = ("--studies", small()) if words[0] in VERBS and "--studies" not in words else ()
    result = CliRunner().invoke(app, [str(w) for w in (*words, *where)])
    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def registry(tmp_path):
    return Path(shutil.copytree(small(), tmp_path / "registry"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pool", "nosuch"], "choices"),
        (["pool", ""], "choices"),
        (["grade", "nosuch"], "choices"),
        (["pool", QUESTION, "--level", "nan"], "0.95"),
        (["pool", QUESTION, "--level", "95"], "0.95"),
        (["pool", QUESTION, "--level", "much"], "valid number"),
        (["pool", QUESTION, "--baseline", "much"], "0.05,0.2, or controls"),
        (["pool", QUESTION, "--baseline", "0.1"], "no baseline risk"),
        (["pool", QUESTION, "--time", "within a year"], "add --baseline"),
        (["pool", QUESTION, "--model", "zz"], "random, common"),
        (["pool", QUESTION, "--tau2", "zz"], "choices"),
        (["pool", QUESTION, "--interval", "zz"], "choices"),
        (["pool", QUESTION, "--prediction", "zz"], "·"),
        (["bayes", "nosuch"], "choices"),
        (["bayes", QUESTION, "--tau", ""], "write for example"),
        (["bayes", QUESTION, "--tau", "HalfNormal(nan)"], "cannot read 'nan'"),
        (["bayes", QUESTION, "--tau", "HalfNormal(-1)"], "above 0"),
        (["bayes", QUESTION, "--tau", "HalfNormal(loc=1)"], "give scale"),
        (["bayes", QUESTION, "--tau", "Foo(1)"], "HalfNormal"),
        (["bayes", QUESTION, "--tau", "Normal(0, 1)"], "unknown prior of tau"),
        (["bayes", QUESTION, "--tau", "HalfNormal(72 furlong)"], "mL/year"),
        (["bayes", QUESTION, "--mu", "HalfNormal(1)"], "unknown prior of mu"),
        (["bayes", QUESTION, "--level", "nan"], "0.95"),
        (["forest", "nosuch"], "choices"),
        (["explain", "nosuch"], "choices"),
        (["explain", "LE999"], "LE001"),
        (["show", "nosuch"], "choices"),
        (["table", "nosuch"], "choices"),
        (["form", "nosuch"], "choices"),
        (["form", "ando-2013", "--source", "nosuch"], "main, editorial"),
        (["form"], "STUDY"),
        (["compare"], "give two extractions"),
        (["compare", "nowhere"], "give two extractions"),
        (["compare", str(SHIPPED / RECORD), str(SHIPPED / ASKED)], "leave out --studies"),
        (["prisma", "nowhere.yaml"], "leave out FILE, or --studies"),
        (["prisma", "--out", "x.jpg"], ".png, .pdf, .svg"),
        (["prisma", "--out", "x.png", "--width", "10"], "width in mm"),
        (["prisma", "--out", "x.png", "--width", "40"], "LE601"),
        (["run", "--layout", "zz"], "revman, jama, bmj, metafor"),
        (["check", "--format", "zz"], "github"),
        (["check", str(SHIPPED), "--studies", str(SHIPPED)], "once"),
        (["nosuch"], "nosuch"),
        (["pool"], "QUESTION"),
        (["pool", QUESTION, "--nosuch"], "nosuch"),
    ],
    ids=lambda x: " ".join(map(str, x[:4])) if isinstance(x, list) else None,
)
def test_words_that_make_no_sense(words, says):
    assert says in " ".join(told(*words).split())


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("x.jpg", [], ".png, .pdf, .svg"),
        ("none/x.png", [], "there is no folder"),
        ("old.png/x.png", [], "there is no folder"),
        ("folder.png", [], "is a folder"),
        ("old.png", ["--layout", "zz"], "revman"),
        ("old.png", ["--width", "nan"], "mm"),
        ("old.png", ["--width", "1"], "mm"),
        ("old.png", ["--dpi", "0"], "between 10 and 10000"),
        ("old.png", ["--dpi", "10000"], "give at most"),
    ],
)
def test_a_figure_that_cannot_be_written_leaves_all_as_it_was(tmp_path, name, options, says):
    (tmp_path / "old.png").write_bytes(b"old")
    (tmp_path / "folder.png").mkdir()
    assert says in told("forest", QUESTION, "--no-bayes", "-o", tmp_path / name, *options)
    assert (tmp_path / "old.png").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", "old.png"]


@pytest.mark.parametrize(
    "verb", [["list"], ["check"], ["prisma"], ["pool", QUESTION], ["table", QUESTION], ["run", "--out"]]
)
def test_registries_that_are_none(tmp_path, verb):
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    out = [tmp_path / "out"] if verb[-1] == "--out" else []
    for name in ("none", "file", "empty"):
        assert "help:" in told(*verb, *out, "--studies", tmp_path / name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", [RECORD, ASKED, "vocabulary.yaml"])
def test_broken_files_are_named(registry, path):
    target = registry / path
    for content in (b"\xff\xfe\x00", b"a: [1, 2\n b: {", b"", b"- 1\n", b"\x00", None):
        target.unlink()
        target.mkdir() if content is None else target.write_bytes(content)
        said = told("check", "--studies", registry)
        assert Path(path).name in said
        assert "help:" in said
    assert Path(path).name in told("table", QUESTION, "--studies", registry)


def test_priors_of_a_question_that_are_none(registry):
    asked = registry / ASKED
    whole = asked.read_text()
    for tau in ("{half_normal: -1}", "{half_normal: .nan}", "{half_normal: x}", "{nosuch: 1}", "3", "half_normal"):
        asked.write_text(f"{whole}\nbayes: {{tau: {tau}}}\n")
        said = told("bayes", QUESTION, "--studies", registry)
        assert "tau" in said or "HalfNormal" in said


def test_the_small_registry_is_sound():
    assert CliRunner().invoke(app, ["check", "--studies", str(small())]).exit_code == 0


def test_outputs_stay_where_a_run_cannot_write(tmp_path):
    (tmp_path / "file").write_text("text")
    assert "is a file" in told("run", "--no-figures", "--out", tmp_path / "file")
    assert "cannot make the folder" in told("run", "--no-figures", "--out", tmp_path / "file" / "x")
    (tmp_path / "out" / QUESTION / "results.json").mkdir(parents=True)
    assert "is a folder" in told("run", "--no-figures", "--out", tmp_path / "out")
    assert (tmp_path / "file").read_text() == "text"
    assert not (tmp_path / "out" / "manifest.json").exists()
