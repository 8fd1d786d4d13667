"""``meta::metainc``: incidence rates of two groups through the public functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling import pool
from lamevidence.pooling.glmm import fit_glmm
from lamevidence.pooling.sparse import mantel_haenszel
from tests.conformance import meta_counts
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

prepare = meta_counts.columns
deviations = meta_counts.deviations
KNOWN = meta_counts.KNOWN
CHOICES = {"fn": ("metainc",), "sm": ("IRR", "IRD", "IRSD"), "method.tau": meta_counts.TAU2}
NAMES = ("x1i", "t1i", "x2i", "t2i")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES)
    sm, method = args["sm"], args["method"]
    counts = {name: inputs[name] for name in NAMES}
    labels = tuple(str(i) for i in range(counts["x1i"].size))
    own = escalc(sm, **counts, drop00=True)
    if method == "GLMM":
        nothing = np.full(len(labels), math.nan)
        table = EvidenceTable(
            yi=nothing, vi=nothing, labels=labels, studies=labels, measure=sm, unit=None, counts=counts
        )
        nodes = {"nagq": 1 if args["model.glmm"] == "UM.RS" else 7}
        fits = (fit_glmm(table, model=args["model.glmm"], method=m, **nodes) for m in ("EE", "ML"))
        return meta_counts.from_glmm(*fits, True)
    if method == "Inverse":
        return meta_counts.inverse_variance(own.yi, own.vi, args)
    out = meta_counts.inverse_variance(own.yi, own.vi, args)
    x1, t1, x2, t2 = (counts[name] for name in NAMES)
    if method == "MH" and sm in ("IRR", "IRD"):
        table = EvidenceTable(yi=own.yi, vi=own.vi, labels=labels, studies=labels, measure=sm, unit=None, counts=counts)
        pooled = mantel_haenszel(table)
        out["common"] = meta_counts.estimate(pooled.mu, pooled.se)
        out["w.common"] = {"IRR": x2 * t1, "IRD": t1 * t2}[sm] / (t1 + t2)
        return out
    if method == "Cochran":  # weights: events expected in group 1 at the rate of group 2
        weight = t1 * x2 / t2
        averaged = pool(
            EvidenceTable.from_estimates(own.yi, own.vi),
            model="random",
            tau2=0.0,
            interval="z",
            prediction="none",
            weights=weight,
        )
        out["common"] = meta_counts.estimate(averaged.mu, math.sqrt(1 / x1.sum() + 1 / x2.sum()))
        out["w.common"] = weight
        return out
    raise Unsupported(f"metainc method={method}, sm={sm}")
