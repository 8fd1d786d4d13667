"""What a user hands over as numbers, read as floats: no truth values, dates, complex numbers or bytes among them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Set
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from ..foundation.errors import InputError
from ..foundation.options import shown
from .foreign_data import is_categorical, is_missing, unmasked
from .measures.base import FloatArray

__all__ = ["KINDS", "broadcast", "entries_of", "finite", "floats", "names_of", "not_numbers", "printable"]

KINDS = {
    "b": "truth values",
    "c": "complex numbers",
    "m": "durations",
    "M": "dates",
    "S": "bytes",
    "V": "records",
}
"""numpy's kinds that would turn into floats without being numbers anybody printed."""


def not_numbers(raw: np.ndarray[Any, Any]) -> str:
    """Return in words what the array holds that is no number; empty when all may be."""
    if raw.dtype.kind == "O":
        for x in raw.ravel():
            plain = isinstance(x, Real | Decimal | str) and not isinstance(x, bool)
            if not plain and x is not None and not is_missing(x):
                return f"{shown(x)}, which is not a number,"
    return KINDS.get(raw.dtype.kind, "")


def floats(values: Any, name: str, remedy: str = "give numbers") -> FloatArray:  # noqa: ANN401
    """Return the values as a float array; what a mask hides, None and NA are NaN.

    Raises
    ------
    InputError
        They are ragged, or something among them is not a number.
    """
    if is_categorical(values):
        raise InputError(f"{name} holds categories, which are labels · give numbers: {name}.astype(float)")
    try:
        raw = np.asarray(unmasked(values))
        wrong = not_numbers(raw)
        if raw.dtype.kind == "O":
            raw = np.array([np.nan if is_missing(x) else x for x in raw.ravel()], dtype=np.float64).reshape(raw.shape)
        array = raw.astype(np.float64) if not wrong else None
    except (TypeError, ValueError, OverflowError):
        wrong, array = "something that is not a number", None
    if array is None:
        raise InputError(f"{name} holds {wrong or 'nothing'} · {remedy}")
    return array


def finite(
    values: Any,  # noqa: ANN401
    name: str,
    remedy: str = "give finite numbers",
    least: float = -np.inf,
    above: float = -np.inf,
) -> FloatArray:
    """Return the values as floats, at least one and all of them finite and within bounds.

    Raises
    ------
    InputError
        Something is not such a number, or there is none at all.
    """
    array = floats(values, name, remedy)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        row = ", ".join(str(i) for i in np.argwhere(np.ma.getmaskarray(values))[0])
        raise InputError(f"{name}[{row}] is masked, that is missing · leave the row out, or give the number")
    if array.size == 0 or not bool(np.all(np.isfinite(array) & (array >= least) & (array > above))):
        raise InputError(f"{name}={shown(values)} · {remedy}")
    return array


def broadcast(**columns: FloatArray) -> tuple[FloatArray, ...]:
    """Return the columns with one shape.

    Raises
    ------
    InputError
        They have none in common.
    """
    try:
        return tuple(np.broadcast_arrays(*columns.values()))
    except ValueError:
        listed = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
        raise InputError(f"these do not go together: {listed} · give one number, or as many of each") from None


def printable(name: str, values: Collection[Any]) -> None:
    """Raise where a text holds half of a surrogate pair: no file, figure or console can show it.

    Raises
    ------
    InputError
        One of the texts is so; the message names it.
    """
    try:
        "".join(values).encode()
        return
    except TypeError:
        texts = [x for x in values if isinstance(x, str)]
    except UnicodeEncodeError:
        texts = list(values)
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        for text in texts:
            if any("\ud800" <= c <= "\udfff" for c in text):
                raise InputError(
                    f"{name}: {shown(text)} cannot be written as UTF-8 · read the text with its own encoding"
                ) from None


def entries_of(values: Any, what: str, k: int) -> list[Hashable]:  # noqa: ANN401
    """Return k entries, one a row, that can be told apart and of which none is missing.

    Raises
    ------
    InputError
        Not a list of k entries, or one of them is missing or is itself a list.
    """
    orderless = isinstance(values, str | bytes | Mapping | Set) or hasattr(values, "columns")
    if orderless or not isinstance(values, Iterable) or getattr(values, "ndim", 1) != 1:
        raise InputError(f"{what}={shown(values)} · give a list with one entry a row")
    values = unmasked(values)
    entries = values.tolist() if hasattr(values, "tolist") else list(values)
    plain = set(map(type, entries)) <= {str, int}
    for i, x in enumerate(() if plain else entries):
        if not isinstance(x, Hashable):
            raise InputError(f"{what} of row {i} is {shown(x)} · give one word or number a row")
        if x is None or is_missing(x) or x != x:
            raise InputError(f"row {i} has no {what} · name it, or leave the row out by hand")
    if len(entries) != k:
        raise InputError(f"{what} has {len(entries)} entries, the data have {k} rows · give one a row")
    printable(what, entries)
    return entries


def names_of(values: Any, what: str, k: int) -> tuple[str, ...]:  # noqa: ANN401
    """Return k names as text.

    Raises
    ------
    InputError
        There are not k of them, or one is missing, blank, or has spaces around it: " A" and "A" would be two studies.
    """
    entries = list(map(str, entries_of(values, what, k)))
    if all(entries) and list(map(str.strip, entries)) == entries:
        return tuple(entries)
    for i, text in enumerate(entries):
        if not text.strip():
            raise InputError(f"row {i} has no {what} · name it, or leave the row out by hand")
        if text != text.strip():
            raise InputError(f"row {i}: {what} {text!r} begins or ends with a space · write {text.strip()!r}")
    return tuple(entries)
