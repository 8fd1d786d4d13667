"""Univariate models: every τ² estimator and test, with and without moderators."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.compare import deviations as plain_deviations

INTERVALS = {"z": "z", "t": "t", "knha": "HKSJ", "adhoc": "HKSJ-floor"}


def weights_of(expression: str | None, vi: np.ndarray) -> np.ndarray | None:
    """Return the weights that an expression in vi stands for."""
    made = {"1/vi": 1 / vi, "sqrt(1/vi)": np.sqrt(1 / vi), "1/sqrt(vi)": np.sqrt(1 / vi)}
    return None if expression is None else made[expression]


def fit_case(yi: np.ndarray, vi: np.ndarray, args: dict[str, Any], X: np.ndarray | None, names: Any = None) -> Any:
    """Return the result of the settings of a case."""
    table = lam.EvidenceTable.from_estimates(yi, vi)
    options: dict[str, Any] = {"interval": INTERVALS[args.get("test", "z")], "prediction": "none"}
    if args["method"] == "EE":
        options["model"] = "common"
    else:
        options |= {"model": "random", "tau2": args.get("tau2", args["method"])}
    if args.get("level"):
        options["level"] = args["level"] / 100
    options["weights"] = "equal" if args.get("weighted") is False else weights_of(args.get("weights"), vi)
    if X is not None:
        return lam.pool(table, moderators=X, names=names, **options)
    return lam.pool(table, **options)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    yi, vi = np.array(inputs["yi"], dtype=float), np.array(inputs["vi"], dtype=float)
    if "mods" not in args:
        fit = fit_case(yi, vi, args, None)
        return _mean(fit) | _shared(fit, args, None)
    design = inputs["designs"][args["mods"]]
    keep = design["rows_used"]
    X = np.array(design["X"], dtype=float)
    fit = fit_case(yi[keep], vi[keep], args, X, design["columns"])
    return _regression(fit, args, yi[keep], vi[keep]) | _shared(fit, args, X)


def _mean(fit: Any) -> dict[str, Any]:
    low, high = fit.interval()
    return {
        "coef_names": ["intrcpt"], "beta": [fit.mu], "se": [fit.se], "zval": [fit.statistic], "pval": [fit.p_value],
        "ci.lb": [low], "ci.ub": [high], "vb": [[fit.se**2]], "p": 1, "s2w": factor(fit),
    }


def factor(fit: Any) -> float:
    """Return the factor of the Knapp-Hartung variance."""
    return {"HKSJ": fit.fit.factor, "HKSJ-floor": max(1.0, fit.fit.factor)}.get(fit.spec.interval, 1.0)


def _regression(fit: Any, args: dict[str, Any], yi: np.ndarray, vi: np.ndarray) -> dict[str, Any]:
    bounds = fit.interval()
    m, df = fit.qm_df
    out = {
        "coef_names": list(fit.names), "beta": fit.beta, "se": fit.se, "zval": fit.statistic, "pval": fit.p_value,
        "ci.lb": bounds[:, 0], "ci.ub": bounds[:, 1], "vb": fit.vb, "p": len(fit.beta), "s2w": fit.factor,
        "QM": fit.qm, "QMdf": [m, df], "QMp": fit.qm_p, "R2": fit.r2,
    }
    if "tau2" in args:
        total = lam.pool(lam.EvidenceTable.from_estimates(yi, vi), tau2=args["method"], prediction="none").tau2
        out["R2"] = max(0.0, 100 * (total - fit.tau2) / total) if total > 0 else 0.0
    return out


def _shared(fit: Any, args: dict[str, Any], X: np.ndarray | None) -> dict[str, Any]:
    info = fit.information()
    se_tau2 = fit.se_tau2
    if "tau2" in args:
        se_tau2 = lam.tau2_standard_error(args["method"], fit.table.yi, fit.table.vi, args["tau2"], X)
    return {
        "ddf": fit.df, "tau2": fit.tau2, "se.tau2": se_tau2, "I2": fit.i2, "H2": fit.h2, "vt": fit.typical_variance,
        "QE": fit.q, "QEp": fit.q_p, "k": fit.k,
        "fit": {
            "logLik": info["log_likelihood"], "deviance": info["deviance"], "AIC": info["aic"], "BIC": info["bic"],
            "AICc": info["aicc"],
        },
    }


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare, but for R² where R's iteration stopped so close to τ² = 0 that it stands for 0."""
    rounded_to_zero = isinstance(expected, dict) and 0 < (expected.get("tau2") or 0) < 1e-9 and got.get("tau2") == 0
    if rounded_to_zero:
        expected = {key: value for key, value in expected.items() if key != "R2"}
    yield from plain_deviations(got, expected, hint)
