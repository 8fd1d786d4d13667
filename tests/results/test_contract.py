"""Every member of the contract, for one result of every family, at the level of the fit and at another."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.effects import MEASURES
from lamevidence.errors import LamEvidenceError, NotEstimable, OptionError, UnknownName
from lamevidence.results.frames import AUGMENT, GLANCE, TIDY
from lamevidence.results.words import MAX_LINES
from tests.support.fits import FITS, SAMPLED, fitted

NAMES = [*FITS, pytest.param(SAMPLED, marks=pytest.mark.slow)]
every = pytest.mark.parametrize("name", NAMES)


def rows_of(fit) -> list[str]:
    return list(fit.table.labels)


@every
def test_it_is_a_result_with_names(name):
    fit = fitted(name)
    assert isinstance(fit, lam.results.Result)
    assert isinstance(fit, lam.results.MeanResult) == (fit.names == ("mu",))
    assert fit.table.k == fit.k or name == "one study"
    assert isinstance(fit.notes, tuple)


@every
def test_estimate_se_df(name):
    fit = fitted(name)
    if fit.names == ("mu",):
        assert isinstance(fit.estimate, float)
        assert isinstance(fit.se, float)
        assert float(fit.df) > 0
        if not fit.bayesian:
            assert fit.mu == fit.estimate
    else:
        assert np.shape(fit.estimate) == np.shape(fit.se) == (len(fit.names),)
        assert np.broadcast_to(fit.df, len(fit.names)).min() > 0
    assert fit.covariance.shape == (len(fit.names),) * 2
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), np.atleast_1d(fit.se), rtol=1e-9)


@every
def test_interval(name):
    fit = fitted(name)
    found = fit.interval()
    if fit.names == ("mu",):
        assert isinstance(found, lam.foundation.values.Interval)
        pairs = {"mu": found}
    else:
        assert isinstance(found, Mapping)
        assert tuple(found) == fit.names
        pairs = found
    narrower = fit.intervals(0.8)
    for i, (low, high) in enumerate(pairs.values()):
        assert low <= narrower[i, 0] <= narrower[i, 1] <= high
        assert low <= np.atleast_1d(fit.estimate)[i] <= high
    np.testing.assert_array_equal(fit.intervals(), np.array([tuple(x) for x in pairs.values()]))
    with pytest.raises(OptionError, match=r"0\.95"):
        fit.interval(95)


@every
def test_prediction_or_the_reason(name):
    fit = fitted(name)
    try:
        found = fit.prediction()
    except NotEstimable:
        assert fit.prediction_note
    else:
        low, high = fit.intervals()[0]
        assert found.low <= low
        assert found.high >= high
        assert fit.prediction_note == ""
        assert fit.prediction(0.8).width < found.width


@every
def test_tau2_and_heterogeneity(name):
    fit = fitted(name)
    found = fit.heterogeneity()
    assert isinstance(found, lam.results.Heterogeneity)
    if isinstance(fit.tau2, Mapping):
        assert dict(found.tau2) == dict(fit.tau2)
        assert all(isinstance(x, float) for x in fit.tau2.values())
    else:
        np.testing.assert_equal(float(found.tau2), float(fit.tau2))
    if math.isfinite(found.i2):
        assert 0 <= found.i2 <= 100
        low, high = found.i2_interval
        if math.isfinite(low):
            assert 0 <= low <= high <= 100
    if found.i2 > 0:
        # a share in percent: a fraction would stay below 1
        assert found.i2 > 1 or found.tau2 == 0 or found.i2 < 1e-3
    assert set(found.to_dict()) >= {"q", "df", "p", "i2", "i2_interval", "h2", "tau2", "tau2_interval"}


@every
def test_weights_sum_to_a_hundred(name):
    fit = fitted(name)
    if fit.weights is None:
        return
    assert fit.weights.shape == (fit.table.k,)
    assert fit.weights.sum() == pytest.approx(100, rel=1e-12)


@every
def test_probabilities_speak_one_language(name):
    fit = fitted(name)
    unit = f" {fit.unit}" if fit.unit else ""
    asked = 0
    for quantity in ("theta_new", *fit.names, f"theta[{rows_of(fit)[0]}]"):
        try:
            above, below = (fit.probability(f"{quantity} {sign} 0.1{unit}") for sign in "><")
        except (NotEstimable, OptionError):
            continue
        asked += 1
        assert 0 <= above <= 1
        assert above + below == pytest.approx(1, abs=1e-9)
    assert asked >= 1
    with pytest.raises(LamEvidenceError, match=r"theta_new|new study|choices|groups"):
        fit.probability("new > 0")
    with pytest.raises(LamEvidenceError, match="write for example"):
        fit.probability("is it good?")
    assert not hasattr(fit, "prob")


@every
def test_display_is_for_readers(name):
    fit = fitted(name)
    for level in (None, 0.8):
        shown = fit.display(level)
        assert shown.level == (fit.level if level is None else level)
        assert f"{100 * shown.level:g}%" in str(shown)
        assert shown.label
    scale = MEASURES[fit.measure].scale
    if fit.names != ("mu",):
        assert scale == "identity" or "log" in shown.label.casefold() or scale in shown.label.casefold()
    elif scale != "identity":
        assert "log " not in f"{shown.label.casefold()} "
        middle = fit.mu.median if fit.bayesian else fit.estimate
        assert shown.estimate == pytest.approx(
            float(MEASURES[fit.measure].back(np.asarray(middle))) * shown.scale.factor
        )


@every
def test_tables_have_one_set_of_columns(name):
    fit = fitted(name)
    tidy, glance, augment = fit.tidy(), fit.glance(), fit.augment()
    assert tuple(tidy.columns) == TIDY
    assert tuple(tidy["term"]) == fit.names
    assert tuple(glance.columns[: len(GLANCE)]) == GLANCE
    assert len(glance) == 1
    assert tuple(augment.columns) == AUGMENT
    assert list(augment.index) == rows_of(fit)
    np.testing.assert_allclose(augment["residual"], augment["yi"] - augment["fitted"])
    np.testing.assert_allclose(tidy[["conf_low", "conf_high"]], fit.intervals())
    np.testing.assert_allclose(fit.tidy(0.8)["conf_low"], fit.intervals(0.8)[:, 0])
    assert isinstance(fit.summary(), pd.DataFrame)


@every
def test_spec_and_sentences(name):
    fit = fitted(name)
    assert isinstance(fit.spec.why, Mapping)
    assert fit.spec.label
    assert fit.level == fit.spec.level
    sentence = fit.describe()
    assert f"{100 * fit.level:g}%" in sentence
    assert sentence.endswith(".")
    methods = fit.methods_text()
    assert f"lamevidence {lam.__version__}" in methods


@every
def test_it_shows_itself_in_a_few_lines(name):
    fit = fitted(name)
    text = repr(fit)
    assert 1 < len(text.splitlines()) <= MAX_LINES
    assert max(map(len, text.splitlines())) < 400
    html = fit._repr_html_()
    assert html.startswith("<")
    assert "<script" not in html


@every
def test_json_is_json(name):
    fit = fitted(name)
    body = json.loads(json.dumps(fit.to_json(), allow_nan=False))
    for key in ("measure", "unit", "k", "estimate", "se", "interval", "prediction", "tau2", "q", "i2", "spec", "level"):
        assert key in body
    if fit.names == ("mu",):
        assert {"mu"} <= body.keys()


@every
def test_predict(name):
    fit = fitted(name)
    frame = fit.predict()
    assert {"mean", "conf_low", "conf_high"} <= set(frame.columns)
    assert np.isfinite(frame["mean"]).all()


@every
def test_refit_to_the_same_rows_is_the_same_result(name):
    fit = fitted(name)
    again = fit.refit(fit.table)
    assert type(again) is type(fit)
    assert again.names == fit.names
    tolerance = 1e-9 if name != SAMPLED else 1e-12
    np.testing.assert_allclose(again.estimate, fit.estimate, rtol=tolerance)
    np.testing.assert_allclose(again.intervals(), fit.intervals(), rtol=1e-7)
    assert again.level == fit.level


@every
def test_without_a_study(name):
    fit = fitted(name)
    study = fit.table.studies[0]
    try:
        rest = fit.without(study)
    except LamEvidenceError:
        assert name == "one study" or len(set(fit.table.studies)) < 3
        return
    assert study not in rest.table.studies
    assert rest.k < fit.k
    with pytest.raises(LamEvidenceError, match="studies"):
        fit.without("no such study")


@every
def test_rows_of_another_measure_are_refused(name):
    fit = fitted(name)
    other = lam.EvidenceTable.from_estimates([1.0, 2.0], vi=[1.0, 1.0], unit="mL")
    if name == "network":
        return
    with pytest.raises(OptionError):
        fit.refit(other)


@every
def test_another_level_is_honoured_throughout(name):
    """`pool(one_study, level=0.8).describe()` once spoke of 95 %."""
    fit = fitted(name)
    if fit.recipe is None or "level" not in fit.recipe.options:
        pytest.skip("made by hand")
    from dataclasses import replace

    recipe = replace(fit.recipe, options={**fit.recipe.options, "level": 0.8})
    other = recipe(fit.table)
    assert other.level == 0.8
    for text in (other.describe(), repr(other), str(other.display())):
        assert "80%" in text
        assert "95%" not in text
    np.testing.assert_allclose(other.intervals(), fit.intervals(0.8), rtol=1e-7)


@every
def test_it_draws_itself(name, tmp_path):
    figure = fitted(name).plot()
    figure.save(tmp_path / "figure.png", dpi=50)
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_every_returned_class_is_public():
    """Whatever a fit above is made of can be named by a user."""
    public = {getattr(lam.results, n) for n in lam.results.__all__}
    for name in FITS:
        assert type(fitted(name)) in public, name
    for name in ("mu > 90 mL", "mu > x"):
        with pytest.raises((OptionError, UnknownName)):
            fitted("random").probability(name)
