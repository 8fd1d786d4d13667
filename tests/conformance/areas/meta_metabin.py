"""``meta::metabin``: two-by-two tables through the public functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.pooling import pool
from lamevidence.pooling.glmm import fit_glmm
from lamevidence.pooling.sparse import mantel_haenszel, peto
from tests.conformance import meta_counts
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured, one_of

prepare = meta_counts.columns
deviations = meta_counts.deviations
KNOWN = (*meta_counts.KNOWN, "MH.exact", "method.incr", "allstudies", "incr")
CHOICES = {
    "fn": ("metabin",), "sm": ("OR", "RR", "RD", "ASD", "DOR"), "method.incr": ("only0", "all"),
    "method.tau": meta_counts.TAU2,
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
        fits = (fit_glmm(_table(cells, "OR"), model=args["model.glmm"], method=m, nagq=7) for m in ("EE", "ML"))
        return meta_counts.from_glmm(*fits, True)
    if method == "Peto":
        return _peto(cells, args)
    extra = _correction(cells, sm, args)
    yi, vi = _own(cells, sm, extra)
    if method == "Inverse":
        return meta_counts.inverse_variance(yi, vi, args)
    if method == "MH" and sm in ("OR", "RR", "RD"):
        return _mantel_haenszel(cells, sm, args, extra, yi, vi)
    if method == "SSW":
        return _sample_size(cells, args, yi, vi)
    raise Unsupported(f"metabin method={method}, sm={sm}")


def _table(cells: dict[str, Any], measure: str, yi: Any = None, vi: Any = None) -> EvidenceTable:
    labels = tuple(str(i) for i in range(cells["ai"].size))
    nothing = np.full(len(labels), math.nan)
    return EvidenceTable(
        yi=nothing if yi is None else yi,
        vi=nothing if vi is None else vi,
        labels=labels,
        studies=labels,
        measure=measure,
        unit=None,
        counts=cells,
    )


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


def _mantel_haenszel(
    cells: dict[str, Any], sm: str, args: dict[str, Any], extra: Any, yi: Any, vi: Any
) -> dict[str, Any]:
    keep = np.zeros(yi.size) if args.get("MH.exact") else np.nan_to_num(extra)
    a, n1, c, n2 = cells.values()
    grown = {"ai": a + keep, "n1i": n1 + 2 * keep, "ci": c + keep, "n2i": n2 + 2 * keep}
    fit = mantel_haenszel(_table(grown, sm), measure=sm, **({"variance": "greenland-robins"} if sm == "RD" else {}))
    mu = fit.mu
    if sm == "RD":  # the differences themselves are not corrected, only weights and variance
        weight = grown["n1i"] * grown["n2i"] / (grown["n1i"] + grown["n2i"])
        mu = float((weight * (a / n1 - c / n2)).sum() / weight.sum())
    out = meta_counts.inverse_variance(yi, vi, args, around=mu)
    out["common"] = meta_counts.estimate(mu, fit.se)
    total = grown["n1i"] + grown["n2i"]
    weight = {
        "OR": (grown["n1i"] - grown["ai"]) * grown["ci"],
        "RR": grown["ci"] * grown["n1i"],
        "RD": grown["n1i"] * grown["n2i"],
    }[sm] / total
    out["w.common"] = np.where(np.isnan(extra), 0.0, weight)
    return out


def _peto(cells: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    own = escalc("PETO", **cells, add=0.0, to="none", drop00=True)
    out = meta_counts.inverse_variance(own.yi, own.vi, args)
    fit = peto(_table(cells, "PETO"))
    return out | {"common": meta_counts.estimate(fit.mu, fit.se)}


def _sample_size(cells: dict[str, Any], args: dict[str, Any], yi: Any, vi: Any) -> dict[str, Any]:
    out = meta_counts.inverse_variance(yi, vi, args)
    weight = cells["n1i"] * cells["n2i"] / (cells["n1i"] + cells["n2i"])
    have = np.isfinite(yi)
    out["w.common"] = out["w.random"] = weight
    rows = EvidenceTable.from_estimates(yi[have], vi[have])
    for name, tau2 in (("common", 0.0), ("random", out["tau2"])):
        fit = pool(rows, model="random", tau2=tau2, interval="z", prediction="none", weights=weight[have])
        out[name] = meta_counts.estimate(fit.mu, fit.se if have.all() else math.inf)
    return out
