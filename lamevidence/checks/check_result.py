"""How the result of a check shows itself: its sentence first, then its numbers, then its figure."""

from __future__ import annotations

import html as markup
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.doors import DOORS, through
from ..foundation.errors import OptionError
from ..foundation.printable import one_line, printable
from ..results.frames import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CheckResult"]

MAX_ROWS = 20
"""Most rows of a table that is printed; `CheckResult.to_frame` has all."""


class CheckResult:
    """The result of a check: words, numbers and, where it has one, a figure.

    A check gives ``notes``, ``_sentence()`` and ``to_frame()``; everything else follows from these.

    Attributes
    ----------
    notes
        Cautions that belong to the result.
    """

    __slots__ = ()

    notes: tuple[str, ...]

    def _sentence(self) -> str:
        """Return the result in words, without its cautions."""
        raise NotImplementedError

    def _figure(self) -> str:
        """Return the name of the figure that shows this check; empty where there is none."""
        return ""

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a DataFrame."""
        raise NotImplementedError

    def summary(self) -> pd.DataFrame:
        """Return the numbers as a table whose rows carry their labels."""
        return self.to_frame()

    def describe(self) -> str:
        """Return the result in words, with its cautions."""
        return one_line(" ".join([self._sentence(), *(f"{note[:1].upper()}{note[1:]}." for note in self.notes)]))

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the sentence, the cautions, and one mapping a row of `to_frame`."""
        rows = [{str(key): _plain(value) for key, value in row.items()} for row in self.to_frame().to_dict("records")]
        return {"check": type(self).__name__, "sentence": self._sentence(), "notes": list(self.notes), "rows": rows}

    def plot(self, *places: Any, **options: Any) -> Any:  # noqa: ANN401 a figure of plots, right of this chapter
        """Return the figure that belongs to this check; options as in the function of `lamevidence.plots`.

        Raises
        ------
        OptionError
            It has no figure.
        """
        name = self._figure()
        if name not in DOORS:
            raise OptionError(f"{type(self).__name__} has no figure of its own · to_frame() has its numbers")
        return through(name)(self, *places, **options)

    def __repr__(self) -> str:
        return printable(f"{self.describe()}\n{self.summary().to_string(max_rows=MAX_ROWS)}")

    def _repr_html_(self) -> str:
        return printable(f"<p>{markup.escape(self.describe())}</p>{self.summary().to_html(max_rows=MAX_ROWS)}")


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON holds it; what is no number, truth value or sequence of these becomes text."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(x) for x in np.asarray(value).tolist()]
    try:
        return plain(value)
    except (TypeError, ValueError):
        return str(value)
