"""Public bug reports about other programs, each asked of this one: a test names its report in the docstring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lamevidence import EvidenceTable


def one_group(x: Sequence[float], n: Sequence[float], measure: str = "PLO", **options: Any) -> EvidenceTable:
    """Return a table of studies S1, S2 … with one group: events of patients or of person-time."""
    frame = pd.DataFrame({"s": [f"S{i + 1}" for i in range(len(x))], "x": x, "n": n})
    total = {"person_time" if measure.startswith("IR") else "total": "n"}
    return EvidenceTable.from_frame(frame, measure, study="s", events="x", **total, **options)


def two_groups(
    a: Sequence[float],
    n1: Sequence[float],
    c: Sequence[float],
    n2: Sequence[float],
    measure: str = "OR",
    **options: Any,
) -> EvidenceTable:
    """Return a table of studies S1, S2 … with two groups: events of patients or of person-time."""
    frame = pd.DataFrame({"s": [f"S{i + 1}" for i in range(len(a))], "a": a, "n1": n1, "c": c, "n2": n2})
    words = ("person_time", "control_person_time") if measure.startswith("IR") else ("total", "control_total")
    totals = dict(zip(words, ("n1", "n2"), strict=True))
    return EvidenceTable.from_frame(frame, measure, study="s", events="a", control_events="c", **totals, **options)
