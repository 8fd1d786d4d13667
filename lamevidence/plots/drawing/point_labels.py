"""Names beside points: each where it covers neither another name nor another point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from .measure import text_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["name_points"]

_SIZE = 6.5
_CLEAR = 3.0
"""Half the side of the square in points that a dot keeps free."""
_SIDES = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
_REACHES = (3.5, 6.0, 9.0, 13.0, 18.0, 24.0)
_LEADER = 8.0
"""From this distance on, in points, a thin line joins the name to its dot."""


def _box(at: FloatArray, side: tuple[int, int], reach: float, width: float, height: float) -> FloatArray:
    """Return left, bottom, right and top of a name that starts ``reach`` away from a point, in points."""
    x = at[0] + side[0] * reach - (width if side[0] < 0 else width / 2 if side[0] == 0 else 0)
    y = at[1] + side[1] * reach - (height if side[1] < 0 else height / 2 if side[1] == 0 else 0)
    return np.array([x, y, x + width, y + height])


def _free(box: FloatArray, taken: FloatArray, frame: FloatArray) -> bool:
    inside = bool(np.all(box[:2] >= frame[:2]) and np.all(box[2:] <= frame[2:]))
    apart = (taken[:, 0] >= box[2]) | (taken[:, 2] <= box[0]) | (taken[:, 1] >= box[3]) | (taken[:, 3] <= box[1])
    return inside and bool(apart.all())


def _leader(box: FloatArray, at: FloatArray) -> FloatArray:
    """Return small boxes along the line from a name's middle to its dot, without both ends."""
    middle = (box[:2] + box[2:]) / 2
    steps = middle + np.linspace(0.0, 1.0, 12)[:, None] * (at - middle)
    outside = np.any((steps < box[:2]) | (steps > box[2:]), axis=1) & (np.hypot(*(steps - at).T) > 2 * _CLEAR)
    kept = steps[outside]
    return np.hstack([kept - 0.5, kept + 0.5])


def _place(at: FloatArray, label: str, taken: FloatArray, frame: FloatArray) -> tuple[FloatArray, float] | None:
    """Return the nearest free box and its distance, None where the crowd leaves no room."""
    size = text_size(label, _SIZE)
    for reach in _REACHES:
        for side in _SIDES:
            box = _box(at, side, reach, size.width, size.ascent + size.descent)
            if not _free(box, taken, frame):
                continue
            if reach <= _LEADER or all(_free(step, taken, frame) for step in _leader(box, at)):
                return box, reach
    return None


def name_points(figure: Figure, ax: Axes, x: FloatArray, y: FloatArray, labels: Sequence[str]) -> tuple[str, ...]:
    """Write each label near its point, and return the labels that found no room.

    The most crowded points choose first, since they have the fewest places to choose from. An empty label names
    nothing: its point only keeps its place free.
    """
    figure.draw_without_rendering()
    scale = 72.0 / figure.dpi
    at = ax.transData.transform(np.column_stack([x, y])) * scale
    edges = ax.get_window_extent()
    frame = np.array([edges.x0, edges.y0, edges.x1, edges.y1]) * scale
    taken = np.hstack([at - _CLEAR, at + _CLEAR])
    left_out = []
    apart = np.hypot(*(at[:, None] - at[None, :]).transpose(2, 0, 1)) + np.diag(np.full(len(at), np.inf))
    for i in np.argsort(apart.min(axis=1), kind="stable"):
        if not labels[i]:
            continue
        found = _place(at[i], labels[i], taken, frame)
        if found is None:
            left_out.append(labels[i])
            continue
        box, reach = found
        leader = {"arrowstyle": "-", "lw": 0.4, "color": "#777777", "shrinkA": 0, "shrinkB": 2}
        note = ax.annotate(
            labels[i],
            (x[i], y[i]),
            xytext=tuple(box[:2] - at[i]),
            textcoords="offset points",
            fontsize=_SIZE,
            ha="left",
            va="bottom",
            parse_math=False,
            arrowprops=leader if reach > _LEADER else None,
        )
        note.set_in_layout(False)
        taken = np.vstack([taken, box, *([_leader(box, at[i])] if reach > _LEADER else [])])
    return tuple(left_out)
