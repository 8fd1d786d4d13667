"""Weight functions of selection models: how likely a study with a one-sided p value is to be seen.

Each takes log p and log(1 − p), the parameters δ and the study's imprecision, and returns log w. Everything is
analytic in δ, so that exact derivatives come from complex steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..catalog import Catalog

__all__ = ["WEIGHTS", "Weight"]

Array: TypeAlias = NDArray[Any]
LogWeight: TypeAlias = Callable[[Array, Array, Array, Array], Array]


@dataclass(frozen=True, slots=True)
class Weight:
    """A smooth weight function.

    Attributes
    ----------
    log
        ``log(log_p, log_q, delta, imprecision)``.
    size
        Number of parameters.
    null
        Their value without selection.
    starts
        Where the search starts.
    bound
        p values are read as if not below this and not above 1 minus it: where w is unbounded near 0 or 1 the expected
        weight would not exist otherwise.
    lowest
        Where the search for δ ends.
    """

    log: LogWeight
    size: int
    null: float
    starts: tuple[tuple[float, ...], ...]
    bound: float = 0.0
    lowest: float = 0.0


WEIGHTS: Catalog[Weight] = Catalog("selection model")

BOUND = 1e-5

_ONE = ((0.1,), (1.0,), (4.0,))


def _file(code: str, title: str, reference: str, weight: Weight) -> None:
    WEIGHTS.register(code, title=title, reference=reference)(weight)


_file(
    "beta",
    "beta density of p",
    "10.1002/jrsm.1191",
    Weight(
        lambda p, q, d, u: (d[0] - 1) * p + (d[1] - 1) * q,
        2,
        1.0,
        ((1.0, 1.0), (0.8, 1.5), (1.2, 2.0), (0.5, 0.8), (0.01, 2.5)),
        BOUND,
        1e-5,
    ),
)
_file(
    "halfnorm",
    "half-normal, exp(−δp²)",
    "10.1002/sim.4780110204",
    Weight(lambda p, q, d, u: -d[0] * u * np.exp(2 * p), 1, 0.0, _ONE),
)
_file(
    "negexp",
    "negative exponential, exp(−δp)",
    "10.1002/sim.4780110204",
    Weight(lambda p, q, d, u: -d[0] * u * np.exp(p), 1, 0.0, _ONE),
)
_file(
    "logistic",
    "logistic, 2exp(−δp)/(1 + exp(−δp))",
    "10.1002/sim.4780110204",
    Weight(
        lambda p, q, d, u: np.log(2.0) - d[0] * u * np.exp(p) - np.log1p(np.exp(-d[0] * u * np.exp(p))),
        1,
        0.0,
        _ONE,
    ),
)
_file(
    "power",
    "power, (1 − p)^δ",
    "10.1002/sim.4780110204",
    Weight(lambda p, q, d, u: d[0] * u * q, 1, 0.0, _ONE, BOUND),
)
_file(
    "negexppow",
    "negative exponential power, exp(−δ₁p^(1/δ₂))",
    "10.1037/1082-989X.1.1.81",
    Weight(
        lambda p, q, d, u: -d[0] * u * np.exp(p / d[1]),
        2,
        0.0,
        ((1.0, 1.0), (0.5, 0.5), (3.0, 2.0), (2.0, 0.3)),
    ),
)
