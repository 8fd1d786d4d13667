"""A small version of ``python -m benchmarks.robustness``: variances over six decades, k = 2 … 13."""

import numpy as np
import pytest

import lamevidence as lam
from benchmarks.robustness import check


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_no_failure_no_wrong_mode_equivariant(engine):
    found = check(6000, seed=7, engine=engine)
    for method in ("REML", "ML"):
        counts = dict(found[method])
        assert counts.pop("worst_shortfall") < 1e-6
        assert not any(counts.values()), (method, counts)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_likelihood_that_falls_from_zero_and_rises_again_below_a_quarter_of_the_smallest_variance(engine):
    """τ² = 0 is a maximum, and lower than the one near 0.0119 by 2.8e-5 of log likelihood (dense grid)."""
    y = np.array([-0.80334396, -0.56615861, 0.34755497, 5.22911645, 0.07482601])
    v = np.array([5.41345617e-02, 3.75434123e-01, 2.82723494e-01, 8.82613629e01, 5.63908604e00])
    one = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), model="random", tau2="ML")
    many = lam.pool_many(np.stack([y, y]), np.stack([v, v]), tau2="ML", engine=engine)
    assert one.tau2 == pytest.approx(0.0119, abs=2e-4)
    assert np.asarray(many.tau2) == pytest.approx(one.tau2, rel=1e-8)
