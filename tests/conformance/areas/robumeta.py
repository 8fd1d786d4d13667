"""Robust variance estimation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import lamevidence as lam
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported

ZERO = 1e-6
"""A robust standard error below this share of the estimates is 0 up to rounding: one cluster determines the
coefficient, and its df and p are rounding errors as well."""
KNOWN = {"fn", "modelweights", "small", "rho", "formula"}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case on the rows that are complete, as R does."""
    args = case["args"]
    unknown = sorted(set(args) - KNOWN)
    if args["fn"] != "robu" or unknown:
        raise Unsupported(f"{args['fn']} with {', '.join(unknown) or 'these arguments'}")
    right = args["formula"].split("~")[1].strip()
    used = {"yi", "vi", "cluster", *re.findall(r"[A-Za-z_.][\w.]*", right)} & set(inputs)
    keep = [i for i in range(len(inputs["yi"])) if all(inputs[n][i] is not None for n in used)]
    columns = {n: [inputs[n][i] for i in keep] for n in used}
    moderators = {n: c for n, c in columns.items() if n not in ("yi", "vi")}
    table = lam.EvidenceTable.from_estimates(columns["yi"], vi=columns["vi"], moderators=moderators)
    fit = lam.robust_variance(
        table,
        cluster="cluster",
        working=args["modelweights"],
        rho=args["rho"] if args["modelweights"] == "CORR" else None,
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
        "tau2": fit.working.tau2,
        "omega2": None if math.isnan(fit.omega2) else fit.omega2,
        "I2": None if math.isnan(fit.i2) else fit.i2,
    }


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Compare; what follows from a standard error of 0 is rounding on both sides."""
    size = max((abs(b) for b in expected["b"] if b is not None), default=0.0)
    exact = [isinstance(g, float) and (math.isnan(g) or g <= ZERO * size) for g in got["se"]]
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        key, _, place = path.partition("[")
        if not fine and place and key in ("se", "t", "df", "p", "ci.lb", "ci.ub") and exact[int(place[:-1])]:
            fine = (expected["se"][int(place[:-1])] or 0.0) <= ZERO * size
        yield path, g, e, relative, fine
