"""The boxes of a flow diagram on a grid: where they lie, and what leads from which to which."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...foundation.printable import one_line
from ..drawing.measure import text_size
from ..drawing.text import plain, wrap_words
from .content import Content, Says

__all__ = [
    "GAP",
    "LEADING",
    "NARROWEST",
    "PAD",
    "SIZE",
    "STRIP",
    "Plan",
    "longest_word",
    "paths",
    "place",
    "side_by_side",
    "stacked",
]

SIZE, LEADING, PAD = 7.0, 8.6, 3.5
"""Font size, distance of lines and room within a box, in points."""
STRIP, GAP, DROP, GUTTER = 13.0, 10.0, 11.0, 12.0
"""Width of the names of the phases; room between columns, between rows, for lines that pass by; points."""
NARROWEST = 72.0
"""Narrowest column, in points: the longest words of the template, and ``(n not reported)``, fit."""


@dataclass(slots=True)
class Cell:
    """A box on the grid, and where it lies once that is known."""

    key: str
    row: int
    column: int
    says: tuple[Says, ...]
    span: int = 1
    title: bool = False
    lines: list[tuple[float, str]] = field(default_factory=list)
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


Path: TypeAlias = list[tuple[float, float]]


@dataclass(slots=True)
class Plan:
    """Boxes on a grid, what leads from which to which, and the rows of each phase."""

    columns: int
    gutter: float = 0.0
    cells: dict[str, Cell] = field(default_factory=dict)
    phases: list[tuple[str, int, int]] = field(default_factory=list)

    def put(self, key: str, row: int, column: int, says: Sequence[Says], **look: Any) -> None:  # noqa: ANN401
        """Put a box onto the grid."""
        self.cells[key] = Cell(key, row, column, tuple(says), **look)


_DOWN = ("identified", "screened", "sought", "assessed")
_ASIDE = {"identified": "removed", "screened": "excluded", "sought": "not_retrieved", "assessed": "excluded_reports"}
_LABELS = {
    "screened": "Records screened",
    "excluded": "Records excluded",
    "sought": "Reports sought for retrieval",
    "not_retrieved": "Reports not retrieved",
    "assessed": "Reports assessed for eligibility",
}


def _title(plan: Plan, key: str, row: int, column: int, text: str, span: int) -> None:
    plan.put(key, row, column, [Says(text)], span=span, title=True)


def _searched(plan: Plan, content: Content, row: int, column: int) -> None:
    part = "databases_and_registers"
    what = "new studies" if content.new else "studies"
    _title(plan, "title", row, column, f"Identification of {what} via databases and registers", 2)
    plan.put("identified", row + 1, column, content.identified())
    plan.put("removed", row + 1, column + 1, content.removed())
    for i, name in enumerate(_DOWN[1:], start=2):
        plan.put(name, row + i, column, content.one(part, name, _LABELS[name]))
        aside = _ASIDE[name]
        says = content.excluded_reports(part) if name == "assessed" else content.one(part, aside, _LABELS[aside])
        plan.put(aside, row + i, column + 1, says)


def _others(plan: Plan, content: Content, title: int, rows: tuple[int, int, int], column: int) -> None:
    part = "other_methods"
    what = "new studies" if content.new else "studies"
    _title(plan, "other title", title, column, f"Identification of {what} via other methods", 2)
    plan.put("other identified", rows[0], column, content.found_otherwise())
    for row, name in zip(rows[1:], ("sought", "assessed"), strict=True):
        plan.put(f"other {name}", row, column, content.one(part, name, _LABELS[name]))
    plan.put("other not_retrieved", rows[1], column + 1, content.one(part, "not_retrieved", "Reports not retrieved"))
    plan.put("other excluded_reports", rows[2], column + 1, content.excluded_reports(part))


def _before(plan: Plan, content: Content, row: int, column: int, span: int) -> None:
    _title(plan, "previous title", row, column, "Previous studies", span)
    studies, reports = ("Studies", "Reports of studies")
    tail = "included in previous version of review"
    plan.put("previous", row + 1, column, content.pair("previous", f"{studies} {tail}", f"{reports} {tail}"), span=span)


def _ending(plan: Plan, content: Content, row: int, column: int) -> int:
    plan.put("included", row, column, content.included())
    if content.flow.total is None:
        return row
    total = content.pair("total", "Total studies included in review", "Reports of total included studies")
    plan.put("total", row + 1, column, total)
    return row + 1


def side_by_side(content: Content) -> Plan:
    """Return the grid of the template: previous studies, databases and registers, other methods."""
    first = 1 if content.new else 0
    plan = Plan(first + (4 if content.flow.other_methods is not None else 2))
    if content.new:
        _before(plan, content, 0, 0, 1)
    _searched(plan, content, 0, first)
    if content.flow.other_methods is not None:
        _others(plan, content, 0, (1, 3, 4), first + 2)
    last = _ending(plan, content, 5, first)
    plan.phases = [("Identification", 1, 1), ("Screening", 2, 4), ("Included", 5, last)]
    return plan


def stacked(content: Content) -> Plan:
    """Return the grid for a narrow page: one part below the other, with lines that pass by on the left."""
    plan = Plan(2, GUTTER)
    row = 0
    if content.new:
        _before(plan, content, 0, 0, 2)
        row = 2
    _searched(plan, content, row, 0)
    plan.phases = [("Identification", row + 1, row + 1), ("Screening", row + 2, row + 4)]
    row += 5
    if content.flow.other_methods is not None:
        _others(plan, content, row, (row + 1, row + 2, row + 3), 0)
        plan.phases += [("Identification", row + 1, row + 1), ("Screening", row + 2, row + 3)]
        row += 4
    last = _ending(plan, content, row, 0)
    plan.phases.append(("Included", row, last))
    return plan


def longest_word(plan: Plan) -> float:
    """Return how wide a column has to be for no word to be broken, in points."""
    words = ((says.indent, word) for cell in plan.cells.values() for says in cell.says for word in says.text.split(" "))
    return max(NARROWEST, *(indent + text_size(one_line(word), SIZE).width + 2 * PAD for indent, word in words))


def place(plan: Plan, width: float) -> float:
    """Give each box its place; return the height of the diagram."""
    start = STRIP + GAP / 2 + plan.gutter
    each = (width - start - (plan.columns - 1) * GAP - 1) / plan.columns
    heights: dict[int, float] = {}
    for cell in plan.cells.values():
        cell.left = start + cell.column * (each + GAP)
        cell.right = cell.left + cell.span * each + (cell.span - 1) * GAP
        for says in cell.says:
            room = cell.right - cell.left - 2 * PAD - says.indent
            lines = wrap_words(plain(says.text), SIZE, room, bold=cell.title)
            cell.lines += [(says.indent, "".join(run.text for run in line)) for line in lines]
        heights[cell.row] = max(heights.get(cell.row, 0.0), len(cell.lines) * LEADING + 2 * PAD)
    for name, first, last in plan.phases:
        high = sum(heights[row] for row in range(first, last + 1)) + (last - first) * DROP
        # the name of the phase stands upright beside its rows
        heights[last] += max(0.0, text_size(name, SIZE, bold=True).width + 2 * PAD - high)
    y, tops = 1.0, {}
    for row in sorted(heights):
        tops[row] = y
        y += heights[row] + DROP
    for cell in plan.cells.values():
        cell.top = tops[cell.row]
        cell.bottom = cell.top + (heights[cell.row] if cell.title else len(cell.lines) * LEADING + 2 * PAD)
    return y - DROP + 1.0


def paths(plan: Plan) -> Iterator[Path]:
    """Yield the arrows, each as its corners; the last one is the tip."""
    cells = plan.cells
    for prefix in ("", "other "):
        steps = [cells[f"{prefix}{name}"] for name in _DOWN if f"{prefix}{name}" in cells]
        for one, other in itertools.pairwise(steps):
            yield [(one.centre, one.bottom), (other.centre, other.top)]
        for name, aside in _ASIDE.items():
            if f"{prefix}{name}" in cells and f"{prefix}{aside}" in cells:
                one, other = cells[f"{prefix}{name}"], cells[f"{prefix}{aside}"]
                y = min(one.middle, other.middle)
                yield [(one.right, y), (other.left, y)]
    end, assessed = cells["included"], cells["assessed"]
    others = cells.get("other assessed")
    if others is not None and plan.gutter:
        x = end.left - 0.45 * GUTTER
        yield [(assessed.left, assessed.middle), (x, assessed.middle), (x, end.middle), (end.left, end.middle)]
        yield [(others.centre, others.bottom), (end.centre, end.top)]
    else:
        yield [(assessed.centre, assessed.bottom), (end.centre, end.top)]
        if others is not None:
            yield [(others.centre, others.bottom), (others.centre, end.middle), (end.right, end.middle)]
    if "total" in cells:
        total, before = cells["total"], cells["previous"]
        yield [(end.centre, end.bottom), (total.centre, total.top)]
        if plan.gutter:
            x = end.left - 0.9 * GUTTER
            yield [(before.left, before.middle), (x, before.middle), (x, total.middle), (total.left, total.middle)]
        else:
            yield [(before.centre, before.bottom), (before.centre, total.middle), (total.left, total.middle)]
