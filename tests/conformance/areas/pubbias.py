"""Small-study effects: regression and rank tests, trim-and-fill, fail-safe N, Henmi-Copas, excess significance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.rma_uni import INTERVALS


def pooled(inputs: Any, args: dict[str, Any]) -> Any:
    """Return the fit that the settings describe."""
    n = inputs.get("ni")
    yi, vi = np.array(inputs["yi"], dtype=float), np.array(inputs["vi"], dtype=float)
    sizes = None if n is None else np.array(n, dtype=float)
    X, keep = None, np.arange(len(yi))
    if "mods" in args:
        X = np.array(inputs["X"], dtype=float)
        keep = np.asarray(inputs.get("rows_used", range(len(yi))) if len(X) != len(yi) else range(len(yi)), dtype=int)
    table = lam.EvidenceTable.from_estimates(yi[keep], vi[keep], n=None if sizes is None else sizes[keep])
    method = args.get("method", "EE")
    test = args.get("test", "z")
    options: dict[str, Any] = {"interval": INTERVALS.get(test, "z"), "prediction": "none"}
    options |= {"model": "common"} if method == "EE" else {"model": "random", "tau2": method}
    return lam.pool(table, **options) if X is None else lam.pool(table, moderators=X, **options)


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    return globals()[f"case_{args['fn']}"](inputs, args)


def case_regtest(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    found = lam.small_study_test(pooled(inputs, args), f"egger-{args['model']}", predictor=args["predictor"])
    low, high = found.limit_interval or (math.nan, math.nan)
    return {
        "zval": found.statistic, "pval": found.p_value, "ddf": found.df, "est": found.limit, "ci.lb": low, "ci.ub": high,
    }


def case_ranktest(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    found = lam.small_study_test(pooled(inputs, args), "begg" if args.get("exact", True) else "begg-normal")
    return {"tau": found.tau, "pval": found.p_value}


def case_hc(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    found = lam.pool(pooled(inputs, args).table, model="henmi-copas", level=args["level"] / 100)
    low, high = found.interval()
    return {"beta": found.mu, "se": found.se, "ci.lb": low, "ci.ub": high, "tau2": found.tau2}


def case_trimfill(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    side = None if args["side"] == "auto" else args["side"]
    found = lam.trim_and_fill(pooled(inputs, args), estimator=args["estimator"], side=side)
    fit = found.fit
    low, high = fit.interval()
    return {
        "k0": found.missing, "se.k0": found.missing_se, "side": found.side, "p.k0": found.p_value, "beta": [fit.mu],
        "se": [fit.se], "zval": [fit.statistic], "pval": [fit.p_value], "ci.lb": [low], "ci.ub": [high], "tau2": fit.tau2,
        "I2": fit.i2, "H2": fit.h2, "QE": fit.q, "QEp": fit.q_p, "k": fit.k, "filled_yi": found.filled_yi,
        "filled_vi": found.filled_vi,
    }


def case_fsn(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    options = {name: args[name] for name in ("alpha", "target", "weighted") if name in args}
    found = lam.fail_safe_n(pooled(inputs, args), args["type"], **options)
    return {
        "fsnum": found.n, "est": found.estimate, "tau2": found.tau2, "pval": found.p_value, "target": found.target,
        "alpha": found.alpha, "est.fsn": found.estimate_then, "tau2.fsn": found.tau2_then, "pval.fsn": found.p_value_then,
        "ub.sign": "",
    }


def case_tes(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    fit = pooled(inputs, args | {"test": "z"})
    found = lam.test_excess_significance(fit, test=args.get("test", "exact" if fit.k <= 20 else "chi2"))
    return {
        "O": found.observed, "E": found.expected, "OEratio": found.ratio, "X2": found.statistic, "pval": found.p_value,
        "power": found.power, "theta": [found.theta], "theta.lim": [found.limit],
    }
