"""``meta::metaprop``: single proportions through the public functions."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.effects.escalc import escalc
from lamevidence.effects.measures.arm_intervals import arm_interval
from lamevidence.pooling.counts import glmm
from tests.conformance.meta_rules import deviations
from tests.conformance.meta_summary import COUNTS, TAU2, counted, one_stage, summary
from tests.conformance.meta_summary import columns as prepare
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

__all__ = ["compute", "deviations", "prepare"]
KNOWN = (*COUNTS, "method.ci")
EXACT = {"CP": "exact", "WS": "wilson"}
APPROXIMATE = {"AC": "agresti-coull", "SA": "wald", "SACC": "wald-corrected", "WSCC": "wilson-corrected"}
SCALES = {"PLOGIT": "PLO", "PFT": "PFT", "PAS": "PAS", "PRAW": "PR", "PLN": "PLN"}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    choices = {"fn": ("metaprop",), "sm": SCALES, "method": ("Inverse", "GLMM"), "method.tau": TAU2}
    one_of(args, choices)
    x, n = inputs["xi"], inputs["ni"]
    if "sm" not in args:
        return study_interval(x, n, args.get("method.ci", "CP"), case["expected"] or {})
    if args.get("method") == "GLMM":
        table = counted({"xi": x, "ni": n}, "PLO")
        return one_stage(*(glmm(table, tau2=m, nagq=7, interval="z", prediction="t") for m in ("none", "ML")))
    if args["sm"] == "PLN":  # half an event where there is none, half a patient where none or all have the event
        own = escalc("PLN", xi=x + 0.5 * (x == 0), ni=n + 0.5 * ((x == 0) | (x == n)), add=0.0, to="none")
    else:
        own = escalc(SCALES[args["sm"]], xi=x, ni=n, to="only0")
    yi = own.yi
    if args["sm"] == "PRAW":  # the raw proportion itself is never corrected, only its variance
        yi = x / n
    if args["sm"] == "PLN":
        yi = np.where(x == n, 0.0, own.yi)
    return summary(yi, own.vi, case, args)


def study_interval(x: Any, n: Any, method: str, expected: Any) -> dict[str, Any]:
    note = expected.get("note")
    if method == "NAsm":
        own = escalc("PLO", xi=x, ni=n, to="only0")
        fits = [lam.pool(lam.EvidenceTable.from_estimates([y], vi=[v])) for y, v in zip(own.yi, own.vi, strict=True)]
        low, high = np.array([fit.interval() for fit in fits]).T
        return {"lower": low, "upper": high, "note": note}
    if method in EXACT:
        low, high = arm_interval(x, n, EXACT[method])
    elif method in APPROXIMATE:
        low, high = arm_interval(x, n, APPROXIMATE[method])
    else:
        raise Unsupported(f"study intervals by method.ci={method}")
    with np.errstate(divide="ignore"):
        return {"lower": np.log(low / (1 - low)), "upper": np.log(high / (1 - high)), "note": note}
