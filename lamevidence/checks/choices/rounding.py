"""How far rounding alone can carry a result: every printed number anywhere within its last digit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ...bayes.posterior import PosteriorBase
from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.errors import LamEvidenceError, OptionError
from ...foundation.options import a_seed, a_whole
from ...foundation.values import Interval
from ...pooling.counts.one_stage_results import GlmmPooled
from ...pooling.inverse_variance.pooled import Pooled
from ...pooling.inverse_variance.refits import Source
from ...pooling.scale.batch import pool_many
from ...results.contract import MeanResult
from ..check_result import CheckResult
from ..studies import a_result, inverse_variance, pools_counts
from .box_search import Objective, search_box
from .print_bounds import GIVE, GIVE_ESTIMATES, PrintBounds, print_bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RoundingInterval", "rounding_interval"]

FINE, COARSE = 9, 2
"""Values along each side: of fits in a batch, and of fits one after the other."""
MANY, FEW = 1000, 50
"""Random roundings of these when no number is given."""
WHAT = "a rounding interval"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RoundingInterval(CheckResult):
    """Where a result may lie when every printed number may lie anywhere within its rounding.

    Attributes
    ----------
    estimate
        Smallest and largest pooled estimate, on the analysis scale.
    low, high
        Smallest and largest lower bound, and smallest and largest upper bound, of the interval of the fit.
    exact
        Whether the range of the estimate is that of a formula (weights that depend on nothing but the variances); else
        it was searched for.
    draws, beyond
        Random roundings that were tried afterwards, and how many lay beyond what the search had found.
    yi, vi
        Bounds of the estimate and the variance of each row, (k, 2).
    moves
        Range of the estimate when the numbers of one row alone move, (k,).
    depends
        Whether the interval holds no effect for some roundings and not for others; None without a value of no effect.
    fit
        The result that was checked.
    """

    estimate: Interval
    low: Interval
    high: Interval
    exact: bool
    draws: int
    beyond: int
    yi: FloatArray
    vi: FloatArray
    moves: FloatArray
    depends: bool | None
    fit: MeanResult
    notes: tuple[str, ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """Return one row a row of the table: ``label yi yi_low yi_high vi vi_low vi_high moves``."""
        import pandas as pd

        table = self.fit.table
        columns = {"label": table.labels, "yi": table.yi, "yi_low": self.yi[:, 0], "yi_high": self.yi[:, 1]}
        columns |= {"vi": table.vi, "vi_low": self.vi[:, 0], "vi_high": self.vi[:, 1], "moves": self.moves}
        return pd.DataFrame(columns)

    def summary(self) -> pd.DataFrame:
        """Return the rows under their labels."""
        return self.to_frame().set_index("label")

    def _sentence(self) -> str:
        fit = self.fit
        if not self.moves.any() and self.estimate.width == 0:
            return f"No number behind the estimate, {fit.estimate:.4g}, is rounded: all are whole numbers."
        unit = f" {fit.unit}" if fit.unit else ""
        name = f"{100 * fit.level:g}% {fit.interval_name}"
        text = (
            f"With every printed number anywhere within its rounding, the estimate lies between {self.estimate.low:.4g}"
            f" and {self.estimate.high:.4g}{unit} ({fit.estimate:.4g} as printed), the lower end of the {name} between"
            f" {self.low.low:.4g} and {self.low.high:.4g}, the upper between {self.high.low:.4g} and"
            f" {self.high.high:.4g}."
        )
        most = int(np.argmax(self.moves))
        text += f" The row whose rounding moves the estimate most is {fit.table.labels[most]}."
        if self.depends is None:
            return text
        null = f"no effect ({fit.effect.null:g})"
        if self.depends:
            return f"{text} Whether the interval holds {null} depends on what was rounded away."
        low, high = fit.interval()
        held = "holds" if low <= float(fit.effect.null or 0.0) <= high else "leaves out"
        return f"{text} The interval {held} {null} whatever was rounded away."


def rounding_interval(
    fit: MeanResult,
    *,
    yi_bounds: ArrayLike | None = None,
    vi_bounds: ArrayLike | None = None,
    draws: int | None = None,
    seed: int = 1,
) -> RoundingInterval:
    """Return where estimate and interval may lie when every printed number may lie anywhere within its rounding.

    A number printed as 12 lies between 11.5 and 12.5; the derivation carries such bounds to the estimate yᵢ and the
    variance vᵢ of each row, whose box is searched. Under a common effect, μ = Σ (yᵢ/vᵢ) / Σ (1/vᵢ) is smallest
    (largest) where every yᵢ is, and where vᵢ is at its lower bound for the rows below (above) some value and at its
    upper bound for the others: k + 1 corners, tried one and all, so that the range is exact. Otherwise these corners
    begin a search over the values of each number, and random roundings try to leave the range that it found.

    Parameters
    ----------
    fit
        A fitted mean of any model, frequentist or exact Bayesian.
    yi_bounds, vi_bounds
        Smallest and largest estimate and variance of each row, (k, 2), on the analysis scale; left out, those of the
        printed cells behind the rows.
    draws
        Random roundings that the result has to stand, half of them corners of the box; left out, 1000, and 50 for
        models that are fitted to one rounding after the other.
    seed
        Seed of these.

    Returns
    -------
    RoundingInterval
        The ranges, and how far the rounding of each row alone moves the estimate.

    Raises
    ------
    OptionError
        Not a result with one mean, or a sampled posterior; bounds of estimates for a model of counts.
    InputError
        Bounds that do not fit the rows.
    NotEstimable
        Rows without printed numbers and without bounds; a rounding that allows a standard error of 0.

    See Also
    --------
    multiverse : the choices of the analysis, where this is the print.
    lamevidence.leave_one_out : one study at a time.

    Notes
    -----
    The estimate and the variance of a row move apart from each other, also where one printed number is behind both (a
    standard error from a p value): the range is then too wide rather than too narrow.

    References
    ----------
    Linear-fractional programs over a box: Charnes & Cooper 1962, doi:10.1002/nav.3800090303.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1.0, 3.0], vi=[1.0, 1.0])
    >>> found = lam.checks.rounding_interval(
    ...     lam.pool(table, model="common"), yi_bounds=[[0.5, 1.5], [2.5, 3.5]], vi_bounds=[[1, 1], [1, 1]])
    >>> found.estimate
    Interval(low=1.5, high=2.5)
    """
    result, table = _a_mean(fit)
    asked = None if draws is None else a_whole("draws", draws, 0, 1_000_000)
    a_seed(seed)
    if _uses_counts(result) and not (yi_bounds is None and vi_bounds is None):
        raise OptionError(
            f"{result.spec.label} is fitted to the counts, so bounds of estimates have no effect · leave yi_bounds and"
            " vi_bounds out, or pool the estimates: lam.pool(table, model='random')"
        )
    remedy = GIVE_ESTIMATES if _uses_counts(result) else GIVE
    bounds = print_bounds(table, yi_bounds, vi_bounds, remedy=remedy)
    source, _ = inverse_variance(result, WHAT)
    exact = isinstance(result, Pooled) and result.spec.model in ("common", "fixed", "single") and source is not None
    drawn = asked if asked is not None else FEW if source is None else MANY
    f = _one_by_one(result, bounds) if source is None else _in_a_batch(source, bounds)
    levels = COARSE if source is None else FINE
    found = search_box(
        f, bounds.low, bounds.high, bounds.printed, _corners(bounds), levels=levels, draws=drawn, seed=seed
    )
    # what is told is what the model itself gives at these points
    ends = [[_told(result, bounds, point) for point in pair] for pair in found.points]
    reached = [Interval(*(float(ends[c][e][c]) for e in (0, 1))) for c in range(3)]
    ranges = [Interval(min(r.low, o), max(r.high, o)) for r, o in zip(reached, _of(result), strict=True)]
    widened = f"{found.beyond} of {drawn} random roundings lay beyond the search and widened it"
    notes = (widened,) if found.beyond else ()
    y, v = _spread(bounds)
    null = result.effect.null
    depends = None if null is None else len({x[1] <= null <= x[2] for pair in ends for x in (*pair, _of(result))}) > 1
    moves = _moves(f, bounds)
    estimate, low, high = ranges
    return RoundingInterval(estimate, low, high, exact, drawn, found.beyond, y, v, moves, depends, result, notes)


def _a_mean(fit: object) -> tuple[MeanResult, EvidenceTable]:
    result = a_result(fit, WHAT)
    if not isinstance(result.table, EvidenceTable):
        raise OptionError(f"{WHAT} is for one comparison, not for a network · use lam.network.split_network(fit)")
    if not isinstance(result, MeanResult):
        raise OptionError(f"{WHAT} is for results with one mean · use lam.pool(table) without moderators")
    if isinstance(result, PosteriorBase) and result.engine != "exact":
        raise OptionError(f"{WHAT} would sample a posterior for every rounding · use lam.pool_bayes(…, engine='exact')")
    if isinstance(result, PosteriorBase) and result.table.printed:
        raise OptionError(f"{WHAT}: the rounding is in this posterior · use lam.pool_bayes(…, print_uncertainty=False)")
    return result, result.table


def _uses_counts(fit: MeanResult) -> bool:
    return pools_counts(fit) or isinstance(fit, GlmmPooled)


def _of(fit: MeanResult) -> tuple[float, float, float]:
    low, high = fit.interval()
    return float(fit.estimate), float(low), float(high)


def _told(fit: MeanResult, bounds: PrintBounds, point: FloatArray) -> tuple[float, float, float]:
    return _of(fit) if np.array_equal(point, bounds.printed) else _of(fit.refit(bounds.with_numbers(point)))


def _one_by_one(fit: MeanResult, bounds: PrintBounds) -> Objective:
    def f(points: FloatArray) -> FloatArray:
        out = np.full((points.shape[0], 3), math.nan)
        for i, point in enumerate(points):
            try:
                out[i] = _told(fit, bounds, point)
            except LamEvidenceError:
                continue  # a rounding under which the model does not exist is no end of the range
        return out

    return f


def _in_a_batch(source: Source, bounds: PrintBounds) -> Objective:
    tau2: str | float = source.t * source.scale**2 if source.method == "fixed" else source.method

    def f(points: FloatArray) -> FloatArray:
        y, v = bounds.estimates(points)
        many = pool_many(
            y[:, source.rows],
            v[:, source.rows],
            tau2=tau2,
            interval="z" if source.k == 1 else source.interval,
            level=source.level,
            engine="numpy",
        )
        return np.column_stack([many.mu, many.interval()])

    return f


def _corners(bounds: PrintBounds) -> FloatArray:
    """Return the corners at which a mean with weights 1/v is smallest and largest, and their mirror images."""
    d = bounds.low.size
    if d == 0 or any(column not in ("yi", "vi") for column in bounds.columns):
        return np.empty((0, d))
    estimate = np.array([column == "yi" for column in bounds.columns])
    points = []
    for upper in (False, True):
        base = np.where(estimate, bounds.high if upper else bounds.low, bounds.high)
        y = bounds.estimates(base[None])[0][0]
        order = np.argsort(-y if upper else y, kind="stable")
        for heavy in range(bounds.table.k + 1):
            chosen = np.isin(np.array(bounds.rows), order[:heavy]) & ~estimate
            points += [np.where(chosen, bounds.low, base)]
            points += [np.where(estimate, base, np.where(chosen, bounds.high, bounds.low))]
    return np.array(points)


def _spread(bounds: PrintBounds) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of the estimates and of the variances, (k, 2) each; of rates those of their person-times."""
    corners = np.array([bounds.low, bounds.high])
    ends = [bounds.estimates(corners)]
    arms = [c for c in dict.fromkeys(bounds.columns) if c not in ("yi", "vi")]
    if len(arms) == 2:
        first = np.array([c == arms[0] for c in bounds.columns])
        ends.append(bounds.estimates(np.array([np.where(first, *corners), np.where(first, *corners[::-1])])))
    y, v = (np.concatenate([pair[i] for pair in ends]) for i in (0, 1))
    return np.column_stack([y.min(axis=0), y.max(axis=0)]), np.column_stack([v.min(axis=0), v.max(axis=0)])


def _moves(f: Objective, bounds: PrintBounds) -> FloatArray:
    """Return the range of the estimate over the corners of one row alone."""
    k = bounds.table.k
    points, rows = [], []
    for i in range(k):
        own = np.flatnonzero(np.array(bounds.rows) == i)
        for code in range(2**own.size if own.size else 0):
            point = bounds.printed.copy()
            for bit, j in enumerate(own):
                point[j] = bounds.high[j] if code >> bit & 1 else bounds.low[j]
            points.append(point)
            rows.append(i)
    moves = np.zeros(k)
    if not points:
        return moves
    values = f(np.array(points))[:, 0]
    for i in set(rows):
        own_values = values[np.array(rows) == i]
        own_values = own_values[np.isfinite(own_values)]
        moves[i] = float(np.ptp(own_values)) if own_values.size else math.nan
    return moves
