"""Every prior of `lamevidence.priors` as a PyMC variable: its density, its support, its random numbers."""

import numpy as np
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.bayes.models.prior_forms import add_mu, add_tau, is_improper
from lamevidence.bayes.priors.base import TauPrior
from lamevidence.bayes.priors.effect_priors import EffectPrior
from lamevidence.bayes.priors.improper_priors import FlatTau
from lamevidence.foundation.errors import ImproperPosterior, OptionError

P = lam.priors
VI = np.array([1.0, 4.0, 9.0, 0.3])
OF_TAU = [
    P.HalfNormal(0.7), P.HalfCauchy(0.3), P.HalfStudentT(3, 0.7), P.HalfStudentT(4.5, 12.0), P.Exponential(0.7),
    P.HalfLogistic(0.7), P.Rayleigh(0.7), P.LogNormal(-1.1, 0.8), P.LogStudentT(5, -1.7, 1.3), P.Uniform(50.0),
    P.Lomax(2.5, 0.7), P.InverseChi(3.3, 0.7), P.InverseGamma(1.3, 0.15),
    P.DuMouchel(), P.UniformShrinkage(), P.UniformI2(),
    FlatTau(), P.FlatSqrt(), P.Jeffreys(), P.OverallJeffreys(), P.BergerDeely(), P.Conventional(),
]  # fmt: skip
MIXTURE = P.MixtureOfNormals((0.7, 0.3), (-1.0, 2.0), (0.5, 3.0))
OF_MU = [P.Normal(0.3, 2.7), P.StudentT(5.5, 0.3, 2.7), P.Flat(), MIXTURE]
TABLES = {P.turner_prior, P.rhodes_prior, P.bartos_mu_prior, P.bartos_tau_prior, P.parse_prior, P.uisd, P.load_mixture}
"""Functions that return one of the classes, or no prior."""
OF_DATA = {P.MixtureOfBetas, P.MixtureOfGammas}
"""Priors of a proportion and of a rate, for trials: not of μ or τ."""


def resolved(prior):
    return prior.resolve(VI)


def test_every_prior_is_here():
    classes = {type(prior) for prior in (*OF_TAU, *OF_MU)} - {FlatTau}
    assert classes == {getattr(P, name) for name in P.__all__} - TABLES - OF_DATA


def log_density(add, prior, values):
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    with pm.Model():
        variable = add("x", prior)
    at = pt.dscalar()
    compute = pytensor.function([at], pm.logp(variable, at), mode="FAST_COMPILE")
    return np.array([compute(value) for value in values])


@pytest.mark.parametrize("prior", OF_TAU, ids=repr)
def test_the_density_of_tau(prior):
    """The same log density over seven orders of magnitude, constant included, and none below 0.

    PyMC takes log 2 of its half-Cauchy and half-t in single precision, which moves every log density by up to 2e-9, a
    constant factor that no posterior feels; everything else is held to 1e-12 of |log p| + 1.
    """
    prior = resolved(prior)
    grid = np.geomspace(1e-6, 40.0, 25)
    found, expected = log_density(add_tau, prior, grid), prior.logpdf(grid)
    slack = 2.5e-9 if isinstance(prior, P.HalfCauchy | P.HalfStudentT) else 1e-12
    gap = found - expected
    assert np.abs(gap).max() <= slack * (1 + np.abs(expected).max()), np.abs(gap).max()
    assert np.ptp(gap) <= 1e-12 * (1 + np.abs(expected).max())  # a constant at most
    assert log_density(add_tau, prior, [-0.5])[0] == -np.inf


@pytest.mark.parametrize("prior", OF_MU, ids=repr)
def test_the_density_of_an_effect(prior):
    grid = np.linspace(-30, 40, 25)
    assert log_density(add_mu, prior, grid) == pytest.approx(prior.logpdf(grid), rel=1e-12, abs=1e-12)


PROPER = [prior for prior in OF_TAU if resolved(prior).proper]


@pytest.mark.parametrize("prior", PROPER, ids=repr)
def test_random_numbers_are_of_the_law(prior):
    import pymc as pm

    prior = resolved(prior)
    with pm.Model():
        variable = add_tau("tau", prior)
    assert not is_improper(variable)
    drawn = pm.draw(variable, 2000, random_seed=5, mode="FAST_COMPILE")
    assert stats.kstest(drawn, prior.cdf).pvalue > 0.001


@pytest.mark.parametrize("prior", [*(p for p in OF_TAU if p not in PROPER), P.Flat()], ids=repr)
def test_an_improper_prior_is_known_as_one(prior):
    import pymc as pm

    with pm.Model():
        variable = add_mu("x", prior) if isinstance(prior, EffectPrior) else add_tau("x", resolved(prior))
    assert is_improper(variable)


def test_a_prior_that_is_not_ours_is_refused():
    def own(base):
        return type("Own", (base,), {**dict.fromkeys(base.__abstractmethods__), "__repr__": lambda self: "Own()"})()

    with pytest.raises(OptionError, match=r"Own\(\) has no PyMC form .* such as HalfNormal"):
        add_tau("tau", own(TauPrior))
    with pytest.raises(OptionError, match=r"Own\(\) has no PyMC form .* choose Normal"):
        add_mu("mu", own(EffectPrior))


def test_the_posterior_has_to_exist():
    """As in the exact engine: a flat τ needs three studies with a flat μ, and never goes with counts."""
    two = lam.EvidenceTable.from_estimates([1, 4], sei=[2, 3])
    flat = {"mu": P.Flat(), "tau": P.Jeffreys()}
    with pytest.raises(ImproperPosterior) as refused:
        lam.models.normal_normal(two, mu=P.Flat(), tau=FlatTau())
    with pytest.raises(ImproperPosterior) as as_exact:
        lam.pool_bayes(two, mu=P.Flat(), tau=FlatTau(), likelihood="normal")
    assert str(refused.value) == str(as_exact.value)
    three = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5])
    assert {v.name for v in lam.models.normal_normal(three, **flat).free_RVs} == {"mu", "tau", "z"}
