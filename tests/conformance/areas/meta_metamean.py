"""``meta::metamean``: single means."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.areas.meta_metagen import CHOICES
from tests.conformance.areas.meta_metagen import KNOWN as SUMMARY
from tests.conformance.meta_rules import deviations
from tests.conformance.meta_summary import columns as prepare
from tests.conformance.meta_summary import summary
from tests.conformance.settings import honoured, one_of

__all__ = ["compute", "deviations", "prepare"]
KNOWN = (*SUMMARY, "sm")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case; meta's log mean has no bias correction."""
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES | {"fn": ("metamean",), "sm": ("MRAW", "MLN")})
    log = args["sm"] == "MLN"
    own = lam.escalc("MNLN" if log else "MN", **inputs)
    yi = np.log(inputs["mi"]) if log else own.yi
    return summary(yi, own.vi, case, args)
