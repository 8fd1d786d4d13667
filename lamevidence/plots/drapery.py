"""Drapery plot: the P value of every hypothesis, for each study and for the pooled result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from .canvas import GREY, LIGHT, RUST, finished, in_own_style, start
from .figure import Plot
from .results import bayesian
from .scatter_data import axis_name, estimates, table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_drapery"]

_LEVELS = np.concatenate([np.linspace(0.001, 0.99, 120), [0.995, 0.998]])


@in_own_style
def plot_drapery(result: Any, *, ax: Axes | None = None) -> Plot:  # noqa: ANN401
    """Draw two-sided P value functions; the pooled one is traced through ``interval(level)`` at all levels.

    References
    ----------
    Rücker & Schwarzer 2021, doi:10.1002/jrsm.1435.
    """
    table = table_of(result)
    yi, se, _ = estimates(table)
    figure, ax = start(ax)
    pooled = not isinstance(result, EvidenceTable) and not bayesian(result)
    usual = tuple(result.interval(0.95)) if pooled else ()
    low, high = float(min([*(yi - 3.3 * se), *usual])), float(max([*(yi + 3.3 * se), *usual]))
    at = np.union1d(np.linspace(low, high, 500), yi)  # with every peak, which is P = 1
    for y, s in zip(yi, se, strict=True):
        ax.plot(at, 2 * special.ndtr(-np.abs(at - y) / s), color=LIGHT, lw=0.8)
    if pooled:
        ends = np.array([tuple(result.interval(float(level))) for level in _LEVELS])
        sides = [*ends[::-1, 0], float(result.mu), *ends[:, 1]]
        ax.plot(sides, [*(1 - _LEVELS)[::-1], 1.0, *(1 - _LEVELS)], color=RUST, lw=1.6)
    null = MEASURES[table.measure].null
    if null is not None:
        ax.axvline(null, color=GREY, lw=0.8)
    ax.axhline(0.05, color=GREY, lw=0.6, ls=(0, (4, 2.5)))
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.02)
    words = "thin: studies" + ("; thick: pooled" if pooled else "") + "; dashed: P = 0.05"
    ax.set_title(words, fontsize=6.5, loc="left", color="#333333")
    return finished(figure, ax, axis_name(table), "P value", f"Drapery plot of {len(yi)} studies.")
