"""The likelihood of τ² and the sums its score and slope are made of, for many data sets at once.

Studies lie on the last axis, any leading axes; ``v = inf`` marks an absent study. w = 1/(v + t), P as in `kernels`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...effects.measures.base import FloatArray
from .kernels import Projection

__all__ = ["Terms", "restricted_log_likelihood", "score", "terms"]

BLOCK = 10_000
"""Numbers worked on at once: what the first-level cache nearly holds."""


class Terms(NamedTuple):
    """y'PPy, tr P, y'Py, y'PPPy and tr PP (ML: Σw and Σw² for the traces): numbers, or one a data set.

    The score is half of ``up − down``; Newton's method works on h = down/up − 1, which rises through 0 at a
    maximum and is linear in t when all variances are equal, so that it needs one step then.
    """

    up: Any
    down: Any
    q: Any
    cubic: Any
    curvature: Any

    @property
    def h(self) -> Any:  # noqa: ANN401
        """Return h at t, negative where the likelihood rises."""
        return self.down / self.up - 1.0

    @property
    def slope(self) -> Any:  # noqa: ANN401
        """Return the derivative of h."""
        return (2.0 * self.cubic * (self.down / self.up) - self.curvature) / self.up


def restricted_log_likelihood(
    y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray | None, restricted: bool
) -> FloatArray:
    """Return the log-likelihood of t up to a constant that does not depend on t; absent studies add 0."""
    total = v + t[..., None]
    live = np.isfinite(total)
    w = 1.0 / total
    projection = Projection(w, X)
    r = projection.residuals(y)
    logs = np.log(np.where(live, total, 1.0))
    value = np.add.reduce(w * r * r, axis=-1) + np.add.reduce(logs, axis=-1)
    if restricted:
        value = value + projection.log_determinant()
    return np.asarray(-0.5 * value)


def _inner(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return Σab over the studies."""
    return np.add.reduce(a * b, axis=-1)  # type: ignore[no-any-return]


def _weights_and_residuals(y: FloatArray, v: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return w, Σw and the residuals of the weighted mean, for data (…, k) and t (…)."""
    w = v + t[..., None]
    np.divide(1.0, w, out=w)
    total = np.add.reduce(w, axis=-1)
    return w, total, y - (_inner(w, y) / total)[..., None]


def score(
    y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray | None, restricted: bool
) -> tuple[FloatArray, FloatArray]:
    """Return the numbers whose difference is twice the score: y'PPy and tr P (or Σw)."""
    if X is None:
        w, total, r = _weights_and_residuals(y, v, t)
        r *= w
        return _inner(r, r), total - _inner(w, w) / total if restricted else total
    projection = Projection(1.0 / (v + t[..., None]), X)
    pr = projection.apply(y)
    against = projection.trace() if restricted else np.add.reduce(projection.w, axis=-1)
    return np.add.reduce(pr * pr, axis=-1), against


def terms(y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray | None, restricted: bool) -> Terms:
    """Return the terms of m data sets, y and v (m, k), each at its t."""
    if X is not None:
        return _terms_of_design(y, v, t, X, restricted)
    step = max(2, BLOCK // y.shape[1])
    if t.size <= step:
        return _terms_of_mean(y, v, t, restricted)
    out = np.empty((5, t.size))
    for i in range(0, t.size, step):
        part = slice(min(i, t.size - 2), i + step)
        out[:, part] = _terms_of_mean(y[part], v[part], t[part], restricted)
    return Terms(*out)


def _terms_of_mean(y: FloatArray, v: FloatArray, t: FloatArray, restricted: bool) -> Terms:
    w, total, r = _weights_and_residuals(y, v, t)
    pr = w * r
    r *= pr
    q = np.add.reduce(r, axis=-1)
    np.multiply(pr, pr, out=r)
    up, cubic = np.add.reduce(r, axis=-1), _inner(w, r)
    pr *= w
    cross = np.add.reduce(pr, axis=-1)
    cubic -= cross * cross / total
    np.multiply(w, w, out=r)
    squares = np.add.reduce(r, axis=-1)
    if not restricted:
        return Terms(up, total, q, cubic, squares)
    r *= w
    share = squares / total
    return Terms(up, total - share, q, cubic, squares - 2.0 * np.add.reduce(r, axis=-1) / total + share * share)


def _terms_of_design(y: FloatArray, v: FloatArray, t: FloatArray, X: FloatArray, restricted: bool) -> Terms:
    projection = Projection(1.0 / (v + t[..., None]), X)
    w = projection.w
    r = projection.residuals(y)
    pr = w * r
    if restricted:
        down, curvature = projection.trace(), projection.trace_squared()
    else:
        down, curvature = np.add.reduce(w, axis=-1), _inner(w, w)
    return Terms(_inner(pr, pr), down, _inner(pr, r), _inner(pr, projection.apply(pr)), curvature)
