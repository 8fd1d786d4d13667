"""``meta::metagen``: generic inverse variance, its intervals, prediction intervals, subgroups and bias tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable
from tests.conformance.meta_rules import Groups, Thompson, deviations
from tests.conformance.meta_summary import AD_HOC, INTERVALS, POWERS, TAU2, summary
from tests.conformance.meta_summary import columns_and_labels as prepare
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

BIAS = {"Egger": "egger-lm", "Begg": "begg-normal", "Thompson": "thompson"}

__all__ = ["compute", "deviations", "prepare"]
KNOWN = (
    "method.tau",
    "method.random.ci",
    "method.predict",
    "adhoc.hakn.ci",
    "method.tau.ci",
    "prediction",
    "level.ma",
    "level.predict",
)
CHOICES = {
    "fn": ("metagen", "metabias"),
    "method.tau": TAU2,
    "method.random.ci": INTERVALS,
    "adhoc.hakn.ci": AD_HOC,
    "method.predict": ("V", "HTS", "HK", "HK-PR", "KR", "KR-PR", "S", "NNF"),
    "method.tau.ci": ("QP", "PL", *POWERS),
    "method.bias": BIAS,
}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    fn = case["args"].get("fn")
    own = ("subgroup", "tau.common", "method.tau") if "subgroup" in case["args"] else KNOWN
    args = honoured(case, ("method.bias",) if fn == "metabias" else own, in_call=False)
    one_of(args, CHOICES)
    if args.get("method.predict") == "NNF" and lopsided(case.get("expected")):
        raise Unsupported("R's simulated interval is not centred at its mean: draws on one side are missing")
    rows = lam.EvidenceTable.from_estimates(inputs["yi"], vi=inputs["vi"])
    if args["fn"] == "metabias":
        return bias(rows, args["method.bias"])
    if "subgroup" in args:
        return subgroups(inputs, args)
    return summary(inputs["yi"], inputs["vi"], case, args)


def lopsided(expected: dict[str, Any] | None) -> bool:
    """Return whether an interval that is symmetric but for Monte Carlo error is far from it."""
    if not expected or None in (expected["predict"]["lower"], expected["predict"]["upper"]):
        return False
    low, high = expected["predict"]["lower"], expected["predict"]["upper"]
    return bool(abs((low + high) / 2 - expected["random"]["TE"]) > (high - low) / 4)


def subgroups(inputs: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """Return meta's subgroup analysis, with one τ² for all subgroups or one each."""
    if args["subgroup"] not in inputs:
        raise Unsupported(f"no column {args['subgroup']!r}")
    labels = [f"{x:g}" if isinstance(x, float) else str(x) for x in inputs[args["subgroup"]]]
    table = lam.EvidenceTable.from_estimates(inputs["yi"], vi=inputs["vi"])
    method, together = args.get("method.tau", "REML"), args.get("tau.common", False)
    common = lam.subgroups(table, labels, model="common")
    random = lam.subgroups(
        table, labels, common_tau2=together, model="random", tau2=method, interval="z", prediction="none"
    )
    fits, commons = (list(found.groups.values()) for found in (random, common))
    indicators = np.array([[float(label == name) for name in common.names] for label in labels])
    within = lam.pool(table, model="common", moderators=indicators)
    bounds = [fit.interval() for fit in fits]
    out = {
        "levels": list(common.names),
        "TE.common.w": [c.mu for c in commons],
        "TE.random.w": [f.mu for f in fits],
        "se.random.w": [f.se for f in fits],
        "lower.random.w": [b[0] for b in bounds],
        "upper.random.w": [b[1] for b in bounds],
        "tau2.w": [random.common_tau2 if together else None if f.k == 1 else f.tau2 for f in fits],
        "Q.w": [c.q for c in commons],
        "k.w": [c.k for c in commons],
        "Q.w.common": within.q,
        "pval.Q.w.common": within.q_p,
    }
    for name, found in (("common", common), ("random", random)):
        out |= {f"Q.b.{name}": found.q_between, f"df.Q.b.{name}": found.q_between_df}
        out[f"pval.Q.b.{name}"] = found.q_between_p
    if method == "REML":
        out["_check"] = Groups(table.yi, table.vi, indicators, together)
    return out


def bias(rows: EvidenceTable, method: str) -> dict[str, Any]:
    """Return meta's test of funnel asymmetry."""
    if method not in BIAS:
        raise Unsupported(f"method.bias={method}")
    found = lam.checks.small_study_test(lam.pool(rows, model="common"), method=BIAS[method])
    estimate = {"bias": found.bias, "se.bias": found.bias_se}
    if method == "Begg":
        estimate = {"ks": found.bias, "se.ks": found.bias_se}
    return {
        **({"_check": Thompson(rows.yi, rows.vi)} if method == "Thompson" else {}),
        "statistic": found.statistic,
        "pval": found.p_value,
        "df": found.df if math.isfinite(found.df) else None,
        "estimate": estimate,
    }
