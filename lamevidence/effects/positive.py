"""Correlations that make no covariance matrix: refused, replaced by the nearest that do, or kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..foundation.errors import ConvergenceError
from ..foundation.options import a_choice
from .measures import FloatArray

__all__ = ["REMEDY", "nearest_correlation", "settled"]

REMEDY = "choose correlations nearer 0, or not_positive='nearest'"
CHOICES = ("refuse", "nearest", "keep")
ROUNDS, CLOSE = 100, 1e-7
"""Most projections, and the relative change at which they end."""
SMALL = 1e-6
"""An eigenvalue below this share of the largest one is cut off."""
LEAST = 1e-8
"""Smallest eigenvalue of what is returned, as a share of the largest one: the matrix can be inverted."""


def settled(correlation: FloatArray, not_positive: str) -> FloatArray:
    """Return the correlations; with ``nearest`` each block that is not positive definite is replaced."""
    if a_choice("not_positive", not_positive, CHOICES) != "nearest":
        return correlation
    out = correlation.copy()
    for rows in _blocks(correlation):
        block = correlation[np.ix_(rows, rows)]
        if np.linalg.eigvalsh(block)[0] <= np.finfo(float).eps:
            out[np.ix_(rows, rows)] = nearest_correlation(block)
    return out


def _blocks(correlation: FloatArray) -> list[NDArray[np.intp]]:
    """Return the rows of each set that correlations connect."""
    left, out = set(range(len(correlation))), []
    while left:
        block, fresh = set[int](), {min(left)}
        while fresh:
            block |= fresh
            fresh = set(np.flatnonzero((correlation[sorted(fresh)] != 0).any(axis=0)).tolist()) - block
        left -= block
        out.append(np.array(sorted(block), dtype=np.intp))
    return out


def nearest_correlation(matrix: FloatArray) -> FloatArray:
    """Return the correlation matrix nearest to ``matrix`` in the Frobenius norm, (n, n).

    Projections on the positive semidefinite matrices and on those with 1 on the diagonal in turn, with Dykstra's
    correction; then eigenvalues below `LEAST` of the largest one are raised to it.

    References
    ----------
    Higham 2002, doi:10.1093/imanum/22.3.329.
    """
    now, correction = matrix, np.zeros_like(matrix)
    for _ in range(ROUNDS):
        before, start = now, now - correction
        value, vector = np.linalg.eigh(start)
        large = value > SMALL * value[-1]
        now = (vector[:, large] * value[large]) @ vector[:, large].T
        correction = now - start
        np.fill_diagonal(now, 1.0)
        if np.linalg.norm(before - now, np.inf) <= CLOSE * np.linalg.norm(before, np.inf):
            break
    else:
        raise ConvergenceError("no nearest correlation matrix was reached · choose correlations nearer 0")
    value, vector = np.linalg.eigh(now)
    least = LEAST * abs(value[-1])
    if value[0] < least:
        raised = (vector * np.maximum(value, least)) @ vector.T
        size = np.sqrt(np.maximum(least, np.diag(now)) / np.diag(raised))
        now = raised * size[:, None] * size[None, :]
        np.fill_diagonal(now, 1.0)
    return np.asarray(now)
