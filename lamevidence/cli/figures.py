"""Forest plots of a whole run: drawn side by side in processes, and only where something changed."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..reports.answer import Answer, answer
from .output import jsonable

if TYPE_CHECKING:
    from ..registry.registry import Registry

__all__ = ["Draughtsman", "figure_key", "sha256_of"]

FORMATS = ("png", "pdf", "svg")
DPI = 150
"""Enough to look at; `lamevidence forest --dpi 600` draws one for print."""


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def figure_key(found: Answer, shapes: Mapping[str, Any], layout: str) -> str:
    """Return a hash of everything that a figure of this answer depends on."""
    parts = [__version__, metadata.version("matplotlib"), layout, DPI, found.table.fingerprint, dict(shapes)]
    return hashlib.sha256(json.dumps(jsonable(parts), sort_keys=True).encode()).hexdigest()


class Draughtsman:
    """Draws the figures of a run in processes, while the run goes on answering questions.

    Parameters
    ----------
    out, studies, layout
        Folder to write to, registry, forest preset.
    before
        Manifest of the run that wrote ``out`` before, or an empty mapping: a figure whose key and
        bytes are as they were is kept.
    """

    def __init__(self, out: Path, studies: Path | None, layout: str, before: Mapping[str, Any]) -> None:
        self.out, self.studies, self.layout, self.before = out, studies, layout, before
        self.keys: dict[str, str] = {}
        self._pool: ProcessPoolExecutor | None = None
        self._drawn: list[Future[None]] = []

    def draw(self, question: str, key: str) -> None:
        """Have the figures of a question drawn, unless they are there already."""
        self.keys[question] = key
        if _kept(question, key, self.out, self.before):
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn"))
        self._drawn.append(self._pool.submit(_draw, question, self.out, self.studies, self.layout))

    def finish(self) -> dict[str, str]:
        """Wait for all figures and return file → sha256."""
        for done in self._drawn:
            done.result()
        if self._pool is not None:
            self._pool.shutdown()
        names = [f"{question}/forest.{suffix}" for question in self.keys for suffix in FORMATS]
        return {name: sha256_of(self.out / name) for name in names}


def _kept(question: str, key: str, out: Path, before: Mapping[str, Any]) -> bool:
    if before.get("figures", {}).get(question) != key:
        return False
    written = before.get("outputs", {})
    names = [f"{question}/forest.{suffix}" for suffix in FORMATS]
    return all((out / name).is_file() and sha256_of(out / name) == written.get(name) for name in names)


@functools.cache
def _registry(studies: Path | None) -> Registry:
    from ..registry import load_registry

    return load_registry(studies)


def _draw(question: str, out: Path, studies: Path | None, layout: str) -> None:
    from ..plots import forest

    found = answer(_registry(studies), question)
    results = [r for r in (found.fit, found.post) if r is not None]
    plot = forest(results or found.table, layout=layout)
    for suffix in FORMATS:
        plot.save(out / question / f"forest.{suffix}", dpi=DPI)
