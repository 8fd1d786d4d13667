"""Marks onto a figure: no measuring, no deciding."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
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


@cache
def _text_class() -> type[Any]:
    from matplotlib.colors import to_rgba
    from matplotlib.text import Text as TextArtist

    class PlacedText(TextArtist):
        """A line of text whose left edge and baseline are known: it is drawn there, and not measured once more."""

        def draw(self, renderer: Any) -> None:  # noqa: ANN401
            if self._moved():
                super().draw(renderer)
                return
            if not self.get_visible() or not self.get_text():
                return
            renderer.open_group("text", self.get_gid())
            x, y = self.get_transform().transform(self.get_position())
            if renderer.flipy():
                y = renderer.get_canvas_width_height()[1] - y
            pen = renderer.new_gc()
            pen.set_foreground(to_rgba(self.get_color()), isRGBA=True)
            pen.set_alpha(self.get_alpha())
            pen.set_url(self.get_url())
            pen.set_antialiased(self.get_antialiased())
            pen.set_snap(self.get_snap())
            renderer.draw_text(pen, x, y, self.get_text(), self.get_fontproperties(), 0.0, ismath=False, mtext=self)
            pen.restore()
            renderer.close_group("text")
            self.stale = False

        def _moved(self) -> bool:
            """Whether somebody has made more of it than what is drawn here."""
            how = (self.get_horizontalalignment(), self.get_verticalalignment(), self.get_rotation())
            parts = (self.get_bbox_patch(), self.get_path_effects(), self.get_clip_box(), self.get_clip_path())
            special = self.get_usetex() or self.get_parse_math() or self.get_wrap() or "\n" in self.get_text()
            return how != ("left", "baseline", 0.0) or any(parts) or special

    return PlacedText


def _text(mark: Text, transform: Transform) -> Any:  # noqa: ANN401
    return _text_class()(
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


@cache
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
