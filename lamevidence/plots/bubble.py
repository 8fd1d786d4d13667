"""Bubble plot of a meta-regression: estimates against a moderator, with the fitted line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import InputError
from ..options import a_choice
from ..pooling.regression_results import Regression
from .canvas import BLUE, RUST, SMALLEST, finished, in_own_style, start
from .figure import Plot
from .frames import numbers_of
from .scatter_data import axis_name, table_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_bubble"]


def _own_line(result: Any, moderator: str, x: FloatArray) -> pd.DataFrame | None:  # noqa: ANN401
    """Return the fitted mean and its interval where the model is a straight line in this moderator."""
    if not isinstance(result, Regression) or result.names != ("Intercept", moderator):
        return None
    at = np.linspace(x.min(), x.max(), 100)
    fitted = result.predict({moderator: at}, prediction="none")
    columns = {"mean": "estimate", "conf_low": "low", "conf_high": "high"}
    return fitted.rename(columns=columns).assign(x=at)


@in_own_style
def plot_bubble(
    result: Any,  # noqa: ANN401
    moderator: str,
    *,
    line: pd.DataFrame | None = None,
    ax: Axes | None = None,
) -> Plot:
    """Draw estimates against a moderator; the area of a bubble is proportional to 1/variance, down to a smallest.

    Parameters
    ----------
    result
        A pooled result, a `Regression` or an `EvidenceTable`.
    moderator
        Name of a numeric moderator of the table.
    line
        The fitted line: columns ``x``, ``estimate`` and, for the band, ``low`` and ``high``. When left out, a
        regression on this moderator alone (``moderators="~ year"``) draws its own, with its interval.
    ax
        Axes to draw on.
    """
    table = table_of(result)
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
        line = _own_line(result, moderator, x[usable])
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
