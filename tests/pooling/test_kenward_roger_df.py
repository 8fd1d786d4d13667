"""Kenward and Roger's degrees of freedom far below 1 are refused with their reason, and the remedies work."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import NotEstimable, TooFewStudies


def pooled(v, tau2, **choices):
    y = np.arange(len(v)) ** 2 * 0.5
    return lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), model="random", tau2=tau2, **choices)


@pytest.mark.parametrize("v", [[0.01, 1, 1], [1e-6, 1, 1, 1], [0.1, 1]])
def test_an_interval_of_150_digits_is_no_interval(v):
    with pytest.raises(
        NotEstimable, match=r"degrees of freedom: one study has [\d.]+ % of the weight.*'HKSJ' or .*'z'"
    ):
        pooled(v, 0.0, interval="KR")
    for remedy in ("HKSJ", "z"):
        assert np.isfinite(pooled(v, 0.0, interval=remedy).interval()).all()


def test_predictions_of_the_same_kind():
    for name, tau2 in (("KR", 0.0), ("KR-PR", 0.0), ("KR-PR", 1.0)):
        with pytest.raises(NotEstimable, match=r"use prediction='HK' or prediction='normal'"):
            pooled([0.01, 1, 1], tau2, interval="HKSJ", prediction=name).prediction()
    for remedy in ("HK", "normal"):
        assert np.isfinite(pooled([0.01, 1, 1], 1.0, interval="HKSJ", prediction=remedy).prediction()).all()
    with pytest.raises(TooFewStudies):
        pooled([0.1, 1], 1.0, prediction="KR-PR").prediction()


def test_degrees_of_freedom_near_1_are_kept():
    assert pooled([1, 1], 0.0, interval="KR").df == pytest.approx(1)
    assert 0.8 < pooled([0.01, 1, 1], 1.0, interval="KR").df < 1
