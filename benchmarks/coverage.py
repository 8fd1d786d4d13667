"""Frequentist coverage of 95 % central credible intervals of μ and of a new study's effect.

Every cell: data sets of k studies with standard errors log-normal (median 3, sdlog 0.5) and a true τ; priors: μ flat,
τ ~ HalfNormal(6). Prints one line a k, ``mean/new`` a cell. Run: ``python -m benchmarks.coverage [--sets 10000]``.
"""

from __future__ import annotations

import argparse

import numpy as np

import lamevidence as lam

KS = (2, 3, 5, 10)
TAUS = (0.0, 3.0, 6.0, 9.0, 12.0)


def coverage(k: int, tau: float, sets: int, seed: int) -> tuple[float, float]:
    """Share of ``sets`` intervals that hold μ = 0, and the effect of a new study."""
    rng = np.random.default_rng([seed, k, int(10 * tau)])
    s = np.exp(rng.normal(np.log(3.0), 0.5, (sets, k)))
    y = tau * rng.standard_normal((sets, k)) + s * rng.standard_normal((sets, k))
    many = lam.pool_bayes_many(y, s * s, mu=lam.priors.Flat(), tau=lam.priors.HalfNormal(6))
    new = tau * rng.standard_normal(sets)
    inside = [np.abs(u - 0.5) <= 0.475 for u in (many.mu_cdf(np.zeros(sets)), many.new_cdf(new))]
    return float(inside[0].mean()), float(inside[1].mean())


def table(sets: int = 10_000, seed: int = 1) -> dict[tuple[int, float], tuple[float, float]]:
    """(k, τ) → coverage of μ and of a new study's effect."""
    return {(k, tau): coverage(k, tau, sets, seed) for k in KS for tau in TAUS}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="coverage of 95 % credible intervals")
    parser.add_argument("--sets", type=int, default=10_000, help="data sets a cell")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cells = table(options.sets, options.seed)
    print("k    " + "".join(f"tau {tau:<10g}" for tau in TAUS))
    for k in KS:
        print(f"{k:<5}" + "".join(f"{cells[k, tau][0]:.3f}/{cells[k, tau][1]:.3f}   " for tau in TAUS))


if __name__ == "__main__":
    main()
