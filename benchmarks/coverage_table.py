"""``python -m benchmarks.coverage_table [--sets 4000] [--cells OR,PLO] [--processes 2]``: coverage of default answers.

Each cell is a number of studies k, a measure, a true τ and an event rate: the share of 95 % intervals that hold the
truth, and their mean width, for the default answer of `lamevidence.pool` and for plain alternatives. Mean differences
have τ in units of their typical standard error, risk differences in risk. A second part does the same for prediction
intervals. ``results/coverage.json`` keeps the cells with their settings, versions and Monte Carlo error; cells that it
has already, made with the same settings, are not made again. ``docs/coverage.md`` is written from it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import zlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.effects.escalc import escalc
from lamevidence.effects.measures.base import FloatArray
from lamevidence.foundation.errors import LamEvidenceError
from lamevidence.pooling.policy import default_interval

from .coverage_new_counts import stored as new_counts
from .coverage_page import PAGE, page
from .coverage_predictions import NEW_KS, NEW_TAUS, new_cell
from .coverage_sets import BASELINE, COUNTS, PATIENTS, SIZES, Sets, columns_of, fit_counts, simulate, table_of
from .measure import RESULTS, conditions

__all__ = ["PATH", "SETTINGS", "cells", "mean_cell", "name_of", "stored"]

PATH = RESULTS / "coverage.json"
KS = (2, 3, 5, 10, 30)
TAUS = (0.0, 0.5, 1.0)
RATES = {"OR": (0.03, 0.1, 0.3), "RR": (0.03, 0.1, 0.3), "IRR": (0.03, 0.1, 0.3), "RD": (0.3,)}
RATES |= {"PLO": (0.03, 0.1, 0.3), "IRLN": (0.03, 0.1, 0.3), "MD": (0.0,)}
RISK = 0.1
"""τ of risk differences, as a share of the τ of the other measures."""
LEVEL = 0.95
AGREEING = "plain HKSJ where shorter than normal"
CHECKED = 12
"""First sets of each cell that are fitted with `pool` too."""
AGREE = 0.02
"""Most that the two may differ, in standard errors: the batch stays at 21 nodes where `pool` goes on to 101."""
NUMBERS = (12_000, 800)
"""Studies that are fitted side by side; the second of the hypergeometric law, whose tables are made study by study."""
SETTINGS = {
    "seed": 20261129,
    "level": LEVEL,
    "arms": list(SIZES),
    "baseline_sd": BASELINE,
    "md_patients": list(PATIENTS),
    "rd_tau_share": RISK,
    "k": list(KS),
    "tau": list(TAUS),
    "rates": {measure: list(rates) for measure, rates in RATES.items()},
    "new_k": list(NEW_KS),
    "new_tau": list(NEW_TAUS),
}
Cell = tuple[str, int, float, float]


def cells() -> list[Cell]:
    """Return every cell of both parts: (measure, k, τ, rate); measure ``new`` is a prediction interval."""
    means = [
        (measure, k, tau, rate)
        for measure, rates in RATES.items()
        for k, tau, rate in itertools.product(KS, TAUS, rates)
    ]
    return means + [("new", k, tau, 0.0) for k, tau in itertools.product(NEW_KS, NEW_TAUS)]


def name_of(cell: Cell) -> str:
    """Return the name of a cell in the file."""
    measure, k, tau, rate = cell
    return f"{measure} k={k} tau={tau:g}" + (f" rate={rate:g}" if rate else "")


def mean_cell(measure: str, k: int, tau: float, rate: float, sets: int) -> dict[str, Any]:
    """Return coverage and mean width of the mean's intervals, default first, and the share without an answer."""
    rng = np.random.default_rng([SETTINGS["seed"], zlib.crc32(name_of((measure, k, tau, rate)).encode())])
    share = RISK if measure == "RD" else 1.0
    data = simulate(measure, k, share * tau, rate, sets, rng)
    upper = 0.5 + LEVEL / 2
    ends = _inverse_variance(data)
    default = default_interval("random", k)[0]
    if measure in COUNTS:
        fits = fit_counts(data, max(20, NUMBERS[measure == "OR"] // k))
        # one study with information has no degrees of freedom: the normal quantile, as `pool` says
        t = np.where(fits.df > 0, special.stdtrit(np.maximum(fits.df, 1.0), upper), special.ndtri(upper))
        ends = {"t": fits.ends(t), "z": fits.ends(np.full(sets, special.ndtri(upper)))} | {
            f"IV {name}": found for name, found in ends.items()
        }
        default = "t"
    _check(data, ends[default])
    out = {name: _judge(found, data.truth) for name, found in ends.items()}
    if measure == "MD":
        width = {name: np.diff(found)[:, 0] for name, found in ends.items()}
        out[AGREEING] = _judge(np.where((width["HKSJ"] < width["z"])[:, None], ends["HKSJ"], np.nan), data.truth)
    return {"sets": sets, "default": default, **out}


def _inverse_variance(data: Sets) -> dict[str, FloatArray]:
    """Return REML intervals by name, (sets, 2), NaN where fewer than two studies have an estimate."""
    if data.yi is not None:
        yi, vi = data.yi, data.vi
    else:
        columns = columns_of(data, slice(None))
        made = escalc(data.measure, **columns, add=0.5, to="only0", **_dropping(data.measure))
        yi, vi = made.yi, made.vi
    live = np.isfinite(yi) & np.isfinite(vi) & (vi > 0)
    y, v = np.where(live, yi, 0.0), np.where(live, vi, np.inf)
    found = {}
    for name in ("HKSJ-floor", "HKSJ", "z"):
        with np.errstate(all="ignore"):
            ends = lam.pool_many(y, v, tau2="REML", interval=name, level=LEVEL).interval()
        ends[live.sum(axis=-1) < 2] = np.nan
        found[name] = ends
    return found


def _dropping(measure: str) -> dict[str, bool]:
    return {"drop00": True} if measure in ("OR", "RR", "IRR") else {}


def _judge(ends: FloatArray, truth: float) -> dict[str, float]:
    """Return coverage among the sets with an answer, its Monte Carlo error, mean finite width, share without."""
    answered = ~np.isnan(ends).any(axis=1)
    inside = (ends[answered, 0] <= truth) & (truth <= ends[answered, 1])
    width = ends[answered, 1] - ends[answered, 0]
    finite = width[np.isfinite(width)]
    n = int(answered.sum())
    coverage = float(inside.mean()) if n else float("nan")
    return {
        "coverage": round(coverage, 4),
        "error": round((coverage * (1 - coverage) / n) ** 0.5, 4) if n else float("nan"),
        "width": round(float(finite.mean()), 4) if finite.size else float("nan"),
        "median_width": round(float(np.median(width)), 4) if n else float("nan"),
        "no_answer": round(1 - n / len(ends), 4),
    }


def _check(data: Sets, ends: FloatArray) -> None:
    """Raise where an interval is not that of `pool` on the same set."""
    for i in range(min(CHECKED, len(ends))):
        try:
            fit = lam.pool(table_of(data, i))
        except LamEvidenceError:
            found = np.full(2, np.nan)
        else:
            found = np.array(list(fit.interval()))
        apart = np.abs(found - ends[i])
        if np.isnan(found).all() and data.measure not in COUNTS:
            continue  # rows left out of the batch, where `pool` wants to be told
        same = (np.isnan(found) == np.isnan(ends[i])).all()
        finite = np.isfinite(found) & np.isfinite(ends[i])
        if not same or (apart[finite] > AGREE * np.diff(ends[i])[0]).any():
            raise RuntimeError(f"{data.measure}, set {i}: pool gives {found}, the batch {ends[i]}")


def compute(cell: Cell, sets: int) -> dict[str, Any]:
    """Return one cell."""
    if cell[0] == "new":
        return new_cell(cell[1], cell[2], sets, SETTINGS["seed"], LEVEL)
    return mean_cell(*cell, sets)


def stored() -> dict[str, Any]:
    """Return the stored table; empty where there is none, or one of other settings."""
    if not PATH.exists():
        return {}
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return found if found.get("settings") == json.loads(json.dumps(SETTINGS)) else {}


@cache
def _conditions() -> dict[str, Any]:
    found: dict[str, Any] = dict(conditions())
    versions = found["versions"]
    found["versions"] = {name: versions[name] for name in ("python", "numpy", "scipy", "numba", "lamevidence")}
    return found


def _save(made: dict[str, Any]) -> None:
    order = [name_of(cell) for cell in cells()]
    whole = _conditions() | {"settings": SETTINGS, "cells": {name: made[name] for name in order if name in made}}
    PATH.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def run(wanted: Iterable[Cell], sets: int, processes: int) -> None:
    """Compute what is missing and store after each cell."""
    made = stored().get("cells", {})
    todo = [cell for cell in wanted if made.get(name_of(cell), {}).get("sets") != sets]
    with ProcessPoolExecutor(processes, initializer=os.nice, initargs=(10,)) as pool:
        jobs = {pool.submit(compute, cell, sets): cell for cell in todo}
        for job in as_completed(jobs):
            cell = jobs[job]
            made[name_of(cell)] = job.result()
            best = made[name_of(cell)]
            print(f"{name_of(cell):32} {best['default']:11} {best[best['default']]}", flush=True)
            _save(made)


def main() -> None:
    """Fill the table and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=4000, help="data sets a cell")
    parser.add_argument("--cells", default="", help="only cells whose name begins with one of these, by commas")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    begin = tuple(options.cells.split(","))
    run([cell for cell in cells() if name_of(cell).startswith(begin)], options.sets, options.processes)
    PAGE.write_text(page(stored(), [name_of(cell) for cell in cells()], new_counts()), encoding="utf-8")
    print(f"{PAGE} is written")


if __name__ == "__main__":
    main()
