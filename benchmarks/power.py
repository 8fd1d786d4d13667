"""``python -m benchmarks.power [--plants "outlier;designs"] [--processes 2]``: power of `lam.checks.model_check`.

Each plant is a way in which a model fails, put into simulated meta-analyses; counted is the share of sets that the
check calls unusual, at all and by each statistic. Without a plant that is the rate of false alarms.
``results/power.json`` keeps, for every set, whether it was called unusual (1) or not (0), with the settings; sets that
it has already, made with the same settings, are not made again, so that a run that was stopped goes on.

Estimates are log odds ratios with the default priors, N(0, 2.82) and HalfNormal(0.5). Standard errors are log-uniform
from half to twice the usual one of 0.5, and τ is half the usual one. Counts are proportions with N(0, 1.5) for the
logit and HalfNormal(0.5) for τ: risks around 0.2, τ = 0.5, totals log-uniform from 30 to 150. An outlier is moved by
so many standard deviations of its estimate about the mean, √(τ² + v). Skewed effects have a standard deviation of 0.5
and standard errors a quarter of the usual ones.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

import lamevidence as lam
from lamevidence.bayes.posterior import Posterior
from lamevidence.effects.measures.base import FloatArray

from .measure import RESULTS, conditions

__all__ = ["PATH", "PLANTS", "Plant", "flags_of", "one_set", "rate", "settings_of", "stored"]

PATH = RESULTS / "power.json"
SEED = 20261201
USUAL = 0.5
"""Usual standard error of estimates."""
RISK, TOTALS, COUNT_TAU = 0.2, (30.0, 150.0), 0.5
AT_ONCE = 50
"""Sets between two writes of the file."""


@dataclass(frozen=True, slots=True)
class Plant:
    """A misfit, and what is to be reached.

    Attributes
    ----------
    what
        In words.
    family, kind
        ``normal`` or ``binomial``, and how the misfit is made.
    k
        Rows.
    sets
        Data sets.
    least, most
        Bounds of the share that is called unusual; None where a small k is shown for comparison alone.
    """

    what: str
    family: str
    kind: str
    k: int
    sets: int = 200
    least: float | None = None
    most: float | None = None


PLANTS = {
    "outlier": Plant("one study moved by 6 sd", "normal", "outlier", 8, least=0.9),
    "se too small": Plant("every se printed 3 times too small", "normal", "se too small", 8, least=0.3),
    "se too large": Plant("every se printed 3 times too large", "normal", "se too large", 8, least=0.35),
    "designs": Plant("two designs 4 τ apart, design known", "normal", "designs", 8, least=0.6),
    "skewed": Plant("exponential effects", "normal", "skewed", 40, least=0.75),
    "binomial outlier": Plant("one series at logit + 5 sd", "binomial", "outlier", 6, least=0.9),
    "structural zeros": Plant("no events possible in a third of the series", "binomial", "zeros", 6, least=0.5),
    "t2 logits": Plant("logits with t effects on 2 df", "binomial", "t2", 24, least=0.4),
    "none, normal k = 5": Plant("no misfit", "normal", "none", 5, 1000, most=0.1),
    "none, normal k = 8": Plant("no misfit", "normal", "none", 8, 1000, most=0.1),
    "none, binomial k = 6": Plant("no misfit", "binomial", "none", 6, 1000, most=0.1),
    "skewed, k = 8": Plant("exponential effects", "normal", "skewed", 8),
    "skewed, k = 20": Plant("exponential effects", "normal", "skewed", 20),
    "t2 logits, k = 6": Plant("logits with t effects on 2 df", "binomial", "t2", 6),
}


def one_set(name: str, index: int) -> tuple[Posterior, list[str] | None]:
    """Return the fit of one data set, and the designs of its rows where they are known."""
    plant = PLANTS[name]
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode()), index])
    if plant.family == "binomial":
        return _binomial(plant, rng), None
    y, se, designs = _normal(plant, rng)
    return lam.pool_bayes(lam.EvidenceTable.from_estimates(y, sei=se, measure="OR")), designs


def _normal(plant: Plant, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, list[str] | None]:
    k, tau = plant.k, 0.5 * USUAL
    se = USUAL * np.exp(rng.uniform(-np.log(2.0), np.log(2.0), k))
    theta = 0.2 + tau * rng.standard_normal(k)
    designs = None
    if plant.kind == "skewed":
        se = se / 4.0
        theta = 0.2 + USUAL * (rng.exponential(size=k) - 1.0)
    if plant.kind == "designs":
        designs = ["ab"[i % 2] for i in range(k)]
        theta = theta + 4.0 * tau * (np.arange(k) % 2)
    y = theta + se * rng.standard_normal(k)
    if plant.kind == "outlier":
        i = int(rng.integers(k))
        y[i] += 6.0 * np.hypot(se[i], tau) * rng.choice([-1.0, 1.0])
    factor = {"se too small": 1 / 3, "se too large": 3.0}.get(plant.kind, 1.0)
    return y, factor * se, designs


def _binomial(plant: Plant, rng: np.random.Generator) -> Posterior:
    import pandas as pd

    k = plant.k
    n = np.round(np.exp(rng.uniform(*np.log(TOTALS), k)))
    spread = rng.standard_t(2, k) if plant.kind == "t2" else rng.standard_normal(k)
    logit = special.logit(RISK) + COUNT_TAU * spread
    if plant.kind == "outlier":
        i = int(rng.integers(k))
        logit[i] += 5.0 * np.sqrt(COUNT_TAU**2 + 1.0 / (n[i] * RISK * (1.0 - RISK)))
    x = rng.binomial(n.astype(int), special.expit(logit)).astype(float)
    if plant.kind == "zeros":
        x[rng.permutation(k)[: round(k / 3)]] = 0.0
    table = lam.EvidenceTable.from_frame(pd.DataFrame({"xi": x, "ni": n}), "PLO", xi="xi", ni="ni")
    return lam.pool_bayes(table, tau=lam.priors.HalfNormal(0.5))


def flags_of(job: tuple[str, int]) -> dict[str, int]:
    """Return whether a set is unusual by each statistic, and by ``any``."""
    name, index = job
    post, designs = one_set(name, index)
    check = lam.checks.model_check(post, designs, seed=index)
    return {"any": int(bool(check.unusual))} | {s: int(s in check.unusual) for s in check.statistics}


def settings_of(name: str) -> dict[str, Any]:
    """Return what the sets of a plant are made of."""
    return asdict(PLANTS[name]) | {
        "seed": SEED, "usual_se": USUAL, "risk": RISK, "totals": list(TOTALS), "count_tau": COUNT_TAU,
    }  # fmt: skip


def stored() -> dict[str, Any]:
    """Return what the file holds of each plant."""
    return dict(json.loads(PATH.read_text(encoding="utf-8"))) if PATH.exists() else {}


def rate(flags: str) -> tuple[float, float]:
    """Return the share of ones, and its Monte Carlo error."""
    share = flags.count("1") / len(flags)
    return share, float(np.sqrt(share * (1 - share) / len(flags)))


def _measure(name: str, processes: int) -> None:
    """Make the sets of a plant that the file does not have yet."""
    settings = settings_of(name)
    kept = stored().get(name, {})
    flags: dict[str, str] = kept["flags"] if kept.get("settings") == settings else {}
    cpu = kept["cpu_seconds"] if flags else 0.0
    with ProcessPoolExecutor(processes) as pool:
        while len(flags.get("any", "")) < PLANTS[name].sets:
            done = len(flags.get("any", ""))
            jobs = [(name, i) for i in range(done, min(done + AT_ONCE, PLANTS[name].sets))]
            found = list(pool.map(_timed, jobs, chunksize=5))
            # a statistic that could not be tested in a set did not call it unusual
            names = dict.fromkeys([*flags, *(s for one, _ in found for s in one)])
            flags = {s: flags.get(s, "0" * done) + "".join(str(one.get(s, 0)) for one, _ in found) for s in names}
            cpu += sum(seconds for _, seconds in found)
            made = {"settings": settings, "rates": {s: round(rate(f)[0], 4) for s, f in flags.items()}, "flags": flags}
            every = stored() | {name: made | {"cpu_seconds": round(cpu, 1)} | conditions()}
            ordered = {n: every[n] for n in PLANTS if n in every}
            PATH.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _timed(job: tuple[str, int]) -> tuple[dict[str, int], float]:
    start = time.process_time()
    return flags_of(job), time.process_time() - start


def main() -> int:
    """Measure the plants asked for, keep the others' results, print the table; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description="power of model_check")
    parser.add_argument("--plants", default="all", help="names separated by semicolons")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    asked = list(PLANTS) if options.plants == "all" else options.plants.split(";")
    for name in PLANTS:
        if name in asked:
            _measure(name, options.processes)
    missed = 0
    for name, found in stored().items():
        plant, (share, error) = PLANTS[name], rate(found["flags"]["any"])
        wrong = (plant.least is not None and share < plant.least) or (plant.most is not None and share > plant.most)
        missed += wrong
        bound = f"≥ {plant.least}" if plant.least else f"≤ {plant.most}" if plant.most else "shown for comparison"
        print(f"{name:22} k = {plant.k:2}  {share:.3f} ± {error:.3f}  {bound}{'  MISSED' if wrong else ''}")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
