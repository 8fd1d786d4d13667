"""What an earlier run left that still stands: same records, question and program, and files as they were written."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from .answer_files import DPI, FILES, Look, Written, sha256_of

if TYPE_CHECKING:
    from ..workspace import Registry

__all__ = ["answer_keys", "kept", "previous", "seal"]

_LIBRARIES = ("numpy", "scipy", "pandas", "matplotlib", "pillow", "fonttools", "numba", "formulaic", "pydantic")
_ALWAYS = tuple(name for name in FILES if not name.startswith("forest."))


def previous(out: Path) -> dict[str, Any]:
    """Return the manifest of the run before; a damaged one is as good as none."""
    try:
        found = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def answer_keys(registry: Registry, look: Look) -> dict[str, str]:
    """Return question → hash of all that its files depend on.

    That is the question, every file of the registry that is no question (a record that does not enter may be named
    among those left out), the program with its libraries, and how figures are drawn.
    """
    records = {path: digest for path, digest in registry.inputs.items() if not path.startswith("questions/")}
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    shared = [__version__, _program(), sys.version_info[:2], versions, records, look.layout, DPI]
    return {
        q.id: _hash([shared, registry.inputs.get(f"questions/{q.id}.yaml"), q.hash])
        for q in registry.questions.values()
    }


def seal(key: str, files: Mapping[str, str]) -> str:
    """Return a hash that holds a key and the files written for it together: neither can be exchanged alone."""
    return _hash([key, dict(files)])


def kept(question: str, key: str, out: Path, before: Mapping[str, Any]) -> Written | None:
    """Return what the run before wrote for a question, None unless all of it is what this run would write."""
    seals, outputs = before.get("answers"), before.get("outputs")
    if not isinstance(seals, dict) or not isinstance(outputs, dict):
        return None
    names = [name for name in (f"{question}/{name}" for name in FILES) if isinstance(outputs.get(name), str)]
    files: dict[str, str] = {name: outputs[name] for name in names}
    if seals.get(question) != seal(key, files) or not {f"{question}/{name}" for name in _ALWAYS} <= set(files):
        return None
    try:
        if any(sha256_of(out / name) != digest for name, digest in files.items()):
            return None
        pooled = json.loads((out / question / "results.json").read_text(encoding="utf-8"))["pooled"]
        shown = (out / question / "answer.txt").read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Written(files, pooled, shown)


def _program() -> str:
    """Return a hash of the source of the package."""
    root = Path(__file__).parents[1]
    files = sorted(root.rglob("*.py"))
    return _hash([[path.relative_to(root).as_posix(), sha256_of(path)] for path in files])


def _hash(value: Any) -> str:  # noqa: ANN401
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
