"""A file of the registry, read once: bytes, text, tree, and what is wrong before any field is looked at."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import Problem
from .nodes import Document, Node
from .parse_cache import recall, remember

__all__ = ["missing", "parse_yaml", "read_yaml"]

_BOM = b"\xef\xbb\xbf"


def missing(path: str, message: str, remedy: str) -> Problem:
    """Return the problem of a file or folder that is not there."""
    return Problem("LE008", path, 0, 0, "", message, remedy)


def _shown(path: Path, root: Path | None) -> str:
    return (path.relative_to(root) if root is not None and path.is_relative_to(root) else path).as_posix()


def read_yaml(path: Path, root: Path | None = None) -> Document:
    """Read one YAML file into a `Document`; whatever is wrong with it is in ``problems``.

    Parameters
    ----------
    path
        The file.
    root
        Folder that printed paths are relative to.
    """
    shown = _shown(path, root)
    try:
        data = path.read_bytes()
    except OSError as error:
        return Document(
            shown,
            None,
            problems=(missing(shown, f"cannot read the file: {error.strerror}", "check name and rights"),),
        )
    return parse_yaml(data, shown)


def parse_yaml(data: bytes, path: str) -> Document:
    """Parse the bytes of a YAML file into a `Document`."""
    digest = hashlib.sha256(data).hexdigest()
    problems = []
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
        problems.append(
            Problem(
                "LW004",
                path,
                1,
                1,
                "",
                "the file starts with a byte order mark",
                "save it as UTF-8 without BOM",
            )
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        what = f"byte 0x{data[error.start]:02X} is not UTF-8"
        bad = Problem("LE003", path, line, column, "", what, "save the file as UTF-8")
        return Document(path, None, (), digest, (*problems, bad))
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        problems.append(
            Problem("LW005", path, line, 1, "", "lines end with CR LF", "save the file with LF line ends")
        )
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = tuple(text.split("\n"))
    root, found = _tree(text, lines, path, digest)
    return Document(path, root, lines, digest, (*problems, *found))


def _tree(text: str, lines: tuple[str, ...], path: str, digest: str) -> tuple[Node | None, list[Problem]]:
    root = recall(digest)
    if root is not None:
        return root, []
    from .yaml_text import SyntaxTrouble, compose

    try:
        root = compose(text)
    except SyntaxTrouble as t:
        excerpt = lines[t.line - 1] if 0 < t.line <= len(lines) else ""
        return None, [Problem(t.code, path, t.line, t.column, "", t.message, t.remedy, excerpt)]
    if root is None or (root.kind == "scalar" and root.value is None):
        return None, [
            Problem(
                "LE006",
                path,
                1,
                1,
                "",
                "the file is empty",
                "delete it, or fill it in from the example in studies/README.md",
            )
        ]
    remember(digest, root)
    return root, []
