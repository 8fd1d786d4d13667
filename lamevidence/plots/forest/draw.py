"""Marks onto a figure: no measuring, no deciding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..drawing.measure import font
from ..drawing.shapes import Arrow, Bar, Diamond, Disc, Line, Mark, Square, Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

__all__ = ["draw", "points_transform"]


def points_transform(figure: Figure, left: float, top: float) -> Transform:
    """Return the transform from points, y downwards from ``top``, to the figure's pixels."""
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(1, -1).translate(left, top).scale(1 / 72) + figure.dpi_scale_trans


def _text(mark: Text, transform: Transform) -> Any:  # noqa: ANN401
    from matplotlib.text import Text as TextArtist

    return TextArtist(
        mark.x,
        mark.y,
        mark.text,
        color=mark.color,
        ha="left",
        va="baseline",
        transform=transform,
        fontproperties=font(mark.size, bold=mark.bold, italic=mark.italic),
        parse_math=False,
    )


def _line(mark: Line, transform: Transform) -> Any:  # noqa: ANN401
    from matplotlib.lines import Line2D

    style: Any = (0, tuple(d / mark.width for d in mark.dash)) if mark.dash else "-"
    return Line2D(
        [mark.x0, mark.x1],
        [mark.y0, mark.y1],
        lw=mark.width,
        color=mark.color,
        ls=style,
        transform=transform,
        solid_capstyle="butt",
        dash_capstyle="butt",
        marker="None",
    )


def _corners(mark: Square | Bar | Diamond | Arrow) -> list[tuple[float, float]]:
    if isinstance(mark, Diamond):
        return list(mark.points)
    if isinstance(mark, Arrow):
        back = mark.x - mark.direction * mark.length
        return [(mark.x, mark.y), (back, mark.y - mark.height), (back, mark.y + mark.height)]
    if isinstance(mark, Square):
        half = mark.side / 2
        x0, x1, y0, y1 = mark.x - half, mark.x + half, mark.y - half, mark.y + half
    else:
        x0, x1, y0, y1 = mark.x, mark.x + mark.width, mark.y, mark.y + mark.height
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _area(mark: Square | Bar | Diamond | Arrow, transform: Transform) -> Any:  # noqa: ANN401
    from matplotlib.patches import Polygon

    diamond = isinstance(mark, Diamond)
    hollow = isinstance(mark, Square) and mark.hollow
    face = mark.face if isinstance(mark, Diamond) else "#ffffff" if hollow else mark.color
    edge = mark.edge if isinstance(mark, Diamond) else mark.color if hollow else "none"
    return Polygon(
        _corners(mark),
        closed=True,
        facecolor=face,
        edgecolor=edge,
        lw=mark.edge_width if isinstance(mark, Diamond) else 0.8 if hollow else 0.0,
        joinstyle="miter",
        transform=transform,
        snap=False if diamond else None,
    )


def _disc(mark: Disc, transform: Transform) -> Any:  # noqa: ANN401
    from matplotlib.patches import Circle

    return Circle(
        (mark.x, mark.y),
        mark.radius,
        facecolor=mark.face,
        edgecolor=mark.edge,
        lw=mark.edge_width,
        transform=transform,
    )


def _artist(mark: Mark, transform: Transform) -> Any:  # noqa: ANN401
    if isinstance(mark, Text):
        return _text(mark, transform)
    if isinstance(mark, Line):
        return _line(mark, transform)
    if isinstance(mark, Disc):
        return _disc(mark, transform)
    return _area(mark, transform)


def _group_class() -> type[Any]:
    from matplotlib.artist import Artist

    class MarkGroup(Artist):
        """Artists that form one group, with one id, in an SVG."""

        def __init__(self, name: str, members: list[Any]) -> None:
            super().__init__()
            self.set_gid(name)
            self.members = members

        def set_figure(self, fig: Any) -> None:  # noqa: ANN401
            super().set_figure(fig)
            for member in self.members:
                member.set_figure(fig)

        def get_children(self) -> list[Any]:
            return list(self.members)

        def draw(self, renderer: Any) -> None:  # noqa: ANN401
            renderer.open_group("group", gid=self.get_gid())
            for member in self.members:
                member.draw(renderer)
            renderer.close_group("group")
            self.stale = False

    return MarkGroup


def draw(figure: Figure, marks: Iterable[Mark], left: float, top: float) -> None:
    """Draw marks, in points from (left, top), as one group a row."""
    transform = points_transform(figure, left, top)
    groups: dict[str, list[Any]] = {}
    for mark in marks:
        groups.setdefault(mark.group, []).append(_artist(mark, transform))
    make = _group_class()
    for name, members in groups.items():
        group = make(name, members)
        group.set_zorder(1.0)
        figure.add_artist(group)
