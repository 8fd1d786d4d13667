"""``python -m benchmarks.sbc_joint [--sets 1000]``: simulation-based calibration of `lamevidence.synthesis.joint`.

Means and standard deviations from the default priors, slopes of the published design from them, and where each true
value lies in its exact posterior: uniformly, if the posterior is right (Talts et al. 2018, arXiv:1804.06788).
``results/sbc_joint.json`` keeps these probabilities; data set i comes from the seed [SEED, i] alone.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

import lamevidence as lam

from .joint_worlds import World, arguments, frame, simulate
from .measure import RESULTS, conditions

__all__ = ["DIGITS", "PATH", "PRIORS", "QUANTITIES", "SEED", "places"]

PATH = RESULTS / "sbc_joint.json"
SEED, DIGITS = 20261201, 5
QUANTITIES = (
    *("baseline", "effect", "bias", "effect_new", "tau_baseline", "tau_effect", "tau_bias"),
    *("theta[MILES, on treatment]", "theta[Hu, before]"),
)
PRIORS = {
    "baseline": (-96, 120),
    "effect": (0, 240),
    "bias": (0, 240),
    "tau_baseline": 48,
    "tau_effect": 48,
    "tau_bias": 240,
}
"""The defaults for slopes in mL/year, written again: mean and SD of a normal law, scale of a half-normal one."""


def places(number: int) -> list[float]:
    """Return where the true values of one data set lie in their posteriors."""
    rng = np.random.default_rng([SEED, number])
    drawn = {n: rng.normal(*p) if isinstance(p, tuple) else abs(rng.normal(0.0, p)) for n, p in PRIORS.items()}
    world = World(**drawn)
    y, own = simulate(world, rng)
    post = lam.synthesis.joint(frame(y), **arguments())
    true = {**drawn, "effect_new": rng.normal(world.effect, world.tau_effect)}
    true["theta[MILES, on treatment]"] = own["baseline"][0] + own["effect"][0]
    true["theta[Hu, before]"] = own["baseline"][2] + own["bias"][2]
    return [round(float(post.quantity(name).cdf(true[name])), DIGITS) for name in QUANTITIES]


def main() -> None:
    """Make the data sets that the file lacks, and store them as they come."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    sets = parser.parse_args().sets
    made: list[list[float]] = []
    spent = 0.0
    if PATH.exists():
        stored = json.loads(PATH.read_text(encoding="utf-8"))
        made = np.array([column.split() for column in stored["below"].values()], dtype=float).T.tolist()
        spent = stored["cpu_seconds"]
    start = time.process_time()
    while len(made) < sets:
        made += [places(i) for i in range(len(made), min(len(made) + 50, sets))]
        columns = zip(QUANTITIES, zip(*made, strict=True), strict=True)
        whole = {
            "seed": SEED,
            "sets": len(made),
            "cpu_seconds": round(spent + time.process_time() - start, 1),
            "below": {name: " ".join(f"{u:g}" for u in column) for name, column in columns},
        }
        PATH.write_text(json.dumps(whole | conditions(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{len(made)} data sets, {whole['cpu_seconds']} s of CPU", flush=True)


if __name__ == "__main__":
    main()
