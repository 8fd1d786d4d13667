"""No study, one, two, three: the principled answer."""

import math

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import Excluded
from lamevidence.foundation.errors import DependentRows, NotEstimable, OptionError, TooFewStudies


def table(yi, vi, **more):
    return lam.EvidenceTable.from_estimates(yi, vi=vi, **more)


def test_no_study_says_what_was_left_out():
    from dataclasses import replace

    empty = replace(table([0.1], [0.01]).subset([]), excluded=(Excluded("smith-1999", "no standard error"),))
    with pytest.raises(NotEstimable, match="smith-1999: no standard error"):
        lam.pool(empty)


def test_one_study_is_reported_as_it_is():
    fit = lam.pool(table([-144.0], [576.0]))
    assert (fit.k, fit.mu, fit.se, fit.spec.model) == (1, -144.0, 24.0, "single")
    low, high = fit.interval()
    assert (low, high) == (pytest.approx(-144 - 1.959964 * 24, abs=1e-4), pytest.approx(-144 + 1.959964 * 24, abs=1e-4))
    assert math.isnan(fit.tau2)
    assert math.isnan(fit.i2)
    with pytest.raises(NotEstimable, match="one study"):
        fit.prediction()
    assert "one study" in fit.prediction_note
    assert fit.to_json()["tau2"] is None
    assert fit.weights.tolist() == [100.0]
    hksj = lambda: lam.pool(table([1.0], [1.0]), interval="HKSJ")  # noqa: E731
    for ask in (hksj, fit.tau2_interval, lambda: fit.probability("theta_new > 0")):
        with pytest.raises((NotEstimable, OptionError)):
            ask()


def test_two_studies_are_flagged():
    fit = lam.pool(table([0.2, 0.5], [0.04, 0.03]), interval="HKSJ")
    assert fit.interval() == (pytest.approx(-1.53, abs=5e-3), pytest.approx(2.26, abs=5e-3))
    assert any("k = 2" in note for note in fit.notes)
    with pytest.raises(NotEstimable, match="k = 2 < 5"):
        fit.prediction()
    with pytest.raises(TooFewStudies):
        lam.pool(table([0.2, 0.5], [0.04, 0.03]), prediction="HTS").prediction()


def test_three_homogeneous_studies():
    """Jackson 2017, Röver 2015; numbers from R's meta: HKSJ is nine times shorter than Wald, the others repair it."""
    t = table([0.10, 0.12, 0.11], [0.04] * 3)
    expected = {
        "HKSJ": (0.0851586, 0.1348414),
        "HKSJ-floor": (-0.3868275, 0.6068275),
        "HKSJ-hybrid": (-0.1163172, 0.3363172),
        "HKSJ-IQWiG": (-0.3868275, 0.6068275),
    }
    for name, (low, high) in expected.items():
        found = lam.pool(t, interval=name).interval()
        assert found == (pytest.approx(low, abs=6e-8), pytest.approx(high, abs=6e-8)), name


def test_identical_studies():
    fit = lam.pool(table([0.3] * 4, [0.02] * 4), interval="HKSJ")
    assert (fit.tau2, fit.q, fit.se, fit.i2) == (0.0, 0.0, 0.0, 0.0)
    assert math.isnan(fit.p_value)


def test_rows_that_share_patients_are_refused():
    with pytest.raises(DependentRows):
        lam.pool(table([0.1, 0.2], [0.01, 0.02], labels=["a 1", "a 2"], studies=["a", "a"]))
    with pytest.raises(DependentRows, match="multilevel"):
        lam.pool(table([0.1, 0.2], None, V=np.array([[0.01, 0.005], [0.005, 0.02]])))


def test_the_question_wins_over_the_policy_and_the_user_over_the_question():
    from dataclasses import replace

    t = replace(table([0.1, 0.5, 0.3], [0.01, 0.02, 0.02]), model={"tau2": "DL", "interval": "z", "level": 0.9})
    fit = lam.pool(t)
    assert (fit.spec.tau2, fit.spec.interval, fit.spec.level) == ("DL", "z", 0.9)
    assert fit.spec.why["tau2"] == "the question pre-specifies it"
    assert lam.pool(t, tau2="PM").spec.tau2 == "PM"
