"""The shape of the house: imports go one way, no circle, folders and files stay readable, importing stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lamevidence"
ORDER = [
    "foundation",
    "registry",
    "sheets",
    "questions",
    "effects",
    "results",
    "audit",
    "workspace",
    "pooling",
    "bayes",
    "synthesis",
    "network",
    "checks",
    "plots",
    "reports",
    "cli",
]
FRONT_DOORS = {"__init__", "__main__", "errors", "priors", "counts", "models", "_moved"}
"""Modules that only hand names on."""
MAX_LINES = 450
"""Past this a file holds two ideas; most stay below 300."""
FEWEST, MOST = 3, 25
"""Modules a folder holds, `__init__` aside; a folder with fewer is part of its parent."""
MOST_POOLING = 78

START_UP = {
    ("", "_moved"): "read only when a name is not found",
    ("bayes.exact.batch_two_level", "batch_reading"): "the long batch path alone needs it",
    ("bayes.exact.batch_two_level", "batch_sums"): "the long batch path alone needs it",
    ("pooling.api", "regression.regression"): "formulas load formulaic and pandas",
    ("pooling.regression.permutation", "kernel.kernels_compiled"): "loads numba",
    ("pooling.rows", "counts.remedies"): "count models are loaded when a message names one",
    ("pooling.scale.batch", "kernel.kernels_compiled"): "loads numba",
    ("registry.files", "yaml_text"): "loads ruamel.yaml; parsed records are cached",
    ("registry.reader", "rules_study"): "rules are loaded when something is wrong",
    ("registry.validation", "nodes"): "places are printed when something is wrong",
    ("reports.analysis_rules", "pooling"): "`check` of a registry without models does not load them",
    ("reports.analysis_rules", "bayes.api"): "only an improper prior is tried",
    ("reports.analysis_rules", "certainty"): "only questions with judgements are rated",
}
"""(Module, what it imports inside a function) → why: start-up time. Verbs load their chapters when called."""

FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {
    ".".join(("lamevidence", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in FILES
}


def chapter(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def typing_only(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: bodies of functions included, what is for type checkers alone left out."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and typing_only(child):
            for other in child.orelse:
                yield other
                yield from statements(other)
            continue
        yield child
        yield from statements(child)


def imported(module: str) -> set[str]:
    """Modules of the package that a module imports, at its top or inside its functions."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in statements(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            full = ".".join(filter(None, [base, node.module]))
            for alias in node.names:
                inner = f"{full}.{alias.name}"
                if inner in MODULES:
                    found.add(inner)
                elif full in MODULES:
                    found.add(full)
    return found - {module}


GRAPH = {module: imported(module) for module in MODULES}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected groups of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(start: str) -> None:
        work = [(start, iter(sorted(graph[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(sorted(graph[target]))))
                    break
                if target in stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = []
                    while True:
                        group.append(stack.pop())
                        if group[-1] == node:
                            break
                    if len(group) > 1:
                        found.append(sorted(group))

    for module in sorted(graph):
        if module not in index:
            visit(module)
    return found


def test_the_walk_sees_late_imports_and_circles():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert circles(graph) == [["a", "b", "c"]]
    tree = ast.parse("def f():\n    from .x import y\nif TYPE_CHECKING:\n    from .z import w\n")
    assert [n.module for n in statements(tree) if isinstance(n, ast.ImportFrom)] == ["x"]


def test_no_module_takes_part_in_a_circle():
    assert circles(GRAPH) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_one_way(module):
    own = chapter(module)
    if own in FRONT_DOORS:
        return
    left = set(ORDER[: ORDER.index(own) + 1]) if own in ORDER else set()
    if own == "bayes":
        left.discard("pooling")
    assert {chapter(target) for target in GRAPH[module]} <= left | {"__init__"}


def test_late_imports_are_listed_with_their_reason():
    found = set()
    for module, path in MODULES.items():
        if chapter(module) == "cli":
            continue
        for function in ast.walk(parsed(path)):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and node.level and node.module:
                    found.add((module.removeprefix("lamevidence").removeprefix("."), node.module))
    assert found == set(START_UP)


def test_slow_libraries_are_loaded_where_they_are_used():
    """Distributions of scipy take longer to load than an answer to work out: functions that need them import them."""
    early = {"scipy.stats", "pandas", "matplotlib", "pymc"}
    found = set()
    for module, path in MODULES.items():
        for node in parsed(path).body:
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
            else:
                continue
            found |= {(module, name) for name in names if any(f"{name}.".startswith(f"{lib}.") for lib in early)}
    assert found == set()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_holds_one_idea(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_folders_can_be_taken_in_at_a_glance():
    sizes = defaultdict(int)
    for path in FILES:
        if path.name != "__init__.py" and path.parent != PACKAGE:
            sizes[str(path.parent.relative_to(PACKAGE))] += 1
    assert {folder: n for folder, n in sizes.items() if n > MOST} == {}
    assert {folder: n for folder, n in sizes.items() if n < FEWEST} == {}
    assert sum(n for folder, n in sizes.items() if folder.split("/")[0] == "pooling") <= MOST_POOLING


def test_small_files_with_one_reader_are_part_of_it():
    """What the catalogues file, verbs and figures stand alone: one idea each, however short."""
    alone = ("cli", "plots", "effects/measures", "audit")
    readers = defaultdict(set)
    for module, targets in GRAPH.items():
        for target in targets:
            readers[target].add(module)
    small = []
    for module, path in MODULES.items():
        folder = str(path.parent.relative_to(PACKAGE))
        if path.name == "__init__.py" or chapter(module) in FRONT_DOORS or folder in alone:
            continue
        if len(path.read_text().splitlines()) < 70 and len(readers[module]) == 1:
            small.append(module)
    assert small == []


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    ).stdout


def test_importing_the_package_loads_nothing_heavy():
    loaded = set(run_python("import sys, lamevidence; print(' '.join(sys.modules))").split())
    assert loaded.isdisjoint(
        {"pymc", "arviz", "matplotlib", "pandas", "scipy", "numpy", "numba", "pydantic", "ruamel.yaml"}
        - set(run_python("import sys; print(' '.join(sys.modules))").split())
    )


def test_help_loads_nothing_heavy():
    code = """
    import sys
    from typer.testing import CliRunner
    from lamevidence.cli.app import app
    r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0
    print(' '.join(sys.modules))
    """
    loaded = set(run_python(code).split())
    assert loaded.isdisjoint({"pymc", "arviz", "matplotlib", "pandas", "scipy", "numpy", "numba", "pydantic"})


def test_no_path_of_a_machine_in_the_project():
    root = PACKAGE.parent
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    files = list(FILES) if tracked.returncode else [root / line for line in tracked.stdout.splitlines()]
    needles = ["/" + "root/", "/" + "home/", "/" + "work/"]
    for path in files:
        if path.suffix in {".py", ".pyi", ".md", ".yaml", ".yml", ".toml", ".txt", ".cff"} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not any(n in text for n in needles), path
