"""Data of other libraries keep their meaning: masks, missing values, categories and row labels are read, not dropped.

A mask is a missing value; a column of categories stays one; two columns with different row labels are not paired by
position; frames of other libraries become pandas frames. `given_numbers.floats` reads every number through `unmasked`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..foundation.errors import InputError

__all__ = [
    "aligned",
    "is_categorical",
    "is_missing",
    "paired",
    "pandas_frame",
    "plain_column",
    "same_rows",
    "union_of",
    "unmasked",
]

P = ParamSpec("P")
T = TypeVar("T")

_PLAIN = frozenset({float, int, str, bool, type(None)})


def is_missing(x: object) -> bool:
    """Return True for pandas' NA and NaT."""
    return type(x).__name__ in ("NAType", "NaTType")


def is_categorical(values: object) -> bool:
    """Return True for categories of pandas: labels, even where they look like numbers."""
    return type(getattr(values, "dtype", None)).__name__ == "CategoricalDtype"


def unmasked(values: Any) -> Any:  # noqa: ANN401
    """Return an array with NaN (or None, where it is no number) for what a mask hides; anything else as it is."""
    if type(values) in (list, tuple) and not _PLAIN.issuperset(map(type, values)):
        if not any(isinstance(x, np.ma.MaskedArray) for x in values):
            return values
        values = np.ma.array(values)
    if isinstance(values, np.ma.MaskedArray):
        if not np.ma.is_masked(values):
            return values.data
        numeric = values.dtype.kind in "iuf"
        held = values.data.astype(np.float64 if numeric else object)
        held[np.ma.getmaskarray(values)] = np.nan if numeric else None
        return held
    if not hasattr(values, "__array__") and hasattr(values, "to_numpy"):
        return values.to_numpy()
    return values


def plain_column(values: Any) -> Any:  # noqa: ANN401
    """Return a column of anything as an array without an index: masks and NA as missing, categories kept.

    Categories that no row has are left out: a frame that was filtered still carries them.

    Raises
    ------
    InputError
        The entries have several lengths.
    """
    if is_categorical(values):
        held = getattr(values, "array", values)
        return held.remove_unused_categories()
    try:
        read = np.asarray(unmasked(values))
    except ValueError:
        raise InputError("a column is ragged: its entries have several lengths · give one value a row") from None
    if read.dtype.kind == "O" and read.ndim == 1:
        gone = np.fromiter((x is None or is_missing(x) for x in read), dtype=bool, count=read.size)
        known = set(map(type, read[~gone]))
        if known and all(issubclass(t, int | float | np.number) and t is not bool for t in known):
            if not gone.any():
                return np.array(read.tolist())  # whole numbers stay whole
            return np.array([np.nan if missing else float(x) for x, missing in zip(read, gone, strict=True)])
        if gone.any():
            read = np.array([None if missing else x for x, missing in zip(read, gone, strict=True)], dtype=object)
    return read


def union_of(columns: Any) -> Any:  # noqa: ANN401
    """Return categories one after the other; their order is that of the first, then of those that follow."""
    from pandas.api.types import union_categoricals

    return union_categoricals(list(columns))


# ---- row labels -------------------------------------------------------------------------------
def aligned(**given: Any) -> None:  # noqa: ANN401
    """Raise where two of these are pandas columns with different indexes: pairing them by position would be wrong.

    Raises
    ------
    InputError
        Two of them differ; the message says how to align them.
    """
    indexes = {name: index for name, values in given.items() for name, index in _indexes(name, values).items()}
    if len(indexes) < 2:
        return
    first, *others = indexes
    for name in others:
        a, b = indexes[first], indexes[name]
        if len(a) != len(b) or a.equals(b):
            continue  # of different lengths: the reader says so in its own words
        row = int(np.flatnonzero([x != y for x, y in zip(a, b, strict=True)])[0])
        what = f"row {row} is {a[row]} in {first} and {b[row]} in {name}"
        owner, base = name.split(".")[0], first.split(".")[0]
        if a.is_unique and b.is_unique and not len(a.difference(b)):
            axis = "" if owner != "V" else f", {base}.index"
            remedy = f"{owner}.loc[{base}.index{axis}]"
            raise InputError(f"the indexes of {first} and {name} have another order: {what} · align them: {remedy}")
        raise InputError(
            f"the indexes of {first} and {name} differ: {what} · give rows of the same index,"
            f" or {owner}.to_numpy() to pair them by position"
        )


def same_rows(labels: Sequence[str], values: Any, name: str) -> None:  # noqa: ANN401
    """Raise where rows are labelled as those of a table, but stand in another order.

    Raises
    ------
    InputError
        They do; the message says how to align them.
    """
    if not _has_index(values) or len(values.index) != len(labels):
        return
    own = tuple(map(str, values.index))
    if own != tuple(labels) and set(own) == set(labels) and values.index.dtype.kind not in "iu":
        raise InputError(
            f"the index of {name} has the labels of the table in another order"
            f" · align it: {name}.loc[list(table.labels)]"
        )


def paired(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function with its arguments looked at by `aligned` first: what goes together has one index."""
    code = function.__code__  # type: ignore[attr-defined]
    names = code.co_varnames[: code.co_argcount]

    @wraps(function)
    def call(*args: P.args, **given: P.kwargs) -> T:
        labelled = {n: x for n, x in (*zip(names, args, strict=False), *given.items()) if _has_index(x)}
        if len(labelled) > 1:
            aligned(**labelled)
        return function(*args, **given)

    return call


def _has_index(values: object) -> bool:
    return type(values).__module__.partition(".")[0] == "pandas" and hasattr(values, "iloc")


def _indexes(name: str, values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the row labels that this carries by what has them; a covariance matrix has them on both sides."""
    if isinstance(values, Mapping) or (isinstance(values, tuple) and len(values) == 2):  # a pair of bounds or of arms
        items = values.items() if isinstance(values, Mapping) else enumerate(values)
        inner = (_indexes(f"{name}[{key!r}]", column) for key, column in items)
        return {key: index for found in inner for key, index in found.items()}
    if not _has_index(values):
        return {}
    square = name == "V" and hasattr(values, "columns") and values.shape[0] == values.shape[1]
    labelled = square and list(values.columns) != list(range(len(values)))
    return {name: values.index} | ({f"{name}.columns": values.columns} if labelled else {})


# ---- frames -----------------------------------------------------------------------------------
def pandas_frame(frame: Any) -> Any:  # noqa: ANN401
    """Return a pandas frame of what polars, Arrow or another library with the interchange protocol gives, else as is.

    Raises
    ------
    InputError
        It cannot be read.
    """
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return frame
    try:
        if isinstance(frame, np.ndarray) or type(frame).__module__.partition(".")[0] == "pandas":
            return frame
        if hasattr(frame, "to_pandas") and hasattr(frame, "columns"):
            return frame.to_pandas()
        if hasattr(frame, "__dataframe__"):
            with warnings.catch_warnings(action="ignore"):  # pandas 3 calls the protocol old
                return pd.api.interchange.from_dataframe(frame)
    except Exception as error:
        said = " ".join(str(error).split())
        raise InputError(f"this {type(frame).__name__} cannot be read: {said} · give a pandas DataFrame") from None
    return frame
