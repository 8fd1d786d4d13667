"""``meta::metagen``: generic inverse variance, its intervals, prediction intervals, subgroups and bias tests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance import meta_counts
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of, share

INTERVALS = {"classic": "z", "HK": "HKSJ", "KR": "KR"}
AD_HOC = {"se": "HKSJ-floor", "ci": "HKSJ-hybrid", "IQWiG6": "HKSJ-IQWiG"}
PREDICTIONS = {"V": "t", "S": "normal", "NNF": "boot"}
TAU_INTERVALS = {"J": ("GENQ", 0.5), "BJ": ("GENQ", 1.0)}
BIAS = {"Egger": "egger-lm", "Begg": "begg-normal", "Thompson": "thompson"}

TAU2 = ("REML", "DL", "PM", "ML", "HS", "SJ", "HE", "EB")
KNOWN = (
    "method.tau", "method.random.ci", "method.predict", "adhoc.hakn.ci", "method.tau.ci", "prediction", "level.ma",
    "level.predict",
)
CHOICES = {
    "fn": ("metagen", "metabias"), "method.tau": TAU2, "method.random.ci": INTERVALS, "adhoc.hakn.ci": AD_HOC,
    "method.predict": ("V", "HTS", "HK", "HK-PR", "KR", "KR-PR", "S", "NNF"),
    "method.tau.ci": ("QP", "PL", *TAU_INTERVALS), "method.bias": BIAS,
}
prepare = meta_counts.columns_and_labels
FINEST = 1e-5
THOMPSON = 5e-4
"""The calls of metabias iterate REML with metafor's default control (absolute step 1e-5); what follows is as loose."""


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[Any, ...]]:
    """Compare at the file's tolerance; where R stops at its cap, ours must lie beyond it.

    R searches the upper bound of τ² up to tau2.max: 100 in the calls that set it, else max(100, 10 τ²).
    """
    cap = max(100.0, 10 * expected["tau2"]) if isinstance(expected.get("tau2"), float | int) else math.inf
    thompson = got.get("_thompson", False)
    for path, g, e, relative, fine, *rule in meta_counts.deviations(got, expected, hint):
        if path == "upper.tau2" and isinstance(g, float) and (math.isclose(e, cap, rel_tol=1e-9) or e == 100.0):
            yield path, g, e, 0.0, fine or g >= e, "" if fine else "R's bound of tau2 is the end of its search"
        elif path == "tau2" and not fine and "method.tau.ci" in expected:
            yield path, g, e, 0.0, abs(g - e) <= meta_counts.FISHER, "REML step"
        elif "tau2.w" in got and got["_iterated"] and isinstance(g, float) and not fine:
            near = abs(g - e) <= (meta_counts.FISHER if path.startswith("tau2.w") else 1e-3 * abs(e))
            yield path, g, e, 0.0, near, "REML step in a subgroup"
        elif thompson and not fine and isinstance(g, float):
            yield path, g, e, relative, abs(g - e) <= THOMPSON * abs(e), "REML step behind Thompson's test"
        else:
            yield path, g, e, relative, fine, *rule


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    fn = case["args"].get("fn")
    own = ("subgroup", "tau.common", "method.tau") if "subgroup" in case["args"] else KNOWN
    args = honoured(case, ("method.bias",) if fn == "metabias" else own, in_call=False)
    one_of(args, CHOICES)
    if args.get("method.predict") == "NNF" and lopsided(case.get("expected")):
        raise Unsupported("R's simulated interval is not centred at its mean: draws on one side are missing")
    rows = lam.EvidenceTable.from_estimates(inputs["yi"], inputs["vi"])
    if args["fn"] == "metabias":
        return bias(rows, args["method.bias"])
    if "subgroup" in args:
        return subgroups(inputs, args)
    return generic(rows, args)


def lopsided(expected: dict[str, Any] | None) -> bool:
    """Return whether an interval that is symmetric but for Monte Carlo error is far from it."""
    if not expected or None in (expected["predict"]["lower"], expected["predict"]["upper"]):
        return False
    low, high = expected["predict"]["lower"], expected["predict"]["upper"]
    return bool(abs((low + high) / 2 - expected["random"]["TE"]) > (high - low) / 4)


def generic(rows: EvidenceTable, args: dict[str, Any]) -> dict[str, Any]:
    """Return meta's summary of estimates with standard errors."""
    tau2 = args.get("method.tau", "REML")
    method = args.get("method.random.ci", "classic")
    interval = AD_HOC.get(args.get("adhoc.hakn.ci", ""), INTERVALS[method])
    predict = args.get("method.predict", "V")
    level, new_level = (share(args.get(name, 0.95)) for name in ("level.ma", "level.predict"))
    if level != 0.95 and interval == "HKSJ-IQWiG":
        raise Unsupported("IQWiG's comparison of intervals at another level")
    common = lam.pool(rows, model="common")
    fit = lam.pool(rows, model="random", tau2=tau2, interval=interval, prediction="none", level=level)
    out = {
        "common": meta_counts.estimate(common.mu, common.se, level=level),
        "random": iqwig(rows, tau2) if interval == "HKSJ-IQWiG" else shown(fit, level),
        "predict": predicted(rows, tau2, predict, new_level),
        "tau2": fit.tau2,
        "k": rows.k,
        **meta_counts.heterogeneity(common.q, rows.k, level),
        "Rb": float((fit.tau2 / (rows.vi + fit.tau2)).mean()),
        "w.common": 1 / rows.vi,
        "w.random": 1 / (rows.vi + fit.tau2),
    }
    name = args.get("method.tau.ci") or ("J" if tau2 == "DL" else "QP")
    name = "QP" if name == "PL" else name  # meta keeps PL for three-level models and reports QP here
    return out | {"method.tau.ci": name, **tau2_interval(rows, tau2, name, level)}


def shown(fit: Any, level: float) -> dict[str, Any]:
    """Return estimate, interval and test as meta names them."""
    low, high = fit.interval(level)
    return meta_counts.estimate(fit.mu, fit.se, fit.df) | {"lower": low, "upper": high}


def iqwig(rows: EvidenceTable, tau2: str) -> dict[str, Any]:
    """Return meta's IQWiG6: where HK is narrower than DL's Wald interval, the Wald standard error of the same τ².

    Our ``HKSJ-IQWiG`` floors the variance factor at 1 there, so it is never below HKSJ; meta's is, when the
    factor exceeds 1.
    """
    knapp, own = (lam.pool(rows, model="random", tau2=tau2, interval=i, prediction="none") for i in ("HKSJ", "z"))
    classic = lam.pool(rows, model="random", tau2="DL", interval="z", prediction="none")
    narrower = knapp.interval().width < classic.interval().width
    return meta_counts.estimate(knapp.mu, own.se if narrower else knapp.se, rows.k - 1)


def predicted(rows: EvidenceTable, tau2: str, method: str, level: float = 0.95) -> dict[str, Any]:
    """Return the prediction interval as meta names it, empty where there is none.

    An ad hoc variance of the confidence interval does not enter meta's prediction interval.
    """
    if method == "NNF":
        if float(np.median(rows.vi)) < FINEST:
            raise Unsupported("the variances are below the absolute tolerance of R's root finder (1.2e-4 for tau2)")
        boot = lam.bootstrap_prediction(rows, seed=1, level=level)
        return {"lower": boot.interval().low, "upper": boot.interval().high, "df": rows.k - 1}
    needed = {"HTS": 3, "HK-PR": 3, "KR-PR": 3}.get(method, 2)
    if rows.k < needed:
        return {}
    own = {"H": "HKSJ", "K": "KR"}.get(method[0], "z") if method != "HTS" else "z"
    kind = PREDICTIONS.get(method, method)
    fit = lam.pool(rows, model="random", tau2=tau2, interval=own, prediction=kind, level=level)
    low, high = fit.prediction()
    return {"lower": low, "upper": high, "se": fit.prediction_se, "df": fit.prediction_df}


def tau2_interval(rows: EvidenceTable, tau2: str, name: str, level: float) -> dict[str, float]:
    """Return the interval of τ² that meta reports; J and BJ are generalised Q with weights v^−½ and 1/v."""
    if rows.k < 2:
        return {}
    if name in TAU_INTERVALS:
        kind, power = TAU_INTERVALS[name]
        weighted = lam.pool(rows, model="random", tau2="GENQ", weights=rows.vi**-power, interval="z", prediction="none")
        low, high = weighted.tau2_interval(level, kind)
    elif name in ("QP", "PL"):
        low, high = lam.pool(rows, model="random", tau2=tau2, interval="z", prediction="none").tau2_interval(
            level, name
        )
    else:
        raise Unsupported(f"method.tau.ci={name}")
    return {"lower.tau2": low, "upper.tau2": high}


def subgroups(inputs: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """Return meta's subgroup analysis, with one τ² for all subgroups or one each."""
    if args["subgroup"] not in inputs:
        raise Unsupported(f"no column {args['subgroup']!r}")
    yi, vi, labels = inputs["yi"], inputs["vi"], inputs[args["subgroup"]]
    levels = list(dict.fromkeys(labels))
    parts = [np.array([x == level for x in labels]) for level in levels]
    tables = [lam.EvidenceTable.from_estimates(yi[part], vi[part]) for part in parts]
    args = {"method.tau": "REML", "tau.common": False, **args}
    if args["tau.common"]:
        design = np.column_stack([part.astype(float) for part in parts])
        whole = lam.EvidenceTable.from_estimates(yi, vi)
        tau2s: list[Any] = [lam.pool(whole, tau2=args["method.tau"], moderators=design, interval="z").tau2] * len(
            levels
        )
    else:
        tau2s = [args["method.tau"] if t.k > 1 else 0.0 for t in tables]
    fits = [random_mean(t, tau2) for t, tau2 in zip(tables, tau2s, strict=True)]
    commons = [lam.pool(t, model="common") for t in tables]
    qs = np.array([0.0 if t.k == 1 else c.q for t, c in zip(tables, commons, strict=True)])
    df = len(levels) - 1
    between = {name: between_q(group) for name, group in (("common", commons), ("random", fits))}
    bounds = [(f.mu - meta_counts.Z * f.se, f.mu + meta_counts.Z * f.se) for f in fits]
    return {
        "levels": [f"{x:g}" if isinstance(x, float) else x for x in levels],
        "TE.common.w": [c.mu for c in commons],
        "TE.random.w": [f.mu for f in fits],
        "se.random.w": [f.se for f in fits],
        "lower.random.w": [b[0] for b in bounds],
        "upper.random.w": [b[1] for b in bounds],
        "tau2.w": [f.tau2 if t.k > 1 or args["tau.common"] else None for f, t in zip(fits, tables, strict=True)],
        "_iterated": args["method.tau"] == "REML",
        "Q.w": qs,
        "k.w": [t.k for t in tables],
        **{f"Q.b.{name}": q for name, q in between.items()},
        **{f"df.Q.b.{name}": df for name in between},
        **{f"pval.Q.b.{name}": float(special.chdtrc(df, q)) if df else None for name, q in between.items()},
        "Q.w.common": float(qs.sum()),
        "pval.Q.w.common": float(special.chdtrc(len(yi) - len(levels), qs.sum())),
    }


@dataclass(frozen=True)
class Mean:
    """A subgroup mean with the τ² behind it."""

    mu: float
    se: float
    tau2: float


def random_mean(rows: EvidenceTable, tau2: Any) -> Mean:
    """Return the random-effects mean; a subgroup of one study is that study, with a τ² known from elsewhere."""
    if rows.k == 1:
        return Mean(float(rows.yi[0]), math.sqrt(float(rows.vi[0]) + tau2), float(tau2))
    fit = lam.pool(rows, model="random", tau2=tau2, interval="z", prediction="none")
    return Mean(fit.mu, fit.se, fit.tau2)


def between_q(fits: list[Any]) -> float:
    """Return the heterogeneity of the subgroup estimates."""
    mu, w = np.array([f.mu for f in fits]), np.array([f.se**-2.0 for f in fits])
    return float((w * (mu - (w * mu).sum() / w.sum()) ** 2).sum())


def bias(rows: EvidenceTable, method: str) -> dict[str, Any]:
    """Return meta's test of funnel asymmetry."""
    if method not in BIAS:
        raise Unsupported(f"method.bias={method}")
    found = lam.small_study_test(lam.pool(rows, model="common"), method=BIAS[method])
    estimate = {"bias": found.bias, "se.bias": found.bias_se}
    if method == "Begg":
        estimate = {"ks": found.bias, "se.ks": found.bias_se}
    return {
        "_thompson": method == "Thompson",
        "statistic": found.statistic,
        "pval": found.p_value,
        "df": found.df if math.isfinite(found.df) else None,
        "estimate": estimate,
    }
