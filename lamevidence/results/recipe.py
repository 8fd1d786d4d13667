"""How a result was made, so that the same model can be fitted again to other rows; which rows a name stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import InputError
from ..foundation.options import shown

if TYPE_CHECKING:
    from ..effects.evidence_table import EvidenceTable

__all__ = ["Recipe", "by_label", "row_position", "rows_without"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A function of a table with its resolved options.

    Attributes
    ----------
    make
        ``make(table, **options)`` returns the result.
    options
        Choices that hold for any rows.
    per_row
        Options that are one value a row (weights, clusters, labels): option → row label → value. They follow their
        rows; a row they do not know is refused.
    """

    make: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    per_row: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __call__(self, table: EvidenceTable) -> Any:  # noqa: ANN401
        """Return the result for the rows of ``table``.

        Raises
        ------
        InputError
            An option was given as one value a row, and the table has a row it does not know.
        """
        rows = {name: _pick(name, known, table) for name, known in self.per_row.items()}
        return self.make(table, **self.options, **rows)


def _pick(name: str, known: Mapping[str, Any], table: EvidenceTable) -> Any:  # noqa: ANN401
    strange = [label for label in table.labels if label not in known]
    if strange:
        raise InputError(
            f"{name} was given as one value a row, and {', '.join(strange)} is not one of those rows"
            f" · fit the new table anew with {name} of its own"
        )
    values = [known[label] for label in table.labels]
    return np.array(values) if values and isinstance(values[0], int | float | np.ndarray | np.generic) else values


def by_label(table: EvidenceTable, values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return one value a row as a mapping from row label to value."""
    return dict(zip(table.labels, values, strict=True))


def row_position(table: EvidenceTable, label: str) -> int:
    """Return the position of the row with this label (or of the only row of this study).

    Raises
    ------
    InputError
        No such row, or several.
    """
    if label in table.labels:
        return table.labels.index(label)
    rows = [i for i, study in enumerate(table.studies) if study == label]
    if len(rows) != 1:
        raise InputError(f"{label!r} is not a row of this table · rows: {', '.join(table.labels)}")
    return rows[0]


def rows_without(table: EvidenceTable, study: str) -> list[int]:
    """Return the positions of the rows that stay when a study, or a row, is left out.

    Raises
    ------
    InputError
        No such study or row; the message lists them.
    """
    if not isinstance(study, str):
        raise InputError(f"study={shown(study)} is not a name · studies: {', '.join(dict.fromkeys(table.studies))}")
    if study in table.studies:
        return [i for i, name in enumerate(table.studies) if name != study]
    if study in table.labels:
        return [i for i, name in enumerate(table.labels) if name != study]
    known = ", ".join(dict.fromkeys(table.studies))
    raise InputError(f"{shown(study)} is not a study of this table · studies: {known}")
