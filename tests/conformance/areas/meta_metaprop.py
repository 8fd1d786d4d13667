"""``meta::metaprop``: single proportions through the public functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.effects.measures.approximate_intervals import approximate_interval
from lamevidence.effects.measures.arm_intervals import arm_interval
from lamevidence.pooling.glmm import fit_glmm
from tests.conformance import meta_counts
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

KNOWN = (*meta_counts.KNOWN, "method.ci")
EXACT = {"CP": "exact", "WS": "wilson"}
APPROXIMATE = {"AC": "agresti-coull", "SA": "wald", "SACC": "wald-corrected", "WSCC": "wilson-corrected"}
SCALES = {"PLOGIT": "PLO", "PFT": "PFT", "PAS": "PAS", "PRAW": "PR", "PLN": "PLN"}

prepare = meta_counts.columns
deviations = meta_counts.deviations


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    choices = {"fn": ("metaprop",), "sm": SCALES, "method": ("Inverse", "GLMM"), "method.tau": meta_counts.TAU2}
    one_of(args, choices)
    x, n = inputs["xi"], inputs["ni"]
    if "sm" not in args:
        return study_interval(x, n, args.get("method.ci", "CP"), case["expected"] or {})
    if args.get("method") == "GLMM":
        labels = tuple(str(i) for i in range(x.size))
        nothing = np.full(x.size, math.nan)
        table = EvidenceTable(
            yi=nothing, vi=nothing, labels=labels, studies=labels, measure="PLO", unit=None, counts={"xi": x, "ni": n}
        )
        return meta_counts.from_glmm(fit_glmm(table, method="EE", nagq=7), fit_glmm(table, nagq=7), False)
    if args["sm"] == "PLN":  # half an event where there is none, half a patient where none or all have the event
        own = escalc("PLN", xi=x + 0.5 * (x == 0), ni=n + 0.5 * ((x == 0) | (x == n)), add=0.0, to="none")
    else:
        own = escalc(SCALES[args["sm"]], xi=x, ni=n)
    yi = own.yi
    if args["sm"] == "PRAW":  # the raw proportion itself is never corrected, only its variance
        yi = x / n
    if args["sm"] == "PLN":
        yi = np.where(x == n, 0.0, own.yi)
    return meta_counts.inverse_variance(yi, own.vi, args, test=False)


def study_interval(x: Any, n: Any, method: str, expected: Any) -> dict[str, Any]:
    note = expected.get("note")
    if method == "NAsm":
        own = escalc("PLO", xi=x, ni=n)
        half = meta_counts.Z * np.sqrt(own.vi)
        return {"lower": own.yi - half, "upper": own.yi + half, "note": note}
    if method in EXACT:
        low, high = arm_interval(x, n, EXACT[method])
    elif method in APPROXIMATE:
        low, high = approximate_interval(x, n, APPROXIMATE[method])
    else:
        raise Unsupported(f"study intervals by method.ci={method}")
    with np.errstate(divide="ignore"):
        return {"lower": np.log(low / (1 - low)), "upper": np.log(high / (1 - high)), "note": note}
