"""Orchard plot: every estimate, the pooled interval and the prediction interval on one branch, or one a subgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks.small_study.trim_and_fill import TrimAndFill
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from ..foundation.options import a_level
from ..pooling.subgroups import Subgroups
from ..results.contract import Result
from .data import Estimates, FigureSource, axis_name, called, estimates, one_mean, table_of
from .drawing.canvas import BLUE, GREY, finished, in_own_style, start
from .drawing.figure import Plot
from .forest.results import Summary, level_of, summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["orchard"]


def _spread(k: int) -> FloatArray:
    """Return offsets that fill the branch evenly in a fixed order (golden ratio), so that reruns agree."""
    return np.asarray(((np.arange(k) * 0.6180339887498949) % 1.0 - 0.5) * 0.5)


def _branch(ax: Axes, fruit: Estimates, most: float, found: Summary, at: float) -> None:
    """Draw the rows of one mean around its branch."""
    area = 90 / fruit.se**2 / most + 5
    ax.scatter(fruit.yi, at + _spread(len(fruit.yi)), s=area, facecolor=BLUE, edgecolor="white", lw=0.5, alpha=0.6)
    if found.prediction is not None:
        ax.plot(tuple(found.prediction), [at, at], color="black", lw=0.9)
    ax.plot([found.low, found.high], [at, at], color="black", lw=3.2, solid_capstyle="butt")
    ax.plot(found.estimate, at, "o", ms=6.5, mfc="white", mec="black", mew=1.2, zorder=4)


def _parts(fit: Result) -> list[tuple[str, Result]]:
    """Return name and result of every branch, from top to bottom."""
    return list(fit.groups.items()) if isinstance(fit, Subgroups) else [("", fit)]


@in_own_style
def orchard(fit: FigureSource, *, level: float | None = None, ax: Axes | None = None) -> Plot:
    """Draw a result: fruit are studies (area ∝ 1/variance), thick branch the CI, thin branch the prediction interval.

    Parameters
    ----------
    fit
        A result with one mean, or subgroups, which get a branch each.
    level
        Level of both intervals; that of the fit when left out.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        A table without a result, or a model with several coefficients; the message names the figure that shows it.

    See Also
    --------
    lamevidence.plots.forest : The same numbers in print.

    References
    ----------
    Nakagawa et al. 2021, doi:10.1002/jrsm.1424.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.orchard(lam.pool(table, model="common")).description
    'Orchard plot of 4 studies; Common effect.'
    """
    table = table_of(fit, "an orchard plot")
    if not isinstance(fit, Result):
        give = "found.fit or found.original" if isinstance(fit, TrimAndFill) else "what lam.pool(table) returns"
        raise OptionError(f"an orchard plot shows a pooled result, got {called(fit)} · give {give}")
    if not isinstance(fit, Subgroups):
        one_mean(fit, "an orchard plot")
    parts = _parts(fit)
    asked = a_level(level_of([part for _, part in parts], level))
    branches = [(name, estimates(part.table), summary(part, asked)) for name, part in parts]
    figure, ax = start(ax, 4.2, 1.0 + 0.9 * len(branches))
    most = max(float((1 / fruit.se**2).max()) for _, fruit, _ in branches)
    for i, (_, fruit, found) in enumerate(branches):
        _branch(ax, fruit, most, found, -float(i))
    null = MEASURES[table.measure].null
    if null is not None:
        ax.axvline(null, color=GREY, lw=0.7, ls=(0, (4, 2.5)), zorder=0)
    ax.set_ylim(-0.6 - (len(branches) - 1), 0.6)
    counts = [f"k = {len(fruit.yi)}" for _, fruit, _ in branches]
    if isinstance(fit, Subgroups):
        names = [f"{name} ({count})" for (name, _, _), count in zip(branches, counts, strict=True)]
        ax.set_yticks([-float(i) for i in range(len(branches))], names)
        for tick in ax.get_yticklabels():
            tick.set_parse_math(False)
        ax.tick_params(axis="y", length=0)
        words = f"in {len(branches)} subgroups"
    else:
        ax.set_yticks([])
        ax.set_title(counts[0], fontsize=7, loc="right")
        words = branches[0][2].label
    ax.spines["left"].set_visible(False)
    k = sum(len(fruit.yi) for _, fruit, _ in branches)
    return finished(figure, ax, axis_name(table), "", f"Orchard plot of {k} studies; {words}.")
