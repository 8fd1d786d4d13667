"""Radial (Galbraith) plot: each study's z against its precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scipy import special

from ..options import a_level
from .canvas import BLUE, GREY, finished, in_own_style, start
from .figure import Plot
from .scatter_data import centre_of, estimates, table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_radial"]


@in_own_style
def plot_radial(
    result: Any,  # noqa: ANN401
    *,
    centre: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Plot:
    """Draw y/se against 1/se; the slope of the line is the pooled estimate, the band is ± z around it.

    References
    ----------
    Galbraith 1988, doi:10.1002/sim.4780070807.
    """
    a_level(level)
    yi, se, _ = estimates(table_of(result))
    middle = centre_of(result, centre)
    z = float(special.ndtri(0.5 + level / 2))
    figure, ax = start(ax)
    end = 1.08 / float(se.min())
    ax.fill_between([0, end], [-z, middle * end - z], [z, middle * end + z], color="#eef3f8", lw=0)
    ax.plot([0, end], [0, middle * end], color=GREY, lw=0.8)
    ax.plot(1 / se, yi / se, "o", ms=4.2, mfc=BLUE, mec="white", mew=0.5)
    ax.set_xlim(0, end)
    return finished(figure, ax, "Precision (1/se)", "Estimate / se", f"Radial plot of {len(yi)} studies.")
