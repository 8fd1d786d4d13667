"""Placing texts: an anchor and an alignment become runs with a left edge and a baseline."""

from __future__ import annotations

from typing import Literal

from .measure import text_size
from .shapes import Text
from .text import Rich, plain, rich_width

__all__ = ["CAP", "put"]

CAP = 0.36
"""Half the height of a capital, as a share of the font size: how far a baseline lies under a row's middle."""


def put(
    group: str,
    x: float,
    y: float,
    text: Rich | str,
    size: float,
    *,
    align: Literal["left", "center", "right"] = "left",
    bold: bool = False,
    color: str = "#000000",
    middle: bool = True,
) -> list[Text]:
    """Return the runs of one line; ``y`` is the middle of its capitals, or its baseline."""
    runs = plain(text) if isinstance(text, str) else text
    width = rich_width(runs, size, bold=bold)
    left = x - {"left": 0.0, "center": width / 2, "right": width}[align]
    base = y + CAP * size if middle else y
    out = []
    at = widest = left
    for run in runs:
        scale = size * run.scale
        box = text_size(run.text, scale, bold=bold, italic=run.italic)
        out.append(
            Text(
                group,
                at,
                base - run.rise * size,
                run.text,
                scale,
                box.width,
                box.ascent,
                box.descent,
                bold,
                run.italic,
                color,
            )
        )
        widest = max(widest, at + box.width)
        at = at if run.stacked else widest
    return out
