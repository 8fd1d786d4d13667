"""A parsed YAML file as a tree in which every field knows its line and column.

Scalars keep their text: ``1.0`` stays ``1.0`` until a schema turns it into a `Decimal`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from ..foundation.errors import Problem

__all__ = ["Document", "Loc", "Node", "PlainDate", "path_text", "plain_value"]

Loc: TypeAlias = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?\Z")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ]+\d.*)?\Z")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LONGEST_INT = 18  # digits; longer ones stay Decimal, so that no reader meets Python's limit on int()


class PlainDate(str):
    """A date written without quotes: text here, a date for most other YAML readers."""

    __slots__ = ()


def plain_value(text: str) -> Any:  # noqa: ANN401
    """Return what an unquoted YAML 1.2 scalar means.

    Numbers with a point are `Decimal` with the digits as written; ``no``, ``on`` and ``12:30`` are text.

    Examples
    --------
    >>> plain_value("1.0"), plain_value("no"), plain_value("true")
    (Decimal('1.0'), 'no', True)
    """
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text) and len(text) <= _LONGEST_INT:
        return int(text)
    if _INTEGER.match(text) or _FLOAT.match(text):
        return Decimal(text)
    return PlainDate(text) if _DATE.match(text) else text


@dataclass(frozen=True, slots=True)
class Node:
    """One mapping, list or scalar of a file.

    Attributes
    ----------
    kind
        ``map``, ``list`` or ``scalar``.
    line, column
        Where it starts, from 1.
    width
        Characters to underline (1 for mappings and lists).
    text, plain
        A scalar's text, and whether it was written without quotes.
    keys, children
        Keys (as scalar nodes) and values of a mapping; ``children`` are the items of a list.
    """

    kind: Literal["map", "list", "scalar"]
    line: int
    column: int
    width: int = 1
    text: str = ""
    plain: bool = True
    keys: tuple[Node, ...] = ()
    children: tuple[Node, ...] = ()
    _places: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def _place(self, key: str | int) -> int | None:
        """Return where in a mapping a key stands first; looked up, for a file may have many."""
        if not self._places:
            for i, node in enumerate(self.keys):
                self._places.setdefault(node.text, i)
        return self._places.get(key) if isinstance(key, str) else None

    @property
    def value(self) -> Any:  # noqa: ANN401
        """Plain Python: dict, list, str, int, Decimal, bool or None."""
        if self.kind == "map":
            return {k.text: c.value for k, c in zip(self.keys, self.children, strict=True)}
        if self.kind == "list":
            return [c.value for c in self.children]
        return plain_value(self.text) if self.plain else self.text

    def get(self, key: str | int) -> Node | None:
        """Return the child under this key or index, or None."""
        if self.kind == "map":
            at = self._place(key)
            return None if at is None else self.children[at]
        if self.kind == "list" and isinstance(key, int) and 0 <= key < len(self.children):
            return self.children[key]
        return None

    def key_node(self, key: str | int) -> Node | None:
        """Return the node of a mapping's key itself."""
        at = self._place(key)
        return None if at is None else self.keys[at]

    def walk(self, loc: Loc = ()) -> Iterator[tuple[Loc, Node]]:
        """Yield every node below this one, itself first, with its place."""
        yield loc, self
        for i, child in enumerate(self.children):
            step: str | int = self.keys[i].text if self.kind == "map" else i
            yield from child.walk((*loc, step))


def path_text(loc: Loc) -> str:
    """Return a place as text: ``findings[0].value``."""
    out = ""
    for step in loc:
        out += f"[{step}]" if isinstance(step, int) else (f".{step}" if out else step)
    return out


@dataclass(frozen=True, slots=True)
class Document:
    """A file, its tree and the problems met while parsing it.

    Attributes
    ----------
    path
        As problems print it.
    root
        The tree, or None when the file could not be parsed.
    lines
        The source, for excerpts.
    sha256
        Hash of the file's bytes.
    """

    path: str
    root: Node | None
    lines: tuple[str, ...] = ()
    sha256: str = ""
    problems: tuple[Problem, ...] = field(default=())

    @property
    def value(self) -> Any:  # noqa: ANN401
        """The whole file as plain Python, None when it could not be parsed."""
        return None if self.root is None else self.root.value

    def mark(self, loc: Sequence[str | int], key: bool = False) -> tuple[int, int, int]:
        """Return line, column and width of a field; the nearest parent's when the field is absent.

        Steps that are not in the file (the tags that a validator adds) are passed over.
        With ``key`` the place of the field's name instead of its value.
        """
        node = self.root
        if node is None:
            return (1, 1, 1)
        place = node
        for step in loc:
            child = place.get(step)
            if child is None:
                continue
            named = place.key_node(step)
            node, place = (named if key and named is not None else child), child
        return (node.line, node.column, node.width)

    def known(self, loc: Sequence[str | int]) -> Loc:
        """Return ``loc`` without the steps that the file does not have; its last step is kept."""
        kept: list[str | int] = []
        place = self.root
        for i, step in enumerate(loc):
            child = place.get(step) if place is not None else None
            if child is not None:
                kept.append(step)
                place = child
            elif i == len(loc) - 1:
                kept.append(step)
        return tuple(kept)

    def problem(
        self,
        code: str,
        loc: Sequence[str | int],
        message: str,
        remedy: str,
        *,
        key: bool = False,
        width: int = 0,
        related: tuple[str, ...] = (),
    ) -> Problem:
        """Return a `Problem` at this field, with its source line."""
        line, column, wide = self.mark(loc, key)
        excerpt = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Problem(
            code,
            self.path,
            line,
            column,
            path_text(tuple(loc)),
            message,
            remedy,
            excerpt,
            max(1, min(width or wide, max(1, len(excerpt) - column + 1))),
            related,
        )
