"""L'Abbé plot: the risk with treatment against the risk with control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from .canvas import BLUE, GREY, SMALLEST, finished, in_own_style, start
from .figure import Plot
from .scatter_data import table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_labbe"]


@in_own_style
def plot_labbe(result: Any, *, ax: Axes | None = None) -> Plot:  # noqa: ANN401
    """Draw event rates of two arms, in percent; the area of a circle grows with the patients, from a smallest on.

    References
    ----------
    L'Abbé, Detsky & O'Rourke 1987, doi:10.7326/0003-4819-107-2-224.
    """
    counts = table_of(result).counts
    if not {"ai", "n1i", "ci", "n2i"} <= set(counts):
        raise OptionError("a L'Abbé plot needs events and totals of two arms (ai n1i ci n2i), which this table lacks")
    treated, control = 100 * counts["ai"] / counts["n1i"], 100 * counts["ci"] / counts["n2i"]
    n = counts["n1i"] + counts["n2i"]
    figure, ax = start(ax, 3.3, 3.3)
    top = max(10.0, float(1.1 * np.nanmax([treated, control])))
    ax.plot([0, top], [0, top], color=GREY, lw=0.8)
    area = np.maximum(160 * n / n.max(), SMALLEST)
    ax.scatter(control, treated, s=area, facecolor=BLUE, edgecolor="white", lw=0.6, alpha=0.85, zorder=3)
    ax.set_xlim(-0.04 * top, top)
    ax.set_ylim(-0.04 * top, top)
    ax.set_aspect("equal")
    what = f"L'Abbé plot of {len(n)} studies."
    return finished(figure, ax, "Events with control (%)", "Events with treatment (%)", what)
