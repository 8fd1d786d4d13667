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

_NAMES = {
    "estimate": "Pooled estimate (analysis scale)", "i2": "I\u00b2 (%)", "h2": "H\u00b2", "tau2": "\u03c4\u00b2",
    "q": "Q", "k": "Number of studies",
}


@in_own_style
def plot_gosh(
    frame: pd.DataFrame, *, x: str = "estimate", y: str = "i2", name: str = "", ax: Axes | None = None
) -> Plot:
    """Draw a frame with one subset a row; several clouds mean that a few studies make the result.

    Parameters
    ----------
    frame
        One row a subset, such as ``lam.gosh(fit).to_frame()``.
    x, y
        Names of the columns.
    name
        Of the horizontal axis, with its unit: ``"Log risk ratio"``, ``"Slope (mL/year)"``.
    ax
        Axes to draw on.

    References
    ----------
    Olkin, Dahabreh & Trikalinos 2012, doi:10.1002/jrsm.1053.
    """
    a, b = numbers_of(frame, x), numbers_of(frame, y)
    a_text("name", name)
    figure, ax = start(ax)
    ax.plot(a, b, ".", ms=3 if len(a) > 500 else 5, color=BLUE, alpha=0.45, mew=0, rasterized=True)
    ax.margins(0.05)
    return finished(figure, ax, name or _NAMES.get(x, x), _NAMES.get(y, y), f"GOSH plot of {len(a)} subsets.")
