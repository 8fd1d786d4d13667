"""``lamevidence table QUESTION``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..effects.evidence_table import EvidenceTable
from ..foundation.printable import one_line
from .output import open_registry, print_json

__all__ = ["print_rows", "show_table", "table_json"]


def table_json(table: EvidenceTable, sets: Mapping[str, EvidenceTable] | None = None) -> dict[str, Any]:
    """Return the rows, the exclusions and the rows of the sensitivity sets in the public JSON shape."""
    return {
        "question": table.question,
        "title": table.title,
        "measure": table.measure,
        "unit": table.unit,
        "fingerprint": table.fingerprint,
        "rows": _rows(table),
        "excluded": [
            {"study": e.study, "reason": e.reason, "code": e.code, "finding": e.finding, "label": e.label}
            for e in table.excluded
        ],
        "sets": [{"name": name, "rows": _rows(other)} for name, other in (sets or {}).items()],
        "notes": list(table.notes),
    }


def _rows(table: EvidenceTable) -> list[dict[str, Any]]:
    rows = []
    for i, row in enumerate(table):
        lineage = row.lineage
        rows.append(
            {
                "study": row.study,
                "label": row.label,
                "yi": row.yi,
                "vi": row.vi,
                "unit": table.unit,
                "measure": table.measure,
                "n": row.n,
                "counts": dict(row.counts),
                "design": table.designs[i] if table.designs else None,
                "yi_bounds": lineage.yi_bounds,
                "vi_bounds": lineage.vi_bounds,
                "cells": [
                    {"finding": f, "field": name, "printed": str(number.value), "unit": number.unit, "at": str(at)}
                    for f, name, number, at in lineage.cells
                ],
                "steps": [s.text + (f" (assumes {s.assumption})" if s.assumption else "") for s in lineage.steps],
            }
        )
    return rows


def show_table(question: str, *, studies: Path | None, as_json: bool) -> None:
    """Print the evidence table of a question."""
    registry = open_registry(studies)
    table, sets = registry.evidence(question), registry.sensitivity(question)
    if as_json:
        print_json(table_json(table, sets))
        return
    print_rows(table)
    if sets:
        print("\nSensitivity sets")
        for name, other in sets.items():
            print(one_line(f"  {name}: k = {other.k}{_difference(table, other)}"))
    for note in table.notes:
        print(f"note: {' '.join(note.split())}")


def print_rows(table: EvidenceTable) -> None:
    """Print the rows of a table, and those left out."""
    unit = f", {table.unit}" if table.unit else ""
    print(f"{one_line(table.title)} · measure {table.measure}{unit} · k = {table.k} · {table.fingerprint}")
    labels = [one_line(label) for label in table.labels]
    width = max([len(x) for x in labels] + [5])
    print(f"{'Row':<{width}} {'n':>6} {'yi':>12} {'SE':>11}  printed as")
    for row, label in zip(table, labels, strict=True):
        printed = "; ".join(dict.fromkeys(f"{name} {number.value}" for _, name, number, _ in row.lineage.cells))
        n = "–" if math.isnan(row.n) else f"{row.n:.0f}"
        print(f"{label:<{width}} {n:>6} {_number(row.yi):>12} {_number(row.sei):>11}  {one_line(printed)}")
    if table.excluded:
        print("\nLeft out")
        for e in table.excluded:
            print(one_line(f"  {e.label or e.study} ({e.study}): {e.reason}"))


def _difference(table: EvidenceTable, other: EvidenceTable) -> str:
    """Return which rows a set has besides, and which it lacks."""
    more = [x for x in other.labels if x not in table.labels]
    less = [x for x in table.labels if x not in other.labels]
    parts = [f"{word} {', '.join(names)}" for word, names in (("with", more), ("without", less)) if names]
    return f" · {'; '.join(parts)}" if parts else ""


def _number(x: float) -> str:
    return "–" if math.isnan(x) else f"{x:.6g}".replace("-", "−")
