"""All pairs of treatments of a pooled network: matrices, frames, ranks, the league table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import a_choice, a_flag, shown
from ..foundation.values import Interval
from ..pooling.kernel.distributions import quantile
from ..results.contract import CoefficientResult
from ..results.heterogeneity import prediction_se
from .contrasts import NetworkTable
from .weights import GraphFit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["VERSUS", "AllPairs"]

VERSUS = " vs "


class AllPairs(CoefficientResult):
    """What a network says of every pair; matrices hold row against column, (n, n)."""

    __slots__ = ()

    table: NetworkTable
    graph: GraphFit
    tau2: float

    if TYPE_CHECKING:

        @property
        def q_df(self) -> int:
            """Degrees of freedom of Q."""

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of rows and columns of all matrices, (n,)."""
        return self.table.treatments

    @property
    def effects(self) -> FloatArray:
        """Effect of row against column, (n, n)."""
        return self.graph.effects

    @property
    def pair_se(self) -> FloatArray:
        """Standard errors of `effects`, (n, n)."""
        return np.sqrt(self.graph.variances)

    def _pair(self, first: str, second: str) -> tuple[int, int]:
        for name in (first, second):
            a_choice("treatment", name, self.treatments)
        if first == second:
            raise OptionError(f"{first!r} cannot be compared with itself · name two treatments")
        return self.treatments.index(first), self.treatments.index(second)

    def pair_effect(self, first: str, second: str) -> float:
        """Return the effect of one treatment against another, on the analysis scale.

        Raises
        ------
        UnknownName, OptionError
            No such treatment, or the same twice.
        """
        return float(self.effects[self._pair(first, second)])

    def pair_interval(self, first: str, second: str, level: float | None = None) -> Interval:
        """Return the confidence interval of a comparison.

        Raises
        ------
        UnknownName, OptionError
            No such treatment, or the same twice.
        """
        i, j = self._pair(first, second)
        low, high = self.pair_intervals(level)
        return Interval(float(low[i, j]), float(high[i, j]))

    def pair_intervals(self, level: float | None = None) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper confidence bounds of all pairs, (n, n) each."""
        half = quantile(self._level(level)) * self.pair_se
        return self.effects - half, self.effects + half

    def pair_predictions(self, level: float | None = None) -> tuple[FloatArray, FloatArray]:
        """Return bounds for the effect in a new study, effect ± t × √(se² + τ²), (n, n) each.

        t has the degrees of freedom of Q (Veroniki and others 2019, 10.1002/jrsm.1377).

        Raises
        ------
        NotEstimable
            Common model, or no degrees of freedom.
        """
        if self.spec.model != "random" or not self.q_df:
            raise NotEstimable(
                "a prediction interval needs the random-effects model and a network with spare studies"
                + (" · use pool_network(table, model='random')" if self.q_df else "")
            )
        half = quantile(self._level(level), self.q_df) * prediction_se(
            self.tau2 + 0.0 * self.graph.variances, self.graph.variances
        )
        np.fill_diagonal(half, 0.0)
        return self.effects - half, self.effects + half

    def pair_p_values(self) -> FloatArray:
        """Return two-sided p values of no difference, (n, n); NaN on the diagonal."""
        with np.errstate(invalid="ignore"):
            p: FloatArray = 2 * special.ndtr(-np.abs(self.effects / self.pair_se))
        return p

    def predict(self, new: Any = None, level: float | None = None) -> pd.DataFrame:  # noqa: ANN401
        """Return every pair of treatments with confidence and prediction interval.

        Parameters
        ----------
        new
            Not used: a network has no moderators.
        level
            Level of the intervals; that of the fit when left out.

        Returns
        -------
        DataFrame
            ``mean std_error conf_low conf_high prediction_low prediction_high``, one row a pair, indexed by
            ``"first vs second"``; the prediction is NaN where there is none.
        """
        import pandas as pd

        if new is not None:
            raise OptionError(f"a network has no moderators, so new={shown(new)} says nothing · leave new out")
        low, high = self.pair_intervals(level)
        try:
            new_low, new_high = self.pair_predictions(level)
        except NotEstimable:
            new_low = new_high = np.full_like(low, np.nan)
        i, j = np.triu_indices(len(low), 1)
        columns = {
            "mean": self.effects[i, j],
            "std_error": self.pair_se[i, j],
            "conf_low": low[i, j],
            "conf_high": high[i, j],
            "prediction_low": new_low[i, j],
            "prediction_high": new_high[i, j],
        }
        return pd.DataFrame(columns, index=self._pair_names(i.tolist(), j.tolist()))

    def _pair_names(self, i: Sequence[int], j: Sequence[int]) -> list[str]:
        return [f"{self.treatments[a]}{VERSUS}{self.treatments[b]}" for a, b in zip(i, j, strict=True)]

    def pairs(self, level: float | None = None) -> pd.DataFrame:
        """Return one row a pair of treatments: ``first second estimate std_error p_value conf_low conf_high``."""
        import pandas as pd

        low, high = self.pair_intervals(level)
        i, j = np.triu_indices(len(low), 1)
        return pd.DataFrame(
            {
                "first": [self.treatments[a] for a in i],
                "second": [self.treatments[b] for b in j],
                "estimate": self.effects[i, j],
                "std_error": self.pair_se[i, j],
                "p_value": self.pair_p_values()[i, j],
                "conf_low": low[i, j],
                "conf_high": high[i, j],
            }
        )

    def p_scores(self, *, small_is_good: bool) -> dict[str, float]:
        """Return the mean certainty, 0 to 1, that each treatment is better than another.

        Rücker and Schwarzer 2015, 10.1186/s12874-015-0060-8.

        Parameters
        ----------
        small_is_good
            Whether a small effect is the better one.
        """
        sign = -1.0 if a_flag("small_is_good", small_is_good) else 1.0
        with np.errstate(invalid="ignore"):
            better = special.ndtr(sign * self.effects / self.pair_se)
        np.fill_diagonal(better, 0.0)
        return dict(zip(self.treatments, (better.sum(1) / (len(better) - 1)).tolist(), strict=True))

    def league_table(self, *, transformed: bool = False) -> pd.DataFrame:
        """Return the effects of row against column with intervals, as text.

        Parameters
        ----------
        transformed
            Show ratios instead of their logarithms; for measures that have such a scale.
        """
        import pandas as pd

        back = self.effect.back if a_flag("transformed", transformed) else None
        if back is not None and self.effect.scale == "identity":
            raise OptionError(f"{self.measure} has no other scale · leave transformed out")
        low, high = self.pair_intervals()
        cells = [[name if i == j else "" for j in range(len(low))] for i, name in enumerate(self.treatments)]
        for i, j in np.argwhere(~np.eye(len(low), dtype=bool)):
            values = np.array([self.effects[i, j], low[i, j], high[i, j]])
            m, lo, hi = values if back is None else np.asarray(back(values))
            cells[i][j] = f"{m:.3g} [{lo:.3g}, {hi:.3g}]"
        return pd.DataFrame(cells, index=list(self.treatments), columns=list(self.treatments))
