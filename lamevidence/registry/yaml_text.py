"""The only module that knows ruamel.yaml: text in, `Node` tree or syntax problem out."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .nodes import Node

if TYPE_CHECKING:
    from ruamel.yaml.error import StreamMark as Mark

__all__ = ["SyntaxTrouble", "compose"]

_TAB = re.compile(r"^ *\t")
_DEEPEST = 40  # levels of nesting; records have six


@dataclass(frozen=True, slots=True)
class SyntaxTrouble(Exception):
    """What stops the text from being a record at all, and where."""

    code: str
    line: int
    column: int
    message: str
    remedy: str


def compose(text: str) -> Node | None:
    """Return the tree of a YAML 1.2 text, or None when it holds nothing.

    Raises
    ------
    SyntaxTrouble
        Not YAML, more than one document, or anchors, aliases and tags.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        with warnings.catch_warnings():  # a second anchor of one name is refused below, like the first
            warnings.simplefilter("ignore")
            reader = YAML(typ="safe", pure=True)
            reader.Composer = _shallow_composer()
            root = reader.compose(text)
    except MarkedYAMLError as error:
        raise _syntax(text, error) from None
    except YAMLError as error:  # a character that no YAML stream may hold
        raise _character(text, error) from None
    except (RecursionError, ValueError) as error:
        raise SyntaxTrouble(
            "LE001", 1, 1, f"not valid YAML: {error}", "write the file anew from a record that works"
        ) from None
    return None if root is None else _tree(root, text.split("\n"), 0)


@cache
def _shallow_composer() -> Any:  # noqa: ANN401
    """Return the composer of ruamel.yaml that stops at a depth, before the text below it is read."""
    from ruamel.yaml.composer import Composer

    class Shallow(Composer):
        levels = 0

        def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401
            if self.levels > _DEEPEST:
                mark = self.parser.peek_event().start_mark
                raise _too_deep(mark.line + 1, mark.column + 1)
            self.levels += 1
            try:
                return super().compose_node(parent, index)
            finally:
                self.levels -= 1

    return Shallow


def _too_deep(line: int, column: int) -> SyntaxTrouble:
    return SyntaxTrouble("LE010", line, column, f"nested deeper than {_DEEPEST} levels", "write the record flat")


def _tree(node: Any, lines: list[str], depth: int) -> Node:  # noqa: ANN401
    start, end = node.start_mark, node.end_mark
    line, column = start.line + 1, start.column + 1
    _refuse_tricks(node, lines, depth)
    if not isinstance(node.value, list):
        style = getattr(node, "style", None)
        width = end.column - start.column if end.line == start.line else 1
        return Node("scalar", line, column, max(1, width), str(node.value), style in (None, ""))
    if node.value and isinstance(node.value[0], tuple):
        keys, children = [], []
        for k, v in node.value:
            key = _tree(k, lines, depth + 1)
            if key.kind != "scalar":
                raise SyntaxTrouble(
                    "LE001",
                    key.line,
                    key.column,
                    "not a record: a list or mapping as field name",
                    "name fields with plain words",
                )
            keys.append(key)
            children.append(_tree(v, lines, depth + 1))
        return Node("map", line, column, 1, keys=tuple(keys), children=tuple(children))
    if str(node.tag).endswith(":map"):
        return Node("map", line, column)
    return Node("list", line, column, children=tuple(_tree(v, lines, depth + 1) for v in node.value))


def _refuse_tricks(node: Any, lines: list[str], depth: int) -> None:  # noqa: ANN401
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    if depth > _DEEPEST:
        raise _too_deep(line, column)
    if node.anchor:
        raise SyntaxTrouble(
            "LE007",
            line,
            column,
            f"anchor &{node.anchor[:60]}: records use no anchors or aliases",
            "write the value out at each place",
        )
    tag = str(node.tag)
    if tag == "tag:yaml.org,2002:merge":
        raise SyntaxTrouble("LE007", line, column, "merge key <<: records use no merging", "write the fields out")
    if line <= len(lines) and lines[line - 1][column - 1 : column] == "!":
        raise SyntaxTrouble("LE007", line, column, f"tag {tag[:60]}: records use no tags", "write the plain value")


def _place(mark: Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _syntax(text: str, error: Any) -> SyntaxTrouble:  # noqa: ANN401
    line, column = _place(error.problem_mark or error.context_mark)
    lines = text.split("\n")
    for number in range(min(line, len(lines)), max(0, line - 3), -1):
        if _TAB.match(lines[number - 1]):
            at = lines[number - 1].index("\t") + 1
            return SyntaxTrouble("LE001", number, at, "not valid YAML: tab used for indentation", "use two spaces")
    detail = str(error.problem or error.context or "cannot be read")
    if "\\t" in detail:
        return SyntaxTrouble("LE001", line, column, "not valid YAML: a tab where a value starts", "use spaces")
    if "undefined alias" in detail:
        return SyntaxTrouble(
            "LE007",
            line,
            column,
            "an alias: records use no anchors or aliases",
            "write the value out, or put text that starts with * in quotes",
        )
    if "found another document" in detail:
        return SyntaxTrouble(
            "LE001",
            line,
            column,
            "more than one YAML document in the file",
            "one file per study: remove the line ---",
        )
    return SyntaxTrouble("LE001", line, column, f"not valid YAML: {detail}", _remedy(detail))


def _remedy(detail: str) -> str:
    if "mapping values are not allowed" in detail:
        return "put text that holds a colon and a space in quotes"
    if "quoted scalar" in detail or "scanning" in detail:
        return "close the quotes"
    if "<scalar>" in detail:
        return "a quote may be open, or a comma missing, here or above"
    if "flow" in detail or "expected ',' or" in detail:
        return "close the bracket, put a comma between fields, and quote text that holds a comma"
    if "block" in detail or "could not find expected ':'" in detail:
        return "indent the fields of one mapping alike, two spaces a level, and write `field: value`"
    return "compare with the example in studies/README.md"


def _character(text: str, error: Any) -> SyntaxTrouble:  # noqa: ANN401
    position = getattr(error, "position", None)
    if isinstance(position, int):
        before = text[:position]
        line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
        name = f"U+{ord(text[position]):04X}" if position < len(text) else "unknown"
        return SyntaxTrouble("LE001", line, column, f"not valid YAML: control character {name}", "delete it")
    return SyntaxTrouble("LE001", 1, 1, f"not valid YAML: {error}", "compare with the example in studies/README.md")
