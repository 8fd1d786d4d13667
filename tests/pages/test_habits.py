"""What a stranger expects of a project: one version, checks that run, pages that name what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import lamevidence as lam

ROOT = Path(__file__).parents[2]
README, CONTRIBUTING, CHANGELOG, ARCHITECTURE = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md")
)
PATH = re.compile(r"`([\w.-]*/[\w./-]*|[\w-]+\.(?:py|pyi|md|yaml|yml|toml|json|cff))`")
"""A path between backticks: a slash in it, or the ending of a file."""
WRITTEN = {"out/manifest.json", "results.json", "prisma.yaml"}
"""What the program writes, and what a registry may have."""


def yaml(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_there_is_one_version():
    changes = re.search(r"^## (\S+)", CHANGELOG, re.MULTILINE)
    assert changes is not None
    versions = {project()["project"]["version"], lam.__version__, yaml("CITATION.cff")["version"], changes.group(1)}
    assert versions == {lam.__version__}


def test_hosted_ci_runs_the_one_script():
    jobs = yaml(".github/workflows/ci.yml")["jobs"].values()
    assert any(step.get("run") == "bash .ci/run" for job in jobs for step in job["steps"])
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100, "executable"


def test_slow_tests_are_left_out_by_default_and_run_by_the_script():
    assert "-m 'not slow'" in project()["tool"]["pytest"]["ini_options"]["addopts"]
    assert "-m slow" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "-m slow" in README
    assert "-m slow" in CONTRIBUTING


def test_commits_are_checked_by_what_the_script_runs():
    hooks = {hook["name"]: hook["entry"] for repo in yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]}
    assert hooks == {"ruff format": "ruff format", "ruff check": "ruff check --fix", "mypy": "mypy"}


def test_issue_templates_can_be_read():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert forms
    for form in forms:
        assert {"name", "description", "body"} <= yaml(str(form.relative_to(ROOT))).keys()


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/releasing.md", "studies/README.md"]
)
def test_paths_that_a_page_names_exist(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    places = (ROOT, ROOT / "lamevidence", (ROOT / page).parent)
    named = set(PATH.findall(text)) - WRITTEN
    assert [path for path in named if not any((place / path).exists() for place in places)] == []


def test_rooms_of_the_map_exist():
    tree = ARCHITECTURE.split("```")[1]
    folders = {path.name for path in (*ROOT.glob("*/"), *(ROOT / "lamevidence").rglob("*/"), *ROOT.glob("[st]*/*/"))}
    assert set(re.findall(r"(?<!\S)(\w+)/(?!\S)", tree)) - folders == set()
    files = {path.stem for path in (ROOT / "lamevidence").rglob("*.py")}
    named = [word for line in tree.splitlines() for word in line.split("  ")[0].split() if line.startswith("    ")]
    assert [word for word in named if re.fullmatch(r"[a-z_]+", word) and word not in files] == []


def test_names_in_the_readme_exist():
    names = set(re.findall(r"`(lam(?:\.\w+)+)", README)) - {"lam.NAME", "lam.fit_glmm"}
    assert len(names) > 50
    for name in names:
        found: Any = lam
        for part in name.split(".")[1:]:
            found = getattr(found, part)
    with pytest.raises(AttributeError, match=re.escape("lamevidence.fit_glmm is now lamevidence.counts.glmm")):
        lam.fit_glmm  # noqa: B018


def test_words_that_every_result_answers_are_those_of_the_contract():
    line = re.search(r"answers in the same words: `([^`]+)`", README)
    assert line is not None
    words = line.group(1).replace("()", "").split()
    assert len(words) > 15
    assert [word for word in words if not hasattr(lam.results.Result, word)] == []


def test_the_readme_counts_the_questions():
    stated = re.search(r"(\d+) shipped\s+questions", README)
    assert stated is not None
    assert int(stated.group(1)) == len(lam.load_registry().questions)
