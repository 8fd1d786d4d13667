"""What the fields of an evidence table may hold: read once, refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError, OptionError
from ..options import a_text, shown
from .given_numbers import entries_of, floats, printable
from .measures.base import FloatArray

__all__ = ["columns_of", "mapping", "moderators_of", "one_a_row", "per_row", "row_names", "sentences", "words"]


def one_a_row(name: str, values: Any, k: int | None = None) -> FloatArray:  # noqa: ANN401
    """Return a read-only float vector, of length k when k is known; NaN may stand for what is not known."""
    array = np.array(floats(values, name, "give one number a row"))
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape} · give one number a row")
    if k is not None and array.shape[0] != k:
        raise InputError(f"{name} has {array.shape[0]} entries, yi has {k} · give one a row")
    array.flags.writeable = False
    return array


def mapping(name: str, given: Any) -> Mapping[Any, Any]:  # noqa: ANN401
    """Return a mapping, or raise `OptionError`."""
    if not isinstance(given, Mapping):
        raise OptionError(f"{name}={shown(given)} · give a mapping from names to what they hold")
    return given


def columns_of(name: str, given: Any, k: int) -> dict[str, FloatArray]:  # noqa: ANN401
    """Return named columns of numbers, one a row."""
    columns = {str(n): one_a_row(f"{name} {n!r}", column, k) for n, column in mapping(name, given).items()}
    printable(f"names of {name}", columns)
    return columns


def moderators_of(given: Any, k: int) -> dict[str, Any]:  # noqa: ANN401
    """Return named columns of anything, one entry a row."""
    columns = {}
    for name, values in mapping("moderators", given).items():
        column = np.asarray(values)
        if column.shape != (k,):
            raise InputError(f"moderator {name!r} has shape {column.shape}, yi has {k} rows · give one value a row")
        if column.dtype.kind in "OU":
            printable(f"moderator {name!r}", column.tolist())
        columns[str(name)] = values
    printable("names of moderators", columns)
    return columns


def row_names(name: str, values: Any, k: int) -> tuple[str, ...]:  # noqa: ANN401
    """Return k texts, one a row."""
    if not (type(values) is tuple and len(values) == k and all(type(x) is str for x in values)):
        values = tuple(str(x) for x in entries_of(values, name, k))
    printable(name, values)
    return values  # type: ignore[no-any-return]


def per_row(name: str, values: Any, k: int) -> tuple[Any, ...]:  # noqa: ANN401
    """Return a tuple with one entry a row, or an empty one where nothing is known."""
    if not isinstance(values, tuple | list) or len(values) not in (0, k):
        raise InputError(f"{name}={shown(values)} · give one entry for each of the {k} rows, or none")
    printable(name, values)
    return tuple(values)


def sentences(name: str, values: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return a tuple of texts."""
    if not isinstance(values, tuple | list) or not all(isinstance(x, str) for x in values):
        raise OptionError(f"{name}={shown(values)} · give a list of sentences")
    printable(name, values)
    return tuple(values)


def words(name: str, given: Any, *, optional: bool = False) -> str | None:  # noqa: ANN401
    """Return text, or None where it may be left out."""
    return None if optional and given is None else a_text(name, given)
