"""What a user hands over as numbers, read as floats: no truth values, dates, complex numbers or bytes among them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from ..errors import InputError
from .measures.base import FloatArray

__all__ = ["floats", "names_of", "not_numbers"]

KINDS = {
    "b": "truth values", "c": "complex numbers", "m": "durations", "M": "dates", "S": "bytes", "V": "records",
}
"""numpy's kinds that would turn into floats without being numbers anybody printed."""


def not_numbers(raw: np.ndarray[Any, Any]) -> str:
    """Return in words what the array holds that is no number; empty when all may be."""
    if raw.dtype.kind == "O":
        for x in raw.ravel():
            plain = isinstance(x, Real | Decimal | str) and not isinstance(x, bool)
            if not plain and x is not None and not _is_missing(x):
                return f"{x!r}, which is not a number,"
    return KINDS.get(raw.dtype.kind, "")


def _is_missing(x: object) -> bool:
    return type(x).__name__ in ("NAType", "NaTType")


def floats(values: Any, name: str, remedy: str = "give numbers") -> FloatArray:  # noqa: ANN401
    """Return the values as a float array.

    Raises
    ------
    InputError
        They are ragged, or something among them is not a number.
    """
    try:
        raw = np.asarray(values)
        wrong = not_numbers(raw)
        if raw.dtype.kind == "O":
            raw = np.array([np.nan if _is_missing(x) else x for x in raw.ravel()], dtype=np.float64).reshape(raw.shape)
        array = raw.astype(np.float64) if not wrong else None
    except (TypeError, ValueError, OverflowError):
        wrong, array = "something that is not a number", None
    if array is None:
        raise InputError(f"{name} holds {wrong or 'nothing'} · {remedy}")
    return array


def names_of(values: Any, what: str, k: int) -> tuple[str, ...]:  # noqa: ANN401
    """Return k names as text.

    Raises
    ------
    InputError
        There are not k of them, or one is missing, blank, or has spaces around it: " A" and "A" would be two studies.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InputError(f"{what} is {values!r} · give a list with one name a row")
    names = []
    for i, x in enumerate(values):
        text = str(x)
        if x is None or _is_missing(x) or x != x or not text.strip():
            raise InputError(f"row {i} has no {what} · name it, or leave the row out by hand")
        if text != text.strip():
            raise InputError(f"row {i}: {what} {text!r} begins or ends with a space · write {text.strip()!r}")
        names.append(text)
    if len(names) != k:
        raise InputError(f"{what} has {len(names)} entries, the data have {k} rows · give one a row")
    return tuple(names)
