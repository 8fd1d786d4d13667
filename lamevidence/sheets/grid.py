"""What every format gives: rows of cells as they are displayed, and how the file was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..foundation.errors import InputError
from ..foundation.printable import one_line

__all__ = ["EMPTY", "MOST_COLUMNS", "MOST_ROWS", "Cell", "Grid", "Kind", "address", "bounded", "refused"]

Kind: TypeAlias = Literal["text", "number", "formula", "error", "date", "truth", "other"]

MOST_ROWS, MOST_COLUMNS = 20_000, 500
"""An extraction sheet is smaller; a workbook that says it is larger is a mistake, or meant to fill the memory."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text as displayed, and what a workbook says it is.

    Attributes
    ----------
    text
        Displayed digits for a number, decimals of its format kept.
    kind
        ``number`` has a decimal point whatever the country; ``formula`` has no computed value.
    """

    text: str
    kind: Kind = "text"

    @property
    def blank(self) -> bool:
        """True where nothing is written."""
        return self.kind == "text" and not self.text.strip()


EMPTY = Cell("")


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells of a file.

    Attributes
    ----------
    path
        As problems print it.
    rows
        Row 1 first, as a spreadsheet numbers them.
    notes
        How the file was read: encoding, separator, formulas.
    sha256
        Hash of the file's bytes.
    """

    path: str
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    sha256: str = ""


def address(row: int, column: int) -> str:
    """Return a place as a spreadsheet names it, both counted from 1.

    Examples
    --------
    >>> address(7, 4), address(2, 28)
    ('D7', 'AB2')
    """
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def refused(path: str, message: str, remedy: str) -> InputError:
    """Return the error of a file that is not read at all, in one line."""
    return InputError(one_line(f"{path}: {message} · {remedy}"))


def bounded(path: str, rows: int, columns: int) -> None:
    """Refuse more rows or columns than an extraction sheet has.

    Raises
    ------
    InputError
        There are more.
    """
    if rows > MOST_ROWS:
        raise refused(path, f"more than {MOST_ROWS} rows", "split the file: one row a study and outcome is read")
    if columns > MOST_COLUMNS:
        raise refused(path, f"more than {MOST_COLUMNS} columns", "delete the columns that hold no data")
