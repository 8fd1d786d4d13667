"""Orchard plot: every estimate, the pooled interval and the prediction interval on one branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures import MEASURES
from ..errors import OptionError
from ..options import a_level
from .canvas import BLUE, GREY, finished, in_own_style, start
from .figure import Plot
from .results import level_of, summary
from .scatter_data import axis_name, estimates, table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_orchard"]


def _spread(k: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return offsets that fill the branch evenly in a fixed order (golden ratio), so that reruns agree."""
    return np.asarray(((np.arange(k) * 0.6180339887498949) % 1.0 - 0.5) * 0.5)


@in_own_style
def plot_orchard(result: Any, *, level: float | None = None, ax: Axes | None = None) -> Plot:  # noqa: ANN401
    """Draw a result: fruit are studies (area ∝ 1/variance), thick branch the CI, thin branch the prediction interval.

    References
    ----------
    Nakagawa et al. 2021, doi:10.1002/jrsm.1424.
    """
    table = table_of(result)
    yi, se, _ = estimates(table)
    if result is table:
        raise OptionError("an orchard plot shows a pooled result · give what lam.pool or lam.pool_bayes returns")
    found = summary(result, a_level(level_of([result], level)))
    figure, ax = start(ax, 4.2, 1.9)
    w = 1 / se**2
    ax.scatter(yi, _spread(len(yi)), s=90 * w / w.max() + 5, facecolor=BLUE, edgecolor="white", lw=0.5, alpha=0.6)
    if found.prediction is not None:
        ax.plot(found.prediction, [0, 0], color="black", lw=0.9)
    ax.plot([found.low, found.high], [0, 0], color="black", lw=3.2, solid_capstyle="butt")
    ax.plot(found.estimate, 0, "o", ms=6.5, mfc="white", mec="black", mew=1.2, zorder=4)
    null = MEASURES[table.measure].null
    if null is not None:
        ax.axvline(null, color=GREY, lw=0.7, ls=(0, (4, 2.5)), zorder=0)
    ax.set_ylim(-0.6, 0.6)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_title(f"k = {len(yi)}", fontsize=7, loc="right")
    return finished(figure, ax, axis_name(table), "", f"Orchard plot of {len(yi)} studies; {found.label}.")
