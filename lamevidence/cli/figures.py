"""Forest plots of a whole run: drawn side by side in processes, and only where something changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .. import __version__
from ..reports.answer import Answer, answer
from .output import jsonable

__all__ = ["draw_figures", "figure_key", "sha256_of"]

FORMATS = ("png", "pdf", "svg")
DPI = 200
"""Enough to look at; `lamevidence forest --dpi 600` draws one for print."""

FEWEST_FOR_PROCESSES = 4
"""Below this, starting processes costs more than drawing one after the other."""


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def figure_key(found: Answer, shapes: Mapping[str, Any], layout: str) -> str:
    """Return a hash of everything that a figure of this answer depends on."""
    parts = [__version__, metadata.version("matplotlib"), layout, DPI, found.table.fingerprint, dict(shapes)]
    return hashlib.sha256(json.dumps(jsonable(parts), sort_keys=True).encode()).hexdigest()


def draw_figures(
    wanted: Mapping[str, str], out: Path, studies: Path | None, layout: str, before: Mapping[str, Any]
) -> dict[str, str]:
    """Write the figures of every wanted question and return file → sha256.

    Parameters
    ----------
    wanted
        Question id → key of its figure.
    out, studies, layout
        Folder to write to, registry, forest preset.
    before
        Manifest of the run that wrote ``out`` before, or an empty mapping: a figure whose key and
        bytes are as they were is kept.
    """
    stale = [question for question, key in wanted.items() if not _kept(question, key, out, before)]
    if len(stale) < FEWEST_FOR_PROCESSES:
        for question in stale:
            _draw([question], out, studies, layout)
    else:
        workers = min(os.cpu_count() or 1, len(stale))
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            shares = [stale[i::workers] for i in range(workers)]
            for done in [pool.submit(_draw, share, out, studies, layout) for share in shares]:
                done.result()
    names = [f"{question}/forest.{suffix}" for question in wanted for suffix in FORMATS]
    return {name: sha256_of(out / name) for name in names}


def _kept(question: str, key: str, out: Path, before: Mapping[str, Any]) -> bool:
    if before.get("figures", {}).get(question) != key:
        return False
    written = before.get("outputs", {})
    names = [f"{question}/forest.{suffix}" for suffix in FORMATS]
    return all((out / name).is_file() and sha256_of(out / name) == written.get(name) for name in names)


def _draw(questions: Sequence[str], out: Path, studies: Path | None, layout: str) -> None:
    from ..plots import forest
    from ..registry import load_registry

    registry = load_registry(studies)
    for question in questions:
        found = answer(registry, question)
        results = [r for r in (found.fit, found.post) if r is not None]
        plot = forest(results or found.table, layout=layout)
        for suffix in FORMATS:
            plot.save(out / question / f"forest.{suffix}", dpi=DPI)
