"""Two extractions of the same findings, cell by cell: per cent agreement, Cohen's κ, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..foundation.errors import InputError
from ..foundation.options import an_instance
from ..registry.extractions import CATEGORICAL, NOTHING, Extraction

__all__ = ["Agreement", "CellAgreement", "Disagreement", "cohen_kappa", "compare_extractions"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One cell that two readers filled in differently."""

    study: str
    finding: str
    cell: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class CellAgreement:
    """How often two readers agree on one kind of cell.

    Attributes
    ----------
    cells
        Cells in which at least one of them wrote something else than ``not_reported``.
    agreed
        Those of them that say the same.
    kappa
        Cohen's κ over all cells of the kind, ``not_reported`` being a category; None for numbers, and where both
        readers used one category alone.
    """

    cells: int
    agreed: int
    kappa: float | None = None

    @property
    def percent(self) -> float:
        """Agreement in per cent of the cells."""
        return 100 * self.agreed / self.cells if self.cells else float("nan")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two extractions have in common.

    Attributes
    ----------
    by_cell
        Name of a cell → `CellAgreement`.
    by_study
        Study → `CellAgreement`, without κ.
    disagreements
        Every cell that differs, in the order of the first extraction.
    findings
        How many findings were compared.
    empty
        Cells in which both wrote ``not_reported``: they agree, and are not counted.
    only_first, only_second
        (study, finding) in one extraction alone.
    """

    by_cell: Mapping[str, CellAgreement]
    by_study: Mapping[str, CellAgreement]
    disagreements: tuple[Disagreement, ...]
    findings: int
    empty: int
    only_first: tuple[tuple[str, str], ...]
    only_second: tuple[tuple[str, str], ...]

    @property
    def total(self) -> CellAgreement:
        """All cells together."""
        return CellAgreement(sum(c.cells for c in self.by_cell.values()), sum(c.agreed for c in self.by_cell.values()))


def cohen_kappa(pairs: list[tuple[str, str]]) -> float | None:
    """Return Cohen's κ of two readers: (p_o − p_e) / (1 − p_e).

    Parameters
    ----------
    pairs
        The category that each of the two gave, item by item.

    Returns
    -------
    float or None
        1 for full agreement, 0 for that of chance; None where both used one category alone, when p_e = 1.

    Raises
    ------
    InputError
        No items.

    References
    ----------
    Cohen 1960, doi:10.1177/001316446002000104.

    Examples
    --------
    >>> cohen_kappa([("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15)
    0.4
    """
    if not pairs:
        raise InputError("no items to compare · give at least one pair of categories")
    n = len(pairs)
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    agreed = sum(a == b for a, b in pairs)
    # in whole numbers, so that perfect agreement is 1 and that of chance 0 without rounding
    chance = sum(one.count(word) * other.count(word) for word in set(one))
    return None if chance == n * n else (n * agreed - chance) / (n * n - chance)


def compare_extractions(first: Extraction, second: Extraction) -> Agreement:
    """Compare what two readers took from the same sources, cell by cell.

    Numbers are compared as they are printed: 1.0 is not 1. A cell that only one extraction asks for is not compared.

    Parameters
    ----------
    first, second
        From `lamevidence.registry.extractions.read_extraction` or `extraction_of`.

    Returns
    -------
    Agreement
        Agreement by cell and by study, and every disagreement.

    Raises
    ------
    OptionError
        Not an extraction.

    See Also
    --------
    lamevidence.registry.extractions.blank_form : The form that a second reader fills in.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, chapter 5; Cohen 1960, doi:10.1177/001316446002000104.

    Examples
    --------
    >>> from lamevidence.registry.extractions import Extraction
    >>> key = ("doe-2011", "stomatitis")
    >>> one = Extraction({key: {"affected": "7", "at_risk": "20"}}, {key: "dichotomous"})
    >>> other = Extraction({key: {"affected": "8", "at_risk": "20"}}, {key: "dichotomous"})
    >>> found = compare_extractions(one, other)
    >>> found.total.percent, found.disagreements[0].second
    (50.0, '8')
    """
    for name, value in (("first", first), ("second", second)):
        an_instance(name, value, Extraction, "read one with read_extraction(path)")
    pairs: dict[str, list[tuple[str, str]]] = {}
    studies: dict[str, list[bool]] = {}
    differ: list[Disagreement] = []
    empty = 0
    common = [key for key in first.cells if key in second.cells]
    for key in common:
        for cell, (a, b) in _beside(first, second, key).items():
            if a == b == NOTHING:
                empty += 1
            else:
                studies.setdefault(key[0], []).append(a == b)
            if a != b:
                differ.append(Disagreement(*key, cell, a, b))
            pairs.setdefault(cell, []).append((a, b))
    return Agreement(
        {cell: _agreement(cell, found) for cell, found in pairs.items()},
        {study: CellAgreement(len(same), sum(same)) for study, same in studies.items()},
        tuple(differ),
        len(common),
        empty,
        tuple(key for key in first.cells if key not in second.cells),
        tuple(key for key in second.cells if key not in first.cells),
    )


def _beside(first: Extraction, second: Extraction, key: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """Return the cells of a finding that both have; of another kind of finding there are none but the kind."""
    if first.kinds[key] != second.kinds[key]:
        return {"kind": (first.kinds[key], second.kinds[key])}
    one, other = first.cells[key], second.cells[key]
    return {cell: (one[cell], other[cell]) for cell in one if cell in other}


def _agreement(cell: str, pairs: list[tuple[str, str]]) -> CellAgreement:
    said = [(a, b) for a, b in pairs if (a, b) != (NOTHING, NOTHING)]
    kappa = cohen_kappa(pairs) if cell in CATEGORICAL else None
    return CellAgreement(len(said), sum(a == b for a, b in said), kappa)
