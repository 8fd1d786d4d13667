"""Subgroups: one model for all of them, each the pool of its own rows, and a test only where it holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lamevidence as lam
from tests.checks.awkward import MODELS, fitted, table

PAIRS = [
    ("random", "seven estimates"),
    ("common", "seven estimates"),
    ("given weights", "seven estimates"),
    ("profile interval", "seven estimates"),
    ("ivhet", "seven estimates"),
    ("t effects", "seven estimates"),
    ("glmm", "proportions with zeros"),
    ("UM.FS", "trials"),
    ("mh", "trials"),
    ("peto", "trials with zeros"),
    ("beta-binomial", "proportions"),
    ("gamma-poisson", "rates"),
    ("multilevel", "dependent rows"),
    ("robust variance", "dependent rows"),
    ("posterior", "seven estimates"),
]


def numbers(fit):
    return [fit.estimate, fit.se, *fit.intervals()[0]]


@pytest.mark.parametrize(("model", "data"), PAIRS)
def test_a_group_is_the_model_fitted_to_its_own_rows(model, data):
    fit = fitted(model, data)
    by = ["x" if i < fit.k // 2 + 1 else "y" for i in range(fit.k)]
    sub = lam.subgroups(fit, by)
    assert sub.overall is fit
    for name in sub.groups:
        rows = [i for i, label in enumerate(by) if label == name]
        own = fit.table.subset(rows)
        alone = fit.refit(own) if model == "given weights" else MODELS[model](own)
        assert numbers(sub[name]) == pytest.approx(numbers(alone), rel=1e-9, nan_ok=True)
        assert type(sub[name]) is type(alone)
        assert sub.interval()[name] == sub[name].interval()


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 1.0), st.sampled_from("abc")), min_size=4, max_size=9).filter(
        lambda rows: len({g for *_, g in rows}) > 1
    )
)
def test_a_group_of_a_table_is_pool_of_its_rows(rows):
    y, v, g = zip(*rows, strict=True)
    whole = lam.EvidenceTable.from_estimates(list(y), vi=list(v))
    sub = lam.subgroups(whole, list(g), model="random", tau2="DL", interval="z")
    for name in sub.groups:
        own = whole.subset([i for i, label in enumerate(g) if label == name])
        alone = lam.pool(own, model="random", tau2="DL", interval="z")
        assert numbers(sub[name]) == pytest.approx(numbers(alone), rel=1e-10, abs=1e-12)
    # DerSimonian-Laird means are ordered between their groups when they share one variance; here only the test is asked
    w = 1 / sub.se**2
    centre = float(w @ sub.estimate / w.sum())
    assert sub.q_between == pytest.approx(float(w @ (sub.estimate - centre) ** 2), rel=1e-9, abs=1e-12)


def test_a_table_is_pooled_by_the_default_model_of_the_whole():
    """Counts: the one-stage likelihood for the groups too; 9 events of 90 have the logit of 0.1."""
    t = table("proportions with zeros")
    sub = lam.subgroups(t, ["x", "x", "y", "y", "y"])
    assert sub.overall.spec.model == lam.pool(t).spec.model == sub["x"].spec.model
    assert sub["y"].estimate == pytest.approx(lam.pool(t.subset([2, 3, 4])).estimate, rel=1e-9)


def test_rows_of_one_study_in_two_groups_withhold_the_test():
    fit = fitted("multilevel", "dependent rows")
    apart = lam.subgroups(fit, "g")
    assert np.isfinite(apart.q_between)
    shared = lam.subgroups(fit, ["x", "y"] * 5)
    assert np.isnan(shared.q_between)
    assert np.isnan(shared.q_between_p)
    assert shared.q_between_df == 0
    assert "share patients" in shared.between_note
    for text in (repr(shared), shared.describe(), " ".join(shared.notes)):
        assert "share patients" in text


def test_rows_of_one_study_cannot_be_pooled_as_independent():
    with pytest.raises(lam.errors.DependentRows):
        lam.subgroups(table("dependent rows"), ["x", "y"] * 5)


def test_a_group_that_cannot_be_fitted_is_kept_with_its_reason():
    fit = fitted("multilevel", "dependent rows")
    by = ["lone", *["rest"] * 9]
    sub = lam.subgroups(fit, by)
    assert sub.names == ("lone", "rest")
    assert np.isnan(sub.estimate[0])
    assert np.isfinite(sub.estimate[1])
    assert "lone" in sub.reasons
    assert sub.reasons["lone"] in " ".join(sub.notes)
    assert sub.to_frame().loc["lone", "reason"] == sub.reasons["lone"]
    with pytest.raises(lam.errors.NotEstimable, match="lone"):
        sub["lone"]


def test_shared_tau2_is_the_residual_one_of_the_regression_on_the_groups():
    fit = lam.pool(table("seven estimates"), tau2="DL", interval="z")
    sub = lam.subgroups(fit, "g", common_tau2=True)
    dummies = np.array([[float(x == "a"), float(x == "b")] for x in fit.table.moderators["g"]])
    regression = lam.pool(fit.table, moderators=dummies, tau2="DL", interval="z")
    assert sub.common_tau2 == pytest.approx(regression.tau2, rel=1e-12)
    assert sub.estimate == pytest.approx(regression.estimate, rel=1e-9)
    assert sub.se == pytest.approx(regression.se, rel=1e-9)


def test_a_group_of_one_study_has_the_shared_tau2_as_in_the_regression_on_the_groups():
    evidence = lam.EvidenceTable.from_estimates([0.1, 0.5, 0.3, 0.9, 1.4], vi=[0.02, 0.03, 0.02, 0.04, 0.05])
    by = ["a", "a", "a", "a", "b"]
    sub = lam.subgroups(evidence, by, common_tau2=True, tau2="REML", interval="z", prediction="none")
    # R: metafor 3.8-1, rma(y, v, mods = ~ g - 1)
    assert sub.se == pytest.approx([0.1644, 0.3622], abs=5e-5)
    assert sub["b"].tau2 == pytest.approx(sub.common_tau2)
    assert sub["b"].refit(evidence.subset([3])).se == pytest.approx((0.04 + sub.common_tau2) ** 0.5)
    assert "as reported" not in sub["b"].describe()
    assert "cannot be told apart" in sub["b"].prediction_note
    own = lam.subgroups(evidence, by, tau2="REML", interval="z", prediction="none")
    assert own["b"].se == pytest.approx(0.05**0.5)
    assert "as reported" in own["b"].describe()


def test_subgroups_can_be_fitted_to_other_rows():
    sub = lam.subgroups(fitted("random", "seven estimates"), "g")
    fewer = sub.without(sub.table.studies[0])
    assert fewer.k == 6
    assert fewer.names == ("b", "a")
    alone = sub.overall.without(sub.table.studies[0])
    assert fewer.overall.estimate == pytest.approx(alone.estimate, rel=1e-12)


def test_a_probability_names_a_group():
    sub = lam.subgroups(fitted("random", "seven estimates"), "g")
    assert sub.probability("a > 0") == pytest.approx(sub["a"].probability("mu > 0"))
    with pytest.raises(lam.LamEvidenceError, match="groups"):
        sub.probability("c > 0")
