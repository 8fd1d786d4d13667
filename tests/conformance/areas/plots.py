"""Coordinates of radial, normal quantile, Baujat, GOSH and profile-likelihood plots."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.influence import model_of
from tests.conformance.compare import deviations as plain_deviations
from tests.conformance.runner import Unsupported
from tests.conformance.settings import forgiving, honoured, lost

KNOWN = ("method", "test", "weights", "weighted", "tau2", "level", "mods", "type")
RESIDUALS = {"rstandard": "standardized", "rstudent": "studentized"}


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, KNOWN)
    fn = args["fn"]
    if fn not in ("profile", "gosh", "qqnorm", "radial", "baujat"):
        raise Unsupported(f"plot {fn!r}")
    fit = model_of(inputs, {"test": "z", **args})
    return coordinates(fit, fn, args, case) | {"_lost": lost(fit.table.vi, fit.design.X if "mods" in args else None)}


def coordinates(fit: Any, fn: str, args: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Return the points of one plot."""
    if fn == "profile":
        return profile(fit, case)
    if fn == "gosh":
        return subsets(fit, case)
    if fn == "qqnorm":
        kind = args.get("type", "rstandard")
        if kind not in RESIDUALS:
            raise Unsupported(f"residuals {kind!r}")
        found = lam.checks.normal_quantiles(fit, RESIDUALS[kind])
        return {"x": found["x"], "y": found["y"]}
    if fn == "radial":
        found = lam.checks.radial(fit)
        return {"x": found["x"], "y": found["y"]}
    found = lam.checks.baujat(fit)
    return {"x": found["q"], "y": found["influence"]}


def profile(fit: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Return the profile at the values of the file."""
    if not case["expected"]:
        raise Unsupported("the values to take the profile at are not given")
    found = lam.checks.likelihood_profile(fit, case["expected"]["tau2"])
    names = [name.removesuffix("_low") for name in found.columns if name.endswith("_low")]
    ends = {"beta": "", "ci.lb": "_low", "ci.ub": "_high"}
    out = {theirs: np.column_stack([found[name + end] for name in names]) for theirs, end in ends.items()}
    return out | {"tau2": found["tau2"], "ll": found["log_likelihood"]}


def subsets(fit: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Return the subsets in the order of the file."""
    found = lam.checks.gosh(fit)
    if not case["expected"]:
        raise Unsupported("the subsets are not given")
    place = {tuple(map(bool, row)): i for i, row in enumerate(found["included"])}
    incl = case["expected"]["incl"]
    at = [place[tuple(map(bool, row))] for row in incl]
    names = {
        "estimate": ("estimate", 0.0),
        "tau2": ("tau2", 0.0),
        "QE": ("q", 0.0),
        "I2": ("i2", 0.0),
        "H2": ("h2", 1.0),
    }
    single = found["k"][at] == 1
    return {"incl": incl} | {
        theirs: np.where(single & np.isnan(found[ours][at]), value, found[ours][at])
        for theirs, (ours, value) in names.items()
    }


TIES = "residuals tied but for rounding may stand in any order"


def deviations(got: Any, expected: Any, hint: Any) -> Any:
    """Compare; the quantiles of residuals that are tied but for rounding may be exchanged."""
    rows = forgiving(plain_deviations(got, expected, hint), got["_lost"])
    if not expected or set(expected) != {"x", "y"}:
        yield from rows
        return
    y, x, theirs = (np.asarray(column, dtype=float) for column in (expected["y"], got["x"], expected["x"]))
    for row in rows:
        name, _, place = row[0].partition("[")
        if row[4] or name != "x" or not place:
            yield row
            continue
        tied = np.isclose(y, y[int(place.rstrip("]"))], rtol=1e-8, atol=0)
        same = bool(tied.any()) and np.allclose(np.sort(x[tied]), np.sort(theirs[tied]), rtol=1e-9, atol=1e-11)
        yield *row[:3], 0.0, same, TIES
