"""``lamevidence table QUESTION``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..effects.evidence_table import EvidenceTable
from .output import open_registry, print_json

__all__ = ["show_table", "table_json"]


def table_json(table: EvidenceTable) -> dict[str, Any]:
    """Return the rows and exclusions in the public JSON shape."""
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
    excluded = [
        {"study": e.study, "reason": e.reason, "code": e.code, "finding": e.finding, "label": e.label}
        for e in table.excluded
    ]
    return {
        "question": table.question,
        "title": table.title,
        "measure": table.measure,
        "unit": table.unit,
        "fingerprint": table.fingerprint,
        "rows": rows,
        "excluded": excluded,
        "notes": list(table.notes),
    }


def show_table(question: str, *, studies: Path | None, as_json: bool) -> None:
    """Print the evidence table of a question."""
    table = open_registry(studies).evidence(question)
    if as_json:
        print_json(table_json(table))
        return
    unit = f", {table.unit}" if table.unit else ""
    print(f"{table.title} · measure {table.measure}{unit} · k = {table.k} · {table.fingerprint}")
    width = max([len(x) for x in table.labels] + [5])
    print(f"{'Row':<{width}} {'n':>6} {'yi':>12} {'SE':>11}  printed as")
    for row in table:
        printed = "; ".join(dict.fromkeys(f"{name} {number.value}" for _, name, number, _ in row.lineage.cells))
        n = "–" if math.isnan(row.n) else f"{row.n:.0f}"
        print(f"{row.label:<{width}} {n:>6} {_number(row.yi):>12} {_number(row.sei):>11}  {printed}")
    if table.excluded:
        print("\nLeft out")
        for e in table.excluded:
            print(f"  {e.label or e.study} ({e.study}): {e.reason}")
    for note in table.notes:
        print(f"note: {note}")


def _number(x: float) -> str:
    return "–" if math.isnan(x) else f"{x:.6g}".replace("-", "−")
