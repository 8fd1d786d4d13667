"""Confidence intervals for τ², τ, I², H² and the coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.conformance.areas.rma_uni import fit_case
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.equations import direct_height, solves
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
        bounds = fit.intervals(level)
        estimate = np.atleast_1d(fit.estimate)
        return {"fixed": {"estimate": estimate, "ci.lb": bounds[:, 0], "ci.ub": bounds[:, 1]}}
    kind = kind if kind in TYPES else kind.lower()
    if kind not in TYPES:
        raise Unsupported(f"type={args['type']!r}")
    low, high = fit.tau2_interval(level, METHODS.get(kind, kind))
    null = high == 0
    (i2_low, i2_high), (h2_low, h2_high) = (
        f(level, METHODS.get(kind, kind)) for f in (fit.i2_interval, fit.h2_interval)
    )
    return {
        "tau2": {"estimate": fit.tau2, "ci.lb": low, "ci.ub": high},
        "tau": {"estimate": fit.tau, "ci.lb": math.sqrt(low), "ci.ub": math.sqrt(high)},
        "I2": {"estimate": fit.i2, "ci.lb": i2_low, "ci.ub": i2_high},
        "H2": {"estimate": fit.h2, "ci.lb": h2_low, "ci.ub": h2_high},
        "lb.sign": "<" if null else "",
        "ub.sign": "<" if null else "",
        "ci.null": null,
        "_kind": kind,
        "_fit": fit,
        "_level": level,
        "_weights": weights_for(inputs, args),
    }


def weights_for(inputs: dict[str, Any], args: dict[str, Any]) -> np.ndarray | None:
    """Return the weights of the generalised Q, in the rows used."""
    rows = observed(inputs)[2]
    if "mods" in args:
        rows = design_rows(inputs, np.array(inputs["X"], dtype=float))
    return weights_of(args.get("weights"), inputs, rows)


R_ROOT_TOLERANCE = {"GENQ": 1.3e-4, "PL": 1e-13, "QP": 1e-13}
"""R's root search stops at an absolute error of τ²: 1e-13 as asked in the calls, but uniroot's default of
.Machine$double.eps^0.25 = 1.2e-4 for the generalised Q interval; `tests/oracles/test_quadratic_forms_mpmath.py`
shows that ours are the roots."""


CAPPED = "R's bound is the end of its search; ours lies beyond"


STANDS_FOR_ZERO = "R's tau2 stopped just above the 0 it stands for; ours is at least as likely"
SEARCHED = "within the absolute tolerance of R's root search; ours solves the equation"


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[Any, ...]]:
    """Compare; a bound that is not R's has to solve its equation, and R's to be where its search may end."""
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        sign = expected.get(f"{path[-2:]}.sign") if ".ci." in path else None
        if "_fit" not in got or not isinstance(g, float) or isinstance(e, str | bool):
            capped = path in ("lb.sign", "ub.sign") and e == ">"
            yield path, g, e, relative, fine or capped, CAPPED if capped else ""
        elif sign == ">":
            yield path, g, e, 0.0, g >= e and solved(got, path, g), CAPPED
        elif path == "tau.estimate" and zero_for(got, expected):
            yield path, g, e, 0.0, g == 0.0, STANDS_FOR_ZERO
        elif fine and (g != 0 or e == 0):
            yield path, g, e, relative, e != 0 or abs(g) <= 1e-12, ""
        elif ".ci." in path and got["_kind"].startswith("wald") and zero_for(got, expected):
            limit = math.isinf(g) and tau2_of(got, path, e) > 1e6 * got["_fit"].typical_variance  # se/(2 tau) at 0
            yield path, g, e, 0.0, limit or abs(g - e) <= 1e-6 * abs(e), STANDS_FOR_ZERO
        elif ".ci." in path and got["_kind"] in R_ROOT_TOLERANCE:
            near = abs(tau2_of(got, path, g) - tau2_of(got, path, e)) <= R_ROOT_TOLERANCE[got["_kind"]]
            yield path, g, e, 0.0, near and solved(got, path, g), SEARCHED
        else:
            yield path, g, e, relative, fine


def zero_for(got: Any, expected: Any) -> bool:
    """Return whether R's τ² is one of the 1e-14 that its iteration leaves of our 0, which is at least as likely."""
    fit, theirs = got["_fit"], expected["tau2"]["estimate"]
    if fit.tau2 != 0 or not 0 < theirs < 1e-9:
        return False
    method = fit.spec.tau2
    return method not in ("ML", "REML") or direct_height(fit, 0.0) >= direct_height(fit, theirs)


def solved(got: Any, path: str, value: float) -> bool:
    """Return whether a bound of ours, on whichever scale, is a root."""
    bound = tau2_of(got, path, value)
    return solves(got["_fit"], got["_kind"], bound, got["_level"], path[-2:], got["_weights"])


def tau2_of(got: Any, path: str, value: float) -> float:
    """Return the τ² of a bound that is printed as τ, I² or H²."""
    vt = got["_fit"].typical_variance
    if path.startswith("tau."):
        return value**2
    if path.startswith("H2"):
        return max(0.0, (value - 1) * vt)
    if path.startswith("I2"):
        return max(0.0, vt * value / (100 - value)) if value < 100 else math.inf
    return value
