"""Fitted values, prediction intervals and predicted random effects of a multilevel model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.measures.base import FloatArray
from ..options import a_choice
from .intervals import quantile
from .multilevel_terms import Term

if TYPE_CHECKING:
    import pandas as pd

    from .multilevel_results import MultilevelPooled

__all__ = ["Predictions", "RandomEffects", "predictions", "random_effects"]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Fitted values (n,), standard errors, confidence intervals (n, 2) and prediction intervals (n, 2) or None."""

    mean: FloatArray
    se: FloatArray
    interval: FloatArray
    new: FloatArray | None

    def to_frame(self) -> pd.DataFrame:
        """Return one row a prediction."""
        import pandas as pd

        columns = {"mean": self.mean, "std_error": self.se}
        columns |= {"conf_low": self.interval[:, 0], "conf_high": self.interval[:, 1]}
        if self.new is not None:
            columns |= {"new_low": self.new[:, 0], "new_high": self.new[:, 1]}
        return pd.DataFrame(columns)


@dataclass(frozen=True, slots=True, eq=False)
class RandomEffects:
    """Predicted effects of one term: labels, estimates, standard errors of prediction, intervals (n, 2)."""

    name: str
    labels: tuple[str, ...]
    estimate: FloatArray
    se: FloatArray
    interval: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group (or a level within a group)."""
        import pandas as pd

        return pd.DataFrame(
            {"estimate": self.estimate, "std_error": self.se, "low": self.interval[:, 0], "high": self.interval[:, 1]},
            index=list(self.labels),
        )


def predictions(fit: MultilevelPooled, new: Any, level: float, inner: str | None) -> Predictions:  # noqa: ANN401
    """Return fitted values for the rows of the fit, or for new moderator values.

    The prediction interval is x'β ± q √(se² + Σσ² + τ²), for a new group on every level. Where levels of
    ``inner | outer`` have variances of their own, ``inner`` names the level; without it there is no such interval.

    Raises
    ------
    UnknownName
        No such inner level.
    """
    if new is not None:
        X = fit.design.rows(new)
    else:
        X = fit.design.X[:1] if (fit.design.X[0] == fit.design.X).all() else fit.design.X
    mean = X @ fit.beta
    se = np.sqrt(np.einsum("ij,jk,ik->i", X, fit.vb, X))
    df = np.array([fit.coefficients.df[row != 0].min(initial=np.inf) for row in X])
    crit = np.array([quantile(level, float(d)) for d in df])
    interval = np.stack([mean - crit * se, mean + crit * se], axis=1)
    extra = _new_variance(fit, inner)
    if extra is None:
        return Predictions(mean, se, interval, None)
    wide = crit * np.sqrt(se**2 + extra)
    return Predictions(mean, se, interval, np.stack([mean - wide, mean + wide], axis=1))


def _new_variance(fit: MultilevelPooled, inner: str | None) -> float | None:
    terms = fit.likelihood.terms
    if not terms:
        return None
    levels = {x for t in terms if t.inner is not None for x in t.inner.labels}
    if inner is not None:
        a_choice("inner level", inner, sorted(levels) or ["(the model has none)"])
    total = 0.0
    for term, G in zip(terms, fit.likelihood.covariances(fit.maximum.theta), strict=True):
        variances = np.diag(G) * fit.likelihood.scale**2
        if term.structure.spread == 1:
            total += float(variances[0])
        elif inner is not None and term.inner is not None and inner in term.inner.labels:
            total += float(variances[term.inner.labels.index(inner)])
        else:
            return None
    return total


def random_effects(fit: MultilevelPooled, level: float) -> tuple[RandomEffects, ...]:
    """Return u = D Z'P y for every term, with standard errors from Var(u − û) = D − D Z'P Z D.

    Robinson 1991, 10.1214/ss/1177011926. The estimation of the variances themselves is not reflected.
    """
    covariances = fit.likelihood.covariances(fit.maximum.theta)
    out = []
    for term, G in zip(fit.likelihood.terms, covariances, strict=True):
        Z, D, labels = _cells(term, G)
        DZ = Z @ D
        solved = fit.likelihood.engine.solve(covariances, DZ)
        pulled = fit.moments.projected.T @ DZ
        variance = np.diag(D) - (DZ * solved).sum(axis=0)
        variance = variance + np.einsum("ig,ij,jg->g", pulled, fit.moments.covariance, pulled)
        estimate = fit.likelihood.scale * (DZ.T @ fit.moments.residual)
        se = fit.likelihood.scale * np.sqrt(np.maximum(variance, 0.0))
        crit = quantile(level, _degrees(fit, term))
        bounds = np.stack([estimate - crit * se, estimate + crit * se], axis=1)
        out.append(RandomEffects(term.name, labels, estimate, se, bounds))
    return tuple(out)


def _degrees(fit: MultilevelPooled, term: Term) -> float:
    """Return the df of intervals for a term's effects: by containment, its own groups less the coefficients."""
    if fit.robust is not None:
        return np.inf
    groups = len(term.outer.labels) - fit.beta.size
    if fit.spec.why.get("df") == "contain" and groups > 0:
        return float(groups)
    return float(np.min(fit.coefficients.df))


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
