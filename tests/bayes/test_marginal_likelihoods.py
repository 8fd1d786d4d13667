"""The log likelihood of each row with the effects of its study integrated out, from the graph of a PyMC model.

No chains: parameters are drawn from the prior. References are the integrals of the exact engine, and dense grids
written here.
"""

import dataclasses

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray
from scipy import special, stats

import lamevidence as lam
from lamevidence.bayes.counts.families import study_likelihoods
from lamevidence.bayes.sampling.marginal import marginal_log_likelihood, study_effects_of

LOGIT = {"mu": lam.priors.Normal(-1, 1.5), "tau": lam.priors.HalfNormal(1)}
WIDE = {"mu": lam.priors.Normal(0, 20), "tau": lam.priors.HalfNormal(6)}
X = [0.0, 1.0, 1.0, 0.0]
A, B, C, D = [1, 3, 0, 4], [14, 9, 10, 8], [4, 5, 2, 6], [11, 7, 8, 4]


def counts(measure, **columns):
    table = lam.EvidenceTable.from_frame(pd.DataFrame(columns), measure, **{name: name for name in columns})
    return dataclasses.replace(table, moderators={"x": X})


def odds():
    return counts("OR", ai=A, bi=B, ci=C, di=D)


def rates():
    return dataclasses.replace(counts("IRLN", xi=[1, 3, 0, 10], ti=[12.0, 20, 15, 22]), n=[10, 15, 12, 20])


def estimates():
    table = lam.EvidenceTable.from_estimates([1, 16.1, 36.2, -0.8], sei=[2, 8.5, 7.9, 1.25], moderators={"x": X})
    return dataclasses.replace(table, n=[46, 3, 10, np.nan])


CASES = {
    "binomial": (lam.models.binomial, counts("PLO", xi=[0, 3, 2, 22], ni=[12, 20, 15, 22]), LOGIT),
    "poisson": (lam.models.poisson, rates(), LOGIT),
    "hypergeometric": (lam.models.hypergeometric, odds(), LOGIT),
    "conditional-binomial": (
        lam.models.conditional_binomial,
        counts("IRR", x1i=A, t1i=[15.0, 12, 10, 9], x2i=C, t2i=[14.0, 13, 10, 8]),
        LOGIT,
    ),
    "t": (lam.models.student_t, estimates(), WIDE),
}


def drawn(model, n=60, seed=1):
    """Draws from the prior, as a sampler returns them."""
    with model:
        tree = pm.sample_prior_predictive(draws=n, random_seed=seed, compile_kwargs={"mode": "FAST_COMPILE"})
    return xarray.Dataset(dict(tree["prior"].items()))


def found(model, posterior):
    log, why_not = marginal_log_likelihood(model, study_effects_of(model), posterior)
    assert why_not == ""
    return log[0]


@pytest.mark.parametrize("name", CASES)
def test_the_integrals_of_the_exact_engine(name):
    build, table, priors = CASES[name]
    posterior = drawn(model := build(table, **priors))
    centre = np.repeat(posterior["mu"].values[0][:, None], 4, axis=1)
    tau = posterior["tau"].values[0][:, None]
    rows = study_likelihoods(table, name)
    want = np.column_stack([row.integrate(centre[:, [i]], tau, 121).log[:, 0] for i, row in enumerate(rows)])
    # draws of a prior are farther from the data than those of a posterior: e^-25 is beyond what the references hold
    gap = np.abs(found(model, posterior) - want)[want > -25]
    assert gap.size > 100
    assert gap.max() < 2e-4
    assert np.median(gap) < 1e-6


def test_a_count_that_varies_between_patients():
    table = rates()
    posterior = drawn(model := lam.models.negative_binomial(table, **LOGIT), 20)
    z = np.linspace(-9, 9, 20_001)
    for d, got in enumerate(found(model, posterior)):
        mu, tau, spread = (float(posterior[name].values[0, d]) for name in ("mu", "tau", "dispersion"))
        shape = np.asarray(table.n)[:, None] / spread**2
        mean = table.counts["ti"][:, None] * np.exp(mu + tau * z)
        law = stats.nbinom.pmf(table.counts["xi"][:, None], shape, shape / (shape + mean)) * stats.norm.pdf(z)
        assert got == pytest.approx(np.log(law.sum(axis=1) * (z[1] - z[0])), abs=1e-6)


def test_two_effects_a_study():
    """Baseline and log odds ratio both integrated: two dimensions."""
    posterior = drawn(model := lam.models.contrast(odds(), baseline=lam.priors.Normal(0, 2.5), **LOGIT), 4)
    z = np.linspace(-8, 8, 401)
    phi = 2.5 * z[:, None]
    normal = stats.norm.logpdf(z)[None, :] + stats.norm.logpdf(z)[:, None]
    for d, got in enumerate(found(model, posterior)):
        delta = float(posterior["mu"].values[0, d]) + float(posterior["tau"].values[0, d]) * z[None, :]
        for i in range(4):
            log = stats.binom.logpmf(A[i], A[i] + B[i], special.expit(phi + delta / 2))
            log = log + stats.binom.logpmf(C[i], C[i] + D[i], special.expit(phi - delta / 2)) + normal
            assert got[i] == pytest.approx(special.logsumexp(log) + 2 * np.log(z[1] - z[0]), abs=1e-5)


def test_a_model_that_was_edited():
    """The graph counts: another law of the true effects is integrated as it stands."""
    table = CASES["binomial"][1]
    with pm.Model(coords={"study": list(table.labels)}) as model:
        mu, tau = pm.Normal("mu", -1, 1.5), pm.HalfNormal("tau", 1)
        z = pm.StudentT("z", nu=4, mu=0, sigma=1, dims="study")
        pm.Binomial("events", n=[12, 20, 15, 22], logit_p=mu + tau * z, observed=[0, 3, 2, 22], dims="study")
    posterior = drawn(model, 10)
    z = np.sinh(np.linspace(-9, 9, 60_001))
    for d, got in enumerate(found(model, posterior)):
        p = special.expit(float(posterior["mu"].values[0, d]) + float(posterior["tau"].values[0, d]) * z)
        p = np.clip(p, 1e-300, 1 - 1e-16)
        law = stats.binom.pmf(np.array([[0], [3], [2], [22]]), np.array([[12], [20], [15], [22]]), p)
        law = law * stats.t.pdf(z, 4) * np.hypot(1.0, z)
        assert got == pytest.approx(np.log(law.sum(axis=1) * 18 / 60_000), abs=3e-4)


def test_rows_that_share_effects_have_no_marginal_likelihood():
    with pm.Model(coords={"study": list("ABCD")}) as model:
        z = pm.Normal("z", 0, 1, dims="study")
        pm.Normal("estimate", z - z.mean(), 1.0, observed=[1, 2, 3, 4.0], dims="study")
    log, why_not = marginal_log_likelihood(model, study_effects_of(model), drawn(model, 5))
    assert log is None
    assert "share effects" in why_not


def test_a_likelihood_without_free_effects_is_marginal_already():
    assert study_effects_of(lam.models.normal_normal(estimates(), **WIDE)) == []
    (z,) = study_effects_of(lam.models.normal_normal(estimates(), "non-centred", **WIDE))
    assert z.name == "z"
