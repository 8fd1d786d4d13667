"""A prediction interval that carries the uncertainty of τ² along, by simulation with a seed of one's own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, TooFewStudies
from ..options import a_level, a_whole
from ..values import Interval
from .confidence_distribution import confidence_draws
from .fitted import fit_at
from .kernels import centre
from .rows import checked_rows
from .tau2 import TAU2

__all__ = ["BootstrapPrediction", "bootstrap_prediction"]

MOST_DRAWS = 10_000_000
FEWEST_DRAWS = 1000
"""With fewer, the 2.5 % points rest on fewer than 25 draws."""


@dataclass(frozen=True, slots=True, eq=False)
class BootstrapPrediction:
    """Where the effect of a new study is expected, with the uncertainty of τ² in it.

    Attributes
    ----------
    mean, tau2
        DerSimonian-Laird estimates, the centre of the simulation.
    k
        Number of studies.
    level
        Level of the intervals unless another is asked for.
    seed
        Seed of the simulation: the same seed gives the same draws.
    effects, means
        Draws of the effect in a new study and of the mean, read-only, (draws,).
    note
        How exact the ends are.
    """

    mean: float
    tau2: float
    k: int
    level: float
    seed: int
    effects: FloatArray
    means: FloatArray
    note: str

    def interval(self, level: float | None = None) -> Interval:
        """Return the prediction interval for the true effect of a new study."""
        return self._quantiles(self.effects, level)

    def mean_interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval for the mean that the same draws give."""
        return self._quantiles(self.means, level)

    def _quantiles(self, draws: FloatArray, level: float | None) -> Interval:
        tail = 0.5 - (self.level if level is None else a_level(level)) / 2
        low, high = np.quantile(draws, [tail, 1 - tail])
        return Interval(float(low), float(high))

    def probability(self, statement: str) -> float:
        """Return the share of draws for which ``"new > x"`` or ``"new < x"`` holds."""
        from .statements import parse_statement

        sign, x = parse_statement(statement)
        return float(np.mean(self.effects < x if sign == "<" else self.effects > x))

    def __repr__(self) -> str:
        low, high = self.interval()
        return f"new study: {low:.4g} to {high:.4g} ({100 * self.level:g} %; k = {self.k}; {self.note})"


def bootstrap_prediction(
    table: EvidenceTable, *, level: float = 0.95, draws: int = 25_000, seed: int
) -> BootstrapPrediction:
    """Return the prediction interval of Nagashima, Noma and Furukawa, by parametric bootstrap.

    τ² is drawn from its confidence distribution, the distribution function of Cochran's Q at the observed value
    (an exact weighted sum of χ²₁); given τ², a new study lies at μ̂(τ²) + τZ − t(k − 1)·se_HK(τ²).

    Parameters
    ----------
    table
        The rows, independent of each other, with finite variances above 0.
    level
        Level of the intervals, a fraction.
    draws
        Number of draws, from 1000 to ten million. The draws are stratified, so the ends are steadier than those of
        independent draws.
    seed
        Seed of the generator, a whole number ≥ 0; recorded in the result.

    Raises
    ------
    TooFewStudies
        Fewer than two studies. With two, the error of the mean has a Cauchy distribution: the interval is
        valid and says next to nothing, and the note says so.
    OptionError
        Level, draws or seed out of range.
    InputError, NotEstimable, DependentRows
        Rows that cannot be pooled.

    References
    ----------
    Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> found = lam.bootstrap_prediction(table, seed=7)
    >>> found.interval().low < found.mean_interval().low < found.mean
    True
    """
    level = a_level(level)
    draws, seed = a_whole("draws", draws, FEWEST_DRAWS, MOST_DRAWS), a_whole("seed", seed, 0, 2**128)
    live = checked_rows(table)
    y, v = table.yi[live], table.vi[live]
    if y.size < 2:
        raise TooFewStudies("the bootstrap prediction interval", y.size, 2, "use the Bayesian model, lam.pool_bayes")
    if (v == 0).any():
        raise NotEstimable("a variance of 0: Cochran's Q divides by it · leave the row out")
    if (y == y[0]).all():
        raise NotEstimable("all estimates are equal: Cochran's Q is 0 and has no distribution of τ² · use pool")
    data = centre(y[None], v[None])
    t = float(TAU2["DL"](data.y, data.v, data.k, None, None).value[0])
    fit = fit_at(data.y[0], data.v[0], t)
    means, effects = confidence_draws(fit, draws, np.random.default_rng(seed))
    offset, scale = float(data.offset[0]), float(data.scale[0])
    return BootstrapPrediction(
        offset + scale * fit.mean, scale**2 * t, fit.k, level, seed,
        _frozen(offset + scale * effects), _frozen(offset + scale * means),
        f"{draws} draws, seed {seed}; Monte Carlo error of the ends about {_error(scale * effects, level):.1g}"
        + ("; k = 2: Cauchy tails, hardly informative" if y.size == 2 else ""),
    )


def _frozen(draws: FloatArray) -> FloatArray:
    draws.setflags(write=False)
    return draws


def _error(draws: FloatArray, level: float) -> float:
    """Return the standard error of the upper quantile of as many independent draws."""
    tail = 0.5 - level / 2
    step = math.sqrt(tail * (1 - tail) / draws.size)
    low, high = np.quantile(draws, [1 - tail - step, min(1.0, 1 - tail + step)])
    return float(high - low) / 2
