"""Profile of adverse events: raw rate ratios of the categories of one trial, and what shrinking leaves of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..foundation.options import an_instance
from ..synthesis.adverse_events import AdverseEventProfile
from .drawing.canvas import BLUE, GREY, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["adverse_events"]

_EDGE = 1.25
"""Room between the outermost finite number and the edge, where infinite ratios and those of 0 stand."""
_CAUTIOUS = "#b5541c"


@in_own_style
def adverse_events(fit: AdverseEventProfile, *, ax: Axes | None = None) -> Plot:
    """Draw raw ratios hollow, shrunken ones filled: blue where events are independent, orange with interval cautiously.

    Parameters
    ----------
    fit
        What `lamevidence.synthesis.adverse_event_profile` returns.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        Not such a profile.

    See Also
    --------
    lamevidence.synthesis.adverse_event_profile : The numbers.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.load_registry().evidence("miles-adverse-events-by-category")
    >>> lam.synthesis.adverse_event_profile(table).plot().description
    'Profile of 23 categories of adverse events; the cautious interval of 2 leaves a ratio of 1 out.'
    """
    an_instance("fit", fit, AdverseEventProfile, "make one with lam.synthesis.adverse_event_profile(table)")
    frame = fit.to_frame().sort_values("ratio", kind="stable").reset_index(drop=True)
    k = len(frame)
    figure, ax = start(ax, 5.2, 1.1 + 0.19 * k)
    rows, raw = np.arange(k), frame["raw"].to_numpy()
    real = np.isfinite(raw) & (raw > 0)
    known = np.concatenate([raw[real], frame["cautious_low"], frame["cautious_high"]])
    low, high = float(known.min()) / _EDGE, float(known.max()) * _EDGE
    ax.axvline(1.0, color=GREY, lw=0.8)
    ax.hlines(rows, frame["cautious_low"], frame["cautious_high"], color=_CAUTIOUS, lw=1.2)
    ax.plot(raw[real], rows[real], "o", ms=5, mfc="white", mec=BLUE, mew=0.9, label="raw")
    for at, value, marker in ((low, 0.0, "<"), (high, np.inf, ">")):
        here = raw == value
        ax.plot(np.full(int(here.sum()), at), rows[here], marker, ms=5, mfc="white", mec=BLUE, mew=0.9, clip_on=False)
    ax.plot(frame["ratio"], rows, "o", ms=4, color=BLUE, label="shrunken, events independent")
    ax.plot(frame["cautious_ratio"], rows, "s", ms=3.6, color=_CAUTIOUS, label="shrunken, cautious")
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low < t < high]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    counts = zip(frame["category"], frame["events"], frame["control_events"], strict=True)
    ax.set_yticks(rows, [f"{name}  {x:g} v {c:g}" for name, x, c in counts])
    ax.legend(loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=3, frameon=False, fontsize=7, handletextpad=0.2)
    found = fit.named()
    clear = len(found["more"]) + len(found["less"])
    what = f"Profile of {k} categories of adverse events; the cautious interval of {clear} leaves a ratio of 1 out."
    return finished(figure, ax, "Rate ratio (log scale)", "", what)
