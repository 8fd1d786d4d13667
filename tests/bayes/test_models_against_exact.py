"""Every PyMC model within four Monte Carlo errors of quadrature: means, standard deviations, 5, 50 and 95 % quantiles.

The reference is the exact engine where it covers the model, else a dense grid (`tests.oracles.model_grids`).
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import lamevidence as lam
from lamevidence.bayes.sampling.arviz_compat import datasets
from lamevidence.bayes.sampling.sampling import sample_chains, sampler_for
from tests.bayes.agreement import of_posterior, worst
from tests.oracles import model_grids

Y, SE = [1, 16.1, 36.2, -0.8, 4.2], [2, 8.5, 7.9, 1.25, 1.2]
WIDE = {"mu": lam.priors.Normal(0, 20), "tau": lam.priors.HalfNormal(6)}
LOGIT = {"mu": lam.priors.Normal(-1, 1.5), "tau": lam.priors.HalfNormal(1)}
RATIO = {"mu": lam.priors.Normal(0, 2.82), "tau": lam.priors.HalfNormal(0.5)}
XI, TIME, SIZE = [1, 3, 2, 10], [12.0, 20.0, 15.0, 22.0], [12, 20, 15, 22]
A, B, C, D = [1, 3, 0], [14, 9, 10], [4, 5, 2], [11, 7, 8]
Y2 = np.array([[1, 3], [16.1, 10.1], [36.2, 26.2], [-0.8, -3], [4.2, 4.2]])
SE2 = np.array([[2, 3], [8.5, 8.5], [7.9, 5], [1.25, 2], [1.2, 1.6]])


def estimates(y=Y, se=SE, **more):
    return lam.EvidenceTable.from_estimates(y, sei=se, **more)


def counts(measure, **columns):
    return lam.EvidenceTable.from_frame(pd.DataFrame(columns), measure, **{name: name for name in columns})


def exact(table, likelihood, priors, **more):
    return of_posterior(lam.pool_bayes(table, likelihood=likelihood, **priors, **more))


def non_centred():
    return lam.models.normal_normal(estimates(), "non-centred", **WIDE), exact(estimates(), "normal", WIDE)


def centred():
    y = [-9.1, -4.2, -2.0, -0.5, 0.3, 1.9, 3.1, 5.2, 7.7, 12.0]
    table = estimates(y, np.linspace(0.5, 1.5, 10))
    return lam.models.normal_normal(table, "centred", **WIDE), exact(table, "normal", WIDE)


def regression():
    table = estimates(moderators={"x": [0, 1, 1, 0, 0]})
    slope = lam.priors.Normal(0, 10)
    model = lam.models.regression(table, ["x"], slopes=slope, **WIDE)
    post = lam.pool_bayes(table, mu=[WIDE["mu"], slope], tau=WIDE["tau"], moderators=["x"], likelihood="normal")
    return model, {
        ("beta", 0): post.coefficients["intercept"],
        ("beta", 1): post.coefficients["x"],
        ("tau", None): post.tau,
    }


def student_t():
    table = dataclasses.replace(estimates(), n=[46, 18, 10, np.nan, 19])  # one row is normal
    return lam.models.student_t(table, **WIDE), exact(table, "t", WIDE)


def binomial():
    table = counts("PLO", xi=[0, 3, 2, 10], ni=SIZE)
    return lam.models.binomial(table, **LOGIT), exact(table, "binomial", LOGIT)


def poisson():
    table = counts("IRLN", xi=XI, ti=TIME)
    return lam.models.poisson(table, **LOGIT), exact(table, "poisson", LOGIT)


def hazard():
    """Each kind of row, with and without frailty."""
    frame = pd.DataFrame(
        {
            "patients": [5, 10, 1, None, None],
            "total": [25, 22, 19, None, 30],
            "time": [1, 1, 0.55, None, None],
            "events": [None, None, None, 6, 12],
            "person_time": [None, None, None, 25.0, 28.0],
            "frailty": [0, 0.6, 0, 0, 0.9],
        }
    )
    table = lam.EvidenceTable.from_frame(frame, "HAZ", **{name: name for name in frame})
    return lam.models.hazard(table, **LOGIT), exact(table, "hazard", LOGIT)


def hypergeometric():
    table = counts("OR", ai=A, bi=B, ci=C, di=D)
    return lam.models.hypergeometric(table, **RATIO), exact(table, "hypergeometric", RATIO)


def conditional_binomial():
    table = counts("IRR", x1i=A, t1i=[15.0, 12.0, 10.0], x2i=C, t2i=[14.0, 13.0, 10.5])
    return lam.models.conditional_binomial(table, **RATIO), exact(table, "conditional-binomial", RATIO)


def on_grid(found):
    return {(name, None): marginal for name, marginal in found.items()}


def negative_binomial():
    patients = [10, 15, 12, 20]
    table = dataclasses.replace(counts("IRLN", xi=XI, ti=TIME), n=patients)
    return lam.models.negative_binomial(table, **LOGIT), on_grid(
        model_grids.negative_binomial(XI, TIME, patients, (-1, 1.5), 1, 0.75)
    )


def contrast():
    table = counts("OR", ai=A, bi=B, ci=C, di=D)
    return lam.models.contrast(table, **RATIO), on_grid(model_grids.contrast(A, B, C, D, (0, 2.82), 0.5, 2.5))


def bivariate():
    tables = [estimates(Y2[:, i], SE2[:, i]) for i in (0, 1)]
    return lam.models.bivariate(*tables, within=0.7, **WIDE), on_grid(model_grids.bivariate(Y2, SE2, 0.7, 20, 6))


MODELS = [
    non_centred, centred, regression, student_t, binomial, poisson, hazard, hypergeometric,
    conditional_binomial, negative_binomial, contrast, bivariate,
]  # fmt: skip


@pytest.mark.parametrize("case", MODELS, ids=lambda case: case.__name__)
def test_chains_agree_with_quadrature(case):
    model, references = case()
    chains = {"draws": 2000, "chains": 4, "random_seed": 11, "progressbar": False, "cores": 1}
    native, _ = sample_chains(model, sampler_for(model, "auto"), 1000, (), chains)
    score, where = worst(datasets(native)["posterior"], references)
    print(f"{case.__name__}: worst of {5 * len(references)} z = {score:.2f} at {where}")
    assert score < 4, where


def test_the_grids_have_the_limits_of_the_exact_engine():
    """Next to no variation between patients: Poisson. A second outcome that says nothing: one outcome."""
    rates = lam.pool_bayes(counts("IRLN", xi=XI, ti=TIME), **LOGIT)
    one = lam.pool_bayes(estimates(Y2[:, 0], SE2[:, 0]), likelihood="normal", **WIDE)
    grids = model_grids.negative_binomial(XI, TIME, [10, 15, 12, 20], (-1, 1.5), 1, 1e-3)
    pair = model_grids.bivariate(Y2, SE2 * [1, 1e7], 0.0, 20, 6)
    pairs = [(grids["mu"], rates.mu), (grids["tau"], rates.tau)]
    pairs += [(pair["mu_first"], one.mu), (pair["tau_first"], one.tau)]
    for grid, exact_one in pairs:
        tolerance = 2e-3 * exact_one.sd  # a small part of a Monte Carlo error
        assert grid.mean == pytest.approx(exact_one.mean, abs=tolerance)
        assert grid.sd == pytest.approx(exact_one.sd, abs=tolerance)
        for p in (0.05, 0.5, 0.95):
            assert grid.quantile(p) == pytest.approx(exact_one.quantile(p), abs=tolerance)
