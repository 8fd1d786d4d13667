"""What a pooled network says: effects of all pairs, heterogeneity and inconsistency, ranks, the league table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from scipy import special

from ..effects.measures.base import FloatArray
from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import an_instance, shown
from ..foundation.values import Interval
from ..results.contract import CoefficientResult
from ..results.display import Display
from ..results.heterogeneity import Heterogeneity
from ..results.recipe import Recipe
from ..results.scale import ReaderScale
from ..results.spec import Spec
from .contrasts import NetworkTable
from .heterogeneity import NETWORK_TAU2, excess
from .pairs import VERSUS, AllPairs
from .weights import GraphFit

__all__ = ["NetworkPooled", "a_pooled_network"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NetworkPooled(AllPairs):
    """A pooled network of n treatments.

    The coefficients are the other treatments against the reference (``"B vs A"``): ``names``, ``estimate``, ``se``,
    ``interval()``. Every pair is in ``effects``, ``pair_se``, ``pair_effect(first, second)``, ``pair_interval(first,
    second)``, ``pairs()`` and ``predict()``. Weights of rows belong to a pair (`network_contributions` has them by
    comparison), so ``weights`` is None.

    Attributes
    ----------
    table, spec
        What was pooled, and how.
    reference
        Treatment that the others are shown against.
    tau2
        Between-study variance of any comparison, in squared units of ``yi``; 0 for the common model.
    common, graph
        The fits without and with τ².
    notes, recipe
        Cautions; how it was made, which `refit` follows.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable, pool_network
    >>> table = NetworkTable(yi=[0.5, 0.2], vi=[0.04, 0.03], first=["a", "b"], second=["b", "c"], studies=["1", "2"])
    >>> fit = pool_network(table, model="common", reference="c")
    >>> fit.names, fit.estimate.round(2).tolist()
    (('a vs c', 'b vs c'), [0.7, 0.2])
    """

    table: NetworkTable
    spec: Spec
    reference: str
    # field(): the base class has a member of this name, which would be read as a default
    tau2: float = field()
    common: GraphFit
    graph: GraphFit
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None

    # ---- the other treatments against the reference --------------------------------------------
    @property
    def _others(self) -> tuple[list[int], int]:
        at = self.treatments.index(self.reference)
        return [i for i in range(len(self.treatments)) if i != at], at

    @property
    def names(self) -> tuple[str, ...]:
        """The comparisons with the reference, ``("B vs A", "C vs A")``."""
        others, _ = self._others
        return tuple(f"{self.treatments[i]}{VERSUS}{self.reference}" for i in others)

    @property
    def estimate(self) -> FloatArray:
        """Effects against the reference, (n − 1,)."""
        others, at = self._others
        return np.asarray(self.effects[others, at])

    @property
    def se(self) -> FloatArray:
        """Their standard errors, (n − 1,)."""
        others, at = self._others
        return np.asarray(self.pair_se[others, at])

    @property
    def df(self) -> FloatArray:
        """Degrees of freedom of intervals: inf, they are normal, (n − 1,)."""
        return np.full(len(self.treatments) - 1, np.inf)

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the effects against the reference, (n − 1, n − 1)."""
        others, at = self._others
        inverse = self.graph.inverse
        shared = inverse[others, at]
        return np.asarray(inverse[np.ix_(others, others)] - shared[:, None] - shared[None, :] + inverse[at, at])

    @property
    def statistic(self) -> FloatArray:
        """Effect over standard error, (n − 1,)."""
        return self.estimate / self.se

    @property
    def p_value(self) -> FloatArray:
        """Two-sided p values of no difference from the reference, (n − 1,)."""
        p: FloatArray = 2 * special.ndtr(-np.abs(self.statistic))
        return p

    def interval(self, level: float | None = None) -> Mapping[str, Interval]:
        """Return the confidence interval of each treatment against the reference, by name."""
        others, at = self._others
        low, high = self.pair_intervals(level)
        bounds = zip(low[others, at].tolist(), high[others, at].tolist(), strict=True)
        return {name: Interval(*pair) for name, pair in zip(self.names, bounds, strict=True)}

    def prediction(self, level: float | None = None) -> Interval:
        """Return the prediction interval of the one comparison of a network of two treatments.

        Raises
        ------
        NotEstimable
            More treatments (`predict` has every pair), a common model, or no degrees of freedom.
        """
        if len(self.treatments) > 2:
            raise NotEstimable("a new study compares two treatments · predict() has the interval of every pair")
        others, at = self._others
        low, high = self.pair_predictions(level)
        return Interval(float(low[others[0], at]), float(high[others[0], at]))

    # ---- heterogeneity --------------------------------------------------------------------------
    @property
    def q(self) -> float:
        """Q of the whole network: heterogeneity within designs plus inconsistency between them."""
        return excess(self.table, self.common)[0]

    @property
    def q_df(self) -> int:
        """Degrees of freedom of Q."""
        return excess(self.table, self.common)[1]

    @property
    def q_p(self) -> float:
        """P value of Q; NaN without degrees of freedom."""
        return float(special.chdtrc(self.q_df, self.q)) if self.q_df else math.nan

    @property
    def i2(self) -> float:
        """Share of Q beyond its degrees of freedom, in percent; NaN without degrees of freedom."""
        if not self.q_df:
            return math.nan
        return 100 * max(0.0, (self.q - self.q_df) / self.q) if self.q > 0 else 0.0

    @property
    def tau(self) -> float:
        """Between-study standard deviation of any comparison."""
        return math.sqrt(self.tau2)

    def heterogeneity(self) -> Heterogeneity:
        """Return Q, I² (percent), H² = Q/df and τ² in one record."""
        h2 = self.q / self.q_df if self.q_df else math.nan
        note = "" if self.q_df else "as many comparisons as effects: no degrees of freedom for Q"
        return Heterogeneity(self.q, self.q_df, self.q_p, self.i2, h2=h2, tau2=self.tau2, note=note)

    # ---- rows -----------------------------------------------------------------------------------
    def fitted(self) -> FloatArray:
        """Return the network's effect of each row's comparison, (k,)."""
        return np.asarray(self.table.yi - self.graph.residuals)

    def leverage(self) -> FloatArray:
        """Return the diagonal of the hat matrix, (k,)."""
        return np.asarray(np.diag(self.graph.hat))

    def _check_rows(self, evidence: object) -> None:
        if not isinstance(evidence, NetworkTable):
            raise OptionError(
                f"a network is fitted to a NetworkTable, got {shown(evidence)} · make one with NetworkTable(...) or"
                " network_table"
            )
        if (evidence.measure, evidence.unit) != (self.table.measure, self.table.unit):
            raise OptionError(
                f"this network is of {self.table.measure} in {self.table.unit or 'pure numbers'}, the table holds"
                f" {evidence.measure} in {evidence.unit or 'pure numbers'} · give rows of the same measure and unit"
            )

    def refit(self, evidence: NetworkTable) -> NetworkPooled:  # type: ignore[override]
        """Return the same model with the same choices, fitted to other comparisons.

        Parameters
        ----------
        evidence
            The comparisons.

        Raises
        ------
        OptionError
            Not a network, one of another measure, or one without the reference treatment.
        NotEstimable
            The comparisons do not join all treatments, or leave nothing to estimate τ² from; the message names the
            studies that are gone.
        """
        self._check_rows(evidence)
        if self.recipe is None:
            raise OptionError("this NetworkPooled was put together by hand and cannot be fitted anew")
        gone = [trial.study for trial in self.table.trials if trial.study not in evidence.studies]
        without = f"without {', '.join(gone)}: " if gone else ""
        if self.reference not in evidence.treatments:
            raise NotEstimable(
                f"{without}no study has the reference {self.reference}"
                f" · pool with another one: reference={evidence.treatments[0]!r}"
            )
        try:
            made: NetworkPooled = self.recipe(evidence)  # type: ignore[arg-type]
        except NotEstimable as refused:
            raise NotEstimable(f"{without}{refused}") from None
        return made

    # ---- asking ---------------------------------------------------------------------------------
    def _below(self, quantity: str, value: float) -> float:
        first, found, second = quantity.partition(VERSUS)
        if not found:
            raise OptionError(
                f"a network has no {quantity!r} (theta_new would need its two treatments) · ask about a comparison"
                f" such as {self.names[0]!r}"
            )
        i, j = self._pair(first.strip(), second.strip())
        return float(special.ndtr((value - self.effects[i, j]) / self.pair_se[i, j]))

    # ---- presentation ---------------------------------------------------------------------------
    def scale(self) -> ReaderScale:
        """Return how numbers of this result are read; sides favour no one: each comparison has its own."""
        return replace(CoefficientResult.scale(self), left="", right="")

    def display(self, level: float | None = None) -> Display:
        """Return what a reader sees: every comparison with the reference, back-transformed, since each is an effect.

        Parameters
        ----------
        level
            Level of the intervals; that of the fit when left out.
        """
        base = CoefficientResult.display(self, level)
        scale = self.scale()
        if len(self.names) == 1 or self.effect.null is None or self.effect.scale == "identity":
            return base
        bounds = self.interval(base.level)
        return replace(
            base,
            label=scale.title,
            estimate={name: scale.read(x) for name, x in zip(self.names, self.estimate.tolist(), strict=True)},
            interval={name: Interval(scale.read(low), scale.read(high)) for name, (low, high) in bounds.items()},
            unit=scale.unit or None,
            scale=scale,
        )

    def _glance(self) -> Mapping[str, Any]:
        return {
            "studies": len(self.table.trials),
            "treatments": len(self.treatments),
            "designs": len(self.table.designs),
            "reference": self.reference,
        }

    def _json(self) -> Mapping[str, Any]:
        low, high = self.pair_intervals()
        return {
            "studies": len(self.table.trials),
            "treatments": self.treatments,
            "reference": self.reference,
            "effects": self.effects,
            "pair_se": self.pair_se,
            "pair_low": low,
            "pair_high": high,
        }

    def _methods(self) -> Sequence[tuple[str, str]]:
        clauses = [
            (
                f"A network of {len(self.treatments)} treatments was pooled by weighted least squares on its graph"
                f" ({self.spec.model} effects)",
                "Rücker 2012, doi:10.1002/jrsm.1058",
            )
        ]
        if any(len(trial.arms) > 2 for trial in self.table.trials):
            clauses.append(
                (
                    "Comparisons of studies with several arms had reduced weights",
                    "Rücker and Schwarzer 2014, doi:10.1002/sim.6236",
                )
            )
        if self.spec.tau2 in NETWORK_TAU2:
            entry = NETWORK_TAU2.entry(self.spec.tau2)
            clauses.append((f"One τ² for all comparisons was estimated by: {entry.title}", f"doi:{entry.reference}"))
        return clauses


def a_pooled_network(fit: object) -> NetworkPooled:
    """Return a pooled network, or raise `OptionError` saying how to get one."""
    an_instance("fit", fit, NetworkPooled, "give the result of pool_network")
    return cast("NetworkPooled", fit)
