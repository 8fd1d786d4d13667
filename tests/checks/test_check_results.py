"""Check results: one surface for all, the coefficient asked for, studies with several rows, what is missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.checks import CheckResult, CheckTable
from tests.checks.awkward import CHECKS, fitted


@pytest.mark.parametrize("name", [n for n in CHECKS if not n.startswith(("subgroups", "with_null"))])
@pytest.mark.parametrize("data", ["seven estimates", "trials"])
def test_one_surface(name, data):
    fit = fitted("random", data)
    try:
        found = CHECKS[name](fit)
    except lam.LamEvidenceError:
        pytest.skip("not of this table")
    assert isinstance(found, CheckResult)
    assert found.describe() in repr(found)
    assert "<table" in found._repr_html_()
    plain = found.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False))["notes"] == list(found.notes)
    assert len(plain["rows"]) == len(found.to_frame())
    assert len(repr(found).splitlines()) < 40


def test_a_table_of_refits_knows_its_fit():
    fit = fitted("glmm", "proportions with zeros")
    for kind, check in (("leave_one_out", lam.leave_one_out), ("cumulative", lam.cumulative)):
        found = check(fit)
        assert isinstance(found, CheckTable)
        assert (found.kind, found.fit, found.term) == (kind, fit, "mu")


def test_figures_of_checks_or_a_refusal_in_words():
    fit = fitted("random", "seven estimates")
    with pytest.raises(lam.LamEvidenceError, match="no figure"):
        lam.checks.egger_test(fit).plot()
    with pytest.raises(lam.LamEvidenceError, match="no figure"):
        lam.checks.residuals(fit).plot()


def test_a_study_goes_with_all_its_rows():
    fit = fitted("multilevel", "dependent rows")
    found = lam.leave_one_out(fit)
    assert found["label"] == ("a", "b", "c", "d")
    assert found["estimate"][1] == pytest.approx(fit.without("b").estimate, rel=1e-9)


def test_the_coefficient_is_chosen_by_name():
    fit = fitted("regression", "seven estimates")
    first, slope = lam.leave_one_out(fit), lam.leave_one_out(fit, term="x")
    assert (first.term, slope.term) == fit.names
    without = fit.refit(fit.table.subset(range(1, 7)))
    assert slope["estimate"][0] == pytest.approx(without.estimate[1], rel=1e-8)
    assert slope["se"][0] == pytest.approx(without.se[1], rel=1e-8)
    with pytest.raises(lam.errors.UnknownName, match="Intercept"):
        lam.leave_one_out(fit, term="dose")


@pytest.mark.parametrize(
    ("model", "data"),
    [("glmm", "proportions with zeros"), ("mh", "trials"), ("t effects", "seven estimates")],
)
def test_influence_from_refits_is_defined_as_published(model, data):
    """Cook's distance and the covariance ratio of Viechtbauer & Cheung 2010, from fits made one by one."""
    fit = fitted(model, data)
    found = lam.influence(fit)
    for i, study in enumerate(fit.table.studies):
        without = fit.without(study)
        change = fit.estimate - without.estimate
        assert found["cook"][i] == pytest.approx(change**2 / fit.se**2, rel=1e-7)
        assert found["cov_ratio"][i] == pytest.approx(without.se**2 / fit.se**2, rel=1e-7)
        assert found["dfbetas_mean"][i] == pytest.approx(change / without.se, rel=1e-7)
        assert found["tau2_deleted"][i] == pytest.approx(without.tau2, rel=1e-7)
    assert np.isnan(found["dffits"]).all()
    assert any("dffits" in note for note in found.notes)


def test_closed_formulas_and_refits_agree_where_both_exist():
    """Weights of its own send a fit the general way; with the inverse-variance weights both ways are one model."""
    closed = fitted("common", "seven estimates")
    given = lam.pool(closed.table, model="random", tau2=0.0, interval="z", weights=1 / closed.table.vi)
    a, b = lam.influence(closed), lam.influence(given)
    for column in ("cook", "cov_ratio", "q_deleted"):
        assert b[column] == pytest.approx(a[column], rel=1e-9)
    a, b = lam.checks.baujat(closed), lam.checks.baujat(given)
    for column in ("q", "influence"):
        assert b[column] == pytest.approx(a[column], rel=1e-9)
    a, b = lam.checks.residuals(closed), lam.checks.residuals(given)
    for column in ("raw", "pearson", "deleted", "deleted_se", "studentized"):
        assert b[column] == pytest.approx(a[column], rel=1e-9)


def test_rows_without_a_variance_are_named():
    fit = fitted("glmm", "proportions with zeros")
    test = lam.checks.egger_test(fit)
    assert test.k == 4
    assert "S1 left out" in " ".join(test.notes)
    found = lam.checks.residuals(fit)
    assert np.isnan(found["studentized"][0])
    assert np.isfinite(found["studentized"][1:]).all()
    assert "S1" in " ".join(found.notes)


def test_the_filled_funnel_is_one_model():
    fit = fitted("random", "seven estimates")
    found = lam.checks.trim_and_fill(fit, side="right")
    assert found.filled.k == fit.k + found.missing
    assert found.filled.spec.tau2 == fit.spec.tau2
    assert found.filled.table.measure == fit.table.measure
    again = fit.refit(found.filled.table)
    assert found.filled.estimate == pytest.approx(again.estimate, rel=1e-12)


def test_gosh_of_a_model_without_a_batch_is_its_refits():
    fit = fitted("t effects", "equally precise")
    found = lam.checks.gosh(fit, subsets=4, seed=3)
    for i, included in enumerate(found["included"]):
        try:
            alone = fit.refit(fit.table.subset(np.flatnonzero(included).tolist()))
        except lam.LamEvidenceError:
            assert np.isnan(found["estimate"][i])
            continue
        assert found["estimate"][i] == pytest.approx(alone.estimate, rel=1e-7)
