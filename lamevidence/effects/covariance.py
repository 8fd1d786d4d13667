"""Effects that share patients: their covariance, and one effect made from several."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_flag, a_number
from .foreign_data import paired
from .given_numbers import entries_of, finite
from .measures import FloatArray
from .rows import covariance_matrix

__all__ = ["aggregate", "correlated_covariance", "shared_control_covariance"]


def _vector(name: str, values: ArrayLike) -> FloatArray:
    array = finite(values, name, "give one number a row")
    if array.ndim != 1:
        raise InputError(f"{name} is not a list of finite numbers · give one a row")
    return array


def _same(cluster: Sequence[Hashable], k: int, name: str) -> Any:  # noqa: ANN401
    groups = entries_of(cluster, name, k)
    codes = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    ids = np.array([codes[g] for g in groups])
    return ids[:, None] == ids[None, :]


def require_positive(matrix: FloatArray, remedy: str = "choose one nearer 0") -> FloatArray:
    """Return a matrix that is positive semidefinite; the remedy is that of the caller's data."""
    scale = float(np.diag(matrix).max())
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest < -1e-10 * scale:
        raise InputError(f"this correlation makes no covariance matrix (smallest eigenvalue {lowest:.3g}) · {remedy}")
    return matrix


def same_rows(key: Sequence[Hashable], k: int, name: str) -> Any:  # noqa: ANN401
    """Return which pairs of the k rows have one entry of ``key``, (k, k)."""
    return _same(key, k, name)


def variances_of(vi: ArrayLike) -> FloatArray:
    """Return sampling variances, finite and not negative."""
    variances = _vector("vi", vi)
    if (variances < 0).any():
        raise InputError("vi holds a negative number · variances are not")
    return variances


def covariance_of(
    variances: FloatArray,
    correlation: FloatArray,
    not_positive: str = "refuse",
    remedy: str = "choose one nearer 0",
) -> FloatArray:
    """Return √v_i √v_j r_ij with v on the diagonal, positive semidefinite unless it is to be kept as it is."""
    errors = np.sqrt(variances)
    matrix = correlation * errors[:, None] * errors[None, :]
    np.fill_diagonal(matrix, variances)
    if not_positive == "keep":
        return matrix
    return require_positive(matrix, remedy)


@paired
def correlated_covariance(
    vi: ArrayLike,
    cluster: Sequence[Hashable],
    rho: float,
    *,
    within: Sequence[Hashable] | None = None,
    rho_within: float | None = None,
) -> FloatArray:
    """Return V with covariance ρ √(v_i v_j) between rows of one cluster, 0 between clusters.

    Parameters
    ----------
    vi
        Sampling variances, (k,).
    cluster
        Which rows come from the same patients, one entry a row.
    rho
        Correlation of two sampling errors of a cluster (of two outcomes, when ``within`` is given).
    within, rho_within
        A second key (outcome, time) and the correlation of rows that share it too; both or none.

    Returns
    -------
    array
        Covariance matrix, (k, k): ``vi`` on the diagonal; for `EvidenceTable.from_estimates(yi, V=…)`.

    Raises
    ------
    OptionError
        A correlation outside [−1, 1], or only one of ``within`` and ``rho_within``.
    InputError
        Lengths differ, a variance is not positive, or the matrix is not positive semidefinite.

    See Also
    --------
    dependent_covariance : several kinds of dependence at once.
    shared_control_covariance : contrasts with one control arm.

    References
    ----------
    Hedges, Tipton & Johnson 2010, doi:10.1002/jrsm.5, for a working correlation that is assumed.

    Examples
    --------
    >>> V = correlated_covariance([0.04, 0.09], ["A", "A"], 0.5)
    >>> round(float(V[0, 1]), 6)
    0.03
    """
    variances = variances_of(vi)
    a_number("rho", rho, least=-1, most=1)
    if rho_within is not None:
        a_number("rho_within", rho_within, least=-1, most=1)
    if (within is None) != (rho_within is None):
        raise OptionError("within and rho_within belong together · give both or none")
    k = variances.shape[0]
    same = _same(cluster, k, "cluster")
    correlation = np.where(same, float(rho), 0.0)
    if within is not None and rho_within is not None:
        correlation = np.where(same & _same(within, k, "within"), float(rho_within), correlation)
    return covariance_of(variances, correlation)


@paired
def shared_control_covariance(vi: ArrayLike, control_vi: ArrayLike, control: Sequence[Hashable]) -> FloatArray:
    """Return V of contrasts that share a control arm: the variance of the shared arm is their covariance.

    Parameters
    ----------
    vi
        Variances of the contrasts, (k,).
    control_vi
        The part of each that the control arm contributes: s²/n for a mean difference, 1/c + 1/d for a log odds
        ratio, 1/c − 1/n for a log risk ratio, 1/events for a log rate ratio (Gleser & Olkin 2009).
    control
        Which control arm each row uses.

    Returns
    -------
    array
        Covariance matrix, (k, k): ``vi`` on the diagonal; for `EvidenceTable.from_estimates(yi, V=…)`.

    Raises
    ------
    InputError
        The control contributes more than the whole variance, or rows of one control disagree about it.

    See Also
    --------
    correlated_covariance : one correlation within clusters.

    References
    ----------
    Gleser & Olkin 2009, in The Handbook of Research Synthesis, 2nd ed., chapter 19.

    Examples
    --------
    >>> float(shared_control_covariance([0.3, 0.4], [0.1, 0.1], ["A", "A"])[0, 1])
    0.1
    """
    variances, part = _vector("vi", vi), _vector("control_vi", control_vi)
    if part.shape != variances.shape:
        raise InputError(f"control_vi has {part.shape[0]} entries for {variances.shape[0]} rows · give one a row")
    if (part < 0).any() or (part > variances).any():
        i = int(np.flatnonzero((part < 0) | (part > variances))[0])
        raise InputError(f"control_vi[{i}] = {part[i]:g} does not lie between 0 and vi[{i}] = {variances[i]:g}")
    same = _same(control, variances.shape[0], "control")
    if not np.allclose(np.where(same, part[:, None] - part[None, :], 0.0), 0.0, atol=1e-9 * float(part.max())):
        raise InputError("rows of one control arm give it different variances · it is one arm")
    matrix = np.where(same, part[:, None], 0.0)
    np.fill_diagonal(matrix, variances)
    return require_positive(matrix)


@paired
def aggregate(
    yi: ArrayLike, V: ArrayLike, cluster: Sequence[Hashable], *, weighted: bool = True
) -> tuple[FloatArray, FloatArray, tuple[Hashable, ...]]:
    """Return one estimate and variance a cluster, and the clusters in order of first appearance.

    With weights, the generalised least squares mean (1'V⁻¹y)/(1'V⁻¹1), variance 1/(1'V⁻¹1); without, the plain mean
    and 1'V1/m². A weighted mean may lie outside the range of its parts when they are highly correlated.

    Parameters
    ----------
    yi
        Estimates, (k,).
    V
        Covariance matrix of the estimates, (k, k).
    cluster
        Which rows are made one, one entry a row.
    weighted
        Generalised least squares mean, or the plain mean.

    Returns
    -------
    tuple
        Estimates and variances, one a cluster, and the clusters.

    Raises
    ------
    InputError
        The shapes do not match or a block of V cannot be inverted.

    See Also
    --------
    correlated_covariance : makes V.

    References
    ----------
    Borenstein et al. 2009, Introduction to Meta-Analysis, ch. 24, for the plain mean.

    Examples
    --------
    >>> y, v, _ = aggregate([0.2, 0.4], [[0.1, 0.05], [0.05, 0.1]], ["A", "A"])
    >>> round(float(y[0]), 6), round(float(v[0]), 6)
    (0.3, 0.075)
    """
    effects = _vector("yi", yi)
    k = effects.shape[0]
    matrix = covariance_matrix(V, k)
    a_flag("weighted", weighted)
    groups = entries_of(cluster, "cluster", k)
    names = tuple(dict.fromkeys(groups))
    means, variances = np.empty(len(names)), np.empty(len(names))
    for i, name in enumerate(names):
        rows = np.array([g == name for g in groups])
        block = matrix[np.ix_(rows, rows)]
        ones = np.ones(int(rows.sum()))
        if weighted and np.linalg.matrix_rank(block, hermitian=True) < ones.size:
            raise InputError(f"V of cluster {name!r} is singular · its rows say the same; keep one")
        weights = np.linalg.solve(block, ones) if weighted else ones
        weights = weights / weights.sum()
        means[i] = weights @ effects[rows]
        variances[i] = weights @ block @ weights
    return means, variances, names
