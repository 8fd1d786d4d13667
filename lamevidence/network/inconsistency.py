"""Do direct and indirect evidence agree? Q split by design, and each comparison split into its two sources."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ..pooling.intervals import two_sided
from .contrasts import NetworkTable
from .evidence import direct_evidence, pairs_of
from .heterogeneity import trace_of_excess
from .results import NetworkPooled, a_pooled_network
from .weights import fit_graph

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DesignInconsistency", "design_inconsistency", "split_network"]

ALL_DIRECT = 1e-8
"""Nearer than this to a direct share of 1, a comparison has no indirect evidence; rounding leaves 1e-14."""


@dataclass(frozen=True, slots=True, repr=False)
class DesignInconsistency:
    """Q of a network, and what of it lies within and between designs (sets of arms).

    Attributes
    ----------
    q, df, q_within, df_within, q_between, df_between
        Whole network; heterogeneity within designs; inconsistency between them.
    tau2_within
        τ² (DerSimonian-Laird) when every design may have effects of its own; NaN when no design has two studies.
    q_between_random
        Inconsistency with weights 1/(v + tau2_within): the design-by-treatment interaction test that allows for
        heterogeneity (Krahn and others 2013, 10.1186/1471-2288-13-35; Jackson and others 2014, 10.1002/sim.6188).
    """

    q: float
    df: int
    q_within: float
    df_within: int
    tau2_within: float
    q_between_random: float

    @property
    def q_between(self) -> float:
        """Q of inconsistency, common effects."""
        return max(0.0, self.q - self.q_within)

    @property
    def df_between(self) -> int:
        """Its degrees of freedom."""
        return self.df - self.df_within

    def summary(self) -> pd.DataFrame:
        """Return Q, degrees of freedom and p value of every part."""
        import pandas as pd

        rows = [
            ("total", self.q, self.df), ("within designs", self.q_within, self.df_within),
            ("between designs", self.q_between, self.df_between),
            ("between designs, random effects", self.q_between_random, self.df_between),
        ]
        return pd.DataFrame([
            {"part": part, "q": q, "df": df, "p": float(special.chdtrc(df, q)) if df and q == q else math.nan}
            for part, q, df in rows
        ]).set_index("part")

    def __repr__(self) -> str:
        return self.summary().to_string()


def _within(table: NetworkTable, tau2: float) -> tuple[float, int, float]:
    """Return Q, degrees of freedom and dE(Q)/dτ² summed over designs fitted each by itself."""
    q, df, trace = 0.0, 0, 0.0
    for arms, trials in table.designs.items():
        own = table.take([row for trial in trials for row in trial.rows])
        fit = fit_graph(own, tau2)
        q += fit.q
        df += (len(trials) - 1) * (len(arms) - 1)
        trace += trace_of_excess(own, fit)
    return q, df, trace


def design_inconsistency(fit: NetworkPooled) -> DesignInconsistency:
    """Split Q into heterogeneity within designs and inconsistency between designs.

    A design is a set of arms. Within a design studies differ by heterogeneity alone; what the designs' own
    estimates leave unexplained by one set of treatment effects is inconsistency.

    Examples
    --------
    >>> from lamevidence import NetworkTable, design_inconsistency, pool_network
    >>> table = NetworkTable(
    ...     yi=[0.5, 0.3, 0.2, 0.8], vi=[0.04, 0.03, 0.05, 0.06], first=["a", "a", "b", "a"],
    ...     second=["b", "b", "c", "c"], studies=["1", "2", "3", "4"])
    >>> parts = design_inconsistency(pool_network(table))
    >>> parts.df_within, parts.df_between
    (1, 1)
    """
    table = a_pooled_network(fit).table
    q, df, trace = _within(table, 0.0)
    if df:
        # rounding may leave a design of agreeing studies a Q of −1e-16
        tau2 = max(0.0, (q - df) / trace)
        between = fit_graph(table, tau2).q - _within(table, tau2)[0]
    else:
        q, tau2, between = 0.0, math.nan, math.nan
    return DesignInconsistency(fit.q, fit.df, q, df, tau2, between)


def split_network(fit: NetworkPooled) -> pd.DataFrame:
    """Return each comparison's direct and indirect estimate and their difference.

    With p the direct share, indirect = (network − p direct)/(1 − p), se = se_network/√(1 − p). Columns are NaN
    where a pair has no direct or no indirect evidence.

    References
    ----------
    König, Krahn and Binder 2013, 10.1002/sim.6001; Dias and others 2010, 10.1002/sim.3767.

    Examples
    --------
    >>> from lamevidence import NetworkTable, pool_network, split_network
    >>> table = NetworkTable(
    ...     yi=[0.5, 0.3, 0.2, 0.8], vi=[0.04, 0.03, 0.05, 0.06], first=["a", "a", "b", "a"],
    ...     second=["b", "b", "c", "c"], studies=["1", "2", "3", "4"])
    >>> split_network(pool_network(table, model="common"))["difference"].round(3).tolist()
    [-0.214, 0.214, -0.214]
    """
    import pandas as pd

    index = pairs_of(a_pooled_network(fit))
    at = tuple(np.array(index).T)
    direct = direct_evidence(fit)
    network, variance = fit.effects[at], fit.graph.variances[at]
    share = direct.proportion
    some = direct.k > 0
    spare = np.where(share > 1 - ALL_DIRECT, np.nan, 1 - share)
    indirect = np.where(some, (network - share * np.where(some, direct.estimate, 0.0)) / spare, network)
    indirect_se = np.sqrt(variance / spare)
    difference = direct.estimate - indirect
    difference_se = np.sqrt(direct.variance + indirect_se**2)

    def p(estimate: np.ndarray, se: np.ndarray) -> list[float]:
        return [two_sided(float(x)) for x in estimate / se]

    return pd.DataFrame({
        "first": [fit.treatments[i] for i, _ in index], "second": [fit.treatments[j] for _, j in index],
        "k": direct.k.astype(int), "share": share,
        "network": network, "network_se": np.sqrt(variance),
        "direct": direct.estimate, "direct_se": np.sqrt(direct.variance),
        "direct_p": p(direct.estimate, np.sqrt(direct.variance)),
        "indirect": indirect, "indirect_se": indirect_se, "indirect_p": p(indirect, indirect_se),
        "difference": difference, "difference_se": difference_se, "difference_p": p(difference, difference_se),
    })

