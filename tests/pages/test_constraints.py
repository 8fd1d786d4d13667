"""The sets of versions that are shipped name every dependency, at a version that is allowed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parents[2]
PROJECT = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pinned(name: str, python: str) -> dict[str, str]:
    """Package → version that a file of constraints gives this Python; each once."""
    found: dict[str, str] = {}
    for line in (HERE / "constraints" / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            asked = Requirement(line)
            if asked.marker is None or asked.marker.evaluate({"python_version": python}):
                (only,) = asked.specifier
                assert only.operator == "=="
                assert canonicalize_name(asked.name) not in found
                found[canonicalize_name(asked.name)] = only.version
    return found


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_tested_set_has_every_dependency_at_an_allowed_version(python):
    held = pinned("tested.txt", python)
    extras = PROJECT["optional-dependencies"]
    wanted = [
        *PROJECT["dependencies"],
        *(x for group in ("test", "scale", "sheets", "notebook", "nuts") for x in extras[group]),
    ]
    for asked in map(Requirement, wanted):
        name = canonicalize_name(asked.name)
        if name != "lamevidence":
            assert asked.specifier.contains(held[name], prereleases=True), asked
    line = "5" if python == "3.11" else "6"  # PyMC 6 needs Python 3.12
    assert held["pymc"].split(".")[0] == line


def test_the_oldest_set_is_no_newer_than_the_tested_one():
    oldest, tested = pinned("oldest.txt", "3.11"), pinned("tested.txt", "3.11")
    for asked in map(Requirement, PROJECT["dependencies"]):
        name = canonicalize_name(asked.name)
        assert tuple(map(int, oldest[name].split("."))) <= tuple(map(int, tested[name].split("."))), name
