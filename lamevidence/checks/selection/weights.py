"""Weight functions of selection models: how likely a study with a one-sided p value is to be seen.

Each takes log p and log(1 − p), the parameters δ and the study's imprecision, and returns log w with its first and
second derivatives by δ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import special

from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog

__all__ = ["WEIGHTS", "Logs", "Weight"]

Logs: TypeAlias = tuple[FloatArray, list[FloatArray], list[FloatArray]]
LogWeight: TypeAlias = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], Logs]
"""(log p, log(1 − p), δ, imprecision) → log w, its slopes by δ₁ … δ_d, its second derivatives 11, 12, 22."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A smooth weight function.

    Attributes
    ----------
    log
        `LogWeight`.
    size
        Number of parameters.
    null
        Their value without selection.
    starts
        Where the search starts, δ₁ in units of exp(−log p/δ₂) or so where all p are small.
    lowest
        Where the search for δ ends.
    far
        |z| beyond which w is constant: p values are read as if not below 1e-5 and not above 1 minus it, where w is
        unbounded near 0 or 1 and the expected weight would not exist otherwise. 0 where p is read as it is.
    width
        By how much log p changes where −log w grows e-fold, from δ.
    in_units
        Whether w depends on δ·p or δ·p² alone, so that δ may be counted in units of a p value.
    """

    log: LogWeight
    size: int
    null: float
    starts: tuple[tuple[float, ...], ...]
    lowest: float = 0.0
    far: float = 0.0
    width: Callable[[FloatArray], float] = lambda delta: 1.0
    in_units: bool = False


WEIGHTS: Catalog[Weight] = Catalog("selection model")

BOUND = 1e-5
FAR = float(-special.ndtri(BOUND))
LARGEST = 700.0
"""Log of what a p value may be in the unit of its δ: as much as there are doubles for."""

_ONE = ((0.1,), (1.0,), (4.0,))


def _file(code: str, title: str, reference: str, weight: Weight) -> None:
    WEIGHTS.register(code, title=title, reference=reference)(weight)


def _linear(slopes: list[FloatArray], delta: FloatArray) -> Logs:
    """Return Σ δⱼ slopeⱼ with its derivatives."""
    total = np.asarray(sum(d * s for d, s in zip(delta, slopes, strict=True)))
    none = np.zeros_like(total)
    return total, slopes, [none] * (len(slopes) * (len(slopes) + 1) // 2)


def _beta(p: FloatArray, q: FloatArray, d: FloatArray, u: FloatArray) -> Logs:
    return _linear([p, q], d - 1.0)


def _half_normal(p: FloatArray, q: FloatArray, d: FloatArray, u: FloatArray) -> Logs:
    return _linear([-u * np.exp(np.minimum(2 * p, LARGEST))], d)


def _exponential(p: FloatArray, q: FloatArray, d: FloatArray, u: FloatArray) -> Logs:
    return _linear([-u * np.exp(np.minimum(p, LARGEST))], d)


def _logistic(p: FloatArray, q: FloatArray, d: FloatArray, u: FloatArray) -> Logs:
    c = u * np.exp(np.minimum(p, LARGEST))
    x = d[0] * c
    rising, falling = special.expit(x), special.expit(-x)
    return np.log(2.0) - x + special.log_expit(x), [-c * rising], [-c * c * rising * falling]


def _power(p: FloatArray, q: FloatArray, d: FloatArray, u: FloatArray) -> Logs:
    return _linear([u * q], d)


def _exponential_power(p: FloatArray, q: FloatArray, d: FloatArray, u: FloatArray) -> Logs:
    c = u * np.exp(p / d[1])
    turn = p / d[1] ** 2
    second = -d[0] * c * turn
    return -d[0] * c, [-c, -second], [np.zeros_like(c), c * turn, second * (turn + 2.0 / d[1])]


_file(
    "beta",
    "beta density of p",
    "10.1002/jrsm.1191",
    Weight(_beta, 2, 1.0, ((1.0, 1.0), (0.8, 1.5), (1.2, 2.0), (0.5, 0.8), (0.01, 2.5)), 1e-5, FAR),
)
_file(
    "halfnorm",
    "half-normal, exp(−δp²)",
    "10.1002/sim.4780110204",
    Weight(_half_normal, 1, 0.0, _ONE, width=lambda delta: 0.5, in_units=True),
)
_file(
    "negexp",
    "negative exponential, exp(−δp)",
    "10.1002/sim.4780110204",
    Weight(_exponential, 1, 0.0, _ONE, in_units=True),
)
_file(
    "logistic",
    "logistic, 2exp(−δp)/(1 + exp(−δp))",
    "10.1002/sim.4780110204",
    Weight(_logistic, 1, 0.0, _ONE, in_units=True),
)
_file("power", "power, (1 − p)^δ", "10.1002/sim.4780110204", Weight(_power, 1, 0.0, _ONE, far=FAR))
_file(
    "negexppow",
    "negative exponential power, exp(−δ₁p^(1/δ₂))",
    "10.1037/1082-989X.1.1.81",
    Weight(
        _exponential_power,
        2,
        0.0,
        ((1.0, 1.0), (0.5, 0.5), (3.0, 2.0), (2.0, 0.3)),
        width=lambda delta: max(float(delta[1]), 1e-9),
    ),
)
