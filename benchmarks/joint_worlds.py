"""The design of the published slopes of LAM, and data sets of it from worlds that are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["ROWS", "World", "arguments", "frame", "simulate"]

ROWS = (
    ("MILES", 24.0, 0, 0),
    ("MILES", 24.0, 1, 0),
    ("Neurohr", 189.93, 0, 1),
    ("Neurohr", 94.965, 1, 0),
    ("Hu", 36.0, 0, 1),
    ("Hu", 15.0, 1, 0),
    ("Bee", 10.94, 1, 0),
    ("Johnson", 21.655, 0, 0),
    ("Chang", 46.433, 0, 0),
    ("NHLBI", 3.5979, 0, 0),
)
"""Study, standard error in mL/year, on treatment, before it, as in the published rows."""


@dataclass(frozen=True, slots=True)
class World:
    """Means and standard deviations between studies, in mL/year."""

    baseline: float
    effect: float
    bias: float
    tau_baseline: float
    tau_effect: float
    tau_bias: float


def simulate(world: World, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return one estimate a row, and each study's own values."""
    studies = list(dict.fromkeys(row[0] for row in ROWS))
    of = np.array([studies.index(row[0]) for row in ROWS])
    own = {
        name: rng.normal(getattr(world, name), getattr(world, f"tau_{name}"), len(studies))
        for name in ("baseline", "effect", "bias")
    }
    _, se, on, before = (np.array(column) for column in zip(*ROWS, strict=True))
    theta = own["baseline"][of] + on * own["effect"][of] + before * own["bias"][of]
    return rng.normal(theta, se), own


def frame(y: np.ndarray) -> pd.DataFrame:
    """Return the rows with these estimates."""
    return pd.DataFrame(ROWS, columns=["study", "se", "on", "before"]).assign(y=y)


def arguments() -> dict[str, str]:
    """Return the columns as `lam.synthesis.joint` takes them."""
    return {"yi": "y", "sei": "se", "study": "study", "treated": "on", "selected": "before"}
