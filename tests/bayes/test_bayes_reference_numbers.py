"""Published and independently computed numbers: bayesmeta at fine grids, 25-digit quadrature, brute-force grids."""

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.evidence_table import EvidenceTable

EXACT = 5e-10
"""The references have ten to thirteen digits."""

SETS = [
    (
        (1, 3.2, -1.5),
        (2, 4.1, 3),
        7.89284747681e-05,
        0.6671638177,
        2.2887822325,
        (-3.8727090509, 5.2695210342),
        (2.194126403, 1.7538699661, 5.7536724151),
        3.648197546,
    ),
    (
        (1, 4, -2.5, 8, 0.8),
        (2, 3, 3.5, 6, 1.5),
        2.54113248963e-07,
        1.3199255047,
        1.5586425195,
        (-1.6574739397, 4.5636340455),
        (1.7529410943, 1.3697199524, 4.7031173924),
        2.779580204,
    ),
    (
        (1, 4),
        (2, 3),
        1.19823105859e-03,
        2.1153597375,
        2.8462702481,
        (-3.5392994071, 8.0152256338),
        (2.5833557754, 2.1091557577, 6.6155312608),
        4.358812619,
    ),
    (
        (1,),
        (2,),
        1.94621378919e-02,
        0.9559240596,
        4.1990863812,
        (-7.8519427953, 9.6716282536),
        (3.1352186828, 2.6491552822, 7.7057377427),
        5.751634573,
    ),
]


def slopes(y, s):
    return EvidenceTable.from_estimates(y, sei=s, unit="mL/month")


def five():
    return slopes((1, 4, -2.5, 8, 0.8), (2, 3, 3.5, 6, 1.5))


PRIORS = {"mu": lam.priors.Normal(0, 20, unit="mL/month"), "tau": lam.priors.HalfNormal(4, unit="mL/month")}


def test_eight_schools():
    table = EvidenceTable.from_estimates((28, 8, -3, 7, -1, 1, 18, 12), sei=(15, 10, 16, 11, 9, 11, 10, 18))
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 50), tau=lam.priors.HalfNormal(10))
    assert np.exp(post.log_marginal) == pytest.approx(6.24589925427435e-15, rel=1e-12)
    assert post.mu.mean == pytest.approx(7.790981986606, abs=1e-11)
    assert post.mu.sd == pytest.approx(4.647564082358, abs=1e-11)
    assert post.interval(kind="shortest") == pytest.approx((-1.343567751268, 16.944925097572), abs=1e-9)
    assert post.theta_new.sd == pytest.approx(7.681317973236, abs=1e-11)
    assert post.prediction(kind="shortest") == pytest.approx((-7.847193792, 23.602102855), abs=1e-8)
    assert post.tau.mean == pytest.approx(4.836961829367, abs=1e-11)
    assert post.tau.median == pytest.approx(4.042981560643, abs=1e-10)
    assert post.tau.quantile(0.95) == pytest.approx(12.049077287345, abs=1e-10)
    first = post.theta[table.labels[0]]
    # 25-digit quadrature in mpmath of E[(28 τ² + 15² b(τ))/(15² + τ²)]
    assert (first.mean, first.sd) == pytest.approx((10.117292890312, 7.027542628507), abs=1e-11)


@pytest.mark.parametrize(("y", "s", "ml", "mean", "sd", "central", "tau", "new_sd"), SETS)
def test_slopes_of_few_studies(y, s, ml, mean, sd, central, tau, new_sd):
    post = lam.pool_bayes(slopes(y, s), **PRIORS)
    assert np.exp(post.log_marginal) == pytest.approx(ml, rel=1e-11)
    assert (post.mu.mean, post.mu.sd) == pytest.approx((mean, sd), abs=EXACT)
    assert post.interval() == pytest.approx(central, abs=EXACT)
    assert (post.tau.mean, post.tau.median, post.tau.quantile(0.95)) == pytest.approx(tau, abs=EXACT)
    assert post.theta_new.sd == pytest.approx(new_sd, abs=EXACT)
    assert post.numerical_error < 1e-9
    assert post.tau_learned is (len(y) > 1)


def test_bayes_factors_and_effective_sample_sizes():
    post = lam.pool_bayes(five(), **PRIORS)
    assert post.bayes_factor(tau=0) == pytest.approx(2.05045530904, rel=1e-11)
    assert post.bayes_factor(mu=0) == pytest.approx(9.10069606911, rel=1e-11)
    savage_dickey = post.mu.pdf(0.0) / post.prior_mu[0].pdf(0.0)
    assert savage_dickey == pytest.approx(post.bayes_factor(mu=0), rel=1e-11)
    assert post.ess(uisd=13.5) == pytest.approx(43.657484457, abs=1e-8)
    assert post.ess("vr", uisd=13.5) == pytest.approx(23.588977541, abs=1e-8)


def test_regression_on_a_binary_moderator():
    X = np.column_stack([np.ones(5), [0, 1, 1, 1, 0]])
    priors = [lam.priors.Normal(0, 20, unit="mL/month"), lam.priors.Normal(0, 10, unit="mL/month")]
    post = lam.pool_bayes(five(), mu=priors, tau=PRIORS["tau"], moderators=X)
    b0, b1 = post.coefficients.values()
    assert np.exp(post.log_marginal) == pytest.approx(8.15126347664e-08, rel=1e-11)
    assert (b0.mean, b0.sd, b1.mean, b1.sd) == pytest.approx(
        (0.9337511800, 2.1274804975, 1.1876915741, 3.2078186183), abs=EXACT
    )


def counts(r, n):
    r, n = np.asarray(r, float), np.asarray(n, float)
    names = tuple(f"s{i}" for i in range(r.size))
    return EvidenceTable(
        yi=np.log((r + 0.5) / (n - r + 0.5)),
        vi=1 / (r + 0.5) + 1 / (n - r + 0.5),
        labels=names,
        studies=names,
        measure="PLO",
        counts={"xi": r, "ni": n},
        n=n,
    )


def test_binomial_normal():
    post = lam.pool_bayes(
        counts((9, 10, 32, 0, 3, 5), (15, 22, 46, 12, 20, 9)),
        mu=lam.priors.Normal(0, 2.5),
        tau=lam.priors.HalfNormal(1),
    )
    assert post.likelihood == "binomial"
    # the reference is itself accurate to about 1e-6
    assert post.log_marginal == pytest.approx(-19.6465373259, abs=1e-6)
    assert post.mu.mean == pytest.approx(-0.4923862269, abs=1e-6)
    assert post.mu.sd == pytest.approx(0.5967425558, abs=2e-6)
    assert post.tau.mean == pytest.approx(1.3004301134, abs=3e-6)
    assert post.numerical_error < 1e-6
    assert post.loo().total == pytest.approx(-19.169, abs=5e-4)


def test_serious_adverse_events_of_two_series():
    post = lam.pool_bayes(counts((2, 10), (15, 22)), mu=lam.priors.Normal(-1.5, 1.5), tau=lam.priors.HalfNormal(1))
    to_p = lambda x: 1 / (1 + np.exp(-np.asarray(x)))  # noqa: E731
    assert to_p([post.mu.median, *post.interval()]) == pytest.approx((0.270, 0.070, 0.565), abs=6e-4)
    assert to_p([post.theta_new.median, *post.prediction()]) == pytest.approx((0.275, 0.021, 0.810), abs=6e-4)


def test_one_series_pays_for_tau():
    post = lam.pool_bayes(counts((3,), (15,)), mu=lam.priors.Normal(0, 1.5), tau=lam.priors.HalfNormal(1))
    assert 1 / (1 + np.exp(-np.array([post.mu.median, *post.interval()]))) == pytest.approx(
        (0.259, 0.066, 0.708), abs=6e-4
    )
    assert not post.tau_learned


def test_t_likelihood_of_the_on_treatment_slopes():
    table = EvidenceTable.from_estimates(
        [1, 16.1, 36.2, -0.8, 4.2], sei=[2, 8.5, 7.9, 1.25, 1.2], n=[46, 18, 10, 122, 19], unit="mL/month"
    )
    normal, student = (lam.pool_bayes(table, likelihood=name) for name in ("normal", "auto"))
    assert student.likelihood == "t"
    assert (normal.mu.mean, normal.tau.mean) == pytest.approx((7.47, 9.1), abs=0.03)
    assert (student.mu.mean, student.tau.mean) == pytest.approx((5.24, 6.6), abs=0.05)
    loo = normal.loo()
    assert loo.total == pytest.approx(-23.1, abs=0.05)
    assert loo.pit[2] == pytest.approx(0.999, abs=5e-4)
    assert loo.p_holm[2] == pytest.approx(0.01, abs=1e-3)


CRINS_Y = (-2.30970256, -0.45953233, -2.30258509, -1.757858, -1.258461, -2.417896)
CRINS_S = (0.5994763, 0.5563956, 0.8803408, 0.4558685, 0.6419962, 1.528811)


def test_crins_2014():
    table = EvidenceTable.from_estimates(CRINS_Y, sei=CRINS_S)
    post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 4), tau=lam.priors.HalfNormal(0.5))
    assert (post.mu.mean, post.mu.sd, post.tau.mean) == pytest.approx((-1.5764254, 0.3293682, 0.3810562), abs=1e-6)
    assert post.bayes_factor(tau=0) == pytest.approx(0.8832, abs=1e-4)
    assert post.bayes_factor(mu=0) == pytest.approx(0.003771, abs=1e-6)
