"""Which row is what: untreated, on the drug, before it, or a difference; and which kind of design a study has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..foundation.errors import DependentRows, InputError, NotEstimable, UnknownName
from ..foundation.options import shown

__all__ = ["KINDS", "JointRows", "check_identified", "joint_rows"]

KINDS = {
    "controlled": "trials with an untreated arm",
    "before_after": "before-after series",
    "treated_only": "series on the drug alone",
    "untreated_only": "untreated cohorts",
    "contrast": "printed differences",
}
"""Kind of design → what it is, in words."""


@dataclass(frozen=True, slots=True, eq=False)
class JointRows:
    """The design of the rows.

    Attributes
    ----------
    treated, selected, contrast
        What each row is, (k,).
    kinds
        Study → kind of design.
    """

    treated: NDArray[np.bool_]
    selected: NDArray[np.bool_]
    contrast: NDArray[np.bool_]
    kinds: Mapping[str, str]

    def Z(self, bias: bool) -> FloatArray:
        """Design of a study's own untreated slope, effect and bias, (k, 3); without ``bias`` its column is 0."""
        return np.column_stack([~self.contrast, self.treated, self.selected & bias]).astype(np.float64)

    @property
    def words(self) -> tuple[str, ...]:
        """What each row is, in words."""
        names = np.where(self.treated, "on treatment", np.where(self.selected, "before treatment", "untreated"))
        return tuple(np.where(self.contrast, "difference", names).tolist())


def joint_rows(table: EvidenceTable, treated: str, selected: str | None, contrast: str | None) -> JointRows:
    """Return the design of the rows of a table, from the columns of these names.

    Raises
    ------
    UnknownName
        No such column.
    InputError
        A column holds something other than 0 and 1, or rows that cannot be.
    DependentRows
        A study gives both its slopes and their difference.
    """
    on = _flags(table, treated, "treated")
    before = np.zeros(table.k, dtype=bool) if selected is None else _flags(table, selected, "selected")
    between = np.zeros(table.k, dtype=bool) if contrast is None else _flags(table, contrast, "contrast")

    def refuse(wrong: NDArray[np.bool_], what: str) -> None:
        for i in np.flatnonzero(wrong):
            raise InputError(f"row {table.labels[int(i)]}: {what}")

    refuse(
        between & before,
        f"a difference (contrast) cannot be a slope before treatment · set {selected or 'selected'} to 0 in it",
    )
    refuse(
        between & ~on,
        f"a difference (contrast) is treated minus untreated · set {treated} to 1 in it, and turn the sign where it is"
        " untreated minus treated",
    )
    refuse(on & before, f"a slope before treatment is not on treatment · set {treated} to 0 in it")
    kinds = {}
    for study in dict.fromkeys(table.studies):
        of = np.array([name == study for name in table.studies])
        kinds[study] = _kind(study, of & on & ~between, of & ~on, of & before, of & between)
    return JointRows(on, before, between, kinds)


def _kind(
    study: str,
    on: NDArray[np.bool_],
    off: NDArray[np.bool_],
    before: NDArray[np.bool_],
    between: NDArray[np.bool_],
) -> str:
    if between.any():
        if on.any() or off.any():
            raise DependentRows(
                f"{study} gives slopes and their difference, which are the same patients twice · leave out its slopes"
                " or its difference"
            )
        return "contrast"
    if before.any():
        if not on.any():
            raise InputError(
                f"{study} has a slope before treatment and none on it, so that it is no before-after series"
                " · add its slope on treatment, or set selected to 0 if these patients were not chosen for treatment"
            )
        return "before_after"
    if on.any():
        return "controlled" if off.any() else "treated_only"
    return "untreated_only"


def _flags(table: EvidenceTable, column: object, role: str) -> NDArray[np.bool_]:
    if not isinstance(column, str) or column not in table.moderators:
        raise UnknownName("column", column if isinstance(column, str) else shown(column), list(table.moderators))
    given: Any = table.moderators[column]
    values = floats(np.asarray(given), column, "give 0 or 1 in each row")
    for i in np.flatnonzero(~((values == 0.0) | (values == 1.0))):
        raise InputError(
            f"{role}: {column!r} is {values[i]:g} in row {table.labels[int(i)]} · give 0 or 1, or True or False"
        )
    return np.asarray(values == 1.0)


def check_identified(rows: JointRows, bias: bool) -> None:
    """Raise unless the rows determine the effect of the drug, whatever the priors.

    Raises
    ------
    NotEstimable
        They do not.
    """
    if not rows.treated.any():
        raise NotEstimable("no row is on treatment, so that the effect is not identified · add rows with treated = 1")
    Z = rows.Z(bias)
    goal = np.array([0.0, 1.0, 0.0])
    if np.linalg.matrix_rank(np.vstack([Z, goal])) > np.linalg.matrix_rank(Z):
        before = " besides the slopes before treatment, whose bias is unknown" if rows.selected.any() and bias else ""
        cure = ", or leave the bias out with bias=None" if rows.selected.any() and bias else ""
        raise NotEstimable(
            f"no row is untreated{before}, and none is a difference, so that the effect is not identified"
            f" · add an untreated cohort or a difference (contrast){cure}"
        )
