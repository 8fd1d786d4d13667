"""Simultaneous bands for the distribution function of a sample that should be uniform.

Säilynoja, Bürkner and Vehtari 2022, doi:10.1007/s11222-022-10090-6: binomial intervals of one level at each of K
points, with the level at which a uniform sample stays inside all of them with probability 1 − α. That probability is
exact: the counts up to one point, given those up to the point before, are binomial.
"""

from functools import cache

import numpy as np
from scipy import special, stats

POINTS = 50


def inside_probability(n, low, high, z):
    """P(low ≤ #{u ≤ z} ≤ high at every z) for n uniform numbers."""
    log_factorial = special.gammaln(np.arange(n + 1) + 1.0)
    states, chance, before = np.array([0]), np.array([1.0]), 0.0
    for a, b, point in zip(low, high, z, strict=True):
        to = np.arange(a, b + 1)
        left, step = (n - states)[:, None], to - states[:, None]
        share = (point - before) / (1.0 - before)
        ok = (step >= 0) & (step <= left)
        k, m = np.where(ok, step, 0), np.broadcast_to(left, step.shape)
        log = log_factorial[m] - log_factorial[k] - log_factorial[m - k]
        log = log + k * np.log(share) + (m - k) * np.log1p(-share)
        chance = chance @ np.where(ok, np.exp(log), 0.0)
        states, before = to, point
    return float(chance.sum())


@cache
def bands(n, alpha):
    """Points, and lowest and highest counts up to each that a uniform sample of n is allowed."""
    z = np.arange(1, POINTS) / POINTS
    level = [np.log(alpha / POINTS), np.log(alpha)]
    for _ in range(10):
        gamma = np.exp(0.5 * sum(level))
        low, high = stats.binom.ppf([[gamma / 2], [1 - gamma / 2]], n, z).astype(int)
        outside = 1.0 - inside_probability(n, low, high, z)
        level[int(outside > alpha)] = np.log(gamma)
    gamma = np.exp(level[0])
    low, high = stats.binom.ppf([[gamma / 2], [1 - gamma / 2]], n, z).astype(int)
    return z, low, high


def inside(u, alpha):
    """Whether the distribution function of ``u`` stays inside its band."""
    z, low, high = bands(u.size, alpha)
    count = np.searchsorted(np.sort(u), z, side="right")
    return bool(np.all((low <= count) & (count <= high)))
