"""Parsed trees of files seen before, by the hash of their bytes: pure-Python YAML takes seconds, this does not.

Plain JSON in the user's cache folder; unreadable, unwritable or damaged entries are as good as none.
Set ``LAMEVIDENCE_CACHE=0`` to do without.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .. import __version__
from .nodes import Node

__all__ = ["cache_folder", "recall", "remember"]

_LAYOUT = 1
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
        return _unpack(json.loads((folder / f"{digest}.json").read_bytes()))
    except (OSError, ValueError, TypeError, IndexError, KeyError, RecursionError):
        return None


def remember(digest: str, root: Node) -> None:
    """Keep a tree; a folder that cannot be written is passed over."""
    folder = cache_folder()
    if folder is None:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            json.dump(_pack(root), part, separators=(",", ":"))
        os.replace(name, folder / f"{digest}.json")


def _pack(node: Node) -> list[Any]:
    if node.kind == "scalar":
        return [2, node.line, node.column, node.width, node.text, int(node.plain)]
    packed = [_KINDS.index(node.kind), node.line, node.column, node.width, [_pack(c) for c in node.children]]
    return [*packed, [_pack(k) for k in node.keys]]


def _unpack(packed: Any) -> Node:  # noqa: ANN401
    kind, line, column, width, content, extra = packed
    if kind == 2:
        return Node("scalar", line, column, width, str(content), bool(extra))
    children = tuple(_unpack(c) for c in content)
    return Node(_KINDS[kind], line, column, width, keys=tuple(_unpack(k) for k in extra), children=children)
