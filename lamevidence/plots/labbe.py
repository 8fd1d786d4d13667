"""L'Abbé plot: the risk with treatment against the risk with control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..foundation.errors import OptionError
from .data import FigureSource, table_of
from .drawing.canvas import BLUE, GREY, SMALLEST, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["labbe"]


@in_own_style
def labbe(fit: FigureSource, *, ax: Axes | None = None) -> Plot:
    """Draw event rates of two arms, in percent; the area of a circle grows with the patients, from a smallest on.

    Parameters
    ----------
    fit
        A result of any model, or an `EvidenceTable`, whose rows have events and totals of two arms.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        The rows have no counts of two arms.

    See Also
    --------
    lamevidence.plots.forest : The counts as columns beside the estimates.

    References
    ----------
    L'Abbé, Detsky & O'Rourke 1987, doi:10.7326/0003-4819-107-2-224.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"ai": [12, 3], "n1i": [40, 25], "ci": [20, 6], "n2i": [41, 24]})
    >>> table = lam.EvidenceTable.from_frame(frame, "OR", ai="ai", n1i="n1i", ci="ci", n2i="n2i")
    >>> lam.plots.labbe(table).description
    "L'Abbé plot of 2 studies."
    """
    counts = table_of(fit, "a L'Abbé plot").counts
    if not {"ai", "n1i", "ci", "n2i"} <= set(counts):
        raise OptionError(
            "a L'Abbé plot needs events and totals of two arms (ai n1i ci n2i), which this table lacks"
            " · draw lam.forest(fit), which needs the estimates only"
        )
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
