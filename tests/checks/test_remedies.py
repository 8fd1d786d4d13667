"""What refusals advise works on the same data: the circles that were found, and every call that a message prints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lamevidence as lam
from tests.checks.awkward import fitted, table
from tests.checks.remedies import follow


def refused(call, fit):
    with pytest.raises(lam.LamEvidenceError) as info:
        call(fit)
    return str(info.value)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("glmm", "proportions with zeros"),
        ("glmm", "trials with zeros"),
        ("mh", "trials with zeros"),
        ("peto", "trials with zeros"),
        ("beta-binomial", "proportions with zeros"),
        ("multilevel", "dependent rows"),
        ("cluster-robust", "dependent rows"),
        ("robust variance", "dependent rows"),
        ("location-scale", "seven estimates"),
    ],
)
def test_no_door_sends_to_the_next_one(model, data):
    """Leave-one-out, cumulative and influence of these once refused, and each named a model that refused too."""
    fit = fitted(model, data)
    for check in (lam.leave_one_out, lam.cumulative, lam.influence):
        assert len(check(fit)) == len(set(fit.table.studies))


@pytest.mark.parametrize("data", ["proportions with zeros", "trials with zeros", "rates"])
def test_a_model_of_estimates_for_counts_names_the_rows_it_loses(data):
    fit = fitted("glmm", data)
    for check in (lam.checks.trim_and_fill, lam.checks.selection_model, lam.checks.with_null_studies):
        call = (lambda f, check=check: check(f, 2)) if check is lam.checks.with_null_studies else check
        message = refused(call, fit)
        lost = [label for label, v in zip(fit.table.labels, fit.table.vi, strict=True) if not np.isfinite(v)]
        assert f"which leaves out {', '.join(lost)}" in message
        if check is not lam.checks.trim_and_fill:
            assert follow(message, fit, call) == ""


def test_rows_that_share_patients_are_made_one_row_a_study():
    fit = fitted("multilevel", "dependent rows")
    for call in (lam.checks.egger_test, lam.checks.pet_peese, lam.checks.radial, lam.checks.test_excess_significance):
        message = refused(call, fit)
        assert "share patients" in message
        assert follow(message, fit, call) == ""


def test_likelihoods_that_cannot_be_compared():
    reml, reduced = fitted("regression", "seven estimates"), fitted("random", "seven estimates")

    def call(fit):
        small = lam.pool(table("seven estimates"), tau2="ML")
        return lam.checks.likelihood_ratio_test(fit, small)

    message = refused(lambda fit: lam.checks.likelihood_ratio_test(fit, reduced), reml)
    assert follow(message.removesuffix(" for both models"), reml, call) == ""


def test_a_shared_tau2_of_a_model_that_has_none():
    fit = fitted("glmm", "proportions with zeros")
    by = list("aabba")
    message = refused(lambda f: lam.subgroups(f, by, common_tau2=True), fit)
    assert message.endswith("· leave common_tau2 out")
    assert lam.subgroups(fit, by).names == ("a", "b")


def test_options_beside_a_fit():
    fit = fitted("random", "seven estimates")
    message = refused(lambda f: lam.subgroups(f, "g", tau2="DL"), fit)
    assert "tau2" in message
    assert lam.subgroups(fit.table, "g", model="random", tau2="DL")["a"].spec.tau2 == "DL"


def test_a_result_of_coefficients_has_no_subgroups():
    fit = fitted("regression", "seven estimates")
    message = refused(lambda f: lam.subgroups(f, "g"), fit)
    assert "lam.subgroups(lam.pool(table), by)" in message
    assert lam.subgroups(lam.pool(fit.table), "g").names == ("a", "b")


def test_all_subsets_of_many_studies():
    rng = np.random.default_rng(1)
    many = lam.pool(lam.EvidenceTable.from_estimates(rng.normal(size=20), vi=np.full(20, 0.1)), interval="z")
    message = refused(lam.checks.gosh, many)
    assert follow(message, many, lam.checks.gosh) == ""


def test_a_sampled_posterior_names_the_exact_engine():
    exact = fitted("posterior", "seven estimates")
    assert exact.engine == "exact"
    with pytest.raises(lam.LamEvidenceError, match="engine='exact'"):
        lam.leave_one_out(replace(exact, engine="nuts"))
    assert len(lam.leave_one_out(exact)) == 7
