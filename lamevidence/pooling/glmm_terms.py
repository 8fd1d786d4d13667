"""What one and two random effects a study share: quadrature nodes, sums over rows, the terms of each study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..effects.measures.base import FloatArray

__all__ = ["MODE_STEPS", "Terms", "hermite", "over_rows"]

MODE_STEPS = 60


@dataclass(frozen=True, slots=True)
class Terms:
    """Log-likelihood of each study (b, k) with gradient (b, k, u) and Hessian (b, k, u, u) in its own terms.

    The u terms are the row predictors f and the scale parameters; ``mode`` is (b, k, d).
    """

    value: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    mode: FloatArray


def over_rows(a: FloatArray) -> FloatArray:
    """Return the sum over the first axis (one or two rows; numpy's own reduction costs more than the sum)."""
    return np.asarray(a[0] if a.shape[0] == 1 else a[0] + a[1])


@lru_cache(maxsize=64)
def hermite(nodes: int, d: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes t (q, d) and log{w e^{|t|²/2}} (q,) for the standard normal weight."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    logw = np.log(w) - 0.5 * np.log(2 * np.pi) + x * x / 2
    if d == 1:
        return x[:, None], logw
    t = np.stack(np.meshgrid(*[x] * d, indexing="ij"), axis=-1).reshape(-1, d)
    total = np.sum(np.meshgrid(*[logw] * d, indexing="ij"), axis=0).reshape(-1)
    return t, total
