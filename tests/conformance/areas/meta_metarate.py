"""``meta::metarate``: single incidence rates through the public functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling.glmm import fit_glmm
from tests.conformance import meta_counts
from tests.conformance.settings import honoured, one_of

KNOWN = meta_counts.KNOWN
SCALES = ("IRLN", "IRS", "IRFT", "IR")
prepare = meta_counts.columns
deviations = meta_counts.deviations


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    choices = {"fn": ("metarate",), "sm": SCALES, "method": ("Inverse", "GLMM"), "method.tau": meta_counts.TAU2}
    one_of(args, choices)
    x, t = inputs["xi"], inputs["ti"]
    if args.get("method") == "GLMM":
        labels = tuple(str(i) for i in range(x.size))
        nothing = np.full(x.size, math.nan)
        table = EvidenceTable(
            yi=nothing, vi=nothing, labels=labels, studies=labels, measure="IRLN", unit=None, counts={"xi": x, "ti": t}
        )
        return meta_counts.from_glmm(fit_glmm(table, method="EE", nagq=7), fit_glmm(table, nagq=7), False)
    own = escalc(args["sm"], xi=x, ti=t)
    return meta_counts.inverse_variance(own.yi, own.vi, args, test=False)
