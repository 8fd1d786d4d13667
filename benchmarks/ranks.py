"""Are ranks uniform? Simultaneous bands of their distribution function, and chi-square."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special, stats

__all__ = ["band_p", "chi2_p"]


def band_p(ranks: np.ndarray, highest: int) -> float:
    """Return the p-value of the simultaneous band that the distribution function of ``ranks`` just touches.

    Under uniform ranks 0 … L, the number below i is Binomial(N, i/(L+1)), and the numbers at successive i are a Markov
    chain, so that the chance that all lie inside pointwise binomial intervals is computed exactly.

    References
    ----------
    Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6.
    """
    n, bins = ranks.size, highest + 1
    tail, steps = _chain(n, bins)
    below = np.searchsorted(np.sort(ranks), np.arange(1, bins), side="left")
    worst = tail[np.arange(bins - 1), below].min()
    state = np.zeros(n + 1)
    state[0] = 1.0
    for allowed, step in zip(tail > worst * (1 + 1e-9), steps, strict=True):
        state = np.where(allowed, state @ step, 0.0)
    return max(0.0, float(1.0 - state.sum()))


@cache
def _chain(n: int, bins: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Pointwise two-sided tails of c ranks below i, (bins − 1, n + 1), and the chances of moving from c to c' ranks."""
    at, c = np.arange(1, bins), np.arange(n + 1)
    law = stats.binom(n, at[:, None] / bins)
    tail = 2 * np.minimum(law.cdf(c), law.sf(c - 1))
    left, more = (n - c)[:, None], c[None, :] - c[:, None]
    m = np.clip(more, 0, left)
    ways = special.gammaln(left + 1) - special.gammaln(m + 1) - special.gammaln(left - m + 1)
    # of the n − c that are left, c' − c fall into the next bin
    share = 1.0 / (bins - at + 1)
    logs = (ways + special.xlogy(m, p) + special.xlog1py(left - m, -p) for p in share)
    return tail, [np.where(more >= 0, np.exp(log), 0.0) for log in logs]


def chi2_p(ranks: np.ndarray, highest: int, bins: int = 10) -> float:
    """Return the p-value of Pearson's chi-square for equally many ranks in ``bins`` bins."""
    if (highest + 1) % bins:
        raise ValueError(f"{highest + 1} ranks do not fall into {bins} equal bins")
    found = np.bincount(ranks * bins // (highest + 1), minlength=bins)
    return float(stats.chisquare(found).pvalue)
