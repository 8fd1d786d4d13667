"""Between which bounds each number of a table may lie, given how it is printed; and the table with other numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ...effects.escalc import estimates_of
from ...effects.evidence_table import EvidenceTable
from ...effects.given_numbers import floats
from ...effects.measures import MEASURES
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, NotEstimable
from ...foundation.lineage import Lineage

__all__ = ["GIVE", "GIVE_ESTIMATES", "PrintBounds", "print_bounds"]

_TIMES = ("person-time", "follow-up")
_TIME_COLUMNS = (("ti",), ("t1i", "t2i"))
GIVE = "give yi_bounds and vi_bounds, a pair (low, high) a row"
GIVE_ESTIMATES = f"pool the estimates, lam.pool(table, model='random'), and {GIVE}"


@dataclass(frozen=True, eq=False)
class PrintBounds:
    """The numbers of a table that are not known beyond their print.

    Attributes
    ----------
    table
        As printed.
    columns
        Name of the column of each number: ``yi``, ``vi``, or a column of person-time.
    rows
        Its row.
    low, high
        Its bounds, (d,).
    """

    table: EvidenceTable
    columns: tuple[str, ...]
    rows: tuple[int, ...]
    low: FloatArray
    high: FloatArray

    @property
    def printed(self) -> FloatArray:
        """The numbers as they are used, (d,)."""
        return np.array([self._held(c)[i] for c, i in zip(self.columns, self.rows, strict=True)], dtype=np.float64)

    def _held(self, column: str) -> FloatArray:
        return {"yi": self.table.yi, "vi": self.table.vi}[column] if column in ("yi", "vi") else self.counts[column]

    @cached_property
    def counts(self) -> dict[str, FloatArray]:
        """The counts of the table."""
        return {name: np.asarray(x, dtype=np.float64) for name, x in self.table.counts.items()}

    def estimates(self, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return yi and vi, (m, k) each, with the numbers (m, d) in their places."""
        m = numbers.shape[0]
        y, v = np.tile(self.table.yi, (m, 1)), np.tile(self.table.vi, (m, 1))
        for j, (column, i) in enumerate(zip(self.columns, self.rows, strict=True)):
            if column in ("yi", "vi"):
                (y if column == "yi" else v)[:, i] = numbers[:, j]
        if any(column not in ("yi", "vi") for column in self.columns):
            for at in range(m):
                y[at], v[at] = self._from_times(self._moved_counts(numbers[at]))
        return y, v

    def with_numbers(self, numbers: FloatArray) -> EvidenceTable:
        """Return the table with the numbers (d,) in their places; covariances keep their correlations."""
        y, v = (x[0] for x in self.estimates(numbers[None]))
        counts = self._moved_counts(numbers)
        for name, column in (("mi", y), ("sei", np.sqrt(v))):
            if name in counts:
                counts[name] = np.where(np.isfinite(counts[name]), column, counts[name])
        V = self.table.V
        if V is not None:
            stretch = np.sqrt(v / self.table.vi)
            V = V * np.outer(stretch, stretch)
        return replace(self.table, yi=y, vi=v, counts=counts, V=V)

    def _moved_counts(self, numbers: FloatArray) -> dict[str, FloatArray]:
        counts = {name: column.copy() for name, column in self.counts.items()}
        for number, column, i in zip(numbers, self.columns, self.rows, strict=True):
            if column not in ("yi", "vi"):
                counts[column][i] = number
        return counts

    def _from_times(self, counts: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Return the estimates of rates anew; a row that has none keeps its NaN."""
        found = estimates_of(MEASURES[self.table.measure], counts, {})
        fresh = np.isfinite(self.table.yi)
        return np.where(fresh, found.yi, self.table.yi), np.where(fresh, found.vi, self.table.vi)


def print_bounds(
    table: EvidenceTable,
    yi_bounds: ArrayLike | None = None,
    vi_bounds: ArrayLike | None = None,
    *,
    remedy: str = GIVE,
) -> PrintBounds:
    """Return the bounds of every number of a table: those given, else those of the printed cells behind the rows.

    A row made of whole numbers alone has no rounding; of a rate the person-time has.

    Raises
    ------
    InputError
        Bounds of another shape, or that do not hold the number itself.
    NotEstimable
        A row without printed cells and without bounds; a standard error that rounding allows to be 0.
    """
    given = {
        name: None if bounds is None else _given(name, bounds, table, held)
        for name, bounds, held in (("yi", yi_bounds, table.yi), ("vi", vi_bounds, table.vi))
    }
    wanted = [name for name, x in given.items() if x is None]
    found: list[tuple[str, int, float, float]] = []
    for i in range(table.k):
        if wanted:
            found += _of_row(table, i, wanted, remedy)
        found += [(name, i, float(x[i, 0]), float(x[i, 1])) for name, x in given.items() if x is not None]
    found = [(c, i, low, high) for c, i, low, high in found if low < high]
    for column, i, low, _ in found:
        if low <= 0 and column != "yi":
            what = "a standard error" if column == "vi" else "a person-time"
            raise NotEstimable(
                f"{table.labels[i]}: its rounding allows {what} of 0 · leave it out,"
                f" fit.without({table.labels[i]!r}), or {GIVE}"
            )
    columns, rows = tuple(x[0] for x in found), tuple(x[1] for x in found)
    return PrintBounds(table, columns, rows, np.array([x[2] for x in found]), np.array([x[3] for x in found]))


def _given(name: str, bounds: ArrayLike, table: EvidenceTable, held: FloatArray) -> FloatArray:
    pairs = floats(bounds, f"{name}_bounds", "give a pair (low, high) a row")
    if pairs.shape != (table.k, 2):
        raise InputError(f"{name}_bounds has shape {pairs.shape} · give a pair (low, high) for each of {table.k} rows")
    inside = np.isfinite(pairs).all(axis=1) & (pairs[:, 0] <= held) & (held <= pairs[:, 1])
    for i in np.flatnonzero(~inside):
        low, high = pairs[i]
        raise InputError(
            f"{name}_bounds of {table.labels[i]}: {low:g} to {high:g} does not hold its {name} = {held[i]:g}"
            " · give finite bounds on either side of it"
        )
    return pairs


def _of_row(table: EvidenceTable, i: int, wanted: list[str], remedy: str) -> list[tuple[str, int, float, float]]:
    lineage = table.lineage[i]
    if lineage.yi_bounds is not None and lineage.vi_bounds is not None:
        own = {"yi": lineage.yi_bounds, "vi": lineage.vi_bounds}
        held = {"yi": float(table.yi[i]), "vi": float(table.vi[i])}
        # the number itself belongs to its bounds whatever the last digit of the arithmetic says
        return [(name, i, min(own[name][0], held[name]), max(own[name][1], held[name])) for name in wanted]
    whole = all(number.rounding == 0 for _, _, number, _ in lineage.cells)
    if lineage.cells and whole:
        return []
    times = _times(lineage)
    columns = next((c for c in _TIME_COLUMNS if set(c) <= set(table.counts)), ())
    others = [n for _, name, n, _ in lineage.cells if name not in _TIMES and name != "percent" and n.rounding]
    if lineage.cells and not others and wanted == ["yi", "vi"]:
        if len(times) == len(columns):
            held = {name: float(table.counts[name][i]) for name in columns}
            return [(c, i, held[c] * (1 - part), held[c] * (1 + part)) for c, part in zip(columns, times, strict=True)]
        if not times:  # a percentage that only one whole number prints as
            return []
    raise NotEstimable(f"{table.labels[i]} has no bounds of its printed numbers · {remedy}")


def _times(lineage: Lineage) -> list[float]:
    """Return the relative half-width of each printed person-time or follow-up, treated arm first."""
    return [float(number.rounding / number.value) for _, name, number, _ in lineage.cells if name in _TIMES]
