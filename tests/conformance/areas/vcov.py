"""Area ``vcov``: covariance of dependent effects, aggregation, with the columns and settings that the R call names."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pandas as pd

from lamevidence.effects import aggregate, correlated_covariance, dependent_covariance, triangle_covariance
from tests.conformance.r_call import name_of, parse, settings
from tests.conformance.runner import Unsupported

KNOWN = {
    "vcalc": {
        "vi",
        "cluster",
        "subgroup",
        "rvars",
        "type",
        "obs",
        "rho",
        "data",
        "time1",
        "time2",
        "phi",
        "grp1",
        "grp2",
        "w1",
        "w2",
        "nearpd",
        "sparse",
        "checkpd",
    },
    "aggregate": {"x", "cluster", "struct", "rho", "weighted", "data", "time", "phi", "obs"},
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
        node = tree.args[0] if tree.args else given.get("vi")
        one = None if node is None else number_of(node)
        variances = column(inputs, node) if one is None else np.full(len(cluster), one)
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


def numbers(given: dict[str, ast.expr], name: str) -> list[float]:
    """Return a setting that is a number or ``c(…)`` of numbers."""
    node = given.get(name)
    if node is None:
        return []
    parts = node.args if isinstance(node, ast.Call) and name_of(node.func) == "c" else [node]
    found = [number_of(p) for p in parts]
    if any(x is None for x in found):
        raise Unsupported(f"{name} = {ast.unparse(node)}")
    return [float(x) for x in found if x is not None]


def number_of(node: ast.expr) -> float | None:
    """Return a number, with its sign; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = number_of(node.operand)
        return None if value is None else -value
    plain = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return float(node.value) if plain else None  # type: ignore[attr-defined]


def labelled(node: ast.expr, inputs: dict[str, Any], key: Any) -> float | pd.DataFrame:
    """Return a correlation: a number, ``matrix(c(…), …)`` or a matrix of the file, with its labels in order."""
    value = number_of(node)
    if value is not None:
        return value
    labels = sorted(set(key))
    if isinstance(node, ast.Call) and name_of(node.func) == "matrix":
        held = np.array(numbers({"rho": node.args[0]}, "rho"))
    else:
        held = np.asarray(column(inputs, node), dtype=float)
    return pd.DataFrame(held.reshape(len(labels), len(labels)), index=labels, columns=labels)


def correlations(inputs: dict[str, Any], given: dict[str, ast.expr], named: dict[str, Any]) -> dict[str, Any]:
    """Return rho; R's is (within a type, between types) where type and obs are both given."""
    node = given.get("rho")
    parts = [] if node is None else [node]
    if isinstance(node, ast.Call) and name_of(node.func) in ("c", "list"):
        parts = list(node.args)
    if len(parts) != len(named):
        raise Unsupported(f"{len(parts)} correlations for {len(named)} of type and obs")
    if len(parts) == 2:
        within, between = (
            labelled(n, inputs, named[k]) for n, k in zip(parts, ("observation", "outcome"), strict=True)
        )
        return {"rho_observation": within, "rho": between}
    return {"rho": labelled(parts[0], inputs, *named.values())} if parts else {}


def columns(inputs: dict[str, Any], node: ast.expr) -> list[Any]:
    """Return ``c(a, b)`` or, in the order of the file, ``c(a:c)``; R's NA right of the diagonal is nan."""
    parts = list(node.args) if isinstance(node, ast.Call) and name_of(node.func) == "c" else [node]
    names: list[str] = []
    for part in parts:
        span = part.args if isinstance(part, ast.Call) and name_of(part.func) == "range" else [part]
        ends = [name_of(end).removeprefix("dat.") for end in span]
        if any(end not in inputs for end in ends):
            raise Unsupported(f"no columns {ast.unparse(part)}")
        order = list(inputs)
        names += order[order.index(ends[0]) : order.index(ends[-1]) + 1]
    return [[np.nan if x is None else x for x in inputs[name]] for name in names]


def covariance(inputs: dict[str, Any], variances: Any, cluster: Any, given: dict[str, ast.expr]) -> np.ndarray:
    """Return V of ``vcalc``; R warns of correlations that make no covariance matrix, and returns what they give."""
    settled = {"not_positive": "nearest" if literal(given, "nearpd", False) else "keep"}
    if "rvars" in given:
        triangle = np.column_stack(columns(inputs, given["rvars"]))
        own = isinstance(variances, np.ndarray)  # vi=1: the columns are covariances
        return triangle_covariance(triangle, cluster, vi=None if own else variances, **settled)
    options: dict[str, Any] = settled
    named = {ours: column(inputs, given[r]) for r, ours in (("type", "outcome"), ("obs", "observation")) if r in given}
    options |= named | correlations(inputs, given, named)
    options |= {"subgroup": column(inputs, given["subgroup"])} if "subgroup" in given else {}
    if "time1" in given:
        times = [column(inputs, given[n]) for n in ("time1", "time2") if n in given]
        options |= {"time": times[0] if len(times) == 1 else tuple(times), "phi": numbers(given, "phi")[0]}
    if "grp1" in given:  # R's defaults: one other group for all, groups of one size
        first = column(inputs, given["grp1"])
        options["arms"] = (first, column(inputs, given["grp2"]) if "grp2" in given else ["2"] * len(first))
        sizes = [column(inputs, given[n]) for n in ("w1", "w2") if n in given]
        options["sizes"] = tuple(sizes) if len(sizes) == 2 else (sizes or [np.ones(len(first))])[0]
    return dependent_covariance(variances, cluster, **options)


def within_clusters(inputs: dict[str, Any], vi: Any, cluster: Any, given: dict[str, ast.expr]) -> np.ndarray:
    """Return V of ``aggregate`` by its struct: CS, ID, CAR, CS+CAR or CS*CAR."""
    struct = literal(given, "struct", "CS")
    rho, phi = (numbers(given, name) for name in ("rho", "phi"))
    if struct == "ID":
        return correlated_covariance(vi, cluster, 0.0)
    if struct == "CS" and rho:
        return correlated_covariance(vi, cluster, rho[0])
    if struct in ("CAR", "CS+CAR", "CS*CAR") and phi and "time" in given and bool(rho) == (struct != "CAR"):
        time = {"time": column(inputs, given["time"]), "phi": phi[0]}
        if struct == "CS*CAR":
            return dependent_covariance(vi, cluster, observation=column(inputs, given.get("obs")), rho=rho[0], **time)
        car = dependent_covariance(vi, cluster, **time)
        return car if struct == "CAR" else rho[0] * correlated_covariance(vi, cluster, 1.0) + (1 - rho[0]) * car
    raise Unsupported(f"aggregate with struct {struct} and these correlations")


def aggregated(inputs: dict[str, Any], tree: ast.Call, cluster: Any, given: dict[str, ast.expr]) -> dict[str, Any]:
    """Return one estimate and variance a cluster."""
    inner = tree.args[0] if tree.args else given.get("x")
    if not isinstance(inner, ast.Call) or name_of(inner.func) != "escalc":
        raise Unsupported("aggregate of something that the call does not make")
    columns = settings(inner)
    yi, vi = (column(inputs, columns.get(name)) for name in ("yi", "vi"))
    V = within_clusters(inputs, vi, cluster, given)
    means, variances, _ = aggregate(yi, V, cluster, weighted=bool(literal(given, "weighted", True)))
    return {"yi": means, "vi": variances}
