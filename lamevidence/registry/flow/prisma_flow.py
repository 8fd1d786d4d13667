"""How a review came to its studies, box by box, as a frozen value that shows itself."""

from __future__ import annotations

import html as markup
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ...foundation.doors import through
from ...foundation.printable import one_line, printable
from .boxes import BOXES, Box, FlowIncluded, FlowOther, FlowSearched
from .words import sentences, step_lines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PrismaFlow", "Row"]


class Row(NamedTuple):
    """A number of a flow: its box, the name inside the box (a database, a reason) or "", None where not reported."""

    box: Box
    item: str
    n: int | None


@dataclass(frozen=True, slots=True, repr=False)
class PrismaFlow:
    """How a review came to its studies, box by box; made by `lamevidence.reports.prisma`, which checks every sum.

    Attributes
    ----------
    databases_and_registers
        Records and reports from databases and registers.
    included
        The studies of this review, the new ones where it is an update, and their reports.
    other_methods
        Records and reports found otherwise; None where no other method was used.
    previous, total
        Studies of the version before, and of both together; None where the review is no update.
    searched
        Source → date of its last search; "" for all of them, empty where no date is reported.
    source
        Where the numbers come from.
    notes
        What is odd and no error: records in no box, studies that share a report.

    References
    ----------
    Page et al. 2021, doi:10.1136/bmj.n71.
    """

    databases_and_registers: FlowSearched
    included: FlowIncluded
    other_methods: FlowOther | None = None
    previous: FlowIncluded | None = None
    total: FlowIncluded | None = None
    searched: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[Row]:
        """Yield every number, in the order of the diagram."""
        for box in BOXES:
            part = getattr(self, box.part)
            if part is None:
                continue
            given = getattr(part, box.name)
            for item, n in given.items() if isinstance(given, Mapping) else (("", given),):
                yield Row(box, item, n)

    @property
    def last_searched(self) -> str:
        """The latest date of a search, empty where none is reported."""
        return max(self.searched.values(), default="")

    @property
    def not_reported(self) -> tuple[str, ...]:
        """The boxes that hold a number which is not reported: ``databases_and_registers.screened`` and so on."""
        return tuple(dict.fromkeys(f"{r.box.part}.{r.box.name}" for r in self.rows() if r.n is None))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a number: ``part box item label noun n``; ``n`` is missing where it is not reported."""
        import pandas as pd

        rows = [(r.box.part, r.box.name, r.item, r.box.label, r.box.noun, r.n) for r in self.rows()]
        return pd.DataFrame(rows, columns=["part", "box", "item", "label", "noun", "n"]).astype({"n": "Int64"})

    def to_json(self) -> dict[str, object]:
        """Return plain values: the boxes as `prisma` reads them, ``not_reported`` where it is so, and the notes."""
        parts: dict[str, dict[str, Any]] = {}
        for r in self.rows():
            n = "not_reported" if r.n is None else r.n
            part = parts.setdefault(r.box.part, {})
            if r.item:
                part.setdefault(r.box.name, {})[r.item] = n
            else:
                part[r.box.name] = n
        searched = dict(self.searched) or "not_reported"
        return {"source": self.source, "searched": searched, **parts, "notes": list(self.notes)}

    def describe(self) -> str:
        """Return the flow in sentences; a number that is not reported is said to be so."""
        return " ".join([*sentences(self), *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])

    def plot(self, **options: object) -> Any:  # noqa: ANN401 a figure of plots, which stands to the right of this chapter
        """Return the flow diagram; options as in `lamevidence.plots.prisma_flow`."""
        return through("prisma_flow")(self, **options)

    def lines(self) -> list[str]:
        """Return the flow as lines of text, one a step."""
        return [one_line(line) for line in step_lines(self)]

    def __repr__(self) -> str:
        return "\n".join(["PRISMA 2020 flow", *(f"  {line}" for line in self.lines())])

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        frame["n"] = ["not reported" if r.n is None else str(r.n) for r in self.rows()]
        return printable(f"<p>{markup.escape(self.describe())}</p>{frame.drop(columns='noun').to_html(index=False)}")
