"""Mantel-Haenszel and Peto: ``metafor::rma.mh`` and ``rma.peto`` through the public functions."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from lamevidence.effects.escalc import escalc
from lamevidence.effects.evidence_table import EvidenceTable
from lamevidence.errors import NotEstimable
from lamevidence.pooling.sparse import SparsePooled, mantel_haenszel, peto
from tests.conformance.runner import Unsupported


def prepare(data: dict[str, Any]) -> dict[str, Any]:
    return {k: np.array([math.nan if x is None else x for x in v], float) for k, v in data["inputs"].items()}


def options_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return R's options as values: vectors as tuples, truth values as booleans."""
    given = case["args"].get("options") or {}
    if isinstance(given, str):
        given = dict(re.findall(r"([\w.]+)=(c\([^)]*\)|[^,]+)", given))
    return {name: _value(text) for name, text in given.items()}


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
    drop = options.get("drop00", True)
    drop = drop[0] if isinstance(drop, tuple) else drop
    names = ("x1i", "t1i", "x2i", "t2i") if "x1i" in inputs else ("ai", "n1i", "ci", "n2i")
    counts = {name: inputs[name] if keep is None else inputs[name][keep] for name in names}
    own = escalc(measure, **counts, add=add[0], to=to[0], drop00=drop)
    labels = tuple(str(i) for i in range(own.yi.size))
    return EvidenceTable(yi=own.yi, vi=own.vi, labels=labels, studies=labels, measure=measure, unit=None, counts=counts)


def fit(
    inputs: dict[str, Any], fn: str, args: dict[str, Any], options: dict[str, Any], keep: np.ndarray | None = None
) -> tuple[SparsePooled, EvidenceTable]:
    level = float(options.get("level", 95)) / 100
    pooled = {"add": float(options.get("add", (0.5, 0.0))[1]), "to": options.get("to", ("only0", "none"))[1]}
    if pooled["to"] == "none":
        pooled = {}
    if "peto" in fn:
        table = table_of(inputs, "PETO", options, keep)
        return peto(table, level=level, **pooled), table
    table = table_of(inputs, args["measure"], options, keep)
    return mantel_haenszel(table, level=level, correct=options.get("correct", True), **pooled), table


def numbers(fit: SparsePooled) -> dict[str, Any]:
    low, high = fit.interval()
    nothing = lambda x: None if math.isnan(x) else x  # noqa: E731
    return {
        "beta": fit.mu,
        "se": fit.se,
        "zval": fit.statistic,
        "pval": fit.p_value,
        "ci.lb": low,
        "ci.ub": high,
        "QE": fit.q,
        "QEp": fit.q_p,
        "I2": fit.i2,
        "H2": fit.h2,
        "MH": nothing(fit.association.statistic),
        "MHp": nothing(fit.association.p),
        "BD": nothing(fit.homogeneity.bd),
        "BDp": nothing(fit.homogeneity.bd_p),
        "TA": nothing(fit.homogeneity.tarone),
        "TAp": nothing(fit.homogeneity.tarone_p),
        "k": fit.k,
        "k.yi": fit.k_estimated,
        "k.pos": fit.homogeneity.k_pos or None,
    }


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
                rows.append(numbers(fit(inputs, fn, args, options, keep)[0]))
            except NotEstimable:
                rows.append(dict.fromkeys(SERIES.values()))
        return {name: [row[key] for row in rows] for name, key in SERIES.items()}
    if fn.startswith("rstandard"):
        pooled, table = fit(inputs, fn, args, options)
        usable = np.isfinite(table.yi)
        residual = (table.yi - pooled.mu)[usable]
        se = table.sei[usable]
        return {"resid": residual, "se": se, "z": residual / se}
    if fn in ("rma.mh", "rma.peto"):
        return numbers(fit(inputs, fn, args, options)[0])
    raise Unsupported(f"{fn} of a Mantel-Haenszel fit")
