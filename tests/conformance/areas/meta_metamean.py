"""``meta::metamean``: single means."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance import meta_counts
from tests.conformance.areas.meta_metagen import CHOICES, generic
from tests.conformance.areas.meta_metagen import KNOWN as SUMMARY
from tests.conformance.settings import honoured, one_of

KNOWN = (*SUMMARY, "sm")
prepare = meta_counts.columns
deviations = meta_counts.deviations


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case; meta's log mean has no bias correction."""
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES | {"fn": ("metamean",), "sm": ("MRAW", "MLN")})
    log = args["sm"] == "MLN"
    own = lam.escalc("MNLN" if log else "MN", **inputs)
    yi = np.log(inputs["mi"]) if log else own.yi
    return generic(lam.EvidenceTable.from_estimates(yi, own.vi), args)
