"""What other models make of the same counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import LamEvidenceError

if TYPE_CHECKING:
    import pandas as pd

    from .count_results import CountPooled

__all__ = ["alternatives"]


def alternatives(fit: CountPooled) -> pd.DataFrame:
    """Return one row a model: estimate, interval, τ²; NaN and the reason where it does not exist."""
    import pandas as pd

    rows = [_row(fit, name, run) for name, run in _choices(fit).items()]
    return pd.DataFrame(rows)


def _choices(fit: CountPooled) -> dict[str, Callable[[], Any]]:
    from .beta_binomial import fit_beta_binomial
    from .gamma_poisson import fit_gamma_poisson
    from .glmm import GLMM_MODELS, fit_glmm
    from .random_effects import pool
    from .sparse import mantel_haenszel, peto

    table, level = fit.table, fit.spec.level
    found: dict[str, Callable[[], Any]] = {}
    measure = "OR" if fit.measure == "PETO" else fit.measure
    for model in GLMM_MODELS.get(measure, ()):
        found[f"{model} GLMM"] = partial(fit_glmm, table, model=model, level=level)
    if measure in ("OR", "RR", "RD", "IRR", "IRD"):
        found["Mantel-Haenszel"] = lambda: mantel_haenszel(table, measure=measure, level=level)
    if measure == "OR":
        found["Peto"] = lambda: peto(table, level=level)
    if measure == "PLO":
        found["beta-binomial"] = lambda: fit_beta_binomial(table, level=level)
    if measure == "IRLN":
        found["gamma-Poisson"] = lambda: fit_gamma_poisson(table, level=level)
    found["inverse variance, REML + HKSJ-floor"] = lambda: pool(table, model="random", level=level)
    return found


def _row(fit: CountPooled, name: str, run: Callable[[], Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"model": name, **dict.fromkeys(("mu", "se", "low", "high", "tau2"), math.nan), "note": ""}
    try:
        other = run()
    except LamEvidenceError as error:
        return row | {"note": str(error), "chosen": False}
    low, high = other.interval()
    numbers = {"mu": other.mu, "se": other.se, "low": low, "high": high, "tau2": other.tau2}
    return row | numbers | {"chosen": other.spec.label == fit.spec.label}
