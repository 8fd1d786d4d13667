"""``meta::metacor``: correlations."""

from __future__ import annotations

from typing import Any

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
    """Run one case."""
    args = honoured(case, KNOWN, in_call=False)
    one_of(args, CHOICES | {"fn": ("metacor",), "sm": ("ZCOR", "COR")})
    own = lam.escalc(args["sm"], **inputs)
    return summary(own.yi, own.vi, case, args)
