"""The joint model of designs against published numbers, brute force, and limits that must hold."""

# ruff: noqa: E501  published tables stand one row a line
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lamevidence as lam
from lamevidence.errors import (
    DependentRows,
    InputError,
    LamEvidenceError,
    NotEstimable,
    OptionError,
    QuadratureError,
    TooFewStudies,
    UnknownName,
)
from tests.synthesis.oracle import Row, brute_force, half_normal

P = lam.priors
YEAR = 365.25
LAM = [
    Row("MILES", -144, 24),
    Row("MILES", 12, 24, 1),
    Row("Neurohr", -2.30 * YEAR, 0.52 * YEAR, 0, 1),
    Row("Neurohr", 1.19 * YEAR, 0.26 * YEAR, 1),
    Row("Hu", -178, 36, 0, 1),
    Row("Hu", -10, 15, 1),
    Row("Bee", 11, 75 / 47**0.5, 1),
    Row("Johnson", -118, 142 / 43**0.5),
    Row("Chang", -90, 154 / 11**0.5),
    Row("NHLBI", -89, 53 / 217**0.5),
]
MIDAS = Row("MIDAS", 74.36, (132.85 - 15.87) / 2 / 1.959964, 1, 0, 1)
NATURAL = ("MILES", "Johnson", "Chang", "NHLBI")
COLUMNS = {"yi": "y", "sei": "se", "study": "study", "treated": "treated", "selected": "selected"}


def frame(rows):
    return pd.DataFrame(rows, columns=Row._fields)


def joint(rows, **more):
    return lam.synthesis.joint(frame(rows), **(COLUMNS | {"contrast": "contrast"} | more))


def scales(factor, unit="mL/year"):
    names = {"tau_baseline": 48, "tau_effect": 48, "tau_bias": 240}
    return {name: P.HalfNormal(factor * scale, unit=unit) for name, scale in names.items()}


# Two independent computations, each to the digits printed: log evidence; baseline, effect, bias (mean, sd); interval of
# the effect; SD of the effect in a new study; E τ (these to 3e-5: the brute force below has further digits)
PUBLISHED = {
    "base": (LAM, {}, -66.99995, (-105.732, 20.863), (158.523, 48.631), (73.533, 265.606), (-172.619, 166.381), 89.615, (32.38388, 65.88188, 302.47292)),
    "no bias term": (LAM, {"bias": None}, -70.34795, (-120.396, 20.477), (178.280, 48.681), (94.608, 287.279), None, 89.801, (35.30488, 65.73101)),
    "with a difference": ([*LAM, MIDAS], {}, -72.87176, (-100.921, 19.184), (133.022, 40.226), (65.634, 225.020), (-176.819, 165.909), 80.792, (28.97170, 60.57439, 300.30803)),
    "correlation": (LAM, {"correlation": 0.5}, -68.27398, (-105.497, 21.810), (170.178, 53.457), (73.912, 285.473), (-199.190, 185.439), 102.400, (34.33643, 79.13753, 379.33687)),
    "without Neurohr": ([r for r in LAM if r.study != "Neurohr"], {}, -44.64949, (-105.649, 16.699), (113.580, 28.194), (61.714, 174.039), (-45.301, 133.861), 41.629, (21.12032, 23.15684, 160.60220)),
    "trial and cohorts": ([r for r in LAM if r.study in NATURAL], {}, -27.94785, (-105.751, 19.749), (128.546, 55.178), (11.142, 236.107), None, 72.744, (27.83091, 37.81723)),
    "wider": (LAM, scales(2), -66.16639, (-105.298, 24.636), (171.634, 70.282), None, (-136.826, 193.863), 149.627, None),
    "narrower": (LAM, scales(0.5), -68.59385, (-104.860, 15.935), (132.205, 30.190), None, (-186.553, 128.916), 43.629, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers(name):
    rows, more, log, baseline, effect, bounds, bias, new, taus = PUBLISHED[name]
    post = joint(rows, **more)
    assert post.log_marginal == pytest.approx(log, abs=1e-5)
    for got, wanted in ((post.baseline, baseline), (post.effect, effect), (post.bias, bias)):
        assert (got is None) == (wanted is None)
        if wanted is not None:
            assert (got.mean, got.sd) == pytest.approx(wanted, abs=6e-4)
    if bounds is not None:
        assert tuple(post.effect.interval()) == pytest.approx(bounds, abs=6e-4)
    assert post.effect_new.sd == pytest.approx(new, abs=6e-4)
    for got, wanted in zip((post.tau_baseline, post.tau_effect, post.tau_bias), taus or (), strict=False):
        assert got.mean == pytest.approx(wanted, abs=3e-5)


def test_published_probabilities_and_bayes_factor():
    post = joint(LAM)
    assert post.probability("effect > 0") == pytest.approx(0.99915, abs=6e-6)
    assert post.probability("effect > 60 mL/year") == pytest.approx(0.98675, abs=6e-6)
    assert post.probability("effect > 5 mL/month") == post.probability("effect > 60 mL/year")
    assert post.log_marginal - joint(LAM, bias=None).log_marginal == pytest.approx(3.348, abs=6e-4)


def half_cauchy(scale):
    return lambda t: 2 / np.pi / scale / (1 + (t / scale) ** 2)


def exponential(scale):
    return lambda t: np.exp(-t / scale) / scale


FINE = [0, 4, 10, 20, 35, 60, 100, 160, 250, 400, 700]
PLACES = (40.0, 110.0, 180.0)
MIXED = [
    Row("A", -60, 20),
    Row("A", 30, 25, 1),
    Row("B", -300, 60, 0, 1),
    Row("B", -20, 20, 1),
    Row("B", 10, 40, 1),
    Row("C", -110, 15),
    Row("D", 90, 30, 1, 0, 1),
    Row("E", -40, 12),
]


@pytest.mark.parametrize(
    ("rows", "rho", "priors", "densities"),
    [
        (MIXED, 0.3, [P.HalfNormal(30), P.HalfNormal(60), P.HalfNormal(100)], [half_normal(30), half_normal(60), half_normal(100)]),
        (MIXED[:6], -0.4, [P.Exponential(40), P.HalfNormal(25), P.HalfNormal(80)], [exponential(40), half_normal(25), half_normal(80)]),
        (LAM[:7], 0.6, [P.HalfNormal(20), P.Exponential(30), P.HalfNormal(100)], [half_normal(20), exponential(30), half_normal(100)]),
    ],
    ids=["mixed", "exponential", "LAM"],
)  # fmt: skip
def test_brute_force_agrees(rows, rho, priors, densities):
    means = [(-50.0, 100.0), (10.0, 150.0), (-30.0, 120.0)]
    taus = [(density, FINE) for density in densities]
    wanted = brute_force(rows, means, taus, rho=rho, nodes=6, places=PLACES)
    given = {name: P.Normal(m, s) for name, (m, s) in zip(("baseline", "effect", "bias"), means, strict=True)}
    given |= dict(zip(("tau_baseline", "tau_effect", "tau_bias"), priors, strict=True))
    post = joint(rows, unit=None, correlation=rho, **given)
    assert post.log_marginal == pytest.approx(wanted.log_evidence, abs=1e-6)
    found = [post.baseline, post.effect, post.bias]
    np.testing.assert_allclose([d.mean for d in found], wanted.mean, atol=1e-4)
    np.testing.assert_allclose([d.sd for d in found], wanted.sd, atol=1e-4)
    np.testing.assert_allclose(post.effect.cdf(PLACES), wanted.below, atol=1e-7)
    np.testing.assert_allclose(
        [d.mean for d in (post.tau_baseline, post.tau_effect, post.tau_bias)], wanted.tau, rtol=1e-5
    )
    assert post.effect_new.sd == pytest.approx(wanted.effect_new_sd, abs=1e-4)


def test_brute_force_agrees_on_two_axes_to_ten_digits():
    wanted = brute_force(
        LAM, [(-96, 120), (0, 240)], [(half_normal(48), [0, 5, 12, 25, 45, 80, 130, 200, 300, 420])] * 2
    )
    post = joint(LAM, bias=None)
    assert post.log_marginal == pytest.approx(wanted.log_evidence, abs=1e-9)
    np.testing.assert_allclose([post.baseline.mean, post.effect.mean], wanted.mean, rtol=1e-9)
    np.testing.assert_allclose([post.tau_baseline.mean, post.tau_effect.mean], wanted.tau, rtol=1e-7)


HEAVY = {
    "half Cauchy": (lambda s: P.HalfCauchy(s, unit="mL/year"), lambda s: stats.halfcauchy(scale=s).pdf),
    "half t": (lambda s: P.HalfStudentT(3, s, unit="mL/year"), lambda s: lambda t: 2 * stats.t(3, scale=s).pdf(t)),
    "Lomax": (lambda s: P.Lomax(2, s, unit="mL/year"), lambda s: stats.lomax(2, scale=s).pdf),
    "inverse gamma": (lambda s: P.InverseGamma(2, s, unit="mL/year"), lambda s: stats.invgamma(2, scale=s).pdf),
    "inverse chi": (lambda s: P.InverseChi(3, s, unit="mL/year"), lambda s: lambda t: stats.chi(3).pdf(s / t) * s / t**2),
    "half logistic": (lambda s: P.HalfLogistic(s, unit="mL/year"), lambda s: stats.halflogistic(scale=s).pdf),
    "uniform": (lambda s: P.Uniform(4 * s, unit="mL/year"), lambda s: stats.uniform(scale=4 * s).pdf),
    "log-normal": (lambda s: P.LogNormal(np.log(s), 1, unit="mL/year"), lambda s: stats.lognorm(1, scale=s).pdf),
    "log t": (lambda s: P.LogStudentT(5, np.log(s), 1, unit="mL/year"), lambda s: lambda t: stats.t(5).pdf(np.log(t / s)) / t),
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY)
def test_every_prior_of_a_standard_deviation(name):
    """SciPy's densities, by brute force."""
    prior, density = HEAVY[name]
    small = np.geomspace(1e-40, 1, 41) if name == "log t" else [1e-2, 0.1, 1]
    edges = [0, *small, *(e for e in 2 * 1.6 ** np.arange(30) if name != "uniform" or e < 160)]
    edges += [160.0] if name == "uniform" else []
    rows = LAM[6:] + LAM[:2]
    wanted = brute_force(
        rows, [(-96, 120), (0, 240)], [(half_normal(20), [0, 15, 40, 80, 170]), (density(40), edges)], nodes=8
    )
    post = joint(rows, tau_baseline=P.HalfNormal(20, unit="mL/year"), tau_effect=prior(40))
    assert post.log_marginal == pytest.approx(wanted.log_evidence, abs=2e-7)
    np.testing.assert_allclose([post.baseline.mean, post.effect.mean], wanted.mean, rtol=1e-7)
    np.testing.assert_allclose([post.baseline.sd, post.effect.sd], wanted.sd, rtol=1e-6)


@pytest.mark.parametrize("name", ["half Cauchy", "half t", "inverse gamma"])
def test_three_heavy_tails_cost_no_more_nodes_than_they_need(name):
    """Halving all steps until nothing moves took 309 000 nodes of three half-Cauchy priors; a node costs 0.3 µs."""
    prior, _ = HEAVY[name]
    post = joint(LAM, tau_baseline=prior(48), tau_effect=prior(48), tau_bias=prior(240))
    assert post.state.nodes[0].weight.size < 100_000
    assert post.numerical_error < 3e-6


def test_standard_deviations_are_distributions():
    """Distribution function and quantiles of τ against its density, which is integrated here by panels."""
    for d in (joint(LAM).tau_effect, joint(LAM, tau_effect=P.Exponential(48, unit="mL/year")).tau_effect):
        x, w = np.polynomial.legendre.leggauss(60)
        for top in (10.0, 60.0, 150.0):
            t = 0.5 * top * (x + 1)
            assert 0.5 * top * w @ d.pdf(t) == pytest.approx(d.cdf(top), abs=2e-6)
        assert d.cdf(d.quantile(0.3)) == pytest.approx(0.3, abs=1e-9)
        assert d.interval(0.9).low < d.median < d.interval(0.9).high
        assert d.cdf(-1.0) == d.pdf(-1.0) == d.cdf(0.0) == 0.0


# ---- limits --------------------------------------------------------------------------------------
def test_a_trial_alone_is_its_own_difference():
    flat = {"baseline": P.Flat(), "effect": P.Flat(), "tau_baseline": 0, "tau_effect": 0}
    post = joint(LAM[:2], **flat)
    assert post.effect.mean == pytest.approx(156.0)
    assert post.effect.sd == pytest.approx(np.hypot(24, 24))
    assert post.tau_effect.mean == post.tau_effect.quantile(0.9) == 0.0
    with pytest.raises(OptionError, match="needs proper priors"):
        post.log_marginal  # noqa: B018


def test_without_spread_it_is_weighted_least_squares():
    flat = {"baseline": P.Flat(), "effect": P.Flat(), "bias": P.Flat()}
    known = joint(LAM, **flat, tau_baseline=0, tau_effect=0, tau_bias=0)
    small = joint(LAM, **flat, **scales(1e-5))
    X = np.array([[1, r.treated, r.selected] for r in LAM], dtype=float)
    W = np.diag([r.se**-2 for r in LAM])
    V = np.linalg.inv(X.T @ W @ X)
    beta = V @ X.T @ W @ np.array([r.y for r in LAM])
    for post in (known, small):
        found = [post.baseline, post.effect, post.bias]
        np.testing.assert_allclose([d.mean for d in found], beta, rtol=1e-6)
        np.testing.assert_allclose([d.sd for d in found], np.sqrt(np.diag(V)), rtol=1e-6)


def test_slopes_before_treatment_carry_nothing_when_their_bias_may_be_anything():
    rest = joint([r for r in LAM if not r.selected])
    wide = joint(LAM, tau_bias=1e7)
    assert (wide.effect.mean, wide.effect.sd) == pytest.approx((rest.effect.mean, rest.effect.sd), rel=1e-6)
    assert (wide.baseline.mean, wide.tau_effect.mean) == pytest.approx(
        (rest.baseline.mean, rest.tau_effect.mean), rel=1e-5
    )


def test_differences_alone_are_pooled_as_pool_bayes_does():
    rows = [Row(f"S{i}", y, se, 1, 0, 1) for i, (y, se) in enumerate([(74, 30), (150, 34), (20, 50)])]
    mu, tau = P.Normal(0, 240, unit="mL/year"), P.HalfNormal(48, unit="mL/year")
    post = joint(rows)
    table = lam.EvidenceTable.from_estimates([r.y for r in rows], sei=[r.se for r in rows], unit="mL/year")
    wanted = lam.pool_bayes(table, mu=mu, tau=tau, likelihood="normal")
    assert post.log_marginal == pytest.approx(wanted.log_marginal, abs=1e-9)
    for x, y in ((post.effect, wanted.mu), (post.effect_new, wanted.theta_new)):
        np.testing.assert_allclose(x.quantile([0.025, 0.5, 0.9]), y.quantile([0.025, 0.5, 0.9]), rtol=1e-8)
    np.testing.assert_allclose(post.tau_effect.quantile([0.1, 0.5]), wanted.tau.quantile([0.1, 0.5]), rtol=1e-6)
    np.testing.assert_allclose(post.study["S1"].effect.mean, wanted.theta["2"].mean, rtol=1e-9)
    assert (post.baseline.mean, post.baseline.sd) == pytest.approx((-96, 120))
    assert post.information_by_design("baseline") == pytest.approx({"contrast": 0, "prior": 100})


def test_units_and_order_change_nothing():
    base = joint(LAM)
    month = joint([r._replace(y=r.y / 12, se=r.se / 12) for r in LAM], unit="mL/month")
    np.testing.assert_allclose(12 * month.estimate, base.estimate, rtol=1e-9)
    assert 12 * month.tau_bias.mean == pytest.approx(base.tau_bias.mean, rel=1e-9)
    assert month.log_marginal == pytest.approx(base.log_marginal + len(LAM) * np.log(12), abs=1e-8)
    order = np.random.default_rng(1).permutation(len(LAM))
    moved = joint([LAM[i] for i in order])
    np.testing.assert_allclose(moved.estimate, base.estimate, rtol=1e-10)
    shares, again = base.information_by_design(), moved.information_by_design()
    assert again == pytest.approx(shares, rel=1e-9)


def test_a_correlation_with_a_prior_averages_over_it():
    narrow = joint(LAM, correlation=(0.499, 0.501))
    fixed = joint(LAM, correlation=0.5)
    assert (narrow.effect.mean, narrow.effect.sd) == pytest.approx((fixed.effect.mean, fixed.effect.sd), rel=1e-4)
    wide = joint(LAM, correlation=(0.0, 0.9))
    x, w = np.polynomial.legendre.leggauss(9)
    at = [joint(LAM, correlation=0.45 + 0.45 * float(r)) for r in x]
    weight = 0.5 * w * np.exp([p.log_marginal for p in at])
    assert wide.log_marginal == pytest.approx(np.log(weight.sum()), abs=1e-6)
    weight /= weight.sum()
    assert wide.effect.mean == pytest.approx(float(weight @ [p.effect.mean for p in at]), rel=1e-6)
    assert wide.tau_effect.cdf(50.0) == pytest.approx(float(weight @ [p.tau_effect.cdf(50.0) for p in at]), rel=1e-6)


def test_a_discount_widens_the_sampling_variances():
    half = joint(LAM, discount={"before_after": 0.25})
    rows = [r._replace(se=2 * r.se) if r.study in ("Neurohr", "Hu") else r for r in LAM]
    np.testing.assert_allclose(half.estimate, joint(rows).estimate, rtol=1e-9)
    assert half.information_by_design()["before_after"] < joint(LAM).information_by_design()["before_after"]
    assert "25% of their information" in half.methods_text()
    for wrong, match in (({"series": 0.3}, "before_after"), ({"before_after": 0}, "above 0"), (0.3, "kind of design")):
        with pytest.raises(OptionError, match=match):
            joint(LAM, discount=wrong)


# ---- what each design says -----------------------------------------------------------------------
def test_shares_of_information_sum_to_a_hundred_and_follow_precision():
    post = joint(LAM)
    for of in ("effect", "baseline", "bias"):
        shares = post.information_by_design(of)
        assert sum(shares.values()) == pytest.approx(100, rel=1e-12)
        assert min(shares.values()) >= 0
    assert post.information_by_design("bias")["before_after"] > 40
    # two differences without spread: shares are those of their precisions, and of the prior's
    rows = [Row("A", 50, 10, 1, 0, 1), Row("B", 70, 20, 1, 0, 1)]
    flat = joint(rows, effect=P.Normal(0, 40, unit="mL/year"), tau_effect=0, tau_baseline=0)
    total = 1 / 100 + 1 / 400 + 1 / 1600
    assert flat.information_by_design() == pytest.approx(
        {"contrast": 100 * (1 / 100 + 1 / 400) / total, "prior": 100 / 1600 / total}
    )


def test_node_split_without_spread_is_a_z_test():
    """Two kinds with known spread 0: the difference of their estimates over its standard error."""
    rows = [Row("T", -100, 10), Row("T", 20, 10, 1), Row("R", 60, 15, 1, 0, 1)]
    flat = {"baseline": P.Flat(), "effect": P.Flat(), "tau_baseline": 0, "tau_effect": 0}
    found = joint(rows, **flat).conflict().set_index("design")
    from scipy.special import ndtr

    z = (120 - 60) / np.sqrt(200 + 225)
    for kind, sign in (("controlled", 1), ("contrast", -1)):
        line = found.loc[kind]
        assert line["difference"] == pytest.approx(sign * 60)
        assert line["p"] == pytest.approx(2 * ndtr(-z), rel=1e-6)
        assert line["p_holm"] == pytest.approx(min(1, 4 * ndtr(-z)), rel=1e-6)


def test_designs_side_by_side():
    post = joint([*LAM, MIDAS])
    found = post.by_design().set_index("designs")
    assert found.loc["joint", "effect"] == pytest.approx(post.effect.mean)
    assert found["share"].iloc[:5].sum() == pytest.approx(found.loc["joint", "share"])
    pair = joint([r for r in LAM if r.study in NATURAL])
    assert found.loc["controlled + untreated_only", "effect"] == pytest.approx(pair.effect.mean)
    assert "not identified" in found.loc["before_after", "note"]
    assert np.isnan(found.loc["untreated_only", "effect"])
    # one trial: its own difference under the priors of the means
    assert found.loc["controlled", "effect"] == pytest.approx(151.188, abs=1e-3)
    assert "one study" in found.loc["controlled", "note"]


def test_the_paragraph_says_what_moved_the_answer():
    text = joint(LAM).design_text()
    assert "an effect of 159 mL/year (95% credible interval 74 to 266)" in text
    rest = joint([r for r in LAM if r.study not in ("Neurohr", "Hu")]).effect.mean
    assert (
        f"Without before-after series (30% of the information) it would be {rest:.0f} mL/year: they move it up by 36."
        in text
    )
    assert text.index("before-after") < text.index("series on the drug alone")
    assert "do not disagree with them beyond chance (node split, p = 0.34, after Holm > 0.99)" in text
    assert "The priors hold 4% of the information." in text
    torn = [Row("T", -100, 5), Row("T", 200, 5, 1), Row("R", -150, 5, 1, 0, 1), Row("Q", -140, 5, 1, 0, 1)]
    tight = {"tau_baseline": 0, "tau_effect": 0}
    assert " disagree with them beyond chance (node split, p < 0.001" in joint(torn, **tight).design_text()
    same = [Row("T", -100, 10), Row("T", 50, 10, 1), Row("R", 150, 14, 1, 0, 1)]
    still = joint(same, baseline=P.Flat(), effect=P.Flat(), **tight).design_text()
    assert "they do not move it" in still
    needed = joint([Row("Bee", 11, 11, 1), Row("Johnson", -118, 22)]).design_text()
    assert needed.count("the effect would not be identified") == 2
    assert needed.count("node split") == 0


def test_sensitivity_lists_exact_refits():
    found = joint(LAM).sensitivity().set_index("variant")
    for variant, name in (
        ("as chosen", "base"),
        ("no bias term", "no bias term"),
        ("priors of the SDs × 2", "wider"),
        ("priors of the SDs × 0.5", "narrower"),
        ("correlation 0.5", "correlation"),
        ("without Neurohr", "without Neurohr"),
    ):
        assert found.loc[variant, "effect"] == pytest.approx(PUBLISHED[name][4][0], abs=6e-4)
        assert found.loc[variant, "log_marginal"] == pytest.approx(PUBLISHED[name][2], abs=1e-5)
    assert (
        "not identified"
        in joint(MIXED[:2] + MIXED[5:6], unit="mL/year").sensitivity().set_index("variant").loc["without A", "note"]
    )


def test_studies_are_drawn_towards_the_means():
    post = joint(LAM)
    miles = post.study["MILES"]
    assert miles.on_treatment.mean == pytest.approx(miles.baseline.mean + miles.effect.mean)
    assert -144 < miles.baseline.mean < post.baseline.mean
    assert post.study["Johnson"].effect.sd == pytest.approx(post.effect_new.sd, rel=1e-6)
    assert post.quantity("theta[MILES, on treatment]").mean == pytest.approx(miles.on_treatment.mean)
    assert post.study["Neurohr"].bias.mean < post.bias.mean < post.study["Hu"].bias.mean
    assert joint(LAM, bias=None).study["Hu"].bias is None


# ---- refused, each with a remedy that works ------------------------------------------------------
def test_nothing_untreated():
    series = [r for r in LAM if r.study in ("Neurohr", "Hu", "Bee")]
    with pytest.raises(NotEstimable, match=r"no row is untreated .* bias=None"):
        joint(series)
    assert joint(series, bias=None).effect.mean > 0
    with pytest.raises(NotEstimable, match="add an untreated cohort or a difference"):
        joint([LAM[6], LAM[6]._replace(study="Bee 2")])
    assert joint([LAM[6], LAM[7]]).effect.mean > 0
    assert joint([LAM[6], MIDAS]).effect.mean > 0


def test_nothing_on_treatment():
    with pytest.raises(NotEstimable, match=r"no row is on treatment.*treated = 1"):
        joint(LAM[7:])
    assert joint([*LAM[7:], LAM[6]]).k == 4


def test_one_study():
    with pytest.raises(TooFewStudies, match="tau_baseline=0 and tau_effect=0"):
        joint(LAM[:2])
    assert joint(LAM[:2], tau_baseline=0, tau_effect=0).effect.mean > 100


def test_a_correlation_that_is_none():
    three = [*LAM[:2], *(r._replace(study="Hu") for r in (LAM[4], LAM[5], LAM[6]))]
    with pytest.raises(
        InputError, match=r"correlation=-0.6 makes no covariance matrix of the 3 rows of Hu.*above -0.5"
    ):
        joint(three, correlation=-0.6)
    assert joint(three, correlation=-0.45).k == 5
    for wrong in (1.0, -1, "high", (0.5,), (0.5, 0.2), float("nan")):
        with pytest.raises(OptionError, match="correlation"):
            joint(LAM, correlation=wrong)


def test_selected_without_a_series():
    rows = [*LAM[:2], LAM[7]._replace(selected=1)]
    with pytest.raises(InputError, match=r"Johnson has a slope before treatment and none on it.*set selected to 0"):
        joint(rows)
    assert joint([*LAM[:2], LAM[7]]).k == 3
    with pytest.raises(InputError, match="a slope before treatment is not on treatment"):
        joint([*LAM[:2], LAM[6]._replace(selected=1)])


def test_differences_that_are_none():
    with pytest.raises(InputError, match=r"MIDAS: a difference .* is treated minus untreated · set treated to 1"):
        joint([*LAM, MIDAS._replace(treated=0)])
    with pytest.raises(InputError, match=r"MIDAS: a difference .* set selected to 0"):
        joint([*LAM, MIDAS._replace(selected=1)])
    with pytest.raises(DependentRows, match=r"the same patients twice · leave out its slopes"):
        joint([*LAM, MIDAS._replace(study="MILES")])
    assert joint([*LAM, MIDAS]).k == 11


def test_columns_and_numbers():
    with pytest.raises(UnknownName, match="treated"):
        joint(LAM, treated="on")
    with pytest.raises(InputError, match=r"treated: 'treated' is 2 in row .* · give 0 or 1"):
        joint([LAM[0]._replace(treated=2), *LAM[1:]])
    with pytest.raises(OptionError, match="one of sei= and vi="):
        joint(LAM, vi="se")
    with pytest.raises(InputError, match="without position 2"):
        joint([*LAM[:2], LAM[7]._replace(se=0.0)])
    with pytest.raises(OptionError, match="DataFrame or an EvidenceTable"):
        lam.synthesis.joint([1, 2], **COLUMNS)
    with pytest.raises(OptionError, match="has its own"):
        lam.synthesis.joint(joint(LAM).table, **COLUMNS)
    table = joint(LAM).table
    again = lam.synthesis.joint(table, treated="treated", selected="selected")
    np.testing.assert_allclose(again.estimate, joint(LAM).estimate)


def test_priors_that_the_model_does_not_take():
    with pytest.raises(OptionError, match="exact under normal priors of its means"):
        joint(LAM, effect=P.StudentT(4, 0, 240, unit="mL/year"))
    for wrong in (P.Flat(), P.Jeffreys(), -1):
        with pytest.raises(OptionError, match="tau_effect"):
            joint(LAM, tau_effect=wrong)
    with pytest.raises(OptionError, match=r"baseline has no default .* give baseline=a prior, such as Normal"):
        joint(LAM, unit="%pred/year")
    with pytest.raises(NotEstimable, match="do not determine every mean"):
        joint([MIDAS, MIDAS._replace(study="M2")], baseline=P.Flat(), tau_baseline=0)
    with pytest.raises(QuadratureError, match="no arithmetic holds both"):
        joint(LAM, tau_effect=P.HalfNormal(1e12, unit="mL/year"))
    with pytest.raises(QuadratureError, match=r"0.0005 below 1e-300.* lam.priors.LogNormal"):
        joint(LAM, tau_effect=P.LogStudentT(1, 3, 1, unit="mL/year"))
    assert joint(LAM, tau_effect=P.LogNormal(3, 1, unit="mL/year")).effect.mean > 0
    with pytest.raises(OptionError, match="sei"):
        joint(LAM, se="se")


def test_tables_with_covariances_of_their_own():
    se = np.array([r.se for r in LAM])
    within = np.eye(len(LAM))
    for i, j in ((2, 3), (4, 5)):
        within[i, j] = within[j, i] = 0.5
    given = {"studies": [r.study for r in LAM], "labels": list("abcdefghij"), "unit": "mL/year"}
    flags = {name: [getattr(r, name) for r in LAM] for name in ("treated", "selected")}
    table = lam.EvidenceTable.from_estimates([r.y for r in LAM], V=within * np.outer(se, se), moderators=flags, **given)
    post = lam.synthesis.joint(table, treated="treated", selected="selected")
    np.testing.assert_allclose(post.estimate, joint(LAM, correlation=0.5).estimate, rtol=1e-9)
    with pytest.raises(OptionError, match="leave correlation out"):
        lam.synthesis.joint(table, treated="treated", selected="selected", correlation=0.3)
    within[0, 9] = within[9, 0] = 0.5
    crossed = lam.EvidenceTable.from_estimates(
        [r.y for r in LAM], V=within * np.outer(se, se), moderators=flags, **given
    )
    with pytest.raises(DependentRows, match="give such rows the same study"):
        lam.synthesis.joint(crossed, treated="treated", selected="selected")


# ---- one result among others ---------------------------------------------------------------------
def test_refits_keep_the_choices():
    post = joint(LAM, correlation=0.3)
    rest = post.without("Neurohr")
    wanted = joint([r for r in LAM if r.study != "Neurohr"], correlation=0.3)
    np.testing.assert_allclose(rest.estimate, wanted.estimate)
    assert rest.without("Hu").bias is None
    assert rest.without("Hu").names == ("effect", "baseline")
    with pytest.raises(LamEvidenceError):
        rest.without("Hu").without("MILES").without("Bee")


def test_notes_name_what_the_prior_decides():
    assert joint(LAM).notes == ()
    few = joint([r for r in LAM if r.study in NATURAL])
    assert few.notes == ("Too few studies tell tau_effect (1 study): there the prior decides, see sensitivity().",)
    assert any("no bias term was asked for" in note for note in joint(LAM, bias=None).notes)


def test_heavy_tails_without_moments():
    post = joint(LAM[:2] + LAM[7:], tau_effect=P.HalfCauchy(48, unit="mL/year"))
    assert post.tau_effect.sd == np.inf
    assert post.effect_new.sd == np.inf
    assert "not exist" in post.tau_effect.moment_note
    assert "not exist" in post.effect_new.moment_note
    assert np.isfinite(post.effect.sd)


def test_stated_error_holds():
    post = joint(LAM)
    assert post.numerical_error < 3e-6
    assert post.glance()["numerical_error"][0] == post.numerical_error
