"""Slow twins in 40 digits: where R stops early or loses digits, these say what the number is."""

from __future__ import annotations

import functools

import mpmath

mp = mpmath.MPContext()
mp.dps = 40  # a context of its own: the precision of the shared one belongs to whoever set it last


def phi2(h, k, rho):
    """P(X ≤ h, Y ≤ k) of the standard bivariate normal."""
    inside = lambda t: mp.exp(-(h**2 - 2 * h * k * mp.sin(t) + k**2) / (2 * mp.cos(t) ** 2))  # noqa: E731
    angle = mp.asin(rho)
    points = [angle * i / 4 for i in range(5)]
    return mp.ncdf(h) * mp.ncdf(k) + mp.quad(inside, points) / (2 * mp.pi)


@functools.cache
def tetrachoric_rho(a, b, c, d, near):
    """The maximum likelihood correlation: one Newton step in 40 digits from a value near it.

    The step leaves the square of the first error, so a start good to 1e-10 ends good to 1e-19.
    """
    n = mp.mpf(a) + b + c + d
    quantile = lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1)  # noqa: E731
    h, k, rho = quantile((a + b) / n), quantile((a + c) / n), mp.mpf(near)
    square = 1 - rho**2
    density = mp.exp(-(h**2 - 2 * h * k * rho + k**2) / (2 * square)) / (2 * mp.pi * mp.sqrt(square))
    return float(rho - (phi2(h, k, rho) - a / n) / density)


@functools.cache
def tetrachoric_variance(table, rho):
    """Variance of ρ from the expected information of (h, k, ρ)."""
    n = mp.mpf(sum(table))
    quantile = lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1)  # noqa: E731
    h, k = quantile((table[0] + table[1]) / n), quantile((table[0] + table[2]) / n)
    p = [x / n for x in map(mp.mpf, table)]
    step = mp.mpf(10) ** -12

    def cells(h, k, r):
        both = phi2(h, k, r)
        return [both, mp.ncdf(h) - both, mp.ncdf(k) - both, 1 - mp.ncdf(h) - mp.ncdf(k) + both]

    point = [h, k, mp.mpf(rho)]
    slopes = []
    for i in range(3):
        up, down = list(point), list(point)
        up[i] += step
        down[i] -= step
        slopes.append([(a - b) / (2 * step) for a, b in zip(cells(*up), cells(*down), strict=True)])
    information = mp.matrix(3, 3)
    for i in range(3):
        for j in range(3):
            information[i, j] = n * sum(slopes[i][c] * slopes[j][c] / p[c] for c in range(4))
    return float((information**-1)[2, 2])


@functools.cache
def unbiased_correlation(r, n):
    """Olkin and Pratt's estimate."""
    r = mp.mpf(r)
    return float(r * mp.hyp2f1(0.5, 0.5, mp.mpf(n - 2) / 2, 1 - r**2))


@functools.cache
def unbiased_correlation_variance(r, n):
    """Hedges' unbiased variance."""
    x, n = 1 - mp.mpf(r) ** 2, mp.mpf(n)
    u = mp.mpf(r) * mp.hyp2f1(0.5, 0.5, (n - 2) / 2, x)
    return float(u**2 - 1 + (n - 3) / (n - 2) * x * mp.hyp2f1(1, 1, n / 2, x))


def normal_mean(function, x, tau2):
    """E f(θ) for θ ~ N(x, τ²)."""
    x, s = mp.mpf(x), mp.sqrt(mp.mpf(tau2))
    density = lambda z: function(x + s * z) * mp.npdf(z)  # noqa: E731
    return float(mp.quad(density, [-12, -6, -3, 0, 3, 6, 12]))


def logit_normal_mode(x, tau2):
    """The mode of expit θ: p q times the derivative of its log density in p vanishes."""
    x, t = mp.mpf(x), mp.mpf(tau2)
    slope = lambda theta: -(theta - x) / t + (2 / (1 + mp.exp(-theta)) - 1)  # noqa: E731
    return float(1 / (1 + mp.exp(-mp.findroot(slope, x))))


def breslow_day(a, b, c, d):
    """Breslow-Day and Tarone statistics about the Mantel-Haenszel odds ratio, and how many tables count."""
    tables = [tuple(mp.mpf(float(x)) for x in cells) for cells in zip(a, b, c, d, strict=True)]
    ratio = sum(p * s / (p + q + r + s) for p, q, r, s in tables)
    ratio /= sum(q * r / (p + q + r + s) for p, q, r, s in tables)
    bd, gap, total, used = mp.mpf(0), mp.mpf(0), mp.mpf(0), 0
    for p, q, r, s in tables:
        n1, n2, m = p + q, r + s, p + r
        if m == 0 or q + s == 0:
            continue
        square = ratio * (n1 + m) + (n2 - m)
        expected = 2 * ratio * n1 * m / (square + mp.sqrt(square**2 - 4 * n1 * m * ratio * (ratio - 1)))
        variance = 1 / (1 / expected + 1 / (n1 - expected) + 1 / (m - expected) + 1 / (n2 - m + expected))
        bd, gap, total, used = bd + (p - expected) ** 2 / variance, gap + p - expected, total + variance, used + 1
    return float(bd), float(bd - gap**2 / total), used
