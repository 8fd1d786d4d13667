"""What most checks return: named columns, the cautions that belong to them, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..foundation.errors import OptionError
from ..foundation.options import shown
from ..foundation.printable import one_line, printable
from ..results.contract import Result
from .check_result import CheckResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CheckTable"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CheckTable(CheckResult):
    """Columns of equal length, one row a study, a subset of studies or a grid point.

    Attributes
    ----------
    kind
        Which check this is: ``leave_one_out``, ``cumulative``, ``influence``, ``residuals``, ``shrinkage``, ``baujat``,
        ``gosh``, ``radial``, ``normal_quantiles``, ``profile``, ``node_split``, ``prior_data_conflict``,
        ``prior_learning``.
    title
        What the rows are.
    columns
        Name → values; ``check["name"]`` returns one.
    sentence
        The result in words.
    notes
        Cautions that belong to it.
    fit
        The result that was checked: its table, level, display scale and estimate belong to the figure.
    term
        Coefficient that the columns are of; ``mu`` for a mean.
    """

    kind: str
    title: str
    columns: Mapping[str, Any]
    sentence: str
    notes: tuple[str, ...] = field(default=())
    fit: Result | None = None
    term: str = "mu"

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 numbers of one column, or labels
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

    def _sentence(self) -> str:
        return self.sentence

    def _figure(self) -> str:
        return self.kind

    def __repr__(self) -> str:
        return printable(f"{one_line(self.title)}\n{self.summary().to_string(max_rows=20)}\n{self.describe()}")
