"""Covariances that the studies themselves print, as columns of the data."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import InputError
from .covariance import covariance_of, variances_of
from .foreign_data import paired
from .given_numbers import entries_of, floats
from .measures import FloatArray
from .positive import REMEDY, settled

__all__ = ["triangle_covariance"]


@paired
def triangle_covariance(
    triangle: ArrayLike, cluster: Sequence[Hashable], *, vi: ArrayLike | None = None, not_positive: str = "refuse"
) -> FloatArray:
    r"""Return V from the lower triangle of each study's covariance or correlation matrix, printed in columns.

    The r-th row of a cluster holds in its first r columns what it shares with the first r rows of the cluster, itself
    included. Without ``vi`` the numbers are (co)variances, with ``vi`` correlations: :math:`V_{ij} = r_{ij}
    \sqrt{v_i v_j}`.

    Parameters
    ----------
    triangle
        Covariances or correlations, (k, m) with m the size of the largest cluster; entries right of the diagonal are
        not read.
    cluster
        Which rows come from the same patients, one entry a row.
    vi
        Sampling variances (k,), when ``triangle`` holds correlations.
    not_positive
        As in `dependent_covariance`.

    Returns
    -------
    array
        Covariance matrix, (k, k); for `EvidenceTable.from_estimates(yi, V=…)`.

    Raises
    ------
    InputError
        Another shape, a number that is missing or no correlation, no covariance matrix.
    UnknownName
        Another ``not_positive``.

    See Also
    --------
    dependent_covariance : correlations that are assumed.

    References
    ----------
    Berkey et al. 1998, doi:10.1002/(sici)1097-0258(19981130)17:22<2537::aid-sim953>3.0.co;2-c, whose data are printed
    so.

    Examples
    --------
    >>> V = triangle_covariance([[0.0075, float("nan")], [0.0030, 0.0077]], ["A", "A"])
    >>> V.round(6).tolist()
    [[0.0075, 0.003], [0.003, 0.0077]]
    """
    given = floats(triangle, "triangle", "give one column for each row of the largest cluster")
    groups = entries_of(cluster, "cluster", given.shape[0] if given.ndim else 0)
    rows = [np.array([i for i, g in enumerate(groups) if g == one], dtype=np.intp) for one in dict.fromkeys(groups)]
    widest = max((len(r) for r in rows), default=0)
    if given.ndim != 2 or given.shape[1] != widest:
        raise InputError(
            f"triangle has shape {given.shape}, the largest cluster {widest} rows · give one column for each of them"
        )
    out = np.zeros((given.shape[0], given.shape[0]))
    for at in rows:
        block = np.tril(given[at][:, : len(at)])
        out[np.ix_(at, at)] = block + np.tril(block, -1).T
    missing = np.flatnonzero(~np.isfinite(out).all(axis=1))
    if missing.size:
        raise InputError(
            f"triangle, row {missing[0]}: a number is missing · give what the row shares with those before it"
        )
    if vi is not None:
        if (np.abs(out) > 1).any() or (np.diag(out) != 1).any():
            raise InputError("triangle holds no correlations (1 for itself, none beyond ±1) · leave out vi")
        return covariance_of(variances_of(vi), settled(out, not_positive), not_positive, REMEDY)
    if not (np.diag(out) > 0).all():
        raise InputError("triangle has a variance that is not above 0 · give each row's own variance")
    root = np.sqrt(np.diag(out))
    correlation = settled(out / (root[:, None] * root[None, :]), not_positive)
    return covariance_of(np.diag(out), correlation, not_positive, REMEDY)
