"""Small-study effects: regression and rank tests, trim-and-fill, fail-safe N, Henmi-Copas, excess significance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.errors import NotEstimable
from tests.conformance.areas.rma_uni import INTERVALS
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported


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
    return _regression(found) | ({"other": lambda: _lower_modes(inputs, args)} if args.get("method") == "ML" else {})


def _lower_modes(inputs: Any, args: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results at local maxima of the likelihood that are not the highest."""
    from scipy.optimize import minimize_scalar

    table = pooled(inputs, args).table
    vi = table.vi
    x = {"sei": np.sqrt(vi), "vi": vi}.get(args["predictor"], 1 / table.n)
    x = np.sqrt(x) if args["predictor"] == "sqrtninv" else x
    fit = lam.pool(table, tau2="ML", moderators=np.column_stack([np.ones(table.k), x]), prediction="none", interval="z")

    def height(t: float) -> float:
        return float(lam.likelihood_profile(fit, [t])["log_likelihood"][0])

    grid = np.append(0.0, np.geomspace(vi.min() / 100, 10 * vi.max() + 10 * np.var(table.yi), 60))
    heights = np.array([height(t) for t in grid])
    out = []
    for i in range(grid.size - 1):
        if heights[i] < heights[i + 1] or (i and heights[i] <= heights[i - 1]):
            continue
        bounds = (grid[max(i - 1, 0)], grid[i + 1])
        t = (
            minimize_scalar(lambda u: -height(u), bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
            if i
            else 0.0
        )
        if height(t) < fit.log_likelihood - 1e-8:
            interval = INTERVALS.get(args.get("test", "z"), "z")
            there = lam.pool(table, tau2=float(t), interval=interval, prediction="none")
            out.append(_regression(lam.small_study_test(there, "egger-rma", predictor=args["predictor"])))
    return out


def _regression(found: Any) -> dict[str, Any]:
    low, high = found.limit_interval or (math.nan, math.nan)
    return {
        "zval": found.statistic,
        "pval": found.p_value,
        "ddf": found.df,
        "est": found.limit,
        "ci.lb": low,
        "ci.ub": high,
    }


def case_ranktest(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    try:
        found = lam.small_study_test(pooled(inputs, args), "begg" if args.get("exact", True) else "begg-normal")
    except NotEstimable:
        return {"tau": None, "pval": None}
    return {"tau": found.tau, "pval": found.p_value}


def case_hc(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    found = lam.pool(pooled(inputs, args).table, model="henmi-copas", level=args["level"] / 100)
    low, high = found.interval()
    return {"beta": found.mu, "se": found.se, "ci.lb": low, "ci.ub": high, "tau2": found.tau2}


def case_trimfill(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    side = None if args["side"] == "auto" else args["side"]
    found = lam.trim_and_fill(pooled(inputs, args), estimator=args["estimator"], side=side)
    out: dict[str, Any] = {
        "k0": found.missing,
        "se.k0": found.missing_se,
        "side": found.side,
        "p.k0": found.p_value,
        "filled_yi": found.filled_yi,
        "filled_vi": found.filled_vi,
    }
    return out | summary_of(found.fit) | ({"at": found.fit} if args["method"] == "REML" else {})


def summary_of(fit: Any) -> dict[str, Any]:
    """Return what R prints of a fit."""
    low, high = fit.interval()
    return {
        "beta": [fit.mu],
        "se": [fit.se],
        "zval": [fit.statistic],
        "pval": [fit.p_value],
        "ci.lb": [low],
        "ci.ub": [high],
        "tau2": fit.tau2,
        "I2": fit.i2,
        "H2": fit.h2,
        "QE": fit.q,
        "QEp": fit.q_p,
        "k": fit.k,
    }


def case_fsn(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    options = {name: args[name] for name in ("alpha", "target", "weighted") if name in args}
    if args["type"] == "General":
        raise Unsupported("general fail-safe N with R's approximate null studies; here they are exactly null")
    fit = pooled(inputs, args)
    if "target" in options:  # R turns the sign of the target where it must; here that is the caller's decision
        mean = fit.mu if args.get("weighted", True) else float(np.mean(inputs["yi"]))
        options["target"] = math.copysign(options["target"], mean)
    found = lam.fail_safe_n(fit, args["type"], **options)
    return {
        "fsnum": found.n,
        "est": found.estimate,
        "tau2": found.tau2,
        "pval": found.p_value,
        "target": found.target,
        "alpha": found.alpha,
        "est.fsn": found.estimate_then,
        "tau2.fsn": found.tau2_then,
        "pval.fsn": found.p_value_then,
        "ub.sign": "",
    }


def case_tes(inputs: Any, args: dict[str, Any]) -> dict[str, Any]:
    fit = pooled(inputs, args | {"test": "z"})
    found = lam.test_excess_significance(fit, test=args.get("test", "exact" if fit.k <= 20 else "chi2"))
    return {
        "O": found.observed,
        "E": found.expected,
        "OEratio": found.ratio,
        "X2": found.statistic,
        "pval": found.p_value,
        "power": found.power,
        "theta": [found.theta],
        "theta.lim": [found.limit],
    }


ROOT = float(np.finfo(float).eps) ** 0.25
"""Tolerance at which R's root finder stops unless told otherwise."""


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; quantities that R finds by a root finder at its default tolerance are known to that tolerance only."""
    if "theta.lim" in (expected or {}):
        limit = {"theta.lim": expected["theta.lim"]}
        rest = {key: value for key, value in expected.items() if key != "theta.lim"}
        yield from plain_deviations(got, limit, dict(hint) | {"abs": hint["abs"] + ROOT})
    elif set(expected or {}) == {"beta", "se", "ci.lb", "ci.ub", "tau2"}:
        rest, hint = expected, dict(hint) | {"abs": hint["abs"] + 2 * ROOT * expected["se"]}
    else:
        rest = expected
    if rest and "other" in got and not all(row[-1] for row in plain_deviations(got, rest, hint)):
        # R stopped at a lower maximum: its results must be those of that maximum, to the digits of its iteration
        for there in got["other"]():
            rows = list(plain_deviations(there, rest, dict(hint) | {"rel": max(hint["rel"], 1e-5)}))
            if all(row[-1] for row in rows):
                yield from rows
                return
    if rest and rest.get("X2") is not None:
        yield from _excess(got, rest, hint)
        return
    if rest and "k0" in rest and rest["tau2"] and "at" in got:
        yield from _at_their_tau2(got, rest, hint)
        return
    yield from plain_deviations(got, rest, hint)


def _at_their_tau2(got: Any, expected: Any, hint: Any) -> Any:
    """Compare the refit at R's τ² where R stopped early there: τ² differs by less than its threshold of 1e-5."""
    fit = got["at"]
    scale = max(1.0, expected["tau2"])
    if abs(got["tau2"] - expected["tau2"]) > 2e-5 * scale:
        yield from plain_deviations(got, expected, hint)
        return
    again = lam.pool(fit.table, tau2=expected["tau2"], interval="z", prediction="none")
    heights = lam.likelihood_profile(fit, [fit.tau2, expected["tau2"]])["log_likelihood"]
    yield "logLik", float(heights[0]), float(heights[1]), 0.0, bool(heights[0] >= heights[1] - 1e-10)
    yield from plain_deviations(got | summary_of(again), expected, hint)


def _excess(got: Any, expected: Any, hint: Any) -> Any:
    """Compare the χ² test: an error of ``rel`` in the expected number is magnified close to the observed one."""
    gap, k = expected["O"] - expected["E"], len(expected["power"])
    room = expected["E"] * (k - expected["E"]) / k
    slack = 3 * abs(gap) / room * hint["rel"] * expected["E"]
    for key, value in expected.items():
        wide = dict(hint) | {"abs": hint["abs"] + slack} if key in ("X2", "pval") else hint
        yield from plain_deviations({key: got[key]}, {key: value}, wide)
