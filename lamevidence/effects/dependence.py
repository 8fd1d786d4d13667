"""Covariance of estimates that share patients in several ways: outcomes, repeated measures, time, arms."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, OptionError
from ..options import a_number
from .covariance import covariance_of, same_rows, variances_of
from .given_numbers import entries_of, finite
from .measures import FloatArray

__all__ = ["dependent_covariance"]


def dependent_covariance(
    vi: ArrayLike, cluster: Sequence[Hashable], *, outcome: Sequence[Hashable] | None = None,
    observation: Sequence[Hashable] | None = None, rho: float | None = None, rho_observation: float | None = None,
    time: ArrayLike | None = None, phi: float | None = None,
    arms: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None, sizes: tuple[ArrayLike, ArrayLike] | None = None,
) -> FloatArray:
    r"""Return V = √v_i √v_j r_ij, with r the product of the correlations that the rows of a cluster share.

    - ``outcome`` or ``observation`` alone: ``rho`` between different ones, 1 within one;
    - both: ``rho`` between outcomes, ``rho_observation`` between observations of one outcome;
    - ``time``: :math:`\phi^{|t_i - t_j|}`;
    - ``arms``: contrasts of one cluster that share an arm, :math:`\pm (1/w) / \sqrt{(1/w_{1i} + 1/w_{2i})
      (1/w_{1j} + 1/w_{2j})}`, minus where the arm stands on opposite sides.

    Parameters
    ----------
    vi, cluster
        Sampling variances (k,) and which rows come from the same patients.
    outcome, observation
        What is measured, and which instrument or informant measures it, one entry a row.
    rho, rho_observation
        Correlations, as above.
    time, phi
        Time points (k,) and the correlation one unit of time apart.
    arms, sizes
        Names of the first and the second arm of each row, and how many patients each has.

    Raises
    ------
    OptionError
        A correlation outside [−1, 1] (phi outside [0, 1]), or given without what it is the correlation of.
    InputError
        Lengths differ, a number is not finite or not positive, or the correlations make no covariance matrix.

    References
    ----------
    Gleser & Olkin 2009, in The Handbook of Research Synthesis, 2nd ed., chapter 19; Trikalinos & Olkin 2012,
    doi:10.1177/1740774512457767.

    Examples
    --------
    >>> V = dependent_covariance([0.04, 0.04], ["A", "A"], time=[0, 2], phi=0.5)
    >>> round(float(V[0, 1]), 6)
    0.01
    """
    variances = variances_of(vi)
    k = variances.shape[0]
    correlation = np.ones((k, k))
    correlation *= _measured(k, outcome, observation, rho, rho_observation)
    if (time is None) != (phi is None):
        raise OptionError("time and phi belong together · give both or none")
    if time is not None and phi is not None:
        t = finite(time, "time", "give one time point a row")
        if t.shape != (k,):
            raise InputError(f"time has shape {t.shape} for {k} rows")
        correlation *= a_number("phi", phi, least=0, most=1) ** np.abs(t[:, None] - t[None, :])
    if (arms is None) != (sizes is None):
        raise OptionError("arms and sizes belong together · give both or none")
    if arms is not None and sizes is not None:
        correlation *= _shared_arms(k, arms, sizes)
    return covariance_of(variances, np.where(same_rows(cluster, k, "cluster"), correlation, 0.0))


def _measured(
    k: int, outcome: Sequence[Hashable] | None, observation: Sequence[Hashable] | None, rho: float | None,
    rho_observation: float | None,
) -> FloatArray:
    """Return the correlation of outcomes and observations, 1 where neither is named."""
    key = outcome if outcome is not None else observation
    if (key is None) != (rho is None):
        raise OptionError("rho belongs to outcome or observation · give both or none")
    if (rho_observation is not None) != (outcome is not None and observation is not None):
        raise OptionError("rho_observation is for outcome and observation together · give all three or leave it out")
    if key is None or rho is None:
        return np.ones((k, k))
    between = a_number("rho", rho, least=-1, most=1)
    out = np.where(same_rows(key, k, "outcome" if outcome is not None else "observation"), 1.0, between)
    if observation is not None and rho_observation is not None:
        within = a_number("rho_observation", rho_observation, least=-1, most=1)
        apart = ~same_rows(observation, k, "observation") & (out == 1.0)
        out = np.where(apart, within, out)
    return np.asarray(out)


def _shared_arms(
    k: int, arms: tuple[Sequence[Hashable], Sequence[Hashable]], sizes: tuple[ArrayLike, ArrayLike]
) -> FloatArray:
    """Return the correlations of contrasts that share one arm or both; 0 where they share none."""
    for name, pair in (("arms", arms), ("sizes", sizes)):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"{name} must be two lists · give that of the first and that of the second arm")
    first, second = (np.asarray(entries_of(a, "arms", k), dtype=object) for a in arms)
    w1, w2 = (finite(w, "sizes", "give the patients of each arm") for w in sizes)
    if w1.shape != (k,) or w2.shape != (k,) or (w1 <= 0).any() or (w2 <= 0).any():
        raise InputError(f"sizes must be two lists of {k} positive numbers · give the patients of each arm")
    scale = np.sqrt(1 / w1 + 1 / w2)
    root = np.sqrt
    shared = (first[:, None] == first[None, :]) / root(w1[:, None] * w1[None, :])
    shared = shared + (second[:, None] == second[None, :]) / root(w2[:, None] * w2[None, :])
    shared = shared - (first[:, None] == second[None, :]) / root(w1[:, None] * w2[None, :])
    shared = shared - (second[:, None] == first[None, :]) / root(w2[:, None] * w1[None, :])
    return np.asarray(shared / (scale[:, None] * scale[None, :]), dtype=np.float64)
