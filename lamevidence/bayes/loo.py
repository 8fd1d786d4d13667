"""Leave-one-out by refitting: exact, whatever k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..errors import TooFewStudies
from .families import Kernel, TEstimate, kernels

if TYPE_CHECKING:
    import pandas as pd

    from .posterior import Posterior

__all__ = ["LeaveOneOut", "leave_one_out"]


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
    """Return exact leave-one-out predictions: k refits under the same priors.

    Raises
    ------
    TooFewStudies
        One row alone.
    """
    from .refit import refit

    if post.k < 2:
        raise TooFewStudies("leave-one-out", post.k, 2)
    rows = kernels(post.table, post.likelihood)
    out = np.empty((5, post.k))
    for i in range(post.k):
        state = refit(post, [j for j in range(post.k) if j != i])
        out[:, i] = _predict(state, rows[i], post.X[i])
    elpd, low, high, pit, mu = out
    return LeaveOneOut(post.table.labels, elpd, pit, low, high, mu)


def _predict(state: Any, row: Kernel, x: FloatArray) -> tuple[float, float, float, float, float]:
    middle = state.at(x).median
    if isinstance(row, TEstimate) and np.isinf(row.df):
        ahead = state.at(x, new=True, extra=row.v)
        below = float(ahead.cdf(row.y))
        return float(np.log(ahead.pdf(row.y))), below, below, below, middle
    nodes, weight, tau = _nodes(state, x)
    density = float(special.logsumexp(row.integrate(nodes, tau[:, None], 41, moments=False).log, b=weight))
    low, high = row.below_observed(nodes, tau[:, None], weight)
    return density, low, high, 0.5 * (low + high), middle


def _nodes(state: Any, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes of μ (J, M), their weights, and τ (J,), without what carries no weight."""
    if hasattr(state, "mu_nodes"):
        rows = state.weight.sum(1) > 1e-12
        columns = state.weight.max(0) > 1e-14
        return state.mu_nodes[np.ix_(rows, columns)], state.weight[np.ix_(rows, columns)], state.grid.tau[rows]
    raise TypeError("nodes over μ exist for two-level results")
