"""One plain look for every figure that is not a forest plot."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, cast

from ...foundation.errors import OptionError
from ...foundation.options import an_instance
from .figure import Plot, own_style
from .measure import families

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["BLUE", "GREY", "LIGHT", "RUST", "SMALLEST", "an_axes", "finished", "in_own_style", "set_limits", "start"]

BLUE, RUST, GREY, LIGHT = "#1f4e79", "#b5541c", "#555555", "#8aa4bf"
SMALLEST = 8.0
"""Area of the smallest circle that is still seen in print, in square points."""

P = ParamSpec("P")


def in_own_style(make: Callable[P, Plot]) -> Callable[P, Plot]:
    """Run a plot function with the package's settings, whatever the session has set."""

    @wraps(make)
    def run(*args: P.args, **kwargs: P.kwargs) -> Plot:
        import matplotlib

        look = {"font.family": list(families()), "font.size": 8.0, "axes.unicode_minus": True}
        with own_style(), matplotlib.rc_context(look):
            return make(*args, **kwargs)

    return run


def an_axes(ax: object) -> None:
    """Raise unless ``ax`` is an Axes that belongs to a figure.

    Raises
    ------
    OptionError
        It is not; the message says how to make one.
    """
    from matplotlib.axes import Axes

    an_instance("ax", ax, Axes, "give an Axes, for example the second that plt.subplots() returns, or leave ax out")
    given = cast("Axes", ax)
    if given.name != "rectilinear":
        raise OptionError(f"ax has the projection {given.name!r} · give an Axes with plain x and y")
    if given.get_figure() is None:
        raise OptionError("ax belongs to no figure · give an Axes made by a Figure")


def start(ax: Axes | None, width: float = 3.6, height: float = 3.0) -> tuple[Figure, Axes]:
    """Return figure and axes: those given, or new ones of this size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if ax is not None:
        an_axes(ax)
    else:
        figure = Figure(figsize=(width, height), dpi=100, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.add_subplot()
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(direction="out", length=3, width=0.8, labelsize=7)
    return cast("Figure", ax.get_figure()), ax


def finished(figure: Figure, ax: Axes, x: str, y: str, description: str) -> Plot:
    """Return the plot with its axes labelled."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return Plot(figure, ax, description)


def set_limits(ax: Axes, values: ArrayLike, *, axis: str = "x", share: float = 0.06) -> None:
    """Set limits a little outside the values."""
    import numpy as np

    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    low, high = float(array.min()), float(array.max())
    room = share * (high - low) or 0.5 * abs(high) or 1.0
    (ax.set_xlim if axis == "x" else ax.set_ylim)(low - room, high + room)
