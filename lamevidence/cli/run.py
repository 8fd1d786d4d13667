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
from ..writing import a_folder, write_whole
from .figures import Draughtsman, figure_key
from .output import jsonable, open_registry, print_json
from .table import table_json

__all__ = ["run_all"]

LAYOUTS = ("revman", "jama", "bmj", "metafor")


def run_all(*, out: Path, studies: Path | None, as_json: bool, layout: str, figures: bool) -> None:
    """Answer every question of the registry; print the tables and write the folder ``out``."""
    if layout not in LAYOUTS:
        raise UnknownName("forest layout", layout, LAYOUTS)
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out} is a file · name a folder")
    registry = open_registry(studies)
    a_folder(out)
    if not as_json:
        print(_header(registry))
    before = _previous(out)
    written: dict[str, str] = {}
    hand = Draughtsman(out, studies, layout, before) if figures else None
    pooled = []
    for question_id in registry.questions:
        found = answer(registry, question_id)
        shapes = {"pooled": pooled_shape(found), "bayes": posterior_shape(found)}
        pooled.append(shapes["pooled"])
        written |= _write(found, shapes, out)
        if hand is not None and found.table.k:
            hand.draw(question_id, figure_key(found, shapes, layout))
        if not as_json:
            print("\n" + render_answer(found, width=_terminal_width(), ascii_only=_ascii_only()), flush=True)
    if hand is not None:
        written |= hand.finish()
    manifest = _manifest(registry, written, layout, hand.keys if hand is not None else {})
    _save(out / "manifest.json", _json(manifest))
    if as_json:
        print_json({"out": str(out), "questions": pooled, "manifest": manifest})
        return
    kinds = "forest plots (png, pdf, svg) · " if figures else ""
    print(f"\nwrote {out}/: {len(pooled)} questions · {kinds}summary.csv · studies.csv · results.json · manifest.json")
    first = next(iter(registry.questions), "QUESTION")
    print(f"next: lamevidence explain {first} · lamevidence show {next(iter(registry.by_id), 'STUDY')}")


def _save(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write_text(text, encoding="utf-8", newline=""))


def _previous(out: Path) -> dict[str, Any]:
    try:
        found = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


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


def _write(found: Answer, shapes: Mapping[str, Any], out: Path) -> dict[str, str]:
    folder = a_folder(out / found.question.id)
    written = {
        "results.json": _json({"table": table_json(found.table), **shapes}),
        "studies.csv": _csv(_study_rows(found)),
        "summary.csv": _csv(_summary_rows(found, shapes)),
    }
    hashes = {}
    for name, text in written.items():
        _save(folder / name, text)
        hashes[f"{found.question.id}/{name}"] = hashlib.sha256(text.encode()).hexdigest()
    return hashes


def _summary_rows(found: Answer, shapes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a number that a paper would print, on the analysis scale and as people read it."""
    base = {"question": found.question.id, "measure": found.table.measure, "unit": found.table.unit, "k": found.table.k}
    rows: list[dict[str, Any]] = []
    pooled, bayes = shapes["pooled"], shapes["bayes"]
    if found.fit is not None:
        level, back = found.fit.spec.level, pooled["transformed"] or {}
        rows.append(
            _row(base, "frequentist", "mu", level, pooled["mu"], pooled["se"], pooled["interval"], back, "interval")
        )
        if pooled["prediction"] is not None:
            rows.append(
                _row(base, "frequentist", "prediction", level, None, None, pooled["prediction"], back, "prediction")
            )
        rows.append(_row(base, "frequentist", "tau", level, pooled["tau"], None, (None, None), {}, ""))
    if found.post is not None:
        level, back = bayes["level"], bayes["transformed"] or {}
        rows.append(
            _row(
                base,
                "bayes",
                "mu",
                level,
                bayes["mu"]["median"],
                bayes["mu"]["sd"],
                bayes["mu"]["interval"],
                back,
                "interval",
            )
        )
        rows.append(_row(base, "bayes", "prediction", level, None, None, bayes["prediction"], back, "prediction"))
        tau = bayes["tau"]
        rows.append(_row(base, "bayes", "tau", level, tau["median"], tau["sd"], tau["interval"], {}, ""))
    return rows or [base | {"engine": "none", "reason": found.why_not_pooled}]


def _row(
    base: Mapping[str, Any],
    engine: str,
    term: str,
    level: float,
    estimate: Any,  # noqa: ANN401
    std_error: Any,  # noqa: ANN401
    bounds: Any,  # noqa: ANN401
    back: Mapping[str, Any],
    key: str,
) -> dict[str, Any]:
    shown = back.get(key) or (None, None)
    return {
        **base,
        "engine": engine,
        "term": term,
        "estimate": estimate,
        "std_error": std_error,
        "low": bounds[0],
        "high": bounds[1],
        "level": level,
        "transformed": back.get("mu") if term == "mu" else None,
        "transformed_low": shown[0],
        "transformed_high": shown[1],
    }


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


def _manifest(
    registry: Registry, written: Mapping[str, str], layout: str, figures: Mapping[str, str]
) -> dict[str, Any]:
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
        "figures": dict(figures),
        "outputs": dict(sorted(written.items())),
    }
