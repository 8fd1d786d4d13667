"""Cluster-robust inference, wild bootstrap, robust variance estimation and t effects against other computations."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

import lamevidence as lam
from lamevidence.foundation.errors import (
    DependentRows,
    InputError,
    NotEstimable,
    OptionError,
    TooFewStudies,
    UnknownName,
)
from lamevidence.pooling.robust.sandwich import KINDS

RNG = np.random.default_rng(11)
K = 18
GROUP = np.repeat(np.arange(6), [2, 3, 4, 1, 5, 3]).tolist()
Y = (RNG.normal(0.3, 0.3, 6)[GROUP] + RNG.normal(0, 0.25, K)).round(3)
VI = RNG.uniform(0.01, 0.06, K).round(4)
DOSE = RNG.normal(0, 1, K).round(3)


def table():
    return lam.EvidenceTable.from_estimates(Y, vi=VI, moderators={"g": GROUP, "dose": DOSE})


def fitted(moderators="~ dose"):
    return lam.multilevel(table(), random="1 | g/row", moderators=moderators)


def dense_parts(fit):
    same = np.equal.outer(GROUP, GROUP)
    M = np.diag(VI) + fit.sigma2[0] * same + fit.sigma2[1] * np.eye(K)
    X = fit.design.X
    W = np.linalg.inv(M)
    C = np.linalg.inv(X.T @ W @ X)
    return M, W, X, C, Y - X @ fit.beta


def root(B):
    values, vectors = np.linalg.eigh(B)
    return vectors @ np.diag(values**-0.5) @ vectors.T


def test_cr2_and_its_df_against_dense_algebra():
    fit = fitted()
    M, W, X, C, e = dense_parts(fit)
    R = np.eye(K) - X @ C @ X.T @ W
    made = lam.cluster_robust(fit, "g")
    meat, P = np.zeros((2, 2)), []
    for g in range(6):
        i = np.flatnonzero(np.array(GROUP) == g)
        D = np.linalg.cholesky(M[np.ix_(i, i)]).T
        A = D.T @ root(D @ (R @ M @ R.T)[np.ix_(i, i)] @ D.T) @ D
        u = X[i].T @ W[np.ix_(i, i)] @ A @ e[i]
        meat += np.outer(u, u)
        P.append(R[i].T @ A.T @ W[np.ix_(i, i)] @ X[i] @ C)
    assert made.coefficients.covariance == pytest.approx(C @ meat @ C, rel=1e-9)
    for c in range(2):
        T = np.array([[a[:, c] @ M @ b[:, c] for a in P] for b in P])
        assert made.coefficients.df[c] == pytest.approx(np.trace(T) ** 2 / (T**2).sum(), rel=1e-9)
    # HTZ of both coefficients
    omega = sum(p.T @ M @ p for p in P)
    Q = [p @ root(omega) for p in P]
    total = sum(
        ((a[:, s] @ M @ b[:, s]) * (a[:, t] @ M @ b[:, t]) + (a[:, s] @ M @ b[:, t]) * (a[:, t] @ M @ b[:, s]))
        for a in Q
        for b in Q
        for s in range(2)
        for t in range(2)
    )
    eta = 6 / total
    assert made.wald([0, 1]).df_denominator == pytest.approx(eta - 1, rel=1e-8)


def test_htz_of_some_coefficients_against_dense_algebra():
    """The intercept stays out of the test: η and F of the two slopes alone (clubSandwich: constraints 2:3)."""
    size = RNG.normal(0, 1, K).round(3).tolist()
    rows = lam.EvidenceTable.from_estimates(Y, vi=VI, moderators={"g": GROUP, "dose": DOSE, "size": size})
    fit = lam.multilevel(rows, random="1 | g/row", moderators="~ dose + size")
    M, W, X, C, e = dense_parts(fit)
    R, meat, P = np.eye(K) - X @ C @ X.T @ W, np.zeros((3, 3)), []
    for g in range(6):
        i = np.flatnonzero(np.array(GROUP) == g)
        D = np.linalg.cholesky(M[np.ix_(i, i)]).T
        A = D.T @ root(D @ (R @ M @ R.T)[np.ix_(i, i)] @ D.T) @ D
        u = X[i].T @ W[np.ix_(i, i)] @ A @ e[i]
        meat += np.outer(u, u)
        P.append((R[i].T @ A.T @ W[np.ix_(i, i)] @ X[i] @ C)[:, 1:])
    whiten = root(sum(p.T @ M @ p for p in P))
    Q = [p @ whiten for p in P]
    total = sum(
        (a[:, s] @ M @ b[:, s]) * (a[:, t] @ M @ b[:, t]) + (a[:, s] @ M @ b[:, t]) * (a[:, t] @ M @ b[:, s])
        for a, b, s, t in itertools.product(Q, Q, range(2), range(2))
    )
    eta, b, V = 6 / total, fit.beta[1:], (C @ meat @ C)[1:, 1:]
    made = lam.cluster_robust(fit, "g").wald([1, 2])
    assert made.df_denominator == pytest.approx(eta - 1, rel=1e-8)
    assert made.statistic == pytest.approx((eta - 1) / (2 * eta) * b @ np.linalg.solve(V, b), rel=1e-8)
    assert made.p_value == pytest.approx(stats.f.sf(made.statistic, 2, eta - 1), rel=1e-10)


def test_cr2_is_unbiased_under_the_working_covariance():
    fit = fitted()
    made = lam.cluster_robust(fit, "g").sandwich
    expected = made.own.sum(axis=0)
    expected = expected - np.einsum("gij,jk,glk->il", made.left, made.bread, made.right)
    expected = expected - np.einsum("gij,jk,glk->il", made.right, made.bread, made.left)
    expected = expected + np.einsum("gij,jk,glk->il", made.left, made.spread, made.left)
    assert made.bread @ expected @ made.bread == pytest.approx(made.bread, rel=1e-8)


@pytest.mark.parametrize(("kind", "factor"), [("CR1", 6 / 5), ("CR1p", 6 / 4), ("CR1S", 6 * 17 / (5 * 16))])
def test_factors_of_cr1(kind, factor):
    fit = fitted()
    plain = lam.cluster_robust(fit, "g", kind="CR0").coefficients.covariance
    assert lam.cluster_robust(fit, "g", kind=kind).coefficients.covariance == pytest.approx(factor * plain, rel=1e-12)


def test_cr3_is_the_jackknife_of_the_weighted_fit():
    fit = fitted()
    _, W, X, _, _ = dense_parts(fit)
    spread = np.zeros((2, 2))
    for g in range(6):
        i = np.flatnonzero(np.array(GROUP) != g)
        Wi = W[np.ix_(i, i)]
        d = np.linalg.solve(X[i].T @ Wi @ X[i], X[i].T @ Wi @ Y[i]) - fit.beta
        spread += np.outer(d, d)
    assert lam.cluster_robust(fit, "g", kind="CR3").coefficients.covariance == pytest.approx(spread, rel=1e-8)


@pytest.mark.parametrize("kind", list(KINDS))
def test_exact_wild_bootstrap_is_a_loop_over_all_signs(kind):
    if kind == "CR1p":
        return
    fit = fitted()
    robust = lam.cluster_robust(fit, "g", kind=kind)
    _, W, X, _, _ = dense_parts(fit)
    got = lam.checks.wild_bootstrap(robust, ["dose"])
    mu = (W @ Y).sum() / W.sum()

    def statistic(y):
        again = robust.inference.model.of(X, y, robust.inference.model.blocks)
        from lamevidence.pooling.robust.sandwich import sandwich

        return again[1][1] ** 2 / sandwich(again[0], kind).covariance[1, 1]

    observed = statistic(Y)
    values = [statistic(mu + np.array(s)[GROUP] * (Y - mu)) for s in itertools.product((1, -1), repeat=6)]
    assert got.exact
    assert got.p_value == np.mean([v >= observed * (1 - 1e-9) for v in values])
    assert got.statistic == pytest.approx(observed, rel=1e-9)


def test_random_signs_repeat_with_the_seed():
    robust = lam.cluster_robust(fitted(), "g")
    a, b = (lam.checks.wild_bootstrap(robust, [1], signs="webb", draws=499, seed=5) for _ in range(2))
    assert a == b
    with pytest.raises(OptionError, match="seed"):
        lam.checks.wild_bootstrap(robust, [1], signs="webb")


def test_clusters_must_hold_whole_groups():
    with pytest.raises(InputError, match="share a random effect"):
        lam.cluster_robust(fitted(), "row")
    with pytest.raises(InputError, match="entries"):
        lam.cluster_robust(fitted(), [1, 2])
    with pytest.raises(NotEstimable, match="two clusters"):
        lam.cluster_robust(fitted(), ["a"] * K)
    with pytest.raises(UnknownName):
        lam.cluster_robust(fitted(), "g", kind="CR9")
    with pytest.raises(UnknownName):
        lam.cluster_robust(fitted(), "g", df="many")


def test_rve_equals_cr2_of_weighted_least_squares():
    fit = lam.robust_variance(table(), cluster="g", working="HIER", moderators="~ dose")
    w = 1 / (VI + fit.working.tau2 + fit.omega2)
    X = np.column_stack([np.ones(K), DOSE])
    C = np.linalg.inv(X.T @ (w[:, None] * X))
    assert fit.beta == pytest.approx(C @ X.T @ (w * Y), rel=1e-10)
    e, meat = Y - X @ fit.beta, np.zeros((2, 2))
    for g in range(6):
        i = np.flatnonzero(np.array(GROUP) == g)
        D = np.diag(w[i] ** -0.5)
        B = D @ (np.diag(1 / w[i]) - X[i] @ C @ X[i].T) @ D
        u = X[i].T @ (w[i] * (D @ root(B) @ D @ e[i]))
        meat += np.outer(u, u)
    assert fit.robust.coefficients.covariance == pytest.approx(C @ meat @ C, rel=1e-9)


def test_rve_variances_solve_their_moment_equations():
    fit = lam.robust_variance(table(), cluster="g", working="HIER")
    J = np.equal.outer(GROUP, GROUP).astype(float)
    w = 1 / VI
    R = np.eye(K) - np.outer(np.ones(K), w) / w.sum()
    sigma = np.diag(VI) + fit.omega2 * np.eye(K) + fit.working.tau2 * J
    for N in (np.diag(w), J):
        assert pytest.approx(np.trace(N @ R @ sigma @ R.T), rel=1e-9) == Y @ R.T @ N @ R @ Y


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"working": "IND"}, UnknownName),
        ({"rho": 2.0}, OptionError),
        ({"small": "yes"}, OptionError),
        ({"cluster": ["a"] * K}, NotEstimable),
        ({"working": "HIER", "cluster": list(range(K))}, NotEstimable),
    ],
)
def test_rve_refuses_nonsense(options, error):
    with pytest.raises(error):
        lam.robust_variance(table(), **({"cluster": "g"} | options))


@pytest.mark.parametrize("df", [1, 2.5, 4, 30, math.inf])
def test_t_likelihood_against_adaptive_quadrature(df):
    y, v = [0.1, 0.12, 0.08, 0.11, 2.0, -0.3], [0.01, 0.02, 0.01, 0.03, 0.01, 0.05]
    fit = lam.robust_random_effects(lam.EvidenceTable.from_estimates(y, vi=v), df=df)
    total = 0.0
    for a, b in zip(y, v, strict=True):
        s = b**0.5
        if math.isinf(df):
            total += stats.norm.logpdf(a, fit.mu, (b + fit.tau2) ** 0.5)
            continue
        area = integrate.quad(
            lambda th, a=a, s=s: stats.norm.pdf(a, th, s) * stats.t.pdf((th - fit.mu) / fit.tau, df) / fit.tau,
            a - 14 * s,
            a + 14 * s,
            points=[a, fit.mu],
            epsabs=0,
            epsrel=1e-12,
            limit=400,
        )[0]
        total += math.log(area)
    assert fit.log_likelihood == pytest.approx(total, abs=1e-10)


def test_normal_limit_is_maximum_likelihood():
    t = lam.EvidenceTable.from_estimates([0.1, 0.5, 0.9, 0.2, 0.7], vi=[0.02, 0.03, 0.02, 0.04, 0.03])
    robust = lam.robust_random_effects(t, df=math.inf)
    usual = lam.multilevel(t, random="1 | row", tau2="ML")
    assert robust.mu == pytest.approx(usual.mu, rel=1e-9)
    assert robust.tau2 == pytest.approx(usual.sigma2[0], rel=1e-7)
    assert robust.log_likelihood == pytest.approx(usual.log_likelihood, abs=1e-10)


def test_an_outlier_moves_the_robust_mean_less_and_is_named():
    y = [0.1, 0.12, 0.08, 0.11, 0.09, 2.0]
    t = lam.EvidenceTable.from_estimates(y, vi=[0.01] * 6)
    fit = lam.robust_random_effects(t)
    assert abs(fit.mu - 0.1) < abs(lam.multilevel(t, random="1 | row").mu - 0.1)
    assert int(np.argmin(fit.scales)) == 5
    assert fit.weights.sum() == pytest.approx(100)
    low, high = fit.interval()
    assert low < fit.mu < high
    assert fit.prediction().width > fit.interval(kind="z").width
    assert "most outlying" in repr(fit)
    assert lam.robust_random_effects(t, df="estimate").log_likelihood >= fit.log_likelihood - 1e-9


def test_prediction_covers_what_it_says():
    t = lam.EvidenceTable.from_estimates([0.1, 0.5, 0.9, 0.2, 0.7], vi=[0.02, 0.03, 0.02, 0.04, 0.03])
    fit = lam.robust_random_effects(t, df=3)
    half = fit.prediction().width / 2
    area = integrate.quad(
        lambda u: stats.t.pdf(u, 3) * stats.norm.cdf((half - fit.tau * u) / fit.se), -np.inf, np.inf, epsabs=1e-12
    )[0]
    assert area == pytest.approx(0.975, abs=1e-8)


@pytest.mark.parametrize(
    ("options", "error"), [({"df": 0.5}, OptionError), ({"df": "some"}, OptionError), ({"interval": "t"}, OptionError)]
)
def test_robust_random_effects_refuses_nonsense(options, error):
    t = lam.EvidenceTable.from_estimates([0.1, 0.5, 0.9], vi=[0.02, 0.03, 0.02])
    with pytest.raises(error):
        lam.robust_random_effects(t, **options)


def test_robust_random_effects_needs_independent_rows_and_enough():
    with pytest.raises(TooFewStudies):
        lam.robust_random_effects(lam.EvidenceTable.from_estimates([0.1, 0.5], vi=[0.02, 0.03]))
    with pytest.raises(DependentRows):
        lam.robust_random_effects(
            lam.EvidenceTable.from_estimates([0.1, 0.5, 0.6], vi=[0.02, 0.03, 0.02], studies=["a", "a", "b"])
        )
