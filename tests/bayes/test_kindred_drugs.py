"""Kindred drugs and diseases in one exact posterior: numbers of two independent quadratures."""

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import OptionError

SAE = pd.DataFrame({"x": [5, 10, 1], "n": [25, 22, 19], "everolimus": [0, 0, 1]})
BETA = lam.priors.Normal(0, 0.5)


def table(frame):
    return lam.EvidenceTable.from_frame(frame, "PLO", events="x", total="n")


def test_one_drug_two_diseases():
    post = lam.pool_bayes(table(SAE.iloc[:2]))
    found = (post.log_marginal, post.mu.mean, post.mu.sd, post.tau.mean)
    assert found == pytest.approx((-6.488954, -0.65725, 0.62297, 0.77316), abs=6e-6)
    stopped = lam.pool_bayes(table(pd.DataFrame({"x": [3, 4], "n": [10, 22]})))
    found = (stopped.log_marginal, stopped.mu.mean, stopped.mu.sd)
    assert found == pytest.approx((-5.046702, -1.07901, 0.63321), abs=6e-6)


def test_another_drug_of_the_class():
    post = lam.pool_bayes(table(SAE), moderators="~ everolimus", beta=BETA)
    drug = post.coefficients["everolimus"]
    found = (post.log_marginal, post.mu.mean, post.mu.sd, drug.mean, drug.sd, post.tau.mean)
    assert found == pytest.approx((-9.352377, -1.05141, 0.61657, -0.30475, 0.48189, 0.92851), abs=6e-6)
    alike = lam.pool_bayes(table(SAE))
    assert (alike.log_marginal, alike.mu.mean, alike.mu.sd) == pytest.approx((-9.533520, -1.11475, 0.63730), abs=6e-6)


def test_beta_is_one_prior_a_coefficient():
    one = lam.pool_bayes(table(SAE), moderators="~ everolimus", beta="Normal(0, 0.5)")
    listed = lam.pool_bayes(table(SAE), moderators="~ everolimus", mu=[lam.priors.Normal(0, 1.5), BETA])
    assert one.log_marginal == listed.log_marginal
    # no freedom for the coefficient is the model without it
    tight = lam.pool_bayes(table(SAE), moderators="~ everolimus", beta=lam.priors.Normal(0, 1e-4))
    assert tight.mu.mean == pytest.approx(lam.pool_bayes(table(SAE)).mu.mean, abs=1e-5)


def test_two_coefficients_and_other_families():
    frame = SAE.assign(other=[0, 1, 0])
    two = lam.pool_bayes(table(frame), moderators="~ everolimus + other", beta=BETA)
    assert np.isfinite(two.log_marginal)
    assert len(two.coefficients) == 3
    rates = lam.EvidenceTable.from_frame(
        pd.DataFrame({"patients": [5, 10, 1], "total": [25, 22, 19], "time": [1, 1, 0.55], "drug": [0, 0, 1]}),
        "HAZ", patients="patients", total="total", time="time",
    )  # fmt: skip
    post = lam.pool_bayes(rates, moderators="~ drug", beta=BETA)
    assert post.likelihood == "hazard"
    assert post.coefficients["drug"].mean < 0


def test_beta_without_moderators_or_beside_a_list_is_refused():
    with pytest.raises(OptionError, match="give moderators too"):
        lam.pool_bayes(table(SAE), beta=BETA)
    with pytest.raises(OptionError, match="leave beta out"):
        lam.pool_bayes(table(SAE), moderators="~ everolimus", mu=[BETA, BETA], beta=BETA)
