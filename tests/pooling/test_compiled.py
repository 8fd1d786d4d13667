"""The compiled kernels are held to the definition."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import OptionError

AGREEMENT = 1e-11
"""Relative; both stop at rounding, and weights over six decades lose a few digits of tr P in either."""


def simulated(m, k, decades, seed):
    rng = np.random.default_rng(seed)
    v = 0.1 * 10 ** rng.uniform(-decades / 2, decades / 2, (m, k))
    y = rng.normal(0, np.sqrt(v + rng.choice([0.0, 0.1, 1.0], size=(m, 1))))
    v[rng.random((m, k)) < 0.1] = np.inf
    v[:, :2] = np.where(np.isinf(v[:, :2]), 0.1, v[:, :2])
    return y, v


@pytest.mark.parametrize("tau2", ["REML", "ML", "PM", "EB", "DL", "none", 0.05])
@pytest.mark.parametrize(("k", "decades"), [(2, 2), (5, 4), (10, 1), (13, 6)])
def test_twin(tau2, k, decades):
    y, v = simulated(1000, k, decades, seed=k)
    slow = lam.pool_many(y, v, tau2=tau2, engine="numpy")
    fast = lam.pool_many(y, v, tau2=tau2, engine="numba")
    smallest = v.min(axis=1)
    for name in ("mu", "se", "q"):
        gap = np.abs(getattr(fast, name) - getattr(slow, name)) / (np.abs(getattr(slow, name)) + slow.se * 1e-3)
        assert gap.max() < 1e-9, name
    gap = np.abs(fast.tau2 - slow.tau2) / (slow.tau2 + smallest)
    assert np.quantile(gap, 0.99) < AGREEMENT
    assert gap.max() < 1e-8
    assert (fast.k == slow.k).all()


def test_result_does_not_depend_on_neighbours():
    y, v = simulated(100, 7, 4, seed=5)
    whole = lam.pool_many(y, v, engine="numba")
    for part in (slice(0, 1), slice(3, 50), slice(31, 65)):
        piece = lam.pool_many(y[part], v[part], engine="numba")
        assert np.array_equal(piece.tau2, whole.tau2[part])
        assert np.array_equal(piece.mu, whole.mu[part])


def test_engine_is_honoured_or_refused():
    y, v = simulated(3, 4, 1, seed=1)
    with pytest.raises(OptionError, match="engine='numba' has no tau2"):
        lam.pool_many(y, v, tau2="HS", engine="numba")
    with pytest.raises(OptionError, match="engine"):
        lam.pool_many(y, v, engine="cuda")
