"""The shape of the house: imports go one way, files stay readable, importing stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lamevidence"
ORDER = [
    "registry",
    "questions",
    "effects",
    "audit",
    "pooling",
    "bayes",
    "network",
    "checks",
    "plots",
    "reports",
    "cli",
]
FOUNDATION = {"errors", "catalog", "units", "lineage", "values", "numbers", "options", "writing"}
SIBLINGS = {("pooling", "bayes"), ("bayes", "pooling")}
MAX_LINES = 400
"""Past this a file holds two ideas; most stay below 300."""

FILES = sorted(PACKAGE.rglob("*.py"))


def chapter(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imported_chapters(path: Path) -> set[str]:
    """Chapters imported at module level (not inside functions, not for typing only)."""
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in top_level_imports(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= {node.module.split(".")[0]} if node.module else {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lamevidence."):
            found.add(node.module.split(".")[1])
    return found


def top_level_imports(tree: ast.Module):
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    own = chapter(path)
    if own in ("__init__", "__main__"):
        return
    allowed = FOUNDATION | {"__init__", "__version__"}
    if own in ORDER:
        left = ORDER[: ORDER.index(own) + 1]
        allowed |= {c for c in left if (own, c) not in SIBLINGS}
    assert imported_chapters(path) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_holds_one_idea(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, lamevidence; print(' '.join(sys.modules))"
    loaded = set(run_python(code).split())
    assert loaded.isdisjoint(
        {"pymc", "arviz", "matplotlib", "pandas", "scipy.stats", "numba", "pydantic", "ruamel.yaml"}
    )


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom lamevidence.cli.app import app\n"
        "r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0\nprint(' '.join(sys.modules))"
    )
    loaded = set(run_python(code).split())
    assert loaded.isdisjoint({"pymc", "arviz", "matplotlib", "pandas", "scipy", "numpy", "numba", "pydantic"})


def test_every_public_name_loads():
    import lamevidence

    for name in lamevidence.__all__:
        assert getattr(lamevidence, name) is not None


def test_no_path_of_a_machine_in_the_project():
    root = PACKAGE.parent
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    files = list(FILES) if tracked.returncode else [root / line for line in tracked.stdout.splitlines()]
    needles = ["/" + "root/", "/" + "home/", "/" + "work/"]
    for path in files:
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".txt"} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not any(n in text for n in needles), path
