"""Reading the columns of a frame that a figure is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import InputError, NotEstimable
from ..options import a_choice, an_instance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["labels_of", "numbers_of"]


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    import pandas as pd

    an_instance("frame", frame, pd.DataFrame, "give a DataFrame, for example result.to_frame()")
    a_choice("column", name, map(str, frame.columns))
    if list(map(str, frame.columns)).count(name) > 1:
        raise InputError(f"the frame has several columns {name!r} · rename them")
    if len(frame) == 0:
        raise NotEstimable("the frame has no rows, there is nothing to draw")
    return frame[name]


def numbers_of(frame: pd.DataFrame, name: str) -> FloatArray:
    """Return a column as finite numbers, or raise naming its first row that is not one."""
    values = floats(_column(frame, name), f"column {name!r}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise InputError(f"column {name!r} has no number in row {int(bad[0])} · leave that row out")
    return values


def labels_of(frame: pd.DataFrame, name: str = "label") -> tuple[str, ...]:
    """Return a column as words."""
    return tuple(str(v) for v in _column(frame, name))
