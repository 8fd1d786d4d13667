"""REML and ML where variances span up to 32 decades: the maximum that mpmath finds, one at a time and in batches."""

import mpmath as mp
import numpy as np
import pytest

import lamevidence as lam

SETS = [([1e-8, 1, 1e8], [10.0**-d, 1, 10.0**d]) for d in (9, 9.5, 12, 16)]
RNG = np.random.default_rng(2)
for span in (11, 15, 20, 24):
    variances = 10.0 ** RNG.uniform(-span / 2, span / 2, 5)
    SETS.append((list(RNG.normal(0, np.sqrt(variances + 10.0 ** RNG.uniform(-span / 2, span / 2)))), list(variances)))


def maximum(y, v, restricted):
    """The global maximum by a scan in 100 digits, points a factor of √2 apart."""
    with mp.workdps(100):
        y, v = [mp.mpf(float(a)) for a in y], [mp.mpf(float(a)) for a in v]

        def parts(t):
            w = [1 / (a + t) for a in v]
            total = mp.fsum(w)
            mean = mp.fsum(a * b for a, b in zip(w, y, strict=True)) / total
            return w, total, mean

        def value(t):
            w, total, mean = parts(t)
            q = mp.fsum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True))
            return -(q - mp.fsum(map(mp.log, w)) + (mp.log(total) if restricted else 0)) / 2

        def slope(t):
            w, total, mean = parts(t)
            up = mp.fsum((a * (b - mean)) ** 2 for a, b in zip(w, y, strict=True))
            return up - total + (mp.fsum(a * a for a in w) / total if restricted else 0)

        grid, t = [mp.mpf(0)], min(v) / 100
        while t < 10 * (max(v) + len(y) * (max(y) - min(y)) ** 2):
            grid.append(t)
            t *= mp.sqrt(2)
        signs = [slope(t) for t in grid]
        modes = [grid[0]] if signs[0] <= 0 else []
        for i in range(len(grid) - 1):
            if signs[i] > 0 >= signs[i + 1]:
                low, high = grid[i], grid[i + 1]
                for _ in range(70):
                    middle = (low + high) / 2
                    low, high = (middle, high) if slope(middle) > 0 else (low, middle)
                modes.append(low)
        return float(max(modes, key=value))


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("i", range(len(SETS)))
def test_the_maximum_is_that_of_100_digits(method, i):
    y, v = SETS[i]
    want = maximum(y, v, method == "REML")
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), model="random", tau2=method, interval="z")
    assert fit.tau2 == pytest.approx(want, rel=1e-9, abs=1e-12 * min(v))
    for engine in ("numpy", "numba"):
        rows = (np.array([y, [0.1] * len(y), y]), np.array([v, [1.0] * len(v), v]))
        many = lam.pool_many(*rows, tau2=method, interval="z", engine=engine)
        np.testing.assert_allclose(many.tau2[[0, 2]], fit.tau2, rtol=1e-10)
        assert many.tau2[1] == 0


def test_the_regression_agrees_with_the_mean_and_the_shape_of_the_range_does_not_matter():
    y, v = SETS[1]
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    alone = lam.pool(table, model="random", tau2="REML", interval="z")
    assert alone.tau2 > 1e15
    assert lam.pool(table, moderators=np.ones((3, 1)), tau2="REML", interval="z").tau2 == pytest.approx(alone.tau2)
    larger = lam.EvidenceTable.from_estimates(np.array(y) * 2**10, vi=np.array(v) * 2**20)
    assert lam.pool(larger, model="random", tau2="REML", interval="z").tau2 == pytest.approx(alone.tau2 * 2**20)


def test_leaving_one_out_takes_the_same_way():
    y, v = SETS[5]
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    fit = lam.pool(table, model="random", tau2="REML", interval="z")
    frame = lam.leave_one_out(fit).to_frame()
    for i in range(table.k):
        rest = table[[j for j in range(table.k) if j != i]]
        again = lam.pool(rest, model="random", tau2="REML", interval="z")
        assert frame["tau2"].iloc[i] == pytest.approx(again.tau2, rel=1e-9)
