"""Where each row lies in what all the others predict for it, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..bayes.posterior import POSTERIORS, PosteriorBase
from ..bayes.predictive.loo import LeaveOneOut
from ..effects.measures.base import FloatArray
from ..foundation.doors import through
from ..foundation.options import a_level, an_instance
from .check_result import CheckResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LooPit", "loo_pit", "order_band"]


def order_band(k: int, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return where the i-th smallest of k uniform numbers lies with probability ``level``.

    Its law is Beta(i, k + 1 − i).

    Examples
    --------
    >>> low, high = order_band(1, 0.9)
    >>> round(float(low[0]), 2), round(float(high[0]), 2)
    (0.05, 0.95)
    """
    i = np.arange(1, k + 1, dtype=np.float64)
    tail = (1 - a_level(level)) / 2
    return special.betaincinv(i, k + 1 - i, tail), special.betaincinv(i, k + 1 - i, 1 - tail)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LooPit(CheckResult):
    """Leave-one-out probability integral transforms.

    Attributes
    ----------
    loo
        The k refits.
    level
        Level of the bands.
    """

    loo: LeaveOneOut
    level: float
    notes: tuple[str, ...] = ()

    @property
    def pit(self) -> FloatArray:
        """P(a value below the observed one | the others), mid-p for counts, (k,)."""
        return self.loo.pit

    @property
    def p_holm(self) -> FloatArray:
        """Two-sided p-values adjusted for the number of rows by Holm's method, (k,)."""
        return self.loo.p_holm

    def to_frame(self) -> pd.DataFrame:
        """Return one line a row, from the lowest PIT to the highest, with the band of its rank."""
        frame = self.loo.to_frame().sort_values("pit", ignore_index=True)
        frame["band_low"], frame["band_high"] = order_band(len(frame), self.level)
        return frame

    def plot(self, ax: Any = None) -> Any:  # noqa: ANN401
        """Draw the ordered values as dots on the bands of their ranks."""
        frame = self.to_frame().rename(columns={"pit": "observed"})
        shown = frame[["label", "observed"]].assign(low=frame["band_low"], high=frame["band_high"])
        return through("predictive_intervals")(
            shown, name=f"Leave-one-out PIT, {100 * self.level:g}% band of its rank", ax=ax
        )

    def _sentence(self) -> str:
        worst = int(np.argmin(self.p_holm))
        label, p = self.loo.labels[worst], float(self.p_holm[worst])
        verdict = "is not predicted by the others" if p < 0.05 else "is the least well predicted, within chance"
        return (
            f"{label} {verdict}: PIT {self.pit[worst]:.3f}, Holm p = {p:.3f} of {self.pit.size} rows. "
            f"Expected log predictive density {self.loo.total:.2f}."
        )


def loo_pit(fit: PosteriorBase, level: float = 0.95) -> LooPit:
    """Return, for each row, the probability that the other rows give to a smaller value, by k exact refits.

    Rows that fit have values spread evenly over (0, 1); the i-th smallest of k then lies in the Beta(i, k + 1 − i)
    band. The values share the other rows and so are not quite independent: the bands guide the eye, the Holm
    p-values decide.

    Parameters
    ----------
    fit
        Result of `pool_bayes`, k ≥ 2.
    level
        Level of the bands.

    Returns
    -------
    LooPit
        One probability a row, with Holm-adjusted p values.

    Raises
    ------
    TooFewStudies
        One row alone.

    See Also
    --------
    model_check : This and other statistics at one error rate.
    predictive_check : Statistics of all rows together.

    References
    ----------
    Gelfand, Dey & Chang 1992, Bayesian Statistics 4:147; Holm 1979, Scandinavian Journal of Statistics 6:65.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> lam.checks.loo_pit(post).pit.shape
    (3,)
    """
    an_instance("fit", fit, POSTERIORS, "give what lam.pool_bayes returns")
    level = a_level(level)
    return LooPit(fit.loo(), level)
