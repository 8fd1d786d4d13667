"""What the tests of the command line share: the shipped registry, read once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lamevidence import workspace

QUESTION = "fev1-slope-on-sirolimus"
PAIR = (QUESTION, "second")


@pytest.fixture(scope="session")
def shipped() -> workspace.Registry:
    return workspace.load_registry()


@pytest.fixture(autouse=True)
def read_once(shipped, monkeypatch):
    """A verb without ``--studies`` takes the registry that is at hand; in a process of its own it reads it."""
    read = workspace.load_registry

    def load(path: Path | None = None, *, strict: bool = True) -> workspace.Registry:
        return shipped if path is None else read(path, strict=strict)  # it has no error: strict or not is the same

    monkeypatch.setattr(workspace, "load_registry", load)


@pytest.fixture
def fewer(shipped, tmp_path) -> Callable[..., Path]:
    """The shipped registry with some of its questions, as a folder of one's own."""

    def copy(*questions: str) -> Path:
        root = tmp_path / "registry"
        shutil.copytree(shipped.root, root)
        for path in (root / "questions").glob("*.yaml"):
            if path.stem not in questions:
                path.unlink()
        return root

    return copy


@pytest.fixture
def registry(shipped, tmp_path) -> Path:
    """A small registry of one's own: four studies, one question."""
    root = tmp_path / "r"
    (root / "records").mkdir(parents=True)
    (root / "questions").mkdir()
    shutil.copy(shipped.root / "vocabulary.yaml", root)
    for study in ("bee-2018", "hu-2019", "yao-2014", "neurohr-2011"):
        shutil.copy(shipped.root / "records" / f"{study}.yaml", root / "records")
    text = (shipped.root / "questions" / f"{QUESTION}.yaml").read_text(encoding="utf-8")
    text = text[: text.index("sensitivity:")].replace("primary: {peking: hu-2019}\n", "")
    (root / "questions" / f"{QUESTION}.yaml").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def pair(registry) -> Path:
    """The small registry with two questions, `PAIR`."""
    one, other = (registry / "questions" / f"{name}.yaml" for name in PAIR)
    text = one.read_text(encoding="utf-8").replace(f"id: {QUESTION}", f"id: {PAIR[1]}")
    other.write_text(re.sub("(?m)^title: .*$", "title: The same, asked twice", text, count=1), encoding="utf-8")
    return registry
