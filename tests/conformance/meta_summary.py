"""What R's meta package reports, read off the results of lamevidence under meta's names."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.errors import NotEstimable, TooFewStudies
from lamevidence.pooling.counts.mantel_haenszel_peto import SparsePooled
from lamevidence.pooling.counts.one_stage_results import GlmmPooled
from tests.conformance.meta_rules import Check, OneStage
from tests.conformance.runner import Unsupported
from tests.conformance.settings import share

INTERVALS = {"classic": "z", "HK": "HKSJ", "KR": "KR"}
AD_HOC = {"se": "HKSJ-floor", "ci": "HKSJ-hybrid", "IQWiG6": "HKSJ-IQWiG"}
PREDICTIONS = {"V": "t", "S": "normal", "NNF": "boot"}
POWERS = {"J": 0.5, "BJ": 1.0}
"""Interval of τ² → x in the weights v^−x of its generalised Q."""
FINEST = 1e-5
TAU2 = ("REML", "DL", "PM", "ML", "HS", "SJ", "HE", "EB")
COUNTS = ("sm", "method", "method.tau", "method.random.ci", "prediction", "method.predict", "model.glmm")
"""Settings of meta's functions for counts."""


def columns(data: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs as float columns, missing as NaN."""
    return {k: np.array([math.nan if x is None else x for x in v], float) for k, v in data["inputs"].items()}


def columns_and_labels(data: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs with columns of numbers as float arrays and columns of words as they are."""
    words = {k for k, v in data["inputs"].items() if any(isinstance(x, str) for x in v)}
    numbers = columns({"inputs": {k: v for k, v in data["inputs"].items() if k not in words}})
    return numbers | {k: data["inputs"][k] for k in words}


def counted(counts: dict[str, Any], measure: str, yi: Any = None, vi: Any = None) -> EvidenceTable:
    """Return a table of counts, with estimates of the rows where they are given."""
    k = next(iter(counts.values())).size
    labels, nothing = tuple(str(i) for i in range(k)), np.full(k, math.nan)
    return EvidenceTable(
        yi=nothing if yi is None else yi,
        vi=nothing if vi is None else vi,
        labels=labels,
        studies=labels,
        measure=measure,
        unit=None,
        counts=counts,
    )


def shown(fit: Any, level: float = 0.95) -> dict[str, Any]:
    """Return estimate, interval and test as meta names them."""
    low, high = fit.interval(level)
    out = {"TE": fit.mu, "se": fit.se, "lower": low, "upper": high, "df": fit.df}
    return out | {"stat": fit.statistic, "z": fit.statistic, "p": fit.p_value}


def heterogeneity(fit: Any, h2: float, level: float = 0.95) -> dict[str, Any]:
    """Return Q, H and I² with the test-based interval; H, which is from Q, not below 1."""
    out = {"Q": fit.q, "df.Q": fit.q_df}
    if fit.q_df < 1:
        return out
    h2 = max(1.0, h2)
    out |= {"pval.Q": fit.q_p, "H": math.sqrt(h2), "I2": (h2 - 1) / h2}
    test_based = {} if isinstance(fit, SparsePooled | GlmmPooled) else {"method": "HT"}
    try:
        ends, shares = fit.h2_interval(level, **test_based), fit.i2_interval(level, **test_based)
    except TooFewStudies:
        return out
    for side, end, part in zip(("lower", "upper"), ends, shares, strict=True):
        out |= {f"{side}.H": math.sqrt(end), f"{side}.I2": part / 100}
    return out


def summary(
    yi: Any, vi: Any, case: dict[str, Any], args: dict[str, Any], *, around: SparsePooled | None = None
) -> dict[str, Any]:
    """Return meta's generic inverse-variance summary; ``around`` is the mean that the Q of DL is taken about."""
    usable = np.isfinite(yi) & np.isfinite(vi)
    rows = lam.EvidenceTable.from_estimates(yi[usable], vi=vi[usable])
    method = args.get("method.tau", "REML")
    ci = args.get("method.random.ci", "classic")
    if ci not in INTERVALS:
        raise Unsupported(f"method.random.ci={ci}")
    interval = AD_HOC.get(args.get("adhoc.hakn.ci", ""), INTERVALS[ci])
    predict = args.get("method.predict", "V")
    level, new_level = (share(args.get(name, 0.95)) for name in ("level.ma", "level.predict"))
    if level != 0.95 and interval == "HKSJ-IQWiG":
        raise Unsupported("IQWiG's comparison of intervals at another level")
    about = around if method == "DL" else None
    tau2 = method if about is None or rows.k < 2 else about.tau2_dersimonian_laird
    common = lam.pool(rows, model="common")
    fit = lam.pool(rows, model="random", tau2=tau2, interval=interval, prediction="none", level=level)
    weighing = lam.pool(rows, model="random", tau2=tau2, interval="z", prediction="none")
    out = {
        "common": shown(common, level),
        "random": iqwig(rows, method) if interval == "HKSJ-IQWiG" else shown(fit, level) | tested(rows, tau2, interval),
        "predict": predicted(rows, tau2, predict, new_level),
        "tau2": fit.tau2 if rows.k > 1 else 0.0,
        "k": rows.k,
        **(heterogeneity(fit, common.h2, level) if about is None else _about(about, level)),
        "w.common": spread(common.weights, usable),
        "w.random": spread(weighing.weights, usable),
    }
    out["Rb"] = float((out["tau2"] / (rows.vi + out["tau2"])).mean())
    name = args.get("method.tau.ci") or ("J" if method == "DL" else "QP")
    name = "QP" if name == "PL" else name  # meta keeps PL for three-level models and reports QP here
    call = case.get("call", "")
    most = re.search(r"tau2\.max=([\d.e+]+)", call)
    out["_check"] = Check(
        y=rows.yi,
        v=rows.vi,
        level=level,
        power=POWERS.get(name),
        cap=float(most[1]) if most else max(100.0, 10 * out["tau2"]),
        stepped=method == "REML" and about is None and "threshold" not in call,
        interval=interval,
        predict=predict,
        usable=usable,
    )
    if about is not None:
        return out
    return out | {"method.tau.ci": name, **tau2_interval(rows, tau2, name, level)}


def _about(fit: SparsePooled, level: float) -> dict[str, Any]:
    return heterogeneity(fit, fit.h2, level)


def spread(weights: Any, usable: Any) -> Any:
    """Return weights of the usable rows as weights of all, 0 for the others."""
    out = np.zeros(usable.size)
    out[usable] = weights
    return out


def one_stage(common: GlmmPooled, random: GlmmPooled) -> dict[str, Any]:
    """Return meta's summary of a one-stage fit; its H is from the Wald Q."""
    h2 = random.q / random.q_df if random.q_df else math.nan
    low, high = random.prediction()
    return {
        "common": shown(common),
        "random": shown(random),
        "predict": {"lower": low, "upper": high, "se": random.prediction_se, "df": random.prediction_df},
        "tau2": random.tau2,
        "k": random.k_informative,
        **heterogeneity(random, h2),
        "w.common": [None] * random.table.k,
        "w.random": [None] * random.table.k,
        "_check": OneStage(random),
    }


def iqwig(rows: EvidenceTable, tau2: str) -> dict[str, Any]:
    """Return meta's IQWiG6: where HK is narrower than DL's Wald interval, the Wald standard error of the same τ².

    Our ``HKSJ-IQWiG`` floors the variance factor at 1 there, so it is never below HKSJ; meta's is, when the
    factor exceeds 1.
    """
    knapp, wald = (lam.pool(rows, model="random", tau2=tau2, interval=i, prediction="none") for i in ("HKSJ", "t"))
    classic = lam.pool(rows, model="random", tau2="DL", interval="z", prediction="none")
    narrower = knapp.interval().width < classic.interval().width
    return shown(wald if narrower else knapp)


def tested(rows: EvidenceTable, tau2: str | float, interval: str) -> dict[str, Any]:
    """Return the test of meta's wider of HK and Wald, that of the wider; ours has the larger p value of the two."""
    if interval != "HKSJ-hybrid":
        return {}
    both = [lam.pool(rows, model="random", tau2=tau2, interval=i, prediction="none") for i in ("HKSJ", "z")]
    wider = max(both, key=lambda fit: fit.interval(0.95).width)
    return {"stat": wider.statistic, "z": wider.statistic, "p": wider.p_value}


def predicted(rows: EvidenceTable, tau2: str | float, method: str, level: float = 0.95) -> dict[str, Any]:
    """Return the prediction interval as meta names it, empty where there is none.

    An ad hoc variance of the confidence interval does not enter meta's prediction interval.
    """
    if method == "NNF":
        if float(np.median(rows.vi)) < FINEST:
            raise Unsupported("the variances are below the absolute tolerance of R's root finder (1.2e-4 for tau2)")
        boot = lam.checks.bootstrap_prediction(rows, seed=1, level=level)
        return {"lower": boot.interval().low, "upper": boot.interval().high, "df": rows.k - 1}
    needed = {"HTS": 3, "HK-PR": 3, "KR-PR": 3}.get(method, 2)
    if rows.k < needed:
        return {}
    own = {"H": "HKSJ", "K": "KR"}.get(method[0], "z") if method != "HTS" else "z"
    kind = PREDICTIONS.get(method, method)
    fit = lam.pool(rows, model="random", tau2=tau2, interval=own, prediction=kind, level=level)
    try:
        low, high = fit.prediction()
    except NotEstimable:
        return {}  # R has NA there
    return {"lower": low, "upper": high, "se": fit.prediction_se, "df": fit.prediction_df}


def tau2_interval(rows: EvidenceTable, tau2: str | float, name: str, level: float) -> dict[str, float]:
    """Return the interval of τ² that meta reports; J and BJ are generalised Q with weights v^−½ and 1/v."""
    if rows.k < 2:
        return {}
    if name in POWERS:
        weighted = lam.pool(
            rows, model="random", tau2="GENQ", weights=rows.vi ** -POWERS[name], interval="z", prediction="none"
        )
        low, high = weighted.tau2_interval(level, "GENQ")
    elif name == "QP":
        fit = lam.pool(rows, model="random", tau2=tau2, interval="z", prediction="none")
        low, high = fit.tau2_interval(level, name)
    else:
        raise Unsupported(f"method.tau.ci={name}")
    return {"lower.tau2": low, "upper.tau2": high}
