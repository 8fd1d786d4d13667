"""Area ``vcov``: covariance of dependent effects, aggregation, with the columns and settings that the R call names."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from lamevidence.effects.covariance import aggregate, correlated_covariance
from tests.conformance.r_call import name_of, parse, settings
from tests.conformance.runner import Unsupported

KNOWN = {
    "vcalc": {"vi", "cluster", "type", "obs", "rho", "data"},
    "aggregate": {"x", "cluster", "struct", "rho", "weighted", "data"},
}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    tree = parse(case["call"])
    function, given = name_of(tree.func), settings(tree)
    if function not in KNOWN:
        raise Unsupported(f"function {function}")
    extra = sorted(set(given) - KNOWN[function])
    if extra:
        raise Unsupported(f"{function} with {', '.join(extra)}")
    cluster = column(inputs, given.get("cluster"))
    if function == "vcalc":
        variances = column(inputs, tree.args[0] if tree.args else given.get("vi"))
        return {"V": covariance(inputs, variances, cluster, given)}
    return aggregated(inputs, tree, cluster, given)


def column(inputs: dict[str, Any], node: ast.expr | None) -> Any:
    """Return the column that an argument names."""
    name = "" if node is None else name_of(node).removeprefix("dat.")
    if name not in inputs:
        raise Unsupported("the call names no column" if not name else f"no column {name!r}")
    return inputs[name]


def literal(given: dict[str, ast.expr], name: str, default: Any) -> Any:
    """Return a setting that is a number, a string or a truth value."""
    if name not in given:
        return default
    if not isinstance(given[name], ast.Constant):
        raise Unsupported(f"{name} = {ast.unparse(given[name])}")
    return given[name].value  # type: ignore[attr-defined]


def covariance(inputs: dict[str, Any], variances: Any, cluster: Any, given: dict[str, ast.expr]) -> np.ndarray:
    """Return V: correlation ρ in a cluster, 1 between rows of one type (or one observation) in it."""
    keys = [name for name in ("type", "obs") if name in given]
    if len(keys) > 1:
        raise Unsupported("type and obs together, with a correlation each")
    rho = literal(given, "rho", None)
    if rho is None:
        raise Unsupported("a correlation that is not one number")
    if not keys:
        return correlated_covariance(variances, cluster, rho)
    return correlated_covariance(variances, cluster, rho, within=column(inputs, given[keys[0]]), rho_within=1.0)


def aggregated(inputs: dict[str, Any], tree: ast.Call, cluster: Any, given: dict[str, ast.expr]) -> dict[str, Any]:
    """Return one estimate and variance a cluster; struct CS with ρ, or ID without covariance."""
    inner = tree.args[0] if tree.args else given.get("x")
    if not isinstance(inner, ast.Call) or name_of(inner.func) != "escalc":
        raise Unsupported("aggregate of something that the call does not make")
    columns = settings(inner)
    yi, vi = (column(inputs, columns.get(name)) for name in ("yi", "vi"))
    struct = literal(given, "struct", "CS")
    if struct not in ("CS", "ID"):
        raise Unsupported(f"aggregate with struct {struct}")
    rho = literal(given, "rho", None) if struct == "CS" else 0.0
    if rho is None:
        raise Unsupported("struct CS without one correlation")
    V = correlated_covariance(vi, cluster, rho)
    means, variances, _ = aggregate(yi, V, cluster, weighted=bool(literal(given, "weighted", True)))
    return {"yi": means, "vi": variances}
