"""Reading the columns of a frame that a figure is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable, UnknownName

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["labels_of", "numbers_of"]


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    columns = getattr(frame, "columns", None)
    if columns is None:
        raise InputError(f"expected a DataFrame, got {type(frame).__name__}")
    if name not in columns:
        raise UnknownName("column", name, [str(c) for c in columns])
    if len(frame) == 0:
        raise NotEstimable("the frame has no rows, there is nothing to draw")
    return frame[name]


def numbers_of(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return a column as finite numbers, or raise naming its first row that is not one."""
    values = np.asarray(_column(frame, name), dtype=float)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(f"column {name!r} has no number in row {int(bad[0])} · leave that row out")
    return values


def labels_of(frame: pd.DataFrame, name: str = "label") -> tuple[str, ...]:
    """Return a column as words."""
    return tuple(str(v) for v in _column(frame, name))
