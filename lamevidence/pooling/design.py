"""Design matrices: from a formula or a matrix, with a rank check that does not depend on units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, OptionError
from ..options import shown

__all__ = ["Design", "design_of", "mean_design"]

RANK_TOLERANCE = 1e-10
"""A column whose part outside the span of the others is below this share of its length is redundant."""


@dataclass(frozen=True, slots=True)
class Design:
    """A full-rank design matrix and an orthonormal basis of its columns.

    Attributes
    ----------
    X
        The matrix, (k, p).
    names
        Its columns.
    basis, back
        X = basis · inv(back): coefficients of X are ``back @`` coefficients of the basis.
    constant
        Coefficients a with X a = 1, or None when the columns do not span the constant.
    recipe
        What builds rows for new studies from named values, or None for a matrix.
    """

    X: FloatArray
    names: tuple[str, ...]
    basis: FloatArray
    back: FloatArray
    constant: FloatArray | None
    recipe: Any = None

    @property
    def tested(self) -> tuple[int, ...]:
        """Columns that the omnibus test is about: all but the intercept; the intercept where it is alone."""
        inner = tuple(i for i in range(len(self.names)) if not self.is_intercept(i))
        return inner or tuple(range(len(self.names)))

    def is_intercept(self, i: int) -> bool:
        """True when column ``i`` is constant 1."""
        return bool((self.X[:, i] == 1).all())

    def rows(self, new: Any) -> FloatArray:  # noqa: ANN401
        """Return design rows for new studies: a mapping of moderators, a frame, or a matrix with all columns."""
        if self.recipe is not None and not isinstance(new, np.ndarray | list | tuple):
            import pandas as pd

            if not isinstance(new, Mapping | pd.DataFrame):
                raise InputError(f"new={shown(new)} · give a mapping or a frame of the moderators in the formula")
            frame = pd.DataFrame(new if not isinstance(new, Mapping) else {k: np.atleast_1d(v) for k, v in new.items()})
            try:
                made = self.recipe.get_model_matrix(frame)
            except Exception as error:
                raise InputError(f"the moderators of the new studies do not fit the formula: {error}") from None
            return np.asarray(made, dtype=np.float64)
        matrix = np.atleast_2d(floats(new, "the new rows", f"give numbers for {', '.join(self.names)}"))
        if matrix.ndim != 2 or matrix.shape[1] != self.X.shape[1]:
            raise InputError(
                f"new rows have shape {matrix.shape}, the model has {len(self.names)} columns: {', '.join(self.names)}"
            )
        if not np.isfinite(matrix).all():
            raise InputError(f"new rows hold something that is not finite · give {', '.join(self.names)}")
        return matrix


def design_of(table: EvidenceTable, moderators: str | ArrayLike, names: Sequence[str] | None = None) -> Design:
    """Return the design of a formula over the table's moderators, or of a matrix (k, p) used as it is.

    Raises
    ------
    InputError
        Missing values, a wrong number of rows, unknown moderators.
    NotEstimable
        More columns than studies allow, or columns that are combinations of others (named).
    """
    if isinstance(moderators, str):
        if names is not None:
            raise OptionError("names belong to a design matrix; a formula names its columns itself · leave names out")
        X, labels, recipe = _from_formula(table, moderators)
    else:
        X, labels, recipe = _from_matrix(table, moderators, names)
    if not np.isfinite(X).all():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(~np.isfinite(X).all(axis=1)))
        raise InputError(f"moderators are missing for {bad} · leave these rows out, or give values")
    basis, back = _orthonormal(X, labels)
    constant = basis.T @ np.ones(X.shape[0])
    spans = np.abs(basis @ constant - 1.0).max() < 1e-9
    return Design(X, labels, basis, back, back @ constant if spans else None, recipe)


def _from_formula(table: EvidenceTable, formula: str) -> tuple[FloatArray, tuple[str, ...], Any]:
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    text = formula.strip()
    if "~" in text:
        left, text = text.split("~", 1)
        if left.strip():
            raise OptionError(f"moderators={formula!r} names an outcome · write '~ x + C(group)', the outcome is yi")
    if not text.strip():
        raise OptionError(f"moderators={formula!r} is empty · write '~ x + C(group)', or '~ 1' for a common mean")
    frame = table.to_frame()
    wanted = set(re.findall(r"[A-Za-z_]\w*", text)) & set(frame.columns)
    missing = frame.loc[:, sorted(wanted)].isna().any(axis=1).to_numpy() if wanted else np.zeros(table.k, dtype=bool)
    if missing.any():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(missing))
        raise InputError(f"moderators are missing for {bad} · leave these rows out, or give values")
    try:
        made = Formula(text).get_model_matrix(frame)
    except (FormulaicError, NameError, KeyError, SyntaxError, ValueError, TypeError) as error:
        known = ", ".join(table.moderators) or "none"
        what = f"moderators={formula!r} were not understood: {error}"
        raise InputError(f"{what} · moderators of this table: {known}") from None
    return np.asarray(made, dtype=np.float64), tuple(str(c) for c in made.columns), made.model_spec


def _from_matrix(
    table: EvidenceTable, moderators: ArrayLike, names: Sequence[str] | None
) -> tuple[FloatArray, tuple[str, ...], None]:
    labels = tuple(str(c) for c in moderators.columns) if hasattr(moderators, "columns") else None
    X = floats(moderators, "the design matrix", "give numbers, or use a formula for factors")
    X = X[:, None] if X.ndim == 1 else X
    if X.ndim != 2 or X.shape[0] != table.k:
        raise InputError(f"the design matrix has shape {X.shape}, the table has {table.k} rows · give one row a study")
    labels = _given_names(names) if names is not None else labels or tuple(f"x{i}" for i in range(X.shape[1]))
    if len(labels) != X.shape[1]:
        raise InputError(f"{len(labels)} names for {X.shape[1]} columns of the design matrix")
    return X, labels, None


def _given_names(names: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) and n.strip() for n in names):
        raise OptionError(f"names={shown(names)} · give a list with one name a column of the design matrix")
    return tuple(names)


def mean_design(table: EvidenceTable, moderators: str | ArrayLike | None, names: Sequence[str] | None) -> Design:
    """Return the design of the mean: `design_of`, or a column of ones where there are no moderators.

    Raises
    ------
    OptionError
        Names without a design matrix.
    """
    if moderators is None:
        if names is not None:
            raise OptionError("names belong to a design matrix · give moderators too")
        return design_of(table, np.ones((table.k, 1)), ["overall"])
    return design_of(table, moderators, names)


def _orthonormal(X: FloatArray, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Return an orthonormal basis and the matrix that takes its coefficients back; refuse redundant columns."""
    k, p = X.shape
    if p == 0:
        raise NotEstimable("the design has no columns")
    if k <= p:
        raise NotEstimable(f"{p} coefficients ({', '.join(names)}) need more than {p} studies, got {k}")
    length = np.sqrt((X * X).sum(axis=0))
    if (length == 0).any():
        raise NotEstimable(f"column {names[int(np.argmin(length))]} is 0 for every study · leave it out")
    unit = X / length
    basis, triangle = np.linalg.qr(unit)
    small = np.abs(np.diag(triangle)) < RANK_TOLERANCE
    if small.any():
        bad = ", ".join(names[i] for i in np.flatnonzero(small))
        raise NotEstimable(f"singular design: {bad} is a linear combination of the columns before it · leave it out")
    return basis, np.linalg.solve(triangle, np.eye(p)) / length[:, None]
