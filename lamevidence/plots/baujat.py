"""Baujat plot: who makes the heterogeneity, and who moves the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .canvas import BLUE, finished, in_own_style, start
from .figure import Plot
from .frames import labels_of, numbers_of
from .point_labels import name_points

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_baujat"]


@in_own_style
def plot_baujat(frame: pd.DataFrame, *, x: str = "q", y: str = "influence", ax: Axes | None = None) -> Plot:
    """Draw each study's share of Q against its influence on the pooled estimate; neither has a unit.

    Parameters
    ----------
    frame
        Columns ``label`` and the two named by ``x`` (contribution to Q) and ``y`` (squared standardised
        change of the estimate when the study is left out).
    x, y
        Names of the columns.
    ax
        Axes to draw on.

    References
    ----------
    Baujat et al. 2002, doi:10.1002/sim.1221.
    """
    q, influence, labels = numbers_of(frame, x), numbers_of(frame, y), labels_of(frame)
    figure, ax = start(ax, 4.2, 3.2)
    ax.plot(q, influence, "o", ms=4.2, mfc=BLUE, mec="white", mew=0.5)
    ax.margins(0.28, 0.15)
    finished(figure, ax, "Contribution to Q", "Influence on the pooled estimate", "")
    crowded = len(name_points(figure, ax, q, influence, labels))
    note = f"{crowded} of {len(q)} studies lie too close together to be named" if crowded else ""
    if note:
        ax.set_title(note, fontsize=6.5, loc="left", color="#333333")
    return Plot(figure, ax, f"Baujat plot of {len(q)} studies{'; ' + note if note else ''}.")
