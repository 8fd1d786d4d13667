"""What one reader took from the sources, cell by cell; `lamevidence.audit.agreement` compares two readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ..foundation.lineage import Reported
from .records import (
    Basis,
    Continuous,
    Contrast,
    Dichotomous,
    Dispersion,
    DispersionKind,
    Finding,
    FollowUp,
    FollowUpKind,
    Paired,
    PValue,
    Rate,
    Study,
)
from .scalars import CountOrNot, NumberOrNot, PatientsOrNot, QuantityOrNot, UnitSymbol

__all__ = [
    "BETWEEN",
    "CATEGORICAL",
    "CELLS",
    "NOTHING",
    "OF_ALL",
    "Extraction",
    "asked_of",
    "elsewhere",
    "extraction_of",
    "joined",
    "kind_of",
    "written",
]

NOTHING = "not_reported"
"""A cell that the source does not print."""

_SPREAD: dict[str, Any] = {
    "type": DispersionKind,
    "basis": Basis | Literal["not_reported"],
    "value": NumberOrNot,
    "low": NumberOrNot,
    "high": NumberOrNot,
    "level": NumberOrNot,
}
_P: dict[str, Any] = {"relation": Literal["=", "<", ">", "not_reported"], "value": NumberOrNot}
_UNIT: Any = Literal["not_reported"] | UnitSymbol


def _under(name: str, cells: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}.{cell}": what for cell, what in cells.items()}


CELLS: dict[str, dict[str, Any]] = {
    "continuous": {
        "value": NumberOrNot,
        "unit": _UNIT,
        **_under("dispersion", _SPREAD),
        "n": PatientsOrNot,
        **_under("p", _P),
    },
    "dichotomous": {
        "affected": CountOrNot,
        "at_risk": PatientsOrNot,
        "percent": NumberOrNot,
        "percent_at_most": NumberOrNot,
        **_under("interval", _SPREAD),
    },
    "rate": {"events": CountOrNot, "person_time": QuantityOrNot, "n": PatientsOrNot},
    "contrast": {
        "value": NumberOrNot,
        "unit": _UNIT,
        **_under("dispersion", _SPREAD),
        "n": PatientsOrNot,
        **_under("p", _P),
    },
    "paired": {
        "n": PatientsOrNot,
        "correlation": NumberOrNot,
        "change": NumberOrNot,
        "unit": _UNIT,
        **_under("dispersion", _SPREAD),
        **_under("p", _P),
    },
    "direction": {
        "direction": Literal["improved", "unchanged", "worsened", "increased", "decreased", "not_reported"],
        "n": PatientsOrNot,
        **_under("p", _P),
    },
}
"""Kind of finding → its own cells and what each can hold; they are asked for whether or not a record has them."""

OF_ALL: dict[str, Any] = {"follow_up.value": QuantityOrNot, "follow_up.kind": FollowUpKind | Literal["not_reported"]}
"""The cells of every finding."""
BETWEEN = _under("p_between", _P)
"""The cells of a finding whose p value against another is printed; the form names the other."""

CATEGORICAL = frozenset(
    {
        "unit",
        "direction",
        "follow_up.kind",
        *(f"{spread}.{cell}" for spread in ("dispersion", "interval") for cell in ("type", "basis")),
        *(f"{p}.relation" for p in ("p", "p_between")),
    }
)
"""The cells that hold a word of a list: their agreement is corrected for chance by κ."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one reader took from the sources.

    Attributes
    ----------
    cells
        (study, finding) → cell → what the reader wrote, as text with the digits that are printed; ``not_reported``
        where the source does not say.
    kinds
        (study, finding) → kind of finding.
    by, date
        Who read, and when.
    not_checked
        (study, finding) → why the reader could not look.
    """

    cells: Mapping[tuple[str, str], Mapping[str, str]]
    kinds: Mapping[tuple[str, str], str]
    by: str = ""
    date: str = ""
    not_checked: Mapping[tuple[str, str], str] = field(default_factory=dict)


def kind_of(finding: Finding) -> str:
    """Return the kind of a finding, as a record names it."""
    return type(finding).__name__.lower()


def asked_of(finding: Finding) -> tuple[str, ...]:
    """Return the names of the cells of a finding."""
    between = BETWEEN if finding.p_between is not None else {}
    return (*CELLS[kind_of(finding)], *OF_ALL, *between)


def elsewhere(finding: Finding) -> dict[str, str]:
    """Return the cells that a record places in another publication than their finding: prefix → that publication."""
    p, pair, follow_up = getattr(finding, "p", None), finding.p_between, finding.follow_up
    places = {
        "p.": p.at if isinstance(p, PValue) else None,
        "p_between.": pair.p.at if pair is not None else None,
        "follow_up.": follow_up.at if isinstance(follow_up, FollowUp) else None,
    }
    return {name: at.source for name, at in places.items() if at is not None}


def written(value: object) -> str:
    """Return a cell as text, with the digits as they stand in print."""
    if isinstance(value, Reported):
        return f"{value.value} {value.unit}" if value.unit else str(value.value)
    return NOTHING if value is None or not isinstance(value, Decimal | int | str) or value == "" else str(value)


def _digits(value: Reported | None) -> object:
    return None if value is None else value.value


def _spread_cells(name: str, spread: Dispersion | None) -> dict[str, object]:
    if spread is None:
        return {f"{name}.type": None}
    printed = spread.kind not in ("none", NOTHING)  # no ± exists, or none is printed: the source shows the same
    level = None if spread.level is None else Decimal(f"{spread.level:g}")
    kind, basis = (spread.kind, spread.basis) if printed else (None, None)
    cells = {"type": kind, "basis": basis, "level": level}
    bounds = {"value": _digits(spread.value), "low": _digits(spread.low), "high": _digits(spread.high)}
    return {f"{name}.{cell}": value for cell, value in {**cells, **bounds}.items()}


def _p_cells(name: str, p: PValue | None) -> dict[str, object]:
    return {} if p is None else {f"{name}.relation": p.relation, f"{name}.value": p.value}


def _own_cells(finding: Finding) -> dict[str, object]:
    if isinstance(finding, Continuous | Contrast):
        cells: dict[str, object] = {"value": finding.value.value, "unit": finding.value.unit, "n": finding.n}
        return cells | _spread_cells("dispersion", finding.dispersion) | _p_cells("p", finding.p)
    if isinstance(finding, Dichotomous):
        return {
            "affected": finding.affected,
            "at_risk": finding.at_risk,
            "percent": _digits(finding.percent),
            "percent_at_most": _digits(finding.percent_at_most),
        } | _spread_cells("interval", finding.interval)
    if isinstance(finding, Rate):
        return {"events": finding.events, "person_time": finding.person_time, "n": finding.n}
    if isinstance(finding, Paired):
        change = finding.change
        pair: dict[str, object] = {"n": finding.n, "correlation": finding.correlation, "change": _digits(change)}
        return (
            pair
            | {"unit": None if change is None else change.unit}
            | _spread_cells("dispersion", finding.dispersion)
            | _p_cells("p", finding.p)
        )
    return {"direction": finding.direction, "n": finding.n} | _p_cells("p", finding.p)


def _cells_of(finding: Finding) -> dict[str, str]:
    found = _own_cells(finding)
    if isinstance(finding.follow_up, FollowUp):
        found |= {"follow_up.value": finding.follow_up.value, "follow_up.kind": finding.follow_up.kind}
    if finding.p_between is not None:
        found |= _p_cells("p_between", finding.p_between.p)
    return {name: written(found.get(name)) for name in asked_of(finding)}


def extraction_of(studies: Collection[Study]) -> Extraction:
    """Return the cells of records.

    Parameters
    ----------
    studies
        Records of a registry.

    Returns
    -------
    Extraction
        Every finding of every record.

    Examples
    --------
    >>> import lamevidence as lam
    >>> first = extraction_of([lam.load_registry().study("mccormack-2011")])
    >>> first.cells["mccormack-2011", "fev1-slope.sirolimus.on"]["unit"]
    'mL/month'
    """
    found = {(study.id, finding.id): finding for study in studies for finding in study.findings}
    readers = dict.fromkeys(study.curation.extracted_by for study in studies)
    dates = dict.fromkeys(study.curation.date for study in studies)
    return Extraction(
        {key: _cells_of(finding) for key, finding in found.items()},
        {key: kind_of(finding) for key, finding in found.items()},
        ", ".join(readers),
        ", ".join(dates),
    )


def joined(extractions: Collection[Extraction]) -> Extraction:
    """Return several extractions as one; readers and dates are named once each.

    Parameters
    ----------
    extractions
        Of different studies.
    """
    return Extraction(
        {key: cells for e in extractions for key, cells in e.cells.items()},
        {key: kind for e in extractions for key, kind in e.kinds.items()},
        ", ".join(dict.fromkeys(e.by for e in extractions)),
        ", ".join(dict.fromkeys(e.date for e in extractions)),
        {key: why for e in extractions for key, why in e.not_checked.items()},
    )
