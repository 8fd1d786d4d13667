"""Read an R call of a reference case: vectors by name, settings by keyword, calls within calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.conformance.runner import Unsupported

OPERATIONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}

ELEMENTARY: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "length": np.size,
    "mean": np.mean,
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "rep": lambda x, times: np.repeat(x, int(times)),
}


def parse(call: str) -> ast.Call:
    """Return the call as a tree; dots in names become double underscores, which Python can read."""
    readable = re.sub(r"(?<=[A-Za-z0-9_])\.(?=[A-Za-z_])", "__", call)
    readable = readable.replace("^", "**").replace("$", "__")
    readable = re.sub(r"([A-Za-z_]\w*|\d+):([A-Za-z_]\w*|\d+)", r"range(\1, \2)", readable)
    readable = re.sub(r"\b(TRUE|FALSE)\b", lambda m: m[1].capitalize(), readable).replace("NULL", "None")
    try:
        tree = ast.parse(readable, mode="eval").body
    except SyntaxError:
        raise Unsupported(f"the call {call!r} is not understood") from None
    if not isinstance(tree, ast.Call):
        raise Unsupported(f"{call!r} is not a call")
    return tree


def expression(text: str, inputs: Mapping[str, Any]) -> Any:
    """Return the value of an R expression over columns, as in ``weights=1/sqrt(vi)``."""
    return value(parse(f"c({text})").args[0], inputs, ELEMENTARY)


def name_of(node: ast.AST) -> str:
    """Return R's name of a function or column."""
    if not isinstance(node, ast.Name):
        raise Unsupported(f"{ast.unparse(node)} is not a name")
    return node.id.replace("__", ".")


def settings(tree: ast.Call) -> dict[str, ast.expr]:
    """Return the keywords of a call by their R names."""
    return {k.arg.replace("__", "."): k.value for k in tree.keywords if k.arg}


def value(node: ast.AST, inputs: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    """Return the value of an expression over the columns of ``inputs`` and the functions offered.

    ``sapply(x, f, …)`` and ``mapply(f, x, y)`` are f over whole columns; ``targs=list(…)`` are settings of f.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -value(node.operand, inputs, functions)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        return OPERATIONS[type(node.op)](*(value(n, inputs, functions) for n in (node.left, node.right)))
    if isinstance(node, ast.Name):
        column = name_of(node).removeprefix("dat.")
        if column not in inputs:
            raise Unsupported(f"no column {column!r}")
        return np.asarray(inputs[column], dtype=float)
    if isinstance(node, ast.Call):
        return _called(node, inputs, functions)
    raise Unsupported(f"{ast.unparse(node)} is not understood")


def _called(node: ast.Call, inputs: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    name, arguments = name_of(node.func), list(node.args)
    if name == "c":
        return np.array([value(a, inputs, functions) for a in arguments], dtype=float)
    if name in ("sapply", "mapply"):
        name = name_of(arguments.pop(1 if name == "sapply" else 0))
    if name not in functions:
        raise Unsupported(f"function {name}")
    given = settings(node)
    inner = given.pop("targs", None)
    if isinstance(inner, ast.Call):
        given |= settings(inner)
    vectors = [value(a, inputs, functions) for a in arguments]
    return functions[name](*vectors, **{k: value(v, inputs, functions) for k, v in given.items()})
