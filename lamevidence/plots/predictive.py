"""Predictive check: each observed estimate in the interval the model predicts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..options import a_text
from .canvas import BLUE, LIGHT, RUST, finished, in_own_style, start
from .figure import Plot
from .frames import labels_of, numbers_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_predictive_intervals"]


@in_own_style
def plot_predictive_intervals(frame: pd.DataFrame, *, name: str = "", ax: Axes | None = None) -> Plot:
    """Draw a frame with ``label``, ``observed``, ``low``, ``high``; what lies outside is drawn in rust.

    One interval a study: kernel densities of replicated data say little for few studies.
    """
    labels = labels_of(frame)
    observed, low, high = (numbers_of(frame, column) for column in ("observed", "low", "high"))
    y = np.arange(len(labels))[::-1]
    outside = (observed < low) | (observed > high)
    a_text("name", name)
    figure, ax = start(ax, 4.2, 0.9 + 0.22 * len(labels))
    ax.hlines(y, low, high, color=LIGHT, lw=4)
    for mask, color in ((~outside, BLUE), (outside, RUST)):
        ax.plot(observed[mask], y[mask], "o", ms=4, mfc=color, mec="white", mew=0.5)
    ax.set_yticks(y, labels)
    for tick in ax.get_yticklabels():
        tick.set_parse_math(False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    what = f"{int(outside.sum())} of {len(labels)} observed estimates lie outside their predicted interval."
    return finished(figure, ax, name, "", what)
