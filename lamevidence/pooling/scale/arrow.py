"""Meta-analyses as rows of an Arrow table: list columns in, one result a row out.

The one function that Parquet files, Dask, Ray and Spark's ``mapInArrow`` share. A row's result depends on
nothing but the row: the engine follows from the method, never from the number of rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, LamEvidenceError
from ...foundation.options import a_text, a_whole, an_instance, our_words
from .batch import PooledMany, pool_many

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MODULUS", "RESULTS", "NeedsScale", "checksum_of", "lists_of", "load_pyarrow", "pool_arrow"]

RESULTS = ("mu", "se", "df", "low", "high", "tau2", "q", "k")
"""Columns of a result, all float64."""
COMPILED = ("none", "fixed", "DL", "PM", "EB", "REML", "ML")
_MIX = 0x9E3779B97F4A7C15
MODULUS = 2**64


class NeedsScale(LamEvidenceError, ImportError):
    """An optional package of the extra ``scale`` is missing."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed · pip install 'lamevidence[scale]'")


def load_pyarrow() -> Any:  # noqa: ANN401
    """Return ``pyarrow``, or say how to install it."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise NeedsScale("pyarrow") from None
    return pa


@our_words()
def pool_arrow(
    table: pa.Table,
    *,
    tau2: str | float = "REML",
    interval: str = "HKSJ",
    level: float = 0.95,
    yi: str = "yi",
    vi: str = "vi",
    first_row: int = 0,
) -> pa.Table:
    """Pool every row of an Arrow table: one meta-analysis a row.

    Parameters
    ----------
    table
        List columns ``yi`` and ``vi`` (list, large_list or fixed_size_list of numbers, in squared units of
        yi for vi; ``vi = inf`` marks an absent study). Every other column is kept.
    tau2, interval, level
        As in `pool_many`.
    yi, vi
        Names of the two columns.
    first_row
        Number of the first row, named in messages.

    Returns
    -------
    pyarrow.Table
        The other columns, then `RESULTS`: mean, standard error, degrees of freedom, interval, τ², Q and k.

    Raises
    ------
    InputError
        A column that is missing or not a list, nulls, empty lists, lists of unequal length, a kept column
        with the name of a result, impossible variances.
    OptionError, UnknownName
        A choice that does not exist or does not apply.

    See Also
    --------
    lamevidence.pool_many : arrays in memory.
    lamevidence.pool_dataset : Parquet files.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"gene": ["a", "b"], "yi": [[0.1, 0.4], [0.2, 0.3, 0.1]], "vi": [[0.1, 0.2], [0.1, 0.1, 0.3]]})
    >>> pool_arrow(table, tau2="DL")["k"].to_pylist()
    [2.0, 3.0]
    """
    pa = load_pyarrow()
    an_instance("table", table, pa.Table, "make one with pyarrow.table({'yi': [[…], …], 'vi': [[…], …]})")
    yi, vi, first_row = a_text("yi", yi), a_text("vi", vi), a_whole("first_row", first_row, 0, 2**62)
    kept = [name for name in table.column_names if name not in (yi, vi)]
    clash = sorted(set(kept) & set(RESULTS))
    if clash:
        raise InputError(f"column {clash[0]!r} has the name of a result · rename it or leave it out")
    y, at = lists_of(table, yi, first_row)
    v, at_v = lists_of(table, vi, first_row)
    columns = {name: table.column(name) for name in kept}
    if table.num_rows == 0:
        empty = np.zeros(0)
        return pa.table(columns | dict.fromkeys(RESULTS, empty))
    if not np.array_equal(at, at_v):
        row = int(np.flatnonzero(np.diff(at) != np.diff(at_v))[0])
        raise InputError(f"row {first_row + row}: {yi} has {np.diff(at)[row]} numbers, {vi} {np.diff(at_v)[row]}")
    engine = "numba" if not isinstance(tau2, str) or tau2 in COMPILED else "numpy"
    many = _pooled(y, v, at, tau2=tau2, interval=interval, level=level, engine=engine)
    low, high = _interval(many)
    values = (many.mu, many.se, many.df, low, high, many.tau2, many.q, many.k)
    return pa.table(columns | dict(zip(RESULTS, values, strict=True)))


def _pooled(y: FloatArray, v: FloatArray, at: Any, **options: Any) -> PooledMany:  # noqa: ANN401
    sizes = np.diff(at)
    if sizes.size == 1 or (options["engine"] == "numpy" and (np.unique(sizes, return_counts=True)[1] == 1).any()):
        return _first_half(_pooled(np.tile(y, 2), np.tile(v, 2), np.concatenate([at, at[1:] + at[-1]]), **options))
    if (sizes == sizes[0]).all():
        shape = (sizes.size, int(sizes[0]))
        return pool_many(y.reshape(shape), v.reshape(shape), **options)
    return pool_many(y, v, offsets=at, **options)


def _first_half(many: PooledMany) -> PooledMany:
    """Undo the doubling of rows that would be alone, and so be added up in another order than rows in company."""
    columns = ("mu", "se", "df", "tau2", "q", "k")
    return replace(many, **{name: getattr(many, name)[: many.k.size // 2] for name in columns})


def _interval(many: PooledMany) -> tuple[FloatArray, FloatArray]:
    """Return the bounds; quantiles are looked up once for each number of degrees of freedom."""
    from scipy import special

    upper = 0.5 + many.level / 2
    df, place = np.unique(many.df, return_inverse=True)
    quantile = np.where(np.isinf(df), special.ndtri(upper), special.stdtrit(df, upper))[place]
    half = many.se * quantile
    return many.mu - half, many.mu + half


def lists_of(table: pa.Table, name: str, first_row: int = 0) -> tuple[FloatArray, Any]:
    """Return the numbers of a list column, flat, and the m + 1 offsets of its rows."""
    pa = load_pyarrow()
    if name not in table.column_names:
        raise InputError(f"no column {name!r} · columns: {', '.join(table.column_names)}")
    column = table.column(name)
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    number = is_list and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))
    if not number:
        raise InputError(f"column {name!r} is {kind} · needed: a list of numbers a row")
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise InputError(f"row {first_row + row}: {name} is null · give a list, with vi = inf for absent studies")
    values = array.flatten()
    if pa.types.is_fixed_size_list(kind):
        at = np.arange(len(array) + 1, dtype=np.int64) * kind.list_size
    else:
        at = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        at = at - at[0]
    if (np.diff(at) < 1).any():
        row = int(np.flatnonzero(np.diff(at) < 1)[0])
        raise InputError(f"row {first_row + row}: {name} is empty · a meta-analysis needs at least one study")
    if values.null_count:
        cell = int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])
        row = int(np.searchsorted(at, cell, side="right")) - 1
        raise InputError(f"row {first_row + row}: a null in {name} · vi = inf marks an absent study")
    return values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False), at


def checksum_of(table: pa.Table, first_row: int) -> int:
    """Return a 64-bit sum over the bits of all results and their row numbers.

    Sums of integers modulo 2⁶⁴ have no order and no rounding: parts add up to the same number however the
    rows are cut into parts.
    """
    row = np.arange(first_row, first_row + table.num_rows, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    total = 0
    for i, name in enumerate(RESULTS):
        values = table.column(name).to_numpy() + 0.0  # −0.0 and 0.0 are the same result
        bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
        bits = bits ^ (bits >> np.uint64(29))
        mixed = (bits * np.uint64((_MIX * (2 * i + 1)) % MODULUS)) ^ (bits >> np.uint64(17))
        total += int((mixed * row).sum(dtype=np.uint64))
    return total % MODULUS
