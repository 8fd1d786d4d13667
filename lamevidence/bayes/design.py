"""The design matrix of a Bayesian meta-regression."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable
from ..effects.foreign_data import aligned, is_categorical, pandas_frame, plain_column, same_rows
from ..effects.formulas import LARGEST, columns_again, columns_by_formula
from ..effects.given_numbers import KINDS, floats
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, OptionError, UnknownName
from ..foundation.options import shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Design", "Moderators", "NewModerators", "design_matrix", "design_of"]

Moderators: TypeAlias = str | Sequence[str] | ArrayLike
"""A formula such as ``"~ ablat + C(alloc)"``, names of numeric columns, or a matrix (k, p) used as it is."""
NewModerators: TypeAlias = "Mapping[str, object] | pd.DataFrame | ArrayLike"
"""Moderators of new studies by name, or rows of the design with all its columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A design matrix, and how the same columns are made for other rows.

    Attributes
    ----------
    X
        The matrix, (k, p).
    names
        Its columns.
    columns
        Names of the moderators behind all columns but the intercept, where they were given by name; else empty.
    coding
        What a formula made of its moderators (levels of factors, centres), None for the other kinds.
    kept
        Positions of these columns among those that the coding makes; empty where all are kept.
    one_mean
        True for a single column of ones: no moderators.
    """

    X: FloatArray
    names: tuple[str, ...]
    columns: tuple[str, ...] = ()
    coding: Any = None
    kept: tuple[int, ...] = ()
    one_mean: bool = False

    @property
    def by_row(self) -> bool:
        """True when the matrix was given as it is, so that rows not in it have no place."""
        return not self.one_mean and not self.columns and self.coding is None

    def refitted(self, evidence: EvidenceTable, X: FloatArray | None = None) -> Design:
        """Return the design of other rows, with the coding of this one; ``X`` where the matrix is given by row."""
        if self.by_row:
            if X is None:
                raise InputError("this design was given as a matrix · give the rows of the new table")
            return replace(self, X=np.asarray(X, dtype=np.float64).reshape(evidence.k, len(self.names)))
        if self.one_mean:
            return replace(self, X=np.ones((evidence.k, 1)))
        return replace(self, X=_checked(self._coded(dict(evidence.moderators), evidence.k)))

    def reduced(self, keep: Sequence[int]) -> Design:
        """Return the design with only these columns."""
        names = tuple(self.names[j] for j in keep)
        return replace(self, X=self.X[:, list(keep)], names=names, kept=tuple(self._positions()[j] for j in keep))

    def _positions(self) -> tuple[int, ...]:
        return self.kept or tuple(range(len(self.names)))

    def rows(self, new: NewModerators) -> FloatArray:
        """Return design rows for new studies.

        Parameters
        ----------
        new
            Moderators by name, in a mapping or a frame; or rows with all columns of the design.

        Raises
        ------
        UnknownName
            A moderator of the model is not given.
        InputError
            Values that are not numbers, or that the coding does not know (a level never seen).
        """
        import pandas as pd

        new = pandas_frame(new)
        if isinstance(new, Mapping | pd.DataFrame):
            if self.by_row:
                raise InputError(
                    f"this design was given as a matrix, whose columns have no moderators"
                    f" · give rows of {', '.join(self.names)}"
                )
            aligned(new=new)
            given = {str(name): np.atleast_1d(plain_column(column)) for name, column in new.items()}
            for name, column in given.items():
                if column.dtype.kind in "cmSV":  # a formula would read them as numbers
                    raise InputError(f"moderator {name!r} holds {KINDS[column.dtype.kind]} · give numbers or words")
            sizes = {column.shape[0] for column in given.values()}
            if len(sizes) != 1:
                raise InputError(f"new={shown(new)} · give the same number of values of each moderator")
            return _checked(self._coded(given, sizes.pop()))
        matrix = np.atleast_2d(floats(new, "new", f"give moderators by name, or rows of {', '.join(self.names)}"))
        if matrix.ndim != 2 or matrix.shape[1] != len(self.names):
            raise InputError(
                f"new has shape {matrix.shape} · give rows of {len(self.names)} columns: {', '.join(self.names)}"
            )
        return _checked(matrix)

    def _coded(self, moderators: Mapping[str, Any], k: int) -> FloatArray:
        return self._all_columns(moderators, k)[:, list(self._positions())]

    def _all_columns(self, moderators: Mapping[str, Any], k: int) -> FloatArray:
        if self.columns:
            return np.column_stack([np.ones(k), *(_column(moderators, name) for name in self.columns)])
        import pandas as pd
        from formulaic.errors import DataMismatchWarning, FormulaicError

        frame = pd.DataFrame(dict(moderators), index=range(k))
        missing = sorted(self.coding.required_variables - set(map(str, frame.columns)))
        if missing:
            raise UnknownName("moderator", missing[0], list(moderators))
        try:
            # a level that the coding does not know is announced by a warning
            with warnings.catch_warnings(action="error", category=DataMismatchWarning):
                made = columns_again(self.coding, frame)
        except (DataMismatchWarning, FormulaicError, ValueError, TypeError) as error:
            said = " ".join(str(error).split())
            raise InputError(f"these moderators do not fit the design: {said} · give values that it knows") from None
        return np.asarray(made, dtype=np.float64)


def design_of(evidence: EvidenceTable, moderators: Moderators | None) -> Design:
    """Return the design, the intercept first.

    Parameters
    ----------
    evidence
        Its ``moderators`` hold the columns.
    moderators
        None; a formula such as ``"~ ablat + C(alloc)"``; names of numeric columns; or a matrix (k, p) used as it is.

    Raises
    ------
    UnknownName
        A column that the table does not have.
    InputError
        Missing values, a wrong number of rows, or text where a number is needed.
    """
    k = evidence.k
    if moderators is None:
        return Design(np.ones((k, 1)), ("intercept",), one_mean=True)
    made = _made(evidence, moderators)
    return replace(made, one_mean=made.X.shape[1] == 1 and bool(np.all(made.X == 1.0)))


def _made(evidence: EvidenceTable, moderators: Moderators) -> Design:
    k = evidence.k
    if isinstance(moderators, str):
        return _from_formula(evidence, moderators)
    if isinstance(moderators, Sequence) and moderators and all(isinstance(m, str) for m in moderators):
        names = tuple(map(str, moderators))
        columns = [_column(evidence.moderators, name) for name in names]
        return Design(np.column_stack([np.ones(k), *columns]), ("intercept", *names), names)
    same_rows(evidence.labels, moderators, "moderators")
    X = floats(moderators, "moderators", "give a formula, names of columns, or a matrix of numbers")
    if X.ndim != 2 or X.shape[0] != k or X.shape[1] == 0:
        raise InputError(f"moderators has shape {X.shape} · give ({k}, p): one row a study, p ≥ 1 columns")
    labels = tuple("intercept" if np.all(X[:, j] == 1.0) else f"x{j}" for j in range(X.shape[1]))
    return Design(_checked(X), labels)


def design_matrix(evidence: EvidenceTable, moderators: Moderators | None) -> tuple[FloatArray, tuple[str, ...]]:
    """Return (X, names) of `design_of`."""
    made = design_of(evidence, moderators)
    return made.X, made.names


def _column(moderators: Mapping[str, Any], name: str) -> FloatArray:
    if name not in moderators:
        raise UnknownName("moderator", name, moderators)
    given = np.asarray(moderators[name]) if not is_categorical(moderators[name]) else moderators[name]
    try:
        truth = getattr(given, "dtype", None) == np.bool_  # a yes or no is 1 or 0
        values = given.astype(np.float64) if truth else floats(given, name)
    except InputError:
        raise InputError(f"moderator {name!r} is not numeric · write moderators='~ C({name})'") from None
    return _checked(values[:, None])[:, 0]


def _checked(X: FloatArray) -> FloatArray:
    if not np.all(np.isfinite(X)):
        rows = ", ".join(str(i) for i in np.flatnonzero(~np.isfinite(X).all(axis=1)))
        raise InputError(
            f"moderators are missing or infinite in rows {rows} · leave these studies out first, on purpose"
        )
    if X.size and np.abs(X).max() > LARGEST:
        raise InputError(
            f"moderators beyond ±{LARGEST:g} overflow when they are multiplied · give them in another unit"
        )
    return X


def _from_formula(evidence: EvidenceTable, formula: str) -> Design:
    import pandas as pd
    from formulaic.errors import FactorEvaluationError, FormulaicError

    if not formula.strip(" ~"):
        raise _unreadable(formula)
    text = formula if formula.lstrip().startswith("~") else f"~ {formula}"
    frame = pd.DataFrame(dict(evidence.moderators), index=range(evidence.k))
    try:
        matrix = columns_by_formula(text.lstrip()[1:], frame, formula, na_action="ignore")
    except (FactorEvaluationError, NameError) as error:
        raise UnknownName("moderator in formula", formula, evidence.moderators) from error
    except OptionError:
        raise
    except (FormulaicError, SyntaxError, ValueError, TypeError, RecursionError) as error:
        raise _unreadable(formula) from error
    if matrix.shape[1] == 0:
        raise _unreadable(formula)
    names = tuple("intercept" if name == "Intercept" else str(name) for name in matrix.columns)
    return Design(_checked(np.asarray(matrix, dtype=np.float64)), names, coding=matrix.model_spec)


def _unreadable(formula: str) -> OptionError:
    return OptionError(f"cannot make a design of the formula {shown(formula)} · write for example '~ dose + C(drug)'")
