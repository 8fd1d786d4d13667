"""Bubble plot of a meta-regression: estimates against a moderator, with the fitted line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError
from ..foundation.options import a_choice
from ..results.contract import CoefficientResult
from .data import FigureSource, axis_name, numbers_of, table_of
from .drawing.canvas import BLUE, RUST, SMALLEST, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["bubble"]


def _own_line(fit: object, moderator: str, x: FloatArray) -> pd.DataFrame | None:
    """Return the fitted mean and its interval where the model is a straight line in this moderator."""
    if not isinstance(fit, CoefficientResult) or fit.names[1:] != (moderator,) or fit.names[0].lower() != "intercept":
        return None
    at = np.linspace(x.min(), x.max(), 100)
    columns = {"mean": "estimate", "conf_low": "low", "conf_high": "high"}
    return fit.predict({moderator: at}).rename(columns=columns).assign(x=at)


@in_own_style
def bubble(
    fit: FigureSource,
    moderator: str,
    *,
    line: pd.DataFrame | None = None,
    ax: Axes | None = None,
) -> Plot:
    """Draw estimates against a moderator; the area of a bubble is proportional to 1/variance, down to a smallest.

    Parameters
    ----------
    fit
        A result of any model, or an `EvidenceTable`.
    moderator
        Name of a numeric moderator of the table.
    line
        The fitted line: columns ``x``, ``estimate`` and, for the band, ``low`` and ``high``. When left out, a
        regression on this moderator alone (``moderators="~ year"``) draws its own, with its interval.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure; it says how many rows it cannot show.

    Raises
    ------
    UnknownName
        The table has no such moderator.
    InputError
        The moderator is not numeric, or no row has all three numbers.

    See Also
    --------
    lamevidence.pool : ``moderators="~ x"`` fits the line.

    References
    ----------
    Thompson & Higgins 2002, doi:10.1002/sim.1187.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01], moderators={"dose": [1, 2, 3, 4]}
    ... )
    >>> lam.plots.bubble(lam.pool(table, moderators="~ dose"), "dose").description
    'Bubble plot of 4 studies.'
    """
    table = table_of(fit, "a bubble plot")
    a_choice("moderator", moderator, table.moderators)
    try:
        x = np.asarray(table.moderators[moderator], dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"moderator {moderator!r} is not numeric and has no axis · use forest(group={moderator!r})"
        ) from None
    usable = np.isfinite(x) & np.isfinite(table.yi) & np.isfinite(table.vi) & (table.vi > 0)
    if not usable.any():
        raise InputError(f"no row has an estimate, a variance and {moderator}")
    if line is None:
        line = _own_line(fit, moderator, x[usable])
    figure, ax = start(ax)
    if line is not None:
        at = numbers_of(line, "x")
        if {"low", "high"} <= set(line.columns):
            ax.fill_between(at, numbers_of(line, "low"), numbers_of(line, "high"), color="#f5e3d8", lw=0)
        ax.plot(at, numbers_of(line, "estimate"), color=RUST, lw=1.2)
    w = 1 / table.vi[usable]
    area = np.maximum(160 * w / w.max(), SMALLEST)
    ax.scatter(x[usable], table.yi[usable], s=area, facecolor=BLUE, edgecolor="white", lw=0.6, alpha=0.85, zorder=3)
    ax.margins(0.08)
    left_out = int((~usable).sum())
    note = f"; {left_out} rows without {moderator}, estimate or variance not shown" if left_out else ""
    if note:
        ax.set_title(note[2:], fontsize=6.5, loc="left", color="#333333")
    return finished(figure, ax, moderator, axis_name(table), f"Bubble plot of {int(usable.sum())} studies{note}.")
