"""What the tests of the command line share: the shipped registry, read once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lamevidence import workspace


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
