"""``python -m benchmarks.robustness [N]``: no failure, no wrong mode, equivariance; by default 10⁶ data sets.

Each data set has k = 2 … 13 studies, variances log-uniform over six decades, τ² from 0 to far above them. REML and
ML of every data set are computed; a subsample is compared with the likelihood on a dense grid; the same
subsample is shifted by 10⁸ and scaled by 10^±6.
"""

from __future__ import annotations

import sys

import numpy as np

import lamevidence as lam

from .measure import store

GRID = 3000
"""Points of the dense grid, log-spaced over all scales of a data set, and 0."""
SHORTFALL = 1e-3
"""A log-likelihood this far below the best of the grid is a wrong mode."""


def simulate(m: int, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    v = 10 ** rng.uniform(-3, 3, (m, k))
    tau2 = np.where(rng.random((m, 1)) < 0.25, 0.0, 10 ** rng.uniform(-4, 4, (m, 1)))
    return rng.normal(0, np.sqrt(v + tau2)), v


def log_likelihood(y: np.ndarray, v: np.ndarray, t: np.ndarray, restricted: bool) -> np.ndarray:
    """Definition of the (restricted) log-likelihood, up to a constant: y, v (k,), t (n,)."""
    total = v + t[:, None]
    w = 1 / total
    mean = (w * y).sum(1) / w.sum(1)
    value = np.log(total).sum(1) + (w * (y - mean[:, None]) ** 2).sum(1)
    return -0.5 * (value + (np.log(w.sum(1)) if restricted else 0.0))


def shortfall(y: np.ndarray, v: np.ndarray, t: float, restricted: bool) -> float:
    """How far the likelihood at ``t`` is below the best of a dense grid; negative or ~0 when it is the maximum."""
    top = max(v.max(), np.ptp(y) ** 2) * 10
    grid = np.concatenate([[0.0], np.geomspace(v.min() / 100, top, GRID)])
    best = float(log_likelihood(y, v, grid, restricted).max())
    return best - float(log_likelihood(y, v, np.array([t]), restricted)[0])


def _unequal(a: np.ndarray, b: np.ndarray, floor: np.ndarray, tolerance: float) -> int:
    return int((np.abs(a - b) > tolerance * (np.abs(b) + floor)).sum())


def check(total: int, sample: int, seed: int = 1, engine: str = "auto") -> dict[str, object]:
    """Return counts of everything that may not happen, by estimator."""
    found: dict[str, object] = {"data_sets": total, "compared_with_grid": sample, "seed": seed}
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
            n = min(m, max(1, sample // len(sizes)))
            for i in range(n):
                gap = shortfall(y[i], v[i], float(many.tau2[i]), method == "REML")
                worst = max(worst, gap)
                counts["wrong_modes"] += gap > SHORTFALL
            _equivariance(counts, y[:n], v[:n], method, engine)
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
    found = check(total, sample=min(total, 6000), engine="numba")
    path = store("robustness", found)
    print(path.read_text(encoding="utf-8"))
    bad = [m[c] for m in (found["REML"], found["ML"]) for c in m if c != "worst_shortfall"]
    return int(any(bad))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
