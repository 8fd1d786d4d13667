"""Area ``vcov``: covariance of dependent effects, aggregation."""

from __future__ import annotations

from typing import Any

from lamevidence.effects.covariance import aggregate, correlated_covariance
from tests.conformance.runner import Unsupported


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    cluster = inputs.get("trial", inputs.get("district"))
    if cluster is None:
        raise Unsupported("no cluster column that this adapter knows")
    if args["fn"] == "vcalc":
        return {"V": correlated_covariance(inputs["vi"], cluster, args["rho"])}
    if args["fn"] == "aggregate" and args["struct"] == "CS":
        V = correlated_covariance(inputs["vi"], cluster, args["rho"])
        yi, vi, names = aggregate(inputs["yi"], V, cluster)
        return {"yi": yi, "vi": vi}
    raise Unsupported(f"{args['fn']} with struct {args.get('struct')}")
