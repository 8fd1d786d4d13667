"""``lamevidence run``: every question pooled, drawn and written; same inputs, same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import OptionError, UnknownName
from ..registry.registry import Registry
from ..reports.answer import Answer, answer
from ..reports.shapes import pooled_shape, posterior_shape
from ..reports.terminal import NARROW, WIDE, render_answer
from .output import jsonable, open_registry, print_json
from .table import table_json

__all__ = ["run_all"]

LAYOUTS = ("revman", "jama", "bmj", "metafor")
FORMATS = ("png", "pdf", "svg")
DPI = 200
"""Enough to look at; `lamevidence forest --dpi 600` draws one for print."""


def run_all(*, out: Path, studies: Path | None, as_json: bool, layout: str, figures: bool) -> None:
    """Answer every question of the registry; print the tables and write the folder ``out``."""
    if layout not in LAYOUTS:
        raise UnknownName("forest layout", layout, LAYOUTS)
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file · name a folder")
    registry = open_registry(studies)
    if not as_json:
        print(_header(registry))
    written: dict[str, str] = {}
    answers = []
    for question_id in registry.questions:
        found = answer(registry, question_id)
        answers.append(found)
        written |= _write(found, out, layout, figures)
        if not as_json:
            print("\n" + render_answer(found, width=_terminal_width(), ascii_only=_ascii_only()))
    manifest = _manifest(registry, written, layout)
    (out / "manifest.json").write_text(_json(manifest), encoding="utf-8")
    if as_json:
        print_json({"out": str(out), "questions": [pooled_shape(a) for a in answers], "manifest": manifest})
        return
    kinds = "forest plots (png, pdf, svg) · " if figures else ""
    print(f"\nwrote {out}/: {len(answers)} questions · {kinds}summary.csv · studies.csv · results.json · manifest.json")
    print(f"next: lamevidence explain {next(iter(registry.questions), '')} · lamevidence show mccormack-2011")


def _header(registry: Registry) -> str:
    warnings = sum(not p.is_error for p in registry.problems)
    findings = sum(len(s.findings) for s in registry.studies)
    line = (
        f"lamevidence {__version__} │ registry {registry.version} │ {len(registry.studies)} studies,"
        f" {findings} findings │ 0 errors, {warnings} warning{'' if warnings == 1 else 's'}"
    )
    return line.replace("│", "|") if _ascii_only() else line


def _terminal_width() -> int:
    columns = shutil.get_terminal_size((WIDE, 40)).columns
    return WIDE if columns >= WIDE else max(NARROW - 8, columns)


def _ascii_only() -> bool:
    encoding = (sys.stdout.encoding or "ascii").lower()
    return "utf" not in encoding


def _write(found: Answer, out: Path, layout: str, figures: bool) -> dict[str, str]:
    folder = out / found.question.id
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "results.json": _json(
            {"table": table_json(found.table), "pooled": pooled_shape(found), "bayes": posterior_shape(found)}
        ),
        "studies.csv": _csv(_study_rows(found)),
        "summary.csv": _csv(_summary_rows(found)),
    }
    hashes = {}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
        hashes[f"{found.question.id}/{name}"] = hashlib.sha256(text.encode()).hexdigest()
    if figures and found.table.k:
        hashes |= _draw(found, folder, layout)
    return hashes


def _draw(found: Answer, folder: Path, layout: str) -> dict[str, str]:
    from ..plots import forest

    results = [r for r in (found.fit, found.post) if r is not None]
    plot = forest(results or found.table, layout=layout)
    hashes = {}
    for suffix in FORMATS:
        path = folder / f"forest.{suffix}"
        plot.save(path, dpi=DPI)
        hashes[f"{found.question.id}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def _summary_rows(found: Answer) -> list[dict[str, Any]]:
    rows = []
    for engine, result in (("frequentist", found.fit), ("bayes", found.post)):
        if result is None:
            continue
        for record in result.tidy().to_dict("records"):
            rows.append(
                {
                    "question": found.question.id,
                    "engine": engine,
                    "k": found.table.k,
                    "unit": found.table.unit,
                    **record,
                }
            )
    if not rows:
        rows = [
            {
                "question": found.question.id,
                "engine": "none",
                "k": found.table.k,
                "unit": found.table.unit,
                "reason": found.why_not_pooled,
            }
        ]
    return rows


def _study_rows(found: Answer) -> list[dict[str, Any]]:
    table = found.table
    weights = found.fit.weights if found.fit is not None else None
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(table):
        cells = "; ".join(f"{name} {number.value} [{at}]" for _, name, number, at in row.lineage.cells)
        rows.append(
            {
                "study": row.study,
                "label": row.label,
                "used": "yes",
                "yi": row.yi,
                "vi": row.vi,
                "unit": table.unit,
                "n": row.n,
                "weight": None if weights is None else float(weights[i]),
                "reason": "",
                "printed": cells,
            }
        )
    for e in table.excluded:
        rows.append(
            {"study": e.study, "label": e.label or e.study, "used": "no", "unit": table.unit, "reason": e.reason}
        )
    return rows


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: "" if (v := jsonable(row.get(name))) is None else v for name in names})
    return buffer.getvalue()


def _json(value: Any) -> str:  # noqa: ANN401
    return json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _manifest(registry: Registry, written: Mapping[str, str], layout: str) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in ("numpy", "scipy", "matplotlib", "pandas")}
    inputs = {s.path: s.sha256 for s in registry.studies}
    return {
        "lamevidence": __version__,
        "registry": registry.version,
        "layout": layout,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "versions": versions,
        "questions": {q.id: q.hash for q in registry.questions.values()},
        "inputs": inputs,
        "outputs": dict(sorted(written.items())),
    }
