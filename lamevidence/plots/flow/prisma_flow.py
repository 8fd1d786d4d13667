"""The PRISMA 2020 flow diagram: boxes on a grid that becomes two columns where the page is narrow."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...foundation.errors import EvidenceWarning, FigureTooNarrow, OptionError
from ...foundation.options import shown
from ...registry.flow.prisma_flow import PrismaFlow
from ..data import called
from ..drawing.canvas import BLUE, an_axes, in_own_style
from ..drawing.figure import Plot
from ..drawing.measure import font, missing_characters, text_size
from ..forest.layout import width_in_points
from .content import Content
from .grid import (
    GAP,
    LEADING,
    NARROWEST,
    PAD,
    SIZE,
    STRIP,
    Plan,
    longest_word,
    paths,
    place,
    side_by_side,
    stacked,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["FlowPlot", "prisma_flow"]

TITLE, PHASE, EDGE = "#e3eaf2", "#dbe4ee", "#444444"
_MM = 72 / 25.4


@dataclass(frozen=True, eq=False, repr=False)
class FlowPlot(Plot):
    """A flow diagram and the numbers it shows.

    Attributes
    ----------
    rows
        One row a number: ``part box item label n`` as in the frame of the flow, ``printed`` as it stands in the
        diagram, and the box on ``ax`` in points (``left top right bottom``).
    """

    rows: pd.DataFrame = field(kw_only=True)

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of ``rows``."""
        return self.rows.copy()


def _draw(ax: Axes, plan: Plan, width: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    for cell in plan.cells.values():
        look: dict[str, Any] = {"facecolor": TITLE if cell.title else "white", "edgecolor": EDGE, "lw": 0.7}
        size = (cell.right - cell.left, cell.bottom - cell.top)
        ax.add_patch(Rectangle((cell.left, cell.top), *size, gid=f"box-{cell.key.replace(' ', '-')}", zorder=2, **look))
        top = cell.middle - len(cell.lines) * LEADING / 2 if cell.title else cell.top + PAD
        for i, (indent, text) in enumerate(cell.lines):
            x = cell.centre if cell.title else cell.left + PAD + indent
            ax.text(
                x,
                top + (i + 0.78) * LEADING,
                text,
                ha="center" if cell.title else "left",
                va="baseline",
                fontproperties=font(SIZE, bold=cell.title),
                parse_math=False,
                zorder=3,
            )
    for name, first, last in plan.phases:
        inside = [c for c in plan.cells.values() if first <= c.row <= last]
        top, bottom = min(c.top for c in inside), max(c.bottom for c in inside)
        bottom = max(bottom, top + text_size(name, SIZE, bold=True).width + 2 * PAD)
        ax.add_patch(Rectangle((0.5, top), STRIP - 1, bottom - top, facecolor=PHASE, edgecolor="none", zorder=1))
        at, words = (STRIP / 2, (top + bottom) / 2), font(SIZE, bold=True)
        ax.text(*at, name, rotation=90, ha="center", va="center", fontproperties=words, color=BLUE, zorder=3)
    for path in paths(plan):
        if len(path) > 2:
            ax.plot(*zip(*path[:-1], strict=True), color=EDGE, lw=0.8, solid_joinstyle="miter", zorder=1)
        tip = {"arrowstyle": "-|>", "lw": 0.8, "color": EDGE, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
        ax.annotate("", xy=path[-1], xytext=path[-2], arrowprops=tip, zorder=1)


def _rows(flow: PrismaFlow, plan: Plan) -> pd.DataFrame:
    frame = flow.to_frame().drop(columns="noun")
    places = {says.of: (says.text, cell) for cell in plan.cells.values() for says in cell.says if says.of is not None}
    found = [places[key] for key in zip(frame["part"], frame["box"], frame["item"], strict=True)]
    frame["printed"] = [text.replace("\u00a0", " ") for text, _ in found]
    for side in ("left", "top", "right", "bottom"):
        frame[side] = [float(getattr(cell, side)) for _, cell in found]
    return frame


@in_own_style
def _drawn(flow: PrismaFlow, width: float | None, ax: Axes | None) -> Plot:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    content = Content(flow)
    if ax is not None:
        ax.set_axis_off()
        figure: Any = ax.get_figure()
        figure.draw_without_rendering()  # the place that a layout engine gives it
        box = ax.get_window_extent()
        room = (72 * box.width / figure.dpi, 72 * box.height / figure.dpi)
    else:
        room = (178 * _MM if width is None else width, float("inf"))
    plan = side_by_side(content)
    if plan.columns > 2 and (room[0] - STRIP - plan.columns * GAP) / plan.columns < longest_word(plan):
        plan = stacked(content)
    least = STRIP + plan.gutter + plan.columns * (GAP + NARROWEST)
    if room[0] < least:
        raise FigureTooNarrow(
            f"LE601: a flow diagram of {room[0] / _MM:.0f} mm has no room for its words"
            f" · give at least {math.ceil(least / _MM)} mm"
        )
    high = place(plan, room[0])
    if high > room[1]:
        raise FigureTooNarrow(
            f"LE601: the flow diagram is {high / _MM:.0f} mm high, and the axes are {room[1] / _MM:.0f} mm"
            " · give higher or wider axes, or leave ax out"
        )
    if ax is None:
        figure = Figure(figsize=(room[0] / 72, high / 72), dpi=100, facecolor="white")
        FigureCanvasAgg(figure)
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    _draw(ax, plan, room[0], high if room[1] == float("inf") else room[1])
    missing = missing_characters("".join(text for cell in plan.cells.values() for _, text in cell.lines))
    if missing:
        told = f"no installed font has {missing!r}, drawn as boxes · install one that does, for example Noto Sans CJK"
        warnings.warn(EvidenceWarning(told, "LW602"), stacklevel=4)
    return FlowPlot(figure, ax, f"PRISMA 2020 flow diagram. {flow.describe()}", rows=_rows(flow, plan))


def prisma_flow(flow: PrismaFlow, *, width: float | str | None = None, ax: Axes | None = None) -> FlowPlot:
    """Draw the flow diagram of PRISMA 2020.

    The columns of the template stand side by side where the width has room for their words, and below each other where
    it has not. A number that is not reported is printed so.

    Parameters
    ----------
    flow
        What `lamevidence.reports.prisma` returns.
    width
        In mm (85, 140, 178 …), as ``"7in"``, or ``single``, ``1.5``, ``double``; 178 mm when None.
    ax
        Axes to draw on: its box is the room there is.

    Returns
    -------
    FlowPlot
        With ``fig``, ``ax`` (in points, downwards), ``rows`` and ``save``.

    Raises
    ------
    FigureTooNarrow
        LE601: the width cannot hold the words, or the axes are not high enough.
    OptionError
        Not a flow, or both ``width`` and ``ax``.

    See Also
    --------
    lamevidence.reports.prisma : Reads a flow, and checks its sums.

    References
    ----------
    Page et al. 2021, doi:10.1136/bmj.n71.

    Examples
    --------
    >>> import lamevidence as lam
    >>> flow = lam.reports.prisma(lam.load_registry())
    >>> rows = lam.plots.prisma_flow(flow).rows
    >>> rows[rows.part == "included"]["printed"].iloc[1]
    'Reports of included studies (n not reported)'
    """
    if not isinstance(flow, PrismaFlow):
        raise OptionError(
            f"a flow diagram is made of a flow of records, got {called(flow)} · give what lam.reports.prisma returns"
        )
    if ax is not None and width is not None:
        raise OptionError(f"width={shown(width)} and ax both set the width · give one of them")
    if ax is not None:
        an_axes(ax)
    plot = _drawn(flow, width_in_points(width), ax)
    assert isinstance(plot, FlowPlot)
    return plot
