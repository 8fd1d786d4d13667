"""Covariance of estimates that share patients in several ways: outcomes, repeated measures, time, arms."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_number
from .covariance import covariance_of, same_rows, variances_of
from .foreign_data import paired
from .given_numbers import entries_of, finite
from .measures import FloatArray
from .positive import REMEDY, settled

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["dependent_covariance"]

LARGEST_GAP = 1e-12
"""Two halves of a correlation matrix, or its diagonal and 1, may differ by this: what decimals leave."""


@paired
def dependent_covariance(
    vi: ArrayLike,
    cluster: Sequence[Hashable],
    *,
    subgroup: Sequence[Hashable] | None = None,
    outcome: Sequence[Hashable] | None = None,
    observation: Sequence[Hashable] | None = None,
    rho: float | pd.DataFrame | None = None,
    rho_observation: float | pd.DataFrame | None = None,
    time: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    phi: float | None = None,
    arms: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
    sizes: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    not_positive: str = "refuse",
) -> FloatArray:
    r"""Return V = √v_i √v_j r_ij, with r the product of the correlations that the rows of a cluster share.

    - ``outcome`` or ``observation`` alone: ``rho`` between different ones, 1 within one;
    - both: ``rho`` between outcomes, ``rho_observation`` between observations of one outcome;
    - ``time``: :math:`\phi^{|t_i - t_j|}`;
    - ``arms``: contrasts of one cluster that share an arm, :math:`\pm (1/w) / \sqrt{(1/w_{1i} + 1/w_{2i})
      (1/w_{1j} + 1/w_{2j})}`, minus where the arm stands on opposite sides;
    - ``arms`` with two time points a row: each shared arm's term times :math:`\phi` to the power of the time between
      the two measurements of that arm, and a contrast within one arm (before and after) has
      :math:`1/w_1 + 1/w_2 - 2 \phi^{|t_1 - t_2|} / \sqrt{w_1 w_2}` in place of :math:`1/w_1 + 1/w_2`.

    Parameters
    ----------
    vi, cluster
        Sampling variances (k,) and which rows come from the same patients.
    subgroup
        Groups of a cluster's patients that have no patient in common, one entry a row: their rows are independent.
    outcome, observation
        What is measured, and which instrument or informant measures it, one entry a row.
    rho, rho_observation
        Correlations, as above: one number for all pairs, or a DataFrame whose index and columns are the outcomes
        (observations).
    time, phi
        Time points (k,), or those of the first and of the second arm, (2, k); the correlation one unit of time apart.
    arms, sizes
        Names of the first and the second arm of each row, and how many patients each has: (2, k), or (k,) where both
        have as many.
    not_positive
        What is done when these correlations make no covariance matrix: ``refuse``; ``nearest`` takes the nearest
        correlation matrix of that cluster; ``keep`` returns what the correlations give, which no model can use.

    Returns
    -------
    array
        Covariance matrix, (k, k): ``vi`` on the diagonal; for `EvidenceTable.from_estimates(yi, V=…)`.

    Raises
    ------
    OptionError
        A correlation outside [−1, 1] (phi outside [0, 1]), or given without what it is the correlation of.
    UnknownName
        Another ``not_positive``.
    InputError
        Lengths differ, a number is not finite or not positive, a matrix of correlations lacks a label, or the
        correlations make no covariance matrix.

    See Also
    --------
    correlated_covariance : one correlation within clusters.
    triangle_covariance : covariances or correlations that studies print.

    References
    ----------
    Gleser & Olkin 2009, in The Handbook of Research Synthesis, 2nd ed., chapter 19; Trikalinos & Olkin 2012,
    doi:10.1177/1740774512457767. Nearest correlation matrix: Higham 2002, doi:10.1093/imanum/22.3.329.

    Examples
    --------
    >>> V = dependent_covariance([0.04, 0.04], ["A", "A"], time=[0, 2], phi=0.5)
    >>> round(float(V[0, 1]), 6)
    0.01
    >>> import pandas as pd
    >>> words = ["pain", "sleep", "mood"]
    >>> rho = pd.DataFrame([[1, 0.6, 0.2], [0.6, 1, 0.3], [0.2, 0.3, 1]], index=words, columns=words)
    >>> V = dependent_covariance([0.04, 0.04], ["A", "A"], outcome=["pain", "mood"], rho=rho)
    >>> round(float(V[0, 1]), 6)
    0.008
    """
    variances = variances_of(vi)
    k = variances.shape[0]
    correlation = _measured(k, outcome, observation, rho, rho_observation)
    if (time is None) != (phi is None):
        raise OptionError("time and phi belong together · give both or none")
    if (arms is None) != (sizes is None):
        raise OptionError("arms and sizes belong together · give both or none")
    shrink = 1.0 if phi is None else a_number("phi", phi, least=0, most=1)
    times = np.zeros((1, k)) if time is None else _times(time, k)
    if arms is not None and sizes is not None:
        correlation = correlation * _shared_arms(k, arms, sizes, times, shrink)
    elif times.shape[0] == 2:
        raise OptionError("two time points a row are those of two arms · give arms and sizes too, or one time a row")
    else:
        correlation = correlation * _apart(times[0], times[0], shrink)
    related = same_rows(cluster, k, "cluster")
    if subgroup is not None:
        related = related & same_rows(subgroup, k, "subgroup")
    return covariance_of(variances, settled(np.where(related, correlation, 0.0), not_positive), not_positive, REMEDY)


def _apart(first: FloatArray, second: FloatArray, phi: float) -> FloatArray:
    """Return φ to the power of the time between each pair."""
    return np.asarray(phi ** np.abs(first[:, None] - second[None, :]))


def _times(time: ArrayLike | tuple[ArrayLike, ArrayLike], k: int) -> FloatArray:
    """Return the time points, (1, k) or (2, k)."""
    t = np.atleast_2d(finite(time, "time", "give one time point a row, or those of the first and of the second arm"))
    if t.shape not in ((1, k), (2, k)):
        raise InputError(f"time has shape {t.shape} for {k} rows")
    return np.asarray(t)


def _measured(
    k: int,
    outcome: Sequence[Hashable] | None,
    observation: Sequence[Hashable] | None,
    rho: float | pd.DataFrame | None,
    rho_observation: float | pd.DataFrame | None,
) -> FloatArray:
    """Return the correlation of outcomes and observations, 1 where neither is named."""
    key = outcome if outcome is not None else observation
    if (key is None) != (rho is None):
        raise OptionError("rho belongs to outcome or observation · give both or none")
    if (rho_observation is not None) != (outcome is not None and observation is not None):
        raise OptionError("rho_observation is for outcome and observation together · give all three or leave it out")
    if key is None or rho is None:
        return np.ones((k, k))
    name = "outcome" if outcome is not None else "observation"
    same = same_rows(key, k, name)
    out = np.where(same, 1.0, _between("rho", rho, key, name, k))
    if observation is not None and rho_observation is not None:
        within = _between("rho_observation", rho_observation, observation, "observation", k)
        out = np.where(same & ~same_rows(observation, k, "observation"), within, out)
    return np.asarray(out)


def _between(what: str, rho: float | pd.DataFrame, key: Sequence[Hashable], name: str, k: int) -> FloatArray:
    """Return the correlation of each pair of rows: the one number, or the entry of their labels."""
    if not (hasattr(rho, "index") and hasattr(rho, "columns")):
        return np.full((k, k), a_number(what, rho, least=-1, most=1))
    rows, columns = (list(labels) for labels in (rho.index, rho.columns))
    known = {label: i for i, label in enumerate(rows)}
    entries = entries_of(key, name, k)
    missing = sorted({str(entry) for entry in entries if entry not in known})
    if missing or len(known) != len(rows) or rows != columns:
        lacks = f"lacks {', '.join(missing)}" if missing else "has other columns than rows, or one twice"
        raise InputError(f"{what} {lacks} · give a DataFrame with each {name} once in its index and in its columns")
    matrix = finite(np.asarray(rho), what, "give correlations", least=-1)
    even = np.abs(matrix - matrix.T).max() <= LARGEST_GAP and np.abs(np.diag(matrix) - 1).max() <= LARGEST_GAP
    if not even or (matrix > 1).any():
        raise InputError(f"{what} is no matrix of correlations · give a symmetric one with 1 on the diagonal")
    at = np.array([known[entry] for entry in entries])
    return np.asarray(matrix[np.ix_(at, at)])


def _shared_arms(
    k: int,
    arms: tuple[Sequence[Hashable], Sequence[Hashable]],
    sizes: ArrayLike | tuple[ArrayLike, ArrayLike],
    times: FloatArray,
    phi: float,
) -> FloatArray:
    """Return the correlations of contrasts that share one arm or both; 0 where they share none."""
    if not isinstance(arms, tuple | list) or len(arms) != 2:
        raise InputError("arms must be two lists · give that of the first and that of the second arm")
    names = [np.asarray(entries_of(a, "arms", k), dtype=object) for a in arms]
    w = np.atleast_2d(finite(sizes, "sizes", "give the patients of each arm"))
    if w.shape not in ((1, k), (2, k)) or (w <= 0).any():
        raise InputError(f"sizes must be {k} positive numbers, or two lists of them · give the patients of each arm")
    sides, clocks = 1 / np.sqrt(np.broadcast_to(w, (2, k))), np.broadcast_to(times, (2, k))

    def products(a: int, b: int) -> FloatArray:
        """Covariance of arm a of one row and arm b of another, by the SD of one patient."""
        shared = (names[a][:, None] == names[b][None, :]) * _apart(clocks[a], clocks[b], phi)
        return np.asarray(shared * sides[a][:, None] * sides[b][None, :], dtype=np.float64)

    one, other, across = products(0, 0), products(1, 1), products(0, 1)
    variance = sides[0] ** 2 + sides[1] ** 2 - 2 * np.diag(across)
    if not (variance > 0).all():
        row = int(np.flatnonzero(~(variance > 0))[0])
        raise InputError(f"row {row} contrasts an arm with itself at one time · name two arms, or two times")
    return np.asarray((one + other - across - across.T) / np.sqrt(variance[:, None] * variance[None, :]))
