"""Predictive check: each observed estimate in the interval the model predicts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks.predictive import PredictiveCheck
from ..checks.tables import CheckTable
from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import OptionError
from ..foundation.options import a_text
from ..results.contract import Result
from .data import labels_of, numbers_of
from .drawing.canvas import BLUE, LIGHT, RUST, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["predictive_intervals"]


@in_own_style
def predictive_intervals(frame: pd.DataFrame | PredictiveCheck, *, name: str = "", ax: Axes | None = None) -> Plot:
    """Draw observed values in the intervals predicted for them; what lies outside is drawn in rust.

    One interval a study: kernel densities of replicated data say little for few studies.

    Parameters
    ----------
    frame
        What `lamevidence.predictive_check` returns, or a frame with ``label``, ``observed``, ``low``, ``high``.
    name
        Of the axis, with its unit.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError, UnknownName
        Not something this figure is made of, or a column that does not exist.

    See Also
    --------
    lamevidence.predictive_check : Where the intervals come from.

    References
    ----------
    Gelman, Meng & Stern 1996, Statistica Sinica 6, 733.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> frame = pd.DataFrame({"label": ["A", "B"], "observed": [1.0, 9.0], "low": [0.0, 0.0], "high": [4.0, 4.0]})
    >>> lam.plots.predictive_intervals(frame).description
    'Observed values: 2 rows, each a dot and its interval; 1 outside (B).'
    """
    if isinstance(frame, PredictiveCheck):
        frame = frame.intervals()
    if isinstance(frame, Result | EvidenceTable | CheckTable):
        raise OptionError(
            "this figure is made of observed values and the intervals predicted for them"
            " · give lam.predictive_check(post), for example of post = lam.pool_bayes(table)"
        )
    labels = labels_of(frame)
    observed, low, high = (numbers_of(frame, column) for column in ("observed", "low", "high"))
    y = np.arange(len(labels))[::-1]
    outside = (observed < low) | (observed > high)
    a_text("name", name)
    figure, ax = start(ax, 4.2, 0.9 + 0.22 * len(labels))
    ax.hlines(y, low, high, color=LIGHT, lw=4)
    for mask, color in ((~outside, BLUE), (outside, RUST)):
        ax.plot(observed[mask], y[mask], "o", ms=4, mfc=color, mec="white", mew=0.5)
    ax.set_yticks(y, labels)
    for tick in ax.get_yticklabels():
        tick.set_parse_math(False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(-0.7, len(labels) - 0.3)
    names = [label for label, out in zip(labels, outside, strict=True) if out]
    which = f"{len(names)} outside ({', '.join(names)})" if names else "none outside"
    rows = f"{len(labels)} row{'s' if len(labels) > 1 else ''}"
    what = f"{name or 'Observed values'}: {rows}, each a dot and its interval; {which}."
    return finished(figure, ax, name, "", what)
