"""`check`: read and audit every record, print all problems of all files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

__all__ = ["check"]


def check(directory: Path | None = None, *, output: str = "text", strict: bool = False) -> int:
    """Print every problem of a registry.

    Parameters
    ----------
    directory
        Registry folder; the shipped one when None.
    output
        ``text``, ``json`` or ``github``.
    strict
        Count warnings as errors.

    Returns
    -------
    int
        0 when nothing stops a record from being pooled, else 1.
    """
    from ..audit.second_reading import second_reading_problems
    from ..registry.flow.counted import flow_problems
    from ..registry.report import render_problems
    from ..workspace import load_registry

    registry = load_registry(directory, strict=False)
    problems = list(registry.problems)
    # without its words nothing in a registry means anything: the vocabulary is mended first
    if not any(p.is_error and Path(p.path).name == "vocabulary.yaml" for p in problems):
        problems += [*registry.question_problems(), *registry.audit(), *second_reading_problems(registry)]
        problems += flow_problems(registry)
    if strict:
        problems = [replace(p, code="LE" + p.code[2:]) for p in problems]
    shown = None if output == "json" else _shown_root(registry.root)
    text = render_problems(problems, output, root=shown)
    findings = sum(len(s.findings) for s in registry.studies)
    if output == "text":
        text += f" · {len(registry.studies)} studies, {findings} findings read"
    sys.stdout.write(text + "\n" if text else "")
    return int(any(p.is_error for p in problems))


def _shown_root(root: Path) -> Path:
    """Return the folder relative to where the user stands, when it is below."""
    try:
        return root.resolve().relative_to(Path.cwd().resolve())
    except (ValueError, OSError):
        return root


if __name__ == "__main__":
    raise SystemExit(check(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
