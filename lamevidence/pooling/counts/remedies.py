"""Which model answers for the counts at hand: what a refusal may send its reader to, because it exists there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...effects.escalc import escalc
from ...effects.evidence_table import EvidenceTable
from ...effects.measures import MEASURES
from ...effects.measures.hazard import HAZARD_COLUMNS
from ...foundation.errors import OptionError
from .hazard import HazardRows
from .sparse_counts import PersonTime, TwoByTwo, person_time, two_by_two
from .sparse_formulas import Summed, mh_ird, mh_irr, mh_or, mh_rd, mh_rr

__all__ = [
    "COLUMNS",
    "RATES",
    "TABLES",
    "check_counts",
    "instead_of_variances",
    "of_measure",
    "one_arm_each",
    "which_works",
]

TABLES: dict[str, Callable[[TwoByTwo], Summed]] = {"OR": mh_or, "RR": mh_rr, "RD": mh_rd}
"""Measure → its Mantel-Haenszel sum over two-by-two tables."""
RATES: dict[str, Callable[[PersonTime], Summed]] = {"IRR": mh_irr, "IRD": mh_ird}
"""Measure → its Mantel-Haenszel sum over events and person-time."""
COUNTS = {
    "tables": (("ai", "n1i", "ci", "n2i"), ("ai", "bi", "ci", "di")),
    "rates": (("x1i", "t1i", "x2i", "t2i"),),
    "times": (("xi", "ti"),),
    "proportions": (("xi", "ni"),),
    "hazards": (("patients", "total", "time"), ("events", "person_time")),
}
"""Kind of counts → the sets of columns that make it."""
LINKS = {"tables": ("OR",), "rates": ("IRR",), "times": ("IRLN",), "proportions": ("PLO",), "hazards": ("HAZ",)}
"""Kind of counts → the measure that one-stage models estimate from it."""
SUMS: dict[str, tuple[str, ...]] = {
    "tables": tuple(TABLES),
    "rates": tuple(RATES),
    "times": (),
    "proportions": (),
    "hazards": (),
}
"""Kind of counts → the measures that Mantel-Haenszel sums estimate from it."""
COLUMNS = {
    "OR": ("ai", "n1i", "ci", "n2i"),
    "RR": ("ai", "n1i", "ci", "n2i"),
    "RD": ("ai", "n1i", "ci", "n2i"),
    "IRR": ("x1i", "t1i", "x2i", "t2i"),
    "IRD": ("x1i", "t1i", "x2i", "t2i"),
    "PLO": ("xi", "ni"),
    "IRLN": ("xi", "ti"),
    "HAZ": HAZARD_COLUMNS,
}
"""Measure → the counts it is made from."""
DISCORDANT = (
    "the odds ratio of matched pairs is the odds of their discordant cells, whose exact likelihood is model='glmm' of"
    " EvidenceTable.from_frame(frame, 'PLO', events=…, non_events=…) with first_only and second_only"
)
"""What pools conditional odds ratios of matched pairs, zeros or not."""
_TRANSFORMED = {"COR": "ZCOR", "UCOR": "ZCOR", "PCOR": "ZPCOR", "SPCOR": "ZSPCOR", "R2": "ZR2"}
"""Measure whose variance is 0 at an end → its transform, whose is not everywhere."""
CORRECTED = (
    "make the table with add=0.5, to='only0' (½ in each cell of rows with a zero), for which model='random' has a"
    " variance of every row"
)
"""What every measure of counts offers where a zero leaves no estimate, or one with a variance of 0."""


def columns_of(table: EvidenceTable, measure: str) -> dict[str, Any]:
    """Return the counts of a table under the names that `escalc` reads for the measure."""
    if "bi" in table.counts and "n1i" not in table.counts and measure in TABLES:
        cells = two_by_two(table, f"the measure {measure}")
        return dict(zip(COLUMNS[measure], (cells.a, cells.n1, cells.c, cells.n2), strict=True))
    return {name: np.asarray(table.counts[name], dtype=np.float64) for name in COLUMNS[measure]}


def of_measure(table: EvidenceTable, measure: str) -> EvidenceTable:
    """Return the table with the studies' own estimates of another measure of the same counts, uncorrected."""
    if table.measure == measure:
        return table
    own = escalc(measure, **columns_of(table, measure), add=0.0, to="none")
    return replace(table, yi=own.yi, vi=own.vi, measure=measure, unit=None, V=None)


def _sum_exists(table: EvidenceTable, measure: str) -> bool:
    """Return whether the Mantel-Haenszel sum of a measure is finite, with a standard error above 0."""
    if measure in TABLES:
        found = TABLES[measure](two_by_two(table, "the Mantel-Haenszel sum"))
    else:
        found = RATES[measure](person_time(table, "the Mantel-Haenszel sum"))
    return math.isfinite(found.mu) and found.se > 0


def _kind(table: EvidenceTable) -> str:
    """Return which counts are whole: ``tables``, ``rates``, ``proportions``, ``times``, or nothing."""
    if MEASURES[table.measure].family == "matched-pairs":
        return ""  # its cells have the names of a two-by-two table and are none
    have = set(table.counts)
    return next((kind for kind, ways in COUNTS.items() if any(have >= set(way) for way in ways)), "")


def check_counts(table: EvidenceTable, what: str, *kinds: str) -> None:
    """Raise `OptionError` unless the table has the counts that ``what`` needs; the message names what it can do."""
    if _kind(table) in kinds:
        return
    needed = " or ".join(", ".join(COUNTS[kind][0]) for kind in kinds)
    has = "matched pairs" if MEASURES[table.measure].family == "matched-pairs" else ", ".join(table.counts) or "none"
    raise OptionError(f"{what} needs the counts {needed}; this table has {has} · {which_works(table)}")


def _whole(table: EvidenceTable) -> bool:
    """Return whether the counts are whole; times and a frailty need not be, and of a hazard one kind is empty."""
    counted = (c for name, c in table.counts.items() if name[0] != "t" and name not in ("person_time", "frailty"))
    return all(bool(((np.mod(column, 1) == 0) | np.isnan(column)).all()) for column in counted)


def _likelihood_exists(table: EvidenceTable, kind: str) -> bool:
    """Return whether the default one-stage likelihood has a finite maximum.

    It does where the events of one study lie inside what they can be (given its margins, with two groups): with every
    study at an end, the likelihood rises with the effect or with τ². One group at one end has an exact bound.
    """
    if not _whole(table):
        return False
    if kind == "hazards":
        rows = HazardRows.of(table.counts)
        none, full = rows.x == 0, rows.full
        return bool((~none & ~full).any() or none.all() or full.all())
    if kind == "tables":
        cells = two_by_two(table, "the likelihood")
        return bool(((cells.a > 0) & (cells.b > 0) & (cells.c > 0) & (cells.d > 0)).any())
    if kind == "rates":
        rates = person_time(table, "the likelihood")
        return bool(((rates.x1 > 0) & (rates.x2 > 0)).any())
    if kind == "proportions":
        x, n = table.counts["xi"], table.counts["ni"]
        return bool(((x > 0) & (x < n)).any() or (x == 0).all() or (x == n).all())
    return True


def one_arm_each(table: EvidenceTable) -> str:
    """Return the advice to pool each group by itself, whose exact intervals always exist."""
    way = "'IRLN', xi='x1i', ti='t1i'" if "x1i" in table.counts else "'PLO', xi='ai', ni='n1i'"
    return f"pool each group by itself: EvidenceTable.from_frame(frame, {way}) has exact bounds"


def instead_of_variances(table: EvidenceTable) -> str:
    """Return what pools a table of counts in which a row has no variance: each way that exists for these counts."""
    first = which_works(table, "random")
    kind = _kind(table)
    ways = [first]
    own = {"PETO": "OR"}.get(table.measure, table.measure)
    if (
        kind
        and own not in LINKS[kind]
        and _likelihood_exists(table, kind)
        and f"measure={LINKS[kind][0]!r}" not in first
    ):
        ways.append(f"make the table with measure={LINKS[kind][0]!r}, for which model='glmm' has the exact likelihood")
    if first != CORRECTED and "to" in MEASURES[table.measure].options and _whole(table):
        ways.append(CORRECTED)
    return "; or ".join(ways)


def _at_an_end(table: EvidenceTable) -> str:
    """Return the advice for a correlation of ±1, a reliability of 1, an R² of 0: the transform where that has one."""
    other = _TRANSFORMED.get(table.measure, "")
    if other and set(MEASURES[other].needs) <= set(table.counts):
        columns: dict[str, Any] = {name: table.counts[name] for name in MEASURES[other].needs}
        made = escalc(other, **columns)
        if np.isfinite(made.vi).all():
            return f"make the table with measure={other!r}, which has a variance of every row"
    return (
        "at the end of its range an estimate has no variance by its formula: with one of your own"
        " EvidenceTable.from_estimates(yi, vi=vi) takes it"
    )


def which_works(table: EvidenceTable, *but: str) -> str:
    """Return the advice to use a model of `pool` that exists for this table, other than those named in ``but``."""
    kind = _kind(table)
    if table.measure == "MPORC" and "glmm" not in but:
        return DISCORDANT
    if not kind and np.isnan(table.vi).any():
        return CORRECTED if "to" in MEASURES[table.measure].options else _at_an_end(table)
    if not kind:
        return "model='random' pools the estimates" if table.plain else "make the table from those counts"
    own = {"PETO": "OR"}.get(table.measure, table.measure)
    if "glmm" not in but and own in LINKS[kind] and _likelihood_exists(table, kind):
        return "model='glmm' has the exact likelihood"
    if "mh" not in but and own in SUMS[kind] and _sum_exists(table, own):
        return f"model='mh' pools {own} from these counts"
    if table.plain and "random" not in but:
        return "model='random' pools the studies' own estimates"
    if kind in ("tables", "rates"):
        difference, what = ("RD", "risk") if kind == "tables" else ("IRD", "rate")
        if own != difference and _sum_exists(table, difference):
            return f"model='mh' with measure={difference!r} pools the {what} difference, which exists"
        return one_arm_each(table)
    if not _whole(table):
        return "give whole counts, or estimates with their variances"
    link = LINKS[kind][0]
    way = "has the exact likelihood" if _likelihood_exists(table, kind) else "with tau2='none' fits one common effect"
    if own == link:
        return f"model='glmm' {way}"
    return f"make the table with measure={link!r}, for which model='glmm' {way}"
