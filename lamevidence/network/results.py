"""What a pooled network says: effects of all pairs, heterogeneity and inconsistency, ranks, the league table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import special

from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, OptionError
from ..options import a_choice, a_flag, a_level, an_instance
from ..pooling.intervals import quantile
from ..pooling.spec import Spec
from ..values import Interval
from .contrasts import NetworkTable
from .heterogeneity import excess
from .weights import GraphFit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NetworkPooled", "a_pooled_network"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NetworkPooled:
    """A pooled network of treatments.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    reference
        Treatment that `summary` shows the others against.
    tau2
        Between-study variance of any comparison, in squared units of ``yi``; 0 for the common model.
    common, graph
        The fits without and with τ².
    """

    table: NetworkTable
    spec: Spec
    reference: str
    tau2: float
    common: GraphFit
    graph: GraphFit

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments in the order of rows and columns of all matrices."""
        return self.table.treatments

    @property
    def effects(self) -> FloatArray:
        """Effect of row against column, (n, n)."""
        return self.graph.effects

    @property
    def se(self) -> FloatArray:
        """Standard errors of `effects`, (n, n)."""
        return np.sqrt(self.graph.variances)

    @property
    def q(self) -> float:
        """Q of the whole network: heterogeneity within designs plus inconsistency between them."""
        return excess(self.table, self.common)[0]

    @property
    def df(self) -> int:
        """Degrees of freedom of Q."""
        return excess(self.table, self.common)[1]

    @property
    def p_heterogeneity(self) -> float:
        """P value of Q; NaN without degrees of freedom."""
        return float(special.chdtrc(self.df, self.q)) if self.df else math.nan

    @property
    def i2(self) -> float:
        """Share of Q beyond its degrees of freedom, in percent; NaN without degrees of freedom."""
        return 100 * max(0.0, (self.q - self.df) / self.q) if self.df and self.q > 0 else (0.0 if self.df else math.nan)

    def _pair(self, first: str, second: str) -> tuple[int, int]:
        for name in (first, second):
            a_choice("treatment", name, self.treatments)
        if first == second:
            raise OptionError(f"{first!r} cannot be compared with itself · name two treatments")
        return self.treatments.index(first), self.treatments.index(second)

    def effect(self, first: str, second: str) -> float:
        """Return the effect of one treatment against another."""
        return float(self.effects[self._pair(first, second)])

    def interval(self, first: str, second: str, level: float | None = None) -> Interval:
        """Return the confidence interval of a comparison."""
        i, j = self._pair(first, second)
        low, high = self.intervals(level)
        return Interval(float(low[i, j]), float(high[i, j]))

    def intervals(self, level: float | None = None) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper confidence bounds of all pairs, (n, n) each."""
        half = quantile(self.spec.level if level is None else a_level(level)) * self.se
        return self.effects - half, self.effects + half

    def predictions(self, level: float | None = None) -> tuple[FloatArray, FloatArray]:
        """Return bounds for the effect in a new study, effect ± t × √(se² + τ²), (n, n) each.

        t has the degrees of freedom of Q (Veroniki and others 2019, 10.1002/jrsm.1377).

        Raises
        ------
        NotEstimable
            Common model, or no degrees of freedom.
        """
        if self.spec.model != "random" or not self.df:
            raise NotEstimable("a prediction interval needs the random-effects model and a network with spare studies")
        spread = np.sqrt(self.graph.variances + self.tau2)
        half = quantile(self.spec.level if level is None else a_level(level), self.df) * spread
        np.fill_diagonal(half, 0.0)
        return self.effects - half, self.effects + half

    def p_values(self) -> FloatArray:
        """Return two-sided p values of no difference, (n, n); NaN on the diagonal."""
        with np.errstate(invalid="ignore"):
            p: FloatArray = 2 * special.ndtr(-np.abs(self.effects / self.se))
        return p

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
            better = special.ndtr(sign * self.effects / self.se)
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

        measure = MEASURES[self.table.measure]
        back = measure.back if a_flag("transformed", transformed) else None
        if back is not None and measure.scale == "identity":
            raise OptionError(f"{measure.code} has no other scale · leave transformed out")
        low, high = self.intervals()
        cells = [[name if i == j else "" for j in range(len(low))] for i, name in enumerate(self.treatments)]
        for i, j in np.argwhere(~np.eye(len(low), dtype=bool)):
            values = np.array([self.effects[i, j], low[i, j], high[i, j]])
            m, lo, hi = values if back is None else np.asarray(back(values))
            cells[i][j] = f"{m:.3g} [{lo:.3g}, {hi:.3g}]"
        return pd.DataFrame(cells, index=list(self.treatments), columns=list(self.treatments))

    def tidy(self) -> pd.DataFrame:
        """Return one row a pair of treatments."""
        import pandas as pd

        low, high = self.intervals()
        i, j = np.triu_indices(len(low), 1)
        return pd.DataFrame({
            "first": [self.treatments[a] for a in i], "second": [self.treatments[b] for b in j],
            "estimate": self.effects[i, j], "se": self.se[i, j], "low": low[i, j], "high": high[i, j],
            "p": self.p_values()[i, j],
        })

    def summary(self) -> pd.DataFrame:
        """Return the other treatments against the reference."""
        import pandas as pd

        low, high = self.intervals()
        at = self.treatments.index(self.reference)
        others = [i for i in range(len(low)) if i != at]
        return pd.DataFrame({
            "treatment": [self.treatments[i] for i in others], "against": self.reference,
            "estimate": self.effects[others, at], "se": self.se[others, at], "low": low[others, at],
            "high": high[others, at], "p": self.p_values()[others, at],
        }).set_index("treatment")

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole network."""
        import pandas as pd

        return pd.DataFrame([{
            "model": self.spec.model, "k": self.table.k, "comparisons": len(self.table.yi),
            "treatments": len(self.treatments), "designs": len(self.table.designs), "tau2": self.tau2, "q": self.q,
            "df": self.df, "p": self.p_heterogeneity, "i2": self.i2,
        }])

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None where a quantity does not exist."""
        def number(x: float) -> float | None:
            return float(x) if math.isfinite(x) else None

        low, high = self.intervals()
        return {
            "measure": self.table.measure, "k": self.table.k, "treatments": list(self.treatments),
            "reference": self.reference, "effects": self.effects.tolist(), "se": self.se.tolist(),
            "low": low.tolist(), "high": high.tolist(), "tau2": self.tau2, "q": self.q, "df": self.df,
            "p": number(self.p_heterogeneity), "i2": number(self.i2), "spec": self.spec.to_dict(),
            "fingerprint": self.table.fingerprint,
        }

    def describe(self) -> str:
        """Return one sentence: what was pooled, how, and how well it agrees."""
        t = self.table
        model = f"random effects (τ {math.sqrt(self.tau2):.3g}, {self.spec.tau2})" if self.spec.model == "random" else (
            "common effects"
        )
        fitted = f"Q({self.df}) = {self.q:.2f}, I² = {self.i2:.0f}%" if self.df else "no degrees of freedom for Q"
        return (
            f"{MEASURES[t.measure].title}: network of {t.k} studies, {len(t.yi)} comparisons, {len(t.treatments)} "
            f"treatments in {len(t.designs)} designs; {model}; {fitted}."
        )

    def __repr__(self) -> str:
        return f"{self.describe()}\n{self.summary().to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{self.describe()}</p>{self.summary().to_html()}"


def a_pooled_network(fit: object) -> NetworkPooled:
    """Return a pooled network, or raise `OptionError` saying how to get one."""
    an_instance("fit", fit, NetworkPooled, "give the result of pool_network")
    return cast("NetworkPooled", fit)
