"""Which rows of a table can be pooled as estimates with variances; every other row is an error with its name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..effects.evidence_table import FARTHEST, EvidenceTable, a_table
from ..effects.measures.base import FloatArray
from ..errors import DependentRows, InputError, NotEstimable

__all__ = ["checked_rows", "nothing_to_pool"]


def _names(table: EvidenceTable, wrong: NDArray[np.bool_]) -> str:
    return ", ".join(table.labels[i] for i in np.flatnonzero(wrong))


def nothing_to_pool(table: EvidenceTable) -> NotEstimable:
    """Return the error for a table without rows, which says what was left out and why."""
    left_out = "; ".join(f"{e.label or e.study}: {e.reason}" for e in table.excluded)
    tail = f" · left out: {left_out}" if left_out else " · no row was given"
    return NotEstimable(f"no study to pool (k = 0){tail}")


def checked_rows(table: EvidenceTable) -> FloatArray:
    """Return the mask of rows with a finite variance, after refusing what cannot be evidence.

    Raises
    ------
    OptionError
        Not a table.
    NotEstimable
        No rows, or no row with a finite variance.
    InputError
        NaN or infinite estimate, NaN or negative variance; the message names the rows.
    DependentRows
        Rows that share patients, or a covariance between rows.
    """
    a_table(table)
    if table.k == 0:
        raise nothing_to_pool(table)
    if table.plain:
        return np.ones(table.k, dtype=bool)
    _check_dependence(table)
    y, v = table.yi, table.vi
    unknown = np.isnan(v) | np.isnan(y)
    if unknown.any():
        remedy = "use model='glmm' or 'mh', which need no variance a study" if table.counts else "leave them out"
        raise InputError(f"no estimate or variance for {_names(table, unknown)} · {remedy}")
    if (v < 0).any():
        raise InputError(f"negative variance for {_names(table, v < 0)} · variances are squares of standard errors")
    live = v < np.inf
    if np.isinf(y[live]).any():
        raise InputError(f"infinite estimate for {_names(table, np.isinf(y) & live)} · use model='glmm' on counts")
    if not live.any():
        raise NotEstimable("every variance is infinite: no row carries information")
    far = live & ((np.abs(y) >= FARTHEST) | (v >= FARTHEST) | ((v > 0) & (v <= 1 / FARTHEST)))
    if far.any():
        rows = _names(table, far)
        raise InputError(f"numbers beyond {FARTHEST:g}, or below its inverse, for {rows} · use another unit")
    return np.asarray(live)


def _check_dependence(table: EvidenceTable) -> None:
    if len(set(table.studies)) < table.k:
        table.require_independent()
    if table.V is None:
        return
    off = table.V - np.diag(np.diag(table.V))
    if np.any(off != 0):
        raise DependentRows("the rows have covariances (V) and cannot be pooled as independent · use lam.multilevel")
