"""Do direct and indirect evidence agree? Q split by design, and each comparison split into its two sources."""

from __future__ import annotations

import html as markup
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from ..foundation.numbers import fixed, p_value
from ..foundation.printable import printable
from ..pooling.kernel.distributions import two_sided
from ..results.frames import plain as plain_values
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

    @property
    def p_value(self) -> float:
        """P value of inconsistency between designs, allowing for heterogeneity; NaN where there is nothing to test."""
        return _tail(self.q_between_random, self.df_between)

    def _parts(self) -> list[tuple[str, float, int]]:
        return [
            ("total", self.q, self.df),
            ("within designs", self.q_within, self.df_within),
            ("between designs", self.q_between, self.df_between),
            ("between designs, random effects", self.q_between_random, self.df_between),
        ]

    def summary(self) -> pd.DataFrame:
        """Return Q, degrees of freedom and p value of every part."""
        import pandas as pd

        rows = [{"part": part, "q": q, "df": df, "p_value": _tail(q, df)} for part, q, df in self._parts()]
        return pd.DataFrame(rows).set_index("part")

    def to_json(self) -> dict[str, Any]:
        """Return plain values by part; None where a quantity does not exist."""
        parts = {part: {"q": q, "df": df, "p_value": _tail(q, df)} for part, q, df in self._parts()}
        plain: dict[str, Any] = plain_values({"parts": parts, "tau2_within": self.tau2_within})
        return plain

    def describe(self) -> str:
        """Return one sentence: whether the designs agree."""
        if not self.df_between:
            return "The designs share no comparison that could disagree: inconsistency cannot be tested."
        q, p, what = self.q_between, _tail(self.q_between, self.df_between), "with common effects"
        if math.isfinite(self.q_between_random):
            q, p, what = self.q_between_random, self.p_value, "allowing for heterogeneity within designs"
        return f"Inconsistency between designs, {what}: Q({self.df_between}) = {fixed(q, 2)}, P {p_value(p)}."

    def __repr__(self) -> str:
        return printable(f"{self.describe()}\n{self.summary().to_string()}")

    def _repr_html_(self) -> str:
        return printable(f"<div><p>{markup.escape(self.describe())}</p>{self.summary().to_html()}</div>")


def _tail(q: float, df: int) -> float:
    return float(special.chdtrc(df, q)) if df and q == q else math.nan


def _within(table: NetworkTable, tau2: float) -> tuple[float, int, float]:
    """Return Q, degrees of freedom and dE(Q)/dτ² summed over designs fitted each by itself."""
    q, df, trace = 0.0, 0, 0.0
    for arms, trials in table.designs.items():
        own = table.subset([row for trial in trials for row in trial.rows])
        fit = fit_graph(own, tau2)
        q += fit.q
        df += (len(trials) - 1) * (len(arms) - 1)
        trace += trace_of_excess(own, fit)
    return q, df, trace


def design_inconsistency(fit: NetworkPooled) -> DesignInconsistency:
    """Split Q into heterogeneity within designs and inconsistency between designs.

    A design is a set of arms. Within a design studies differ by heterogeneity alone; what the designs' own
    estimates leave unexplained by one set of treatment effects is inconsistency.

    Parameters
    ----------
    fit
        Result of `pool_network`.

    Returns
    -------
    DesignInconsistency
        Q within and between designs, with common effects and allowing for heterogeneity.

    Raises
    ------
    OptionError
        Not a pooled network.

    See Also
    --------
    split_network : Which comparison disagrees.

    References
    ----------
    Krahn and others 2013, 10.1186/1471-2288-13-35; Jackson and others 2014, 10.1002/sim.6188.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable, design_inconsistency, pool_network
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
    return DesignInconsistency(fit.q, fit.q_df, q, df, tau2, between)


def _on_loops(table: NetworkTable) -> set[frozenset[int]]:
    """Return the pairs of treatments whose designs lie on a loop with other designs: inconsistency has df there.

    Designs that no single treatment separates form a block; its df are Σ(arms − 1) over designs − (treatments − 1).
    """
    designs = [frozenset(arms) for arms in table.designs]
    blocks: dict[tuple[int, ...], list[frozenset[int]]] = {}
    cuts = [_parts_without(v, designs) for v in range(len(table.treatments))]
    for design in designs:
        apart = tuple(parts[next(iter(design - {v}))] for v, parts in enumerate(cuts))
        blocks.setdefault(apart, []).append(design)
    pairs: set[frozenset[int]] = set()
    for block in blocks.values():
        if sum(len(design) - 1 for design in block) > len(frozenset().union(*block)) - 1:
            pairs |= {frozenset(pair) for design in block for pair in combinations(design, 2)}
    return pairs


def _parts_without(cut: int, designs: Sequence[frozenset[int]]) -> dict[int, int]:
    """Return which part of the network each treatment is in once ``cut`` is taken out."""
    part = {arm: arm for design in designs for arm in design if arm != cut}
    for design in designs:
        joined = {part[arm] for arm in design if arm != cut}
        part = {arm: min(joined) if own in joined else own for arm, own in part.items()}
    return part


def split_network(fit: NetworkPooled) -> pd.DataFrame:
    """Return each comparison's direct and indirect estimate and their difference.

    With p the direct share, indirect = (network − p direct)/(1 − p), se = se_network/√(1 − p). Columns are NaN
    where a pair has no direct or no indirect evidence. A pair whose trials share no loop with trials of other designs
    has none, though trials with several arms weigh its comparisons differently (p < 1): nothing could disagree.

    Parameters
    ----------
    fit
        Result of `pool_network`.

    Returns
    -------
    DataFrame
        One row a pair: ``first second k share network direct indirect difference`` with ``_se`` and ``_p`` columns.

    Raises
    ------
    OptionError
        Not a pooled network.

    See Also
    --------
    design_inconsistency : One test for the whole network.

    References
    ----------
    König, Krahn and Binder 2013, 10.1002/sim.6001; Dias and others 2010, 10.1002/sim.3767.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable, pool_network, split_network
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
    loops = _on_loops(fit.table)
    alone = np.array([direct.k[i] > 0 and frozenset(pair) not in loops for i, pair in enumerate(index)], dtype=bool)
    spare = np.where(alone | (share > 1 - ALL_DIRECT), np.nan, 1 - share)
    indirect = np.where(some, (network - share * np.where(some, direct.estimate, 0.0)) / spare, network)
    indirect_se = np.sqrt(variance / spare)
    difference = direct.estimate - indirect
    difference_se = np.sqrt(direct.variance + indirect_se**2)

    def p(estimate: np.ndarray, se: np.ndarray) -> list[float]:
        return [two_sided(float(x)) for x in estimate / se]

    return pd.DataFrame(
        {
            "first": [fit.treatments[i] for i, _ in index],
            "second": [fit.treatments[j] for _, j in index],
            "k": direct.k.astype(int),
            "share": share,
            "network": network,
            "network_se": np.sqrt(variance),
            "direct": direct.estimate,
            "direct_se": np.sqrt(direct.variance),
            "direct_p": p(direct.estimate, np.sqrt(direct.variance)),
            "indirect": indirect,
            "indirect_se": indirect_se,
            "indirect_p": p(indirect, indirect_se),
            "difference": difference,
            "difference_se": difference_se,
            "difference_p": p(difference, difference_se),
        }
    )
