"""Selection models: unique answers where a weight stands at its bound, and far out."""

import numpy as np
import pytest
from scipy import optimize, stats

import lamevidence as lam

RIGHT_CUT = ([-0.9, -1.6, -1.3, -0.2, -0.8, 0.1, -0.5], [0.3, 0.2, 0.1, 0.05, 0.02, 0.1, 0.01])
"""No p value below 0.025 where large effects are selected."""


def ml(y, v):
    return lam.pool(lam.EvidenceTable.from_estimates(y, vi=v), model="random", tau2="ML", interval="z")


def truncated(y, v, lower, upper):
    """Return the maximum of the likelihood of normals seen only between two limits, by a search of its own."""

    def minus(x):
        sd = np.sqrt(v + np.exp(x[1]))
        share = stats.norm.sf((lower - x[0]) / sd) - stats.norm.sf((upper - x[0]) / sd)
        return -(stats.norm.logpdf(y, x[0], sd) - np.log(share)).sum()

    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 10_000}
    return optimize.minimize(minus, [np.mean(y), -2.0], method="Nelder-Mead", options=options)


def test_an_empty_first_interval_is_a_truncated_normal():
    y, v = map(np.array, RIGHT_CUT)
    found = lam.checks.selection_model(ml(y, v), steps=0.025)
    by_hand = truncated(y, v, -np.inf, stats.norm.isf(0.025) * np.sqrt(v))
    assert found.counts == (0, 7)
    assert list(found.delta) == [0.0, 1.0]
    assert np.isnan(found.se_delta).all()
    assert found.log_likelihood == pytest.approx(-by_hand.fun, abs=1e-9)
    assert found.beta[0] == pytest.approx(by_hand.x[0], abs=1e-5)
    assert found.tau2 == pytest.approx(np.exp(by_hand.x[1]), rel=1e-4)
    assert "first interval" in found.describe()
    assert "relative to interval 2" in found.describe()
    assert "interval" not in " ".join(lam.checks.selection_model(ml(-y, v), steps=0.025).notes)


def test_two_empty_intervals_at_first_leave_the_ratio_of_the_others():
    y, v = map(np.array, RIGHT_CUT)
    found = lam.checks.selection_model(ml(y, v), steps=[0.001, 0.025, 0.9])
    assert found.counts[:2] == (0, 0)
    assert list(found.delta[:3]) == [0.0, 0.0, 1.0]
    assert np.isfinite(found.se_delta[3])
    assert "first 2 intervals" in found.describe()
    assert "relative to interval 3" in found.describe()
    one = lam.checks.selection_model(ml(y, v), steps=[0.025, 0.9])
    assert found.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-9)


def test_an_empty_later_interval_has_weight_0():
    y, v = map(np.array, RIGHT_CUT)
    found = lam.checks.selection_model(ml(1 - y, v), steps=0.5)
    assert found.counts == (7, 0)
    assert list(found.delta) == [1.0, 0.0]
    assert "its weight is estimated as 0" in found.describe()


KINDS = ("stepfun", "beta", "halfnorm", "negexp", "logistic", "power", "negexppow")


def highest(found, y, v):
    """Return the sum of log hazards at the estimates: what no weight that rises with the estimate can exceed.

    Such a weight gives Aᵢ ≥ w(pᵢ) P(y > yᵢ).
    """
    z = (y - found.beta[0]) / np.sqrt(v + found.tau2)
    return float(np.sum(stats.norm.logpdf(z) - stats.norm.logsf(z) - 0.5 * np.log(v + found.tau2)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "beta"])
@pytest.mark.parametrize("place", [3.0, 8.0, 9.0, 12.0, 20.0, 40.0])
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_log_likelihoods_far_out_are_possible(kind, place, spread):
    y, v = place + np.random.default_rng(0).normal(size=10) * spread, np.ones(10)
    found = lam.checks.selection_model(ml(y, v), kind)
    assert found.log_likelihood >= found.log_likelihood_unselected - 1e-9
    if kind != "stepfun":  # a step function may prefer small estimates
        assert found.log_likelihood <= highest(found, y, v) + 1e-8


@pytest.mark.parametrize("kind", ["halfnorm", "negexp", "logistic"])
def test_no_selection_far_out_where_the_smallest_study_stands_apart(kind):
    """A weight that falls at p falls below the smallest z first; one far below the rest speaks against it."""
    y = np.array([8.0, 12.0, 12.2, 11.9, 12.1, 12.3])
    found = lam.checks.selection_model(ml(y, np.ones(6)), kind)
    assert found.lrt == pytest.approx(0.0, abs=0.2)
    assert found.lrt_p > 0.6


def test_a_selection_parameter_beyond_all_doubles_is_infinite_and_the_mean_is_right():
    y = 40 + np.random.default_rng(0).normal(size=10)
    found = lam.checks.selection_model(ml(y, np.ones(10)), "halfnorm")
    near = lam.checks.selection_model(ml(y - 20, np.ones(10)), "halfnorm")
    assert np.isinf(found.delta[0])
    assert np.isfinite(near.delta[0])
    assert "no double" in found.describe()
    assert "no double" not in near.describe()
    assert found.beta[0] - 40 == pytest.approx(near.beta[0] - 20, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "options", "shift", "cut"),
    [
        ("power", {}, 9.0, stats.norm.isf(1e-5)),
        ("beta", {}, 9.0, stats.norm.isf(1e-5)),
        ("power", {}, 5.0, stats.norm.isf(1e-5)),
        ("negexp", {"steps": 0.025}, 3.0, stats.norm.isf(0.025)),
        ("halfnorm", {"steps": 0.025}, 3.0, stats.norm.isf(0.025)),
        ("logistic", {"steps": 0.5}, 1.0, 0.0),
    ],
)
def test_studies_that_all_have_the_full_weight_are_a_truncated_normal(kind, options, shift, cut):
    y, v = shift + np.array([0.1, -0.3, 0.4, -0.6, 0.8]), np.array([1.0, 1.2, 0.8, 1.0, 0.9])
    found = lam.checks.selection_model(ml(y, v), kind, **options)
    by_hand = truncated(y, v, cut * np.sqrt(v), np.inf)
    assert found.log_likelihood == pytest.approx(-by_hand.fun, abs=1e-6)
    assert np.isinf(found.delta[-1])
    assert "without end" in found.describe()
    lower = lam.checks.selection_model(ml(np.append(y, -2.0), np.append(v, 1.0)), kind, **options)
    assert np.isfinite(lower.delta).all()
    assert "without end" not in lower.describe()


def test_a_weight_of_two_parameters_that_becomes_a_step_says_so():
    y, v = np.array([0.2, 0.3, 0.35, 0.5, 0.6, 0.7]), np.full(6, 0.2)
    found = lam.checks.selection_model(ml(y, v), "negexppow")
    step = truncated(y, v, np.min(y), np.inf)
    assert found.log_likelihood == pytest.approx(-step.fun, abs=1e-6)
    assert list(found.delta) == [np.inf, 0.0]
    assert "step at the largest p" in found.describe()
    usual = lam.checks.selection_model(ml(np.append(y, [-1.0, -0.1]), np.full(8, 0.2)), "negexppow")
    assert np.isfinite(usual.delta).all()
    assert "step at the largest p" not in usual.describe()


def by_search(y, v, cut, mu):
    """Return the highest log-likelihood of a two-interval step function at a mean, over its τ² and weight."""

    def minus(x):
        sd = np.sqrt(v + np.exp(x[0]))
        weight, seen = np.exp(x[1]), stats.norm.sf((cut * np.sqrt(v) - mu) / sd)
        own = np.where(y / np.sqrt(v) < cut, x[1], 0.0)
        return -(stats.norm.logpdf(y, mu, sd) + own - np.log(seen + weight * (1 - seen))).sum()

    options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 5_000}
    starts = [(a, b) for a in (-4.0, -1.0, 1.0) for b in (-3.0, 0.0)]
    return max(-optimize.minimize(minus, s, method="Nelder-Mead", options=options).fun for s in starts)


@pytest.fixture
def bcg():
    y = np.array(
        [
            -0.8893,
            -1.5854,
            -1.3481,
            -1.4416,
            -0.2175,
            -0.7861,
            -1.6209,
            0.012,
            -0.4694,
            -1.3713,
            -0.3394,
            0.4459,
            -0.0173,
        ]
    )
    v = np.array([0.3256, 0.1946, 0.4154, 0.02, 0.0512, 0.0069, 0.223, 0.004, 0.0564, 0.073, 0.0124, 0.5325, 0.0714])
    return lam.EvidenceTable.from_estimates(y, vi=v)


STEP = ([0.9, 0.7, 1.3, 0.5, 0.2, -0.1, 0.8], [0.1, 0.08, 0.3, 0.05, 0.04, 0.1, 0.2])


def test_profile_bounds_lose_what_the_level_allows_by_another_search():
    y, v = map(np.array, STEP)
    found = lam.checks.selection_model(ml(y, v), steps=0.025, interval="profile")
    cut = stats.norm.isf(0.025)
    for level in (0.95, 0.8):
        allowed = stats.chi2.ppf(level, 1) / 2
        for end in found.interval(level)[0]:
            assert found.log_likelihood - by_search(y, v, cut, end) == pytest.approx(allowed, abs=1e-5)
    lost = 2 * (found.log_likelihood - by_search(y, v, cut, 0.0))
    assert found.p_value[0] == pytest.approx(stats.chi2.sf(lost, 1), abs=1e-6)
    assert list(found.to_frame()["low"][:1]) == [found.interval()[0, 0]]
    assert found.to_json()["rows"][0]["high"] == found.interval()[0, 1]
    assert "profile likelihood" in found.describe()
    wald = lam.checks.selection_model(ml(y, v), steps=0.025)
    assert "profile likelihood" not in wald.describe()
    assert wald.interval()[0] == pytest.approx(wald.beta[0] + np.array([-1.959964, 1.959964]) * wald.se[0], rel=1e-6)


@pytest.mark.parametrize("kind", ["negexp", "logistic"])
def test_a_selection_parameter_at_0_gives_a_profile_and_no_standard_error(bcg, kind):
    fit = lam.pool(bcg, tau2="ML", interval="z", prediction="none")
    found = lam.checks.selection_model(fit, kind)
    assert found.delta[0] == 0
    assert np.isnan(found.se).all()
    assert found.interval_kind == "profile"
    low, high = found.interval()[0]
    # δ = 0 held: the interval without selection, which lies within
    held = lam.checks.selection_model(fit, kind, delta=0.0, interval="profile").interval()[0]
    assert low < held[0] - 1e-3
    assert high >= held[1] - 1e-6
    assert found.delta_interval()[0, 0] == 0
    assert "at the edge of its range" in found.describe()
    with pytest.raises(lam.errors.OptionError, match="interval='profile'"):
        lam.checks.selection_model(fit, kind, interval="z")
    asked = lam.checks.selection_model(fit, kind, interval="profile")
    assert asked.interval() == pytest.approx(found.interval())
    other = lam.checks.selection_model(fit, "power")
    assert other.interval_kind == "z"
    assert "at the edge of its range" not in other.describe()


def test_a_mean_on_a_ridge_without_a_maximum_is_said_and_has_no_bound_beside_it():
    """All estimates are significant, and so spread that the likelihood rises towards means of minus infinity."""
    rng = np.random.default_rng(3)
    vi = rng.uniform(0.02, 0.2, 8)
    yi = np.abs(rng.normal(0.3, np.sqrt(vi + 0.02))) + 2.0 * np.sqrt(vi)
    fit = lam.pool(lam.EvidenceTable.from_estimates(yi, vi=vi), model="random", tau2="ML", interval="z")
    found = lam.checks.selection_model(fit, steps=[0.025])
    low, high = found.interval()[0]
    assert found.beta[0] < -50
    assert not low > found.beta[0] - 1.0  # NaN or far below, never next to the estimate
    assert high > 0
    assert any("far outside the estimates" in note for note in found.notes)


def test_a_mean_among_the_estimates_is_not_called_far_off():
    vi = np.full(12, 0.04)
    fit = lam.pool(
        lam.EvidenceTable.from_estimates(np.linspace(-0.2, 0.7, 12), vi=vi), model="random", tau2="ML", interval="z"
    )
    found = lam.checks.selection_model(fit, "halfnorm")
    assert not any("far outside" in note for note in found.notes)
