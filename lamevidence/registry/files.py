"""A file of the registry, read once: bytes, text, tree, and what is wrong before any field is looked at."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from ..foundation.errors import OptionError, Problem
from ..foundation.printable import printable
from .nodes import Document, Node
from .parse_cache import recall, remember

__all__ = ["Budget", "missing", "not_a_file", "parse_yaml", "read_yaml", "shown_path"]

_BOM = b"\xef\xbb\xbf"
_MEGABYTE = 1_000_000
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def missing(path: str, message: str, remedy: str) -> Problem:
    """Return the problem of a file or folder that is not there."""
    return Problem("LE008", path, 0, 0, "", message, remedy)


def not_a_file(path: str, message: str, remedy: str) -> Problem:
    """Return the problem of something that stands where a file of the registry is expected."""
    return Problem("LE009", path, 0, 0, "", message, remedy)


def shown_path(path: Path, root: Path | None) -> str:
    """Return a path as problems print it: relative to the registry, and printable whatever its bytes."""
    shown = (path.relative_to(root) if root is not None and path.is_relative_to(root) else path).as_posix()
    return printable(os.fsencode(shown).decode("utf-8", "backslashreplace"))


def _limit(name: str, usual: float) -> float:
    """Return a limit in megabytes, from the environment where it is set there."""
    text = os.environ.get(name, "")
    try:
        value = float(text or usual)
    except ValueError:
        value = -1.0
    if not value > 0:
        raise OptionError(
            f"{name}={text} is not a number of megabytes · set a number above 0, or unset it for {usual:g}"
        )
    return value


class Budget:
    """How much may be read: one file and all files together, in bytes.

    Parameters
    ----------
    root
        Folder that files must be in; None for a single file of any place.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = None if root is None else Path(os.path.realpath(root))
        self.file_mb = _limit("LAMEVIDENCE_MAX_FILE_MB", 1)
        self.registry_mb = _limit("LAMEVIDENCE_MAX_REGISTRY_MB", 200)
        self.left = int(self.registry_mb * _MEGABYTE)

    def outside(self, path: Path) -> bool:
        """Tell whether a path leads, through links, out of the folder."""
        return self.root is not None and not Path(os.path.realpath(path)).is_relative_to(self.root)

    def take(self, path: Path, shown: str) -> bytes | Problem:
        """Return the bytes of a file, or why it is not read."""
        if self.outside(path):
            return not_a_file(
                shown, "a link that leads out of the registry: it is not read", "put the file itself into the registry"
            )
        try:
            # a pipe without a writer would otherwise be waited for
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            return _unreadable(shown, error)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                return not_a_file(shown, f"{_kind(mode)} where a file is expected", "put a plain file there")
            with os.fdopen(handle, "rb", closefd=False) as file:
                data = file.read(int(self.file_mb * _MEGABYTE) + 1)
        except OSError as error:
            return _unreadable(shown, error)
        finally:
            os.close(handle)
        if len(data) > self.file_mb * _MEGABYTE:
            return _too_large(shown, f"the file is larger than {self.file_mb:g} MB", "LAMEVIDENCE_MAX_FILE_MB")
        self.left -= len(data)
        if self.left < 0:
            what = f"the files of the registry are together larger than {self.registry_mb:g} MB: this one is not read"
            return _too_large(shown, what, "LAMEVIDENCE_MAX_REGISTRY_MB")
        return data


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "something else")


def _unreadable(shown: str, error: OSError) -> Problem:
    if error.errno == errno.EISDIR:
        return not_a_file(shown, "a folder where a file is expected", "put a plain file there")
    if error.errno == errno.ENXIO:
        return not_a_file(shown, "a socket or a device where a file is expected", "put a plain file there")
    return missing(shown, f"cannot read the file: {error.strerror}", "check name and rights")


def _too_large(shown: str, message: str, variable: str) -> Problem:
    remedy = f"split it, or raise the limit: set {variable} to a number of megabytes"
    return Problem("LE010", shown, 0, 0, "", message, remedy)


def read_yaml(path: Path, root: Path | None = None, budget: Budget | None = None) -> Document:
    """Read one YAML file into a `Document`; whatever is wrong with it is in ``problems``.

    Parameters
    ----------
    path
        The file.
    root
        Folder that printed paths are relative to, and that no link may lead out of.
    budget
        What may still be read of the registry; that of one file when None.
    """
    shown = shown_path(path, root)
    data = (Budget(root) if budget is None else budget).take(path, shown)
    if isinstance(data, Problem):
        return Document(shown, None, problems=(data,))
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
        problems.append(Problem("LW005", path, line, 1, "", "lines end with CR LF", "save the file with LF line ends"))
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
