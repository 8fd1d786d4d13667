"""Which likelihood a table calls for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.hazard import HAZARD_COLUMNS
from ...foundation.errors import OptionError
from ...foundation.options import a_choice
from ...foundation.units import unit as unit_named
from .standard_errors import degrees_of_freedom, estimated

__all__ = ["LIKELIHOODS", "Likelihood", "choose_likelihood", "same_likelihood"]

LIKELIHOODS = ("auto", "normal", "t", "binomial", "poisson", "hypergeometric", "conditional-binomial", "hazard")
_COUNTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "binomial": (("PLO",), ("xi", "ni")),
    "poisson": (("IRLN",), ("xi", "ti")),
    "hypergeometric": (("OR",), ("ai", "bi", "ci", "di")),
    "conditional-binomial": (("IRR",), ("x1i", "t1i", "x2i", "t2i")),
    "hazard": (("HAZ",), HAZARD_COLUMNS),
}


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The likelihood chosen, and why."""

    name: str
    why: str
    notes: tuple[str, ...] = ()


def _has_counts(table: EvidenceTable, name: str) -> bool:
    if name == "hazard":  # each row has the columns of its kind: the gate saw to it
        return bool({"patients", "events"} & set(table.counts))
    return all(c in table.counts and np.all(np.isfinite(table.counts[c])) for c in _COUNTS[name][1])


def choose_likelihood(table: EvidenceTable, given: str, *, moderators: bool = False) -> Likelihood:
    """Return the likelihood for a table; with moderators ``auto`` takes standard errors as known.

    Raises
    ------
    UnknownName
        Not a likelihood.
    OptionError
        The table lacks what it needs.
    """
    a_choice("likelihood", given, LIKELIHOODS)
    if given == "auto":
        return _auto(table, moderators)
    _check_counts(table, given)
    if given == "t":
        df = degrees_of_freedom(table)
        assert table.n is not None
        bad = np.isfinite(table.n) & ~np.isfinite(df)
        if bad.any() or not np.isfinite(df).any():
            rows = ", ".join(table.labels[i] for i in np.flatnonzero(bad | ~np.isfinite(df)))
            raise OptionError(f"likelihood='t' needs the number of patients, at least 2 · missing in: {rows}")
        unknown = _unknown_sizes(table)
        return Likelihood(given, "given" + unknown, (unknown.removeprefix("; "),) if unknown else ())
    return Likelihood(given, "given")


def same_likelihood(table: EvidenceTable, chosen: Likelihood) -> Likelihood:
    """Return the likelihood chosen for other rows, for these; its notes are about these.

    Raises
    ------
    OptionError
        The rows lack the counts.
    """
    _check_counts(table, chosen.name)
    if chosen.name != "t":
        return chosen
    unknown = _unknown_sizes(table)
    return Likelihood("t", chosen.why, (unknown.removeprefix("; "),) if unknown else ())


def _check_counts(table: EvidenceTable, name: str) -> None:
    """Raise where a likelihood of counts lacks them."""
    if name not in _COUNTS:
        return
    measures, columns = _COUNTS[name]
    if table.measure not in measures or not _has_counts(table, name):
        raise OptionError(
            f"likelihood={name!r} needs measure {' or '.join(measures)} with counts {', '.join(columns)} "
            "in every row, "
            f"the table has measure {table.measure} with {', '.join(table.counts) or 'no counts'}"
        )


def _unknown_sizes(table: EvidenceTable) -> str:
    """Return the words for rows whose standard error cannot be given its degrees of freedom."""
    unknown = [table.labels[i] for i in np.flatnonzero(~np.isfinite(degrees_of_freedom(table)))]
    return f"; normal for {', '.join(unknown)}, whose number of patients is not reported" if unknown else ""


def _auto(table: EvidenceTable, moderators: bool) -> Likelihood:
    for name, (measures, _) in _COUNTS.items():
        if table.measure in measures and _has_counts(table, name):
            return Likelihood(
                name, "the counts themselves are in the table: no normal approximation, no correction for zeros"
            )
    usable = np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0)
    # an estimate given in a unit of rates or ratios is a logarithm of counts, whatever n is
    counted = table.unit is not None and unit_named(table.unit).dimension in ("rate", "ratio")
    df = degrees_of_freedom(table)
    known = np.isfinite(df)
    if not (estimated(table) and not counted and usable.all() and known.any()):
        return Likelihood("normal", "estimates with standard errors")
    if moderators:
        return Likelihood(
            "normal",
            "estimates with standard errors, taken as known; with moderators likelihood='t' has to be asked for",
        )
    low, high = float(df[known].min()), float(df[known].max())
    span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    why = (
        f"t with the degrees of freedom of each standard error that was estimated from patients ({span})"
        + _unknown_sizes(table)
    )
    return Likelihood("t", why, (why,))
