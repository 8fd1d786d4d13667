"""Univariate models: every τ² estimator and test, with and without moderators."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.equations import direct_height
from tests.conformance.runner import Unsupported
from tests.conformance.settings import column, forgiving, honoured, lost, observed, weights_of

INTERVALS = {"z": "z", "t": "t", "knha": "HKSJ", "hksj": "HKSJ", "adhoc": "HKSJ-floor"}
COMMON = ("EE", "FE", "CE")
METHODS = (
    "DL",
    "HE",
    "HS",
    "HSk",
    "SJ",
    "ML",
    "REML",
    "EB",
    "PM",
    "MP",
    "PMM",
    "GENQ",
    "GENQM",
    "DLIT",
    "SJIT",
)
KNOWN = ("method", "test", "weights", "weighted", "tau2", "level", "mods", "btt", "intercept")


def fit_case(
    yi: np.ndarray,
    vi: np.ndarray,
    args: dict[str, Any],
    X: np.ndarray | None,
    names: Any = None,
    weights: np.ndarray | None = None,
    sizes: np.ndarray | None = None,
) -> Any:
    """Return the result of the settings of a case."""
    table = lam.EvidenceTable.from_estimates(yi, vi=vi, n=sizes)
    method, test = args.get("method", "REML"), args.get("test", "z")
    if test not in INTERVALS:
        raise Unsupported(f"test={test!r}")
    options: dict[str, Any] = {"interval": INTERVALS[test], "prediction": "none"}
    own = weights is not None or args.get("weighted") is False
    if method in COMMON and own:
        options |= {"model": "random", "tau2": 0.0}  # the common effect with weights of its own
    elif method in COMMON:
        options["model"] = "common"
    elif method in METHODS:
        options |= {"model": "random", "tau2": args.get("tau2", "PM" if method == "MP" else method)}
    else:
        raise Unsupported(f"method={method!r}")
    if args.get("level"):
        options["level"] = args["level"] / 100
    options["weights"] = "equal" if args.get("weighted") is False else weights
    if X is not None:
        return lam.pool(table, moderators=X, names=names, **options)
    return lam.pool(table, **options)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, KNOWN)
    yi, vi, rows = observed(inputs)
    if "mods" not in args:
        fit = fit_case(yi, vi, args, None, weights=weights_of(args.get("weights"), inputs, rows))
        return _mean(fit) | _shared(fit, args, None) | {"_lost": lost(vi)}
    if args["mods"] not in inputs.get("designs", {}):
        raise Unsupported(f"the file holds no design {args['mods']!r}")
    design = inputs["designs"][args["mods"]]
    keep = np.asarray(design.get("rows_used", rows), dtype=int)
    X = np.array(design["X"], dtype=float)
    yi, vi = column(inputs["yi"])[keep], column(inputs["vi"])[keep]
    fit = fit_case(yi, vi, args, X, design["columns"], weights_of(args.get("weights"), inputs, keep))
    return _regression(fit, args, yi, vi) | _shared(fit, args, X) | {"_lost": lost(vi, X), "_fit": fit}


def _mean(fit: Any) -> dict[str, Any]:
    low, high = fit.interval()
    return {
        "coef_names": ["intrcpt"],
        "beta": [fit.mu],
        "se": [fit.se],
        "zval": [fit.statistic],
        "pval": [fit.p_value],
        "ci.lb": [low],
        "ci.ub": [high],
        "vb": [[fit.se**2]],
        "p": 1,
        "s2w": factor(fit),
    }


def factor(fit: Any) -> float:
    """Return the factor of the Knapp-Hartung variance."""
    return {"HKSJ": fit.fit.factor, "HKSJ-floor": max(1.0, fit.fit.factor)}.get(fit.spec.interval, 1.0)


def _regression(fit: Any, args: dict[str, Any], yi: np.ndarray, vi: np.ndarray) -> dict[str, Any]:
    bounds = fit.intervals()
    m, df = fit.qm_df
    out = {
        "coef_names": list(fit.names),
        "beta": fit.beta,
        "se": fit.se,
        "zval": fit.statistic,
        "pval": fit.p_value,
        "ci.lb": bounds[:, 0],
        "ci.ub": bounds[:, 1],
        "vb": fit.covariance,
        "p": len(fit.beta),
        "s2w": fit.factor,
        "QM": fit.qm,
        "QMdf": [m, df],
        "QMp": fit.qm_p,
        "R2": fit.r2,
    }
    if "btt" in args:
        tested, m, df, p_value = fit.test([args["btt"]] if isinstance(args["btt"], int) else args["btt"])
        out |= {"QM": tested, "QMdf": [m, df], "QMp": p_value}
    if args["method"] in COMMON and args.get("weights"):
        raise Unsupported("R² of a common-effect regression with weights of its own")
    if args["method"] in COMMON:
        out["R2"] = fit_case(yi, vi, {"method": "EE"}, fit.design.X).r2
    if "tau2" in args:
        total = lam.pool(lam.EvidenceTable.from_estimates(yi, vi=vi), tau2=args["method"], prediction="none").tau2
        out["R2"] = max(0.0, 100 * (total - fit.tau2) / total) if total > 0 else 0.0
    return out


def _shared(fit: Any, args: dict[str, Any], X: np.ndarray | None) -> dict[str, Any]:
    info = fit.information()
    se_tau2 = fit.se_tau2
    if "tau2" in args:
        se_tau2 = lam.checks.tau2_standard_error(args["method"], fit.table.yi, fit.table.vi, args["tau2"], X)
    if "tau2" in args and args["method"] == "REML":
        info = restricted(fit, X)
    i2, h2 = fit.i2, fit.h2
    if args["method"] in COMMON:  # from Q, whose weights are 1/v even where the mean has others
        common = fit_case(fit.table.yi, fit.table.vi, {"method": "EE"}, X)
        i2, h2 = common.i2, common.h2
    return {
        "ddf": fit.df,
        "tau2": fit.tau2,
        "se.tau2": se_tau2,
        "I2": i2,
        "H2": h2,
        "vt": fit.typical_variance,
        "QE": fit.q,
        "QEp": fit.q_p,
        "k": fit.k,
        "fit": {
            "logLik": info["log_likelihood"],
            "deviance": info["deviance"],
            "AIC": info["aic"],
            "BIC": info["bic"],
            "AICc": info["aicc"],
        },
    }


def restricted(fit: Any, X: np.ndarray | None) -> dict[str, float]:
    """Return the restricted likelihood at a given τ², and the criteria that count the coefficients only."""
    design = {} if X is None else {"moderators": X}
    free = lam.pool(fit.table, tau2="REML", interval="z", prediction="none", **design)
    height = float(lam.checks.likelihood_profile(free, [fit.tau2])["log_likelihood"][0])
    p = 1 if X is None else X.shape[1]
    n = fit.k - p
    return {
        "log_likelihood": height,
        "deviance": -2 * height,
        "aic": -2 * height + 2 * p,
        "bic": -2 * height + p * np.log(n),
        "aicc": -2 * height + 2 * p * max(n, p + 2) / (max(n, p + 2) - p - 1),
    }


NO_ERROR = "a statistic over a standard error of 0 is undefined; R divides"
ZERO = "R² where R's iteration stopped so close to tau2 = 0 that it stands for 0, which is at least as likely"
STRAY = 1e-9
"""A τ² of R below this share of the typical variance may stand for 0."""


def ratio_of_strays(got: Any, expected: Any) -> bool:
    """Return whether R's R² compares values of τ² that stand for 0: ours is that of the two estimates, 0 among them.

    R² = 100 (1 - τ²/τ₀²) says what R's τ₀² was. Where there is a likelihood, 0 must be no less likely than R's values.
    """
    fit, t, share = got["_fit"], float(expected.get("tau2") or 0.0), float(expected["R2"]) / 100
    null = lam.pool(fit.table, tau2=fit.spec.tau2, interval="z", prediction="none")
    if null.tau2 != 0 and fit.tau2 != 0:
        return False
    own = max(0.0, 100 * (null.tau2 - fit.tau2) / null.tau2) if null.tau2 > 0 else 0.0
    pairs = [(fit, t)] if fit.tau2 == 0 else []
    if null.tau2 == 0:
        pairs.append((null, t / (1 - share) if share < 1 else 0.0))
    likely = fit.spec.tau2 not in ("ML", "REML") or all(
        direct_height(one, 0.0) >= direct_height(one, stray) for one, stray in pairs
    )
    small = all(stray <= STRAY * fit.typical_variance for _, stray in pairs)
    return likely and small and abs(got["R2"] - own) <= 1e-9 * (1 + abs(own))


UNDEFINED = ("zval", "pval", "QM", "QMp")


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare, but for R² where R's iteration stopped so close to τ² = 0 that it stands for 0."""
    for row in forgiving(plain_deviations(got, expected, hint), got["_lost"]):
        if row[0] == "R2" and not row[4] and "_fit" in got and ratio_of_strays(got, expected):
            yield *row[:3], 0.0, True, ZERO
        elif isinstance(got, dict) and not row[4] and row[0].split("[")[0] in UNDEFINED and not any(got["se"]):
            yield *row[:3], 0.0, True, NO_ERROR
        else:
            yield row
