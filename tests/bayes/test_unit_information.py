"""The unit-information standard deviation and the default prior of τ that it scales."""

import re

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError, OptionError

# the example of R's RoBMA::estimate_unit_information_sd; bayesmeta::uisd is sqrt(sum(n) / sum(1 / sigma2)) too
SE, N = [0.2, 0.3, 0.25, 0.15], [50, 30, 40, 80]
Y = [1.0, 2.0, 1.5, 1.2]


def rows(unit="points", scale=1.0, n=N):
    return lam.EvidenceTable.from_estimates(scale * np.array(Y), sei=scale * np.array(SE), n=n, unit=unit)


def test_formula_of_the_paper_by_hand():
    # 200 / (25 + 11.1111 + 16 + 44.4444) = 200 / 96.5556
    assert lam.priors.uisd(rows()) == pytest.approx(np.sqrt(200 / (25 + 100 / 9 + 16 + 400 / 9)), rel=1e-14)


def test_one_study_gives_the_sd_of_its_patients():
    table = lam.EvidenceTable.from_estimates([-12.0], sei=[2.0], n=[43], unit="mL/month")
    assert lam.priors.uisd(table) == pytest.approx(2 * np.sqrt(43))


def test_a_log_odds_ratio_with_equal_arms_at_a_half_has_four():
    table = lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[16 / 80, 16 / 200], n=[80, 200], measure="OR")
    assert lam.priors.uisd(table) == pytest.approx(4)


def test_it_does_not_look_at_the_estimates_and_follows_the_unit():
    other = lam.EvidenceTable.from_estimates(np.array(Y) * 100, sei=SE, n=N, unit="points")
    assert lam.priors.uisd(other) == lam.priors.uisd(rows())
    assert lam.priors.uisd(rows(scale=10.0)) == pytest.approx(10 * lam.priors.uisd(rows()), rel=1e-14)


@pytest.mark.parametrize("unit", ["points", None, "%pred"])
def test_a_scale_without_an_anchor_has_a_stated_default(unit):
    table = rows(unit)
    post = lam.pool_bayes(table)
    assert post.prior_tau == lam.priors.HalfNormal(lam.priors.uisd(table) / 8, unit)
    why = post.spec.why["tau"]
    assert "an eighth of the unit-information standard deviation" in why
    assert f"{lam.priors.uisd(table):.4g}" in why
    assert "whose n is known" not in why
    given = lam.pool_bayes(table, tau=lam.priors.HalfNormal(lam.priors.uisd(table) / 8, unit))
    assert given.mu.mean == post.mu.mean
    assert given.spec.why["tau"] == "given"


def test_its_sensitivity_grid_is_a_quarter_and_a_half():
    post = lam.pool_bayes(rows())
    sd = lam.priors.uisd(rows())
    grid = list(post.sensitivity()["tau_prior"])
    assert grid[:3] == [repr(lam.priors.HalfNormal(sd / part, "points")) for part in (8, 4, 2)]


def test_rows_without_n_do_not_enter_and_the_reason_says_so():
    table = rows(n=[50, np.nan, 40, 80])
    part = rows().subset([0, 2, 3])
    assert lam.priors.uisd(table) == lam.priors.uisd(part)
    assert "from the 3 of 4 rows whose n is known" in lam.pool_bayes(table).spec.why["tau"]


def test_an_anchored_scale_keeps_its_anchor():
    slopes = lam.EvidenceTable.from_estimates(Y, sei=SE, n=N, unit="mL/year")
    assert lam.pool_bayes(slopes).prior_tau == lam.priors.HalfNormal(72, unit="mL/year")


def test_a_refit_keeps_the_prior():
    post = lam.pool_bayes(rows())
    assert post.without("1").prior_tau == post.prior_tau


def test_models_have_the_same_default():
    pytest.importorskip("pymc")
    model = lam.models.normal_normal(rows())
    assert "tau" in model.named_vars


def test_without_n_both_are_refused_and_their_remedy_works():
    table = lam.EvidenceTable.from_estimates(Y, sei=SE, unit="points")
    with pytest.raises(InputError, match="no row has a variance and its number of patients") as refused:
        lam.priors.uisd(table)
    call = re.search(r"lam\.EvidenceTable\.from_estimates\(.*\)", str(refused.value)).group()
    mended = eval(call, {"lam": lam, "yi": Y, "vi": np.square(SE), "n": N})
    assert lam.priors.uisd(mended) == pytest.approx(lam.priors.uisd(rows()))
    with pytest.raises(OptionError, match="no anchored prior of τ") as refused:
        lam.pool_bayes(table)
    assert "give the patients of each row as n" in str(refused.value)
    assert lam.pool_bayes(rows()).k == 4


def test_not_a_table():
    with pytest.raises(OptionError):
        lam.priors.uisd([1, 2])
