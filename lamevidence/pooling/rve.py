"""Robust variance estimation with the correlated-effects and the hierarchical-effects working models."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable
from ..effects.measures import MEASURES
from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, OptionError
from ..options import a_choice, a_flag, a_level, a_number, shown
from ..values import Interval
from .design import Design, mean_design
from .multilevel import checked_covariance
from .multilevel_blocks import same_size
from .multilevel_terms import Grouping, cluster_labels, group_rows
from .robust import ClusterRobust, robust_coefficients
from .robust_sandwich import Block, WorkingModel
from .rve_moments import RveVariances, correlated_effects, hierarchical_effects
from .spec import Spec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RobustVariance", "robust_variance"]

WORKING = ("CORR", "HIER")
DEFAULT_RHO = 0.8
"""Correlation of sampling errors that the method's authors use; results hardly depend on it."""
FEW_DF = 4.0
"""Below this many Satterthwaite df the t approximation is poor (Tipton 2015, 10.1037/met0000011)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobustVariance:
    """Coefficients with robust standard errors under a working model.

    Attributes
    ----------
    table, spec, design
        What was pooled, and how.
    robust
        Coefficients, covariance, degrees of freedom.
    tau2
        Between-cluster variance of the working model.
    omega2
        Between rows of a cluster (HIER), NaN for CORR.
    i2
        In percent (CORR), NaN for HIER.
    rho
        Assumed correlation of sampling errors within a cluster (CORR), NaN for HIER.
    notes
        Cautions.
    """

    table: EvidenceTable
    spec: Spec
    design: Design
    robust: ClusterRobust
    tau2: float
    omega2: float
    i2: float
    rho: float
    notes: tuple[str, ...] = ()

    @property
    def beta(self) -> FloatArray:
        """Coefficients, (p,)."""
        return self.robust.coefficients.estimate

    def _only(self) -> int:
        if self.beta.size > 1:
            raise NotEstimable(f"the model has several coefficients: {', '.join(self.design.names)} · use tidy()")
        return 0

    @property
    def mu(self) -> float:
        """Pooled mean; of a model with one coefficient."""
        return float(self.beta[self._only()])

    @property
    def se(self) -> float:
        """Its robust standard error."""
        return float(self.robust.coefficients.se[self._only()])

    @property
    def df(self) -> float:
        """Its degrees of freedom."""
        return float(self.robust.coefficients.df[self._only()])

    @property
    def p_value(self) -> float:
        """Two-sided p value of no effect."""
        return float(self.robust.coefficients.p_values[self._only()])

    def interval(self, level: float | None = None) -> Interval:
        """Return the confidence interval of ``mu``."""
        low, high = self.robust.coefficients.intervals(level)[self._only()]
        return Interval(float(low), float(high))

    def tidy(self) -> pd.DataFrame:
        """Return one row a coefficient."""
        return self.robust.tidy()

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole fit."""
        import pandas as pd

        return pd.DataFrame([{
            "model": self.spec.model, "working": self.spec.tau2, "k": self.table.k, "clusters": self.robust.clusters,
            "tau2": self.tau2, "omega2": self.omega2, "i2": self.i2, "rho": self.rho,
        }])

    def summary(self) -> pd.DataFrame:
        """Return the coefficients as a numeric table."""
        return self.tidy().set_index("term")

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None where a quantity does not exist."""
        def number(x: float) -> float | None:
            return float(x) if math.isfinite(x) else None

        return {
            "measure": self.table.measure, "unit": self.table.unit, "k": self.table.k, "clusters": self.robust.clusters,
            "coefficients": self.tidy().to_dict(orient="records"), "tau2": self.tau2, "omega2": number(self.omega2),
            "i2": number(self.i2), "rho": number(self.rho), "spec": self.spec.to_dict(), "notes": list(self.notes),
            "fingerprint": self.table.fingerprint,
        }

    def describe(self) -> str:
        """Return one sentence: what was pooled, how, and what came out."""
        what = self.table.title or MEASURES[self.table.measure].title
        head = f"{what}: {self.table.k} estimates in {self.robust.clusters} clusters, robust variance estimation"
        bounds = self.robust.coefficients.intervals()
        parts = [
            f"{name} {b:.4g} ({100 * self.spec.level:g}% CI {low:.4g} to {high:.4g})"
            for name, b, (low, high) in zip(self.design.names, self.beta, bounds, strict=True)
        ]
        return f"{head} ({self.spec.tau2}, {self.spec.interval}): {'; '.join(parts)}."

    def __repr__(self) -> str:
        return "\n".join([self.describe(), *(f"  note: {note}" for note in self.notes)])


def robust_variance(
    table: EvidenceTable, *, cluster: str | Sequence[Hashable] = "study", working: str = "CORR",
    rho: float | None = None,
    small: bool = True, moderators: str | ArrayLike | None = None, names: Sequence[str] | None = None,
    level: float = 0.95,
) -> RobustVariance:
    """Pool dependent estimates with weights from a simple working model and standard errors robust to it.

    CORR: w_ij = 1/{n_j (v̄_j + τ²)}; HIER: w_ij = 1/(v_ij + τ² + ω²); variances by moments. Small samples: CR2
    with Satterthwaite df; otherwise m/(m − p) times CR0 with m − p df.

    Parameters
    ----------
    table
        Rows to pool.
    cluster
        Column or labels of the independent clusters.
    working
        ``CORR`` (estimates from the same patients) or ``HIER`` (sub-studies of a group).
    rho
        Correlation of sampling errors within a cluster, 0 to 1; only CORR uses it, and hardly depends on it.
    small
        Small-sample correction.
    moderators, names
        A formula, or a design matrix with its names.
    level
        Confidence level.

    Raises
    ------
    NotEstimable
        Fewer than two clusters, singular design, HIER when no cluster has two rows.
    OptionError, UnknownName, InputError
        Options and data that do not apply.

    References
    ----------
    Hedges, Tipton and Johnson 2010, 10.1002/jrsm.5; Tipton 2015, 10.1037/met0000011.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, robust_variance
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], [0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> robust_variance(table, cluster="study").robust.clusters
    3
    """
    a_choice("working model", working, WORKING)
    if working == "HIER" and rho is not None:
        raise OptionError(f"rho={shown(rho)} belongs to working='CORR' · leave it out, or say working='CORR'")
    rho = DEFAULT_RHO if rho is None else a_number("rho", rho, least=0, most=1)
    a_flag("small", small)
    level = a_level(level)
    v = checked_covariance(table, None)
    v = v if v.ndim == 1 else np.diag(v).copy()
    design = mean_design(table, moderators, names)
    groups = group_rows("cluster", cluster_labels(table, cluster))
    if groups.size < 2:
        raise NotEstimable(f"robust variance estimation needs at least two clusters, got {groups.size}")
    if working == "CORR":
        found = correlated_effects(design.basis, table.yi, v, groups, rho)
    else:
        found = hierarchical_effects(design.basis, table.yi, v, groups)
    return _result(table, design, groups, found, working, rho, small, level)


def _result(
    table: EvidenceTable, design: Design, groups: Grouping, found: RveVariances, working: str, rho: float, small: bool,
    level: float,
) -> RobustVariance:
    blocks = []
    for rows in same_size(groups.codes):
        eye = np.eye(rows.shape[1])
        w = found.weights[rows][:, :, None] * eye
        blocks.append(Block(rows, eye / found.weights[rows][:, :, None], w))
    model, beta = WorkingModel.of(design.X, table.yi, blocks)
    kind, df = ("CR2", "Satterthwaite") if small else ("CR1p", "n-p")
    robust = robust_coefficients(model, design.names, beta, kind, df, level)
    few = robust.coefficients.df < FEW_DF
    notes: list[str] = []
    if small and few.any():
        bad = ", ".join(n for n, f in zip(design.names, few, strict=True) if f)
        notes.append(f"fewer than 4 degrees of freedom for {bad}: its p value and interval are not reliable")
    spec = Spec("robust variance", working, f"{kind}, {df} df", "none", level, why={"working model": "given"})
    corr = working == "CORR"
    return RobustVariance(
        table, spec, design, robust, found.tau2, found.omega2, found.i2, float(rho) if corr else math.nan, tuple(notes)
    )
