"""Nested random intercepts with independent sampling errors: every quantity in one pass over the rows.

With M₀ = diag(v) and, level after level, M_l = M_{l−1} + σ_l² Z_l Z_l', the Woodbury identity changes each group g by
a rank-one term: M_l⁻¹ = M_{l−1}⁻¹ − c u u' with u = M_{l−1}⁻¹ 1_g, s = 1_g'u, c = σ²/(1 + σ² s). Cost and memory
grow with the number of rows, whatever the size of the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray
from .multilevel_moments import Moments, moments
from .multilevel_terms import Term

__all__ = ["NestedEngine", "nested_engine"]


class NestedEngine:
    """Likelihood ingredients of nested intercepts.

    Rows are sorted so that the groups of every level are contiguous; results come back in the given order.
    """

    def __init__(self, v: FloatArray, order: NDArray[np.intp], levels: list[tuple[int, NDArray[np.intp]]]) -> None:
        self.v = v[order]
        self.order = order
        self.levels = levels
        """(position of the term, first row of each group), finest level first."""
        self.starts = [starts for _, starts in levels]
        self.counts = [np.diff(np.r_[starts, v.size]) for starts in self.starts]
        self.single = bool(self.starts) and self.starts[0].size == v.size
        """The finest level has one row a group: it adds to the sampling variance."""
        self.parents = [
            [np.searchsorted(self.starts[up], self.starts[low], side="right") - 1 for low in range(up)]
            for up in range(len(levels))
        ]

    def _climb(self, variances: Sequence[FloatArray], rhs: FloatArray) -> tuple[float, FloatArray, list[FloatArray]]:
        """Return log|M|, M⁻¹ [1, rhs] and 1_g'M⁻¹1_g for the groups of every level."""
        u = np.column_stack([np.ones(self.v.size), rhs]) / self.v[:, None]
        logdet = float(np.log(self.v).sum())
        quads: list[FloatArray] = []
        for up, (term, starts) in enumerate(self.levels):
            sigma2 = float(variances[term][0, 0])
            if up == 0 and self.single:
                total = self.v + sigma2
                u *= (self.v / total)[:, None]
                logdet = float(np.log(total).sum())
                quads.append(1.0 / total)
                continue
            sums = np.add.reduceat(u, starts, axis=0)
            s = sums[:, 0]
            c = sigma2 / (1.0 + sigma2 * s)
            logdet += float(np.log1p(sigma2 * s).sum())
            for low in range(up):
                inside = self._sum(u[:, 0], low)
                quads[low] = quads[low] - c[self.parents[up][low]] * inside**2
            quads.append(s - c * s * s)
            u -= u[:, :1] * np.repeat(c[:, None] * sums, self.counts[up], axis=0)
        return logdet, u[:, 1:], quads

    def _sum(self, values: FloatArray, level: int) -> FloatArray:
        """Return the sums over the groups of a level."""
        if level == 0 and self.single:
            return values
        return np.asarray(np.add.reduceat(values, self.starts[level], axis=0))

    def solve(self, variances: Sequence[FloatArray], rhs: FloatArray) -> FloatArray:
        """Return M⁻¹ rhs, rows in the given order."""
        out = np.empty_like(rhs)
        out[self.order] = self._climb(variances, rhs[self.order])[1]
        return out

    def evaluate(self, variances: Sequence[FloatArray], X: FloatArray, y: FloatArray, restricted: bool) -> Moments:
        """Return the likelihood ingredients; see `Moments`."""
        Xs, ys = X[self.order], y[self.order]
        logdet, solved, quads = self._climb(variances, np.column_stack([Xs, ys]))
        fit = moments(logdet, Xs, ys, solved)
        pulls: list[FloatArray] = [np.zeros((1, 1))] * len(variances)
        for level, ((term, _), quad) in enumerate(zip(self.levels, quads, strict=True)):
            value = float(quad.sum()) - float((self._sum(fit.residual, level) ** 2).sum())
            if restricted:
                sums = self._sum(fit.projected, level)
                value -= float((fit.covariance * (sums.T @ sums)).sum())
            pulls[term] = np.array([[value]])
        return fit.in_order(self.order, pulls)


def nested_engine(terms: Sequence[Term], V: FloatArray) -> NestedEngine | None:
    """Return the engine, or None unless all terms are intercepts that nest in one another and V is diagonal (k,)."""
    if V.ndim != 1 or any(t.inner is not None or t.correlation is not None for t in terms):
        return None
    ranked = sorted(range(len(terms)), key=lambda i: -terms[i].outer.size)
    for fine, coarse in pairwise(ranked):
        a, b = terms[fine].outer, terms[coarse].outer
        owner = np.zeros(a.size, dtype=np.intp)
        owner[a.codes] = b.codes
        if (owner[a.codes] != b.codes).any():
            return None
    keys = [terms[i].outer.codes for i in ranked]
    order = np.lexsort(keys) if keys else np.arange(V.size)
    levels = []
    for i in ranked:
        codes = terms[i].outer.codes[order]
        levels.append((i, np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])))
    return NestedEngine(V, order, levels)
