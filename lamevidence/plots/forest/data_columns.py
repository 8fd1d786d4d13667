"""The columns between label and panel: patients, events, moderators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures import MEASURES
from ...effects.measures.base import FloatArray
from ...effects.rows import COUNTED, TOTALS
from ...foundation.errors import OptionError, UnknownName
from ...foundation.numbers import count
from ...foundation.options import shown

__all__ = ["DataColumn", "data_columns"]


@dataclass(frozen=True, slots=True)
class DataColumn:
    """A column of numbers or words; ``total`` stands in the pooled row, ``spanner`` over its neighbours too.

    ``values`` are the numbers behind the cells where they add up, else empty.
    """

    name: str
    header: str
    cells: tuple[str, ...]
    total: str = ""
    spanner: str = ""
    values: tuple[float, ...] = ()

    def subtotal(self, members: Sequence[int]) -> str:
        """Return what stands in the pooled row of these rows."""
        return count(sum(self.values[i] for i in members)) if self.values else ""


_COUNTS: dict[str, tuple[str, str]] = {
    "xi": ("Events", ""),
    "ni": ("Total", ""),
    "ti": ("Person-time", ""),
    "ai": ("Events", "Treatment"),
    "n1i": ("Total", "Treatment"),
    "ci": ("Events", "Control"),
    "n2i": ("Total", "Control"),
    "x1i": ("Events", "Treatment"),
    "t1i": ("Person-time", "Treatment"),
    "x2i": ("Events", "Control"),
    "t2i": ("Person-time", "Control"),
    "patients": ("Patients", ""),
    "total": ("Total", ""),
    "time": ("Years", ""),
    "events": ("Events", ""),
    "person_time": ("Person-years", ""),
}
_OF_HAZARDS = ("patients", "total", "events", "person_time")
_USUAL = (
    ("ai", "n1i", "ci", "n2i"),
    ("x1i", "t1i", "x2i", "t2i"),
    ("xi", "ni"),
    ("xi", "ti"),
    ("n1i", "n2i"),
)


def _numbers(name: str, header: str, values: FloatArray, spanner: str = "", *, add_up: bool = True) -> DataColumn:
    adds = tuple(float(v) for v in values) if add_up and np.isfinite(values).all() else ()
    total = count(float(values.sum())) if adds else ""
    return DataColumn(name, header, tuple(count(float(v)) for v in values), total, spanner, adds)


def _adds_up(table: EvidenceTable, name: str) -> bool:
    """Return whether the sum of a column over studies is a number of something: of patients, events or time at risk."""
    family = MEASURES[table.measure].family
    times = ("ti", "t1i", "t2i") if family in ("rate", "person-time") else ()
    return name in (*COUNTED.get(family, ()), *TOTALS, *times)


def _spanner(table: EvidenceTable, name: str) -> str:
    """Return the name of a count's arm, the table's own where it has one."""
    words = _COUNTS[name][1]
    if not words or not table.arms:
        return words
    arm = table.arms[words == "Control"]
    return arm[:1].upper() + arm[1:]


def _counts(table: EvidenceTable, names: Sequence[str]) -> list[DataColumn]:
    return [_numbers(name, _COUNTS[name][0], table.counts[name], _spanner(table, name)) for name in names]


def _as_known(table: EvidenceTable, names: Sequence[str], n: FloatArray) -> bool:
    """Return whether these columns are known in every row whose n is: a printed difference has n and no arms."""
    return all(bool(np.isfinite(table.counts[name][np.isfinite(n)]).all()) for name in names)


def _usual(table: EvidenceTable) -> list[DataColumn]:
    if MEASURES[table.measure].family == "hazard":  # either kind of row may be absent
        held = [name for name in _OF_HAZARDS if np.isfinite(table.counts.get(name, np.nan)).any()]
        return _counts(table, held)
    n = np.asarray(table.n, dtype=float)
    for names in _USUAL:
        if set(names) <= set(table.counts) and _as_known(table, names, n):
            return _counts(table, names)
    return [_numbers("n", "N", n)] if np.isfinite(n).any() else []


def _moderator(table: EvidenceTable, name: str) -> DataColumn:
    values = np.asarray(table.moderators[name])
    header = name[:1].upper() + name[1:].replace("_", " ")
    if np.issubdtype(values.dtype, np.number):
        return _numbers(name, header, values.astype(float), add_up=False)
    return DataColumn(name, header, tuple("" if v is None else str(v) for v in values))


def _named(table: EvidenceTable, name: object) -> DataColumn:
    n = np.asarray(table.n, dtype=float)
    if isinstance(name, str) and name == "n":
        return _numbers("n", "N", n)
    if isinstance(name, str) and name == "year" and table.years:
        return DataColumn("year", "Year", tuple("" if y is None else str(y) for y in table.years))
    if isinstance(name, str) and name in table.counts:
        header, spanner = (_COUNTS[name][0], _spanner(table, name)) if name in _COUNTS else (name, "")
        return _numbers(name, header, table.counts[name], spanner, add_up=_adds_up(table, name))
    if isinstance(name, str) and name in table.moderators:
        return _moderator(table, name)
    choices = ("n", *(("year",) if table.years else ()), *table.counts, *table.moderators)
    raise UnknownName("forest column", name if isinstance(name, str) else shown(name), choices)


def data_columns(table: EvidenceTable, columns: object) -> tuple[DataColumn, ...]:
    """Return the columns asked for by name, or those usual for the counts of the table.

    A mapping gives each column a header of one's own: ``{"months": "Months on drug"}``.
    """
    if columns is None:
        return tuple(_usual(table))
    if isinstance(columns, str | bytes) or not isinstance(columns, Sequence | Mapping):
        raise OptionError(f"columns={shown(columns)} is not a list or mapping · give names, or name → header")
    if len(set(map(str, columns))) < len(columns):
        raise OptionError(f"columns={shown(columns)} names a column twice · name each once")
    found = [_named(table, name) for name in columns]
    if isinstance(columns, Mapping):
        return tuple(
            DataColumn(column.name, str(header), column.cells, column.total, "", column.values)
            for column, header in zip(found, columns.values(), strict=True)
        )
    return tuple(found)
