"""``python -m benchmarks.robustness [N]``: no failure, no wrong mode, equivariance; by default 10⁶ data sets.

Each data set has k = 2 … 13 studies, variances log-uniform over six decades, τ² from 0 to far above them. REML and
ML of every data set are computed, compared with the likelihood on a dense grid, shifted by 10⁸ and scaled by
10^±6.
"""

from __future__ import annotations

import math
import sys

import numba
import numpy as np

import lamevidence as lam

from .measure import store

GRID = 300
"""Points of the dense grid, log-spaced over all scales of a data set, and 0."""
SHORTFALL = 1e-6
"""A log-likelihood this far below the best of the grid is a wrong mode."""


def simulate(m: int, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    v = 10 ** rng.uniform(-3, 3, (m, k))
    tau2 = np.where(rng.random((m, 1)) < 0.25, 0.0, 10 ** rng.uniform(-4, 4, (m, 1)))
    return rng.normal(0, np.sqrt(v + tau2)), v


@numba.njit(cache=True)
def log_likelihood(y: np.ndarray, v: np.ndarray, t: float, restricted: bool) -> float:
    """Definition of the (restricted) log-likelihood of one data set at τ² = t, up to a constant."""
    weight = product = mean = 0.0
    for i in range(y.size):
        weight += 1 / (v[i] + t)
        mean += y[i] / (v[i] + t)
        product += math.log(v[i] + t)
    mean /= weight
    value = product + (math.log(weight) if restricted else 0.0)
    for i in range(y.size):
        value += (y[i] - mean) ** 2 / (v[i] + t)
    return -0.5 * value


@numba.njit(cache=True)
def shortfalls(y: np.ndarray, v: np.ndarray, tau2: np.ndarray, restricted: bool, points: int) -> np.ndarray:
    """How far each likelihood at ``tau2`` is below the best of a dense grid; negative or ~0 at the maximum."""
    gaps = np.empty(y.shape[0])
    for i in range(y.shape[0]):
        low, top = v[i].min() / 100, max(v[i].max(), (y[i].max() - y[i].min()) ** 2) * 10
        step = (top / low) ** (1 / (points - 1))
        best, t = log_likelihood(y[i], v[i], 0.0, restricted), low
        for _ in range(points):
            best = max(best, log_likelihood(y[i], v[i], t, restricted))
            t *= step
        gaps[i] = best - log_likelihood(y[i], v[i], tau2[i], restricted)
    return gaps


def _unequal(a: np.ndarray, b: np.ndarray, floor: np.ndarray, tolerance: float) -> int:
    return int((np.abs(a - b) > tolerance * (np.abs(b) + floor)).sum())


def check(total: int, seed: int = 1, engine: str = "auto") -> dict[str, object]:
    """Return counts of everything that may not happen, by estimator."""
    found: dict[str, object] = {"data_sets": total, "grid_points": GRID, "seed": seed}
    sizes = list(range(2, 14))
    for method in ("REML", "ML"):
        rng = np.random.default_rng(seed)
        counts = dict.fromkeys(("failures", "not_finite", "wrong_modes", "offset_1e8", "scale_1e6", "scale_1e-6"), 0)
        worst = 0.0
        for k in sizes:
            m = total // len(sizes) + (k - 2 < total % len(sizes))
            y, v = simulate(m, k, rng)
            try:
                many = lam.pool_many(y, v, tau2=method, engine=engine)
            except lam.LamEvidenceError:
                counts["failures"] += m
                continue
            columns = np.stack([many.mu, many.se, many.tau2, many.q])
            counts["not_finite"] += int((~np.isfinite(columns).all(axis=0)).sum())
            gaps = shortfalls(y, v, np.asarray(many.tau2), method == "REML", GRID)
            worst = max(worst, float(gaps.max()))
            counts["wrong_modes"] += int((gaps > SHORTFALL).sum())
            _equivariance(counts, y, v, method, engine)
        found[method] = counts | {"worst_shortfall": worst}
    return found


def _equivariance(counts: dict[str, int], y: np.ndarray, v: np.ndarray, method: str, engine: str) -> None:
    """Count data sets whose shifted or scaled fit is another fit.

    A shift by 1e8 itself rounds y to 1.5e-8; the shifted numbers are shifted back, exactly, before the
    comparison, so that both fits see the same data.
    """
    shifted = y + 1e8
    base = lam.pool_many(shifted - 1e8, v, tau2=method, engine=engine)
    moved = lam.pool_many(shifted, v, tau2=method, engine=engine)
    counts["offset_1e8"] += _unequal(moved.tau2, base.tau2, v.min(axis=1), 1e-6)
    plain = lam.pool_many(y, v, tau2=method, engine=engine)
    for label, factor in (("scale_1e6", 1e6), ("scale_1e-6", 1e-6)):
        scaled = lam.pool_many(y * factor, v * factor**2, tau2=method, engine=engine)
        counts[label] += _unequal(scaled.tau2 / factor**2, plain.tau2, v.min(axis=1), 1e-8)


def main(arguments: list[str]) -> int:
    total = int(float(arguments[0])) if arguments else 1_000_000
    found = check(total, engine="numba")
    path = store("robustness", found)
    print(path.read_text(encoding="utf-8"))
    bad = [m[c] for m in (found["REML"], found["ML"]) for c in m if c != "worst_shortfall"]
    return int(any(bad))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
