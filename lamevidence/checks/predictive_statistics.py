"""Discrepancies between data and replicates: one number a data set, for estimates and for counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..effects.measures.hazard import hazard_columns
from ..foundation.errors import OptionError, UnknownName
from ..foundation.options import shown

__all__ = ["STATISTICS", "Statistic", "statistics_for"]

Statistic = Callable[[FloatArray], FloatArray]
"""Data (n, k) → (n,)."""

STATISTICS = ("q", "max", "min", "range", "sd", "zeros", "total", "above_zero")


def statistics_for(table: EvidenceTable, likelihood: str, names: Sequence[str] | None) -> dict[str, Statistic]:
    """Return name → function of data (n, k).

    ``q`` is Cochran's Σ wᵢ(yᵢ − ȳ_w)² with wᵢ = 1/vᵢ for estimates; Pearson's Σ (r − E)²/V about the common risk or
    rate for counts of one arm; Peto's Σ (O − E)²/V − (Σ(O − E))²/ΣV for two arms, E and V given all margins and no
    effect.
    ``max``, ``min``, ``range`` and ``sd`` are of the estimates, or of events divided by patients (or person-time).
    ``zeros`` counts rows without events, ``total`` adds the events; ``above_zero`` counts positive estimates.

    Raises
    ------
    UnknownName
        Not a statistic.
    OptionError
        A statistic of counts asked of estimates, or the reverse.
    """
    counts = likelihood not in ("normal", "t")
    own = ("zeros", "total") if counts else ("above_zero",)
    usual = ("q", "max", "min", "range", "sd", *own)
    chosen = usual if names is None else tuple(names) if isinstance(names, Sequence) else names
    if isinstance(names, str | bytes) or not isinstance(chosen, tuple):
        raise OptionError(f"statistics={shown(names)} is not a list of names · choices: {', '.join(usual)}")
    if not chosen:
        raise OptionError(f"statistics is empty · choices: {', '.join(usual)}")
    for name in chosen:
        if not isinstance(name, str) or name not in STATISTICS:
            raise UnknownName("statistic", name, usual)
        if name not in usual:
            raise OptionError(
                f"statistic {name!r} is not one of {'counts' if counts else 'estimates'} · choices: {', '.join(usual)}"
            )
        if name == "sd" and table.k < 2:
            raise OptionError("statistic 'sd' needs at least 2 rows · leave it out")
    size = _sizes(table, likelihood)
    every: Mapping[str, Statistic] = {
        "q": _q(table, likelihood),
        "max": lambda y: (y / size).max(-1),
        "min": lambda y: (y / size).min(-1),
        "range": lambda y: np.ptp(y / size, axis=-1),
        "sd": lambda y: (y / size).std(-1, ddof=1),
        "zeros": lambda y: np.sum(y == 0, axis=-1).astype(np.float64),
        "total": lambda y: y.sum(-1),
        "above_zero": lambda y: np.sum(y > 0, axis=-1).astype(np.float64),
    }
    return {name: every[name] for name in chosen}


def _sizes(table: EvidenceTable, likelihood: str) -> FloatArray:
    c = table.counts
    if likelihood == "binomial":
        return np.asarray(c["ni"])
    if likelihood == "poisson":
        return np.asarray(c["ti"])
    if likelihood == "hazard":  # patients and events are both read per person-year
        h = hazard_columns(c)
        return np.asarray(np.where(np.isnan(h["patients"]), h["person_time"], h["total"] * h["time"]))
    if likelihood == "hypergeometric":
        return np.asarray(c["ai"] + c["bi"])
    if likelihood == "conditional-binomial":
        return np.asarray(c["t1i"])
    return np.ones(table.k)


def _q(table: EvidenceTable, likelihood: str) -> Statistic:
    c = table.counts
    if likelihood in ("normal", "t"):
        return lambda y: weighted_q(y, 1.0 / table.vi)
    if likelihood == "hypergeometric":
        n1, n2 = c["ai"] + c["bi"], c["ci"] + c["di"]
        m, n = c["ai"] + c["ci"], n1 + n2
        expected = n1 * m / n
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(n > 1, n1 * n2 * m * (n - m) / (n * n * (n - 1)), 0.0)
        return lambda y: _peto(y, expected, variance)
    if likelihood == "conditional-binomial":
        m = c["x1i"] + c["x2i"]
        share = c["t1i"] / (c["t1i"] + c["t2i"])
        return lambda y: _peto(y, m * share, m * share * (1 - share))
    size = _sizes(table, likelihood)
    return lambda y: _pearson(y, size, likelihood == "binomial")


def weighted_q(y: FloatArray, w: FloatArray) -> FloatArray:
    """Cochran's Q of (n, k) estimates with fixed weights."""
    centre = y @ w / w.sum()
    return np.asarray(((y - centre[..., None]) ** 2) @ w)


def _pearson(r: FloatArray, size: FloatArray, binomial: bool) -> FloatArray:
    p = r.sum(-1, keepdims=True) / size.sum()
    variance = size * p * ((1 - p) if binomial else 1.0)
    # no events at all, or events only: every row agrees with the common risk
    return np.asarray(((r - size * p) ** 2 / np.where(variance > 0, variance, 1.0)).sum(-1))


def _peto(observed: FloatArray, expected: FloatArray, variance: FloatArray) -> FloatArray:
    keep = variance > 0
    gap, v = (observed - expected)[..., keep], variance[keep]
    return np.asarray((gap * gap / v).sum(-1) - gap.sum(-1) ** 2 / v.sum()) if v.size else np.zeros(observed.shape[:-1])
