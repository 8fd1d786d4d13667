"""Area ``vcov``: covariance of dependent effects, aggregation."""

from __future__ import annotations

import re
from typing import Any

from lamevidence.effects.covariance import aggregate, correlated_covariance
from tests.conformance.runner import Unsupported


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    named = re.search(r"cluster=(\w+)", case["call"])
    if named is None or named[1] not in inputs:
        raise Unsupported("the call names no cluster column")
    cluster = inputs[named[1]]
    if args["fn"] == "vcalc":
        return {"V": correlated_covariance(inputs["vi"], cluster, args["rho"])}
    if args["fn"] == "aggregate" and args["struct"] == "CS":
        V = correlated_covariance(inputs["vi"], cluster, args["rho"])
        yi, vi, _ = aggregate(inputs["yi"], V, cluster)
        return {"yi": yi, "vi": vi}
    raise Unsupported(f"{args['fn']} with struct {args.get('struct')}")
