"""Confidence intervals for τ², τ, I², H² and the coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.conformance.areas.rma_uni import fit_case
from tests.conformance.compare import deviations as plain_deviations

METHODS = {"wald.log": "wald-log", "wald.sqrt": "wald-sqrt"}


def fitted(inputs: dict[str, Any], args: dict[str, Any]) -> Any:
    """Return the result that a case starts from."""
    yi, vi = np.array(inputs["yi"], dtype=float), np.array(inputs["vi"], dtype=float)
    X = np.array(inputs["X"], dtype=float) if "mods" in args else None
    return fit_case(yi, vi, {k: v for k, v in args.items() if k != "level"}, X)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    fit = fitted(inputs, args)
    if args["type"] == "fixed":
        bounds = np.atleast_2d(fit.interval())
        estimate = [fit.mu] if hasattr(fit, "mu") else fit.beta
        return {"fixed": {"estimate": estimate, "ci.lb": bounds[:, 0], "ci.ub": bounds[:, 1]}}
    low, high = fit.tau2_interval(args["level"] / 100, METHODS.get(args["type"], args["type"]))
    null = high == 0
    s2 = fit.typical_variance

    def i2(t: float) -> float:
        return 100.0 if math.isinf(t) else 100 * t / (t + s2)

    return {
        "tau2": {"estimate": fit.tau2, "ci.lb": low, "ci.ub": high},
        "tau": {"estimate": fit.tau, "ci.lb": math.sqrt(low), "ci.ub": math.sqrt(high)},
        "I2": {"estimate": fit.i2, "ci.lb": i2(low), "ci.ub": i2(high)},
        "H2": {"estimate": fit.h2, "ci.lb": 1 + low / s2, "ci.ub": 1 + high / s2},
        "lb.sign": "<" if null else "", "ub.sign": "<" if null else "", "ci.null": null,
        "stop": R_ROOT_TOLERANCE.get(args["type"], 0.0), "vt": s2, "wald": args["type"].startswith("wald"),
    }


R_ROOT_TOLERANCE = {"GENQ": 1.3e-4, "PL": 1e-13, "QP": 1e-13}
"""R's root search stops at an absolute error of τ²: 1e-13 as asked in the calls, but uniroot's default of
.Machine$double.eps^0.25 = 1.2e-4 for the generalised Q interval; `tests/oracles/test_quadratic_forms_mpmath.py`
shows that ours are the roots."""


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Compare; where R marks its upper bound as the end of its search (">"), ours must lie beyond it."""
    capped = isinstance(expected, dict) and expected.get("ub.sign") == ">"
    stands_for_zero = "tau2" in got and got["tau2"]["estimate"] == 0 and 0 < expected["tau2"]["estimate"] < 1e-9
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        if stands_for_zero and (path == "tau.estimate" or (got["wald"] and path.endswith("ci.ub"))):
            continue
        if capped and path.endswith("ci.ub"):
            yield path, g, e, 0.0, g >= e
        elif got.get("stop") and ".ci." in path and not fine:
            lower, upper = (_shifted(path, e, got["vt"], sign * got["stop"]) for sign in (-1, 1))
            yield path, g, e, 0.0, lower <= g <= upper
        elif not (capped and path == "ub.sign"):
            yield path, g, e, relative, fine


def _shifted(path: str, value: float, vt: float, by: float) -> float:
    """Return what the bound would be if its τ² were larger by ``by``."""
    if path.startswith("tau2"):
        return value + by
    if path.startswith("tau."):
        return math.sqrt(max(0.0, value**2 + by))
    t = (value - 1) * vt + by if path.startswith("H2") else vt * value / (100 - value) + by
    t = max(t, 0.0)
    return 1 + t / vt if path.startswith("H2") else 100 * t / (t + vt)
