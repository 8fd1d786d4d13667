"""Area ``escalc``: effect sizes and sampling variances, and conversions of reported statistics.

R ignores an option that a measure does not have (``vtype`` of the Peto odds ratio); ours refuses it, so the
adapter leaves it out exactly when the catalogue says that the measure does not know it.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.escalc import escalc
from lamevidence.effects.recovery import FiveNumbers, mean_sd_from_quantiles, se_from_ci, se_from_p
from lamevidence.errors import EvidenceWarning, OptionError
from lamevidence.effects.measures import MEASURES

ALIASES = {"logHR from O-E and V": "HROE"}
RENAMED = {"HROE": {"OmE": "oei", "V": "vi"}}


def column(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    args = case["args"]
    if args.get("fn") == "conv.fivenum":
        return five_numbers(inputs, args)
    if args.get("fn") == "conv.wald":
        return wald(inputs)
    code = ALIASES.get(args["measure"], args["measure"])
    measure = MEASURES[code]
    names = RENAMED.get(code, {})
    data = {names.get(r, r): column(inputs[c]) for r, c in args["columns"].items()}
    data = {name: values for name, values in data.items() if used(measure, name)}
    options = {k: v for k, v in (args.get("options") or {}).items() if known(measure, k, v)}
    result = escalc(code, **data, **options)
    sei = np.sqrt(result.vi)
    with np.errstate(all="ignore"):
        zi = result.yi / sei
    z = special.ndtri(0.975)
    return {
        "yi": result.yi, "vi": result.vi, "sei": sei, "zi": zi, "pval": 2 * special.ndtr(-np.abs(zi)),
        "ci.lb": result.yi - z * sei, "ci.ub": result.yi + z * sei,
    }


def used(measure: Any, name: str) -> bool:
    return any(name in way for way in (measure.needs, *measure.alternatives))


def known(measure: Any, option: str, value: Any) -> bool:
    return option in measure.numbers or value in measure.options.get(option, ())


def five_numbers(inputs: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """One study at a time; R turns to Luo, Wan and Shi by itself when told log-normal."""
    log = args["dist"] == "lnorm"
    method = "luo/wan/shi" if log or args["method"] == "default" else args["method"]
    means, sds = [], []
    for low, q1, median, q3, high, n in zip(*(inputs[c] for c in ("min", "q1", "median", "q3", "max", "n")), strict=True):
        five = FiveNumbers(median, n, low, q1, q3, high)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EvidenceWarning)
                found = mean_sd_from_quantiles(five, method, distribution="log-normal" if log else "normal")
        except OptionError:
            means.append(np.nan)
            sds.append(np.nan)
        else:
            means.append(found.mean)
            sds.append(found.sd)
    return {"mean": means, "sd": sds}


def wald(inputs: dict[str, Any]) -> dict[str, Any]:
    yi = np.log(column(inputs["OR"]))
    sei = [
        float(se_from_p(y, p)) if p is not None else float(se_from_ci(low, high, log=True))
        for y, low, high, p in zip(yi, inputs["lower"], inputs["upper"], inputs["pval"], strict=True)
    ]
    return {"yi": yi, "vi": np.square(sei)}
