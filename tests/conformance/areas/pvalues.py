"""Combination of p values."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam

NAMES = {"truncated product": "truncated"}


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    p = np.array(inputs["p"], dtype=float)
    options: dict[str, Any] = {}
    if args.get("weights") == "1..k":
        options["weights"] = np.arange(1, p.size + 1)
    for theirs, ours in (("r", "rank"), ("k", "df"), ("ptrunc", "threshold")):
        if theirs in args:
            options[ours] = args[theirs]
    found = lam.combine_p_values(p, NAMES.get(args["fn"], args["fn"]), **options)
    return {"stat": found.statistic, "df": found.df, "p": found.p_value}
