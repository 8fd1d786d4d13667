"""``meta::metacont``: means of two groups."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.meta_metagen import CHOICES
from tests.conformance.areas.meta_metagen import KNOWN as SUMMARY
from tests.conformance.meta_rules import deviations
from tests.conformance.meta_summary import columns as prepare
from tests.conformance.meta_summary import summary
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

__all__ = ["compute", "deviations", "prepare"]
KNOWN = (*SUMMARY, "sm", "method.smd", "exact.smd", "pooledvar")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES | {"fn": ("metacont",), "sm": ("SMD", "MD", "ROM")})
    yi, vi = effects(inputs, args)
    return summary(yi, vi, case, args)


def effects(c: dict[str, Any], args: dict[str, Any]) -> tuple[Any, Any]:
    """Return the effect that meta computes, from escalc's and the group variances."""
    if args["sm"] != "SMD":
        measure = args["sm"]
        if measure == "MD" and args.get("pooledvar"):
            own = lam.escalc("MD", **c, vtype="HO")
            return own.yi, own.vi
        own = lam.escalc(measure, **c, **({"vtype": "LS"} if measure == "MD" else {}))
        if measure == "ROM":  # without the bias correction that escalc makes
            return np.log(c["m1i"] / c["m2i"]), own.vi
        return own.yi, own.vi
    n1, n2 = c["n1i"], c["n2i"]
    n = n1 + n2
    method = args.get("method.smd", "Hedges")
    raw = lam.escalc("SMD", **c, correct=False)
    if method == "Glass":
        d = (c["m1i"] - c["m2i"]) / c["sd2i"]
        return d, n / (n1 * n2) + d**2 / (2 * (n2 - 1))
    if method not in ("Hedges", "Cohen"):
        raise Unsupported(f"method.smd={method}")
    j = lam.escalc("SMD", **c).yi / raw.yi  # the exact small-sample factor
    g = j * raw.yi
    return raw.yi if method == "Cohen" else g, n / (n1 * n2) + g**2 * (1 - (n - 4) / ((n - 2) * j**2))
