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

from ...effects.measures.base import FloatArray
from .blocks import Moments, moments
from .terms import Term

__all__ = ["NestedEngine", "nested_engine"]


class NestedEngine:
    """Likelihood ingredients of nested intercepts.

    Rows are sorted so that the groups of every level are contiguous; results come back in the given order.
    """

    def __init__(self, v: FloatArray, order: NDArray[np.intp], levels: list[tuple[int, NDArray[np.intp]]]) -> None:
        self.v = v[order]
        self.order: NDArray[np.intp] | slice = slice(None) if (np.diff(order) > 0).all() else order
        self.levels = levels
        """(position of the term, first row of each group), finest level first."""
        self.starts = [starts for _, starts in levels]
        self.counts = [np.diff(np.r_[starts, v.size]) for starts in self.starts]
        self.owners = [np.repeat(np.arange(c.size), c) for c in self.counts]
        self.single = bool(self.starts) and self.starts[0].size == v.size
        """The finest level has one row a group: it adds to the sampling variance."""
        self.parents = [
            [np.searchsorted(self.starts[up], self.starts[low], side="right") - 1 for low in range(up)]
            for up in range(len(levels))
        ]

    def _climb(self, variances: Sequence[FloatArray], rhs: FloatArray) -> tuple[float, FloatArray, list[FloatArray]]:
        """Return log|M|, M⁻¹ rhs and 1_g'M⁻¹1_g for the groups of every level; ``rhs`` (columns, k)."""
        v = self.v + float(variances[self.levels[0][0]][0, 0]) if self.single else self.v
        logdet = float(np.log(v).sum())
        u = np.concatenate([np.ones((1, v.size)), rhs]) / v
        quads: list[FloatArray] = [u[0].copy()] if self.single else []
        for up, (term, _) in enumerate(self.levels):
            if up == 0 and self.single:
                continue
            sigma2 = float(variances[term][0, 0])
            sums = self._sum(u, up)
            s = sums[0]
            c = sigma2 / (1.0 + sigma2 * s)
            logdet += float(np.log1p(sigma2 * s).sum())
            for low in range(up):
                quads[low] -= c[self.parents[up][low]] * self._sum(u[0], low) ** 2
            quads.append(s - c * s * s)
            u -= u[0] * self._spread(c * sums, up)
        return logdet, u[1:], quads

    def _sum(self, values: FloatArray, level: int) -> FloatArray:
        """Return the sums over the groups of a level, rows along the last axis."""
        if level == 0 and self.single:
            return values
        return np.asarray(np.add.reduceat(values, self.starts[level], axis=-1))

    def _spread(self, values: FloatArray, level: int) -> FloatArray:
        """Return each row's entry of values by group, along the last axis."""
        return np.asarray(np.take(values, self.owners[level], axis=-1, mode="clip"))

    def _shared(self, values: FloatArray, level: int) -> FloatArray:
        """Return ZZ' values for the groups of a level, rows along the last axis."""
        if level == 0 and self.single:
            return values
        return self._spread(self._sum(values, level), level)

    def traces(self, variances: Sequence[FloatArray]) -> FloatArray:
        """Return tr(M⁻¹ Z_j Z_j' M⁻¹ Z_k Z_k') of all levels (finest first): the climb's 1_g'M⁻¹1_g differentiated."""
        count = len(self.levels)
        v = self.v + float(variances[self.levels[0][0]][0, 0]) if self.single else self.v
        u, du = 1.0 / v, np.zeros((count, v.size))
        if self.single:
            du[0] = -u * u
        slopes: list[FloatArray] = [du.copy()] if self.single else []
        for up, (term, _) in enumerate(self.levels):
            if up == 0 and self.single:
                continue
            sigma2 = float(variances[term][0, 0])
            s, ds = self._sum(u, up), self._sum(du, up)
            root = 1.0 / (1.0 + sigma2 * s)
            c = sigma2 * root
            dc = -c * c * ds
            dc[up] += root * root
            for low in range(up):
                above = self.parents[up][low]
                inside = self._sum(u, low)
                slopes[low] -= dc[:, above] * inside**2 + 2.0 * c[above] * inside * self._sum(du, low)
            slopes.append(ds - dc * s * s - 2.0 * c * s * ds)
            if up + 1 < count:
                keep = self._spread(1.0 - c * s, up)
                du = du * keep - u * self._spread(dc * s + c * ds, up)
                u = u * keep
        return -np.stack([slope.sum(axis=-1) for slope in slopes])

    def curvature(
        self, variances: Sequence[FloatArray], fit: Moments, restricted: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the Hessian of −log-likelihood in the variances and its expectation, terms in their given order.

        r'Z_j Z_j' P Z_k Z_k' r − ½ tr(P Z_j Z_j' P Z_k Z_k') and ½ tr(…), with M⁻¹ in place of P in the trace for ML.
        """
        A, r = fit.projected[self.order].T, fit.residual[self.order]
        p, count = A.shape[0], len(self.levels)
        both = np.concatenate([A, r[None]])
        pushed = np.stack([self._shared(both, level) for level in range(count)])  # (levels, p + 1, k)
        flat = pushed.reshape(-1, r.size)
        inner = (flat @ self._climb(variances, flat)[1].T).reshape(count, p + 1, count, p + 1)
        across = pushed @ A.T  # (levels, p + 1, p)
        C = fit.covariance
        trace = self.traces(variances)
        if restricted:
            turned = across[:, :p] @ C
            trace += np.einsum("jab,kba->jk", turned, turned) - 2.0 * np.einsum("jakb,ab->jk", inner[:, :p, :, :p], C)
        observed = inner[:, p, :, p] - across[:, p] @ C @ across[:, p].T - 0.5 * trace
        place = np.argsort([term for term, _ in self.levels])
        return observed[place[:, None], place], 0.5 * trace[place[:, None], place]

    def solve(self, variances: Sequence[FloatArray], rhs: FloatArray) -> FloatArray:
        """Return M⁻¹ rhs, rows in the given order."""
        out = np.empty_like(rhs)
        out[self.order] = self._climb(variances, rhs[self.order].T)[1].T
        return out

    def evaluate(self, variances: Sequence[FloatArray], X: FloatArray, y: FloatArray, restricted: bool) -> Moments:
        """Return the likelihood ingredients; see `Moments`."""
        Xs, ys = X[self.order], y[self.order]
        logdet, solved, quads = self._climb(variances, np.concatenate([Xs.T, ys[None]]))
        fit = moments(logdet, Xs, ys, solved.T)
        pulls: list[FloatArray] = [np.zeros((1, 1))] * len(variances)
        projected = np.ascontiguousarray(fit.projected.T)
        for level, ((term, _), quad) in enumerate(zip(self.levels, quads, strict=True)):
            value = float(quad.sum()) - float((self._sum(fit.residual, level) ** 2).sum())
            if restricted:
                sums = self._sum(projected, level)
                value -= float((fit.covariance * (sums @ sums.T)).sum())
            pulls[term] = np.array([[value]])
        return fit.with_pulls(pulls) if isinstance(self.order, slice) else fit.in_order(self.order, pulls)


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
    keys = [_first_row(terms[i].outer.codes) for i in ranked]
    order = np.lexsort(keys) if keys else np.arange(V.size)
    levels = []
    for i in ranked:
        codes = terms[i].outer.codes[order]
        levels.append((i, np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])))
    return NestedEngine(V, order, levels)


def _first_row(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each row the first row of its group: rows given group by group then stay where they are."""
    first = np.zeros(int(codes.max()) + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(codes.size)[::-1]
    return first[codes]
