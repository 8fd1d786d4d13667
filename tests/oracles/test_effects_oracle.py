"""Special functions of the measures against 40 digits."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.measures.small_sample import exact_j
from lamevidence.effects.measures.tetrachoric import bivariate_normal_excess
from tests.oracles import effects_mp

mp = effects_mp.mp


@pytest.mark.parametrize("n", [5, 6, 12, 35, 353, 10_000])
@pytest.mark.parametrize("r", [-0.9, -0.04, 0.001, 0.2, 0.7, 0.99])
def test_unbiased_correlation(n, r):
    found = lam.escalc("UCOR", ri=[r], ni=[n], vtype="UB")
    assert found.yi[0] == pytest.approx(effects_mp.unbiased_correlation(r, n), rel=1e-11)
    assert found.vi[0] == pytest.approx(effects_mp.unbiased_correlation_variance(r, n), rel=1e-8, abs=1e-11)


@pytest.mark.parametrize("m", [1.5, 2, 7, 60, 1e4, 1e7])
def test_hedges_factor(m):
    half = mp.mpf(m) / 2
    true = mp.exp(mp.loggamma(half) - mp.log(half) / 2 - mp.loggamma(half - mp.mpf(1) / 2))
    assert float(exact_j(np.array(m))) == pytest.approx(float(true), rel=5e-12)  # what scipy's poch keeps


@pytest.mark.parametrize("rho", [-0.999, -0.6, 0.0, 0.3, 0.95])
def test_bivariate_normal(rho):
    h, k = 0.4, -1.1
    true = effects_mp.phi2(mp.mpf(h), mp.mpf(k), mp.mpf(rho)) - mp.ncdf(h) * mp.ncdf(k)
    got = bivariate_normal_excess(np.array([h]), np.array([k]), np.array([np.arcsin(rho)]))[0]
    assert got == pytest.approx(float(true), rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("table", [(4, 119, 11, 128), (62, 13536, 248, 12619), (30, 5, 8, 40), (2, 50, 60, 3)])
def test_tetrachoric_correlation_and_variance(table):
    """The variance against the inverse of the information, differentiated numerically in 40 digits."""
    found = lam.escalc("RTET", **{k: [v] for k, v in zip(("ai", "bi", "ci", "di"), table, strict=True)})
    rho = effects_mp.tetrachoric_rho(*map(float, table), float(found.yi[0]))
    assert found.yi[0] == pytest.approx(rho, rel=1e-11)
    assert found.vi[0] == pytest.approx(effects_mp.tetrachoric_variance(tuple(map(float, table)), rho), rel=1e-7)
