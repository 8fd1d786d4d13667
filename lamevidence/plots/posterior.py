"""Posterior density of one quantity, with its prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from ..options import a_level, a_text, shown
from .canvas import GREY, RUST, finished, in_own_style, start
from .figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_posterior"]


@in_own_style
def plot_posterior(
    distribution: Any,  # noqa: ANN401
    *,
    prior: Any = None,  # noqa: ANN401
    name: str = "",
    unit: str = "",
    level: float = 0.95,
    ax: Axes | None = None,
) -> Plot:
    """Draw a density, its central interval shaded, its median marked, the prior dashed.

    Parameters
    ----------
    distribution
        ``post.mu``, ``post.tau`` or ``post.theta_new``: has ``pdf``, ``quantile``, ``interval`` and ``median``.
    prior
        A distribution with ``pdf``.
    name, unit
        Of the quantity, for the axis.
    level
        Level of the shaded central interval.
    ax
        Axes to draw on.
    """
    for thing, wanted in ((distribution, ("pdf", "quantile", "interval", "median")), (prior, ("pdf",))):
        optional = thing is None and "interval" not in wanted
        if not optional and (isinstance(thing, type) or not all(hasattr(thing, part) for part in wanted)):
            raise OptionError(
                f"{shown(thing)} is not a distribution: it lacks one of {', '.join(wanted)} · give for example post.mu"
            )
    a_text("name", name)
    a_text("unit", unit)
    low, high = distribution.interval(a_level(level))
    first, last = (float(distribution.quantile(p)) for p in (0.0005, 0.9995))
    if not np.isfinite(last - first):
        raise OptionError(f"the tails of {name or 'this quantity'} reach beyond any axis · draw another quantity")
    at = np.linspace(first, last, 400)
    density = np.asarray(distribution.pdf(at), dtype=float)
    figure, ax = start(ax, 3.6, 2.4)
    inside = (at >= low) & (at <= high)
    ax.fill_between(at[inside], density[inside], color="#f0d9cb", lw=0)
    ax.plot(at, density, color=RUST, lw=1.4)
    if prior is not None:
        ax.plot(at, np.asarray(prior.pdf(at), dtype=float), color=GREY, lw=0.9, ls=(0, (4, 2.5)))
    middle = float(distribution.median)
    ax.plot([middle, middle], [0, float(distribution.pdf(middle))], color=RUST, lw=0.8)
    ax.set_ylim(bottom=0)
    from_zero = 0 < first < 0.1 * last  # a standard deviation is read from zero
    ax.set_xlim(0.0 if from_zero else first, last)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    what = f"{name} ({unit})" if unit else name
    words = f"{100 * level:g}% interval shaded, median marked" + (", prior dashed" if prior is not None else "")
    ax.set_title(words, fontsize=6.5, loc="left", color="#333333")
    return finished(figure, ax, what, "", f"Posterior of {name or 'one quantity'}: {words}.")
