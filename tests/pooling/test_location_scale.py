"""Location-scale models against numbers of metafor and of direct computation."""

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.foundation.errors import NotEstimable, UnknownName

Y = [0.1, 0.3, -0.2, 0.6, 1.5, -0.9, 0.8, 0.2, 0.4, -0.1]
V = [0.02, 0.03, 0.02, 0.04, 0.05, 0.02, 0.03, 0.04, 0.03, 0.02]
X = [0, 0, 0, 0, 1, 1, 1, 1, 0, 1]


def table(scale=1.0):
    return lam.EvidenceTable.from_estimates(scale * np.array(Y), vi=scale**2 * np.array(V), moderators={"x": X})


def test_a_constant_scale_is_the_ordinary_model():
    fit = lam.location_scale(table(), scale=np.ones((10, 1)))
    usual = lam.multilevel(table(), random="1 | row")
    assert np.exp(fit.alpha[0]) == pytest.approx(usual.sigma2[0], rel=1e-7)
    assert fit.log_likelihood == pytest.approx(usual.log_likelihood, abs=1e-10)
    assert fit.beta[0] == pytest.approx(usual.mu, rel=1e-8)
    assert fit.aic == pytest.approx(usual.aic, abs=1e-9)
    assert fit.bic == pytest.approx(usual.bic, abs=1e-9)


def test_ml_log_likelihood_is_that_of_the_fitted_normal_distribution():
    fit = lam.location_scale(table(), scale="x", moderators="x", tau2="ML")
    mean = fit.design.X @ fit.beta
    assert fit.log_likelihood == pytest.approx(stats.norm.logpdf(Y, mean, np.sqrt(V + fit.tau2_rows)).sum(), abs=1e-10)
    rng = np.random.default_rng(1)
    for _ in range(20):
        near = fit.scale_design.X @ (fit.alpha + rng.normal(0, 0.3, 2))
        assert stats.norm.logpdf(Y, mean, np.sqrt(V + np.exp(near))).sum() < fit.log_likelihood


def test_links_agree_for_a_group_variable():
    log = lam.location_scale(table(), scale="x")
    identity = lam.location_scale(table(), scale="x", link="identity")
    assert identity.tau2_rows == pytest.approx(log.tau2_rows, rel=1e-4)
    assert identity.log_likelihood == pytest.approx(log.log_likelihood, abs=1e-7)


def test_units_do_not_matter():
    plain, scaled = (lam.location_scale(table(s), scale="x") for s in (1.0, 1000.0))
    assert scaled.tau2_rows == pytest.approx(1e6 * plain.tau2_rows, rel=1e-7)
    assert scaled.alpha[1] == pytest.approx(plain.alpha[1], rel=1e-7)


def test_surface():
    fit = lam.location_scale(table(), scale="x", interval="t")
    assert fit.tidy().shape[0] == 3
    assert "location-scale" in repr(fit)
    assert fit.to_json()["k"] == 10
    assert fit.predict()[["prediction_low", "prediction_high"]].shape == (10, 2)
    assert fit.predict({"x": [0, 1]})["prediction_high"].tolist() == pytest.approx(
        fit.predict()["prediction_high"].iloc[[0, 4]].tolist()
    )
    assert fit.glance()["aicc"].iloc[0] == fit.aicc
    assert fit.summary().index[0] == "overall"


@pytest.mark.parametrize("options", [{"link": "probit"}, {"tau2": "EM"}, {"interval": "q"}])
def test_unknown_choices_are_refused(options):
    with pytest.raises(UnknownName):
        lam.location_scale(table(), scale="x", **options)


def test_singular_scale_designs_are_refused():
    with pytest.raises(NotEstimable, match="singular"):
        lam.location_scale(table(), scale=np.ones((10, 2)))
