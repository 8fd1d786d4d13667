"""The graph of a network: which treatments were compared, and in how many studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..foundation.errors import OptionError
from ..network.contrasts import NetworkTable
from ..network.results import NetworkPooled
from .data import called
from .drawing.canvas import BLUE, LIGHT, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["network"]

MULTI_ARM = "#d9c9a3"


@in_own_style
def network(evidence: NetworkTable | NetworkPooled, *, ax: Axes | None = None) -> Plot:
    """Draw treatments on a circle, lines as wide as their comparison has studies, multi-arm studies shaded.

    The area of a dot is the number of studies with the treatment; the number on a line is that of its studies.

    Parameters
    ----------
    evidence
        Comparisons, or a pooled network, whose comparisons are drawn.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        Not a network.

    See Also
    --------
    lamevidence.plots.forest : The effects of a pooled network against its reference.

    References
    ----------
    Chaimani and others 2013, doi:10.1371/journal.pone.0076654.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.network.NetworkTable(yi=[0.5, 0.2], vi=[0.04, 0.03], first=["a", "b"],
    ...                                  second=["b", "c"], studies=["1", "2"])
    >>> lam.plots.network(table).description
    'Network of 2 studies: 3 treatments, 2 direct comparisons.'
    """
    table = evidence.table if isinstance(evidence, NetworkPooled) else evidence
    if not isinstance(table, NetworkTable):
        raise OptionError(
            f"the graph of a network is made of comparisons of treatments, got {called(table)}"
            " · give what lam.network.network_table or lam.network.pool_network returns"
        )
    figure, ax = start(ax, width=5.6, height=4.2)
    names = table.treatments
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    x, y = np.cos(angle), np.sin(angle)
    edges: dict[tuple[int, int], int] = {}
    for arms, trials in table.designs.items():
        if len(arms) > 2:
            ax.fill(x[list(arms)], y[list(arms)], color=MULTI_ARM, alpha=0.35, lw=0, zorder=0)
        for place, i in enumerate(arms):
            for j in arms[place + 1 :]:
                edges[i, j] = edges.get((i, j), 0) + len(trials)
    most = max(edges.values())
    for (i, j), k in edges.items():
        ax.plot(x[[i, j]], y[[i, j]], color=LIGHT, lw=0.8 + 4.2 * k / most, solid_capstyle="round", zorder=1)
        # off the middle, where the lines of opposite pairs cross
        ax.annotate(
            str(k),
            (0.6 * x[i] + 0.4 * x[j], 0.6 * y[i] + 0.4 * y[j]),
            ha="center",
            va="center",
            fontsize=6.5,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"},
        )
    studies = np.bincount([arm for trial in table.trials for arm in trial.arms], minlength=len(names))
    ax.scatter(x, y, s=40 + 260 * studies / studies.max(), color=BLUE, edgecolor="white", lw=0.8, zorder=3)
    for name, a, b in zip(names, x, y, strict=True):
        side = "center" if abs(a) < 0.15 else "left" if a > 0 else "right"
        level = "center" if abs(b) < 0.85 else "bottom" if b > 0 else "top"
        ax.annotate(name, (1.13 * a, 1.13 * b), ha=side, va=level, fontsize=8, parse_math=False)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_ylim(-1.3, 1.3)
    widest = max(len(name) for name in names)
    # 8-point letters are about half as wide as high; a name outside the circle needs its width as room
    ax.set_xlim(-(1.2 + 0.062 * widest), 1.2 + 0.062 * widest)
    text = f"Network of {len(table.trials)} studies: {len(names)} treatments, {len(edges)} direct comparisons."
    return Plot(figure, ax, text)
