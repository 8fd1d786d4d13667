"""What a printed p value says: the range of z that prints so, and the p values of a two-by-two table."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ..foundation.lineage import Reported, half_width
from ..registry.records import PValue

__all__ = [
    "apart",
    "as_normal",
    "by_ranks",
    "difference_range",
    "distance",
    "fisher",
    "two_by_two",
    "z_range",
]

_SMALLEST = 1e-300


def z_range(p: PValue) -> tuple[float, float]:
    """Return the smallest and largest |z| that prints as this p."""
    value, hidden = float(p.value), float(half_width(p.value))
    low, high = max(value - hidden, _SMALLEST), min(value + hidden, 1.0)
    if p.relation == "<":
        return float(-special.ndtri(value / 2)), math.inf
    if p.relation == ">":
        return 0.0, float(-special.ndtri(value / 2))
    return max(0.0, float(-special.ndtri(high / 2))), float(-special.ndtri(low / 2))


def as_normal(t: float, df: float | None) -> float:
    """Return the |z| with the p value that |t| has with ``df`` degrees of freedom; |t| itself for None."""
    if df is None or df < 1:
        return t
    p = 2 * float(special.stdtr(df, -t))
    return float(-special.ndtri(p / 2)) if p > _SMALLEST else t


def by_ranks(test: str) -> bool:
    """Tell whether a test is one of ranks, which means and their spread foretell only roughly."""
    return any(word in test.lower() for word in ("rank", "wilcoxon", "mann"))


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far two ranges are apart, 0 when they meet."""
    return max(0.0, one[0] - other[1], other[0] - one[1])


def apart(printed: tuple[float, float], implied: tuple[float, float], ratio: float) -> bool:
    """Tell whether two ranges of |z| differ by more than a factor; below 0.15 z is as good as 0."""
    return not (
        max(printed[0], 0.15) / ratio <= max(implied[1], 0.15)
        and max(implied[0], 0.15) / ratio <= max(printed[1], 0.15)
    )


def difference_range(one: Reported, other: Reported) -> tuple[float, float]:
    """Return the smallest and largest |difference| of two printed numbers."""
    gap, hidden = abs(float(one) - float(other)), float(one.rounding + other.rounding)
    return max(gap - hidden, 0.0), gap + hidden


def fisher(a: int, n1: int, c: int, n2: int) -> float:
    """Return the two-sided p of Fisher's exact test: tables no likelier than the one at hand."""
    total = a + c
    x = np.arange(max(0, total - n2), min(n1, total) + 1)
    log = _log_choose(n1, x) + _log_choose(n2, total - x) - _log_choose(n1 + n2, np.asarray(total))
    weights = np.exp(log)
    here = weights[x == a][0]
    return float(min(1.0, weights[weights <= here * (1 + 1e-7)].sum()))


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def two_by_two(a: int, n1: int, c: int, n2: int) -> dict[str, float]:
    """Return the two-sided p of ``a`` of ``n1`` against ``c`` of ``n2`` by each usual test.

    Fisher's exact test; Pearson's chi-square, with and without Yates's correction; the likelihood ratio.
    """
    tests = {"Fisher": fisher(a, n1, c, n2)}
    b, d, total = n1 - a, n2 - c, n1 + n2
    margins = float(a + c) * (b + d) * n1 * n2
    if margins == 0:
        return {**tests, "chi-square": 1.0, "Yates": 1.0, "likelihood ratio": 1.0}
    gap = abs(a * d - b * c)
    for name, less in (("chi-square", 0.0), ("Yates", total / 2)):
        tests[name] = float(special.chdtrc(1, total * max(gap - less, 0.0) ** 2 / margins))
    observed = np.array([a, b, c, d], dtype=float)
    expected = np.array([n1 * (a + c), n1 * (b + d), n2 * (a + c), n2 * (b + d)]) / total
    g = 2 * float(special.xlogy(observed, observed / expected).sum())
    tests["likelihood ratio"] = float(special.chdtrc(1, max(g, 0.0)))
    return tests
