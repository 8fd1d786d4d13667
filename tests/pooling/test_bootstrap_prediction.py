"""The prediction interval of Nagashima, Noma and Furukawa: R's pimeta, and a simulation written out."""

import dataclasses

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.pooling.inverse_variance.bootstrap_prediction import tau2_confidence_draws
from lamevidence.pooling.kernel.distributions import weighted_chi2_cdf
from lamevidence.pooling.kernel.fitted import fit_at
from lamevidence.pooling.tau2.estimators import form_eigenvalues

BCG_Y = [
    -0.8893113339202054,
    -1.5853886572014306,
    -1.3480731482996933,
    -1.4415511900213054,
    -0.21754732221129558,
    -0.786115585818864,
    -1.6208982235983918,
    0.011952333523840508,
    -0.4694176487381494,
    -1.3713448034727844,
    -0.3393588283383906,
    0.44591340057137874,
    -0.017313948216879815,
]
BCG_V = [
    0.32558476500396133,
    0.19458112139814385,
    0.4153679653679654,
    0.020010031902247573,
    0.05121017216963086,
    0.0069056184559087574,
    0.22301724757231517,
    0.0039615792978177295,
    0.056434210463248966,
    0.07302479361302891,
    0.01241221397155972,
    0.5325058452001528,
    0.0714046596839863,
]


@pytest.fixture(scope="module")
def bcg():
    return lam.EvidenceTable.from_estimates(BCG_Y, vi=BCG_V)


@pytest.fixture(scope="module")
def found(bcg):
    return lam.checks.bootstrap_prediction(bcg, seed=1)


def test_bcg_against_r(found):
    """pimeta 1.1.3, B = 25000: prediction −2.2230 to 0.7768, mean −1.1185 to −0.3206, DL mean and τ²."""
    assert tuple(found.interval()) == pytest.approx((-2.223041, 0.776816), abs=0.03)
    assert tuple(found.mean_interval()) == pytest.approx((-1.118550, -0.320558), abs=0.01)
    assert (found.mean, found.tau2) == (pytest.approx(-0.7141172220732), pytest.approx(0.3087602628624))


def test_against_the_definition_written_out():
    """τ² by counting simulated values of Q, a new study drawn from normal and t; nothing of the package in it."""
    y, v = np.array([0.1, 0.9, -0.4, 0.6]), np.array([0.05, 0.1, 0.02, 0.2])
    rng, k, w = np.random.default_rng(3), 4, 1 / v
    q = (w * (y - (w * y).sum() / w.sum()) ** 2).sum()
    z = rng.standard_normal((20_000, k))

    def share(t):
        x = z * np.sqrt(v + t)
        r = x - (x @ w / w.sum())[:, None]
        return ((w * r * r).sum(axis=1) > q).mean()

    grid = np.concatenate([[0], np.geomspace(1e-3, 1e3, 120)])
    u = rng.random(200_000)
    t = np.interp(u, [share(x) for x in grid], grid)
    total = (1 / (v + t[:, None])).sum(axis=1)
    mean = (y / (v + t[:, None])).sum(axis=1) / total
    se = np.sqrt(((y - mean[:, None]) ** 2 / (v + t[:, None])).sum(axis=1) / total / (k - 1))
    new = mean + np.sqrt(t) * rng.standard_normal(t.size) - se * rng.standard_t(k - 1, t.size)
    low, high = np.quantile(new, [0.1, 0.9])
    ours = lam.checks.bootstrap_prediction(lam.EvidenceTable.from_estimates(y, vi=v), seed=2, level=0.8).interval()
    assert tuple(ours) == pytest.approx((low, high), abs=0.03 * (high - low))


def test_draws_of_tau2_invert_the_distribution_of_q():
    y, v = np.array(BCG_Y), np.array(BCG_V)
    w = 1 / v
    q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
    u = np.array([0.02, 0.2, 0.5, 0.9, 0.999])
    t = tau2_confidence_draws(fit_at(y, v, 0.3), u)
    reached = [1 - weighted_chi2_cdf(q, form_eigenvalues(v, float(x), None, w)) for x in t]
    assert reached == pytest.approx(u, abs=1e-5)


def test_seed_level_and_unit(bcg, found):
    again = lam.checks.bootstrap_prediction(bcg, seed=1)
    other = lam.checks.bootstrap_prediction(bcg, seed=2)
    assert again.interval() == found.interval() != other.interval()
    assert found.interval(0.8).width < found.interval().width
    assert lam.checks.bootstrap_prediction(bcg, seed=1, level=0.8).interval() == found.interval(0.8)
    scaled = lam.EvidenceTable.from_estimates(np.array(BCG_Y) * 64, vi=np.array(BCG_V) * 64**2)
    assert lam.checks.bootstrap_prediction(scaled, seed=1).interval().low == pytest.approx(64 * found.interval().low)


def test_result_is_frozen_and_says_how_exact_it_is(found):
    assert found.seed == 1
    assert "25000 draws, seed 1" in found.note
    with pytest.raises(ValueError, match="read-only"):
        found.effects[0] = 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.seed = 2


def test_probability(found):
    assert found.probability("theta_new < 0") + found.probability("theta_new > 0") == pytest.approx(1.0)
    assert 0.85 < found.probability("theta_new < 0") < 0.95


def test_two_studies_are_wide_and_say_so():
    two = lam.EvidenceTable.from_estimates([0.1, 0.4], vi=[0.02, 0.03])
    result = lam.checks.bootstrap_prediction(two, seed=4)
    assert "Cauchy" in result.note
    assert result.interval().width > 10 * 0.3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1, "draws": 10}, "draws"),
        ({"seed": 1, "level": 95}, "level"),
    ],
)
def test_options_are_honoured_or_refused(bcg, options, words):
    with pytest.raises(lam.LamEvidenceError, match=words):
        lam.checks.bootstrap_prediction(bcg, **options)


def test_refused_data():
    one = lam.EvidenceTable.from_estimates([0.1], vi=[0.02])
    with pytest.raises(lam.LamEvidenceError, match="at least 2"):
        lam.checks.bootstrap_prediction(one, seed=1)
    zero = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.3], vi=[0.02, 0.0, 0.1])
    with pytest.raises(lam.LamEvidenceError, match="variance of 0"):
        lam.checks.bootstrap_prediction(zero, seed=1)
