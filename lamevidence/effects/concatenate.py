"""Several tables of one measure as one: which fields follow their rows, and which must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..foundation.errors import InputError, OptionError
from ..foundation.options import shown
from .foreign_data import is_categorical, union_of
from .given_numbers import names_of
from .measures import FloatArray
from .measures.hazard import hazard_columns

__all__ = ["concatenated"]

Fields = Mapping[str, Any]

AGREE = ("measure", "unit", "row_is")
"""What must be the same in all tables."""
KEPT_IF_SAME: dict[str, Any] = {
    "title": "",
    "higher_is": "neutral",
    "question": None,
    "question_hash": "",
    "model": {},
    "arms": (),
}
"""What is kept where all tables say the same, and what stands in its place where they do not."""
PER_ROW = ("designs", "years", "groups", "risk_of_bias", "printed")


def concatenated(tables: Sequence[Fields], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the fields of the table that holds the rows of all tables.

    Parameters
    ----------
    tables
        The fields of each table.
    names
        One name a table, to tell equal labels apart, or None.
    """
    for name in AGREE:
        values = list(dict.fromkeys(table[name] for table in tables))
        if len(values) > 1:
            listed = " and ".join(str(v or "pure numbers") for v in values)
            raise OptionError(f"the tables have several values of {name}: {listed} · join tables of one {name}")
    labels, studies = _names(tables, names)
    joined: dict[str, Any] = {name: tables[0][name] for name in AGREE}
    for name, default in KEPT_IF_SAME.items():
        joined[name] = tables[0][name] if all(t[name] == tables[0][name] for t in tables) else default
    for name in PER_ROW:
        joined[name] = sum((tuple(t[name]) for t in tables), ()) if all(t[name] for t in tables) else ()
    for name in ("yi", "vi", "n"):
        joined[name] = np.concatenate([t[name] for t in tables])
    counts = [hazard_columns(t["counts"]) if joined["measure"] == "HAZ" else t["counts"] for t in tables]
    shared = [c for c in counts[0] if all(c in held for held in counts)]
    return joined | {
        "labels": labels,
        "studies": studies,
        "lineage": sum((t["lineage"] for t in tables), ()),
        "counts": {c: np.concatenate([held[c] for held in counts]) for c in shared},
        "moderators": _moderators(tables, names),
        "V": _covariance(tables),
        "excluded": tuple(dict.fromkeys(e for t in tables for e in t["excluded"])),
        "notes": tuple(dict.fromkeys(note for t in tables for note in t["notes"])),
    }


def _names(tables: Sequence[Fields], names: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels and the studies of all rows."""
    if names is not None:
        given = names_of(names, "name of a table", len(tables))
        if not all(isinstance(name, str) for name in names):
            raise InputError(f"names={shown(names)} · give one text a table")
        if len(set(given)) < len(given):
            raise InputError(f"names={shown(names)} · give each table a name of its own")
        labels = tuple(f"{x} ({name})" for t, name in zip(tables, given, strict=True) for x in t["labels"])
        return labels, sum((t["studies"] for t in tables), ())
    if all(t["labels"] == t["studies"] == tuple(map(str, range(1, len(t["labels"]) + 1))) for t in tables):
        numbers = tuple(map(str, range(1, 1 + sum(len(t["labels"]) for t in tables))))
        return numbers, numbers
    labels = sum((t["labels"] for t in tables), ())
    twice = sorted(label for label, times in Counter(labels).items() if times > 1)
    if twice:
        raise InputError(
            f"rows of several tables are called {', '.join(twice[:5])}{' …' if len(twice) > 5 else ''}"
            f" · tell them apart with names={[f'table {i + 1}' for i in range(len(tables))]}"
        )
    return labels, sum((t["studies"] for t in tables), ())


def _moderators(tables: Sequence[Fields], names: Sequence[str] | None) -> dict[str, Any]:
    """Return every moderator of some table; NaN, or None among texts, where a table does not have it."""
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(m for t in tables for m in t["moderators"]):
        held = [t["moderators"].get(name) for t in tables]
        if all(map(is_categorical, held)) and not any(part.ordered for part in held):
            columns[name] = union_of(held)
            continue
        parts = [None if part is None else np.asarray(part) for part in held]
        numeric = all(p is None or p.dtype.kind in "biuf" for p in parts)
        sizes = [len(t["labels"]) for t in tables]
        filled = [
            np.full(k, np.nan if numeric else None) if part is None else part if numeric else part.astype(object)
            for part, k in zip(parts, sizes, strict=True)
        ]
        columns[name] = np.concatenate(filled)
    if names is not None:
        columns["table"] = np.repeat(
            np.array([str(n) for n in names], dtype=object), [len(t["labels"]) for t in tables]
        )
    return columns


def _covariance(tables: Sequence[Fields]) -> FloatArray | None:
    """Return the block-diagonal covariance, None where no table has one."""
    if all(t["V"] is None for t in tables):
        return None
    k = sum(len(t["labels"]) for t in tables)
    matrix, at = np.zeros((k, k)), 0
    for t in tables:
        size = len(t["labels"])
        matrix[at : at + size, at : at + size] = np.diag(t["vi"]) if t["V"] is None else t["V"]
        at += size
    return matrix
