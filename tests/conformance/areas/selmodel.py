"""Selection models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.influence import model_of
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    if args["type"].startswith("trunc"):
        raise Unsupported("selection by truncation of the estimates")
    fit = model_of(inputs, {"test": "z", "method": args["method"]} | ({"mods": "X"} if "mods" in args else {}))
    names = (("steps", "steps"), ("delta", "delta"), ("prec", "precision"))
    options = {ours: args[theirs] for theirs, ours in names if theirs in args}
    found = lam.selection_model(fit, args["type"], alternative=args["alternative"], **options)
    bounds, delta = found.interval(), found.delta_interval()
    return {
        "beta": found.beta,
        "se": found.se,
        "zval": found.statistic,
        "pval": found.p_value,
        "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1],
        "tau2": found.tau2,
        "se.tau2": found.se_tau2,
        "delta": found.delta,
        "se.delta": found.se_delta,
        "pval.delta": found.delta_p_value,
        "ci.lb.delta": delta[:, 0],
        "ci.ub.delta": delta[:, 1],
        "LRT": found.lrt,
        "LRTdf": found.lrt_df,
        "LRTp": found.lrt_p,
        "logLik": found.log_likelihood,
        "AIC": found.aic,
        "BIC": found.bic,
        "ptable": [[n] for n in found.counts],
    }


PRINTED = 2e-11
"""How well a log-likelihood of 13 printed digits is known."""


NOISY = 0.02
"""Most that R's standard errors may be off where its integrals visibly are; `noise` says how much of it a case may use.

R differentiates its likelihood twice by differences; integrals of metafor's rel.tol, eps^(1/4), are noise in that. It
shows where R's likelihood lies above the exact maximum by more than the file's ``logLik_abs``: no exact one can. For
such a case quadrature in 20-digit arithmetic gave our likelihood to 15 digits and the diagonal of our Hessian to 8.
"""


SHORTEST = 0.1 / 2**5
"""Shortest step of numDeriv::hessian relative to a parameter: d = 0.1, halved 5 times (selmodel asks for r = 6)."""
AMPLIFIED = 4 * 1.45
"""Errors of the likelihood in a second difference, times the weight of the shortest step in Richardson's scheme."""


def noise(excess: float, expected: Any, pairs: dict[str, str]) -> float:
    """Return the relative error of R's standard errors where its likelihood is ``excess`` above the exact maximum."""
    if excess <= 0:
        return 0.0
    worst = 0.0
    for key, name in pairs.items():
        for x, se in zip(np.atleast_1d(expected[key]), np.atleast_1d(expected[name]), strict=True):
            if isinstance(se, float | int) and x:
                worst = max(worst, 0.5 * AMPLIFIED * excess * (se / (SHORTEST * x)) ** 2)
    return min(NOISY, worst)


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; where our likelihood is higher, R stopped before the maximum.

    A likelihood higher by more than the file's ``logLik_abs`` settles the case. Otherwise estimates may differ by what
    the two likelihoods allow: d = ½(Δ/se)² at a maximum.
    """
    gain = got["logLik"] - expected["logLik"]
    if gain > hint["logLik_abs"]:
        yield from plain_deviations({"logLik": expected["logLik"]}, {"logLik": expected["logLik"]}, hint)
        return
    yield from plain_deviations(got, {"logLik": expected["logLik"]}, hint)
    root = math.sqrt(2 * (max(gain, 0.0) + PRINTED))
    pairs = {"beta": "se", "tau2": "se.tau2", "delta": "se.delta"}
    visible = noise(-gain if -gain > hint["logLik_abs"] else 0.0, expected, pairs)
    loose = dict(hint) | {"rel": max(hint["rel"], hint["se_rel"], visible)}
    for key, value in expected.items():
        if key == "logLik":
            continue
        if key not in pairs:
            yield from plain_deviations({key: got[key]}, {key: value}, loose)
            continue
        se = expected[pairs[key]]
        sizes = [x for x in (se if isinstance(se, list) else [se]) if isinstance(x, float | int)]
        room = root * max(sizes, default=0.0)
        yield from plain_deviations({key: got[key]}, {key: value}, dict(hint) | {"abs": hint["abs"] + room})
