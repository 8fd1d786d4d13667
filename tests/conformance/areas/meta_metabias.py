"""meta::metabias on 2×2 tables."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamevidence as lam
from tests.conformance.settings import honoured, one_of

METHODS = ("Egger", "Begg", "Thompson", "Harbord", "Macaskill", "Peters", "Schwarzer", "Deeks")
RANK = ("Begg", "Schwarzer")
ZERO_CELLS = {"add": 0.5, "to": "only0", "drop00": True}
"""meta adds ½ to the cells of tables with an empty one, and leaves out those without events."""


def compute(inputs: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    import pandas as pd

    method = honoured(case, ("method.bias",), in_call=False)["method.bias"]
    one_of({"method.bias": method}, {"method.bias": METHODS})
    columns = {name: np.array(inputs[name], dtype=float) for name in ("ai", "n1i", "ci", "n2i")}
    frame = pd.DataFrame(columns)
    table = lam.EvidenceTable.from_frame(frame, measure="OR", ai="ai", n1i="n1i", ci="ci", n2i="n2i", **ZERO_CELLS)
    table = table.subset([int(i) for i in np.flatnonzero(np.isfinite(table.vi))])
    fit = lam.pool(table, model="common", prediction="none")
    found = lam.checks.small_study_test(
        fit, "begg-normal" if method == "Begg" else {"Egger": "egger-lm"}.get(method, method.lower())
    )
    names = ("ks", "se.ks") if method in RANK else ("bias", "se.bias")
    return {
        "statistic": found.statistic,
        "pval": found.p_value,
        "df": found.df,
        "estimate": dict(zip(names, (found.bias, found.bias_se), strict=True)),
    }
