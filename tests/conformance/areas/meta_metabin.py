"""``meta::metabin``: two-by-two tables through the public functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling import pool
from lamevidence.pooling.counts import glmm, mantel_haenszel, peto
from tests.conformance.meta_rules import deviations, estimate
from tests.conformance.meta_summary import COUNTS, TAU2, counted, one_stage, shown, summary
from tests.conformance.meta_summary import columns as prepare
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

__all__ = ["compute", "deviations", "prepare"]
KNOWN = (*COUNTS, "MH.exact", "method.incr", "allstudies", "incr")
CHOICES = {
    "fn": ("metabin",),
    "sm": ("OR", "RR", "RD", "ASD", "DOR"),
    "method.incr": ("only0", "all"),
    "method.tau": TAU2,
}
CODES = {"OR": "OR", "RR": "RR", "RD": "RD", "ASD": "AS", "DOR": "OR"}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES)
    sm, method = args["sm"], args["method"]
    cells = {name: inputs[name] for name in ("ai", "n1i", "ci", "n2i")}
    if method == "GLMM":
        if sm != "OR":
            raise Unsupported(f"one-stage model of {sm}")
        table, model = counted(cells, "OR"), args["model.glmm"]
        given = {"model": model, "nagq": 7, "interval": "z", "prediction": "t"}
        return one_stage(*(glmm(table, tau2=m, **given) for m in ("none", "ML")))
    if method == "Peto":
        own = escalc("PETO", **cells, add=0.0, to="none", drop00=True)
        return summary(own.yi, own.vi, case, args) | {"common": shown(peto(counted(cells, "PETO")))}
    extra = _correction(cells, sm, args)
    yi, vi = _own(cells, sm, extra)
    if method == "Inverse":
        return summary(yi, vi, case, args)
    if method == "MH" and sm in ("OR", "RR", "RD"):
        return _mantel_haenszel(cells, sm, (case, args), extra, yi, vi)
    if method == "SSW":
        return _sample_size(cells, (case, args), yi, vi)
    raise Unsupported(f"metabin method={method}, sm={sm}")


def _correction(cells: dict[str, Any], sm: str, args: dict[str, Any]) -> Any:
    """Return what is added to each cell (1/2 by default where a cell is 0), NaN for a table left out."""
    a, n1, c, n2 = cells.values()
    b, d = n1 - a, n2 - c
    zero = (a == 0) | (b == 0) | (c == 0) | (d == 0) if sm != "ASD" else np.zeros(a.size, bool)
    amount = float(args.get("incr", 0.5))
    extra = np.where(zero | (args.get("method.incr") == "all"), amount, 0.0)
    if sm in ("OR", "RR", "DOR") and not args.get("allstudies"):
        none = ((a == 0) & (c == 0)) | (((b == 0) & (d == 0)) & (sm != "RR"))
        extra = np.where(none, math.nan, extra)
    return extra


def _own(cells: dict[str, Any], sm: str, extra: Any) -> tuple[Any, Any]:
    a, n1, c, n2 = cells.values()
    keep = np.nan_to_num(extra)
    none = {"add": 0.0, "to": "none"}
    if sm == "RR":
        own = escalc("RR", ai=a + keep, n1i=n1 + keep, ci=c + keep, n2i=n2 + keep, **none)
    else:
        own = escalc(CODES[sm], ai=a + keep, n1i=n1 + 2 * keep, ci=c + keep, n2i=n2 + 2 * keep, **none)
    yi = a / n1 - c / n2 if sm == "RD" else own.yi
    return np.where(np.isnan(extra), math.nan, yi), np.where(np.isnan(extra), math.nan, own.vi)


def _mantel_haenszel(cells: dict[str, Any], sm: str, asked: Any, extra: Any, yi: Any, vi: Any) -> dict[str, Any]:
    """Return the summary with Mantel-Haenszel's mean; its Q is that of DL."""
    case, args = asked
    keep = np.zeros(yi.size) if args.get("MH.exact") else np.nan_to_num(extra)
    a, n1, c, n2 = cells.values()
    grown = {"ai": a + keep, "n1i": n1 + 2 * keep, "ci": c + keep, "n2i": n2 + 2 * keep}
    fit = mantel_haenszel(counted(grown, sm, yi, vi), **({"variance": "greenland-robins"} if sm == "RD" else {}))
    common, about = shown(fit), fit
    if sm == "RD" and keep.any():  # the differences themselves are not corrected, only weights and variance
        raw = grown | {"ai": a / n1 * grown["n1i"], "ci": c / n2 * grown["n2i"]}
        about = mantel_haenszel(counted(raw, sm, yi, vi))
        common = estimate(about.mu, fit.se)
    weights = np.where(np.isnan(extra), 0.0, fit.weights)
    return summary(yi, vi, case, args, around=about) | {"common": common, "w.common": weights}


def _sample_size(cells: dict[str, Any], asked: Any, yi: Any, vi: Any) -> dict[str, Any]:
    case, args = asked
    out = summary(yi, vi, case, args)
    weight = cells["n1i"] * cells["n2i"] / (cells["n1i"] + cells["n2i"])
    have = np.isfinite(yi)
    out["w.common"] = out["w.random"] = 100 * weight / weight.sum()  # of every study, those without an estimate too
    rows = EvidenceTable.from_estimates(yi[have], vi=vi[have])
    for name, tau2 in (("common", 0.0), ("random", out["tau2"])):
        fit = pool(rows, model="random", tau2=tau2, interval="z", prediction="none", weights=weight[have])
        none = {"se": math.inf, "lower": -math.inf, "upper": math.inf, "stat": 0.0, "z": 0.0, "p": 1.0}
        out[name] = shown(fit) | ({} if have.all() else none)  # R's sum over a missing variance
    return out
