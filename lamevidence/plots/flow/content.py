"""What the boxes of a flow diagram say: each number with its words, and whose number it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...registry.flow.boxes import total_of
from ...registry.flow.prisma_flow import PrismaFlow

__all__ = ["Content", "Says"]

INDENT = 6.0
"""How far a name stands to the right below the sum that it belongs to, in points."""


@dataclass(frozen=True, slots=True)
class Says:
    """A text of a box; ``of`` is the number of the flow that it prints."""

    text: str
    of: tuple[str, str, str] | None = None
    indent: float = 0.0


def _n(n: int | None) -> str:
    """Return a number in brackets; no line breaks within it."""
    return "(n\u00a0not\u00a0reported)" if n is None else f"(n\u00a0=\u00a0{n})"


class Content:
    """What the boxes of a flow say."""

    def __init__(self, flow: PrismaFlow) -> None:
        self.flow = flow
        self.new = flow.previous is not None

    def says(self, part: str, name: str, label: str, *, colon: bool = False) -> Iterator[Says]:
        """Yield a number, and below it those that it is made of."""
        given = getattr(getattr(self.flow, part), name)
        n = total_of(given) if isinstance(given, Mapping) else given
        items = [(item, x) for item, x in given.items() if item] if isinstance(given, Mapping) else []
        single = (part, name, "") if not items else None
        yield Says(f"{label} {_n(n)}{':' if items and colon else ''}", single)
        for item, x in items:
            yield Says(f"{item} {_n(x)}", (part, name, item), INDENT)

    def one(self, part: str, name: str, label: str) -> tuple[Says, ...]:
        """Return a box of one number and what it is made of."""
        return tuple(self.says(part, name, label, colon=True))

    def identified(self) -> tuple[Says, ...]:
        """Return what databases and registers gave."""
        part = "databases_and_registers"
        head = Says("Records identified from:")
        return (head, *self.says(part, "databases", "Databases"), *self.says(part, "registers", "Registers"))

    def removed(self) -> tuple[Says, ...]:
        """Return what left before screening."""
        part = "databases_and_registers"
        return (
            Says("Records removed before screening:"),
            *self.says(part, "duplicates", "Duplicate records removed"),
            *self.says(part, "automation", "Records marked as ineligible by automation tools"),
            *self.says(part, "other_reasons", "Records removed for other reasons"),
        )

    def found_otherwise(self) -> tuple[Says, ...]:
        """Return what other methods gave."""
        return self.one("other_methods", "identified", "Records identified from other methods")

    def excluded_reports(self, part: str) -> tuple[Says, ...]:
        """Return the reports excluded with their reasons, or that there are none given."""
        told = self.one(part, "excluded_reports", "Reports excluded")
        n = total_of(getattr(self.flow, part).excluded_reports)
        return (*told, Says("reasons not reported", None, INDENT)) if len(told) == 1 and n != 0 else told

    def pair(self, part: str, studies: str, reports: str) -> tuple[Says, ...]:
        """Return studies and their reports."""
        return (*self.says(part, "studies", studies), *self.says(part, "reports", reports))

    def included(self) -> tuple[Says, ...]:
        """Return the studies included, the new ones in an update."""
        if self.new:
            return self.pair("included", "New studies included in review", "Reports of new included studies")
        return self.pair("included", "Studies included in review", "Reports of included studies")
