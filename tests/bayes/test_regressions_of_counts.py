"""Moderators under likelihoods of counts and t in the exact engine.

Three references that share no code with it: a dense grid written here, the closed form of the normal likelihood, and
the engine of one mean effect (nodes of another kind).
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from scipy.integrate import simpson

import lamevidence as lam
from lamevidence.bayes.counts.families import study_likelihoods
from lamevidence.bayes.counts.likelihoods import Likelihood
from lamevidence.bayes.counts.regression import fit_regression
from lamevidence.bayes.sampling.arviz_compat import datasets
from lamevidence.foundation.errors import ImproperPosterior, OptionError
from tests.bayes.agreement import worst

Normal, HalfNormal = lam.priors.Normal, lam.priors.HalfNormal
R, N = np.array([9.0, 10, 32, 0, 3, 5]), np.array([15.0, 22, 46, 12, 20, 9])
X = np.array([0.0, 1, 1, 0, 1, 0])
PRIORS = {"mu": [Normal(0, 2.5), Normal(0, 1.5)], "tau": HalfNormal(1)}


def counts(measure, moderators, **columns):
    table = lam.EvidenceTable.from_frame(pd.DataFrame(columns), measure, **{name: name for name in columns})
    return dataclasses.replace(table, moderators=moderators)


def proportions():
    return counts("PLO", {"x": X, "z": [1.0, -0.5, 0.2, 0.0, -1.0, 0.4]}, xi=R, ni=N)


def on_a_grid(law, group, sd, scale):
    """Moments of β and τ of a model with one factor: each of its groups has a mean effect of its own.

    ``law(i, theta)`` is the probability of the counts of row i.
    """
    h = 0.15
    eta, b0, b = np.arange(-180, 171) * h, np.arange(-100, 91) * h, np.arange(-80, 81) * h
    z = np.linspace(-8.5, 8.5, 301)
    share = stats.norm.pdf(z) * (z[1] - z[0])
    taus = np.geomspace(1e-4, 7 * scale, 121)
    first, at = np.rint((b0 - eta[0]) / h).astype(int), np.rint((b0[:, None] + b - eta[0]) / h).astype(int)
    first, at = (np.clip(x, 0, eta.size - 1) for x in (first, at))
    others = [stats.norm.pdf(b, 0, one) * h for one in sd[1:]]
    seen = []
    for tau in taus:
        groups = np.ones((len(sd), eta.size))
        for i, g in enumerate(group):
            groups[g] *= law(i, eta[:, None] + tau * z) @ share
        # of each difference given b0: mass and the first two moments, (3, b0)
        inner = [np.stack([groups[g + 1][at] @ (p * b**m) for m in range(3)]) for g, p in enumerate(others)]
        base = groups[0][first] * stats.norm.pdf(b0, 0, sd[0]) * h
        whole = base * np.prod([one[0] for one in inner], axis=0)
        found = [whole.sum(), whole @ b0, whole @ b0**2]
        for g in range(len(inner)):
            rest = base * np.prod([one[0] for j, one in enumerate(inner) if j != g], axis=0)
            found += [rest @ inner[g][1], rest @ inner[g][2]]
        seen.append(found)
    seen = np.array(seen).T
    weight = stats.halfnorm.pdf(taus, scale=scale) * taus
    # below the smallest τ nothing depends on it any more
    rest = seen[:, 0] * stats.halfnorm.cdf(taus[0], scale=scale)
    evidence, *moments = simpson(seen * weight, x=np.log(taus), axis=1) + rest
    total_tau = simpson(seen[0] * weight * taus, x=np.log(taus)) + 0.5 * rest[0] * taus[0]
    mean, square = np.array(moments).reshape(-1, 2).T / evidence
    return np.log(evidence), mean, np.sqrt(square - mean**2), total_tau / evidence


EVENTS, YEARS = np.array([1.0, 3, 0, 10, 4, 2]), np.array([12.0, 20, 15, 22, 30, 9])


def binomial_law(i, theta):
    return special.binom(N[i], R[i]) * np.exp(R[i] * theta - N[i] * np.logaddexp(0.0, theta))


def poisson_law(i, theta):
    mean = YEARS[i] * np.exp(np.minimum(theta, 50.0))
    return np.exp(special.xlogy(EVENTS[i], mean) - mean - special.gammaln(EVENTS[i] + 1))


THREE = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("binomial", X.astype(int)),
        ("poisson", X.astype(int)),
        pytest.param("binomial", THREE, marks=pytest.mark.slow, id="binomial, three groups"),
        pytest.param("poisson", THREE, id="poisson, three groups"),
    ],
)
def test_against_a_dense_grid(name, group):
    """A likelihood that falls by decades from node to node far out (Poisson) once put mass there: 2e-5 of it."""
    size = int(group.max()) + 1
    dummies = {f"x{g}": (group == g).astype(float) for g in range(1, size)}
    sd = (2.5, 1.5, 1.2)[:size]
    table = dataclasses.replace(ONE_MEAN[name], moderators=dummies)
    post = lam.pool_bayes(
        table, mu=[Normal(0, s) for s in sd], tau=HalfNormal(1), moderators=list(dummies), likelihood=name
    )
    log_evidence, mean, spread, tau = on_a_grid(binomial_law if name == "binomial" else poisson_law, group, sd, 1)
    assert abs(post.log_marginal - log_evidence) < post.numerical_error < 1e-7
    assert [d.mean for d in post.coefficients.values()] == pytest.approx(mean, abs=1e-9)
    assert [d.sd for d in post.coefficients.values()] == pytest.approx(spread, abs=1e-9)
    assert post.tau.mean == pytest.approx(tau, abs=1e-9)


@pytest.mark.parametrize("size", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_closed_form_of_the_normal_likelihood(size):
    """The same nodes under a normal likelihood, whose posterior given τ is closed: tables, axes, laws and draws."""
    y, v = np.array([1.0, 4, -2.5, 8, 0.8, 3]), np.array([2.0, 3, 3.5, 6, 1.5, 2]) ** 2
    columns = np.stack([np.ones(6), X, np.array([1.0, -0.5, 0.2, 0.0, -1.0, 0.4])], axis=1)[:, :size]
    priors = (Normal(0, 20), Normal(1, 5), Normal(0, 3))[:size]
    table = lam.EvidenceTable.from_estimates(y, vi=v)
    want = lam.pool_bayes(table, mu=priors, tau=HalfNormal(4), moderators=columns, likelihood="normal")
    state = fit_regression(table, Likelihood("normal", ""), columns, priors, HalfNormal(4))
    assert state.log_marginal == pytest.approx(want.log_marginal, abs=1e-8)
    assert state.error < 1e-6
    assert state.covariance() == pytest.approx(want.covariance, rel=1e-6)
    p = np.array([0.01, 0.25, 0.5, 0.9, 0.999])
    for x in (*np.eye(size), columns[2], columns.mean(axis=0)):
        for new in (False, True):
            ours, closed = state.at(x, new=new), want.state.at(x, new=new)
            assert ours.quantile(p) == pytest.approx(closed.quantile(p), abs=2e-6 * closed.sd)
            assert (ours.mean, ours.sd) == pytest.approx((closed.mean, closed.sd), rel=1e-6, abs=1e-7)
    assert state.tau.quantile(p) == pytest.approx(want.tau.quantile(p), rel=1e-6)
    for i in (0, 3):
        closed = want.state.theta(i)
        assert state.theta(i).quantile(p) == pytest.approx(closed.quantile(p), abs=5e-6 * closed.sd)
    drawn = state.draw(np.random.default_rng(1), 4000)
    for j, name in enumerate(want.names):
        assert stats.kstest(drawn["beta"][:, j], want.coefficients[name].cdf).pvalue > 0.01
    assert stats.kstest(drawn["theta"][:, 3], want.state.theta(3).cdf).pvalue > 0.01
    assert stats.kstest(drawn["beta"] @ columns[2], want.state.at(columns[2]).cdf).pvalue > 0.01
    for null, value in (("tau", 0.0), ("mu", 1.0)):
        closed = want.state.log_bayes_factor(null, value)
        assert state.log_bayes_factor(null, value) == pytest.approx(closed, abs=1e-6)


ONE_MEAN = {
    "binomial": proportions(),
    "poisson": counts("IRLN", {"x": X}, xi=EVENTS, ti=YEARS),
    "hypergeometric": counts("OR", {"x": X}, ai=[1, 3, 0, 4, 2, 5], bi=[14, 9, 10, 8, 9, 7], ci=[4, 5, 2, 6, 7, 3],
                             di=[11, 7, 8, 4, 5, 9]),
    "conditional-binomial": counts("IRR", {"x": X}, x1i=[1, 3, 0, 4, 2, 5], t1i=[15.0, 12, 10, 9, 8, 20],
                                   x2i=[4, 5, 2, 6, 7, 3], t2i=[14.0, 13, 10, 8, 9, 21]),
    "t": dataclasses.replace(
        lam.EvidenceTable.from_estimates([1, 4, -2.5, 18, 0.8, 3], sei=[2, 3, 3.5, 6, 1.5, 2], moderators={"x": X}),
        n=[12, 5, 9, 4, 30, np.nan],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_MEAN)
@pytest.mark.parametrize("design", ["ones", "still slope"])
def test_the_engine_of_one_mean_effect(name, design):
    """A column of ones, and a second column whose coefficient its prior holds at 0."""
    table, mu = ONE_MEAN[name], Normal(0, 5)
    want = lam.pool_bayes(table, mu=mu, tau=HalfNormal(1), likelihood=name)
    columns = np.ones((6, 1)) if design == "ones" else np.stack([np.ones(6), X], axis=1)
    priors = (mu,) if design == "ones" else (mu, Normal(0, 1e-7))
    state = fit_regression(table, Likelihood(name, ""), columns, priors, HalfNormal(1))
    tolerance = 1e-7 if name != "t" else 2e-6
    assert state.log_marginal == pytest.approx(want.log_marginal, abs=tolerance)
    assert state.error < 1e-6
    p = np.array([0.01, 0.25, 0.5, 0.9, 0.999])
    x = columns[1] * [1, 0][: columns.shape[1]]
    assert state.at(x).quantile(p) == pytest.approx(want.mu.quantile(p), abs=1e-5 * want.mu.sd)
    assert state.at(x, new=True).quantile(p) == pytest.approx(want.theta_new.quantile(p), abs=1e-4 * want.theta_new.sd)
    assert state.tau.quantile(p) == pytest.approx(want.tau.quantile(p), rel=1e-5)
    for i in (0, 3):
        found = want.state.theta(i)
        assert state.theta(i).quantile(p) == pytest.approx(found.quantile(p), abs=1e-4 * found.sd)
    assert len(study_likelihoods(table, name)) == 6


def test_many_patients_are_the_normal_likelihood():
    n = np.full(6, 1e7)
    r = np.round(n * special.expit([-1.0, -0.4, -0.9, -1.3, 0.1, -1.2]))
    table = counts("PLO", {"x": X}, xi=r, ni=n)
    exact = lam.pool_bayes(table, moderators=["x"], **PRIORS)
    normal = lam.pool_bayes(table, moderators=["x"], likelihood="normal", **PRIORS)
    for name in exact.names:
        (a, b), (c, d) = exact.interval()[name], normal.interval()[name]
        assert (a, b) == pytest.approx((c, d), abs=1e-5)
    assert exact.tau.interval() == pytest.approx(normal.tau.interval(), abs=1e-5)


def test_the_members_of_the_contract():
    table = counts("PLO", {"group": np.array(["a", "b", "b", "a", "b", "a"])}, xi=R, ni=N)
    post = lam.pool_bayes(table, moderators="~ C(group)", **PRIORS)
    assert post.names[0] == "intercept"
    assert post.estimate.shape == post.se.shape == (2,)
    assert post.covariance == pytest.approx(post.covariance.T)
    assert np.sqrt(np.diagonal(post.covariance)) == pytest.approx(post.se, rel=1e-6)
    said = " ".join([post.describe(), *post.notes])
    assert "mean effect" not in post.describe()
    assert "group" in said
    assert "a" in said.split("group")[-1]
    ahead = post.predict({"group": ["a", "b"]})
    assert (ahead["conf_low"] < ahead["mean"]).all()
    assert (ahead["prediction_low"] < ahead["conf_low"]).all()
    assert post.at({post.names[1]: 1.0}).mean == pytest.approx(ahead["mean"][1])
    assert 0 < post.probability(f"{post.names[1]} > 0") < 1
    assert set(post.tidy()["term"]) >= set(post.names)
    without = post.without(table.labels[0])
    assert without.k == 5
    assert without.likelihood == "binomial"
    left_out = post.loo()
    assert left_out.elpd[0] == pytest.approx(post.log_marginal - without.log_marginal, abs=1e-6)
    assert np.all((left_out.pit_low <= left_out.pit) & (left_out.pit <= left_out.pit_high))
    assert np.isfinite(post.bayes_factor(tau=0))
    assert post.pointwise_log_likelihood(post.draws(50, 2, 1)).shape == (2, 50, 6)
    assert "lamevidence" not in repr(post)
    assert len(repr(post).splitlines()) <= 12


def test_more_coefficients_are_refused_and_the_remedy_works():
    table = counts("PLO", dict(zip("abc", np.random.default_rng(1).normal(size=(3, 6)), strict=True)),
                   xi=R, ni=N)  # fmt: skip
    more = {"mu": [Normal(0, 2.5)] * 4, "tau": HalfNormal(1), "moderators": list("abc")}
    with pytest.raises(OptionError, match=r"4 coefficients .* engine='nuts', or likelihood='normal'"):
        lam.pool_bayes(table, **more)
    usable = table.subset([0, 1, 2, 4, 5])
    assert lam.pool_bayes(usable, likelihood="normal", **more).names == ("intercept", "a", "b", "c")


@pytest.mark.slow
def test_more_coefficients_by_chains():
    """The other remedy, with the same data; two columns that their priors hold at 0 leave the exact two."""
    table = counts("PLO", dict(zip("abc", np.random.default_rng(1).normal(size=(3, 6)), strict=True)),
                   xi=R, ni=N)  # fmt: skip
    more = {"tau": HalfNormal(1), "moderators": list("abc")}
    chains = lam.pool_bayes(table, engine="nuts", seed=3, mu=[Normal(0, 2.5)] * 4, **more)
    assert chains.names == ("intercept", "a", "b", "c")
    assert all(0.1 < d.sd < 2.5 for d in chains.coefficients.values())
    held = [Normal(0, 2.5), Normal(0, 2.5), Normal(0, 1e-4), Normal(0, 1e-4)]
    chains = lam.pool_bayes(table, engine="nuts", seed=3, mu=held, **more)
    exact = lam.pool_bayes(table, mu=held[:2], tau=HalfNormal(1), moderators=["a"])
    score, where = worst(datasets(chains.idata)["posterior"], references(exact))
    assert score < 4, where


def references(post):
    """What chains are held against: coefficients, τ and study effects of an exact regression."""
    of_beta = {("beta", j): d for j, d in enumerate(post.coefficients.values())}
    return of_beta | {("tau", None): post.tau} | {("theta", i): post.state.theta(i) for i in range(len(R))}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["binomial", "hypergeometric"])
def test_chains_agree_with_quadrature(name):
    """Means, standard deviations and quantiles within four Monte Carlo errors."""
    exact = lam.pool_bayes(ONE_MEAN[name], moderators=["x"], likelihood=name, **PRIORS)
    chains = lam.pool_bayes(ONE_MEAN[name], moderators=["x"], likelihood=name, engine="nuts", seed=2, **PRIORS)
    assert chains.likelihood == name
    assert chains.names == exact.names
    score, where = worst(datasets(chains.idata)["posterior"], references(exact))
    print(f"{name} with a moderator: worst of {5 * len(references(exact))} z = {score:.2f} at {where}")
    assert score < 4, where


def test_flat_coefficients_need_data_that_bound_them():
    """No event in one group: its difference from the other is not bounded from below."""
    flat = {"mu": [lam.priors.Flat(), lam.priors.Flat()], "tau": HalfNormal(1), "moderators": ["x"]}
    table = counts("PLO", {"x": X}, xi=[3, 0, 0, 2, 0, 4], ni=N)
    with pytest.raises(ImproperPosterior, match=r"do not bound x .*Normal"):
        lam.pool_bayes(table, **flat)
    remedy = lam.pool_bayes(table, **(flat | {"mu": [lam.priors.Flat(), Normal(0, 2)]}))
    assert remedy.coefficients["x"].median < 0
    separated = counts("PLO", {"x": np.arange(6.0)}, xi=[0, 0, 0, 12, 20, 9], ni=[15, 22, 46, 12, 20, 9])
    with pytest.raises(ImproperPosterior, match="do not bound"):
        lam.pool_bayes(separated, **flat)
    bounded = lam.pool_bayes(proportions(), **flat)
    assert np.isfinite(bounded.se).all()
