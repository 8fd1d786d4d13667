"""Every result that was computed before the rebuild comes out again, or stands in ``changes.md`` with its reason."""

from __future__ import annotations

import math

import pytest

from tests.same_numbers.compare import changes, compare, computed, recorded, report


@pytest.mark.slow
def test_same_numbers():
    outcome = compare(recorded(), computed(), changes())
    assert outcome.fine, report(outcome, changes())


def test_a_change_that_is_meant_up_to_a_size_is_none_beyond_it():
    """A pattern with ``within`` lets the last digits go, and a wrong number not."""
    before = {"pool_bayes/x": {"mu": 1.0, "low": -2.0, "note": math.nan}}
    meant = {"pool_bayes/x#* within 1e-5": "another quadrature"}
    near = compare(before, {"pool_bayes/x": {"mu": 1.000009, "low": -2.0, "note": math.nan}}, meant)
    assert near.fine
    for wrong in ({"mu": 1.00002}, {"mu": math.nan}, {"mu": None}, {"low": 2.0}, {"note": 1.0}):
        now = {"pool_bayes/x": {"mu": 1.000009, "low": -2.0, "note": math.nan} | wrong}
        assert len(compare(before, now, meant).unexplained) == 1, wrong
