"""``meta::metacor``: correlations."""

from __future__ import annotations

from typing import Any

import lamevidence as lam
from tests.conformance import meta_counts
from tests.conformance.areas.meta_metagen import generic

prepare = meta_counts.columns
deviations = meta_counts.deviations


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    own = lam.escalc(case["args"]["sm"], **inputs)
    return generic(lam.EvidenceTable.from_estimates(own.yi, own.vi), case["args"])
