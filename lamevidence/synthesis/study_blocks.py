"""What one study says about its own untreated slope, effect and bias, whitened so that a handful of numbers is left.

The rows of a study are y = Z θₛ + e, e ~ N(0, C), with θₛ = (γₛ, δₛ, bₛ) ~ N(B β, T), T = diag(τ²): multiplied by the
inverse Cholesky factor of C, and rotated when there are more than three, they become R θₛ + noise of unit variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..effects.measures.base import FloatArray
from .packed import Packed, inverted

__all__ = ["Block", "block_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One study, whitened.

    Attributes
    ----------
    study
        Its id.
    R, y
        Design of the study's own three values and the observations, (r, 3) and (r,), r ≤ 3.
    B
        Which mean effects its three values are drawn around, (3, p).
    rest
        −2 log density that depends on no parameter.
    """

    study: str
    R: FloatArray
    y: FloatArray
    B: FloatArray
    rest: float

    @property
    def X(self) -> FloatArray:
        """Design of the mean effects, (r, p)."""
        return np.asarray(self.R @ self.B)

    def inverse(self, tau2: Sequence[Any]) -> tuple[Packed, Any]:
        """Return the inverse of V = I + R T R' and log |V| at nodes of the variances τ²."""
        r = self.y.size
        V: Packed = {}
        for i in range(r):
            for j in range(i + 1):
                parts = [tau2[a] * float(self.R[i, a] * self.R[j, a]) for a in range(3) if self.R[i, a] * self.R[j, a]]
                V[i, j] = sum(parts, start=float(i == j))
        return inverted(V, r)

    def information(self) -> FloatArray:
        """Return the information that the rows hold about each of the three values alone, (3,)."""
        return np.asarray((self.R**2).sum(axis=0))


def block_of(study: str, yi: FloatArray, C: FloatArray, Z: FloatArray, B: FloatArray) -> Block:
    """Return the rows of one study as a block.

    Parameters
    ----------
    study
        Its id.
    yi, C
        Estimates and their covariance, (n,) and (n, n).
    Z
        Design of the study's own values, (n, 3).
    B
        Which mean effects these are drawn around, (3, p).
    """
    low = np.linalg.cholesky(C)
    R, y = np.linalg.solve(low, Z), np.linalg.solve(low, yi)
    rest = y.size * np.log(2.0 * np.pi) + 2.0 * np.log(np.diag(low)).sum()
    if y.size > 3:
        rotation, R = np.linalg.qr(R)
        kept = rotation.T @ y
        gap = y - rotation @ kept
        rest += gap @ gap
        y = kept
    return Block(study, R, y, B, float(rest))
