"""``meta::metarate``: single incidence rates through the public functions."""

from __future__ import annotations

from typing import Any

from lamevidence.effects.escalc import escalc
from lamevidence.pooling.counts import glmm
from tests.conformance.meta_rules import deviations
from tests.conformance.meta_summary import COUNTS, TAU2, counted, one_stage, summary
from tests.conformance.meta_summary import columns as prepare
from tests.conformance.settings import honoured, one_of

__all__ = ["compute", "deviations", "prepare"]
KNOWN = COUNTS
SCALES = ("IRLN", "IRS", "IRFT", "IR")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    choices = {"fn": ("metarate",), "sm": SCALES, "method": ("Inverse", "GLMM"), "method.tau": TAU2}
    one_of(args, choices)
    x, t = inputs["xi"], inputs["ti"]
    if args.get("method") == "GLMM":
        table = counted({"xi": x, "ti": t}, "IRLN")
        return one_stage(*(glmm(table, tau2=m, nagq=7, interval="z", prediction="t") for m in ("none", "ML")))
    own = escalc(args["sm"], xi=x, ti=t, to="only0")
    return summary(own.yi, own.vi, case, args)
