"""Arithmetic of named estimates, read from text: names, numbers, + - * / ** and `FUNCTIONS`, nothing else of Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NoReturn

from ..foundation.errors import OptionError, UnknownName
from ..foundation.options import shown
from .formulas import DEEPEST, LONGEST, deeper_than
from .jets import FUNCTIONS, Jet, call, constant

__all__ = ["evaluated", "parsed"]

LARGEST = 1e6
"""The largest number that an expression may raise to a power: 9**9**9 would never end."""


def parsed(text: str, names: tuple[str, ...]) -> ast.expr:
    """Return the tree of an expression that holds nothing but arithmetic of these names.

    Raises
    ------
    OptionError
        It is too long, no expression, or holds something else.
    UnknownName
        It names another estimate.
    """
    if len(text) > LONGEST:
        raise OptionError(f"an expression of {len(text)} characters · write one of at most {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        _refuse(text, "something that is no expression")
    if deeper_than(tree, DEEPEST):
        _refuse(text, "too deep a nesting")
    _check(tree, names, text)
    return tree


def _check(node: ast.AST, names: tuple[str, ...], text: str) -> None:
    match node:
        case ast.Name(id=name):
            if name not in names:
                raise UnknownName("estimate", name, names)
        case ast.Constant(value=bool()):
            _refuse(text, ast.unparse(node))
        case ast.Constant(value=int() | float() as number):
            if abs(number) > LARGEST:
                _refuse(text, f"the number {ast.unparse(node)[:20]}")
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=inner):
            _check(inner, names, text)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right):
            _check(left, names, text)
            _check(right, names, text)
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            _check(inner, names, text)
        case _:
            _refuse(text, ast.unparse(node))


def _refuse(text: str, what: str) -> NoReturn:
    raise OptionError(
        f"the expression {shown(text)} holds {' '.join(what.split())[:80]}, which it may not"
        f" · names of estimates, numbers, + - * / ** and {', '.join(FUNCTIONS)} are what it knows;"
        " give a Python function for anything else"
    )


def evaluated(node: ast.AST, values: Mapping[str, Jet], p: int) -> Jet:
    """Return value and derivatives of a tree that `parsed` has passed."""
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as number):
            return constant(number, p)
        case ast.UnaryOp(op=op, operand=inner):
            found = evaluated(inner, values, p)
            return -found if isinstance(op, ast.USub) else found
        case ast.Call(func=ast.Name(id=name), args=[inner]):
            return call(name, evaluated(inner, values, p))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = evaluated(left, values, p), evaluated(right, values, p)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
            return a**b
    raise AssertionError(ast.dump(node))
