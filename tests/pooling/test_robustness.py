"""A small version of ``python -m benchmarks.robustness``: variances over six decades, k = 2 … 13."""

import pytest

from benchmarks.robustness import check


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_no_failure_no_wrong_mode_equivariant(engine):
    found = check(6000, sample=240, seed=7, engine=engine)
    for method in ("REML", "ML"):
        counts = dict(found[method])
        assert counts.pop("worst_shortfall") < 1e-6
        assert not any(counts.values()), (method, counts)
