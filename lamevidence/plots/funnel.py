"""Funnel plot: estimates against their standard errors, with contours of significance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.measures import MEASURES
from ..options import a_flag, a_level
from .canvas import BLUE, GREY, finished, in_own_style, set_limits, start
from .figure import Plot
from .scatter_data import axis_name, centre_of, estimates, table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_funnel"]

_LEVELS = ((0.99, "#c9c9c9"), (0.95, "#e3e3e3"), (0.90, "#ffffff"))


def _contours(ax: Axes, null: float, reach: float) -> None:
    """Shade by two-sided P against the null: white above 0.10, darker below 0.10, 0.05 and 0.01."""
    se = np.array([0.0, reach])
    ax.axhspan(0, reach, color="#b0b0b0", lw=0, zorder=0)
    for level, shade in _LEVELS:
        half = float(special.ndtri(0.5 + level / 2)) * se
        ax.fill_betweenx(se, null - half, null + half, color=shade, lw=0, zorder=0)
    for place, words in ((0.97, "P < 0.01 dark, < 0.05 grey, < 0.10 light"),):
        ax.text(place, 1.01, words, transform=ax.transAxes, ha="right", va="bottom", fontsize=6, color="#333333")


@in_own_style
def plot_funnel(
    result: Any,  # noqa: ANN401
    *,
    contour: bool = True,
    centre: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Plot:
    """Draw a funnel plot on the analysis scale.

    Contours show two-sided significance (0.10, 0.05, 0.01) against no effect; a measure without a
    null has none and gets the pseudo-confidence funnel around the pooled estimate only.

    Parameters
    ----------
    result
        A pooled result, a posterior or an `EvidenceTable`.
    contour
        Shade regions of significance.
    centre
        Centre of the funnel on the analysis scale; without it the pooled estimate.
    level
        Level of the funnel's sides: centre ± z se.
    ax
        Axes to draw on.

    References
    ----------
    Peters et al. 2008, doi:10.1016/j.jclinepi.2007.11.010.
    """
    a_level(level)
    a_flag("contour", contour)
    table = table_of(result)
    yi, se, _ = estimates(table)
    middle = centre_of(result, centre)
    null = MEASURES[table.measure].null
    figure, ax = start(ax)
    reach = 1.08 * float(se.max())
    z = float(special.ndtri(0.5 + level / 2))
    sides = np.array([middle - z * reach, middle + z * reach])
    if contour and null is not None:
        _contours(ax, null, reach)
    ax.plot([sides[0], middle, sides[1]], [reach, 0, reach], color=GREY, lw=0.8, ls=(0, (4, 2.5)))
    ax.plot([middle, middle], [0, reach], color=GREY, lw=0.8)
    ax.plot(yi, se, "o", ms=4.2, mfc=BLUE, mec="white", mew=0.5)
    set_limits(ax, [*yi, *sides])
    ax.set_ylim(reach, 0)
    return finished(figure, ax, axis_name(table), "Standard error", f"Funnel plot of {len(yi)} studies.")
