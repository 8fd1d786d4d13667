"""The public JSON shapes: which keys there are, whatever the model, and that the numbers are those of the result."""

from __future__ import annotations

import json
import math

import pytest

import lamevidence as lam
from lamevidence.cli.output import jsonable
from lamevidence.effects import MEASURES
from lamevidence.reports.answer import Answer, answer
from lamevidence.reports.shapes import pooled_shape, posterior_shape

ASKED = {"question", "title", "measure", "unit", "k"}
POOLED = {"mu", "se", "interval", "prediction", "tau2", "q", "i2", "spec"}
MORE = {"estimate", "n", "tau", "q_df", "q_p", "h2", "p_value", "weights", "transformed", "notes", "fingerprint"}


@pytest.fixture(scope="module")
def registry():
    return lam.load_registry()


@pytest.fixture(scope="module")
def answers(registry):
    return [answer(registry, question, bayes=False) for question in registry.questions]


def test_every_pooled_answer_has_the_public_keys(answers):
    for found in answers:
        shape = pooled_shape(found)
        assert shape.keys() >= ASKED | POOLED, found.question.id
        if found.fit is not None:
            assert shape.keys() >= MORE
            assert shape["spec"]["why"]
        json.dumps(jsonable(shape), allow_nan=False)


def _finite(x):
    return x if math.isfinite(x) else None


def test_the_numbers_are_those_of_the_primary_fit_on_the_analysis_scale(answers):
    for found in answers:
        if found.fit is None:
            continue
        shape, fit = pooled_shape(found), found.fit
        # JSON has no infinity: the logit of 0 % is null, its percentage is there
        assert shape["mu"] == shape["estimate"] == _finite(fit.estimate)
        assert shape["interval"] == [_finite(x) for x in fit.interval()]
        between = fit.heterogeneity()
        assert shape["q"] == (between.q if between.q == between.q else None)
        shown = fit.display()
        if MEASURES[fit.measure].scale == "identity":
            assert shape["transformed"] == {}
            continue
        # a proportion is shown in percent and handed on as a fraction
        factor = shown.scale.factor
        assert shape["transformed"]["mu"] == shape["transformed"]["estimate"] == shown.estimate / factor
        assert shape["transformed"]["interval"] == [x / factor for x in shown.interval]


def test_a_prediction_interval_that_does_not_exist_is_null_with_its_reason(answers):
    shapes = [pooled_shape(found) for found in answers if found.fit is not None]
    assert any(shape["prediction"] is None for shape in shapes)
    for shape in shapes:
        assert (shape["prediction"] is None) == bool(shape["prediction_note"])


def test_what_is_not_pooled_says_why(registry):
    shape = pooled_shape(answer(registry, "miles-adverse-events-by-category", bayes=False))
    assert {shape[key] for key in POOLED - {"spec"}} == {None}
    assert shape["spec"] == {}
    assert "share patients" in shape["not_pooled"]


def test_the_posterior_has_its_quantities(registry):
    found = answer(registry, "fev1-slope-on-sirolimus")
    shape = posterior_shape(found)
    assert ASKED | {"mu", "tau", "prediction", "spec", "transformed", "fingerprint"} <= shape.keys()
    assert {"median", "sd", "interval"} <= shape["mu"].keys()
    assert {"median", "sd", "interval"} <= shape["tau"].keys()
    assert shape["mu"]["median"] == found.post.mu.median
    json.dumps(jsonable(shape), allow_nan=False)


def test_no_posterior_says_why(registry):
    found = answer(registry, "fev1-slope-on-sirolimus", bayes=False)
    nothing = posterior_shape(Answer(found.question, found.table, found.fit, None, "", "too few rows"))
    assert nothing["mu"] is None
    assert nothing["not_pooled"] == "too few rows"
