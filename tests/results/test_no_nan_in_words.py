"""What does not exist is said in words: no text of a result holds a nan."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import LamEvidenceError
from tests.support.fits import FITS, MU, TAU, fitted, nested, odds_ratios, proportions, rates

NAN = re.compile(r"\bnan\b", re.IGNORECASE)


def texts(result) -> dict[str, str]:
    told = {}
    for door in ("__repr__", "_repr_html_", "describe", "methods_text"):
        if hasattr(result, door):
            told[door] = getattr(result, door)()
    if hasattr(result, "heterogeneity"):
        told["heterogeneity"] = str(result.heterogeneity())
    if hasattr(result, "display"):
        told["display"] = str(result.display())
    return told


def holds_no_nan(result) -> None:
    assert {door: text for door, text in texts(result).items() if NAN.search(text)} == {}


@pytest.mark.parametrize("name", FITS)
def test_no_result_prints_a_nan(name):
    holds_no_nan(fitted(name))


@pytest.mark.parametrize("name", FITS)
def test_nor_does_its_refit_to_one_or_two_studies(name):
    fit = fitted(name)
    if not isinstance(fit.table, lam.EvidenceTable):
        pytest.skip("comparisons, not rows of studies")
    for rows in ([3], [0, 1], [2, 2 if fit.k < 5 else 4]):
        with contextlib.suppress(LamEvidenceError):  # some models need more rows
            holds_no_nan(fit.refit(fit.table.subset(sorted(set(rows)))))


def random_effects():
    return lam.pool(odds_ratios(), model="random")


def test_a_group_of_one_study_says_so():
    some = lam.subgroups(random_effects(), by=["a"] * 12 + ["b"])
    assert "b: one study: τ² not estimable" in repr(some)
    assert "b: one study: τ² not estimable" in some.describe()
    holds_no_nan(some)
    assert np.isnan(some.tau2["b"])
    every = lam.subgroups(random_effects(), by=["a"] * 6 + ["b"] * 7)
    assert "not estimable" not in repr(every) + every.describe()
    many = lam.subgroups(random_effects(), by=[*"abcdefghijk", "l", "l"])
    assert "11 groups: one study: τ² not estimable" in repr(many)
    holds_no_nan(many)


@pytest.mark.parametrize("make", [
    lambda: lam.subgroups(lam.pool(proportions()), by=["x"] * 5 + ["y"]),
    lambda: lam.subgroups(lam.pool(rates()), by=["x"] * 5 + ["y"]),
    lambda: lam.subgroups(lam.pool(odds_ratios(), model="mh"), by=["a"] * 12 + ["b"]),
    lambda: lam.subgroups(random_effects(), by=["a"] * 12 + ["b"], common_tau2=True),
    lambda: lam.subgroups(lam.multilevel(nested(), random="1 | study/row"), by=["a"] * 9 + ["b"] * 3),
    lambda: lam.subgroups(lam.pool_bayes(odds_ratios(), likelihood="normal", mu=MU, tau=TAU), by=["a"] * 12 + ["b"]),
    lambda: lam.leave_one_out(lam.pool(odds_ratios().subset([0, 1]), model="random")),
    lambda: lam.checks.influence(lam.pool(odds_ratios().subset([0, 1, 2]), model="random")).describe,
    lambda: lam.EvidenceTable.from_frame(
        odds_ratios().to_frame().head(2).assign(z=[0, 0]), measure="PLO", events="z", total="n1i"
    ),
], ids=range(9))  # fmt: skip
def test_nor_do_groups_checks_and_tables(make):
    made = make()
    if isinstance(made, lam.EvidenceTable) or not hasattr(made, "table"):
        for text in (repr(made), getattr(made, "describe", str)()):
            assert not NAN.search(text.replace("NaN", "")), text  # frames say NaN
        return
    holds_no_nan(made)


def test_one_study_describes_itself_in_both_engines():
    one = odds_ratios().subset([3])
    for fit in (lam.pool(one, model="random"), lam.pool_bayes(one, likelihood="normal", mu=MU, tau=TAU)):
        assert "one study, as reported" in fit.describe()
