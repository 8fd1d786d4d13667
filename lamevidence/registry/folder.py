"""The files of a registry folder: those that are read, and whatever else stands where they are expected."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..foundation.errors import Problem
from ..foundation.printable import printable
from .files import Budget, missing, not_a_file, shown_path

__all__ = ["PARTS", "name_problem", "stray_parts", "yaml_files"]

FOLDERS = ("records", "questions", "second_extraction")
PARTS = (*FOLDERS, "vocabulary", "overlaps", "excluded", "prisma")
"""What a registry is made of: three folders, four files."""

_NEAR = 0.8
"""Likeness (difflib) from which a name is taken for a misspelt part: ``question``, ``overlap``, ``vocabluary``."""
_RESERVED = frozenset(("con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10))))
"""Names that no file of Windows can have, whatever its ending."""
_OWN = frozenset({"manifest.json"})
"""Files that `run` writes beside the folders of the questions."""


def yaml_files(folder: Path, what: str, root: Path, budget: Budget) -> tuple[list[Path], list[Problem]]:
    """Return the files of one of the folders, and a problem for each thing in it that is none.

    Parameters
    ----------
    folder
        The folder.
    what
        One of its files in words: ``study``, ``question``, ``form``.
    root
        The registry, that printed paths are relative to.
    budget
        Knows whether a link leads out of the registry.
    """
    part = shown_path(folder, root)
    put = f"put one YAML file per {what} into {part}/"
    if not os.path.lexists(folder):
        return [], [missing(part, f"the folder {part}/ is missing", put)]
    if budget.outside(folder):
        return [], [not_a_file(part, "a link that leads out of the registry: it is not read", put)]
    if not folder.is_dir():
        return [], [not_a_file(part, f"{part} is not a folder", put)]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        return [], [missing(part, f"cannot read the folder: {error.strerror}", "check its rights")]
    paths, problems = [], []
    for entry in entries:
        path = folder / entry.name
        problem = _entry_problem(path, shown_path(path, root), what)
        if problem is not None:
            problems.append(problem)
        elif path.suffix == ".yaml":
            paths.append(path)
    return paths, [*problems, *_same_name(paths, root)]


def _entry_problem(path: Path, shown: str, what: str) -> Problem | None:
    """Return what is wrong with an entry by its name alone; None for a file to read and for what may stand by."""
    name = path.name
    if unreadable := name_problem(name, shown):
        return unreadable
    if name.endswith(".yaml") and not name.startswith("."):
        return None
    if name.startswith(".") and not name.casefold().endswith((".yaml", ".yml")):
        return None  # what editors, git and file managers keep
    if name.casefold().startswith(("readme", "license")) and not name.casefold().endswith((".yaml", ".yml")):
        return None
    if stat.S_ISDIR(_mode(path)):
        return not_a_file(
            shown, f"a folder: the files of a {what} are not looked for in it", "move its files up, and remove it"
        )
    stem = name.lstrip(".").split(".")[0] or "file"
    if name.startswith("."):
        return not_a_file(shown, f"a hidden file: no {what} is read from it", f"rename it to {stem}.yaml, or delete it")
    return not_a_file(
        shown, f"a {what} file must end in .yaml: this one is not read", f"rename it to {stem}.yaml, or move it out"
    )


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def name_problem(name: str, shown: str) -> Problem | None:
    """Return what is wrong with the name of a file, whatever is in it."""
    try:
        os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        return not_a_file(shown, "the name of the file is not UTF-8: it is not read", "rename it, in plain letters")
    if printable(name) != name or "\n" in name or "\t" in name:
        return not_a_file(
            shown, "the name of the file holds control characters: it is not read", "rename it, in plain letters"
        )
    return None


def _same_name(paths: list[Path], root: Path) -> Iterator[Problem]:
    """Yield the files that a file system which does not tell upper from lower case would take for one."""
    first: dict[str, Path] = {}
    for path in paths:
        stem = path.stem.casefold()
        shown = shown_path(path, root)
        if stem in first:
            yield Problem(
                "LE301",
                shown,
                0,
                0,
                "",
                f"{first[stem].name} and {path.name} differ in case only: on some systems they are one file",
                "give each its own id",
            )
        elif stem.split(".")[0] in _RESERVED or stem in _OWN or path.stem.endswith("."):
            why = "is a file that `run` writes" if stem in _OWN else "cannot name a file or folder on every system"
            yield Problem("LE305", shown, 0, 0, "", f"the id {path.stem} {why}", "choose another id")
        first.setdefault(stem, path)


def stray_parts(root: Path) -> list[Problem]:
    """Return a problem for each thing beside the parts of a registry that looks meant as one of them."""
    problems = []
    try:
        entries = sorted(os.listdir(root))
    except OSError as error:
        return [missing(".", f"cannot read the registry folder: {error.strerror}", "check its rights")]
    for name in entries:
        if name in (*FOLDERS, *(f"{part}.yaml" for part in PARTS[len(FOLDERS) :])) or name.startswith("."):
            continue
        part = _meant(name)
        shown = shown_path(root / name, root)
        if part is not None and _as_data(root / name):
            right = part if part in FOLDERS else f"{part}.yaml"
            problems.append(
                not_a_file(shown, f"is this meant as {right}? it is not read", f"rename it to {right}, or move it out")
            )
        elif name.casefold().endswith((".yaml", ".yml")):
            problems.append(
                Problem("LW011", shown, 0, 0, "", "a YAML file that no registry has: it is not read", "move it out")
            )
    return problems


def _as_data(path: Path) -> bool:
    """Tell whether something could be a folder or file of data, and no text about them."""
    name = path.name.casefold()
    return path.is_dir() or "." not in name or ".y" in name or name.endswith((".txt", ".json"))


def _meant(name: str) -> str | None:
    """Return the part of a registry that a name is likely to mean."""
    stem = name.casefold().split(".")[0].replace("-", "_")
    near = difflib.get_close_matches(stem, PARTS, n=1, cutoff=_NEAR)
    return near[0] if near else next((part for part in PARTS if stem.startswith(part)), None)
