"""Robust variance estimation."""

from __future__ import annotations

import math
from typing import Any

import lamevidence as lam


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    moderators = {n: c for n, c in inputs.items() if n not in ("yi", "vi")}
    table = lam.EvidenceTable.from_estimates(inputs["yi"], inputs["vi"], moderators=moderators)
    right = args["formula"].split("~")[1].strip()
    fit = lam.robust_variance(
        table,
        cluster="cluster",
        working=args["modelweights"],
        rho=args["rho"],
        small=args["small"],
        moderators=None if right == "1" else f"~ {right}",
    )
    c = fit.robust.coefficients
    bounds = c.intervals()
    return {
        "labels": (case["expected"] or {}).get("labels"),
        "b": c.estimate,
        "se": c.se,
        "t": c.statistics,
        "df": c.df,
        "p": c.p_values,
        "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1],
        "tau2": fit.tau2,
        "omega2": None if math.isnan(fit.omega2) else fit.omega2,
        "I2": None if math.isnan(fit.i2) else fit.i2,
    }
