"""Rows and pooled results of an answer as one table: columns as wide as what they hold, the least needed left out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Line", "fit_width", "laid_out", "shown_width"]

_DROPPED_FIRST = ("shrunken", "design", "weight", "n")
_LEFT = ("label", "design", "shrunken")
_LEAST_LABEL, _MOST_LABEL = 12, 30


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a head, a study, or a pooled result, whose name may reach over the columns before the estimate."""

    label: str
    design: str = ""
    n: str = ""
    estimate: str = ""
    interval: str = ""
    weight: str = ""
    shrunken: str = ""
    pooled: bool = False


_ORDER = ("label", "design", "n", "estimate", "interval", "weight", "shrunken")


def shown_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def fit_width(text: str, width: int) -> str:
    """Return a text in exactly so many columns, cut with an ellipsis where it is longer."""
    if (length := shown_width(text)) <= width:
        return text + " " * (width - length)
    while shown_width(text) > width - 1:
        text = text[:-1]
    return text + "…" + " " * (width - 1 - shown_width(text))


def laid_out(lines: Sequence[Line], width: int) -> list[str]:
    """Return the lines as text, none wider than ``width``.

    Parameters
    ----------
    lines
        Head first.
    width
        Columns of the terminal. Left out where they do not fit, in this order: ``shrunken`` (what a pooled result says
        of a new study then has a line of its own), ``design``, ``weight``, ``n``; then labels are cut.
    """
    names = [
        name for name in _ORDER if any(getattr(line, name) for line in lines if not line.pooled or name == "label")
    ]
    widths = {name: max(shown_width(getattr(line, name)) for line in lines if _counts(line, name)) for name in names}
    widths["label"] = min(widths["label"], _MOST_LABEL)
    for name in (*_DROPPED_FIRST, ""):
        if _total(widths) <= width or not name:
            break
        widths.pop(name, None)
    widths["label"] = max(widths["label"] + min(width - _total(widths), 0), _LEAST_LABEL)
    text = []
    for line in lines:
        text.append(_pooled(line, widths) if line.pooled else _study(line, widths))
        if line.pooled and line.shrunken and "shrunken" not in widths:
            text.append(f"  {line.shrunken}")
    return text


def _counts(line: Line, name: str) -> bool:
    """Whether a cell decides how wide its column is; the name of a pooled result reaches over several."""
    return not (line.pooled and name in ("label", "design", "n"))


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + 2 * (len(widths) - 1)


def _cell(line: Line, name: str, width: int) -> str:
    text: str = getattr(line, name)
    if name in _LEFT:
        return fit_width(text, width)
    return " " * max(width - shown_width(text), 0) + text


def _study(line: Line, widths: dict[str, int]) -> str:
    return "  ".join(_cell(line, name, w) for name, w in widths.items()).rstrip()


def _pooled(line: Line, widths: dict[str, int]) -> str:
    over = [w for name, w in widths.items() if name in ("label", "design", "n")]
    rest = [name for name in widths if name not in ("label", "design", "n")]
    name = fit_width(line.label, sum(over) + 2 * (len(over) - 1))
    return "  ".join([name, *(_cell(line, n, widths[n]) for n in rest)]).rstrip()
