"""Mantel-Haenszel and Peto: ``metafor::rma.mh`` and ``rma.peto`` through the public functions."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.foundation.errors import NotEstimable
from lamevidence.pooling.counts import mantel_haenszel, mantel_haenszel_test, peto
from lamevidence.pooling.counts.mantel_haenszel_peto import SparsePooled
from lamevidence.pooling.counts.sparse_counts import two_by_two
from tests.conformance.judge import deviations
from tests.conformance.runner import Unsupported
from tests.oracles import effects_mp

__all__ = ["compute", "deviations"]


TABLE, CELLS, RATES = ("ai", "n1i", "ci", "n2i"), ("ai", "bi", "ci", "di"), ("x1i", "t1i", "x2i", "t2i")
KNOWN = {"add", "to", "drop00", "level", "correct"}


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    """Return the count columns of the studies that are complete; R leaves the others out."""
    names = next((ways for ways in (RATES, TABLE, CELLS) if all(n in data["inputs"] for n in ways)), ())
    columns = {n: np.array([math.nan if x is None else x for x in data["inputs"][n]], float) for n in names}
    complete = np.all([np.isfinite(c) for c in columns.values()], axis=0)
    return {n: c[complete] for n, c in columns.items()}


def options_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return R's options as values: vectors as tuples, truth values as booleans."""
    given = case["args"].get("options") or {}
    if isinstance(given, str):
        given = dict(re.findall(r"([\w.]+)=(c\([^)]*\)|[^,]+)", given))
    options = {name: _value(text) for name, text in given.items()}
    unknown = sorted(set(options) - KNOWN)
    if unknown:
        raise Unsupported(f"options {', '.join(unknown)} of a Mantel-Haenszel or Peto fit")
    # one value is for the studies' own estimates; the pooled tables then keep R's default
    for name, pooled in (("add", 0.0), ("to", "none"), ("drop00", False)):
        if name in options and not isinstance(options[name], tuple):
            options[name] = (options[name], pooled)
    return options


def level_of(options: dict[str, Any]) -> float:
    """Return the level as a share: R takes 95, 0.95 and 0.05 for the same."""
    level = float(options.get("level", 95))
    return level / 100 if level > 1 else max(level, 1 - level)


def _value(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text.startswith("c("):
        return tuple(_value(part.strip()) for part in text[2:-1].split(","))
    if text in ("TRUE", "FALSE"):
        return text == "TRUE"
    return text.strip('"') if text.startswith('"') or not re.fullmatch(r"[-+.\de]+", text) else float(text)


def table_of(
    inputs: dict[str, Any], measure: str, options: dict[str, Any], keep: np.ndarray | None = None
) -> EvidenceTable:
    add, to = options.get("add", (0.5, 0.0)), options.get("to", ("only0", "none"))
    drop, drop_pooled = options.get("drop00", (True, False))
    if drop_pooled and not drop:
        raise Unsupported("own estimates of studies that are not pooled")
    counts = {name: column if keep is None else column[keep] for name, column in inputs.items()}
    if drop_pooled:
        empty = without_contrast(counts)
        counts = {name: column[~empty] for name, column in counts.items()}
    own = escalc(measure, **counts, add=add[0], to=to[0], drop00=drop)
    labels = tuple(str(i) for i in range(own.yi.size))
    return EvidenceTable(yi=own.yi, vi=own.vi, labels=labels, studies=labels, measure=measure, unit=None, counts=counts)


def without_contrast(counts: dict[str, np.ndarray]) -> np.ndarray:
    """Return which studies have no events in either group, or nothing but events."""
    if "x1i" in counts:
        return (counts["x1i"] == 0) & (counts["x2i"] == 0)
    none = (counts["ai"] == 0) & (counts["ci"] == 0)
    if "bi" in counts:
        return none | ((counts["bi"] == 0) & (counts["di"] == 0))
    return none | ((counts["ai"] == counts["n1i"]) & (counts["ci"] == counts["n2i"]))


def corrected(options: dict[str, Any]) -> dict[str, Any]:
    """Return the correction of the pooled tables."""
    add, to = options.get("add", (0.5, 0.0))[1], options.get("to", ("only0", "none"))[1]
    return {} if to == "none" else {"add": float(add), "to": to}


def fit(
    inputs: dict[str, Any], fn: str, args: dict[str, Any], options: dict[str, Any], keep: np.ndarray | None = None
) -> tuple[SparsePooled, EvidenceTable]:
    level, pooled = level_of(options), corrected(options)
    if "peto" in fn:
        table = table_of(inputs, "PETO", options, keep)
        return peto(table, level=level, **pooled), table
    table = table_of(inputs, args["measure"], options, keep)
    tested = {"correct": options.get("correct", True)} if args["measure"] in ("OR", "IRR") else {}
    return mantel_haenszel(table, level=level, **tested, **pooled), table


def numbers(fit: SparsePooled, own: EvidenceTable) -> dict[str, Any]:
    """Return R's numbers; its degrees of freedom for Q count the studies' own estimates, of Peto too."""
    low, high = fit.interval()
    nothing = lambda x: None if math.isnan(x) else x  # noqa: E731
    k_yi = int(np.isfinite(own.yi).sum())
    if fit.measure == "PETO" and k_yi == 0:
        raise Unsupported("Q of studies without an estimate of their own: R takes -1 degrees of freedom")
    if (own.vi == 0).any():
        raise Unsupported("a study's own variance of 0: R's Q is infinite, ours leaves the study out")
    spread: dict[str, Any] = {"QEp": fit.q_p, "I2": fit.i2, "H2": fit.h2}
    if k_yi != fit.k_estimated and k_yi > 1:
        df = k_yi - 1
        shown = max(0.0, 100 * (fit.q - df) / fit.q) if fit.q > 0 else 0.0
        spread = {"QEp": float(special.chdtrc(df, fit.q)), "I2": shown, "H2": fit.q / df}
    return {
        "beta": fit.mu,
        "se": fit.se,
        "zval": fit.statistic,
        "pval": fit.p_value,
        "ci.lb": low,
        "ci.ub": high,
        "QE": fit.q,
        **spread,
        "MH": nothing(fit.association.statistic),
        "MHp": nothing(fit.association.p),
        "BD": nothing(fit.homogeneity.bd),
        "BDp": nothing(fit.homogeneity.bd_p),
        "TA": nothing(fit.homogeneity.tarone),
        "TAp": nothing(fit.homogeneity.tarone_p),
        "k": fit.k,
        "k.yi": k_yi,
        "k.pos": fit.homogeneity.k_pos or None,
        "_truth": lambda path: homogeneity_truth(fit, path),
    }


def homogeneity_truth(fit: SparsePooled, path: str) -> float | None:
    """Return Breslow-Day or Tarone in 40 digits: R's root of the quadratic loses digits in huge studies."""
    if path not in ("BD", "BDp", "TA", "TAp"):
        return None
    tables = two_by_two(fit.table, "the judge").corrected(fit.spec.options["add"], fit.spec.options["to"])
    bd, tarone, used = effects_mp.breslow_day(tables.a, tables.b, tables.c, tables.d)
    statistic = bd if path.startswith("BD") else tarone
    return float(special.chdtrc(used - 1, statistic)) if path.endswith("p") else statistic


def without_estimate(
    inputs: dict[str, Any], args: dict[str, Any], options: dict[str, Any], keep: np.ndarray | None = None
) -> dict[str, Any]:
    """Return what R still prints where the pooled ratio is infinite or undefined: the test, and how many studies."""
    table = table_of(inputs, args["measure"], options, keep)
    k_yi = int(np.isfinite(table.yi).sum())
    out: dict[str, Any] = {"k": table.k, "k.yi": k_yi, "k.pos": 0}
    if k_yi < 2:
        out |= {"QE": 0.0, "QEp": 1.0, "I2": 0.0, "H2": 1.0}
    if args["measure"] in ("OR", "IRR"):
        test = mantel_haenszel_test(table, correct=options.get("correct", True), **corrected(options))
        out |= {"MH": test.statistic, "MHp": test.p}
    return out


SERIES = {
    "estimate": "beta",
    "se": "se",
    "zval": "zval",
    "pval": "pval",
    "ci.lb": "ci.lb",
    "ci.ub": "ci.ub",
    "Q": "QE",
    "Qp": "QEp",
    "I2": "I2",
    "H2": "H2",
}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args, options = case["args"], options_of(case)
    fn = args["fn"]
    k = next(iter(inputs.values())).size
    if fn.startswith(("leave1out", "cumul")):
        every = np.arange(k)
        subsets = (
            [np.delete(every, i) for i in every] if fn.startswith("leave1out") else [every[: i + 1] for i in every]
        )
        rows = []
        for keep in subsets:
            try:
                rows.append(numbers(*fit(inputs, fn, args, options, keep)))
            except NotEstimable:
                left = {} if "peto" in fn else without_estimate(inputs, args, options, keep)
                rows.append({key: left.get(key) for key in SERIES.values()})
        return {name: [row[key] for row in rows] for name, key in SERIES.items()}
    if fn.startswith("rstandard"):
        try:
            pooled, table = fit(inputs, fn, args, options)
            mu = pooled.mu
        except NotEstimable:
            if "peto" in fn:
                raise
            table, mu = table_of(inputs, args["measure"], options), math.nan
        usable = np.isfinite(table.yi)
        residual = (table.yi - mu)[usable]
        se = table.sei[usable]
        return {"resid": residual, "se": se, "z": residual / se}
    if fn == "rma.peto":
        return numbers(*fit(inputs, fn, args, options))
    if fn == "rma.mh":
        try:
            return numbers(*fit(inputs, fn, args, options))
        except NotEstimable:
            return without_estimate(inputs, args, options)
    raise Unsupported(f"{fn} of a Mantel-Haenszel fit")
