"""Catalogues of methods: one name, one function, one place, never a second list of choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import UnknownName
from .options import here

__all__ = ["Catalog", "Entry"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A registered method: its code, what it is, where it is published."""

    code: str
    item: T
    title: str
    reference: str

    @property
    def citation(self) -> str:
        """The reference as a list of references prints it: a bare DOI gets its prefix."""
        return f"doi:{self.reference}" if self.reference.startswith("10.") else self.reference


class Catalog(Generic[T]):
    """Named methods of one kind.

    Parameters
    ----------
    kind
        What the entries are, in words an error message can use ("tau2 estimator").

    Examples
    --------
    >>> from lamevidence.foundation.catalog import Catalog
    >>> SQUARES: Catalog = Catalog("rule")
    >>> @SQUARES.register("SQ", title="square", reference="Euclid")
    ... def square(x):
    ...     return x * x
    >>> SQUARES["SQ"](3)
    9
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[T]] = {}

    def register(self, code: str, *, title: str, reference: str) -> Callable[[T], T]:
        """Return a decorator that files its target under ``code``."""

        def file(item: T) -> T:
            if code in self._entries:
                raise ValueError(f"{self.kind} {code!r} is registered twice")
            self._entries[code] = Entry(code, item, title, reference)
            return item

        return file

    def entry(self, code: str) -> Entry[T]:
        """Return the entry, or raise `UnknownName` with the choices."""
        try:
            return self._entries[code]
        except (KeyError, TypeError):
            raise UnknownName(self.kind, code, self._entries, here(code, self._entries)) from None

    def __getitem__(self, code: str) -> T:
        return self.entry(code).item

    def __contains__(self, code: object) -> bool:
        return code in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> tuple[Entry[T], ...]:
        """Return all entries in the order of registration."""
        return tuple(self._entries.values())
