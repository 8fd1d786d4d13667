"""Design matrices, from a formula or a matrix with a rank check in any units, and linear combinations of effects."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...effects.evidence_table import EvidenceTable
from ...effects.foreign_data import pandas_frame, same_rows
from ...effects.formulas import LARGEST, columns_again, columns_by_formula
from ...effects.given_numbers import finite, floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, NotEstimable, OptionError
from ...foundation.options import shown
from ..kernel.distributions import quantile, two_sided

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Design", "NewStudies", "design_of", "linear_contrasts", "mean_design"]

FACTOR = re.compile(r"\b(?:as\.)?(?:factor|ordered)\(")
"""R's way of writing a factor."""
RANK_TOLERANCE = 1e-10
"""A column whose part outside the span of the others is below this share of its length is redundant."""


NewStudies = Mapping[str, Any] | ArrayLike
"""Moderators of new studies: by name (a mapping or a frame), or numbers."""
DfOf = Callable[[FloatArray], FloatArray]
"""(m, p) contrasts → (m,) degrees of freedom."""


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

    @property
    def moderators(self) -> tuple[int, ...]:
        """Columns other than the intercept."""
        return tuple(i for i in range(len(self.names)) if not self.is_intercept(i))

    def rows(self, new: Any) -> FloatArray:  # noqa: ANN401
        """Return the design rows of new studies, (n, p).

        Parameters
        ----------
        new
            Mapping or frame of the moderators in the formula; or numbers: (n, p) with all columns, (n, p − 1) with all
            but the intercept, and in one dimension one number a new study where the model has one moderator
            (``[10, 44]`` is two new studies), else one new study.

        Raises
        ------
        InputError
            Neither, or moderators that the formula cannot read.
        """
        new = pandas_frame(new)
        if self.recipe is not None and not isinstance(new, np.ndarray | list | tuple | int | float):
            import pandas as pd

            if not isinstance(new, Mapping | pd.DataFrame):
                raise InputError(f"new={shown(new)} · give a mapping or a frame of the moderators in the formula")
            frame = pd.DataFrame(new if not isinstance(new, Mapping) else {k: np.atleast_1d(v) for k, v in new.items()})
            return _rows_by_formula(self.recipe, frame, "of the new studies")
        if isinstance(new, Mapping):
            raise InputError("moderators by name need a formula · fit the model with one, or give numbers")
        matrix = floats(new, "the new rows", f"give numbers for {', '.join(self.names)}")
        inner = self.moderators
        if matrix.ndim < 2:
            matrix = np.atleast_1d(matrix)
            matrix = matrix[:, None] if len(inner) == 1 else matrix[None, :]
        if matrix.ndim == 2 and matrix.shape[1] == len(inner) < len(self.names):
            whole = np.ones((matrix.shape[0], len(self.names)))
            whole[:, list(inner)] = matrix
            matrix = whole
        if matrix.ndim != 2 or matrix.shape[1] != self.X.shape[1]:
            raise InputError(
                f"new rows have shape {matrix.shape}, the model has {len(self.names)} columns: {', '.join(self.names)}"
            )
        if not np.isfinite(matrix).all():
            raise InputError(f"new rows hold something that is not finite · give {', '.join(self.names)}")
        for i in range(len(self.names)):
            # 0 stands in contrasts; any other number is a moderator in the wrong place
            if self.is_intercept(i) and not np.isin(matrix[:, i], (0.0, 1.0)).all():
                raise InputError(
                    f"new rows have {matrix[:, i].tolist()} in the place of {self.names[i]}, which is 1 in every study"
                    f" · give {' and '.join(self.names[j] for j in inner) or self.names[i]} alone, or 1 there"
                )
        _not_too_large(matrix)
        return matrix

    def again(self, table: EvidenceTable, X: ArrayLike | None = None, *, exact: bool = False) -> Design:
        """Return the same columns for other rows: factors keep their levels, transforms their constants.

        Parameters
        ----------
        table
            The rows.
        X
            Their rows of the matrix (k, p) where the design is not a formula.
        exact
            Whether as many coefficients as studies will do.

        Raises
        ------
        InputError
            Moderators that are missing, or levels that the model has not seen.
        NotEstimable
            The columns are redundant for these rows.
        """
        if self.recipe is None:
            constant = np.ones((table.k, 1)) if X is None and not self.moderators else X
            matrix = np.asarray(constant, dtype=np.float64).reshape(table.k, len(self.names))
            return _made(table, matrix, self.names, None, exact)
        frame = table.to_frame()
        _refuse_missing(table, frame, self.recipe.required_variables)
        return _made(table, _rows_by_formula(self.recipe, frame, "of this table"), self.names, self.recipe, exact)


def _rows_by_formula(recipe: Any, frame: pd.DataFrame, whose: str) -> FloatArray:  # noqa: ANN401
    """Return design rows from named values; levels the formula has not seen are refused, not set to the first one."""
    from formulaic.errors import DataMismatchWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            return np.asarray(columns_again(recipe, frame), dtype=np.float64)
    except Exception as error:
        raise InputError(f"the moderators {whose} do not fit the formula: {error}") from None


def _refuse_missing(table: EvidenceTable, frame: pd.DataFrame, variables: Iterable[str]) -> None:
    wanted = sorted(set(variables) & set(frame.columns))
    missing = frame.loc[:, wanted].isna().any(axis=1).to_numpy() if wanted else np.zeros(table.k, dtype=bool)
    if missing.any():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(missing))
        raise InputError(f"moderators are missing for {bad} · leave these rows out, or give values")


def design_of(
    table: EvidenceTable, moderators: str | ArrayLike, names: Sequence[str] | None = None, *, exact: bool = False
) -> Design:
    """Return the design of a formula over the table's moderators, or of a matrix (k, p) used as it is.

    With ``exact``, as many coefficients as studies will do: nothing is estimated from the residuals.

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
    return _made(table, X, labels, recipe, exact)


def _made(table: EvidenceTable, X: FloatArray, labels: tuple[str, ...], recipe: Any, exact: bool) -> Design:  # noqa: ANN401
    if not np.isfinite(X).all():
        bad = ", ".join(table.labels[i] for i in np.flatnonzero(~np.isfinite(X).all(axis=1)))
        raise InputError(f"moderators are missing for {bad} · leave these rows out, or give values")
    _not_too_large(X)
    basis, back = _orthonormal(X, labels, exact)
    constant = basis.T @ np.ones(X.shape[0])
    spans = np.abs(basis @ constant - 1.0).max() < 1e-9
    return Design(X, labels, basis, back, back @ constant if spans else None, recipe)


def _not_too_large(X: FloatArray) -> None:
    if X.size and np.abs(X).max() > LARGEST:
        raise InputError(
            f"moderators beyond ±{LARGEST:g} overflow when they are multiplied · give them in another unit"
        )


def _from_formula(table: EvidenceTable, formula: str) -> tuple[FloatArray, tuple[str, ...], Any]:
    from formulaic.errors import FormulaicError

    text = formula.strip()
    if "~" in text:
        left, text = text.split("~", 1)
        if left.strip():
            raise OptionError(f"moderators={formula!r} names an outcome · write '~ x + C(group)', the outcome is yi")
    if not text.strip():
        raise OptionError(f"moderators={formula!r} is empty · write '~ x + C(group)', or '~ 1' for a common mean")
    if FACTOR.search(text):
        ours = FACTOR.sub("C(", text)
        raise OptionError(f"moderators={formula!r}: R's factor(x) is C(x) here · moderators='~{ours}'")
    frame = table.to_frame()
    _refuse_missing(table, frame, re.findall(r"[A-Za-z_]\w*", text))
    try:
        made = columns_by_formula(text, frame, formula)
    except OptionError:
        raise
    except (FormulaicError, NameError, KeyError, SyntaxError, ValueError, TypeError, RecursionError) as error:
        known = ", ".join(table.moderators) or "none"
        said = re.sub(r"⧛\[[\d;]*m|⧚", "", " ".join(str(error).split()))
        what = f"moderators={formula!r} were not understood: {said}"
        raise InputError(f"{what} · moderators of this table: {known}") from None
    return np.asarray(made, dtype=np.float64), tuple(str(c) for c in made.columns), made.model_spec


def _from_matrix(
    table: EvidenceTable, moderators: ArrayLike, names: Sequence[str] | None
) -> tuple[FloatArray, tuple[str, ...], None]:
    labels = tuple(str(c) for c in moderators.columns) if hasattr(moderators, "columns") else None
    same_rows(table.labels, moderators, "moderators")
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


def _orthonormal(X: FloatArray, names: tuple[str, ...], exact: bool) -> tuple[FloatArray, FloatArray]:
    """Return an orthonormal basis and the matrix that takes its coefficients back; refuse redundant columns."""
    k, p = X.shape
    if p == 0:
        raise NotEstimable("the design has no columns")
    if k < p or (k == p and not exact):
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


def linear_contrasts(
    matrix: ArrayLike, names: Sequence[str], estimate: FloatArray, covariance: FloatArray, df_of: DfOf, level: float
) -> pd.DataFrame:
    """Return estimate, test and interval of each row of ``matrix`` @ β.

    Parameters
    ----------
    matrix
        (m, p), one contrast a row.
    names, estimate, covariance
        Of the p coefficients.
    df_of
        Degrees of freedom of each row of a matrix of contrasts.
    level
        Level of the intervals.

    Raises
    ------
    InputError
        Another number of columns, or something that is not a finite number.
    """
    import pandas as pd

    L = np.atleast_2d(finite(matrix, "matrix", f"give one number for each of {', '.join(names)} in every row"))
    if L.ndim != 2 or L.shape[1] != estimate.size:
        raise InputError(f"contrasts have shape {L.shape}, the model has {', '.join(names)}")
    value, se = L @ estimate, np.sqrt(np.einsum("ij,jk,ik->i", L, covariance, L))
    of = df_of(L).tolist()
    half = np.array([quantile(level, d) for d in of]) * se
    statistic = np.divide(value, se, out=np.full(se.size, np.nan), where=se > 0)
    p = [two_sided(float(z), d) for z, d in zip(statistic, of, strict=True)]
    columns = {"estimate": value, "std_error": se, "statistic": statistic, "p_value": p}
    return pd.DataFrame(columns | {"conf_low": value - half, "conf_high": value + half})
