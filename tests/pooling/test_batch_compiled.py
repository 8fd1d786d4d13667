"""Well-conditioned batches agree to 1e-12: numpy and numba, ragged and rectangular, one and many."""

import numpy as np
import pytest

import lamevidence as lam

COLUMNS = ("mu", "se", "tau2", "q", "k", "df")


def simulated(m=300, k=9, seed=11):
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.4, (m, k))
    return rng.normal(0.3, np.sqrt(v + 0.15)), v


def agree(a, b, *, tau2_floor=1e-3):
    for name in COLUMNS:
        x, y = np.asarray(getattr(a, name)), np.asarray(getattr(b, name))
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12 * (tau2_floor if name == "tau2" else 1), err_msg=name)


@pytest.mark.parametrize("tau2", ["REML", "ML", "PM", "DL", "none", 0.1])
@pytest.mark.parametrize("interval", ["z", "t", "HKSJ", "HKSJ-floor"])
def test_numba_is_numpy(tau2, interval):
    y, v = simulated()
    agree(*(lam.pool_many(y, v, tau2=tau2, interval=interval, engine=e) for e in ("numba", "numpy")), tau2_floor=1.0)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("tau2", ["REML", "PM", "DL"])
def test_absent_studies_are_shorter_lists(engine, tau2):
    y, v = simulated()
    rng = np.random.default_rng(2)
    v[rng.random(v.shape) < 0.3] = np.inf
    live = np.isfinite(v)
    v[live.sum(axis=1) == 0, 0] = 0.1
    live = np.isfinite(v)
    offsets = np.concatenate([[0], np.cumsum(live.sum(axis=1))])
    padded = lam.pool_many(y, v, tau2=tau2, engine=engine)
    flat = lam.pool_many(y[live], v[live], offsets=offsets, tau2=tau2, engine=engine)
    agree(padded, flat, tau2_floor=1.0)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("tau2", ["REML", "ML", "PM", "DL"])
def test_one_is_many(engine, tau2):
    y, v = simulated(m=40)
    many = lam.pool_many(y, v, tau2=tau2, engine=engine)
    for i in range(40):
        one = lam.pool(lam.EvidenceTable.from_estimates(y[i], vi=v[i]), tau2=tau2, interval="HKSJ")
        assert many.mu[i] == pytest.approx(one.mu, rel=1e-12, abs=1e-13)
        assert many.se[i] == pytest.approx(one.se, rel=1e-12)
        assert many.tau2[i] == pytest.approx(one.tau2, rel=1e-12, abs=1e-12)
        assert many.q[i] == pytest.approx(one.q, rel=1e-12)
