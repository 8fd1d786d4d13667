"""Average effects and prediction intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.rma_uni import COMMON, INTERVALS, METHODS
from tests.conformance.areas.transf import FUNCTIONS
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported
from tests.conformance.settings import column, design_rows, honoured, observed, weights_of

KNOWN = (
    "method",
    "test",
    "weights",
    "weighted",
    "tau2",
    "predtype",
    "pi.type",
    "level",
    "mods",
    "newmods",
    "intercept",
    "transf",
    "addx",
)
KINDS = {"default": None, "normal": "normal", "simple": "simple", "riley": "riley", "t": "t"}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, KNOWN)
    test, method = args.get("test", "z"), args.get("method", "REML")
    asked = str(args.get("predtype", args.get("pi.type", "default"))).lower()
    if test not in INTERVALS or asked not in KINDS or method not in (*COMMON, *METHODS):
        raise Unsupported(f"method={method!r}, test={test!r}, predtype={asked!r}")
    kind = KINDS[asked] or ("normal" if test == "z" else "t")
    yi, vi, rows = observed(inputs)
    X = None
    if "mods" in args:
        X = np.array(inputs["X"], dtype=float)
        rows = design_rows(inputs, X)
        yi, vi = column(inputs["yi"])[rows], column(inputs["vi"])[rows]
    common = method in COMMON
    options: dict[str, Any] = {"model": "common"}
    if not common:
        options = {"model": "random", "tau2": args.get("tau2", method), "prediction": kind}
    options |= {"interval": INTERVALS[test], "level": args.get("level", 95) / 100}
    options["weights"] = "equal" if args.get("weighted") is False else weights_of(args.get("weights"), inputs, rows)
    table = lam.EvidenceTable.from_estimates(yi, vi=vi)
    if X is not None:
        out = _regression(table, X, options, new_rows(args, inputs, X))
    else:
        out = _mean(lam.pool(table, **options), common)
    out["_spread"] = float(np.std(yi, ddof=1)) if len(yi) > 1 and not common else 0.0
    return transformed(out, args["transf"]) if args.get("transf") else out


def _mean(fit: Any, common: bool) -> dict[str, Any]:
    low, high = fit.interval()
    out = {"pred": [fit.mu], "se": [fit.se], "ci.lb": [low], "ci.ub": [high], "pi.se": [fit.se], "pi.dist": "norm"}
    if common:
        return out | ({"pi.dist": "t", "pi.ddf": [fit.df]} if math.isfinite(fit.df) else {})
    new = fit.prediction()
    df = fit.prediction_df
    return out | {
        "pi.lb": [new.low],
        "pi.ub": [new.high],
        "pi.se": [fit.prediction_se],
        "pi.ddf": [df],
        "pi.dist": "norm" if math.isinf(df) else "t",
    }


def new_rows(args: dict[str, Any], inputs: dict[str, Any], X: np.ndarray) -> np.ndarray:
    """Return the rows to predict at; R adds the intercept to what is given without it."""
    given = args.get("newmods", "inputs.X")
    if isinstance(given, str):
        name = given.removeprefix("inputs.")
        if name not in inputs:
            raise Unsupported(f"newmods={given!r}")
        given = inputs[name]
    new = np.array(given, dtype=float)
    p, constant = X.shape[1], bool((X[:, 0] == 1).all())
    if new.ndim < 2:
        new = new.reshape(-1, 1) if p - constant == 1 else new.reshape(1, -1)
    if constant and new.shape[1] == p - 1:
        new = np.column_stack([np.ones(len(new)), new])
    if new.shape[1] != p:
        raise Unsupported(f"newmods has {new.shape[1]} columns for {p} coefficients")
    return new


def transformed(out: dict[str, Any], name: str) -> dict[str, Any]:
    """Return predictions on another scale; R leaves out the standard errors."""
    function = np.exp if name == "exp" else FUNCTIONS.get(name.removeprefix("transf."))
    if function is None:
        raise Unsupported(f"transf={name!r}")
    made = {key: np.asarray(function(np.asarray(out[key]))) for key in out if key in BOUNDS}
    for pair in ("ci", "pi"):
        if f"{pair}.lb" in made:
            ends = np.sort([made[f"{pair}.lb"], made[f"{pair}.ub"]], axis=0)
            made |= {f"{pair}.lb": ends[0], f"{pair}.ub": ends[1]}
    return {key: value for key, value in out.items() if key not in ("se", "pi.se")} | made


BOUNDS = ("pred", "ci.lb", "ci.ub", "pi.lb", "pi.ub")


def _regression(table: lam.EvidenceTable, X: np.ndarray, options: dict[str, Any], new: np.ndarray) -> dict[str, Any]:
    fit = lam.pool(table, moderators=X, **options)
    frame = fit.predict(new)
    out = {"pred": frame["mean"], "se": frame["std_error"], "ci.lb": frame["conf_low"], "ci.ub": frame["conf_high"]}
    out = {key: column.to_list() for key, column in out.items()} | {"X": new}
    if options["model"] == "common":
        return out | {"pi.se": out["se"], "pi.dist": "norm" if math.isinf(fit.df) else "t"}
    df = frame["prediction_df"].to_list()
    return out | {
        "pi.lb": frame["prediction_low"].to_list(),
        "pi.ub": frame["prediction_high"].to_list(),
        "pi.se": frame["prediction_se"].to_list(),
        "pi.ddf": df,
        "pi.dist": "norm" if math.isinf(df[0]) else "t",
    }


def deviations(got: Any, expected: Any, hint: Any) -> Iterator[tuple[Any, ...]]:
    """Compare; a τ² of R below 1e-10 times the variance of the estimates means 0, so an interval may miss by that τ."""
    point = isinstance(got, dict) and got.get("pi.lb") == got.get("pi.ub") == got.get("pred")
    for row in plain_deviations(got, expected, hint):
        if point and not row[4] and row[0].startswith("pi.") and isinstance(row[1], float):
            yield *row[:3], 0.0, abs(row[1] - row[2]) <= 3e-5 * got["_spread"], STRAY
        else:
            yield row


STRAY = "R's tau2 stopped just above the 0 it stands for"
