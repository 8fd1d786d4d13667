"""GOSH: the pooled estimate and heterogeneity of every subset of studies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..checks.gosh import gosh as gosh_of
from ..checks.tables import CheckTable
from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import a_choice, a_text
from ..results.contract import Result
from .data import PointSource, axis_name, frame_of, numbers_of
from .drawing.canvas import BLUE, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["gosh"]

_NAMES = {
    "estimate": "Pooled estimate (analysis scale)",
    "i2": "I\u00b2 (%)",
    "h2": "H\u00b2",
    "tau2": "\u03c4\u00b2",
    "q": "Q",
    "k": "Number of studies",
}


def _with_values(frame: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Return the subsets that have both values: a single study has no I²."""
    for option, column in (("x", x), ("y", y)):
        a_choice("column", column, map(str, frame.columns))
        if not np.isfinite(floats(frame[column], f"column {column!r}")).any():
            numbers = [c for c in _NAMES if c in frame and np.isfinite(floats(frame[c], c)).any()]
            names = ", ".join(map(repr, numbers))
            raise NotEstimable(f"this model has no {column} of any subset · give {option}= one of {names}")
    kept = np.isfinite(floats(frame[x], x)) & np.isfinite(floats(frame[y], y))
    return frame[kept].reset_index(drop=True)


def _scale_name(fit: Result | None) -> str:
    return axis_name(fit.table) if fit is not None and isinstance(fit.table, EvidenceTable) else ""


@in_own_style
def gosh(
    fit: PointSource,
    *,
    x: str = "estimate",
    y: str = "i2",
    name: str = "",
    subsets: int | None = None,
    seed: int | None = None,
    ax: Axes | None = None,
) -> Plot:
    """Draw the refits to subsets of the studies; several clouds mean that a few studies make the result.

    Parameters
    ----------
    fit
        A fitted result (all subsets of its studies are refitted), what `lamevidence.checks.gosh` returns, or a frame
        with one subset a row.
    x, y
        Names of the columns.
    name
        Of the horizontal axis, with its unit: ``"Log risk ratio"``, ``"Slope (mL/year)"``; of a result or a check the
        analysis scale when left out.
    subsets, seed
        How many random subsets of the studies of a result, and what reproduces them; all subsets when left out.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        Subsets without a value (a single study has no I²) are not drawn.

    Raises
    ------
    OptionError, UnknownName
        Not something this figure is made of, a column that does not exist, or too many studies for all subsets.

    See Also
    --------
    lamevidence.checks.gosh : Random subsets of many studies.

    References
    ----------
    Olkin, Dahabreh & Trikalinos 2012, doi:10.1002/jrsm.1053.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.gosh(lam.pool(table, model="common")).description
    'GOSH plot of 11 subsets.'
    """
    a_text("name", name)
    if not isinstance(fit, Result) and (subsets is not None or seed is not None):
        raise OptionError("subsets and seed are for a result: these subsets are drawn · leave both out")
    frame = frame_of(fit, partial(gosh_of, subsets=subsets, seed=seed), "a GOSH plot", (x, y))
    if isinstance(fit, Result | CheckTable):
        frame = _with_values(frame, x, y)
        source = fit.fit if isinstance(fit, CheckTable) else fit
        name = name or (_scale_name(source) if x == "estimate" else "")
    a, b = numbers_of(frame, x), numbers_of(frame, y)
    figure, ax = start(ax)
    ax.plot(a, b, ".", ms=3 if len(a) > 500 else 5, color=BLUE, alpha=0.45, mew=0, rasterized=True)
    ax.margins(0.05)
    return finished(figure, ax, name or _NAMES.get(x, x), _NAMES.get(y, y), f"GOSH plot of {len(a)} subsets.")
