"""What follows from a result by definition, computed again from the numbers that are compared.

A wide tolerance of a reference file says how far R's optimum may be from the optimum. It is no licence for the numbers
that follow: z is the estimate over its standard error, p the tail beyond it, a bound the estimate and a quantile of
standard errors. They are held to our own estimates, whatever R's are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import special

CLOSE = 1e-8
"""Relative: what 13 digits of a statistic leave in a p value down to 1e-300."""
ROUNDING = 1e-12
"""Absolute, of the size of what is subtracted."""

Row = tuple[str, Any, Any, float, bool]


def tails(statistic: Any, df: Any = math.inf) -> np.ndarray:
    """Return two-sided p values of z or t; degrees of freedom None or inf mean z."""
    z = -np.abs(np.asarray(statistic, dtype=float))
    nu = np.array([math.inf if x is None else x for x in np.atleast_1d(np.asarray(df, dtype=object))], dtype=float)
    nu = np.broadcast_to(nu, z.shape)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * np.where(np.isinf(nu), special.ndtr(z), special.stdtr(np.where(np.isinf(nu), 1, nu), z)))


def halves(se: Any, df: Any = math.inf, level: float = 0.95) -> np.ndarray:
    """Return half-widths of intervals."""
    size = np.asarray(se, dtype=float)
    nu = np.array([math.inf if x is None else x for x in np.atleast_1d(np.asarray(df, dtype=object))], dtype=float)
    nu = np.broadcast_to(nu, size.shape)
    p = 0.5 + level / 2
    q = np.where(np.isinf(nu), special.ndtri(p), special.stdtrit(np.where(np.isinf(nu), 1, nu), p))
    return np.asarray(q * size)


def joint(statistic: float, df: float, denominator: float | None) -> float:
    """Return the p value of a χ² statistic, or of F with a denominator."""
    if denominator is None or math.isinf(denominator):
        return float(special.chdtrc(df, statistic))
    return float(special.fdtrc(df, denominator, statistic))


def coefficients(got: Mapping[str, Any], df: Any = math.inf, level: float = 0.95) -> dict[str, Any]:
    """Return z, p and bounds of ``beta`` and ``se``."""
    beta, se = (np.asarray(got[name], dtype=float) for name in ("beta", "se"))
    half = halves(se, df, level)
    return {"zval": beta / se, "pval": tails(beta / se, df), "ci.lb": beta - half, "ci.ub": beta + half}


def incoherent(got: Mapping[str, Any], follows: Mapping[str, Any], close: float = CLOSE) -> Iterator[Row]:
    """Yield what is printed and is not what follows; NaN has to be NaN."""
    for key, values in follows.items():
        if key not in got or got[key] is None:
            continue
        ours, own = np.atleast_1d(np.asarray(got[key], dtype=float)), np.atleast_1d(np.asarray(values, dtype=float))
        listed = isinstance(got[key], list)
        for i, (a, b) in enumerate(zip(ours, own, strict=True)):
            if math.isnan(a) and math.isnan(b):
                continue
            tiny = 0.0 if key.startswith(("p", "Q")) or key.endswith("p") else ROUNDING * max(1.0, abs(b))
            if not abs(a - b) <= close * abs(b) + tiny:
                yield f"{key}[{i}]" if listed else key, float(a), float(b), math.inf, False
