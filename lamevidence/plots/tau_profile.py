"""Profile of the likelihood over the between-study standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..options import a_level, a_text
from .canvas import BLUE, GREY, finished, in_own_style, start
from .figure import Plot
from .frames import numbers_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_tau_profile"]


@in_own_style
def plot_tau_profile(frame: pd.DataFrame, *, unit: str = "", level: float = 0.95, ax: Axes | None = None) -> Plot:
    """Draw log-likelihood against τ, relative to its maximum; the dashed line cuts the profile interval.

    Parameters
    ----------
    frame
        Columns ``tau`` and ``log_likelihood``.
    unit
        Unit of tau.
    level
        Level of the profile interval.
    ax
        Axes to draw on.
    """
    tau, value = numbers_of(frame, "tau"), numbers_of(frame, "log_likelihood")
    order = np.argsort(tau)
    tau, value = tau[order], value[order] - value.max()
    cut = -float(special.ndtri(0.5 + a_level(level) / 2)) ** 2 / 2
    a_text("unit", unit)
    figure, ax = start(ax, 3.6, 2.4)
    ax.plot(tau, value, color=BLUE, lw=1.4)
    best = int(np.argmax(value))
    ax.plot(tau[best], 0.0, "o", ms=4, mfc=BLUE, mec="white", mew=0.5)
    ax.axhline(cut, color=GREY, lw=0.8, ls=(0, (4, 2.5)))
    ax.set_ylim(bottom=max(float(value.min()), 4 * cut))
    what = f"\u03c4 ({unit})" if unit else "\u03c4"
    return finished(figure, ax, what, "Log-likelihood below its maximum", "Profile likelihood of tau.")
