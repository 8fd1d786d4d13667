"""Degrees of freedom of a standard error that a study estimated from its patients.

n − 1 for one group, a change within patients, or an estimate given with its n; n₁ + n₂ − 2 for two arms with a pooled
variance, and Welch and Satterthwaite's where each arm keeps its own. Infinite where n is not known.
"""

from __future__ import annotations

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray

__all__ = ["TWO_ARMS", "degrees_of_freedom", "estimated"]

TWO_ARMS = ("MD", "SMD", "SMDH", "ROM")
"""Measures of two arms, whose standard error has lost two means."""
_ESTIMATED = ("GEN", "MN", "MNLN", "MC", "MD", "ROM")
"""Measures whose standard error comes from standard deviations (or is taken to, for an estimate given with n)."""


def estimated(table: EvidenceTable) -> bool:
    """Return whether the standard errors of a table are estimated from its patients, so that a t likelihood is due."""
    return table.measure in _ESTIMATED


def degrees_of_freedom(table: EvidenceTable) -> FloatArray:
    """Return the degrees of freedom of each standard error, infinite where n is not known or leaves none, (k,).

    References
    ----------
    Welch 1947, doi:10.1093/biomet/34.1-2.28; Satterthwaite 1946, doi:10.2307/3002019.
    """
    assert table.n is not None
    two = table.measure in TWO_ARMS
    df = np.where(np.isfinite(table.n), table.n - (2.0 if two else 1.0), np.inf)
    if two and all(name in table.counts for name in ("n1i", "sd1i", "n2i", "sd2i")):
        welch = _welch(table)
        df = np.where(np.isfinite(welch), welch, df)
    return np.where(df >= 1.0, df, np.inf)


def _welch(table: EvidenceTable) -> FloatArray:
    """Welch and Satterthwaite's degrees of freedom of rows whose variance is the sum of the arms', else NaN, (k,)."""
    c = table.counts
    parts = [c["sd1i"] ** 2 / c["n1i"], c["sd2i"] ** 2 / c["n2i"]]
    if table.measure == "ROM":
        parts = [part / c[mean] ** 2 for part, mean in zip(parts, ("m1i", "m2i"), strict=True)]
    total = parts[0] + parts[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        df = total**2 / (parts[0] ** 2 / (c["n1i"] - 1.0) + parts[1] ** 2 / (c["n2i"] - 1.0))
    return np.where(np.isclose(total, table.vi, rtol=1e-9, atol=0.0), df, np.nan)
