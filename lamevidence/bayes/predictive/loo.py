"""Leave-one-out from the nodes of the whole fit where they reach far enough, else by refitting: exact, whatever k.

With W the weights of the nodes over (τ, μ) and L(μ, τ) = ∫ l(θ) N(θ | μ, τ²) dθ of the row left out, W/L are the
weights given the others. They are taken where the nodes reach as far as the wider posterior does and are as close as it
needs. A prior of τ that is defined by the standard errors is made anew without the row, for the evidence of all too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import ImproperPosterior, TooFewStudies
from ...foundation.multiple_tests import holm
from ..counts.families import StudyLikelihood, TEstimate, study_likelihoods
from ..counts.fitting import Known, Steps, error_from, finer, fit_rows, gaps
from ..counts.likelihoods import Likelihood
from ..counts.placing import Seen
from ..counts.proper import require_proper
from ..counts.regression import without_row
from ..counts.regression_state import RegressionState
from ..counts.tails import effect_moments
from ..counts.two_level import TwoLevelState
from ..exact.blend import Blend
from ..exact.existence import existence
from ..exact.mu_posterior import MuPosterior
from ..fit_state import ExactEngine, fit_state
from ..priors.base import TauPrior
from ..priors.data_priors import StandardErrorPrior

if TYPE_CHECKING:
    import pandas as pd

    from ..posterior_base import PosteriorBase

__all__ = ["LeaveOneOut", "exact_state_of", "known_without", "leave_one_out", "without"]

_NEGLIGIBLE = 1e-10
_EDGE = 1e-10
"""Most that the outermost nodes may hold."""
_CLOSE = 1e-7
"""Largest estimated error of nodes that are taken over."""
_AS_FITTED = 4e-8
"""The same where they stand for a refit: about what fits themselves state."""
_EMPTY = 1e-25
"""Values of τ with less than this of the largest weight show nothing of μ."""
_PLACES, _SHARES = np.polynomial.legendre.leggauss(2)


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """How well each row is predicted by the others.

    Attributes
    ----------
    elpd
        Log predictive density of each row given the others, (k,).
    pit
        Predictive probability of a value below the one observed, mid-p for counts, (k,).
    pit_low, pit_high
        P(below) and P(up to) the observed value: equal to ``pit`` for estimates, an interval for counts.
    mu
        Median mean effect without the row, (k,).
    """

    labels: tuple[str, ...]
    elpd: FloatArray
    pit: FloatArray
    pit_low: FloatArray
    pit_high: FloatArray
    mu: FloatArray

    @property
    def total(self) -> float:
        """Σ elpd."""
        return float(self.elpd.sum())

    @property
    def p_holm(self) -> FloatArray:
        """Two-sided predictive p-values, adjusted by Holm's method."""
        return holm(np.minimum(1.0, 2 * np.minimum(self.pit, 1 - self.pit)))

    def to_frame(self) -> pd.DataFrame:
        """Return one line a row."""
        import pandas as pd

        return pd.DataFrame(
            {
                "label": self.labels,
                "elpd": self.elpd,
                "pit": self.pit,
                "pit_low": self.pit_low,
                "pit_high": self.pit_high,
                "p_holm": self.p_holm,
                "mu_without": self.mu,
            }
        )


def leave_one_out(post: PosteriorBase, *, medians: bool = True) -> LeaveOneOut:
    """Return exact leave-one-out predictions: k posteriors under the same priors, made anew where the data define them.

    Without ``medians`` the median mean effects are NaN: they take a third of the time.

    Raises
    ------
    TooFewStudies
        One row alone.
    """
    if post.k < 2:
        raise TooFewStudies("leave-one-out", post.k, 2)
    rows = study_likelihoods(post.table, post.likelihood)
    # a sampler does not know the marginal likelihood, of which the others' share is the ratio
    whole = post.state if post.engine == "exact" else exact_state_of(post, range(post.k))
    out = np.empty((5, post.k))
    moving = _prior_of_data(post)
    for i in range(post.k):
        keep = [j for j in range(post.k) if j != i]
        if moving is None:
            others, evidence = _quickly(whole, i) or exact_state_of(post, keep), whole.log_marginal
        else:
            prior = moving.resolve(_variances(post, rows)[keep])
            others = exact_state_of(post, keep, prior)
            evidence = exact_state_of(post, range(post.k), prior).log_marginal
        out[:4, i] = _predict(others, rows[i], post.X[i], evidence)
        out[4, i] = others.at(post.X[i]).median if medians else np.nan
    elpd, low, high, pit, mu = out
    return LeaveOneOut(post.table.labels, elpd, pit, low, high, mu)


def _quickly(state: object, i: int, close: float = _CLOSE) -> TwoLevelState | RegressionState | None:
    """Return the posterior given all rows but ``i`` from the nodes of all, None where that cannot be."""
    if isinstance(state, TwoLevelState):
        return without(state, i, close)
    return without_row(state, i, close) if isinstance(state, RegressionState) else None


def known_without(post: PosteriorBase, i: int) -> TwoLevelState | RegressionState | None:
    """Return the posterior given all rows but ``i`` where the nodes of all tell it, None where it has to be fitted.

    It has to where the standard errors define the prior of τ, and where no other row has a level of a factor.
    """
    others = np.delete(post.X, i, axis=0)
    if post.engine != "exact" or not others.any(axis=0).all() or _prior_of_data(post) is not None:
        return None
    try:
        return _quickly(post.state, i, _AS_FITTED)
    except ImproperPosterior:  # a refit says it with the names of the coefficients
        return None


def _prior_of_data(post: PosteriorBase) -> StandardErrorPrior | None:
    """Return the prior of τ as it was given, where the standard errors of the rows define it."""
    given = post.recipe.options["priors"].tau if post.recipe else None
    return given if isinstance(given, StandardErrorPrior) and given.vi is None else None


def _variances(post: PosteriorBase, rows: Sequence[StudyLikelihood]) -> FloatArray:
    """Return the variances that define such a prior: as printed, of counts those of their normal approximation."""
    return post.table.vi if post.likelihood in ("normal", "t") else np.array([row.approx[1] for row in rows])


def exact_state_of(post: PosteriorBase, keep: Sequence[int], prior_tau: TauPrior | None = None) -> ExactEngine:
    """Return the exact state of some of the rows under the priors of ``post``, or under another one of τ.

    Without ``prior_tau`` a prior that the standard errors define keeps those of all rows; `Result.refit` makes it anew.
    """
    idx = np.asarray(keep, dtype=np.intp)
    X = post.X[idx]
    tau = post.prior_tau if prior_tau is None else prior_tau
    rows, likelihood = post.table.subset(list(keep)), Likelihood(post.likelihood, "as for all rows")
    return fit_state(rows, likelihood, X, post.prior_mu, tau, post.design.names, one_mean=post.design.one_mean)


def without(state: TwoLevelState, i: int, close: float = _CLOSE) -> TwoLevelState:
    """Return the posterior given all rows but ``i``: from the nodes of all, or from new ones near these.

    Raises
    ------
    ImproperPosterior
        The others do not bound the mean effect and its prior is flat.
    """
    rows = state.rows[:i] + state.rows[i + 1 :]
    require_proper(rows, np.ones((len(rows), 1)), (state.prior_mu,), state.prior_tau, state.likelihood)
    with np.errstate(divide="ignore"):
        log = np.log(state.weight) - state.inner[0, i]
    top = float(log.max())
    weight = np.exp(log - top)
    total = float(weight.sum())
    weight = weight / total
    over_tau, over_mu = weight.sum(axis=1), weight.sum(axis=0)
    light = not np.isfinite(state.prior_tau.tail) and state.moments.highest == 2
    moved = gaps(state.mu_nodes, state.grid.tau, weight, None, light=light)
    error = error_from(moved) + state.error
    if not (max(over_tau[0], over_tau[-1], over_mu[0], over_mu[-1]) < _EDGE and error < close):
        steps = Steps(
            state.grid.step / finer(moved[0]),
            state.step * state.map.centre.shape[1] / finer(moved[1]),
            state.theta_nodes[:i] + state.theta_nodes[i + 1 :],
        )
        known = Known(_seen(state, weight, over_tau), steps)
        return fit_rows(rows, state.prior_mu, state.prior_tau, state.unit, state.likelihood, known)
    log_total = state.log_total + top + float(np.log(total))
    informative = sum(row.below and row.above for row in rows)
    return replace(
        state,
        rows=rows,
        weight=weight,
        inner=np.delete(state.inner, i, axis=1),
        moments=effect_moments(rows, (state.prior_mu,)),
        grid=replace(state.grid, weight=over_tau, log_norm=log_total),
        log_total=log_total,
        error=error,
        exists=existence(state.prior_tau, informative, int(not state.prior_mu.proper)),
        laws={},
        effects={},
    )


def _seen(state: TwoLevelState, weight: FloatArray, over_tau: FloatArray) -> Seen:
    """Return what nodes that do not reach far enough, or are not close enough, show of a posterior."""
    grid, at = state.grid, state.mu_nodes
    held = over_tau > _EMPTY * over_tau.max()
    total, share, x = over_tau[held], weight[held], at[held]
    mean = (share * x).sum(axis=1) / total
    sd = np.sqrt((share * (x - mean[:, None]) ** 2).sum(axis=1) / total)
    t = grid.t[held]
    return Seen(grid.centre + grid.width * np.sinh(t), np.log(total / np.cosh(t)), mean, sd)


def _predict(
    state: ExactEngine, row: StudyLikelihood, x: FloatArray, log_marginal: float
) -> tuple[float, float, float, float]:
    """Elpd, P(below), P(up to) the datum and their middle; ``log_marginal`` is that of all rows."""
    if isinstance(row, TEstimate) and np.isinf(row.df):
        ahead = state.at(x, new=True, extra=row.v)
        below = float(ahead.cdf(row.y))
        return float(np.log(ahead.pdf(row.y))), below, below, below
    ahead = state.at(x, new=True)
    laws = tuple(zip(ahead.weight, ahead.parts, strict=True)) if isinstance(ahead, Blend) else ((1.0, ahead),)
    low = high = 0.0
    for weight, law in laws:
        assert isinstance(law, MuPosterior)
        below, up_to = _below(row, law)
        low, high = low + float(weight) * below, high + float(weight) * up_to
    return log_marginal - state.log_marginal, low, high, 0.5 * (low + high)


def _below(row: StudyLikelihood, law: MuPosterior) -> tuple[float, float]:
    """Predictive probabilities of a datum below the one observed, and up to it, by Gauss-Legendre in every cell.

    The cells are as fine as the law of the true effect needs, and as the row's likelihood does where it turns.
    """
    centre, variance = row.approx
    turns = centre + np.sqrt(variance) * np.linspace(-12.0, 12.0, 241)
    edges = law.edges
    cuts = np.unique(np.concatenate([edges, turns[(turns > edges[0]) & (turns < edges[-1])]]))
    half, middle = 0.5 * np.diff(cuts), 0.5 * (cuts[1:] + cuts[:-1])
    x = (middle[:, None] + half[:, None] * _PLACES).ravel()
    mass = law.pdf(x) * (half[:, None] * _SHARES).ravel()
    mass /= mass.sum()
    held = mass > _NEGLIGIBLE / mass.size
    low, high = row.cumulative(x[held])
    return min(float(mass[held] @ low), 1.0), min(float(mass[held] @ high), 1.0)
