"""The tetrachoric correlation: two normal variables, each cut in two."""

from __future__ import annotations

import numpy as np
from scipy import special

from .base import Estimates, FloatArray
from .two_by_two import two_by_two

__all__ = ["bivariate_normal_excess", "tetrachoric"]

_KIRK = "Kirk 1973; doi:10.1007/BF02291118; variance: Brown 1977; doi:10.2307/2346971"
NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
PANELS = np.concatenate(([0.0], 1 - 0.25 ** np.arange(1, 13), [1.0]))
"""Panels of the angle, finer towards |ρ| = 1 where the integrand turns sharply."""


def bivariate_normal_excess(h: FloatArray, k: FloatArray, angle: FloatArray) -> FloatArray:
    """Return P(X ≤ h, Y ≤ k) − Φ(h)Φ(k) at correlation sin(angle), by Plackett's identity.

    ∂Φ₂/∂ρ = φ₂(h, k; ρ), hence the excess is ∫₀^angle exp(−(h² − 2hk sin t + k²)/(2 cos² t)) dt / 2π.
    """
    starts, ends = PANELS[:-1], PANELS[1:]
    places = (starts + ends)[:, None] / 2 + (ends - starts)[:, None] / 2 * NODES
    weights = (ends - starts)[:, None] / 2 * WEIGHTS
    t = places.ravel() * (np.pi / 2)
    sign = np.sign(angle)[..., None]
    reach = np.abs(angle)[..., None] / (np.pi / 2)
    sine, square = np.sin(t * reach), np.cos(t * reach) ** 2
    h, k = h[..., None], k[..., None]
    inside = np.exp(-(h**2 - 2 * h * k * sign * sine + k**2) / (2 * square))
    return np.asarray((inside * weights.ravel()).sum(axis=-1) * angle / (2 * np.pi))


def _angle(h: FloatArray, k: FloatArray, excess: FloatArray) -> FloatArray:
    """Return the angle whose excess is the one observed: bisection guards Newton, both vectorised."""
    low, high = np.full(excess.shape, -np.pi / 2), np.full(excess.shape, np.pi / 2)
    angle = np.zeros(excess.shape)
    for _ in range(80):
        gap = bivariate_normal_excess(h, k, angle) - excess
        high, low = np.where(gap > 0, angle, high), np.where(gap > 0, low, angle)
        slope = np.exp(-(h**2 - 2 * h * k * np.sin(angle) + k**2) / (2 * np.cos(angle) ** 2)) / (2 * np.pi)
        step = angle - gap / slope
        inside = (step > low) & (step < high)
        new = np.where(inside, step, (low + high) / 2)
        moved, angle = np.abs(new - angle), new
        if not bool(np.any(moved > 1e-15)):
            break
    return angle


@two_by_two("RTET", add=0.0, title="tetrachoric correlation", reference=_KIRK)
def tetrachoric(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return the maximum likelihood correlation and its asymptotic variance.

    With one zero cell, or zeros in one diagonal, the likelihood is largest at ±1, where no variance exists (NaN);
    with an empty margin nothing is estimable.

    The model has three parameters for three free proportions, hence ρ solves Φ₂(h, k; ρ) = a/N with
    h = Φ⁻¹((a+b)/N), k = Φ⁻¹((a+c)/N). Var(ρ) follows by the delta method: with g1 = Φ((k−ρh)/√(1−ρ²)),
    g2 = Φ((h−ρk)/√(1−ρ²)), the weights 1−g1−g2, −g1, −g2, 0 of the cells and their variance w̄, Var = w̄/(N φ₂²).
    """
    total = ai + bi + ci + di
    table = np.stack([ai, bi, ci, di]) / total
    exists = (table > 0).all(axis=0)
    table = np.where(exists, table, 0.25)
    h = special.ndtri(table[0] + table[1])
    k = special.ndtri(table[0] + table[2])
    angle = _angle(h, k, table[0] * table[3] - table[1] * table[2])
    rho, root = np.sin(angle), np.cos(angle)
    g1, g2 = special.ndtr((k - rho * h) / root), special.ndtr((h - rho * k) / root)
    density = np.exp(-(h**2 - 2 * rho * h * k + k**2) / (2 * root**2)) / (2 * np.pi * root)
    slopes = np.stack([1 - g1 - g2, -g1, -g2, np.zeros_like(g1)])
    centred = slopes - (table * slopes).sum(axis=0)
    vi = (table * centred**2).sum(axis=0) / (total * density**2)
    concordant, discordant = np.minimum(ai, di) > 0, np.minimum(bi, ci) > 0
    edge = np.where(concordant & ~discordant, 1.0, np.where(discordant & ~concordant, -1.0, np.nan))
    return Estimates(np.where(exists, rho, edge), np.where(exists, vi, np.nan))


@two_by_two(
    "ZTET",
    add=0.0,
    title="z-transformed tetrachoric correlation",
    scale="z",
    back=np.tanh,
    forward=np.arctanh,
    back_title="tetrachoric correlation",
    reference=_KIRK,
)
def _tetrachoric_z(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return artanh ρ and Var(ρ)/(1−ρ²)²."""
    raw = tetrachoric(ai, bi, ci, di)
    return Estimates(np.arctanh(raw.yi), raw.vi / (1 - raw.yi**2) ** 2)
