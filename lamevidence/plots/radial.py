"""Radial (Galbraith) plot: each study's z against its precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..checks.tables import CheckTable
from ..foundation.options import a_level
from .data import FigureSource, centre_of, check_frame, estimates, numbers_of, one_mean, table_of
from .drawing.canvas import BLUE, GREY, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["radial"]


@in_own_style
def radial(
    fit: FigureSource | CheckTable,
    *,
    centre: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Plot:
    """Draw y/se against 1/se; the slope of the line is the pooled estimate, the band is ± z around it.

    Parameters
    ----------
    fit
        A result with one mean or an `EvidenceTable`: se is the standard error of each row. What
        `lamevidence.checks.radial` returns: se includes the between-study variance, √(v + τ²).
    centre
        Slope of the line on the analysis scale; without it the pooled estimate.
    level
        Level of the band.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        Not something this figure is made of, or a model with several coefficients.

    See Also
    --------
    lamevidence.plots.funnel : The same points as estimate against standard error.

    References
    ----------
    Galbraith 1988, doi:10.1002/sim.4780070807.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.radial(lam.pool(table)).description
    'Radial plot of 4 studies.'
    """
    a_level(level)
    if isinstance(fit, CheckTable):
        frame = check_frame(fit, "a radial plot", ("x", "y"))
        x, y = numbers_of(frame, "x"), numbers_of(frame, "y")
        # the slope of the line through the origin is the mean that the check was made of
        middle = centre_of(fit.fit, centre) if fit.fit is not None else float(np.sum(x * y) / np.sum(x * x))
    else:
        table = table_of(fit, "a radial plot")
        one_mean(fit, "a radial plot")
        found = estimates(table)
        x, y, middle = 1 / found.se, found.yi / found.se, centre_of(fit, centre)
    z = float(special.ndtri(0.5 + level / 2))
    figure, ax = start(ax)
    end = 1.08 * float(x.max())
    ax.fill_between([0, end], [-z, middle * end - z], [z, middle * end + z], color="#eef3f8", lw=0)
    ax.plot([0, end], [0, middle * end], color=GREY, lw=0.8)
    ax.plot(x, y, "o", ms=4.2, mfc=BLUE, mec="white", mew=0.5)
    ax.set_xlim(0, end)
    return finished(figure, ax, "Precision (1/se)", "Estimate / se", f"Radial plot of {len(x)} studies.")
