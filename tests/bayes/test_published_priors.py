"""Published priors: their numbers, and that they are taken for the measures they are laws of and for no others."""

from __future__ import annotations

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.priors.cochrane_fields import ALL, BINARY, CONTINUOUS
from lamevidence.errors import OptionError, UnknownName
from lamevidence.priors import Normal, bartos_mu_prior, bartos_tau_prior, rhodes_prior, turner_prior

P = lam.priors
LAWS = [
    (turner_prior("adverse events"), "log odds ratios", "OR"),
    (rhodes_prior("structure"), "standardised mean differences", "SMD"),
    (bartos_tau_prior("SMD", "Airways"), "standardised mean differences", "SMD"),
    (bartos_tau_prior("OR"), "log odds ratios", "OR"),
    (bartos_tau_prior("RR"), "log risk ratios", "RR"),
    (bartos_tau_prior("RD"), "risk differences", "RD"),
    (bartos_tau_prior("HR"), "log hazard ratios", "HR"),
]
EFFECTS = [
    (bartos_mu_prior("SMD"), "SMD"),
    (bartos_mu_prior("OR"), "OR"),
    (bartos_mu_prior("RR"), "RR"),
    (bartos_mu_prior("RD"), "RD"),
    (bartos_mu_prior("HR"), "HR"),
]


def table(**words):
    return lam.EvidenceTable.from_estimates([0.1, 0.4, 0.2], sei=[0.1, 0.2, 0.15], **words)


def test_numbers_of_the_cochrane_fields():
    """Bartoš 2021, table 3 (all fields; Airways; Oral Health) and Bartoš 2023 (all fields; Acute Respiratory
    Infections), as their package BayesTools 0.2.18 has them."""
    assert repr(bartos_mu_prior()) == "StudentT(5, 0, 0.43)"
    assert repr(bartos_tau_prior()) == "InverseGamma(1.71, 0.4)"
    assert repr(bartos_tau_prior("SMD", "Airways")) == "InverseGamma(2.02, 0.28)"
    found = [repr(f(m)) for m in ("OR", "RR", "RD", "HR") for f in (bartos_mu_prior, bartos_tau_prior)]
    assert found == [
        *("StudentT(4, 0, 0.58)", "InverseGamma(1.77, 0.55)", "StudentT(3, 0, 0.32)", "InverseGamma(1.51, 0.23)"),
        *("StudentT(1, 0, 0.034)", "HalfNormal(0.099)", "StudentT(2, 0, 0.13)", "InverseGamma(2.42, 0.3)"),
    ]
    field = "Acute Respiratory Infections"
    assert repr(bartos_mu_prior("OR", field)) == "StudentT(3, 0, 0.48)"
    assert repr(bartos_tau_prior("OR", field)) == "InverseGamma(1.67, 0.45)"


def test_tables_are_whole_and_nothing_in_them_is_out_of_line():
    assert len(CONTINUOUS) == 46 + 1
    assert len(BINARY) == 53 + 1
    for scale, df, shape, spread in CONTINUOUS.values():
        assert 0.1 < scale < 0.7
        assert 2 <= df <= 6
        assert 1.2 < shape < 2.1
        assert 0.1 < spread < 0.7
    for field, (odds, t_odds, risks, t_risks, difference, t_difference) in BINARY.items():
        assert odds[0] > risks[0] > difference[0]
        assert 1 <= difference[1] <= 2
        assert odds[1] <= 7
        assert (t_odds is None) is (t_risks is None) is (t_difference is None) is (field == "Childhood Cancer")
        if t_odds and t_risks:  # log odds ratios vary more than log risk ratios: medians s/Γ⁻¹(a)
            assert P.InverseGamma(*t_odds).median > 0.7 * P.InverseGamma(*t_risks).median
    assert ALL in CONTINUOUS
    assert ALL in BINARY


def test_what_has_no_law_is_refused():
    with pytest.raises(UnknownName, match="Airways"):
        bartos_mu_prior("SMD", "Airway")
    with pytest.raises(UnknownName):
        bartos_tau_prior("SMD", "Childhood Cancer")
    with pytest.raises(UnknownName):
        bartos_tau_prior("HR", "Heart")
    with pytest.raises(UnknownName, match="measure of these priors"):
        bartos_tau_prior("IRR")
    with pytest.raises(OptionError, match=r"take that of all fields: lam\.priors\.bartos_tau_prior\('OR'\)"):
        bartos_tau_prior("OR", "Childhood Cancer")
    assert bartos_tau_prior("OR").median > 0


@pytest.mark.parametrize(("prior", "words", "code"), LAWS, ids=lambda x: x if isinstance(x, str) else None)
def test_a_published_law_of_tau_is_refused_elsewhere(prior, words, code):
    with pytest.raises(OptionError, match=rf"law of τ of {words}, the table holds GEN.*measure='{code}'"):
        lam.pool_bayes(table(), mu=Normal(0, 2), tau=prior)
    # both remedies, on the same data
    lam.pool_bayes(table(), mu=Normal(0, 2), tau=P.HalfNormal(0.5))
    post = lam.pool_bayes(table(measure=code), mu=Normal(0, 2), tau=prior)
    assert np.isfinite(post.mu.mean)
    assert repr(post.prior_tau) == repr(prior)


@pytest.mark.parametrize(("prior", "code"), EFFECTS)
def test_a_published_law_of_mu_is_refused_elsewhere(prior, code):
    with pytest.raises(OptionError, match=r"law of μ of .*, the table holds GEN"):
        lam.pool_bayes(table(), mu=prior, tau=P.HalfNormal(0.5))
    lam.pool_bayes(table(), mu=Normal(0, 2), tau=P.HalfNormal(0.5))
    assert np.isfinite(lam.pool_bayes(table(measure=code), mu=prior, tau=P.HalfNormal(0.5)).mu.mean)


def test_the_remedy_has_the_unit_of_the_table():
    slopes = table(unit="mL/year")
    with pytest.raises(OptionError, match=r"HalfNormal\(0\.5, unit='mL/year'\)"):
        lam.pool_bayes(slopes, mu=Normal(0, 2, unit="mL/year"), tau=rhodes_prior("structure"))
    lam.pool_bayes(slopes, mu=Normal(0, 2, unit="mL/year"), tau=P.HalfNormal(0.5, unit="mL/year"))


def test_models_to_edit_refuse_them_too():
    with pytest.raises(OptionError, match="published law of τ of log odds ratios, the table holds GEN"):
        lam.models.normal_normal(table(), mu=Normal(0, 2), tau=turner_prior("pain"))
    lam.models.normal_normal(table(), mu=Normal(0, 2), tau=P.HalfNormal(0.5))
    lam.models.normal_normal(table(measure="OR"), mu=Normal(0, 2), tau=turner_prior("pain"))


def test_poulsen_by_the_priors_of_oral_health():
    """The Bayes factor of Bartoš 2021's example, log-marginals integrated on a grid in test_likelihood_policy."""
    d = lam.EvidenceTable.from_estimates([0.1, 0.4, 0.2], sei=[0.1, 0.2, 0.15], measure="SMD")
    named = lam.pool_bayes(d, mu=bartos_mu_prior("SMD", "Oral Health"), tau=bartos_tau_prior("SMD", "Oral Health"))
    typed = lam.pool_bayes(d, mu=P.StudentT(5, 0, 0.51), tau=P.InverseGamma(1.79, 0.28))
    assert named.mu.mean == typed.mu.mean
    assert named.bayes_factor(tau=0) == typed.bayes_factor(tau=0)
