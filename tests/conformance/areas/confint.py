"""Confidence intervals for τ², τ, I², H² and the coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.conformance.areas.rma_uni import fit_case
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported
from tests.conformance.settings import column, design_rows, honoured, observed, weights_of

METHODS = {"wald.log": "wald-log", "wald.sqrt": "wald-sqrt"}
TYPES = ("QP", "PL", "GENQ", "HT", "wald", "wald.log", "wald.sqrt")
KNOWN = ("method", "test", "weights", "weighted", "tau2", "level", "mods", "type")


def fitted(inputs: dict[str, Any], args: dict[str, Any]) -> Any:
    """Return the result that a case starts from."""
    yi, vi, rows = observed(inputs)
    X = None
    if "mods" in args:
        if "X" not in inputs:
            raise Unsupported("the file holds no model matrix")
        X = np.array(inputs["X"], dtype=float)
        rows = design_rows(inputs, X)
        yi, vi = column(inputs["yi"])[rows], column(inputs["vi"])[rows]
    weights = weights_of(args.get("weights"), inputs, rows)
    return fit_case(yi, vi, {k: v for k, v in args.items() if k != "level"}, X, weights=weights)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, KNOWN)
    fit = fitted(inputs, args)
    level = args.get("level", 95) / 100
    kind = args.get("type", "GENQ" if args["method"] in ("GENQ", "GENQM") else "QP")
    if kind == "fixed":
        bounds = np.atleast_2d(fit.interval(level))
        estimate = [fit.mu] if hasattr(fit, "mu") else fit.beta
        return {"fixed": {"estimate": estimate, "ci.lb": bounds[:, 0], "ci.ub": bounds[:, 1]}}
    kind = kind if kind in TYPES else kind.lower()
    if kind not in TYPES:
        raise Unsupported(f"type={args['type']!r}")
    low, high = fit.tau2_interval(level, METHODS.get(kind, kind))
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
        "stop": R_ROOT_TOLERANCE.get(kind, 0.0), "vt": s2, "wald": kind.startswith("wald"),
    }


R_ROOT_TOLERANCE = {"GENQ": 1.3e-4, "PL": 1e-13, "QP": 1e-13}
"""R's root search stops at an absolute error of τ²: 1e-13 as asked in the calls, but uniroot's default of
.Machine$double.eps^0.25 = 1.2e-4 for the generalised Q interval; `tests/oracles/test_quadratic_forms_mpmath.py`
shows that ours are the roots."""


CAPPED = "R's bound is the end of its search; ours lies beyond"


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Compare; where R marks its upper bound as the end of its search (">"), ours must lie beyond it."""
    capped = isinstance(expected, dict) and expected.get("ub.sign") == ">"
    beyond = isinstance(expected, dict) and expected.get("lb.sign") == ">"
    stands_for_zero = bool(expected) and "tau2" in got and got["tau2"]["estimate"] == 0
    stands_for_zero = stands_for_zero and 0 < expected["tau2"]["estimate"] < 1e-9
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        if stands_for_zero and (path == "tau.estimate" or (got["wald"] and path.endswith("ci.ub"))):
            yield path, g, e, 0.0, True, "R's tau2 stopped just above the 0 it stands for"
        elif (capped and path.endswith("ci.ub")) or (beyond and path.endswith("ci.lb")):
            yield path, g, e, 0.0, g >= e, CAPPED
        elif got.get("stop") and ".ci." in path and not fine:
            lower, upper = (_shifted(path, e, got["vt"], sign * got["stop"]) for sign in (-1, 1))
            yield path, g, e, 0.0, lower <= g <= upper, "within the absolute tolerance of R's root search"
        elif (capped and path == "ub.sign") or (beyond and path == "lb.sign"):
            yield path, g, e, 0.0, True, CAPPED
        else:
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
