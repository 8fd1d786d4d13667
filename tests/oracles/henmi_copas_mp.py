"""The critical value of Henmi and Copas's interval at 20 digits, from the moments of Q given the mean."""

from __future__ import annotations

from collections.abc import Sequence

from mpmath import mp, mpf


def tail_at(yi: Sequence[float], vi: Sequence[float], half: float) -> float:
    """Return the probability beyond one end of an interval of half-width ``half``.

    With w = 1/v, R = √w₁(μ̂ − μ) and Q given R gamma with its first two moments, the interval covers where
    R/√(1 + w₂τ̂²) stays below the critical value; τ̂² is DerSimonian and Laird's, a function of Q.
    """
    with mp.workdps(20):
        y, w = [mpf(float(a)) for a in yi], [1 / mpf(float(v)) for v in vi]
        k, w1 = len(y), sum(w)
        w2, w3, w4 = (sum(x**n for x in w) / w1 for n in (2, 3, 4))
        mean = sum(a * b for a, b in zip(w, y, strict=True)) / w1
        q = sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
        t = max(mpf(0), (q - (k - 1)) / (w1 - w2))
        ratio = 1 + t * w2
        x = mpf(float(half)) / mp.sqrt(ratio / w1)

        def density(z: mpf) -> mpf:
            r2 = ratio * z * z
            limit = (w1 / w2 - 1) * (r2 / x**2 - 1) + (k - 1)
            if limit <= 0:
                return mpf(0)
            tilt = r2 / ratio**2 - 1 / ratio
            centre = (k - 1) + t * (w1 - w2) + t**2 * tilt * (w3 - w2**2)
            spread = 2 * (k - 1) + 4 * t * (w1 - w2) + 2 * t**2 * (w1 * w2 - 2 * w3 + w2**2)
            spread += 4 * t**2 * tilt * (w3 - w2**2) + 4 * t**3 * tilt * (w4 - 2 * w2 * w3 + w2**3)
            spread += 2 * t**4 * (w3 - w2**2) ** 2 * (1 / ratio**2 - 2 * r2 / ratio**3)
            inside = mp.gammainc(centre**2 / spread, 0, limit * centre / spread, regularized=True)
            return inside * mp.npdf(z)

        first = x / mp.sqrt(ratio)
        return float(mp.quad(density, mp.linspace(first, first + 9, 33)))
