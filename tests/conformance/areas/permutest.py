"""Exact permutation tests."""

from __future__ import annotations

from typing import Any

import lamevidence as lam
from tests.conformance.areas.confint import fitted


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    test = lam.permutation_test(fitted(inputs, case["args"]), exact=True, limit=10**7)
    return {"pval": list(test.p_values), "QMp": test.qm_p, "iter": test.permutations}
