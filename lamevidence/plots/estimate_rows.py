"""Forests of estimates that are not studies: leave-one-out, cumulative, one row an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..effects.evidence_table import EvidenceTable
from ..errors import InputError
from ..options import a_level, a_text, an_instance
from .content import Content, StudyRow
from .display import display_of, reference_line
from .figure import own_style
from .forest import ForestPlot, finish
from .forest_layout import lay_out, width_in_points
from .frames import labels_of, numbers_of
from .presets import preset
from .text import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["plot_cumulative", "plot_estimates", "plot_leave_one_out"]


def _rows(frame: pd.DataFrame, table: EvidenceTable) -> list[StudyRow]:
    display = display_of(table)
    labels = labels_of(frame)
    low, middle, high = (numbers_of(frame, name) for name in ("low", "estimate", "high"))
    if (low > high).any():
        raise InputError("a lower bound is above its upper bound · check the columns low and high")
    rows = []
    for i, label in enumerate(labels):
        e, a, b = (display.read(float(v[i])) for v in (middle, low, high))
        rows.append(StudyRow(f"row-{i + 1}", i, label, label, "", "", float("nan"), e, a, b, float("nan"), 0.3, None))
    return rows


def plot_estimates(
    frame: pd.DataFrame,
    table: EvidenceTable,
    *,
    layout: str = "revman",
    title: str | None = None,
    level: float = 0.95,
    ref: float | str | None = "auto",
    width: float | str | None = None,
    note: str = "",
) -> ForestPlot:
    """Draw a frame with ``label``, ``estimate``, ``low``, ``high`` (analysis scale) in the order it has.

    Parameters
    ----------
    frame
        One row an analysis.
    table
        The table the analyses were made from: it gives measure, unit and title.
    layout, title, ref, width
        As for `forest`.
    level
        Level of the intervals in the frame, printed in the header.
    note
        A sentence under the figure.
    """
    from scipy import special

    an_instance("table", table, EvidenceTable, "give the table the analyses were made from, such as fit.table")
    a_text("note", note)
    if title is not None:
        a_text("title", title)
    style, display = preset(layout), display_of(table)
    rows = _rows(frame, table)
    se = min((r.high - r.low) for r in rows) / (2 * float(special.ndtri(0.5 + a_level(level) / 2)))
    found = Content(
        table.title if title is None else title, display, level, display.decimals(se),
        reference_line(ref, display.null, display.log), tuple(rows), (), (), None, False, (),
        tuple(plain(text) for text in (note, *table.notes, f"Evidence {table.fingerprint}") if text),
        False, False, True, False, None,
    )
    with own_style():
        laid = lay_out(found, style, width_in_points(width))
    return finish(found, style, laid, None, None)


def plot_leave_one_out(
    frame: pd.DataFrame, table: EvidenceTable, *, layout: str = "revman", level: float = 0.95
) -> ForestPlot:
    """Draw the pooled estimate without each study in turn; the frame's ``label`` is the study left out."""
    without = [f"Without {label}" for label in labels_of(frame)]
    note = "Each row: the pooled estimate without that study."
    return plot_estimates(
        frame.reset_index(drop=True).assign(label=without), table, layout=layout, level=level, note=note
    )


def plot_cumulative(
    frame: pd.DataFrame, table: EvidenceTable, *, layout: str = "revman", level: float = 0.95
) -> ForestPlot:
    """Draw the pooled estimate after each study; the frame's ``label`` is the study added."""
    first, *others = labels_of(frame)
    added = frame.reset_index(drop=True).assign(label=[first, *(f"+ {label}" for label in others)])
    note = "Each row: the pooled estimate of this study and those above it."
    return plot_estimates(added, table, layout=layout, level=level, note=note)
