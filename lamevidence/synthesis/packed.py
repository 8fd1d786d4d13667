"""Symmetric matrices of two to four rows at every node of a grid: entries as arrays that broadcast, no loop over nodes.

A matrix is a dict (i, j) → array with i ≥ j. Entries may have any shapes that broadcast against each other.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..effects.measures.base import FloatArray

__all__ = ["Packed", "entry", "inverted", "product", "quadratic"]

Packed: TypeAlias = dict[tuple[int, int], Any]
"""(i, j), i ≥ j → entry: a number, or an array over nodes."""


def entry(matrix: Packed, i: int, j: int) -> Any:  # noqa: ANN401
    """Return entry (i, j) of a symmetric matrix."""
    return matrix[max(i, j), min(i, j)]


def inverted(matrix: Packed, p: int) -> tuple[Packed, Any]:
    """Return the inverse of a positive definite matrix and the log of its determinant, through Cholesky's factor."""
    low: Packed = {}
    for i in range(p):
        for j in range(i + 1):
            s = matrix[i, j]
            for m in range(j):
                s = s - low[i, m] * low[j, m]
            low[i, j] = np.sqrt(s) if i == j else s / low[j, j]
    inner: Packed = {}
    for j in range(p):
        inner[j, j] = 1.0 / low[j, j]
        for i in range(j + 1, p):
            s = sum(low[i, m] * inner[m, j] for m in range(j, i))
            inner[i, j] = -s / low[i, i]
    out = {(i, j): sum(inner[m, i] * inner[m, j] for m in range(i, p)) for i in range(p) for j in range(i + 1)}
    return out, sum(2.0 * np.log(low[i, i]) for i in range(p))


def product(matrix: Packed, vector: list[Any], p: int) -> list[Any]:
    """Return matrix times vector."""
    return [sum(entry(matrix, i, j) * vector[j] for j in range(p)) for i in range(p)]


def quadratic(matrix: Packed, c: FloatArray, d: FloatArray | None = None) -> Any:  # noqa: ANN401
    """Return c' matrix d for numbers c and d (c' matrix c without ``d``)."""
    d = c if d is None else d
    total: Any = 0.0
    for i in np.flatnonzero(c):
        for j in np.flatnonzero(d):
            total = total + float(c[i] * d[j]) * entry(matrix, int(i), int(j))
    return total
