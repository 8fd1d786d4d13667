"""``meta::metainc``: incidence rates of two groups through the public functions."""

from __future__ import annotations

import math
from typing import Any

import lamevidence as lam
from lamevidence.effects.escalc import escalc
from lamevidence.pooling.counts import glmm, mantel_haenszel
from tests.conformance.meta_rules import deviations, estimate
from tests.conformance.meta_summary import COUNTS as KNOWN
from tests.conformance.meta_summary import TAU2, counted, one_stage, shown, summary
from tests.conformance.meta_summary import columns as prepare
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

__all__ = ["compute", "deviations", "prepare"]
CHOICES = {"fn": ("metainc",), "sm": ("IRR", "IRD", "IRSD"), "method.tau": TAU2}
NAMES = ("x1i", "t1i", "x2i", "t2i")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES)
    sm, method = args["sm"], args["method"]
    counts = {name: inputs[name] for name in NAMES}
    own = escalc(sm, **counts, to="only0", drop00=True)
    if method == "GLMM":
        nodes = {"nagq": 1 if args["model.glmm"] == "UM.RS" else 7, "interval": "z", "prediction": "t"}
        table = counted(counts, sm)
        return one_stage(*(glmm(table, model=args["model.glmm"], tau2=m, **nodes) for m in ("none", "ML")))
    out = summary(own.yi, own.vi, case, args)
    if method == "Inverse":
        return out
    x1, t1, x2, t2 = (counts[name] for name in NAMES)
    if method == "MH" and sm in ("IRR", "IRD"):
        pooled = mantel_haenszel(counted(counts, sm, own.yi, own.vi))
        return out | {"common": shown(pooled), "w.common": pooled.weights}
    if method == "Cochran":  # weights: events expected in group 1 at the rate of group 2
        rows = lam.EvidenceTable.from_estimates(own.yi, vi=own.vi)
        fixed = {"model": "random", "tau2": 0.0, "interval": "z", "prediction": "none"}
        averaged = lam.pool(rows, weights=t1 * x2 / t2, **fixed)
        common = estimate(averaged.mu, math.sqrt(1 / x1.sum() + 1 / x2.sum()))  # a variance that no other method has
        return out | {"common": common, "w.common": averaged.weights}
    raise Unsupported(f"metainc method={method}, sm={sm}")
