"""Every check of every fitted result: an answer, or a refusal that names its cause and a remedy that works."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamevidence as lam
from tests.checks.awkward import CHECKS, cases, fitted, table
from tests.checks.remedies import follow


@pytest.mark.parametrize(("model", "data"), list(cases()))
def test_answer_or_remedy(model, data):
    fit = fitted(model, data)
    if isinstance(fit, lam.LamEvidenceError):
        pytest.skip(f"{model} does not take {data}")
    wrong = []
    for name, check in CHECKS.items():
        try:
            found = check(fit)
        except lam.LamEvidenceError as refused:
            problem = follow(str(refused), fit, check)
            if problem:
                wrong.append(f"{name}: {refused}\n    → {problem}")
        else:
            assert repr(found)
            if hasattr(found, "describe"):
                assert found.describe().strip().endswith((".", "%", ")"))
                assert len(found.to_frame()) > 0
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("model", "data"), list(cases()))
@pytest.mark.parametrize("name", ["leave_one_out", "cumulative"])
def test_rows_of_refits_are_refits(model, data, name):
    """A row is what `Result.refit` gives for those rows, or NaN with its reason.

    Posteriors of counts and t likelihoods without one row are read off the nodes of all: the same up to the error of
    either, 4e-8 as stated, which is more standard deviations of an end of an interval.
    """
    fit = fitted(model, data)
    if isinstance(fit, lam.LamEvidenceError) or len(set(fit.table.studies)) < 2:
        pytest.skip("not this model, or one study")
    found = getattr(lam, name)(fit)
    studies = list(dict.fromkeys(fit.table.studies))
    assert len(found) == len(studies)
    for i, study in enumerate(studies):
        keep = [s != study if name == "leave_one_out" else s in studies[: i + 1] for s in fit.table.studies]
        try:
            alone = fit.refit(fit.table.subset(np.flatnonzero(keep).tolist()))
        except lam.LamEvidenceError as refused:
            reason = str(refused)
        else:
            reason = ""
        if reason:
            assert np.isnan(found["estimate"][i])
            assert found["reason"][i] == reason
            assert reason in " ".join(found.notes)
            continue
        if found.term not in alone.names:
            assert np.isnan(found["estimate"][i])
            continue
        at = alone.names.index(found.term)
        want = [float(np.atleast_1d(x)[at]) for x in (alone.estimate, alone.se)] + alone.intervals()[at].tolist()
        got = [found[column][i] for column in ("estimate", "se", "low", "high")]
        read_off = isinstance(getattr(alone, "likelihood", None), str) and alone.likelihood != "normal"
        room = 5e-7 * want[1] if read_off else 1e-10
        assert got == pytest.approx(want, rel=1e-8, abs=room, nan_ok=True)


@pytest.mark.parametrize("data", ["one estimate", "one proportion of zero"])
@pytest.mark.parametrize("name", ["leave_one_out", "influence", "gosh"])
def test_one_study_is_too_few_to_leave_out(data, name):
    fit = fitted("default", data)
    with pytest.raises(lam.errors.TooFewStudies, match="describe"):
        CHECKS[name](fit)


def test_no_check_warns():
    """What a check has to say stands in its notes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lam.influence(fitted("glmm", "proportions with zeros"))
        lam.checks.residuals(fitted("multilevel", "dependent rows"))
        lam.checks.gosh(fitted("mh", "trials with zeros"))


def test_a_check_takes_a_result_and_says_what_to_give_instead():
    for given in (table("seven estimates"), 3.0, None):
        with pytest.raises(lam.LamEvidenceError, match=r"lam\.pool"):
            lam.leave_one_out(given)
