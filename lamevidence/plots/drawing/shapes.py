"""What a figure consists of once it is laid out: marks with positions in points, y downwards from the top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Arrow", "Bar", "Diamond", "Disc", "Line", "Mark", "Square", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    """One run of text; ``x`` is its left edge, ``y`` its baseline."""

    group: str
    x: float
    y: float
    text: str
    size: float
    width: float
    ascent: float
    descent: float
    bold: bool = False
    italic: bool = False
    color: str = "#000000"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return (self.x, self.y - self.ascent, self.x + self.width, self.y + self.descent)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line; ``dash`` is (on, off) in points, empty for a solid line."""

    group: str
    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    color: str = "#000000"
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Square:
    """A study's estimate: centre and side; ``hollow`` when it is no data."""

    group: str
    x: float
    y: float
    side: float
    color: str
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Diamond:
    """A pooled estimate with its interval; a diamond that leaves the panel has more than four corners."""

    group: str
    points: tuple[tuple[float, float], ...]
    face: str
    edge: str
    edge_width: float = 0.7


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle: a prediction interval, a band behind a row."""

    group: str
    x: float
    y: float
    width: float
    height: float
    color: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrowhead; ``direction`` is -1 to the left, +1 to the right."""

    group: str
    x: float
    y: float
    direction: int
    length: float
    height: float
    color: str


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle: a shrunken estimate, a risk-of-bias judgement."""

    group: str
    x: float
    y: float
    radius: float
    face: str
    edge: str
    edge_width: float


Mark: TypeAlias = Text | Line | Square | Diamond | Bar | Arrow | Disc
