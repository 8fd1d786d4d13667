"""The design matrix of a Bayesian meta-regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError, UnknownName
from ..options import shown

__all__ = ["design_matrix"]


def design_matrix(table: EvidenceTable, moderators: Any) -> tuple[FloatArray, tuple[str, ...]]:
    """Return (X, names) with the intercept first.

    Parameters
    ----------
    table
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
    k = table.k
    if moderators is None:
        return np.ones((k, 1)), ("intercept",)
    if isinstance(moderators, str):
        return _from_formula(table, moderators)
    if isinstance(moderators, Sequence) and moderators and all(isinstance(m, str) for m in moderators):
        columns = [_column(table, name) for name in moderators]
        return np.column_stack([np.ones(k), *columns]), ("intercept", *moderators)
    X = floats(moderators, "moderators", "give a formula, names of columns, or a matrix of numbers")
    if X.ndim != 2 or X.shape[0] != k or X.shape[1] == 0:
        raise InputError(f"moderators has shape {X.shape} · give ({k}, p): one row a study, p ≥ 1 columns")
    return _checked(X), tuple("intercept" if np.all(X[:, j] == 1.0) else f"x{j}" for j in range(X.shape[1]))


def _column(table: EvidenceTable, name: str) -> FloatArray:
    if name not in table.moderators:
        raise UnknownName("moderator", name, table.moderators)
    try:
        values = np.asarray(table.moderators[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"moderator {name!r} is not numeric · write moderators='~ C({name})'") from None
    return _checked(values[:, None])[:, 0]


def _checked(X: FloatArray) -> FloatArray:
    if not np.all(np.isfinite(X)):
        rows = ", ".join(str(i) for i in np.flatnonzero(~np.isfinite(X).all(axis=1)))
        raise InputError(
            f"moderators are missing or infinite in rows {rows} · leave these studies out first, on purpose"
        )
    return X


def _from_formula(table: EvidenceTable, formula: str) -> tuple[FloatArray, tuple[str, ...]]:
    import pandas as pd
    from formulaic import Formula
    from formulaic.errors import FactorEvaluationError, FormulaicError

    if not formula.strip(" ~"):
        raise _unreadable(formula)
    text = formula if formula.lstrip().startswith("~") else f"~ {formula}"
    frame = pd.DataFrame({name: np.asarray(column) for name, column in table.moderators.items()}, index=range(table.k))
    try:
        matrix = Formula(text.lstrip()[1:]).get_model_matrix(frame, na_action="ignore")
    except FactorEvaluationError as error:
        raise UnknownName("moderator in formula", formula, table.moderators) from error
    except FormulaicError as error:
        raise _unreadable(formula) from error
    if matrix.shape[1] == 0:
        raise _unreadable(formula)
    names = tuple("intercept" if name == "Intercept" else str(name) for name in matrix.columns)
    return _checked(np.asarray(matrix, dtype=np.float64)), names


def _unreadable(formula: str) -> OptionError:
    return OptionError(f"cannot make a design of the formula {shown(formula)} · write for example '~ dose + C(drug)'")
