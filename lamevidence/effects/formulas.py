"""The one door for formulas of moderators: names, operators, arithmetic and a documented set of functions.

formulaic would evaluate any Python between the names. What a formula holds is read here before anything is evaluated,
so that a formula out of a file or a web form can do nothing but make columns.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import OptionError
from ..foundation.options import shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEEPEST", "FUNCTIONS", "LARGEST", "LONGEST", "columns_again", "columns_by_formula", "deeper_than"]

FUNCTIONS = (
    *("C", "I", "center", "standardize", "scale", "log", "log2", "log10", "exp", "sqrt"),
    *("poly", "bs", "cr", "cs", "cc", "Treatment", "Sum", "Helmert", "Diff", "Poly"),
)
"""What a formula may call: factors, arithmetic, centring, logarithms, polynomials, splines, contrasts of factors."""

CODINGS = ("treatment", "sum", "helmert", "diff", "poly", "sas")
"""Contrasts of factors, written ``contr.treatment`` and so on."""

LONGEST, HIGHEST, CROSSED, DEEPEST = 2000, 8, 10, 100
"""Most characters, the highest power or degree (knots and degrees of splines: 20), and most ``*`` of a formula."""
KNOTS = 20
LARGEST = 1e100
"""Moderators beyond it overflow in the products of a design; no unit makes them as large."""

_OPERATORS = re.compile(r"[-+*/:^]+|in")
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.FloorDiv, ast.Mod)
_QUOTED = re.compile(r"`([^`]*)`")


def columns_by_formula(text: str, frame: pd.DataFrame, given: str, **options: Any) -> Any:  # noqa: ANN401
    """Return formulaic's model matrix of the right-hand side over the frame, once nothing but columns can come of it.

    Parameters
    ----------
    text
        The formula without its tilde.
    frame
        The columns it may name.
    given
        The formula as the user wrote it, for messages.
    **options
        As ``formulaic.Formula.get_model_matrix`` takes them.

    Raises
    ------
    OptionError
        The formula calls something else, or holds Python that is not arithmetic.
    NameError
        A name that is not a column.
    """
    from formulaic import Formula

    _check(text, set(map(str, frame.columns)), given)
    return Formula(text).get_model_matrix(frame, context={"sqrt": np.sqrt}, **options)


def columns_again(recipe: Any, frame: pd.DataFrame) -> Any:  # noqa: ANN401
    """Return the columns that the recipe of a formula makes of other rows."""
    return recipe.get_model_matrix(frame, context={"sqrt": np.sqrt})


def _check(text: str, columns: Collection[str], given: str) -> None:
    from formulaic.parser import DefaultFormulaParser

    if len(text) > LONGEST:
        raise OptionError(f"moderators has {len(text)} characters · write a formula of at most {LONGEST}")
    power, crossed = False, 0
    for token in DefaultFormulaParser().get_tokens(text):
        word, kind = token.token, token.kind.value
        if kind == "operator" and not _OPERATORS.fullmatch(word):
            raise _refused(given, f"the operator {word!r}")
        crossed += word in ("*", "/")
        if power and (kind != "value" or not word.isdecimal() or int(word) > HIGHEST):
            raise _refused(given, f"a power of {word!r}")
        power = kind == "operator" and word in ("**", "^")
        if kind == "name" and word not in columns:
            raise NameError(f"{word!r} is no column")
        if kind == "python":
            _check_python(word, columns, given)
    if crossed > CROSSED:
        raise _refused(given, f"{crossed} crossings")


def _check_python(word: str, columns: Collection[str], given: str) -> None:
    quoted = {f"_quoted_{i}": name for i, name in enumerate(dict.fromkeys(_QUOTED.findall(word)))}
    for alias, name in quoted.items():
        word = word.replace(f"`{name}`", alias)
    tree = ast.parse(word, mode="eval").body
    if deeper_than(tree, DEEPEST):
        raise _refused(given, "too deep a nesting")
    _check_node(tree, {*columns, *quoted} - {a for a, name in quoted.items() if name not in columns}, given)


def deeper_than(tree: ast.AST, most: int) -> bool:
    """Tell whether nodes are nested deeper than ``most``, level by level and without recursion."""
    level = [tree]
    for _ in range(most):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


def _check_node(node: ast.AST, columns: Collection[str], given: str) -> None:
    """Raise unless this is arithmetic of columns and numbers, or a call of `FUNCTIONS` with such arguments."""
    match node:
        case ast.Name(id=name):
            if name not in columns:
                raise NameError(f"{name!r} is no column")
        case ast.Constant(value=int() | float()):
            pass
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=inner):
            _check_node(inner, columns, given)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            _check_node(left, columns, given)
            _check_node(right, columns, given)
            if isinstance(op, ast.Pow) and not (_holds_name(left) and _is_small(right)):
                raise _refused(given, f"the power {ast.unparse(node)!r}")
        case ast.Compare(left=left, comparators=others):
            for inner in (left, *others):
                _check_node(inner, columns, given) if not _is_text(inner) else None
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in FUNCTIONS:
            _check_call(args, keywords, columns, given)
        case _:
            raise _refused(given, _named(node))


def _check_call(args: list[ast.expr], keywords: list[ast.keyword], columns: Collection[str], given: str) -> None:
    for i, value in enumerate([*args, *(k.value for k in keywords)]):
        if i == 0 and not _is_text(value) and value in args:
            _check_node(value, columns, given)
            continue
        match value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="contr"), attr=attr), args=inner, keywords=named):
                if attr not in CODINGS:
                    raise _refused(given, _named(value))
                _check_call([ast.Constant(0), *inner], named, columns, given)
            case ast.Call(func=ast.Name(id=name), args=inner, keywords=named) if name in FUNCTIONS[-5:]:
                _check_call([ast.Constant(0), *inner], named, columns, given)
            case _ if not _is_setting(value):
                raise _refused(given, _named(value))


def _is_setting(node: ast.AST) -> bool:
    """Return True for texts, truth values, small whole numbers, fractions, and lists of them."""
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return all(_is_setting(item) or isinstance(item, ast.Constant) for item in items)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.Constant(value=bool() | str() | float() | None):
            return True
        case ast.Constant(value=int() as number):
            return number <= KNOTS
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _holds_name(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Name) for inner in ast.walk(node))


def _is_small(node: ast.AST) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant) and isinstance(inner.value, int | float) and abs(inner.value) <= HIGHEST


def _named(node: ast.AST) -> str:
    """Return in words what the formula must not hold."""
    text = ast.unparse(node)
    return f"{shown(node.func.id)[1:-1]}()" if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else text


def _refused(given: str, what: str) -> OptionError:
    return OptionError(
        f"moderators={shown(given)} holds {' '.join(what.split())[:80]}, which a formula may not"
        f" · names, + - : * ** and {', '.join(FUNCTIONS)} are what it knows; compute other columns before"
    )
