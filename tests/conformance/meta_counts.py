"""What R's meta package reports for counts, assembled from the public functions of lamevidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling import pool
from lamevidence.pooling.glmm_results import GlmmPooled
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.compare import plain
from tests.conformance.runner import Unsupported

Z = special.ndtri(0.975)
KNOWN = ("sm", "method", "method.tau", "method.random.ci", "prediction", "method.predict", "model.glmm")
TAU2 = ("REML", "DL", "PM", "ML", "HS", "SJ", "HE", "EB")
ROOT = np.finfo(float).eps ** 0.25
"""R searches the bounds of τ² with uniroot, which stops within this (its default ``tol``) of the root."""
STEP = 1e-5
"""metafor's Fisher scoring for REML stops at a step of this size in τ²; what is left of the way is at most as much
again, the steps at least halving."""
DEFICIT = 1e-5
"""One-stage: lme4 stops at most this far (in log-likelihood) below the maximum, see the adapter ``glmm``."""
NOISE = 2e-2
"""Standard errors that lme4 differentiates numerically twice, see the adapter ``glmm``."""
FISHER = 2 * STEP
"""How far R's REML τ² may lie from ours."""


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[Any, ...]]:
    """Compare every leaf at the file's tolerance; what then differs passes by a rule, named.

    bound of τ²: within uniroot's tolerance. REML: R's τ² within its last step and not above our restricted
    likelihood; everything else equals ours **at R's τ²**, at the file's tolerance. One-stage: R's estimate lies where
    its deficit of likelihood puts it, what follows from R's estimates is our formulas applied to them.
    """
    again, likely = got.get("_at"), got.get("_likely")
    follows = plain(again(expected)) if again and isinstance(expected.get("tau2"), float | int) else {}
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        if not fine and not again and _stepped(got, expected) and path.startswith(AFTER_TAU2):
            yield path, g, e, relative, True, "behind a REML step"
            continue
        rule = "" if fine else _rule(path, g, e, hint, likely, expected) or _follows(path, e, follows, hint)
        yield path, g, e, 0.0 if rule else relative, fine or bool(rule), rule


AFTER_TAU2 = ("tau2", "random.", "predict.", "w.random", "Rb")


def _stepped(got: Any, expected: Any) -> bool:
    """Return whether an adapter without `_at` says that R iterated, and τ² is within R's last step."""
    theirs = expected.get("tau2")
    return bool(got.get("_iterated") and isinstance(theirs, float | int) and 0 < abs(got["tau2"] - theirs) <= FISHER)


def _rule(path: str, g: Any, e: Any, hint: Any, likely: Any, expected: Any) -> str:
    if not isinstance(g, float | int):
        return ""
    if path in ("lower.tau2", "upper.tau2"):
        return "uniroot" if abs(g - e) <= ROOT + float(hint["rel"]) * abs(e) else ""
    if path.startswith(("lower[", "upper[")) and min(abs(g), abs(e)) > 36:
        return "a proportion of 1 and the last double below it"
    return str(likely(path, g, e, expected)) if likely else ""


def _follows(path: str, e: Any, follows: Any, hint: Any) -> str:
    """Return the rule where our formulas, at R's τ², give R's number."""
    value: Any = follows
    for part in (
        path.replace("]", "")
        .replace("[", "#")
        .replace("random.", "random/")
        .replace("predict.", "predict/")
        .replace("common.", "common/")
        .replace("#", "/")
        .split("/")
    ):
        if isinstance(value, list):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return ""
    return "at R's estimate" if next(plain_deviations({path: value}, {path: e}, hint))[-1] else ""


def columns(data: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs as float columns, missing as NaN."""
    return {k: np.array([math.nan if x is None else x for x in v], float) for k, v in data["inputs"].items()}


def columns_and_labels(data: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs with columns of numbers as float arrays and columns of words as they are."""
    words = {k for k, v in data["inputs"].items() if any(isinstance(x, str) for x in v)}
    numbers = columns({"inputs": {k: v for k, v in data["inputs"].items() if k not in words}})
    return numbers | {k: data["inputs"][k] for k in words}


def table(yi: Any, vi: Any) -> EvidenceTable:
    """Return the rows that have an estimate and a finite variance."""
    usable = np.isfinite(yi) & np.isfinite(vi)
    return EvidenceTable.from_estimates(yi[usable], vi[usable])


def estimate(
    mu: float, se: float, df: float = math.inf, test: bool = True, level: float = 0.95
) -> dict[str, Any]:
    """Return an estimate the way meta names it."""
    q = special.ndtri(0.5 + level / 2) if math.isinf(df) else special.stdtrit(df, 0.5 + level / 2)
    stat = mu / se if se > 0 and not math.isinf(se) else 0.0
    p = 2 * (special.ndtr(-abs(stat)) if math.isinf(df) else special.stdtr(df, -abs(stat)))
    out = {"TE": mu, "se": se, "lower": mu - q * se, "upper": mu + q * se}
    return out | ({"stat": stat, "z": stat, "p": p, "df": df} if test else {"df": df})


def heterogeneity(q: float, k: int, level: float = 0.95) -> dict[str, Any]:
    """Return Q, H and I² with the test-based interval, H not below 1."""
    df = k - 1
    if df < 1:
        return {"Q": q, "df.Q": df}
    h = math.sqrt(max(1.0, q / df))
    if q > k:
        se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * df - 1))
    else:
        se = math.sqrt(1 / (2 * (df - 1)) * (1 - 1 / (3 * (df - 1) ** 2))) if k > 2 else math.nan
    low, high = (max(1.0, h * math.exp(sign * special.ndtri(0.5 + level / 2) * se)) for sign in (-1, 1))
    i2 = lambda x: (x * x - 1) / (x * x)  # noqa: E731
    return {
        "Q": q,
        "df.Q": df,
        "pval.Q": float(special.chdtrc(df, q)),
        "H": h,
        "lower.H": low,
        "upper.H": high,
        "I2": i2(h),
        "lower.I2": i2(low),
        "upper.I2": i2(high),
    }


def predicted(mu: float, se: float, tau2: float, df: float) -> dict[str, Any]:
    """Return a prediction interval from t with ``df``."""
    if df < 1:
        return {}
    spread = math.sqrt(se * se + tau2)
    half = special.stdtrit(df, 0.975) * spread
    return {"lower": mu - half, "upper": mu + half, "se": spread, "df": df}


def from_glmm(common: GlmmPooled, random: GlmmPooled, test: bool) -> dict[str, Any]:
    """Return meta's summary of a one-stage fit."""
    k = random.k_informative
    return {
        "common": estimate(common.mu, common.se, test=test),
        "random": estimate(random.mu, random.se, test=test),
        "predict": predicted(random.mu, random.se, random.tau2, k - 1),
        "tau2": random.tau2,
        "k": k,
        "_at": lambda e: _one_stage_at(random, e, k, test),
        "_likely": lambda path, g, e, expected: _one_stage_rule(random, path, g, e, expected),
        **heterogeneity(random.q, k),
        "w.common": [None] * random.table.k,
        "w.random": [None] * random.table.k,
    }


def _one_stage_at(fit: GlmmPooled, e: dict[str, Any], k: int, test: bool) -> dict[str, Any]:
    """Return what follows from R's own estimate, standard error, τ² and Q."""
    mu, se = e["random"]["TE"], e["random"]["se"]
    out = {"random": estimate(mu, se, test=test), "predict": predicted(mu, se, e["tau2"], k - 1)}
    return out | (heterogeneity(e["Q"], k) if isinstance(e.get("Q"), float) else {})


def _one_stage_rule(fit: GlmmPooled, path: str, g: float, e: float, expected: dict[str, Any]) -> str:
    likelihood = fit.likelihood
    assert likelihood is not None
    if path == "random.se":
        return "standard error" if abs(g - e) <= NOISE * e else ""
    if path == "Q":
        return "Wald heterogeneity" if likelihood.model.d == 2 and abs(g - e) <= 1.5 * NOISE * e else ""
    if path not in ("random.TE", "tau2"):
        return ""
    deficit = fit.log_likelihood - likelihood.at(expected["random"]["TE"], math.sqrt(expected["tau2"]))
    far = 1.1 * math.sqrt(2 * max(0.0, deficit)) * (fit.se if path == "random.TE" else fit.se_tau2)
    return "optimum" if 0 <= deficit <= DEFICIT and abs(g - e) <= far else ""


def restricted(y: Any, v: Any, tau2: float) -> float:
    """Return the restricted log-likelihood of one mean, but for a constant."""
    w = 1 / (v + tau2)
    mu = (w * y).sum() / w.sum()
    return float(0.5 * (np.log(w).sum() - math.log(w.sum()) - (w * (y - mu) ** 2).sum()))


def inverse_variance(
    yi: Any, vi: Any, args: dict[str, Any], *, test: bool = True, around: float | None = None
) -> dict[str, Any]:
    """Return meta's generic inverse-variance summary; ``around`` is the common estimate that Q is taken about."""
    rows = table(yi, vi)
    y, v = rows.yi, rows.vi
    method = args.get("method.tau", "REML")
    k = rows.k
    common = pool(rows, model="common")
    about_common = around is None or method != "DL"
    centre = common.mu if about_common else around
    q = float(((y - centre) ** 2 / v).sum())
    if not about_common:
        w = 1 / v
        tau2 = max(0.0, (q - (k - 1)) / float(w.sum() - (w * w).sum() / w.sum()))
    else:
        tau2 = pool(rows, model="random", tau2=method, interval="z", prediction="none").tau2
    out = {
        "common": estimate(common.mu, common.se, test=test),
        "k": k,
        **heterogeneity(q, k),
        **random_at(yi, vi, tau2, args, test),
    }
    if method == "REML":
        out["_at"] = lambda e: random_at(yi, vi, e["tau2"], args, test)
        out["_likely"] = lambda path, g, e, expected: _one_step(y, v, path, g, e)
    if k > 1 and about_common:
        if method == "DL":  # Jackson's interval, weights 1/s
            shown = pool(rows, model="random", tau2="GENQ", weights=1 / np.sqrt(v), interval="z", prediction="none")
            low, high = shown.tau2_interval(method="GENQ")
        else:
            shown = pool(rows, model="random", tau2=method, interval="z", prediction="none")
            low, high = shown.tau2_interval(method="QP")
        out |= {"lower.tau2": low, "upper.tau2": high}
    missing = ~(np.isfinite(yi) & np.isfinite(vi))
    out["w.common"] = np.where(missing, 0.0, 1 / np.where(missing, 1.0, vi))
    return out


def random_at(yi: Any, vi: Any, tau2: float, args: dict[str, Any], test: bool) -> dict[str, Any]:
    """Return everything that depends on the data through ``tau2``."""
    rows = table(yi, vi)
    k = rows.k
    random = pool(rows, model="random", tau2=tau2, interval="z", prediction="none")
    shown = estimate(random.mu, random.se, test=test)
    if args.get("method.random.ci", "classic") not in ("classic", "HK"):
        raise Unsupported(f"method.random.ci={args['method.random.ci']} of a count summary")
    if args.get("method.random.ci") == "HK":
        knapp = pool(rows, model="random", tau2=tau2, interval="HKSJ", prediction="none")
        shown = estimate(knapp.mu, knapp.se, k - 1, test=test)
    df = {"HTS": k - 2, "V": k - 1}.get(args.get("method.predict", "V"))
    if df is None:
        raise Unsupported(f"method.predict={args['method.predict']} of a count summary")
    missing = ~(np.isfinite(yi) & np.isfinite(vi))
    return {
        "random": shown,
        "predict": predicted(random.mu, random.se, tau2, df),
        "tau2": tau2,
        "Rb": float((tau2 / (rows.vi + tau2)).mean()),
        "w.random": np.where(missing, 0.0, 1 / (np.where(missing, 1.0, vi) + tau2)),
    }


def _one_step(y: Any, v: Any, path: str, g: float, e: float) -> str:
    """Return the rule where R's τ² is within its last step of ours and its restricted likelihood not higher."""
    near = path == "tau2" and abs(g - e) <= FISHER and restricted(y, v, e) <= restricted(y, v, g) + 1e-12
    return "REML step" if near else ""
