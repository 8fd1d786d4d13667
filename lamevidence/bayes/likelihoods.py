"""Which likelihood a table calls for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import MEASURES
from ..errors import OptionError
from ..options import a_choice
from ..units import unit as unit_named

__all__ = ["LIKELIHOODS", "Likelihood", "choose_likelihood"]

SMALL_N = 20
"""Up to this many patients a standard error is itself uncertain enough for a t likelihood."""

LIKELIHOODS = ("auto", "normal", "t", "binomial", "poisson", "hypergeometric", "conditional-binomial")
_COUNTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "binomial": (("PLO",), ("xi", "ni")),
    "poisson": (("IRLN",), ("xi", "ti")),
    "hypergeometric": (("OR",), ("ai", "bi", "ci", "di")),
    "conditional-binomial": (("IRR",), ("x1i", "t1i", "x2i", "t2i")),
}


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The likelihood chosen, and why."""

    name: str
    why: str
    notes: tuple[str, ...] = ()


def _has_counts(table: EvidenceTable, name: str) -> bool:
    return all(c in table.counts and np.all(np.isfinite(table.counts[c])) for c in _COUNTS[name][1])


def choose_likelihood(table: EvidenceTable, given: str) -> Likelihood:
    """Return the likelihood for a table.

    Raises
    ------
    UnknownName
        Not a likelihood.
    OptionError
        The table lacks what it needs.
    """
    a_choice("likelihood", given, LIKELIHOODS)
    if given == "auto":
        return _auto(table)
    if given in _COUNTS:
        measures, columns = _COUNTS[given]
        if table.measure not in measures or not _has_counts(table, given):
            raise OptionError(
                f"likelihood={given!r} needs measure {' or '.join(measures)} with counts {', '.join(columns)} "
                "in every row, "
                f"the table has measure {table.measure} with {', '.join(table.counts) or 'no counts'}"
            )
    if given == "t":
        assert table.n is not None
        if np.any(table.n < 2) or not np.isfinite(table.n).any():
            rows = ", ".join(label for label, n in zip(table.labels, table.n, strict=True) if not n >= 2)
            raise OptionError(f"likelihood='t' needs the number of patients, at least 2 · missing in: {rows}")
        unknown = _unknown_sizes(table)
        return Likelihood(given, "given" + unknown, (unknown.removeprefix("; "),) if unknown else ())
    return Likelihood(given, "given")


def _unknown_sizes(table: EvidenceTable) -> str:
    """Return the words for rows whose standard error cannot be given its degrees of freedom."""
    assert table.n is not None
    unknown = ", ".join(label for label, n in zip(table.labels, table.n, strict=True) if np.isnan(n))
    return f"; normal for {unknown}, whose number of patients is not reported" if unknown else ""


def _auto(table: EvidenceTable) -> Likelihood:
    for name, (measures, _) in _COUNTS.items():
        if table.measure in measures and _has_counts(table, name):
            return Likelihood(
                name, "the counts themselves are in the table: no normal approximation, no correction for zeros"
            )
    assert table.n is not None
    estimated = table.unit is not None and unit_named(table.unit).dimension not in ("rate", "ratio")
    family = MEASURES[table.measure].family if table.measure in MEASURES else "generic"
    small = np.isfinite(table.n) & (table.n <= SMALL_N)
    if estimated and family in ("generic", "mean", "means", "change") and small.any() and not np.any(table.n < 2):
        rows = ", ".join(label for label, s in zip(table.labels, small, strict=True) if s)
        why = (
            f"at most {SMALL_N} patients behind {rows}: "
            "t with n − 1 degrees of freedom for every standard error estimated from n patients"
        )
        why += _unknown_sizes(table)
        return Likelihood("t", why, (why,))
    return Likelihood("normal", "estimates with standard errors")
