"""New groups and random effects of a multilevel model: prediction variances, BLUPs, the true effect of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...effects.measures.base import FloatArray
from ...foundation.errors import NotEstimable
from ...foundation.options import a_choice
from ..kernel.distributions import quantile
from .fitted import FittedModel
from .terms import Term

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RandomEffects", "new_variance", "random_effects", "row_effects"]

CHUNK = 256
"""Columns of the sampling covariance that are solved for at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class RandomEffects:
    """Predicted effects of one term.

    Attributes
    ----------
    name
        The term, as in the formula.
    labels
        The n groups (or levels within groups).
    estimate, se
        Predictions and standard errors of prediction, (n,).
    interval
        Their intervals, (n, 2).
    """

    name: str
    labels: tuple[str, ...]
    estimate: FloatArray
    se: FloatArray
    interval: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group (or a level within a group)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "estimate": self.estimate,
                "std_error": self.se,
                "conf_low": self.interval[:, 0],
                "conf_high": self.interval[:, 1],
            },
            index=list(self.labels),
        )


def new_variance(model: FittedModel, inner: str | None = None) -> float:
    """Return the variance of the true effect in a group that is new on every level: Σσ² + τ².

    Parameters
    ----------
    model
        The fitted model.
    inner
        Level of ``inner | outer``, where levels have variances of their own.

    Raises
    ------
    UnknownName
        No such inner level.
    NotEstimable
        No random effects, or levels with variances of their own and none named.
    """
    terms = model.likelihood.terms
    levels = sorted({x for t in terms if t.inner is not None for x in t.inner.labels})
    if inner is not None:
        a_choice("inner level", inner, levels or ["(the model has none)"])
    if not terms:
        raise NotEstimable("no random effects: nothing between studies to predict from · give random='1 | study'")
    total = 0.0
    for term, G in zip(terms, model.covariances, strict=True):
        variances = np.diag(G) * model.likelihood.scale**2
        if term.structure.spread == 1:
            total += float(variances[0])
        elif inner is not None and term.inner is not None and inner in term.inner.labels:
            total += float(variances[term.inner.labels.index(inner)])
        else:
            raise NotEstimable(
                f"the levels of {term.name} have variances of their own, so a new effect needs its level"
                f" · use predict(inner={levels[0]!r}), or another of {', '.join(levels)}"
            )
    return total


def random_effects(model: FittedModel, level: float, df: float, contained: bool = False) -> tuple[RandomEffects, ...]:
    """Return u = D Z'P y for every term, with standard errors from Var(u − û) = D − D Z'P Z D.

    Robinson 1991, 10.1214/ss/1177011926. The estimation of the variances themselves is not reflected. With
    ``contained`` the df of a term are its groups less the coefficients, where some are left.
    """
    covariances = model.covariances
    out = []
    for term, G in zip(model.likelihood.terms, covariances, strict=True):
        Z, D, labels = _cells(term, G)
        DZ = Z @ D
        solved = model.likelihood.engine.solve(covariances, DZ)
        pulled = model.moments.projected.T @ DZ
        variance = np.diag(D) - (DZ * solved).sum(axis=0)
        variance = variance + np.einsum("ig,ij,jg->g", pulled, model.moments.covariance, pulled)
        estimate = model.likelihood.scale * (DZ.T @ model.moments.residual)
        se = model.likelihood.scale * np.sqrt(np.maximum(variance, 0.0))
        own = len(term.outer.labels) - model.beta.size
        crit = quantile(level, float(own) if contained and own > 0 else df)
        bounds = np.stack([estimate - crit * se, estimate + crit * se], axis=1)
        out.append(RandomEffects(term.name, labels, estimate, se, bounds))
    return tuple(out)


def row_effects(model: FittedModel) -> tuple[FloatArray, FloatArray]:
    """Return each row's true effect x'β̂ + z'û and its standard error of prediction, (k,) each.

    With r = Py the effects are y − V r; their error e − V P y has the covariance V − V P V (Henderson 1975,
    10.2307/2529430), P = M⁻¹ − M⁻¹X(X'M⁻¹X)⁻¹X'M⁻¹.
    """
    k, V = model.y.size, model.likelihood.V
    pulled = V @ model.moments.residual if V.ndim == 2 else V * model.moments.residual
    left = V @ model.moments.projected if V.ndim == 2 else V[:, None] * model.moments.projected
    fixed = np.einsum("ki,ij,kj->k", left, model.moments.covariance, left)
    joined = np.empty(k)
    for start in range(0, k, CHUNK):
        at = np.arange(start, min(start + CHUNK, k))
        if V.ndim == 2:
            columns = V[:, at]
        else:
            columns = np.zeros((k, at.size))
            columns[at, np.arange(at.size)] = V[at]
        solved = model.likelihood.engine.solve(model.covariances, columns)
        joined[at] = (columns * solved).sum(axis=0)
    own = V if V.ndim == 1 else np.diag(V)
    variance = np.maximum(own - joined + fixed, 0.0)
    scale = model.likelihood.scale
    return model.y - scale * pulled, scale * np.sqrt(variance)


def _cells(term: Term, G: FloatArray) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return incidence (k, cells), covariance (cells, cells) and labels of the effects that occur in the data."""
    outer = term.outer.codes
    inner = np.zeros_like(outer) if term.inner is None else term.inner.codes
    m = term.structure.m
    occurring, where = np.unique(outer * m + inner, return_inverse=True)
    Z = np.zeros((outer.size, occurring.size))
    Z[np.arange(outer.size), where] = 1.0
    group, own = occurring // m, occurring % m
    shared = (group[:, None] == group[None, :]).astype(float)
    if term.correlation is not None:
        shared = term.correlation[np.ix_(group, group)]
    D = shared * G[np.ix_(own, own)]
    outers = term.outer.labels
    if term.inner is None:
        return Z, D, tuple(outers[g] for g in group)
    inners = term.inner.labels
    return Z, D, tuple(f"{outers[g]}: {inners[i]}" for g, i in zip(group, own, strict=True))
