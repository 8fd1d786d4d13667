"""Counts of an evidence table, checked, for the methods that need no variance per study."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...effects.measures.cells import BoolArray
from ...foundation.errors import InputError, OptionError, TooFewStudies
from ...foundation.options import a_choice, a_number

__all__ = ["PersonTime", "TwoByTwo", "arms_of", "person_time", "require", "two_by_two"]

ADD_TO = ("none", "only0", "all", "if0all")


def require(table: EvidenceTable, names: tuple[str, ...], what: str) -> tuple[FloatArray, ...]:
    """Return the count columns called ``names``, finite, non-negative; raise naming what is missing."""
    missing = [name for name in names if name not in table.counts]
    if missing:
        raise OptionError(
            f"{what} needs the counts {', '.join(names)}; this table has {', '.join(table.counts) or 'none'}"
            " · build it with EvidenceTable.from_frame and the count columns"
        )
    if table.k == 0:
        raise TooFewStudies(what, 0, 1, "no row of the table has counts")
    columns = tuple(np.asarray(table.counts[name], dtype=np.float64) for name in names)
    for name, column in zip(names, columns, strict=True):
        bad = [table.labels[i] for i in np.flatnonzero(~(np.isfinite(column) & (column >= 0)))]
        if bad:
            raise InputError(f"{name} must be a finite count, not below 0 · see {', '.join(bad)}")
    return columns


def _within(table: EvidenceTable, events: FloatArray, total: FloatArray, names: str) -> None:
    bad = [table.labels[i] for i in np.flatnonzero((events > total) | (total <= 0))]
    if bad:
        raise InputError(f"{names}: events above the total, or an empty arm · see {', '.join(bad)}")


@dataclass(frozen=True, slots=True)
class TwoByTwo:
    """Cells of k two-by-two tables: group 1 with (a) and without (b) the event, group 2 (c, d)."""

    a: FloatArray
    b: FloatArray
    c: FloatArray
    d: FloatArray

    @property
    def n1(self) -> FloatArray:
        """Size of group 1."""
        return self.a + self.b

    @property
    def n2(self) -> FloatArray:
        """Size of group 2."""
        return self.c + self.d

    @property
    def n(self) -> FloatArray:
        """Patients a study."""
        return self.n1 + self.n2

    @property
    def double_zero(self) -> BoolArray:
        """Studies without any event, or with nothing but events."""
        return np.asarray(((self.a == 0) & (self.c == 0)) | ((self.b == 0) & (self.d == 0)))

    def corrected(self, add: float, to: str) -> TwoByTwo:
        """Return the tables with ``add`` put into every cell of the tables that ``to`` names."""
        zero = (self.a == 0) | (self.b == 0) | (self.c == 0) | (self.d == 0)
        extra = _extra(zero, add, to)
        return TwoByTwo(self.a + extra, self.b + extra, self.c + extra, self.d + extra)


@dataclass(frozen=True, slots=True)
class PersonTime:
    """Events (x) and person-time (t) of two groups in k studies."""

    x1: FloatArray
    t1: FloatArray
    x2: FloatArray
    t2: FloatArray

    @property
    def t(self) -> FloatArray:
        """Person-time a study."""
        return self.t1 + self.t2

    @property
    def double_zero(self) -> BoolArray:
        """Studies without any event."""
        return np.asarray((self.x1 == 0) & (self.x2 == 0))

    def corrected(self, add: float, to: str) -> PersonTime:
        """Return the counts with ``add`` put to both groups' events in the studies that ``to`` names."""
        extra = _extra((self.x1 == 0) | (self.x2 == 0), add, to)
        return PersonTime(self.x1 + extra, self.t1, self.x2 + extra, self.t2)


def _extra(zero: BoolArray, add: float, to: str) -> FloatArray:
    a_choice("value of to", to, ADD_TO)
    add = a_number("add", add, least=0)
    if add > 0 and to == "none":
        raise OptionError(f"add={add:g} is added to no cell with to='none' · choices of to: {', '.join(ADD_TO[1:])}")
    chosen = {
        "none": np.zeros_like(zero),
        "only0": zero,
        "all": np.ones_like(zero),
        "if0all": np.full_like(zero, bool(zero.any())),
    }[to]
    return np.where(chosen, add, 0.0)


def two_by_two(table: EvidenceTable, what: str) -> TwoByTwo:
    """Return the two-by-two tables of ``table`` from ai n1i ci n2i, or from ai bi ci di.

    Raises
    ------
    OptionError, InputError
        The table has no such counts; counts are negative, not finite, above their totals, or an arm is empty.
    """
    if "bi" in table.counts and "n1i" not in table.counts:
        a, b, c, d = require(table, ("ai", "bi", "ci", "di"), what)
        n1, n2 = a + b, c + d
    else:
        a, n1, c, n2 = require(table, ("ai", "n1i", "ci", "n2i"), what)
    _within(table, a, n1, "ai, n1i")
    _within(table, c, n2, "ci, n2i")
    return TwoByTwo(a, n1 - a, c, n2 - c)


def person_time(table: EvidenceTable, what: str) -> PersonTime:
    """Return events and person-time of two groups from x1i t1i x2i t2i; errors as in `two_by_two`."""
    x1, t1, x2, t2 = require(table, ("x1i", "t1i", "x2i", "t2i"), what)
    for name, t in (("t1i", t1), ("t2i", t2)):
        bad = [table.labels[i] for i in np.flatnonzero(t <= 0)]
        if bad:
            raise InputError(f"{name} must be above 0 · see {', '.join(bad)}")
    return PersonTime(x1, t1, x2, t2)


def arms_of(table: EvidenceTable, what: str) -> tuple[FloatArray, FloatArray, str]:
    """Return (events, patients or person-time, family) of single-arm counts: xi ni or xi ti."""
    if "ti" in table.counts:
        x, t = require(table, ("xi", "ti"), what)
        bad = [table.labels[i] for i in np.flatnonzero(t <= 0)]
        if bad:
            raise InputError(f"ti must be above 0 · see {', '.join(bad)}")
        return x, t, "poisson"
    x, n = require(table, ("xi", "ni"), what)
    _within(table, x, n, "xi, ni")
    return x, n, "binomial"
