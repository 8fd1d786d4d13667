"""Normal quantile plot: residuals against the quantiles they should follow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..checks.coordinates import normal_quantiles as quantiles_of
from ..foundation.options import a_choice
from .data import PointSource, frame_of, labels_of, numbers_of
from .drawing.canvas import BLUE, GREY, finished, in_own_style, set_limits, start
from .drawing.figure import Plot
from .drawing.point_labels import name_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["normal_quantiles"]

_FAR = 1.96
"""Residuals beyond this are named."""


@in_own_style
def normal_quantiles(fit: PointSource, *, residual: str = "standardized", ax: Axes | None = None) -> Plot:
    """Draw residuals against normal quantiles; the line is that of equality, residuals beyond 1.96 are named.

    Parameters
    ----------
    fit
        A fitted result, what `lamevidence.checks.normal_quantiles` returns, or a frame with
        the columns ``label``, ``x`` (quantile) and ``y`` (residual).
    residual
        ``standardized`` or ``studentized`` (deleted) residuals of a result; those of a check are made.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        Not something this figure is made of.

    See Also
    --------
    lamevidence.checks.residuals : The residuals, raw and scaled.

    References
    ----------
    Wang & Bushman 1998, doi:10.1037/1082-989X.3.1.46.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.normal_quantiles(lam.pool(table, model="common")).description
    'Normal quantile plot of 4 residuals, 2 beyond 1.96.'
    """
    a_choice("residual", residual, ("standardized", "studentized"))
    frame = frame_of(fit, partial(quantiles_of, residual=residual), "a normal quantile plot", ("label", "x", "y"))
    x, y, labels = numbers_of(frame, "x"), numbers_of(frame, "y"), labels_of(frame)
    figure, ax = start(ax, 3.4, 3.2)
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
    ax.plot(ends, ends, color=GREY, lw=0.8)
    ax.plot(x, y, "o", ms=4.2, mfc=BLUE, mec="white", mew=0.5)
    set_limits(ax, x, share=0.15)
    set_limits(ax, y, axis="y", share=0.1)
    far = np.abs(y) > _FAR
    what = f"Normal quantile plot of {len(y)} residuals, {int(far.sum())} beyond {_FAR:g}."
    plot = finished(figure, ax, "Normal quantile", "Residual / its standard error", what)
    name_points(figure, ax, x, y, tuple(label if out else "" for label, out in zip(labels, far, strict=True)))
    return plot
