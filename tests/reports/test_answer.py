"""The answer to a question: both engines, or the reason why one has none."""

from __future__ import annotations

import pytest

import lamevidence as lam
from lamevidence.foundation.errors import DependentRows, OptionError, UnknownName
from lamevidence.reports.answer import answer
from lamevidence.results.contract import Result

SIDE_BY_SIDE = "miles-adverse-events-by-category"


@pytest.fixture(scope="module")
def registry():
    return lam.load_registry()


def test_both_engines_answer_a_question(registry):
    found = answer(registry, "fev1-slope-on-sirolimus")
    assert isinstance(found.fit, Result)
    assert isinstance(found.post, Result)
    assert not found.fit.bayesian
    assert found.post.bayesian
    assert found.fit.table.fingerprint == found.post.table.fingerprint == found.table.fingerprint
    assert (found.why_not_pooled, found.why_not_bayes) == ("", "")


def test_the_fit_is_that_of_pool(registry):
    found = answer(registry, "fev1-slope-on-sirolimus", bayes=False)
    direct = lam.pool(registry.evidence("fev1-slope-on-sirolimus"))
    assert (found.fit.estimate, found.fit.se, found.fit.interval()) == (direct.estimate, direct.se, direct.interval())
    assert found.post is None
    assert found.why_not_bayes == "not asked for"


def test_options_reach_the_model(registry):
    found = answer(registry, "fev1-slope-on-sirolimus", {"model": "common"}, bayes=False)
    assert found.fit.spec.label == "Common effect"


def test_rows_that_share_patients_are_not_pooled_and_say_so(registry):
    found = answer(registry, SIDE_BY_SIDE)
    assert found.fit is None
    assert found.post is None
    assert "share patients" in found.why_not_pooled
    assert found.table.k > 1
    with pytest.raises(DependentRows, match="options of a pooled model do not apply"):
        answer(registry, SIDE_BY_SIDE, {"model": "common"})


def test_an_option_that_does_not_apply_is_an_error_and_no_reason(registry):
    with pytest.raises(UnknownName):
        answer(registry, "fev1-slope-on-sirolimus", {"tau2": "no such"})
    with pytest.raises(OptionError):
        answer(registry, "fev1-slope-on-sirolimus", {"level": 95})
    with pytest.raises(UnknownName, match="did you mean 'fev1-slope-on-sirolimus'"):
        answer(registry, "fev1-slope-on-sirolimu")


def test_every_shipped_question_has_an_answer(registry):
    for question in registry.questions:
        found = answer(registry, question, bayes=False)
        assert (found.fit is None) == bool(found.why_not_pooled)
