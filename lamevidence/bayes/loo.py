"""Leave-one-out from the nodes of the whole fit where they reach far enough, else by refitting: exact, whatever k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import TooFewStudies
from .families import Kernel, TEstimate, kernels
from .mu_posterior import MuPosterior
from .without import without

if TYPE_CHECKING:
    import pandas as pd

    from .posterior import Posterior

__all__ = ["LeaveOneOut", "leave_one_out"]

_NEGLIGIBLE = 1e-10
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
        p = np.minimum(1.0, 2 * np.minimum(self.pit, 1 - self.pit))
        order = np.argsort(p)
        raised = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
        out = np.empty_like(p)
        out[order] = np.minimum(raised, 1.0)
        return np.asarray(out)

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


def leave_one_out(post: Posterior) -> LeaveOneOut:
    """Return exact leave-one-out predictions: k posteriors under the same priors.

    Raises
    ------
    TooFewStudies
        One row alone.
    """
    from .refit import refit
    from .two_level import TwoLevelState

    if post.k < 2:
        raise TooFewStudies("leave-one-out", post.k, 2)
    rows = kernels(post.table, post.likelihood)
    out = np.empty((5, post.k))
    for i in range(post.k):
        state = without(post.state, i) if isinstance(post.state, TwoLevelState) else None
        if state is None:
            state = refit(post, [j for j in range(post.k) if j != i])
        out[:, i] = _predict(state, rows[i], post.X[i], post.state.log_marginal)
    elpd, low, high, pit, mu = out
    return LeaveOneOut(post.table.labels, elpd, pit, low, high, mu)


def _predict(
    state: Any, row: Kernel, x: FloatArray, log_marginal: float
) -> tuple[float, float, float, float, float]:
    """Elpd, P(below), P(up to) the datum and their middle, median mean effect; ``log_marginal`` is that of all rows."""
    middle = state.at(x).median
    if isinstance(row, TEstimate) and np.isinf(row.df):
        ahead = state.at(x, new=True, extra=row.v)
        below = float(ahead.cdf(row.y))
        return float(np.log(ahead.pdf(row.y))), below, below, below, middle
    low, high = _below(row, state.at(x, new=True))
    return log_marginal - state.log_marginal, low, high, 0.5 * (low + high), middle


def _below(row: Kernel, law: MuPosterior) -> tuple[float, float]:
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
