"""Checks: laws that hold for any data, published numbers, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import LamEvidenceError, NotEstimable, OptionError, TooFewStudies, UnknownName

COUNTS = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
        [505, 87886, 499, 87892],
        [29, 7470, 45, 7232],
        [17, 1699, 65, 1600],
        [186, 50448, 141, 27197],
        [5, 2493, 3, 2338],
        [27, 16886, 29, 17825],
    ],
    dtype=float,
)


@pytest.fixture
def bcg():
    a, b, c, d = COUNTS.T
    yi = np.log(a / (a + b)) - np.log(c / (c + d))
    vi = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
    return lam.EvidenceTable.from_estimates(yi, vi=vi, n=COUNTS.sum(axis=1))


@pytest.mark.parametrize("tau2", ["DL", "REML", "PM"])
@pytest.mark.parametrize("interval", ["z", "HKSJ"])
def test_leave_one_out_is_the_fit_without_the_study(bcg, tau2, interval):
    options = {"tau2": tau2, "interval": interval, "prediction": "none"}
    found = lam.leave_one_out(lam.pool(bcg, **options))
    for i in range(bcg.k):
        alone = lam.pool(bcg.subset([j for j in range(bcg.k) if j != i]), **options)
        got = [found[name][i] for name in ("estimate", "se", "tau2", "q", "i2", "low", "high", "p_value")]
        want = [alone.mu, alone.se, alone.tau2, alone.q, alone.i2, *alone.interval(), alone.p_value]
        assert got == pytest.approx(want, rel=1e-10)


def test_cumulative_ends_with_the_whole_fit(bcg):
    fit = lam.pool(bcg, tau2="REML", interval="z", prediction="none")
    assert lam.cumulative(fit)["estimate"][-1] == pytest.approx(fit.mu, rel=1e-12)
    assert lam.cumulative(fit, order="precision")["label"][0] == "8"


def test_order_that_does_not_exist(bcg):
    with pytest.raises(UnknownName, match="precision"):
        lam.cumulative(lam.pool(bcg), order="colour")


def test_fail_safe_numbers_of_rosenthal_and_rosenberg(bcg):
    fit = lam.pool(bcg)
    assert lam.checks.fail_safe_n(fit, "Rosenthal").n == 598
    assert lam.checks.fail_safe_n(fit, "Rosenberg").n == 370


def test_pustejovsky_and_rodgers_is_r_regression_on_the_group_sizes():
    """The slope, its error, t and P of R's lm(y ~ x, weights = 1/v), log odds ratios of BCG, x = √(1/n₁ + 1/n₂)."""
    a, b, c, d = COUNTS.T
    frame = pd.DataFrame({"ai": a, "n1i": a + b, "ci": c, "n2i": c + d})
    table = lam.EvidenceTable.from_frame(frame, measure="OR", ai="ai", n1i="n1i", ci="ci", n2i="n2i")
    test = lam.checks.small_study_test(lam.pool(table, model="common"), "pustejovsky")
    got = [test.bias, test.bias_se, test.statistic, test.p_value, test.df]
    assert got == pytest.approx([-21.16936574, 7.35554583, -2.87801425, 0.01502456, 11], rel=1e-6)


def test_pustejovsky_and_rodgers_needs_group_sizes(bcg):
    with pytest.raises(OptionError, match="n1i and n2i"):
        lam.checks.small_study_test(lam.pool(bcg), "pustejovsky")


def test_small_study_tests_say_that_few_studies_are_few(bcg):
    few = lam.pool(bcg.subset(range(9)))
    assert "Only 9 studies" in lam.checks.egger_test(few).describe()
    assert lam.checks.egger_test(lam.pool(bcg)).notes == ()


def test_trim_and_fill_of_a_symmetric_funnel_fills_nothing():
    table = lam.EvidenceTable.from_estimates([-1, -0.5, 0, 0.5, 1.0], vi=[0.5, 0.2, 0.01, 0.2, 0.5])
    assert lam.checks.trim_and_fill(lam.pool(table, model="common"), side="left").missing == 0


def test_selection_model_without_selection_is_maximum_likelihood(bcg):
    fit = lam.pool(bcg, tau2="ML", interval="z", prediction="none")
    found = lam.checks.selection_model(fit, steps=[0.025, 0.5], delta=[1, 1, 1], alternative="less")
    assert found.beta[0] == pytest.approx(fit.mu, rel=1e-7)
    assert found.tau2 == pytest.approx(fit.tau2, rel=1e-6)
    assert found.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-10)


def test_selection_model_of_a_reml_fit_is_that_of_ml_and_says_so(bcg):
    fit = lam.pool(bcg, tau2="REML", interval="z", prediction="none")
    ml = lam.pool(bcg, tau2="ML", interval="z", prediction="none")
    found, own = (lam.checks.selection_model(f, alternative="less") for f in (fit, ml))
    assert found.beta == pytest.approx(own.beta, rel=1e-9)
    assert found.tau2 == pytest.approx(own.tau2, rel=1e-9)
    assert any("REML" in note and "ML" in note for note in found.notes)
    assert not any("anew" in note for note in own.notes)


@pytest.mark.parametrize("kind", ["halfnorm", "negexp", "power"])
def test_selection_models_do_not_depend_on_units(bcg, kind):
    fit = lam.pool(bcg, tau2="ML", interval="z", prediction="none")
    big = lam.EvidenceTable.from_estimates(1e6 * bcg.yi, vi=1e12 * bcg.vi)
    a = lam.checks.selection_model(fit, kind, alternative="less")
    b = lam.checks.selection_model(lam.pool(big, tau2="ML", interval="z", prediction="none"), kind, alternative="less")
    assert b.beta == pytest.approx(1e6 * a.beta, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda fit: lam.checks.small_study_test(fit, "eggar"), UnknownName),
        (lambda fit: lam.checks.small_study_test(fit, "begg", predictor="vi"), OptionError),
        (lambda fit: lam.checks.small_study_test(fit, "harbord"), OptionError),
        (lambda fit: lam.checks.trim_and_fill(fit, estimator="X0"), UnknownName),
        (lambda fit: lam.checks.trim_and_fill(fit, side="up"), UnknownName),
        (lambda fit: lam.checks.fail_safe_n(fit, "Rosenthal", target=1.0), OptionError),
        (lambda fit: lam.checks.fail_safe_n(fit, alpha=2), OptionError),
        (lambda fit: lam.checks.gosh(fit, subsets=10), OptionError),
        (lambda fit: lam.checks.gosh(fit, subsets=-1, seed=1), OptionError),
        (lambda fit: lam.checks.selection_model(fit, steps=[0.5, 0.1]), OptionError),
        (lambda fit: lam.checks.selection_model(fit, "wedge"), UnknownName),
        (lambda fit: lam.checks.test_excess_significance(fit, kind="t"), UnknownName),
        (lambda fit: lam.checks.likelihood_profile(fit, [-1.0]), LamEvidenceError),
        (lambda fit: lam.checks.combine_p_values([0.1, 1.5]), LamEvidenceError),
        (lambda fit: lam.checks.combine_p_values([0.1, 0.5], "wilkinson"), OptionError),
    ],
)
def test_nonsense_is_refused(bcg, call, error):
    with pytest.raises(error, match=r"."):
        call(lam.pool(bcg))


def test_equally_precise_studies_have_no_asymmetry():
    table = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.5, 0.4], vi=[0.04] * 4)
    with pytest.raises(NotEstimable, match="one size"):
        lam.checks.egger_test(lam.pool(table))


def test_one_study_cannot_be_left_out():
    with pytest.raises(TooFewStudies):
        lam.leave_one_out(lam.pool(lam.EvidenceTable.from_estimates([0.1], vi=[0.04])))
