"""Coordinates of radial, normal quantile, Baujat, GOSH and profile-likelihood plots."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.influence import model_of


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = case["args"]
    fit = model_of(inputs, {"test": "z", **args})
    fn = args["fn"]
    if fn == "profile":
        return profile(fit, case)
    if fn == "gosh":
        return subsets(fit, case)
    if fn == "qqnorm":
        kind = {"rstandard": "standardized", "rstudent": "studentized"}[args["type"]]
        found = lam.normal_quantiles(fit, kind)
        return {"x": found["x"], "y": found["y"]}
    if fn == "radial":
        found = lam.radial(fit)
        return {"x": found["x"], "y": found["y"]}
    found = lam.baujat(fit)
    return {"x": found["q"], "y": found["influence"]}


def profile(fit: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Return the profile at the values of the file."""
    found = lam.likelihood_profile(fit, case["expected"]["tau2"])
    pick = lambda end: [[x] for x in found["mean" + end]]  # noqa: E731
    return {
        "tau2": found["tau2"],
        "ll": found["log_likelihood"],
        "beta": pick(""),
        "ci.lb": pick("_low"),
        "ci.ub": pick("_high"),
    }


def subsets(fit: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Return the subsets in the order of the file."""
    found = lam.gosh(fit)
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
