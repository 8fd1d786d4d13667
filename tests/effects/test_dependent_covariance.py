"""Covariance of dependent estimates: values of metafor 3.8-1 vcalc(), and refusals."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.errors import InputError, OptionError

VI, S, T = [0.05, 0.04, 0.06], ["a", "a", "a"], [1, 2, 5]
TYPE, OBS = ["x", "y", "x"], [1, 1, 2]
ARMS, SIZES = (["x", "x", "y"], ["c", "c", "c"]), ([10, 10, 12], [11, 11, 11])


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        ({"time": T, "phi": 0.9}, [402.4922, 359.3608, 357.1356]),
        ({"outcome": TYPE, "rho": 0.5, "time": T, "phi": 0.9}, [201.2461, 359.3608, 178.5678]),
        ({"observation": OBS, "rho": 0.7}, [447.2136, 383.4058, 342.9286]),
        ({"outcome": TYPE, "observation": OBS, "rho": 0.7, "rho_observation": 0.3}, [313.0495, 164.3168, 342.9286]),
        ({"arms": ARMS, "sizes": SIZES}, [447.2136, 273.0095, 244.1871]),
        ({"outcome": TYPE, "rho": 0.6, "arms": ARMS, "sizes": SIZES}, [268.3282, 273.0095, 146.5122]),
    ],
)
def test_metafor_values(options, listed):
    V = lam.dependent_covariance(VI, S, **options)
    assert 1e4 * V[np.triu_indices(3, 1)] == pytest.approx(listed, abs=1e-4)
    assert np.diag(V) == pytest.approx(VI)


def test_an_arm_on_the_other_side_is_negative():
    V = lam.dependent_covariance([0.2, 0.2], ["a", "a"], arms=(["x", "c"], ["c", "y"]), sizes=([10, 10], [10, 10]))
    assert V[0, 1] == pytest.approx(-0.1)


def test_clusters_are_independent():
    assert lam.dependent_covariance(VI, ["a", "b", "c"], time=T, phi=0.9) == pytest.approx(np.diag(VI))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"time": T}, OptionError),
        ({"phi": 0.5}, OptionError),
        ({"rho": 0.5}, OptionError),
        ({"outcome": TYPE}, OptionError),
        ({"outcome": TYPE, "rho": 0.5, "rho_observation": 0.2}, OptionError),
        ({"arms": ARMS}, OptionError),
        ({"arms": 5, "sizes": 5}, InputError),
        ({"arms": ARMS, "sizes": 5}, InputError),
        ({"arms": ARMS[:1], "sizes": SIZES}, InputError),
        ({"arms": ARMS, "sizes": ([1, 2, 0], [1, 1, 1])}, InputError),
        ({"time": [1, 2], "phi": 0.5}, InputError),
        ({"time": T, "phi": 1.5}, OptionError),
    ],
)
def test_refusals(options, error):
    with pytest.raises(error):
        lam.dependent_covariance(VI, S, **options)
