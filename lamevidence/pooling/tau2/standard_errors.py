"""Standard errors of τ² estimators, from the variance of a quadratic form of normals or from information."""

from __future__ import annotations

import numpy as np

from ...effects.foreign_data import paired
from ...effects.given_numbers import finite
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, NotEstimable, OptionError, TooFewStudies
from ...foundation.options import a_number
from .estimators import TAU2, crude_variance

__all__ = ["standard_error", "tau2_standard_error"]


HIGH = 0.5
"""A study whose leverage is above this is left out to learn what it leaves: 1 − h loses digits beside 1."""


def traces(w: FloatArray, d: FloatArray, X: FloatArray | None) -> tuple[float, float]:
    """Return tr P and tr(PDPD) for a diagonal D, P = W − WX(X'WX)⁻¹X'W, each a sum of terms that do not cancel.

    With Q the orthonormal basis of W^½X, h its squared rows and a = wd:
    tr(PDPD) = Σ aᵢ²(1 − hᵢ)² + Σ_{i≠j} aᵢaⱼ(qᵢ'qⱼ)². Where one weight is millions of times another, tr PP written as
    Σw² − 2… keeps no digits.
    """
    X = np.ones((w.size, 1)) if X is None else X
    order = np.argsort(-w)  # heavy rows first: the small rows of Q then keep their relative digits
    w, d, X = w[order], d[order], X[order]
    Q = np.linalg.qr(np.sqrt(w)[:, None] * X)[0]
    h = np.einsum("ij,ij->i", Q, Q)
    left, high, a = 1.0 - h, np.flatnonzero(h > HIGH), w * d
    for i in high:
        left[i] = _left(w, X, int(i))
    low = np.setdiff1d(np.arange(w.size), high)
    inner = (Q[low].T * a[low]) @ Q[low]
    off = float((inner * inner).sum() - ((a[low] * h[low]) ** 2).sum())
    cross = np.outer(a[high], a) * (Q[high] @ Q.T) ** 2
    cross[np.arange(high.size), high] = 0.0  # in `left` already
    off += float(2 * cross[:, low].sum() + cross[:, high].sum())
    return float((w * left).sum()), float(((a * left) ** 2).sum()) + off


def _left(w: FloatArray, X: FloatArray, i: int) -> float:
    """Return 1 − hᵢ = 1/(1 + wᵢxᵢ'(X'WX without i)⁻¹xᵢ), 0 where the design needs the study."""
    others = np.delete(np.sqrt(w)[:, None] * X, i, axis=0)
    singular, V = np.linalg.svd(others, full_matrices=False)[1:]
    if others.shape[0] < X.shape[1] or singular[-1] <= 1e-13 * singular[0]:
        return 0.0
    return float(1.0 / (1.0 + w[i] * (((V @ X[i]) / singular) ** 2).sum()))


def form_variance(v: FloatArray, t: float, X: FloatArray | None, a: FloatArray) -> float:
    """Return Var(y'Py) = 2 tr(P(V + tI)P(V + tI)) for weights ``a``."""
    return 2.0 * traces(a, v + t, X)[1]


@paired
def tau2_standard_error(
    method: str, y: FloatArray, v: FloatArray, t: float, X: FloatArray | None = None, a: FloatArray | None = None
) -> float:
    """Return the standard error of τ² for one data set, nan where none is published.

    Moment estimators: √Var(Q)/tr P. ML: √(2/Σw²). REML: √(2/tr PP). Roots of Q(τ²) = c: √(2k²/(k − p))/Σw
    with w = 1/(v + τ²) (Sidik & Jonkman 2007, doi:10.1002/sim.2688).

    Parameters
    ----------
    method
        Code in `TAU2`.
    y, v, t
        Estimates and variances (k,), and τ².
    X, a
        Design (k, p) or None for a common mean; weights (k,) of GENQ and GENQM.

    Returns
    -------
    float
        Standard error of τ².

    Raises
    ------
    UnknownName
        No such estimator.
    InputError, OptionError
        Numbers that are not finite, variances that are not positive, lengths that differ, weights without GENQ.
    NotEstimable, TooFewStudies
        A singular design; fewer than two studies.

    See Also
    --------
    likelihood_profile : The likelihood of τ² itself.

    References
    ----------
    Sidik & Jonkman 2007, doi:10.1002/sim.2688 (variance of moment estimators as quadratic forms).

    Examples
    --------
    >>> y, v = np.array([0.1, 0.9]), np.array([0.04, 0.09])
    >>> round(tau2_standard_error("DL", y, v, 0.255), 4)
    0.4525
    """
    TAU2.entry(method)
    y, v = finite(y, "y"), finite(v, "v", "give positive numbers", above=0)
    t = a_number("t", t, least=0)
    if y.ndim != 1 or v.shape != y.shape:
        raise InputError(f"y has shape {y.shape}, v has shape {v.shape} · give one estimate and one variance a study")
    if y.size < 2:
        raise TooFewStudies("a standard error of tau2", y.size, 2)
    if method in ("GENQ", "GENQM") or a is not None:
        a = _own_weights(method, a, y.size)
    if X is not None:
        X = finite(X, "X")
        if X.ndim != 2 or X.shape[0] != y.size or np.linalg.matrix_rank(X) < X.shape[1] or X.shape[1] >= y.size:
            raise NotEstimable(f"X has shape {X.shape} · give a ({y.size}, p) design of full rank, p < {y.size}")
    return standard_error(method, y, v, t, X, a)


def standard_error(
    method: str, y: FloatArray, v: FloatArray, t: float, X: FloatArray | None, a: FloatArray | None
) -> float:
    """Return `tau2_standard_error` of numbers already checked."""
    if X is not None:
        X = np.linalg.qr(X / np.sqrt((X * X).sum(axis=0)))[0]
    k, p = y.size, 1 if X is None else X.shape[1]
    w = 1.0 / (v + t)
    if method in ("ML", "REML"):
        information = np.sum(w * w) if method == "ML" else traces(w, np.ones(k), X)[1]
        return float(np.sqrt(2.0 / information))
    if method in ("PM", "EB", "DLIT", "SJIT", "PMM"):
        return float(np.sqrt(2.0 * k * k / (k - p)) / np.sum(w))
    if method in ("HS", "HSk"):
        factor = 1.0 if method == "HS" else k / (k - p)
        return factor * float(np.sqrt(form_variance(v, t, X, 1.0 / v)) / np.sum(1.0 / v))
    if method == "SJ":
        start = float(crude_variance(y[None], v[None], np.array([float(k)]))[0])
        if start == 0:
            return 0.0
        return start / (k - p) * float(np.sqrt(form_variance(v, t, X, 1.0 / (v + start))))
    weights = _moment_weights(method, y, v, X, a)
    if weights is None:
        return float("nan")
    return float(np.sqrt(form_variance(v, t, X, weights)) / traces(weights, v, X)[0])


def _own_weights(method: str, a: FloatArray | None, k: int) -> FloatArray:
    if a is None or method not in ("GENQ", "GENQM"):
        raise OptionError("weights belong to GENQ and GENQM · give both, or neither")
    weights = finite(a, "a", "give one positive weight a study", above=0)
    if weights.shape != (k,):
        raise InputError(f"a has shape {weights.shape} · give {k} positive weights")
    return weights


def _moment_weights(
    method: str, y: FloatArray, v: FloatArray, X: FloatArray | None, a: FloatArray | None
) -> FloatArray | None:
    if method == "DL":
        return np.asarray(1.0 / v)
    if method in ("HE", "CA"):
        return np.ones_like(v)
    return a if method in ("GENQ", "GENQM") else None
