"""Influence plot: one small axes a diagnostic, one row a study, what stands out in rust."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..checks.influence import influence as influence_of
from ..checks.tables import CheckTable
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable
from ..results.contract import Result
from .data import PointSource, frame_of, labels_of
from .drawing.canvas import BLUE, GREY, LIGHT, RUST, in_own_style
from .drawing.figure import Plot

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["influence"]


@dataclass(frozen=True, slots=True)
class _Panel:
    """One diagnostic: its name, its values, where the lines stand that it is read against."""

    name: str
    values: FloatArray
    lines: tuple[float, ...]


_NAMES: Mapping[str, str] = {
    "studentized": "Studentized\nresidual",
    "dffits": "DFFITS",
    "cook": "Cook's\ndistance",
    "cov_ratio": "Covariance\nratio",
    "hat": "Hat value",
    "tau2_deleted": "\u03c4\u00b2\nwithout",
    "q_deleted": "Q\nwithout",
}


def _limits(k: int, p: int, fit: Result | None) -> dict[str, tuple[float, ...]]:
    """Return the lines of each panel: the limits of Viechtbauer & Cheung 2010, or the value with all studies."""
    reach = 3 * math.sqrt(p / (k - p)) if k > p else math.nan
    found = {
        "studentized": (-1.96, 0.0, 1.96),
        "dffits": (-reach, 0.0, reach),
        "cook": (float(special.chdtri(p, 0.5)),),
        "cov_ratio": (1.0,),
        "hat": (p / k, 3 * p / k),
    }
    if fit is not None:
        whole = fit.heterogeneity()
        tau2 = whole.tau2 if isinstance(whole.tau2, float) else math.nan
        found |= {"tau2_deleted": (tau2,), "q_deleted": (whole.q,)}
    return found


def _panels(frame: pd.DataFrame, fit: Result | None) -> list[_Panel]:
    columns = list(map(str, frame.columns))
    p = max(1, sum(name.startswith("dfbetas_") for name in columns))
    limits = _limits(len(frame), p, fit)
    panels = []
    for name, words in _NAMES.items():
        if name not in columns:
            continue
        values = floats(frame[name], f"column {name!r}")
        if np.isfinite(values).any():
            lines = tuple(line for line in limits.get(name, ()) if math.isfinite(line))
            panels.append(_Panel(words, values, lines))
    if not panels:
        raise NotEstimable(f"none of {', '.join(_NAMES)} has a value · draw lam.plots.leave_one_out(fit)")
    return panels


def _draw(ax: Axes, panel: _Panel, y: FloatArray, standing_out: NDArray[np.bool_]) -> None:
    for line in panel.lines:
        ax.axvline(line, color=GREY, lw=0.6, ls="-" if line == 0.0 else (0, (4, 2.5)), zorder=0)
    known = np.isfinite(panel.values)
    ax.plot(panel.values[known], y[known], color=LIGHT, lw=0.6, zorder=1)
    for mask, color in ((known & ~standing_out, BLUE), (known & standing_out, RUST)):
        ax.plot(panel.values[mask], y[mask], "o", ms=3.6, mfc=color, mec="white", mew=0.4, zorder=2)
    ax.set_title(panel.name, fontsize=7)
    ax.margins(x=0.12)
    ax.locator_params(axis="x", nbins=3)
    ax.tick_params(direction="out", length=3, width=0.8, labelsize=6.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


@in_own_style
def influence(fit: PointSource) -> Plot:
    """Draw the case diagnostics of a result side by side: residual, DFFITS, Cook's distance, hat value and others.

    Dashed lines are the limits that call a study influential, or the value with all studies; studies that the check
    calls influential are drawn in rust. Diagnostics that the model does not have are left out.

    Parameters
    ----------
    fit
        A fitted result, what `lamevidence.influence` returns, or a frame with the columns of the latter.

    Returns
    -------
    Plot
        ``ax`` is the first of the small axes, ``fig.axes`` are all of them.

    Raises
    ------
    OptionError, NotEstimable
        Not something this figure is made of, or a model without such diagnostics.

    See Also
    --------
    lamevidence.plots.baujat, lamevidence.plots.leave_one_out

    References
    ----------
    Viechtbauer & Cheung 2010, doi:10.1002/jrsm.11.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.influence(lam.pool(table, tau2="DL")).description
    'Influence plot of 4 studies; influential: 1, 4.'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    frame = frame_of(fit, influence_of, "an influence plot", ("label",))
    labels = labels_of(frame)
    # a check that was given keeps its own result, so that its lines need no second fit
    panels = _panels(frame, fit.fit if isinstance(fit, CheckTable) else fit if isinstance(fit, Result) else None)
    marked = frame["influential"].to_numpy() if "influential" in frame else np.zeros(len(labels))
    standing_out = np.asarray(marked == 1)
    figure = Figure(figsize=(1.2 + 0.92 * len(panels), 0.9 + 0.19 * len(labels)), dpi=100, facecolor="white")
    figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    y = np.arange(len(labels))[::-1].astype(float)
    for ax, panel in zip(axes, panels, strict=True):
        _draw(ax, panel, y, standing_out)
    first: Axes = axes[0]
    first.set_yticks(y, labels, fontsize=7)
    for tick in first.get_yticklabels():
        tick.set_parse_math(False)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    first.set_ylim(-0.6, len(labels) - 0.4)
    names = [label for label, out in zip(labels, standing_out, strict=True) if out]
    verdict = f"influential: {', '.join(names)}" if names else "none is influential"
    return Plot(figure, first, f"Influence plot of {len(labels)} studies; {verdict}.")
