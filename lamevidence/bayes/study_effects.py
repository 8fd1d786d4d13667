"""True effects of the rows of one result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import UnknownName
from .distributions import Distribution

__all__ = ["StudyEffects"]


class _UnknownRow(UnknownName, KeyError):
    """A mapping raises `KeyError`; this one says its message as it is."""

    __str__ = Exception.__str__


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects(Mapping[str, Distribution]):
    """True effect of each row: by its label, or by its study id when that names one row."""

    labels: tuple[str, ...]
    studies: tuple[str, ...]
    make: Callable[[int], Distribution]

    def __getitem__(self, key: str) -> Distribution:
        if isinstance(key, str) and key in self.labels:
            return self.make(self.labels.index(key))
        rows = [i for i, s in enumerate(self.studies) if isinstance(key, str) and s == key]
        if len(rows) == 1:
            return self.make(rows[0])
        raise _UnknownRow("row of this result", key, self.labels)

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)
