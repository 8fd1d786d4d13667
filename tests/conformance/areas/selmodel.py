"""Selection models."""

from __future__ import annotations

import math
from typing import Any

import lamevidence as lam
from tests.conformance.areas.influence import model_of
from tests.conformance.compare import deviations as plain_deviations


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    fit = model_of(inputs, {"test": "z", "method": args["method"]} | ({"mods": "X"} if "mods" in args else {}))
    options = {ours: args[theirs] for theirs, ours in (("steps", "steps"), ("delta", "delta"), ("prec", "precision")) if theirs in args}
    found = lam.selection_model(fit, args["type"], alternative=args["alternative"], **options)
    bounds, delta = found.interval(), found.delta_interval()
    return {
        "beta": found.beta, "se": found.se, "zval": found.statistic, "pval": found.p_value, "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1], "tau2": found.tau2, "se.tau2": found.se_tau2, "delta": found.delta,
        "se.delta": found.se_delta, "pval.delta": found.delta_p_value, "ci.lb.delta": delta[:, 0],
        "ci.ub.delta": delta[:, 1], "LRT": found.lrt, "LRTdf": found.lrt_df, "LRTp": found.lrt_p,
        "logLik": found.log_likelihood, "AIC": found.aic, "BIC": found.bic, "ptable": [[n] for n in found.counts],
    }
