"""The unit-information standard deviation: what one patient tells, in the unit of the estimates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...effects.evidence_table import EvidenceTable, a_table
from ...foundation.errors import InputError

__all__ = ["rows_with_n", "uisd"]


def rows_with_n(table: EvidenceTable) -> NDArray[np.bool_]:
    """Return which rows have a variance and a number of patients, (k,)."""
    assert table.n is not None
    return np.asarray(np.isfinite(table.n) & np.isfinite(table.vi) & (table.vi > 0))


def uisd(evidence: EvidenceTable) -> float:
    """Return the unit-information standard deviation √(Σ nᵢ / Σ 1/vᵢ), in the unit of the estimates.

    It is the standard error that a study of one patient would have: √(nᵢvᵢ) for one study, pooled over the studies. It
    rests on standard errors and numbers of patients, not on the estimates, and so can scale a prior of τ without using
    the data twice: HalfNormal(0.5) of log odds ratios is an eighth of their unit-information standard deviation of 4
    (16/n is the variance of a log odds ratio with n patients in equal arms at a risk of one half).

    Parameters
    ----------
    evidence
        Rows with variances and numbers of patients (of both arms together); rows whose n is not known do not enter.

    Returns
    -------
    float
        In the unit of ``evidence.unit``, on the analysis scale.

    Raises
    ------
    InputError
        No row has both.

    See Also
    --------
    lamevidence.pool_bayes : Scales its default prior of τ by it where no anchored one exists.
    lamevidence.priors.HalfNormal : What is scaled.

    References
    ----------
    Röver, Bender, Dias, Schmid, Schmidli, Sturtz, Weber & Friede 2021, doi:10.1002/jrsm.1475.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([2, 5, 3], sei=[0.5, 1, 2], n=[400, 100, 25], unit="points")
    >>> lam.priors.uisd(table)
    10.0
    """
    a_table(evidence)
    rows = rows_with_n(evidence)
    if not rows.any():
        raise InputError(
            "no row has a variance and its number of patients, of which the unit-information standard deviation is made"
            " · give them: lam.EvidenceTable.from_estimates(yi, vi=vi, n=n)"
        )
    assert evidence.n is not None
    n = evidence.n[rows]
    largest = n.max()  # taken out of the sum, which would overflow near the largest number
    return float(np.sqrt(largest) * np.sqrt(np.sum(n / largest) / np.sum(1.0 / evidence.vi[rows])))
