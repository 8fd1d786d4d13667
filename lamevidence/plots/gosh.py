"""GOSH: the pooled estimate and heterogeneity of every subset of studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..options import a_text
from .canvas import BLUE, finished, in_own_style, start
from .figure import Plot
from .frames import numbers_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_gosh"]


@in_own_style
def plot_gosh(
    frame: pd.DataFrame, *, x: str = "estimate", y: str = "i2", name: str = "", ax: Axes | None = None
) -> Plot:
    """Draw a frame with one subset a row; several clouds mean that a few studies make the result.

    References
    ----------
    Olkin, Dahabreh & Trikalinos 2012, doi:10.1002/jrsm.1053.
    """
    a, b = numbers_of(frame, x), numbers_of(frame, y)
    a_text("name", name)
    figure, ax = start(ax)
    ax.plot(a, b, ".", ms=3 if len(a) > 500 else 5, color=BLUE, alpha=0.45, mew=0, rasterized=True)
    ax.margins(0.05)
    label = "I\u00b2 (%)" if y == "i2" else y
    return finished(figure, ax, name or x, label, f"GOSH plot of {len(a)} subsets.")
