"""The two-level engine where the answer is known in closed form, and its draws."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.counts.fitting import fit_two_level
from lamevidence.bayes.counts.likelihoods import Likelihood
from lamevidence.effects.evidence_table import EvidenceTable

P = np.array([0.001, 0.025, 0.25, 0.5, 0.9, 0.999])


@pytest.mark.parametrize("k", [1, 2, 6, 20])
@pytest.mark.parametrize("new", [False, True])
def test_normal_likelihood_against_the_closed_mixture(k, new):
    rng = np.random.default_rng(k)
    y, v = rng.normal(0, 3, k), rng.uniform(0.2, 4, k)
    t = EvidenceTable.from_estimates(y, vi=v)
    closed = lam.pool_bayes(t, mu=lam.priors.Normal(0, 5), tau=lam.priors.HalfNormal(3), likelihood="normal").state.at(
        np.ones(1), new=new
    )
    state = fit_two_level(t, Likelihood("normal", "known"), lam.priors.Normal(0, 5), lam.priors.HalfNormal(3))
    d, x = state.at(np.ones(1), new=new), closed.quantile(P)
    assert d.cdf(x) == pytest.approx(P, abs=2e-7)
    assert d.pdf(x) == pytest.approx(closed.pdf(x), rel=1e-4)
    assert d.quantile(P) == pytest.approx(x, abs=1e-4 * closed.sd)
    assert d.interval(0.95, "shortest") == pytest.approx(closed.interval(0.95, "shortest"), abs=1e-4 * closed.sd)
    assert d.mode == pytest.approx(closed.mode, abs=1e-3 * closed.sd)


def count_posterior():
    r, n = np.array([9.0, 10, 32, 0, 3, 5]), np.array([15.0, 22, 46, 12, 20, 9])
    names = tuple(f"s{i}" for i in range(6))
    t = EvidenceTable(
        yi=np.zeros(6), vi=np.ones(6), labels=names, studies=names, measure="PLO", counts={"xi": r, "ni": n}
    )
    return lam.pool_bayes(t, mu=lam.priors.Normal(0, 2.5), tau=lam.priors.HalfNormal(1))


def normal_posterior():
    t = EvidenceTable.from_estimates((1, 4, -2.5, 8, 0.8), sei=(2, 3, 3.5, 6, 1.5))
    return lam.pool_bayes(t, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))


@pytest.mark.parametrize("make", [normal_posterior, count_posterior])
def test_draws_follow_the_posterior(make):
    post = make()
    flat = post.draws(20_000, 2, seed=3).flat()
    n = flat["tau"].size
    for x, law in ((flat["beta"][:, 0], post.mu), (flat["tau"], post.tau)):
        assert abs(x.mean() - law.mean) < 4 * law.sd / np.sqrt(n)
        # Kolmogorov's distance at 1e-4 (Massart 1990)
        u = np.sort(law.cdf(x))
        assert np.max(np.abs(u - (np.arange(n) + 0.5) / n)) < np.sqrt(np.log(2e4) / (2 * n)) + 1e-3
    for i, label in enumerate(post.table.labels):
        law = post.theta[label]
        assert abs(flat["theta"][:, i].mean() - law.mean) < 4 * law.sd / np.sqrt(n)


@pytest.mark.parametrize("upper", [0.5, 2.0, 10.0])
def test_a_bounded_prior_of_tau_under_the_t_likelihood(upper):
    """With many patients a study the t likelihood is the normal one."""
    yi, vi = [0.1, 0.4, 0.2], [0.04, 0.05, 0.03]
    many = lam.EvidenceTable.from_estimates(yi, vi=vi, n=[10**6] * 3)
    prior = {"mu": lam.priors.Normal(0, 4), "tau": lam.priors.Uniform(upper)}
    t, normal = (lam.pool_bayes(many, likelihood=name, **prior) for name in ("t", "normal"))
    assert t.tau.median == pytest.approx(normal.tau.median, rel=1e-4)
    assert t.mu.sd == pytest.approx(normal.mu.sd, rel=1e-4)


@pytest.mark.parametrize("prior", [lam.priors.HalfNormal(0.5), lam.priors.HalfStudentT(1, 4), lam.priors.Lomax(1, 1)])
def test_the_density_of_tau_goes_on_to_0(prior):
    """At 0 it is the slope of the distribution function there, not the noise of a series."""
    table = lam.EvidenceTable.from_estimates([0.1, 0.4, 0.2], vi=[0.04, 0.05, 0.03], n=[12, 15, 10])
    tau = lam.pool_bayes(table, mu=lam.priors.Normal(0, 4), tau=prior, likelihood="t").tau
    slope = float(tau.cdf(2e-3) / 2e-3)
    assert tau.pdf([0.0, 1e-12, 1e-6, 1e-4]) == pytest.approx(slope, rel=5e-3)
