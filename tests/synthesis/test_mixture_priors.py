"""Mixture priors: updates against direct integrals, effective sizes against known laws, posteriors by grid."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import lamevidence as lam
from lamevidence.bayes.predictive.joint_mode import marginal_maxima
from lamevidence.errors import InputError, LamEvidenceError, OptionError, UnknownName
from lamevidence.priors import HalfNormal, MixtureOfBetas, MixtureOfGammas, MixtureOfNormals, Normal, load_mixture

NORMALS = MixtureOfNormals((0.7, 0.3), (-1.0, 2.0), (0.5, 3.0))
BETAS = MixtureOfBetas((0.2, 0.8), (1.0, 10.0), (1.0, 2.0))
GAMMAS = MixtureOfGammas((0.3, 0.7), (20.0, 50.0), (4.0, 10.0))


@pytest.mark.parametrize(
    ("prior", "ends", "updated", "likelihood"),
    [
        (NORMALS, (-40, 40), NORMALS.updated(0.8, 0.6), lambda x: stats.norm.pdf(0.8, x, 0.6)),
        (BETAS, (0, 1), BETAS.updated(3, 12), lambda x: stats.binom.pmf(3, 12, x)),
        (GAMMAS, (0, 40), GAMMAS.updated(9, 2.5), lambda x: stats.poisson.pmf(9, 2.5 * x)),
    ],
)
def test_an_update_is_prior_times_likelihood(prior: Any, ends: Any, updated: Any, likelihood: Any) -> None:
    """The posterior density at some places, its constant by scipy's quadrature."""
    places = [prior.quantile(p) for p in (0.1, 0.5, 0.9)]
    total = integrate.quad(lambda x: prior.pdf(x) * likelihood(x), *ends, points=places, limit=400, epsabs=0)[0]
    for x in (*places, updated.mean):
        assert updated.pdf(x) == pytest.approx(prior.pdf(x) * likelihood(x) / total, rel=1e-8)


@pytest.mark.parametrize("prior", [NORMALS, BETAS, GAMMAS])
def test_distribution_function_quantiles_and_moments_are_of_one_law(prior: Any) -> None:
    p = np.array([1e-6, 0.02, 0.4, 0.77, 0.999])
    np.testing.assert_allclose(prior.cdf(prior.quantile(p)), p, rtol=1e-9)
    low, high = prior.quantile(1e-14), prior.quantile(1 - 1e-14)
    points = [prior.quantile(q) for q in (0.01, 0.2, 0.5, 0.8, 0.99)]
    mean = integrate.quad(lambda x: x * prior.pdf(x), low, high, points=points, limit=400)[0]
    square = integrate.quad(lambda x: (x - mean) ** 2 * prior.pdf(x), low, high, points=points, limit=400)[0]
    assert prior.mean == pytest.approx(mean, rel=1e-7)
    assert prior.sd == pytest.approx(np.sqrt(square), rel=1e-7)


@pytest.mark.parametrize("kind", ["elir", "moment", "morita"])
def test_a_conjugate_prior_is_worth_its_own_size(kind: Any) -> None:
    assert MixtureOfBetas((1,), (5,), (15,)).ess(kind) == pytest.approx(20, rel=1e-9)
    assert MixtureOfGammas((1,), (20,), (40,)).ess(kind) == pytest.approx(40, rel=1e-9)
    assert MixtureOfNormals((1,), (3,), (2,)).ess(kind, unit_information=20) == pytest.approx(100, rel=1e-9)


def test_elir_is_predictively_consistent() -> None:
    """E{ess after n more patients} − n = ess before them (Neuenschwander 2020): for binomial counts, a finite sum."""
    n = 10
    chance = [
        integrate.quad(lambda p, r=r: BETAS.pdf(p) * stats.binom.pmf(r, n, p), 0, 1, limit=200)[0] for r in range(n + 1)
    ]
    ahead = sum(c * BETAS.updated(r, n).ess("elir") for r, c in enumerate(chance))
    assert ahead - n == pytest.approx(BETAS.ess("elir"), rel=1e-6)
    # the moments' size is not: the property tells the two apart
    moments = sum(c * BETAS.updated(r, n).ess("moment") for r, c in enumerate(chance))
    assert abs(moments - n - BETAS.ess("moment")) > 1


def test_elir_of_logits_and_log_rates_integrates_the_information_of_one_patient() -> None:
    """E{−(log p)''/i(θ)} by scipy's quadrature and finite differences."""
    h = 1e-3

    def bend(x: float) -> float:
        low, middle, high = np.log(np.asarray(NORMALS.pdf([x - h, x, x + h])))
        return float(-(low - 2 * middle + high) / h**2)

    for likelihood, unit in (("binomial", lambda x: np.exp(x) / (1 + np.exp(x)) ** 2), ("poisson", np.exp)):
        value = integrate.quad(
            lambda x, u=unit: NORMALS.pdf(x) * bend(x) / u(x), -30, 40, points=[-12, -7, -2, -1, 0, 2, 5, 11], limit=900
        )[0]
        assert NORMALS.ess("elir", likelihood=likelihood) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("prior", [NORMALS, BETAS, GAMMAS, MixtureOfNormals((1,), (5,), (2,), unit="mL/year")])
def test_json_returns_the_same_prior(prior: Any) -> None:
    assert load_mixture(prior.to_json()) == prior
    assert eval(repr(prior), {type(prior).__name__: type(prior)}) == prior


@pytest.mark.parametrize(
    ("make", "error", "remedy"),
    [
        (lambda: MixtureOfNormals((0.5, 0.6), (0, 1), (1, 1)), InputError, "sum to 1"),
        (lambda: MixtureOfNormals((0.5, 0.5), (0,), (1, 1)), InputError, "one of each"),
        (lambda: MixtureOfNormals((1,), (0,), (-1,)), InputError, "scale"),
        (lambda: MixtureOfBetas((1,), (0.0,), (1,)), InputError, "MixtureOfBetas a"),
        (lambda: MixtureOfBetas((1,), (1,), (1,), unit="mL"), InputError, "leave it out"),
        (lambda: BETAS.updated(5, 3), InputError, "events"),
        (lambda: NORMALS.ess(), OptionError, "unit_information"),
        (lambda: NORMALS.ess(unit_information=1, likelihood="poisson"), OptionError, "leave unit_information out"),
        (lambda: MixtureOfBetas((1,), (0.5,), (3,)).ess(), OptionError, "moment"),
        (lambda: MixtureOfGammas((1,), (0.5,), (3,)).ess(), OptionError, "moment"),
        (lambda: load_mixture("no"), InputError, "to_json"),
        (lambda: load_mixture("[1]"), UnknownName, "normals"),
        (lambda: load_mixture('{"mixture": "betas", "weight": [1], "a": [1]}'), InputError, "exactly those"),
        (lambda: load_mixture('{"mixture": "cauchys"}'), UnknownName, "normals"),
        (lambda: load_mixture('{"mixture": "betas", "weight": 1, "a": [1], "b": [1]}'), InputError, "lists"),
    ],
)
def test_what_is_no_mixture_is_refused_in_words(make: Any, error: Any, remedy: Any) -> None:
    with pytest.raises(error, match=re.escape(remedy)):
        make()


def test_the_remedies_work() -> None:
    assert MixtureOfBetas((1,), (0.5,), (3,)).ess("moment") == pytest.approx(3.5)
    assert NORMALS.ess(likelihood="poisson") > 0


Y, SE = np.array([0.1, 0.2, 1.5, -0.1, 0.15]), np.array([0.1, 0.2, 0.3, 0.15, 0.1])


def _grid(prior: Any, scale: float) -> tuple[Any, Any, Any, float]:
    """Posterior of (τ, μ) on a fine grid."""
    mu, tau = np.linspace(-8, 12, 6001), (np.arange(1600) + 0.5) * 4 / 1600
    log = prior.logpdf(mu) + np.log(2) + stats.norm.logpdf(tau, 0, scale)[:, None]
    for y, s in zip(Y, SE, strict=True):
        log = log + stats.norm.logpdf(y, mu, np.sqrt(s**2 + tau[:, None] ** 2))
    top = log.max()
    weight = np.exp(log - top)
    evidence = top + np.log(weight.sum() * (mu[1] - mu[0]) * (tau[1] - tau[0]))
    return mu, tau, weight / weight.sum(), evidence


def test_the_posterior_under_a_mixture_is_that_of_a_grid() -> None:
    post = lam.pool_bayes(lam.EvidenceTable.from_estimates(Y, sei=SE), mu=NORMALS, tau=HalfNormal(0.7))
    mu, tau, weight, evidence = _grid(NORMALS, 0.7)
    mean = weight.sum(0) @ mu
    assert post.log_marginal == pytest.approx(evidence, abs=1e-7)
    assert post.mu.mean == pytest.approx(mean, abs=1e-7)
    assert post.mu.sd == pytest.approx(np.sqrt(weight.sum(0) @ (mu - mean) ** 2), abs=1e-7)
    assert post.tau.mean == pytest.approx(weight.sum(1) @ tau, abs=1e-6)
    below = np.cumsum(weight.sum(0)) - 0.5 * weight.sum(0)
    for p in (0.025, 0.5, 0.975):
        assert post.mu.cdf(np.interp(p, below, mu)) == pytest.approx(p, abs=1e-4)
    null = [lam.pool_bayes(post.table, mu=Normal(m, s), tau=HalfNormal(0.7)) for m, s in ((-1, 0.5), (2, 3))]
    at_zero = [fit.log_bayes_factor(mu=0) + fit.log_marginal for fit in null]
    assert at_zero[0] == pytest.approx(at_zero[1], abs=1e-9)
    assert post.log_bayes_factor(mu=0) == pytest.approx(at_zero[0] - post.log_marginal, abs=1e-9)


def test_a_mixture_of_equal_parts_is_its_part_for_every_likelihood() -> None:
    """Two halves of one normal are the normal: estimates, t, counts, moderators, leave-one-out, draws."""
    half, whole = MixtureOfNormals((0.5, 0.5), (0.3, 0.3), (2, 2)), Normal(0.3, 2)
    counts = lam.EvidenceTable.from_frame(
        pd.DataFrame({"r": [3, 0, 5, 2], "n": [10, 12, 20, 9]}), measure="PLO", events="r", total="n"
    )
    estimates = lam.EvidenceTable.from_estimates(Y, sei=SE, n=[46, 18, 30, 122, 10])
    for table, options in (
        (counts, {}),
        (estimates, {"likelihood": "normal"}),
        (estimates, {"likelihood": "t"}),
        (estimates, {"likelihood": "normal", "moderators": np.column_stack([np.ones(5), np.arange(5)])}),
    ):
        moderated = "moderators" in options
        a, b = (
            lam.pool_bayes(table, mu=[mu, Normal(0, 1)] if moderated else mu, tau=HalfNormal(0.7), **options)
            for mu in (half, whole)
        )
        assert a.log_marginal == pytest.approx(b.log_marginal, abs=1e-8)
        name = next(iter(a.coefficients))
        for p in (0.025, 0.5, 0.975):
            assert a.coefficients[name].quantile(p) == pytest.approx(b.coefficients[name].quantile(p), abs=1e-6)
        np.testing.assert_allclose(a.loo().elpd, b.loo().elpd, atol=1e-6)
        assert a.draws(50, seed=1).mu.shape == b.draws(50, seed=1).mu.shape
        assert a.theta[a.table.labels[0]].mean == pytest.approx(b.theta[b.table.labels[0]].mean, abs=1e-6)


def test_a_component_far_away_loses_its_weight() -> None:
    """Data near the narrow part leave the posterior of the wide part alone, and the other way round."""
    wide = MixtureOfNormals((0.5, 0.5), (0.0, 30.0), (1.0, 1.0))
    fit = lam.pool_bayes(lam.EvidenceTable.from_estimates(Y, sei=SE), mu=wide, tau=HalfNormal(0.7))
    alone = lam.pool_bayes(lam.EvidenceTable.from_estimates(Y, sei=SE), mu=Normal(0, 1), tau=HalfNormal(0.7))
    assert fit.mu.mean == pytest.approx(alone.mu.mean, abs=1e-9)
    assert fit.log_marginal == pytest.approx(alone.log_marginal - np.log(2), abs=1e-9)


@pytest.mark.parametrize("prior", [NORMALS, lam.priors.StudentT(3, 0, 1)])
def test_maxima_that_are_worked_out_for_normal_priors_say_so(prior: Any) -> None:
    post = lam.pool_bayes(lam.EvidenceTable.from_estimates(Y, sei=SE), mu=prior, tau=HalfNormal(0.7))
    with pytest.raises(LamEvidenceError, match=r"post\.tau\.mode"):
        post.joint_mode()
    with pytest.raises(LamEvidenceError, match=r"post\.tau\.mode"):
        marginal_maxima(post)
    assert np.isfinite(post.tau.mode)
    assert np.isfinite(post.mu.mode)


def test_a_posterior_of_normals_stays_a_mixture_of_normals() -> None:
    """It is worth what a single component is where both are the same, and is its own predictive prior."""
    table = lam.EvidenceTable.from_estimates(Y, sei=SE)
    half = lam.pool_bayes(table, mu=MixtureOfNormals((0.5, 0.5), (0.3, 0.3), (2, 2)), tau=HalfNormal(0.7))
    whole = lam.pool_bayes(table, mu=Normal(0.3, 2), tau=HalfNormal(0.7))
    assert half.ess(uisd=2.0) == pytest.approx(whole.ess(uisd=2.0), rel=1e-9)
    assert lam.synthesis.map_prior(half, "exact").prior.mean == pytest.approx(whole.theta_new.mean, rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"likelihood": "t", "df": np.full((2, 3), 5.0)}])
def test_batches_refuse_a_mixture_in_words(options: dict[str, Any]) -> None:
    y, v = np.zeros((2, 3)), np.ones((2, 3))
    with pytest.raises(OptionError, match=r"lam\.pool_bayes for each"):
        lam.pool_bayes_many(y, v, mu=NORMALS, tau=HalfNormal(0.7), **options)
    assert lam.pool_bayes_many(y, v, mu=Normal(0, 1), tau=HalfNormal(0.7), **options).log_marginal.shape == (2,)
    one = lam.pool_bayes(lam.EvidenceTable.from_estimates(y[0], vi=v[0]), mu=NORMALS, tau=HalfNormal(0.7))
    assert np.isfinite(one.log_marginal)


def test_a_mixture_follows_the_unit_of_the_estimates() -> None:
    table = lam.EvidenceTable.from_estimates([-100, -120, -90], sei=[20, 25, 30], unit="mL/year")
    year = MixtureOfNormals((0.8, 0.2), (-106, -106), (46, 157), unit="mL/year")
    month = MixtureOfNormals((0.8, 0.2), (-106 / 12, -106 / 12), (46 / 12, 157 / 12), unit="mL/month")
    tau = HalfNormal(72, unit="mL/year")
    a, b = (lam.pool_bayes(table, mu=mu, tau=tau).mu.mean for mu in (year, month))
    assert a == pytest.approx(b, rel=1e-9)
    with pytest.raises(LamEvidenceError, match="unit"):
        lam.pool_bayes(table, mu=NORMALS, tau=tau)


@pytest.mark.slow
def test_chains_agree_with_the_exact_mixture() -> None:
    table = lam.EvidenceTable.from_estimates(Y, sei=SE)
    exact = lam.pool_bayes(table, mu=NORMALS, tau=HalfNormal(0.7))
    chains = lam.pool_bayes(table, mu=NORMALS, tau=HalfNormal(0.7), engine="nuts", seed=3)
    assert chains.mu.mean == pytest.approx(exact.mu.mean, abs=0.04)
    assert chains.mu.sd == pytest.approx(exact.mu.sd, abs=0.04)
    assert chains.tau.mean == pytest.approx(exact.tau.mean, abs=0.04)
