"""Drapery plot: the P value of every hypothesis, for each study and for the pooled result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special
from scipy.interpolate import PchipInterpolator

from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..results.contract import Result
from .data import FigureSource, axis_name, estimates, middle, one_mean, table_of
from .drawing.canvas import GREY, LIGHT, RUST, finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["drapery"]

_Z = np.linspace(special.ndtri(0.5005), special.ndtri(0.999), 20)
_LEVELS = 2 * special.ndtr(_Z) - 1
"""Levels of the intervals that are asked for, from 0.1 % to 99.8 %, even on the scale of z: each end of a profile
interval is a search. Between them the curve is monotone in z and smooth, to 0.0005 of P for k = 2."""


def _curve(ends: FloatArray, peak: float) -> tuple[FloatArray, FloatArray]:
    """Return places and P values of a pooled estimate through its intervals at `_LEVELS`, (levels, 2)."""
    x = np.concatenate([ends[::-1, 0], [peak], ends[:, 1]])
    z = np.concatenate([-_Z[::-1], [0.0], _Z])
    known = np.isfinite(x) & np.concatenate([[True], np.diff(np.fmax.accumulate(x)) > 0])
    if known.sum() < 3:
        return x[known], 2 * special.ndtr(-np.abs(z[known]))
    at = np.union1d(np.linspace(x[known][0], x[known][-1], 400), x[known])
    return at, 2 * special.ndtr(-np.abs(PchipInterpolator(x[known], z[known])(at)))


@in_own_style
def drapery(fit: FigureSource, *, ax: Axes | None = None) -> Plot:
    """Draw two-sided P value functions; the pooled one is traced through ``interval(level)`` at all levels.

    Parameters
    ----------
    fit
        A result with one mean, or an `EvidenceTable`. A posterior has no P values: its studies are drawn alone.
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
    lamevidence.plots.forest : One level in place of all.

    References
    ----------
    Rücker & Schwarzer 2021, doi:10.1002/jrsm.1435.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.drapery(lam.pool(table)).description
    'Drapery plot of 4 studies.'
    """
    table = table_of(fit, "a drapery plot")
    one_mean(fit, "a drapery plot")
    found = estimates(table)
    yi, se = found.yi, found.se
    figure, ax = start(ax)
    pooled = fit if isinstance(fit, Result) and not fit.bayesian else None
    usual = tuple(pooled.intervals(0.95)[0]) if pooled is not None else ()
    low, high = float(min([*(yi - 3.3 * se), *usual])), float(max([*(yi + 3.3 * se), *usual]))
    at = np.union1d(np.linspace(low, high, 500), yi)  # with every peak, which is P = 1
    for y, s in zip(yi, se, strict=True):
        ax.plot(at, 2 * special.ndtr(-np.abs(at - y) / s), color=LIGHT, lw=0.8)
    if pooled is not None:
        ends = np.array([pooled.intervals(float(level))[0] for level in _LEVELS])
        ax.plot(*_curve(ends, middle(pooled)), color=RUST, lw=1.6)
    null = MEASURES[table.measure].null
    if null is not None:
        ax.axvline(null, color=GREY, lw=0.8)
    ax.axhline(0.05, color=GREY, lw=0.6, ls=(0, (4, 2.5)))
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.02)
    words = "thin: studies" + ("; thick: pooled" if pooled is not None else "") + "; dashed: P = 0.05"
    ax.set_title(words, fontsize=6.5, loc="left", color="#333333")
    return finished(figure, ax, axis_name(table), "P value", f"Drapery plot of {len(yi)} studies.")
