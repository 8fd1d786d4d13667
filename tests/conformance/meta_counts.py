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
from tests.conformance.runner import Unsupported

Z = special.ndtri(0.975)
ROOT = 1.3e-4
"""R searches the bounds of τ² with uniroot's default absolute tolerance, .Machine$double.eps^0.25 = 1.22e-4."""
FISHER = 2e-5
"""metafor's Fisher scoring for REML stops at an absolute step of 1e-5 in τ²; what follows from τ² is as loose."""
LAPLACE = 8e-2
"""lme4's Laplace objective of two random effects is off its exact value (tests/oracles); se and tests follow it."""


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[str, Any, Any, float, bool]]:
    """Compare at the file's tolerance, and R's loosely searched or approximated numbers at theirs."""
    laplace = got.pop("_laplace", False)
    loose = _loosely_iterated(got, expected)
    for path, g, e, relative, fine in plain_deviations(got, expected, hint):
        if not fine and path in ("lower.tau2", "upper.tau2") and isinstance(g, float):
            fine = abs(g - e) <= ROOT + 1e-4 * abs(e)
        if not fine and loose and path.startswith(("tau2", "random.", "predict.", "w.random", "Rb")):
            fine = True
        if not fine and path.startswith(("lower[", "upper[")) and min(abs(g), abs(e)) > 36:
            fine = True  # a proportion of 1 and the last double below it
        if not fine and laplace and isinstance(g, float):
            fine = abs(g - e) <= LAPLACE * max(abs(e), 0.25)
        if not fine and path.startswith(("random", "predict")) and got.get("_one_stage") and isinstance(g, float):
            fine = abs(g - e) <= 1e-3 * max(abs(e), got["random"]["se"])
        yield path, g, e, relative if relative < 1e-2 or not fine else 0.0, fine


def _loosely_iterated(got: Any, expected: Any) -> bool:
    """Return whether τ² differs from R's by no more than the step at which R stops."""
    if not got.get("_iterated") or not isinstance(expected.get("tau2"), float | int):
        return False
    return 0 < abs(got["tau2"] - expected["tau2"]) <= FISHER


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


def estimate(mu: float, se: float, df: float = math.inf, test: bool = True) -> dict[str, Any]:
    """Return an estimate the way meta names it."""
    q = Z if math.isinf(df) else special.stdtrit(df, 0.975)
    stat = mu / se if se > 0 and not math.isinf(se) else 0.0
    p = 2 * (special.ndtr(-abs(stat)) if math.isinf(df) else special.stdtr(df, -abs(stat)))
    out = {"TE": mu, "se": se, "lower": mu - q * se, "upper": mu + q * se}
    return out | ({"stat": stat, "z": stat, "p": p, "df": df} if test else {"df": df})


def heterogeneity(q: float, k: int) -> dict[str, Any]:
    """Return Q, H and I² with the test-based interval, H not below 1."""
    df = k - 1
    if df < 1:
        return {"Q": q, "df.Q": df}
    h = math.sqrt(max(1.0, q / df))
    if q > k:
        se = 0.5 * (math.log(q) - math.log(df)) / (math.sqrt(2 * q) - math.sqrt(2 * df - 1))
    else:
        se = math.sqrt(1 / (2 * (df - 1)) * (1 - 1 / (3 * (df - 1) ** 2))) if k > 2 else math.nan
    low, high = (max(1.0, h * math.exp(sign * Z * se)) for sign in (-1, 1))
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
        "_laplace": random.spec.options["likelihood"] == "UM.RS" and random.spec.options["nagq"] == 1,
        "_one_stage": True,
        **heterogeneity(random.q, k),
        "w.common": [None] * random.table.k,
        "w.random": [None] * random.table.k,
    }


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
    random = pool(rows, model="random", tau2=tau2, interval="z", prediction="none")
    shown = estimate(random.mu, random.se, test=test)
    if args.get("method.random.ci") == "HK":
        knapp = pool(rows, model="random", tau2=tau2, interval="HKSJ", prediction="none")
        shown = estimate(knapp.mu, knapp.se, k - 1, test=test)
    df = {"HTS": k - 2, "V": k - 1}.get(args.get("method.predict", "V"))
    if df is None:
        raise Unsupported(f"method.predict={args['method.predict']} of a count summary")
    out = {
        "common": estimate(common.mu, common.se, test=test),
        "random": shown,
        "predict": predicted(random.mu, random.se, tau2, df),
        "tau2": tau2,
        "k": k,
        **heterogeneity(q, k),
        "Rb": float((tau2 / (v + tau2)).mean()),
        "_iterated": method == "REML",
    }
    if k > 1 and about_common:
        if method == "DL":  # Jackson's interval, weights 1/s
            shown = pool(rows, model="random", tau2="GENQ", weights=1 / np.sqrt(v), interval="z", prediction="none")
            low, high = shown.tau2_interval(method="GENQ")
        else:
            shown = pool(rows, model="random", tau2=method, interval="z", prediction="none")
            low, high = shown.tau2_interval(method="QP")
        out |= {"lower.tau2": low, "upper.tau2": high}
    missing = ~(np.isfinite(yi) & np.isfinite(vi))
    for name, extra in (("w.common", 0.0), ("w.random", tau2)):
        weight = 1 / (np.where(missing, 1.0, vi) + extra)
        out[name] = np.where(missing, 0.0, weight)
    return out
