"""``meta::metacor``: correlations."""

from __future__ import annotations

from typing import Any

import lamevidence as lam
from tests.conformance import meta_counts
from tests.conformance.areas.meta_metagen import CHOICES, generic
from tests.conformance.areas.meta_metagen import KNOWN as SUMMARY
from tests.conformance.settings import honoured, one_of

KNOWN = (*SUMMARY, "sm")
prepare = meta_counts.columns
deviations = meta_counts.deviations


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES | {"fn": ("metacor",), "sm": ("ZCOR", "COR")})
    own = lam.escalc(args["sm"], **inputs)
    return generic(lam.EvidenceTable.from_estimates(own.yi, own.vi), args)
