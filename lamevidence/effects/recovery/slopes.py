"""A slope from a change over a span of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..given_numbers import broadcast, finite
from ..measures.base import FloatArray
from .catalogue import rule
from .standard_errors import positive

__all__ = ["slope_from_change"]


@rule(
    title="slope from change and span", needs="change se span", gives="slope se",
    formula="slope = change / span, SE likewise", reference="the definition of an average slope",
    assumption="the outcome moves in a straight line over the span, and every patient was observed for all of it",
)
def slope_from_change(change: ArrayLike, se: ArrayLike, span: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return change/span and SE/span, in unit of the outcome per unit of the span.

    It is an assumption, to be shown beside the result: a slope fitted to all visits is another number.

    Examples
    --------
    >>> slope, se = slope_from_change(-153.0, 30.0, 12.0)
    >>> float(slope), float(se)
    (-12.75, 2.5)
    """
    errors, length = positive("se", se, zero=True), positive("span", span)
    moved, errors, length = broadcast(change=finite(change, "change"), se=errors, span=length)
    return np.asarray(moved / length), np.asarray(errors / length)
