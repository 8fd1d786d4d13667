"""Lines of an answer in the terminal: wrapped, listed, in plain letters."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..effects.evidence_table import EvidenceTable
from ..foundation.numbers import MINUS, NOT_SHOWN
from ..foundation.printable import one_line
from .answer import Answer

__all__ = [
    "LEAST",
    "MOST_LINES",
    "WIDE",
    "doubts",
    "left_out",
    "listed",
    "plain_letters",
    "short_design",
    "study_label",
    "wrapped",
]

WIDE, LEAST = 100, 56
MOST_LINES = 40
_SHORT_DESIGN = {
    "parallel_rct": "RCT",
    "open_label_single_arm": "single arm",
    "before_after": "before-after",
    "registry_cohort": "cohort",
    "retrospective_series": "retrospective",
    "case_series": "case series",
    "pooled_safety": "pooled safety",
}
_ASCII = str.maketrans(
    {
        MINUS: "-",
        NOT_SHOWN: "-",
        "─": "-",
        "│": "|",
        "·": "|",
        "τ": "tau",
        "²": "2",
        "≤": "<=",
        "–": "-",
        "₁": "1",
        "…": "~",
        "±": "+/-",
        "∞": "infinity",
        "⊕": "+",
        "◯": "o",
    }
)


def plain_letters(text: str) -> str:
    """Return text for terminals that print ASCII alone.

    Parameters
    ----------
    text
        What is to be printed.
    """
    return text.translate(_ASCII)


def short_design(design: str) -> str:
    """Return a design in few letters."""
    return one_line(_SHORT_DESIGN.get(design, design.replace("_", " ")))


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text in lines of at most ``width`` columns."""
    return textwrap.wrap(one_line(text), width, subsequent_indent=indent, break_on_hyphens=False)


def listed(start: str, told: Sequence[str], most: int, found: Answer, width: int) -> list[str]:
    """Return a list in at most so many lines; what does not fit is counted, and where it is."""
    for shown in range(len(told), 0, -1):
        more = len(told) - shown
        tail = [f"{more} more: lamevidence explain {found.question.id}"] if more else []
        lines = wrapped(start + " · ".join([*told[:shown], *tail]), width, "  ")
        if len(lines) <= most:
            return lines
    return wrapped(f"{start}{len(told)}: lamevidence explain {found.question.id}", width, "  ")


def doubts(found: Answer) -> list[str]:
    """Return the printed numbers in doubt, those of one reason together."""
    by_text: dict[str, list[str]] = {}
    for label, doubt in found.doubts:
        by_text.setdefault(doubt, []).append(_study_of(found.table, label))
    return [f"{', '.join(dict.fromkeys(labels))}: {doubt}" for doubt, labels in by_text.items()]


def left_out(found: Answer) -> list[str]:
    """Return what was left out, by name what came near."""
    near = [e for e in found.table.excluded if e.code in ("overlap", "not_derivable")]
    told = [f"{_study_of(found.table, e.label or e.study)} ({_first_clause(e.reason)})" for e in near]
    others = len(found.table.excluded) - len(near)
    return [*dict.fromkeys(told), *([f"{others} not eligible"] if others else [])]


def study_label(table: EvidenceTable, row: int) -> str:
    """Return the label of the study of a row."""
    return _study_of(table, table.labels[row])


def _study_of(table: EvidenceTable, label: str) -> str:
    """Return the study in the label of a row: that of a joint question ends with what the row is."""
    return label.rpartition(", ")[0] or label if table.row_is == "phase" else label


def _first_clause(reason: str) -> str:
    return reason.partition(";")[0].partition(" (")[0]
