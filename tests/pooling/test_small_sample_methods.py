"""τ² estimators and intervals made for few studies; values of R's pimeta 1.1.3 on its own scale of accuracy."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.pooling import TAU2

YI = [0.02, 0.08, 0.30, -0.10, 0.45]
VI = [0.010, 0.040, 0.025, 0.015, 0.060]
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


def table(yi=YI, vi=VI):
    return lam.EvidenceTable.from_estimates(yi, vi=vi)


@pytest.fixture
def bcg():
    return table(BCG_Y, BCG_V)


def test_bcg_estimators(bcg):
    assert lam.pool(bcg, tau2="HM", interval="z").tau2 == pytest.approx(0.2895353237105, rel=1e-11)
    assert lam.pool(bcg, tau2="AREML", interval="z").tau2 == pytest.approx(0.3105532, abs=1e-5)  # R stops at 1e-5


@pytest.mark.parametrize(
    ("tau2", "interval", "low", "high"),
    [
        ("REML", "SJ", -1.106073412, -0.322990260),
        ("ML", "PL", -1.088762447, -0.354991429),
        ("ML", "BC", -1.125260540, -0.321023098),
    ],
)
def test_bcg_intervals(bcg, tau2, interval, low, high):
    found = lam.pool(bcg, tau2=tau2, interval=interval).interval()
    assert tuple(found) == pytest.approx((low, high), abs=1.2e-4)  # stats::uniroot stops at .Machine$double.eps^0.25


def test_sandwich_at_the_tau2_that_r_printed(bcg):
    fit = lam.pool(bcg, tau2=0.3132377285822, interval="SJ")
    assert fit.se**2 == pytest.approx(0.03229355984614, rel=1e-11)
    assert tuple(fit.interval()) == pytest.approx((-1.106073412391, -0.3229902601328), rel=1e-10)


@pytest.mark.parametrize("method", ["HM", "AREML", "BM"])
@pytest.mark.parametrize("scale", [1e-4, 250.0])
def test_scale_and_shift(method, scale):
    plain = lam.pool(table(), tau2=method, interval="z").tau2
    moved = table(np.array(YI) * scale + 3 * scale, np.array(VI) * scale**2)
    assert lam.pool(moved, tau2=method, interval="z").tau2 == pytest.approx(plain * scale**2, rel=1e-9)


def test_approximate_reml_solves_its_equation():
    t = lam.pool(table(BCG_Y, BCG_V), tau2="AREML", interval="z").tau2
    y, v = np.array(BCG_Y), np.array(BCG_V)
    w = 1 / (v + t)
    r = y - (w * y).sum() / w.sum()
    assert (w**2 * (13 / 12 * r**2 - v)).sum() / (w**2).sum() == pytest.approx(t, rel=1e-9)


def test_approximate_reml_is_reml_with_equal_variances():
    same = table(YI, [0.02] * 5)
    assert lam.pool(same, tau2="AREML").tau2 == pytest.approx(lam.pool(same, tau2="REML").tau2, rel=1e-9)


def test_bayes_modal_is_the_mode_of_the_penalised_likelihood():
    for yi, vi in ((YI, VI), ([0.1, 0.1, 0.1], [0.01, 0.02, 0.05]), (BCG_Y, BCG_V)):
        y, v = np.array(yi), np.array(vi)

        def height(t, y=y, v=v):
            w = 1 / (v + t)
            r = y - (w * y).sum() / w.sum()
            return -0.5 * (np.log(v + t).sum() + (w * r * r).sum()) + 0.5 * np.log(t)

        t = lam.pool(table(yi, vi), tau2="BM", interval="z").tau2
        grid = np.geomspace(1e-5, 10, 4001)
        assert t > 0
        assert height(t) >= max(height(x) for x in grid) - 1e-12


def test_bayes_modal_with_equal_variances_in_closed_form():
    """−k/2 log s − S/2s + ½ log(s − v), s = v + τ²: with S = 0 the mode is s = vk/(k − 1), τ² = v/(k − 1)."""
    agree = table([0.2] * 4, [0.03] * 4)
    assert lam.pool(agree, tau2="BM", interval="z").tau2 == pytest.approx(0.03 / 3, rel=1e-12)


def test_absent_studies_and_batches_change_nothing():
    y = np.array([YI, YI])
    v = np.array([VI, [*VI[:4], np.inf]])
    for method in ("HM", "AREML", "BM"):
        found = TAU2[method](y, v, np.array([5.0, 4.0]), None, None).value
        assert found[0] == pytest.approx(lam.pool(table(), tau2=method, interval="z").tau2, rel=1e-10)
        assert found[1] == pytest.approx(lam.pool(table(YI[:4], VI[:4]), tau2=method, interval="z").tau2, rel=1e-10)


def test_bartlett_lengthens_the_profile_interval(bcg):
    plain, corrected = (lam.pool(bcg, tau2="ML", interval=i).interval() for i in ("PL", "BC"))
    assert corrected.low < plain.low < plain.high < corrected.high


def test_bartlett_test_and_interval_agree(bcg):
    fit = lam.pool(bcg, tau2="ML", interval="BC")
    assert fit.inference.test((fit.interval().high - fit.shift) / fit.stretch)[1] == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize("interval", ["SJ", "PL", "BC"])
def test_own_weights_are_refused(interval):
    with pytest.raises(lam.LamEvidenceError, match="own weights"):
        lam.pool(table(), interval=interval, weights="equal")
