"""Funnel plot: estimates against their standard errors, with contours of significance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..checks.small_study.trim_and_fill import TrimAndFill
from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable
from ..foundation.options import a_flag, a_level
from ..pooling.subgroups import Subgroups
from ..results.contract import Result
from .data import FigureSource, axis_name, centre_of, estimates, middle, table_of
from .drawing.canvas import BLUE, GREY, finished, in_own_style, set_limits, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["funnel"]

_LEVELS = ((0.99, "#c9c9c9"), (0.95, "#e3e3e3"), (0.90, "#ffffff"))


@dataclass(frozen=True, slots=True)
class _Points:
    """What a funnel holds: values and standard errors, which are filled, its centre, the null, the name of the axis."""

    x: FloatArray
    se: FloatArray
    filled: NDArray[np.bool_]
    centre: float
    null: float | None
    name: str
    what: str = ""


def _points(fit: object, table: EvidenceTable, centre: float | None) -> _Points:
    found = estimates(table)
    filled = np.zeros(len(found.yi), dtype=bool)
    if isinstance(fit, TrimAndFill) and fit.missing:
        filled[-fit.missing :] = True
    means = _row_means(fit, table)
    if means is None:
        null = MEASURES[table.measure].null
        return _Points(found.yi, found.se, filled, centre_of(fit, centre), null, axis_name(table))
    # around a mean of its own for each row only the residuals share a centre
    residual = found.yi - means[found.rows]
    if not np.isfinite(residual).all():
        raise NotEstimable(
            "this model has no fitted value for every row · give its table, as lam.plots.funnel(fit.table)"
        )
    middle = 0.0 if centre is None else centre_of(None, centre)
    return _Points(residual, found.se, filled, middle, None, f"Residual: {axis_name(table)}", " (residuals)")


def _row_means(fit: object, table: EvidenceTable) -> FloatArray | None:
    """Return the mean of each row where the rows have different ones, else None."""
    if isinstance(fit, Subgroups):
        means = {name: middle(part) for name, part in fit.groups.items()}
        return np.array([means[label] for label in fit.labels])
    if isinstance(fit, Result) and len(fit.names) > 1:
        return np.asarray(fit.fitted(), dtype=float)
    return None


def _contours(ax: Axes, null: float, reach: float) -> None:
    """Shade by two-sided P against the null: white above 0.10, darker below 0.10, 0.05 and 0.01."""
    se = np.array([0.0, reach])
    ax.axhspan(0, reach, color="#b0b0b0", lw=0, zorder=0)
    for level, shade in _LEVELS:
        half = float(special.ndtri(0.5 + level / 2)) * se
        ax.fill_betweenx(se, null - half, null + half, color=shade, lw=0, zorder=0)
    words = "P < 0.01 dark, < 0.05 grey, < 0.10 light"
    ax.text(0.97, 1.01, words, transform=ax.transAxes, ha="right", va="bottom", fontsize=6, color="#333333")


@in_own_style
def funnel(
    fit: FigureSource,
    *,
    contour: bool = True,
    centre: float | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Plot:
    """Draw a funnel plot on the analysis scale.

    Contours show two-sided significance (0.10, 0.05, 0.01) against no effect; a measure without a
    null has none and gets the pseudo-confidence funnel around the pooled estimate only.

    Parameters
    ----------
    fit
        A fitted result, a posterior, what `lamevidence.checks.trim_and_fill` returns (filled studies are hollow), or
        an `EvidenceTable`. Of a model with moderators, and of subgroups, the residuals are drawn around 0.
    contour
        Shade regions of significance.
    centre
        Centre of the funnel on the analysis scale; without it the pooled estimate.
    level
        Level of the funnel's sides: centre ± z se.
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
    NotEstimable
        No row has an estimate and a variance.

    See Also
    --------
    lamevidence.checks.small_study_test : Whether the funnel leans.
    lamevidence.checks.trim_and_fill : What would make it symmetric.

    References
    ----------
    Peters et al. 2008, doi:10.1016/j.jclinepi.2007.11.010.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> lam.plots.funnel(lam.pool(table)).description
    'Funnel plot of 4 studies.'
    """
    a_level(level)
    a_flag("contour", contour)
    found = _points(fit, table_of(fit, "a funnel plot"), centre)
    figure, ax = start(ax)
    reach = 1.08 * float(found.se.max())
    z = float(special.ndtri(0.5 + level / 2))
    sides = np.array([found.centre - z * reach, found.centre + z * reach])
    if contour and found.null is not None:
        _contours(ax, found.null, reach)
    ax.plot([sides[0], found.centre, sides[1]], [reach, 0, reach], color=GREY, lw=0.8, ls=(0, (4, 2.5)))
    ax.plot([found.centre, found.centre], [0, reach], color=GREY, lw=0.8)
    seen = ~found.filled
    ax.plot(found.x[seen], found.se[seen], "o", ms=4.2, mfc=BLUE, mec="white", mew=0.5)
    filled = int(found.filled.sum())
    if filled:
        ax.plot(found.x[found.filled], found.se[found.filled], "o", ms=4.2, mfc="white", mec=BLUE, mew=0.8)
        ax.set_title("hollow: filled", fontsize=6.5, loc="left", color="#333333")
    set_limits(ax, [*found.x, *sides])
    ax.set_ylim(reach, 0)
    what = f"Funnel plot of {int(seen.sum())} studies{f' and {filled} filled ones' if filled else ''}{found.what}."
    return finished(figure, ax, found.name, "Standard error", what)
