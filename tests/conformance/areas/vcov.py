"""Area ``vcov``: covariance of dependent effects, aggregation, with the columns and settings that the R call names."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from lamevidence.effects.covariance import aggregate, correlated_covariance
from lamevidence.effects.dependence import dependent_covariance
from lamevidence.errors import InputError
from tests.conformance.r_call import name_of, parse, settings
from tests.conformance.runner import Unsupported

KNOWN = {
    "vcalc": {
        "vi", "cluster", "type", "obs", "rho", "data", "time1", "phi", "grp1", "grp2", "w1", "w2", "nearpd", "sparse",
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


def numbers(given: dict[str, ast.expr], name: str) -> list[float]:
    """Return a setting that is a number or ``c(…)`` of numbers."""
    node = given.get(name)
    if node is None:
        return []
    parts = node.args if isinstance(node, ast.Call) and name_of(node.func) == "c" else [node]
    if not all(isinstance(p, ast.Constant) and isinstance(p.value, int | float) for p in parts):
        raise Unsupported(f"{name} = {ast.unparse(node)}")
    return [float(p.value) for p in parts]  # type: ignore[attr-defined]


def covariance(inputs: dict[str, Any], variances: Any, cluster: Any, given: dict[str, ast.expr]) -> np.ndarray:
    """Return V of ``vcalc``; R's rho is (within a type, between types) where type and obs are both given."""
    if literal(given, "nearpd", False) or literal(given, "sparse", False):
        raise Unsupported("vcalc with nearpd or sparse")
    rho, options = numbers(given, "rho"), dict[str, Any]()
    named = {ours: column(inputs, given[r]) for r, ours in (("type", "outcome"), ("obs", "observation")) if r in given}
    if len(rho) != len(named):
        raise Unsupported(f"{len(rho)} correlations for {len(named)} of type and obs")
    if len(rho) == 2:
        options |= {"rho_observation": rho[0], "rho": rho[1]}
    elif rho:
        options["rho"] = rho[0]
    if "time1" in given:
        options |= {"time": column(inputs, given["time1"]), "phi": numbers(given, "phi")[0]}
    if "grp1" in given:
        if not all(n in given for n in ("grp2", "w1", "w2")):
            raise Unsupported("groups without their partners and sizes")
        options["arms"] = tuple(column(inputs, given[n]) for n in ("grp1", "grp2"))
        options["sizes"] = tuple(column(inputs, given[n]) for n in ("w1", "w2"))
    try:
        return dependent_covariance(variances, cluster, **named, **options)
    except InputError as error:
        if "makes no covariance matrix" in str(error):
            raise Unsupported("correlations without a covariance matrix: R returns what is none") from None
        raise


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
