"""``lamevidence run``: every question pooled, drawn and written; same inputs, same bytes, nothing made twice."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..foundation.errors import InvalidRegistry, OptionError, QuestionError, UnknownName
from ..foundation.writing import a_folder
from ..reports.answer import whole_answer
from ..reports.terminal import render_answer
from .answer_files import FILES, Look, Written, json_text, save_text, sha256_of, write_answer
from .kept import answer_keys, kept, previous, seal
from .output import ascii_only, open_registry, print_json, terminal_width

if TYPE_CHECKING:
    from ..workspace import Registry
    from .workers import Workers

__all__ = ["run_all"]

LAYOUTS = ("revman", "jama", "bmj", "metafor")


def run_all(*, out: Path, studies: Path | None, as_json: bool, layout: str, figures: bool) -> None:
    """Answer every question of the registry; print the tables and write the folder ``out``."""
    if layout not in LAYOUTS:
        raise UnknownName("forest layout", layout, LAYOUTS)
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file · name a folder")
    registry = open_registry(studies)
    problems = registry.question_problems()
    if any(p.is_error for p in problems):
        raise InvalidRegistry(problems, registry.root)
    if not registry.questions:
        raise QuestionError(f"{registry.root / 'questions'} has no question · put one YAML file per question into it")
    a_folder(out)
    if not as_json:
        print(_header(registry))
    before, look = previous(out), Look(layout if figures else None, terminal_width(), ascii_only())
    keys = answer_keys(registry, look)
    written = _answers(registry, studies, out, before, keys, look, as_json)
    manifest = _manifest(registry, written, layout, keys)
    _remove_stale(out, before, registry.questions)
    save_text(out / "manifest.json", json_text(manifest))
    if as_json:
        print_json({"out": str(out), "questions": [one.pooled for one in written.values()], "manifest": manifest})
        return
    kinds = "forest plots (png, pdf, svg) · " if figures else ""
    files = f"{kinds}answer.txt · summary.csv · studies.csv · results.json · manifest.json"
    print(f"\nwrote {out}/: {len(written)} questions · {files}")
    first = next(iter(registry.questions), "QUESTION")
    print(f"next: lamevidence explain {first} · lamevidence show {next(iter(registry.by_id), 'STUDY')}")


def _answers(
    registry: Registry,
    studies: Path | None,
    out: Path,
    before: Mapping[str, Any],
    keys: Mapping[str, str],
    look: Look,
    as_json: bool,
) -> dict[str, Written]:
    """Return what is written for each question; print each answer in its turn."""
    left = {question: kept(question, key, out, before) for question, key in keys.items()}
    asked = [question for question, found in left.items() if found is None]
    workers: Workers | None = None
    if look.layout is not None and len(asked) > 1:  # a process takes longer to start than an answer without figures
        from .workers import Workers

        workers = Workers(asked, registry, studies, out, look)
    written = {}
    try:
        for question, found in left.items():
            if found is not None:
                one = found if as_json or look.whole else replace(found, shown=_shown(registry, question, look))
            elif workers is not None:
                one = workers.written(question)
            else:
                one = write_answer(whole_answer(registry, question), out, look)
            written[question] = one
            if not as_json:
                print("\n" + one.shown, flush=True)
    finally:
        if workers is not None:
            workers.stop()
    return written


def _shown(registry: Registry, question: str, look: Look) -> str:
    """Return the words of an answer for a terminal that cannot show those of the file."""
    return render_answer(whole_answer(registry, question), width=look.width, ascii_only=look.ascii_only)


def _remove_stale(out: Path, before: Mapping[str, Any], questions: Collection[str]) -> None:
    """Remove what an earlier run wrote, by its own manifest, for a question that is no more; a changed file stays."""
    listed = before.get("outputs")
    for name, digest in listed.items() if isinstance(listed, dict) else ():
        folder, _, file = str(name).partition("/")
        path = out / folder / file
        ours = file in FILES and folder not in ("", ".", "..") and folder == Path(folder).name
        if not ours or folder in questions or path.is_symlink() or path.parent.is_symlink():
            continue
        with contextlib.suppress(OSError):
            if path.is_file() and sha256_of(path) == digest:
                path.unlink()
                path.parent.rmdir()  # fails, and may, where something else is in it


def _header(registry: Registry) -> str:
    warnings = sum(not p.is_error for p in registry.problems)
    findings = sum(len(s.findings) for s in registry.studies)
    line = (
        f"lamevidence {__version__} │ registry {registry.version} │ {len(registry.studies)} studies,"
        f" {findings} findings │ 0 errors, {warnings} warning{'' if warnings == 1 else 's'}"
    )
    return line.replace("│", "|") if ascii_only() else line


def _manifest(
    registry: Registry, written: Mapping[str, Written], layout: str, keys: Mapping[str, str]
) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in ("numpy", "scipy", "matplotlib", "pandas")}
    outputs = {name: digest for one in written.values() for name, digest in one.files.items()}
    return {
        "lamevidence": __version__,
        "registry": registry.version,
        "layout": layout,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "versions": versions,
        "questions": {q.id: q.hash for q in registry.questions.values()},
        "inputs": dict(registry.inputs),
        "answers": {question: seal(keys[question], one.files) for question, one in written.items()},
        "outputs": dict(sorted(outputs.items())),
    }
