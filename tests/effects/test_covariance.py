"""Covariance of dependent rows, aggregation, risks at a baseline."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError, UnknownName


def test_shared_control_is_the_covariance_of_two_differences():
    """Simulated: two arms against one control of variance 4, 5 patients."""
    rng = np.random.default_rng(1)
    control = rng.normal(0, np.sqrt(4 / 5), 200_000)
    contrasts = rng.normal(0, 1, (2, 200_000)) - control
    V = lam.effects.shared_control_covariance([1.8, 1.8], [0.8, 0.8], ["c", "c"])
    np.testing.assert_allclose(np.cov(contrasts), V, atol=0.03)


def test_aggregate_of_independent_rows_is_inverse_variance():
    y, v, names = lam.effects.aggregate([0.1, 0.5, 0.2], np.diag([0.1, 0.3, 0.2]), ["a", "a", "b"])
    assert names == ("a", "b")
    assert y[0] == pytest.approx((0.1 / 0.1 + 0.5 / 0.3) / (1 / 0.1 + 1 / 0.3))
    assert v.tolist() == pytest.approx([1 / (1 / 0.1 + 1 / 0.3), 0.2])
    plain, _, _ = lam.effects.aggregate([0.1, 0.5], np.diag([0.1, 0.3]), ["a", "a"], weighted=False)
    assert plain[0] == pytest.approx(0.3)


def test_refusals():
    with pytest.raises(OptionError, match="between"):
        lam.effects.correlated_covariance([1, 1], ["a", "a"], 1.5)
    with pytest.raises(InputError, match="no covariance matrix"):
        lam.effects.correlated_covariance([1, 1, 1], ["a"] * 3, -0.9)
    with pytest.raises(OptionError, match="belong together"):
        lam.effects.correlated_covariance([1, 1], ["a", "a"], 0.5, within=["x", "y"])
    with pytest.raises(InputError, match="one a row"):
        lam.effects.correlated_covariance([1, 1], ["a"], 0.5)
    with pytest.raises(InputError, match="control_vi"):
        lam.effects.shared_control_covariance([0.3], [0.4], ["a"])
    with pytest.raises(InputError, match="different variances"):
        lam.effects.shared_control_covariance([0.3, 0.3], [0.1, 0.2], ["a", "a"])
    with pytest.raises(InputError, match="singular"):
        lam.effects.aggregate([0.1, 0.2], np.ones((2, 2)), ["a", "a"])


def test_risk_per_1000():
    risk, difference = lam.effects.risk_per_1000(np.log([0.5, 2.0]), 0.2)
    np.testing.assert_allclose(risk, [100, 400])
    np.testing.assert_allclose(difference, [-100, 200])
    risk, _ = lam.effects.risk_per_1000(np.log(2.0), 0.2, "OR")
    assert float(risk) == pytest.approx(1000 * 0.5 / 1.5)
    with pytest.raises(InputError, match="exceeds 1"):
        lam.effects.risk_per_1000(np.log(2.0), 0.6)
    with pytest.raises(InputError, match="between 0 and 1"):
        lam.effects.risk_per_1000(0.0, 60)
    with pytest.raises(UnknownName, match="choices: RR, OR"):
        lam.effects.risk_per_1000(0.0, 0.2, "RD")
