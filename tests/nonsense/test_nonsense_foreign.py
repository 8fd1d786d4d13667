"""Masked, nullable and misaligned columns for every public callable that takes columns of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lamevidence.foundation.errors import LamEvidenceError
from tests.nonsense.frequentist_calls import BASES
from tests.nonsense.sweep import outcome

EXEMPT = {"n", "years", "order", "keep"}
"""Columns in which a missing entry has a meaning, or that are not columns of rows."""


def columns(base):
    """The parameters of a valid call that are lists of two or more plain numbers."""
    found = {}
    for name, value in base.arguments().items():
        if isinstance(value, list | tuple | np.ndarray) and name not in EXEMPT:
            read = np.asarray(value) if not isinstance(value, np.ndarray) else value
            if read.ndim == 1 and read.size > 1 and read.dtype.kind in "iuf":
                found[name] = read
    return found


CALLS = {name: found for name, base in BASES.items() if (found := columns(base))}


def test_there_is_something_to_sweep():
    assert len(CALLS) >= 10


def missing(values, kind):
    hidden = np.arange(values.size) == 1
    if kind == "masked":
        return np.ma.array(np.where(hidden, 1e3, values), mask=hidden)
    return pd.array([None if h else float(x) for x, h in zip(values, hidden, strict=True)], dtype="Float64")


@pytest.mark.parametrize("kind", ["masked", "nullable"])
@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_missing_entry_is_refused_or_stays_missing(name, kind):
    for parameter, values in CALLS[name].items():
        try:
            result = outcome(BASES[name], {parameter: missing(values, kind)})
        except LamEvidenceError:
            continue
        with_nan = outcome(BASES[name], {parameter: np.where(np.arange(values.size) == 1, np.nan, values)})
        assert repr(result) == repr(with_nan), parameter


@pytest.mark.parametrize("name", sorted(n for n, found in CALLS.items() if len({x.size for x in found.values()}) == 1))
def test_columns_with_other_row_labels_are_refused(name):
    found = CALLS[name]
    if len(found) < 2:
        pytest.skip("one column alone")
    first, *others = found
    for other in others:
        changed = {
            first: pd.Series(found[first]),
            other: pd.Series(found[other][::-1], index=range(found[other].size)[::-1]),
        }
        with pytest.raises(LamEvidenceError, match="index"):
            outcome(BASES[name], changed)
