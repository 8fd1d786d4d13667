"""Intervals of one arm: printed in the leiomyomatosis pilot, and the Poisson interval of 52 events in 88.4 years."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError, UnknownName


@pytest.mark.parametrize(
    ("events", "method", "low", "high", "digits"),
    [
        (3, "wilson", 7.048, 45.185, 3),
        (13, "wilson", 62.118, 96.264, 3),
        (3, "exact", 4.3, 48.1, 1),
        (13, "exact", 59.5, 98.3, 1),
    ],
)
def test_proportion_of_fifteen(events, method, low, high, digits):
    found = lam.effects.arm_interval(events, 15, method=method)
    assert [round(100 * float(x), digits) for x in found] == [low, high]


def test_no_event_and_nothing_but_events():
    low, high = lam.effects.arm_interval([0, 20], 20)
    assert low[0] == 0
    assert high[1] == 1
    assert high[0] == pytest.approx(1 - 0.025 ** (1 / 20), rel=1e-12)
    assert low[1] == pytest.approx(0.025 ** (1 / 20), rel=1e-12)


def test_garwood():
    low, high = lam.effects.rate_interval(52, 88.4)
    assert round(100 * float(low), 2) == 43.93
    assert round(100 * float(high), 2) == 77.14
    assert lam.effects.rate_interval(0, 10)[1] == pytest.approx(-np.log(0.025) / 10, rel=1e-12)


def test_refusals():
    with pytest.raises(UnknownName, match="exact, wilson"):
        lam.effects.arm_interval(1, 2, method="walt")
    with pytest.raises(UnknownName):
        lam.effects.rate_interval(1, 2, method="wald")
    for bad in ((3, 2), (1.5, 4), (-1, 4), (0, 0), (np.nan, 4)):
        with pytest.raises(InputError):
            lam.effects.arm_interval(*bad)
    for bad in ((1, 0), (1, -2), (1, np.inf), (0.5, 2)):
        with pytest.raises(InputError):
            lam.effects.rate_interval(*bad)
    with pytest.raises(OptionError, match="level=95"):
        lam.effects.arm_interval(1, 2, level=95)
