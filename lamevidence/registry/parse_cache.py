"""Parsed trees of files seen before, by the hash of their bytes: pure-Python YAML takes seconds, this does not.

JSON in the user's cache folder, led by its own sha256: an entry is believed when the hash holds for the file it was
made from, and when nobody else may write it or its folder. Others, and unreadable ones, are as good as none.
Set ``LAMEVIDENCE_CACHE=0`` to do without.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from .. import __version__
from .nodes import Node

__all__ = ["cache_folder", "recall", "remember"]

_LAYOUT = 2
_KINDS: tuple[Any, ...] = ("map", "list", "scalar")


def cache_folder() -> Path | None:
    """Return where parsed files are kept, or None when caching is switched off."""
    if os.environ.get("LAMEVIDENCE_CACHE") == "0":
        return None
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # no home folder
        return None
    return root / "lamevidence" / f"parsed-{__version__}-{_LAYOUT}"


def recall(digest: str) -> Node | None:
    """Return the tree of the file with this sha256, or None."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        if not _ours(folder.stat()):
            return None
        with open(folder / f"{digest}.json", "rb") as file:
            if not _ours(os.fstat(file.fileno())):
                return None
            seal, _, packed = file.read().partition(b"\n")
        if seal != _seal(digest, packed):
            return None
        return _unpack(json.loads(packed))
    except (OSError, ValueError, TypeError, IndexError, KeyError, RecursionError):
        return None


def remember(digest: str, root: Node) -> None:
    """Keep a tree; a folder that cannot be written is passed over."""
    folder = cache_folder()
    if folder is None:
        return
    packed = json.dumps(_pack(root), separators=(",", ":")).encode("ascii")
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if not _ours(folder.stat()):
            folder.chmod(0o700)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as part:
                part.write(_seal(digest, packed) + b"\n" + packed)
            os.replace(name, folder / f"{digest}.json")
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name)


def _seal(digest: str, packed: bytes) -> bytes:
    """Return the hash of an entry's values together with the file that they were read from."""
    return hashlib.sha256(digest.encode() + b"\n" + packed).hexdigest().encode()


def _ours(found: os.stat_result) -> bool:
    """Tell whether nobody but this user may write a file or folder, as far as the system knows such rights."""
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _pack(node: Node) -> list[Any]:
    if node.kind == "scalar":
        return [2, node.line, node.column, node.width, node.text, int(node.plain)]
    packed = [_KINDS.index(node.kind), node.line, node.column, node.width, [_pack(c) for c in node.children]]
    return [*packed, [_pack(k) for k in node.keys]]


def _unpack(packed: Any) -> Node:  # noqa: ANN401
    kind, line, column, width, content, extra = packed
    if not all(type(x) is int for x in (kind, line, column, width)):
        raise TypeError
    if kind == 2:
        return Node("scalar", line, column, width, str(content), bool(extra))
    if kind == 0 and len(extra) != len(content):
        raise ValueError
    children = tuple(_unpack(c) for c in content)
    return Node(_KINDS[kind], line, column, width, keys=tuple(_unpack(k) for k in extra), children=children)
