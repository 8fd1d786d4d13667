"""Baujat plot: who makes the heterogeneity, and who moves the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..checks.coordinates import baujat as baujat_of
from .data import PointSource, frame_of, labels_of, numbers_of
from .drawing.canvas import BLUE, finished, in_own_style, start
from .drawing.figure import Plot
from .drawing.point_labels import name_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["baujat"]


@in_own_style
def baujat(fit: PointSource, *, x: str = "q", y: str = "influence", ax: Axes | None = None) -> Plot:
    """Draw each study's share of Q against its influence on the pooled estimate; neither has a unit.

    Parameters
    ----------
    fit
        A fitted result, what `lamevidence.checks.baujat` returns, or a frame with the columns ``label`` and the two
        named by ``x`` (contribution to Q) and ``y`` (squared standardised change of the estimate when the study is
        left out), (k,) each.
    x, y
        Names of the columns.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure; points that lie too close together are not named, and the figure says how many.

    Raises
    ------
    OptionError, UnknownName
        Not something this figure is made of, or a column that does not exist.

    See Also
    --------
    lamevidence.plots.influence : Everything that leaving a study out moves.

    References
    ----------
    Baujat et al. 2002, doi:10.1002/sim.1221.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.baujat(lam.pool(table, model="common")).description
    'Baujat plot of 4 studies.'
    """
    frame = frame_of(fit, baujat_of, "a Baujat plot", (x, y))
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
