"""Exact permutation tests."""

from __future__ import annotations

from typing import Any

import lamevidence as lam
from tests.conformance.areas.confint import fitted
from tests.conformance.runner import Unsupported
from tests.conformance.settings import honoured

KNOWN = ("method", "test", "weights", "weighted", "tau2", "mods")


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    args = honoured(case, (*KNOWN, "exact"))
    if args.get("exact") is not True:
        raise Unsupported("permutations drawn at random by R's generator")
    test = lam.permutation_test(fitted(inputs, args), exact=True, limit=10**7)
    return {"pval": list(test.p_values), "QMp": test.qm_p, "iter": test.permutations}
