"""Area ``escalc``: effect sizes and sampling variances, and conversions of reported statistics.

R ignores an option that a measure does not have (``vtype`` of the Peto odds ratio); ours refuses it, so the
adapter leaves it out exactly when the catalogue says that the measure does not know it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects.escalc import escalc
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
