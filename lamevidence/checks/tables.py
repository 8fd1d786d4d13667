"""What every check returns: named columns, the cautions that belong to them, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..options import shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CheckTable"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CheckTable:
    """Columns of equal length, one row a study, a subset of studies or a grid point.

    Attributes
    ----------
    title
        What the rows are.
    columns
        Name → values; ``check["name"]`` returns one.
    sentence
        The result in words.
    notes
        Cautions that belong to it.
    """

    title: str
    columns: Mapping[str, Any]
    sentence: str
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        if not isinstance(name, str) or name not in self.columns:
            raise OptionError(f"{self.title} has no column {shown(name)} · columns: {', '.join(self.columns)}")
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def to_frame(self) -> pd.DataFrame:
        """Return the columns as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def summary(self) -> pd.DataFrame:
        """Return the numbers as a table; the rows carry their labels."""
        frame = self.to_frame()
        return frame.set_index("label") if "label" in frame else frame

    def describe(self) -> str:
        """Return the result in words, with its cautions."""
        return " ".join([self.sentence, *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)])

    def __repr__(self) -> str:
        return f"{self.title}\n{self.summary().to_string()}\n{self.describe()}"

    def _repr_html_(self) -> str:
        return f"<p>{self.describe()}</p>{self.summary().to_html()}"
