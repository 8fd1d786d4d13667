"""Which rows of a table can be pooled as estimates with variances; every other row is an error with its name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.measures.base import FloatArray
from ..foundation.errors import DependentRows, InputError, NotEstimable

__all__ = ["checked_rows", "no_variance", "nothing_to_pool"]


def _names(table: EvidenceTable, wrong: NDArray[np.bool_]) -> str:
    return ", ".join(table.labels[i] for i in np.flatnonzero(wrong))


def nothing_to_pool(table: EvidenceTable) -> NotEstimable:
    """Return the error for a table without rows, which says what was left out and why."""
    left_out = "; ".join(f"{e.label or e.study}: {e.reason}" for e in table.excluded)
    tail = f" · left out: {left_out}" if left_out else " · no row was given"
    return NotEstimable(f"no study to pool (k = 0){tail}")


def checked_rows(table: EvidenceTable) -> FloatArray:
    """Return the mask of rows with a finite variance, after refusing rows this model cannot use.

    What no table may hold is refused where the table is made (`effects.rows`).

    Raises
    ------
    OptionError
        Not a table.
    NotEstimable
        No rows, or no row with a finite variance.
    InputError
        Rows without an estimate; the message names them.
    DependentRows
        Rows that share patients, or a covariance between rows.
    """
    a_table(table)
    if table.k == 0:
        raise nothing_to_pool(table)
    if table.plain:
        return np.ones(table.k, dtype=bool)
    _check_dependence(table)
    unknown = np.isnan(table.vi)  # then the estimate is missing too
    if unknown.any():
        raise no_variance(table)
    live = table.vi < np.inf
    if not live.any():
        raise NotEstimable("every variance is infinite: no row carries information")
    return np.asarray(live)


def no_variance(table: EvidenceTable) -> InputError:
    """Return the error for rows of counts without estimate or variance: what pools these data, rows without events too.

    Such a row is information (nobody had the event), so the advice is never to leave it out.
    """
    # models of counts are loaded when somebody needs one
    from .counts.remedies import instead_of_variances

    names = _names(table, np.isnan(table.vi))
    return InputError(f"no estimate or variance for {names} · {instead_of_variances(table)}")


def _check_dependence(table: EvidenceTable) -> None:
    if len(set(table.studies)) < table.k:
        table.require_independent()
    if table.V is None:
        return
    off = table.V - np.diag(np.diag(table.V))
    if np.any(off != 0):
        raise DependentRows("the rows have covariances (V) and cannot be pooled as independent · use lam.multilevel")
