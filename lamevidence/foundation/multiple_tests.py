"""P values of several tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["holm"]

FloatArray = NDArray[np.float64]


def holm(p: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return p values adjusted by Holm's method, (n,): rejecting those ≤ α errs anywhere with probability ≤ α.

    In the order of pᵢ/wᵢ each is multiplied by the weights that are left, Σⱼ≥ᵢ wⱼ/wᵢ, and made no smaller than the one
    before it.

    Parameters
    ----------
    p
        P values, (n,).
    weights
        Fixed before the data are seen, above 0, (n,); equal when left out.

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6:65.

    Examples
    --------
    >>> import numpy as np
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    >>> holm(np.array([0.01, 0.04]), np.array([1.0, 3.0])).round(3).tolist()
    [0.04, 0.04]
    """
    w = np.ones(p.size) if weights is None else weights
    order = np.argsort(p / w)
    left = np.cumsum(w[order][::-1])[::-1]
    raised = np.maximum.accumulate(p[order] * left / w[order])
    out = np.empty_like(p)
    out[order] = np.minimum(raised, 1.0)
    return out
