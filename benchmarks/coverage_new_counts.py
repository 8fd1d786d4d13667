"""``python -m benchmarks.coverage_new_counts [--sets 40]``: coverage of one-stage prediction intervals.

Counts as in `coverage_sets`. Given a data set, an interval holds the true effect of a new study with a probability that
the normal law of true effects gives in closed form; a cell stores its mean over the sets, with its Monte Carlo error.
``results/coverage_new_counts.json`` keeps the cells; `coverage_table` writes them into ``docs/coverage.md``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import zlib
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.foundation.errors import LamEvidenceError

from .coverage_sets import simulate, table_of
from .measure import RESULTS

__all__ = ["DEFAULT", "METHODS", "PATH", "cell", "cells", "name_of", "stored"]

PATH = RESULTS / "coverage_new_counts.json"
MEASURES, KS, TAUS, RATES = ("PLO", "OR"), (5, 10, 30), (0.2, 0.5, 1.0), (0.1, 0.3)
METHODS = ("HTS", "profile")
DEFAULT = "profile"
SEED, LEVEL = 20261130, 0.95
Cell = tuple[str, int, float, float]


def cells() -> list[Cell]:
    """Return every cell: (measure, k, τ, rate)."""
    return list(itertools.product(MEASURES, KS, TAUS, RATES))


def name_of(cell: Cell) -> str:
    """Return the name of a cell in the file."""
    measure, k, tau, rate = cell
    return f"{measure} k={k} tau={tau:g} rate={rate:g}"


def cell(which: Cell, sets: int) -> dict[str, Any]:
    """Return coverage, its Monte Carlo error and the median width of each method, and the share without an answer."""
    measure, k, tau, rate = which
    data = simulate(measure, k, tau, rate, sets, np.random.default_rng([SEED, zlib.crc32(name_of(which).encode())]))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    for i in range(sets):
        for name in METHODS:
            try:
                low, high = lam.counts.glmm(table_of(data, i), prediction=name).prediction(LEVEL)
            except LamEvidenceError:
                continue
            held = special.ndtr((high - data.truth) / tau) - special.ndtr((low - data.truth) / tau)
            found[name].append((float(held), high - low))
    return {"sets": sets, **{name: _mean(values, sets) for name, values in found.items()}}


def _mean(values: list[tuple[float, float]], sets: int) -> dict[str, float]:
    held, width = np.array(values).T
    return {
        "coverage": round(float(held.mean()), 4),
        "error": round(float(held.std(ddof=1)) / math.sqrt(held.size), 4),
        "median_width": round(float(np.median(width)), 4),
        "no_answer": round(1 - held.size / sets, 4),
    }


def stored() -> dict[str, Any]:
    """Return the stored cells by name."""
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))["cells"]
    return found


def main() -> None:
    """Make every cell and store each as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=40, help="data sets a cell")
    sets = parser.parse_args().sets
    made: dict[str, Any] = {}
    for which in cells():
        made[name_of(which)] = cell(which, sets)
        print(name_of(which), made[name_of(which)], flush=True)
        whole = {"seed": SEED, "level": LEVEL, "version": lam.__version__, "cells": made}
        PATH.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
