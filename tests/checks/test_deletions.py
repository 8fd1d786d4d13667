"""All deletions at once against each data set fitted on its own."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.pooling.inverse_variance import deletions as module
from lamevidence.pooling.inverse_variance.refits import refit, source_of


def source(yi, vi, tau2):
    table = lam.EvidenceTable.from_estimates(yi, vi=vi)
    return source_of(lam.pool(table, tau2=tau2, interval="HKSJ", prediction="none"), "a test")


def same(data):
    fast = module.deletions(data)
    alone = refit(data, ~np.eye(data.k, dtype=bool))
    typical = alone.typical / data.scale**2
    assert fast.t + typical == pytest.approx(alone.t + typical, rel=1e-10)
    se = np.sqrt(alone.basis_cov[:, 0, 0])
    assert fast.basis[:, 0] / se == pytest.approx(alone.basis[:, 0] / se, rel=1e-10, abs=1e-10)
    for name in ("cov", "factor", "q", "typical", "k", "df"):
        assert getattr(fast, name) == pytest.approx(getattr(alone, name), rel=1e-10, nan_ok=True)


@pytest.fixture
def fallbacks(monkeypatch):
    seen = []

    def counted(data, masks):
        seen.append(masks.shape[0])
        return refit(data, masks)

    monkeypatch.setattr(module, "refit", counted)
    return seen


@pytest.mark.parametrize("tau2", ["REML", "ML"])
@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("tau", [0.0, 0.05, 0.5, 3.0])
def test_sums_minus_one_term_are_the_deletion(tau2, spread, tau):
    rng = np.random.default_rng(20190 + round(100 * tau))
    for k in (3, 5, 12, 40):
        vi = 0.1 * np.exp(spread * rng.normal(size=k))
        same(source(1e4 + rng.normal(size=k) * np.sqrt(vi + tau**2), vi, tau2))


def test_a_thousand_studies_need_no_fit_of_their_own(fallbacks):
    rng = np.random.default_rng(7)
    vi = 0.1 * np.exp(rng.normal(size=1000))
    module.deletions(source(rng.normal(size=1000) * np.sqrt(vi + 0.05), vi, "REML"))
    assert fallbacks == []


def test_several_maxima_are_searched_as_data_sets_of_their_own(fallbacks):
    """Precise studies that agree and imprecise ones far apart: ML has a maximum at 0 and one far from it."""
    yi = [0.0, 0.01, 0.02, 3.0, -3.0, 2.8, -3.1, 0.015]
    vi = [1e-4, 1e-4, 1e-4, 0.5, 0.5, 0.4, 0.6, 1e-4]
    same(source(yi, vi, "ML"))
    assert sum(fallbacks) > 0


def test_one_study_that_holds_nearly_all_the_weight(fallbacks):
    same(source([0.0, 1.0, 2.0, 1.5, 0.4], [1e-9, 1.0, 1.0, 2.0, 1.5], "REML"))
    assert sum(fallbacks) > 0


@pytest.mark.parametrize("tau2", ["REML", "ML"])
def test_studies_that_agree_exactly(tau2):
    same(source([0.3] * 5, [0.1, 0.2, 0.3, 0.1, 0.2], tau2))
