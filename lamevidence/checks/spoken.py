"""How the result of a check shows itself: its sentence first, then its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Spoken"]


class Spoken:
    """A result with ``describe()`` in words and ``summary()`` in numbers; printing it gives both."""

    __slots__ = ()

    def describe(self) -> str:
        """Return the result in words."""
        raise NotImplementedError

    def summary(self) -> pd.DataFrame:
        """Return the numbers as a table."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{self.describe()}\n{self.summary().to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{self.describe()}</p>{self.summary().to_html()}"
