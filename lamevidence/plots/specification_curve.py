"""Specification curve: every analysis in order of its estimate, with the choices that made it below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks.choices.specifications import Multiverse
from ..foundation.errors import OptionError
from ..foundation.options import a_text, shown
from .drawing.canvas import BLUE, GREY, LIGHT, RUST, finished, in_own_style, set_limits, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["specification_curve"]

LONGEST = 34
"""Longest name of a level that stands beside its row, in characters."""
DRAWN = 600
"""More specifications than this are drawn by their places in the order, every so many."""


@in_own_style
def specification_curve(fit: Multiverse, *, name: str = "") -> Plot:
    """Draw every specification in order of its estimate, with its interval; below, the level of each choice.

    Parameters
    ----------
    fit
        What `lamevidence.checks.multiverse` returns.
    name
        Of the vertical axis, with its unit; the analysis scale when left out.

    Returns
    -------
    Plot
        Frequentist specifications blue, Bayesian ones rust; ``ax`` is the upper panel. Of more than 600 specifications
        as many are drawn, evenly spaced in the order.

    Raises
    ------
    OptionError
        Not a multiverse.

    See Also
    --------
    lamevidence.checks.multiverse : The numbers.

    References
    ----------
    Simonsohn, Simmons & Nelson 2020, doi:10.1038/s41562-020-0912-z.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.specification_curve(lam.checks.multiverse(table, bayes=False)).description
    'Specification curve of 10 specifications.'
    """
    if not isinstance(fit, Multiverse):
        raise OptionError(f"a specification curve is of a multiverse, not of {shown(fit)} · give lam.checks.multiverse")
    a_text("name", name)
    there = np.flatnonzero(np.isfinite(fit.estimate))
    order = there[np.argsort(fit.estimate[there], kind="stable")]
    place = np.arange(order.size)
    if order.size > DRAWN:
        place = np.linspace(0, order.size - 1, DRAWN).round().astype(int)
    order, x = order[place], place + 1
    lines = [(choice, level) for choice in fit.choices for level in choice.levels]
    below = 0.125 * (len(lines) + len(fit.choices))
    figure, ax = start(None, 7.0, 2.5 + below)
    upper, lower = _panels(ax, below)
    bayesian = np.array([fit.levels[i].get("engine") == "bayes" for i in order])
    for chosen, colour in ((~bayesian, BLUE), (bayesian, RUST)):
        if chosen.any():
            at = order[chosen]
            upper.vlines(x[chosen], fit.low[at], fit.high[at], color=colour, lw=0.6, alpha=0.35, rasterized=True)
            upper.plot(x[chosen], fit.estimate[at], ".", ms=2.5, mew=0, color=colour, rasterized=True)
    for value, style in ((fit.null, "-"), (fit.threshold, "--")):
        if value is not None:
            upper.axhline(value, color=GREY, lw=0.6, ls=style, zorder=0)
    middle = np.concatenate(
        [fit.estimate[order], *np.nanpercentile([fit.low[order], fit.high[order]], [5, 95], axis=1)]
    )
    set_limits(upper, middle, axis="y")
    _levels(lower, fit, order, x)
    for axes in (upper, lower):
        axes.set_xlim(0, there.size + 1)
    upper.tick_params(labelbottom=False)
    unit = f" ({fit.unit})" if fit.unit else ""
    bottom, top = upper.get_ylim()
    cut = int(((fit.low[order] < bottom) | (fit.high[order] > top)).sum())
    lower.set_xlabel(
        "Specification, in order of its estimate"
        + (f" ({order.size} of {there.size} drawn)" if order.size < there.size else "")
        + (f"; {cut} interval{'s reach' if cut > 1 else ' reaches'} beyond the axis" if cut else "")
    )
    upper_name = name or f"Estimate{unit}"
    return finished(figure, upper, "", upper_name, f"Specification curve of {len(there)} specifications.")


def _panels(ax: Axes, below: float) -> tuple[Axes, Axes]:
    """Return an upper and a lower panel in the place of the axes."""
    figure = ax.get_figure()
    assert figure is not None
    ax.remove()
    grid = figure.add_gridspec(2, 1, height_ratios=[2.3, below])  # type: ignore[union-attr]
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1])
    for panel in (upper, lower):
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
        panel.tick_params(direction="out", length=3, width=0.8, labelsize=7)
    return upper, lower


def _levels(lower: Axes, fit: Multiverse, order: np.ndarray, x: np.ndarray) -> None:  # type: ignore[type-arg]
    y, places, names, heads = 0.0, [], [], []
    for choice in fit.choices:
        heads.append((y, choice.name))
        y += 1
        for level in choice.levels:
            on = np.array([fit.levels[i].get(choice.name) == level for i in order])
            lower.plot(x[on], np.full(int(on.sum()), y), "|", ms=3.2, mew=0.6, color=BLUE, rasterized=True)
            places.append(y)
            names.append(level if len(level) <= LONGEST else level[: LONGEST - 1] + "…")
            y += 1
    lower.set_yticks(places, names, fontsize=6)
    lower.tick_params(axis="y", length=0)
    for at, head in heads:
        lower.axhline(at, color=LIGHT, lw=0.4, zorder=0)
        lower.text(
            0.004,
            at,
            head,
            transform=lower.get_yaxis_transform(),
            fontsize=6,
            style="italic",
            color=GREY,
            va="center",
            ha="left",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
    lower.set_ylim(y - 0.4, -0.6)
