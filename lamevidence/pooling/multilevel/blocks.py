"""Any covariance structure: rows that share an effect or a covariance form a block, blocks of one size are stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...effects.measures.base import FloatArray
from .terms import Term

__all__ = ["BlockEngine", "Moments", "Stack", "moments", "row_blocks", "same_size", "stack_covariance", "stack_rows"]


@dataclass(frozen=True, slots=True)
class Moments:
    """A weighted least squares fit at a given covariance M.

    Attributes
    ----------
    logdet
        log|M|.
    logdet_information
        log|X'M⁻¹X|.
    quadratic
        Residual sum of squares r'y with r = Py.
    beta, covariance
        Estimate and (X'M⁻¹X)⁻¹.
    projected
        M⁻¹X, (k, p).
    residual
        r = Py = M⁻¹(y − Xβ), (k,).
    pulls
        For each term the matrix K with d(−log-likelihood) = ½ ΣK∘dG: what the data ask of its covariance G.
    """

    logdet: float
    logdet_information: float
    quadratic: float
    beta: FloatArray
    covariance: FloatArray
    projected: FloatArray
    residual: FloatArray
    pulls: tuple[FloatArray, ...] = ()

    def in_order(self, order: NDArray[np.intp], pulls: list[FloatArray]) -> Moments:
        """Return the moments with rows moved back to where they came from, and with the pulls."""
        projected, residual = np.empty_like(self.projected), np.empty_like(self.residual)
        projected[order], residual[order] = self.projected, self.residual
        return replace(self, projected=projected, residual=residual, pulls=tuple(pulls))

    def with_pulls(self, pulls: list[FloatArray]) -> Moments:
        """Return the moments with the pulls, rows where they are."""
        return replace(self, pulls=tuple(pulls))

    def criterion(self, restricted: bool) -> float:
        """Return −log-likelihood without its constant; restricted: log|X'M⁻¹X| of an orthonormal X included."""
        total = self.logdet + self.quadratic
        return 0.5 * (total + self.logdet_information if restricted else total)


def moments(logdet: float, X: FloatArray, y: FloatArray, solved: FloatArray) -> Moments:
    """Return the least squares part from ``solved`` = M⁻¹[X, y]."""
    projected = solved[:, :-1]
    information = X.T @ projected
    information = (information + information.T) / 2
    if information.size == 1 and information[0, 0] > 0:
        root, covariance = np.sqrt(information), 1.0 / information
    else:
        root = np.linalg.cholesky(information)
        inverse = np.linalg.inv(root)
        covariance = inverse.T @ inverse
    beta = covariance @ (projected.T @ y)
    residual = solved[:, -1] - projected @ beta
    return Moments(
        logdet,
        2.0 * float(np.log(np.diag(root)).sum()),
        float(residual @ (y - X @ beta)),
        beta,
        covariance,
        projected,
        residual,
    )


IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Stack:
    """All blocks of one size n: rows (b, n), V (b, n, n), and per term what multiplies its covariance.

    ``shared[t]`` (b, n, n) is 1 (or a known correlation) where two rows share the group of term t; ``cells[t]`` is the
    entry of G (flattened) that each pair of rows uses, None for intercepts.
    """

    rows: IntArray
    V: FloatArray
    shared: tuple[FloatArray, ...]
    cells: tuple[IntArray | None, ...]


def stack_rows(terms: Sequence[Term], rows: IntArray, V: FloatArray) -> Stack:
    """Return what makes the covariance of several sets of rows of one size, ``rows`` (b, n)."""
    left, right = rows[:, :, None], rows[:, None, :]
    dense = V[left, right] if V.ndim == 2 else np.where(left == right, V[left], 0.0)
    shared: list[FloatArray] = []
    cells: list[IntArray | None] = []
    for term in terms:
        a, b = term.outer.codes[left], term.outer.codes[right]
        shared.append((a == b).astype(np.float64) if term.correlation is None else term.correlation[a, b])
        cells.append(None if term.inner is None else term.inner.codes[left] * term.inner.size + term.inner.codes[right])
    return Stack(rows, dense, tuple(shared), tuple(cells))


def stack_covariance(stack: Stack, variances: Sequence[FloatArray]) -> FloatArray:
    """Return the marginal covariance of each set of rows, (b, n, n)."""
    M = stack.V.copy()
    for G, shared, cells in zip(variances, stack.shared, stack.cells, strict=True):
        M += shared * (G[0, 0] if cells is None else G.ravel()[cells])
    return M


def same_size(labels: IntArray) -> list[IntArray]:
    """Return the rows of each label, labels with equally many rows stacked: arrays (b, n)."""
    sizes = np.bincount(labels)
    by_label = np.split(np.argsort(labels, kind="stable"), np.cumsum(sizes)[:-1])
    return [np.stack([by_label[b] for b in np.flatnonzero(sizes == n)]) for n in np.unique(sizes)]


class BlockEngine:
    """Likelihood ingredients of any set of terms."""

    def __init__(self, terms: Sequence[Term], V: FloatArray) -> None:
        self.terms = tuple(terms)
        self.k = V.shape[0]
        self.stacks = [stack_rows(terms, rows, V) for rows in same_size(row_blocks(terms, V))]

    def solve(self, variances: Sequence[FloatArray], rhs: FloatArray) -> FloatArray:
        """Return M⁻¹ rhs."""
        out = np.empty_like(rhs)
        for stack in self.stacks:
            out[stack.rows] = np.linalg.solve(stack_covariance(stack, variances), rhs[stack.rows])
        return out

    def evaluate(self, variances: Sequence[FloatArray], X: FloatArray, y: FloatArray, restricted: bool) -> Moments:
        """Return the likelihood ingredients; see `Moments`. Raises LinAlgError where M is not positive definite."""
        both = np.column_stack([X, y])
        solved = np.empty_like(both)
        logdet, inverses = 0.0, list[FloatArray]()
        for stack in self.stacks:
            M = stack_covariance(stack, variances)
            logdet += 2.0 * float(np.log(np.diagonal(np.linalg.cholesky(M), axis1=1, axis2=2)).sum())
            inverse = np.asarray(np.linalg.inv(M), dtype=np.float64)
            inverses.append(inverse)
            solved[stack.rows] = inverse @ both[stack.rows]
        fit = moments(logdet, X, y, solved)
        pulls = [np.zeros(1 if t.inner is None else t.inner.size**2) for t in self.terms]
        for stack, inverse in zip(self.stacks, inverses, strict=True):
            self._pull(stack, inverse, fit, restricted, pulls)
        square = [p.reshape(t.structure.m, t.structure.m) for p, t in zip(pulls, self.terms, strict=True)]
        return fit.in_order(np.arange(self.k), square)

    @staticmethod
    def _pull(
        stack: Stack,
        inverse: FloatArray,
        fit: Moments,
        restricted: bool,
        pulls: list[FloatArray],
    ) -> None:
        r = fit.residual[stack.rows]
        want = inverse - r[:, :, None] * r[:, None, :]
        if restricted:
            A = fit.projected[stack.rows]
            want = want - A @ fit.covariance @ np.swapaxes(A, 1, 2)
        for t, (shared, cells) in enumerate(zip(stack.shared, stack.cells, strict=True)):
            share = want * shared
            if cells is None:
                pulls[t][0] += share.sum()
            else:
                pulls[t] += np.bincount(cells.ravel(), share.ravel(), minlength=pulls[t].size)


def row_blocks(terms: Sequence[Term], V: FloatArray) -> IntArray:
    """Return the block of each row: rows are in one block when a covariance or a chain of shared groups joins them."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    k = V.shape[0]
    left, right = [np.arange(k)], [np.arange(k)]
    if V.ndim == 2:
        i, j = np.nonzero(V)
        left.append(i)
        right.append(j)
    for term in terms:
        codes = term.outer.codes
        if term.correlation is not None:
            joined = connected_components(csr_matrix(term.correlation != 0), directed=False)[1]
            codes = joined[codes]
        first = np.zeros(int(codes.max()) + 1, dtype=np.intp)
        first[codes[::-1]] = np.arange(k)[::-1]
        left.append(np.arange(k))
        right.append(first[codes])
    i, j = np.concatenate(left), np.concatenate(right)
    graph = csr_matrix((np.ones(i.size, dtype=bool), (i, j)), shape=(k, k))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)
