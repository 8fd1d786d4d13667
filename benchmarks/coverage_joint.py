"""``python -m benchmarks.coverage_joint [--sets 200]``: coverage of the joint interval in worlds that are known.

The published design in worlds whose slopes before treatment are biased or not and whose effects vary or not; the same
data by what a reader without the model would do: all slopes in one regression on treatment.
``results/coverage_joint.json`` keeps the cells, ``docs/joint-synthesis.md`` is written from it and from
``results/sbc_joint.json``.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

import lamevidence as lam

from .joint_worlds import ROWS, World, arguments, frame, simulate
from .measure import RESULTS, conditions
from .sbc_joint import PATH as CALIBRATION

__all__ = ["BIASES", "METHODS", "PAGE", "PATH", "TAUS", "cell", "name_of", "page"]

PATH = RESULTS / "coverage_joint.json"
PAGE = Path(__file__).parents[1] / "docs" / "joint-synthesis.md"
SEED, LEVEL, LEAST = 20261202, 0.95, 0.93
BIASES, TAUS = (-200.0, -100.0, 0.0), (0.0, 30.0, 60.0)
BASELINE, EFFECT, TAU_BASELINE = -110.0, 120.0, 30.0
METHODS = ("joint", "joint without bias", "naive, random", "naive, common")
NAIVE: dict[str, dict[str, str]] = {
    "naive, random": {"model": "random", "tau2": "REML", "interval": "HKSJ"},
    "naive, common": {"model": "common", "interval": "z"},
}

HEAD = """# The joint synthesis in worlds that are known

Written by `python -m benchmarks.coverage_joint` from `benchmarks/results/coverage_joint.json` and
`benchmarks/results/sbc_joint.json` (seeds {seed} and {calibration}).

`lam.synthesis.joint` takes trials, before-after series, series on the drug and untreated cohorts in one model, in
which slopes before treatment have a bias of their own: patients are treated because they decline.

## Coverage of the effect

Ten slopes of seven studies with the standard errors of the published ones, {sets} data sets a cell. Untreated slope
{baseline:g}, effect {effect:g}, standard deviation of untreated slopes between studies {tau:g} mL/year; the bias varies
between series with half its size as standard deviation.

Cells hold the share of {level:g} % intervals that hold the effect ± its Monte Carlo error · mean error of the estimate
· mean width. Without bias, slopes before treatment count as untreated ones; so they do in *naive*, one regression on
treatment of all slopes as if each were a study of its own, with random effects (REML, Hartung-Knapp) or a common one.
"""
CALIBRATED = """## Calibration

{sets} sets of means and standard deviations from the default priors, and data of the same design: each true value must
lie anywhere in its exact posterior with equal chance. The table has the share below each tenth of the posterior, and
`tests/calibration/test_joint.py` holds these distributions inside simultaneous bands (Säilynoja, Bürkner & Vehtari
2022, doi:10.1007/s11222-022-10090-6).
"""


def name_of(bias: float, tau: float) -> str:
    """Return the name of a cell in the file."""
    return f"bias {bias:g}, tau_effect {tau:g}"


def intervals(y: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Return estimate and ends of each method from one data set."""
    rows = frame(y)
    out = {}
    for name, more in (("joint", {}), ("joint without bias", {"bias": None})):
        effect = lam.synthesis.joint(rows, **arguments(), **more).effect
        out[name] = (effect.mean, *effect.interval(LEVEL))
    table = lam.EvidenceTable.from_estimates(
        y, sei=rows["se"], labels=[str(i) for i in range(len(ROWS))], unit="mL/year", moderators={"on": rows["on"]}
    )
    for name, choices in NAIVE.items():
        fit = lam.pool(table, moderators="~ on", **choices)
        out[name] = (float(fit.estimate[fit.names.index("on")]), *fit.interval(LEVEL)["on"])
    return out


def cell(bias: float, tau: float, sets: int) -> dict[str, Any]:
    """Return coverage with its Monte Carlo error, mean error and mean width of each method."""
    world = World(BASELINE, EFFECT, bias, TAU_BASELINE, tau, abs(bias) / 2)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in METHODS}
    for i in range(sets):
        rng = np.random.default_rng([SEED, int(-bias), int(tau), i])
        for name, numbers in intervals(simulate(world, rng)[0]).items():
            found[name].append(numbers)
    out: dict[str, Any] = {"sets": sets}
    for name, rows in found.items():
        centre, low, high = np.array(rows).T
        held = float(((low <= EFFECT) & (high >= EFFECT)).mean())
        out[name] = {
            "coverage": round(held, 4),
            "error": round(math.sqrt(held * (1 - held) / sets), 4),
            "off": round(float(centre.mean() - EFFECT), 2),
            "width": round(float((high - low).mean()), 1),
        }
    return out


def page(stored: dict[str, Any], calibration: dict[str, Any]) -> str:
    """Return ``docs/joint-synthesis.md``."""
    cells = stored["cells"]
    sets = " or ".join(str(n) for n in sorted({c["sets"] for c in cells.values()}))
    lines = [
        HEAD.format(
            seed=stored["seed"],
            calibration=calibration["seed"],
            sets=sets,
            baseline=BASELINE,
            effect=EFFECT,
            tau=TAU_BASELINE,
            level=100 * LEVEL,
        ),
        "| bias, τ of the effect | " + " | ".join(METHODS) + " |",
        "|---|" + "---|" * len(METHODS),
    ]
    for bias in BIASES:
        for tau in TAUS:
            found = cells.get(name_of(bias, tau))
            if found is None:
                lines.append(f"| {bias:g}, {tau:g} | " + " | ".join("not computed yet" for _ in METHODS) + " |")
                continue
            shown = [
                f"{c['coverage']:.3f} ± {c['error']:.3f} · {c['off']:+.0f} · {c['width']:.0f}"
                for c in (found[name] for name in METHODS)
            ]
            lines.append(f"| {bias:g}, {tau:g} | {' | '.join(shown)} |")
    worst = {name: min((found[name]["coverage"], cell) for cell, found in cells.items()) for name in METHODS}
    lowest = ", ".join(f"*{name}* {coverage:.3f} ({cell})" for name, (coverage, cell) in worst.items())
    lines += ["", f"Lowest coverage: {lowest}.", "", _short(cells), "", CALIBRATED.format(sets=calibration["sets"])]
    lines += ["| quantity | " + " | ".join(f".{i}" for i in range(1, 10)) + " |", "|---|" + "---|" * 9]
    for name, text in calibration["below"].items():
        u = np.array(text.split(), dtype=float)
        lines.append(f"| {name} | " + " | ".join(f"{(u <= i / 10).mean():.3f}" for i in range(1, 10)) + " |")
    return "\n".join(lines) + "\n"


def _short(cells: dict[str, Any]) -> str:
    """Return where the joint interval falls short."""
    low = [f"{name} ({c['joint']['coverage']:.3f})" for name, c in cells.items() if c["joint"]["coverage"] < LEAST]
    if not low:
        return f"The joint interval holds the effect in {LEAST:g} of the sets or more everywhere."
    return f"The joint interval falls short of {LEAST:g} at {'; '.join(low)}. The prior of that τ is HalfNormal(48)."


def main() -> None:
    """Make every cell that has fewer sets than asked, store each as it comes, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=200, help="data sets a cell")
    sets = parser.parse_args().sets
    made: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))["cells"] if PATH.exists() else {}
    for bias in BIASES:
        for tau in TAUS:
            name = name_of(bias, tau)
            if name not in made or made[name]["sets"] < sets:
                made[name] = cell(bias, tau, sets)
                print(name, made[name], flush=True)
            whole = {"seed": SEED, "level": LEVEL, "cells": made} | conditions()
            PATH.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(whole, json.loads(CALIBRATION.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
