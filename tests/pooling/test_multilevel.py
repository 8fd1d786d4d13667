"""Multilevel models against metafor (values of metafor 3.8-1 and 5.0-1), dense algebra, and each other."""

import math

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.effects.covariance import correlated_covariance
from lamevidence.foundation.errors import InputError, NotEstimable, OptionError, TooFewStudies, UnknownName
from lamevidence.pooling.multilevel.blocks import BlockEngine

YI = [
    0.12,
    0.35,
    0.28,
    -0.05,
    0.22,
    0.41,
    0.33,
    0.52,
    0.47,
    0.08,
    0.15,
    0.31,
    0.27,
    0.19,
    0.44,
    -0.11,
    0.05,
    0.13,
    0.38,
    0.29,
    0.61,
    0.02,
    0.24,
    0.18,
]
VI = [
    0.02,
    0.031,
    0.018,
    0.025,
    0.04,
    0.022,
    0.015,
    0.03,
    0.028,
    0.035,
    0.02,
    0.019,
    0.024,
    0.017,
    0.033,
    0.021,
    0.026,
    0.03,
    0.016,
    0.023,
    0.037,
    0.029,
    0.02,
    0.027,
]
STUDY = np.repeat(np.arange(1, 9), 3).tolist()
TIME = [1, 2, 3] * 8
LAB = [1, 2, 3, 4, 1, 2, 3, 4, 2, 1, 4, 3, 1, 3, 2, 4, 3, 1, 2, 4, 4, 2, 3, 1]
COLUMNS = {"study": STUDY, "time": TIME, "lab": LAB, "half": [1] * 12 + [2] * 12}


def table(correlated=False, scale=1.0, shift=0.0):
    yi = scale * np.array(YI) + shift
    if correlated:
        V = scale**2 * correlated_covariance(VI, STUDY, 0.4)
        return lam.EvidenceTable.from_estimates(yi, V=V, moderators=COLUMNS)
    return lam.EvidenceTable.from_estimates(yi, vi=scale**2 * np.array(VI), moderators=COLUMNS)


@pytest.mark.parametrize(
    ("struct", "log_likelihood", "tau2", "rho"),
    [
        ("AR", 9.376266854, [0.00629253], [0.51524]),
        ("CAR", 9.376266854, [0.00629252], [0.51524]),
        ("ID", 9.238084826, [0.00353141], []),
        ("DIAG", 10.006804733, [0.01684674, 0.0, 0.00105774], []),
        ("CS", 9.239318244, [0.00389274], [0.10594931]),
        ("UN", 10.439171143, [0.02581466, 0.00372685, 0.00002218], [1.0, -1.0, -1.0]),
    ],
)
def test_structures_agree_with_metafor(struct, log_likelihood, tau2, rho):
    fit = lam.multilevel(table(correlated=True), random="time | study", struct=struct)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=2e-7)
    assert fit.components.values("tau2") == pytest.approx(tau2, abs=3e-7)
    assert fit.rho == pytest.approx(rho, abs=1e-4)


def test_a_better_maximum_than_metafors_for_hcs():
    fit = lam.multilevel(table(correlated=True), random="time | study", struct="HCS")
    assert fit.log_likelihood > 10.155016837 + 0.2
    har = lam.multilevel(table(correlated=True), random="time | study", struct="HAR")
    assert har.log_likelihood == pytest.approx(10.437259167, abs=1e-6)


def test_crossed_effects_and_known_correlation_agree_with_metafor():
    fit = lam.multilevel(table(correlated=True), random=["1 | study", "1 | lab"])
    assert fit.log_likelihood == pytest.approx(9.211320070, abs=2e-7)
    assert fit.sigma2 == pytest.approx([0.0, 0.00158383], abs=2e-7)
    R = np.full((4, 4), 0.3) + 0.7 * np.eye(4)
    related = lam.multilevel(table(), random=["1 | study", "1 | lab"], R={"lab": R})
    assert related.log_likelihood == pytest.approx(8.824774430, abs=5e-7)


def test_ml_with_a_moderator_agrees_with_metafor():
    fit = lam.multilevel(table(correlated=True), random="time | study", struct="UN", tau2="ML", moderators="time")
    assert fit.log_likelihood == pytest.approx(15.385830830, abs=1e-7)
    assert fit.beta == pytest.approx([0.03742436, 0.10161720], abs=3e-7)
    assert fit.coefficients.se == pytest.approx([0.07850690, 0.03052112], abs=3e-7)
    assert fit.aic == pytest.approx(-14.77166166, abs=1e-6)


def test_blups_agree_with_metafor():
    effects = lam.multilevel(table(correlated=True), random="time | study", struct="CS").random_effects()[0]
    assert effects.labels[:4] == ("1: 1", "1: 2", "1: 3", "2: 1")
    assert effects.estimate[:4] == pytest.approx([-0.02751833, 0.01669836, 0.00924635, -0.04999925], abs=1e-7)
    assert effects.se[:4] == pytest.approx([0.05666593, 0.05854228, 0.05613066, 0.05762411], abs=1e-7)


def test_i2_of_each_level():
    fit = lam.multilevel(table(), random="1 | study/time")
    shares = fit.i2_by_component()
    assert shares["study"] == pytest.approx(27.8368311, abs=2e-5)
    assert fit.i2 == pytest.approx(sum(shares.values()), rel=1e-12)


def dense(fit, theta):
    lik = fit.likelihood
    M = np.diag(lik.V) if lik.V.ndim == 1 else lik.V.copy()
    for term, G in zip(lik.terms, lik.covariances(theta), strict=True):
        own = np.zeros(fit.k, int) if term.inner is None else term.inner.codes
        M = M + (term.outer.codes[:, None] == term.outer.codes[None, :]) * G[np.ix_(own, own)]
    return M


@pytest.mark.parametrize("struct", ["ID", "DIAG", "CS", "HCS", "UN", "AR", "HAR", "CAR"])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_value_and_gradient_against_dense_algebra(struct, method):
    fit = lam.multilevel(table(correlated=True), random=["1 | study", "time | study"], struct=struct, tau2=method)
    lik = fit.likelihood
    theta = np.concatenate([t.structure.start(0.3, 0.2) for t in lik.terms]) * np.linspace(0.9, 1.1, lik.size)
    M, X, y = dense(fit, theta), lik.basis, lik.y
    W = np.linalg.inv(M)
    information = X.T @ W @ X
    r = y - X @ np.linalg.solve(information, X.T @ W @ y)
    expected = np.linalg.slogdet(M)[1] + r @ W @ r + (np.linalg.slogdet(information)[1] if method == "REML" else 0)
    value, gradient = lik.objective(theta)
    assert 2 * value == pytest.approx(expected, rel=1e-12)
    for i in range(lik.size):
        e = np.zeros(lik.size)
        e[i] = 1e-5
        assert gradient[i] == pytest.approx(
            (lik.objective(theta + e)[0] - lik.objective(theta - e)[0]) / 2e-5, rel=1e-6, abs=1e-8
        )


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_nested_and_block_engines_are_the_same(method):
    lik = lam.multilevel(table(), random=["1 | study", "1 | half", "1 | row"], tau2=method).likelihood
    theta = np.array([0.1, 0.2, 0.3])
    nested = lik.moments(theta)
    blocks = BlockEngine(lik.terms, lik.V).evaluate(lik.covariances(theta), lik.basis, lik.y, lik.restricted)
    assert nested.logdet == pytest.approx(blocks.logdet, rel=1e-13)
    assert nested.residual == pytest.approx(blocks.residual, rel=1e-10, abs=1e-12)
    for a, b in zip(nested.pulls, blocks.pulls, strict=True):
        assert a == pytest.approx(b, rel=1e-10)


def test_large_nested_data_cost_no_dense_matrix():
    rng = np.random.default_rng(3)
    study = np.repeat(np.arange(4000), 5)
    y = rng.normal(0, 0.3, 4000)[study] + rng.normal(0, 0.2, 20000) + rng.normal(0, 0.2, 20000)
    many = lam.EvidenceTable.from_estimates(
        y, vi=np.full(20000, 0.04), moderators={"s": study, "row": np.arange(20000)}
    )
    fit = lam.multilevel(many, random="1 | s/row")
    assert fit.sigma2 == pytest.approx([0.09, 0.04], rel=0.1)


def test_offset_and_scale_do_not_matter():
    plain = lam.multilevel(table(), random="1 | study/time")
    moved = lam.multilevel(table(scale=1e6, shift=1e8), random="1 | study/time")
    assert moved.sigma2 / 1e12 == pytest.approx(plain.sigma2, rel=1e-6, abs=1e-12)
    assert (moved.mu - 1e8) / 1e6 == pytest.approx(plain.mu, rel=1e-7)


def test_profile_interval_cuts_the_likelihood_where_it_says():
    fit = lam.multilevel(table(scale=3.0), random="1 | study")
    low, high = fit.component_interval("sigma2")
    assert low <= fit.sigma2[0] <= high
    lik = fit.likelihood
    at = lik.log_likelihood(lik.objective(np.array([high / lik.scale**2]))[0])
    assert 2 * (fit.log_likelihood - at) == pytest.approx(1.959963984540054**2, rel=1e-6)


def test_profile_of_an_unstructured_correlation_of_three_levels():
    fit = lam.multilevel(table(correlated=True), random="time | study", struct="UN")
    assert tuple(fit.component_interval("rho", 1)) == (-1.0, 1.0)
    low, high = fit.component_interval("tau2", 1)
    assert (low, high) == (0.0, pytest.approx(0.0772, abs=6e-5))


def test_no_random_effects_is_weighted_least_squares():
    fit = lam.multilevel(table(), random=None)
    w = 1 / np.array(VI)
    assert fit.mu == pytest.approx((w * YI).sum() / w.sum(), rel=1e-13)
    assert fit.se == pytest.approx(w.sum() ** -0.5, rel=1e-13)
    with pytest.raises(NotEstimable, match="no random effects"):
        fit.prediction()


def test_likelihood_ratio_needs_comparable_models():
    full = lam.multilevel(table(), random="1 | study/time")
    reduced = lam.multilevel(table(), random="1 | study")
    assert full.against(reduced).p_value == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(OptionError, match="ML"):
        lam.multilevel(table(), random="1 | study/time", moderators="time").against(reduced)
    with pytest.raises(OptionError, match="swap"):
        reduced.against(full)


def test_surface_of_the_result():
    fit = lam.multilevel(table(), random="1 | study/time", interval="t", cluster="study")
    out = fit.to_json()
    assert out["spec"]["interval"].startswith("CR2")
    assert out["interval"][0] < out["mu"] < out["interval"][1]
    assert "Multilevel" in fit.describe()
    assert "Q(23)" in repr(fit)
    assert fit.tidy().shape[0] == 1
    assert fit.glance()["k"].iloc[0] == 24
    assert fit.summary().shape[0] == 5
    assert fit.weights.sum() == pytest.approx(100.0)
    assert math.isfinite(fit.predict()["prediction_low"].iloc[0])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"random": "study"}, OptionError, "1 | study/row"),
        ({"random": "1 | nowhere"}, UnknownName, "study"),
        ({"random": "time | study", "struct": "XX"}, UnknownName, "CS"),
        ({"random": "time | study", "struct": ["CS", "UN"]}, OptionError, "2 structures"),
        ({"random": ["1 | study", "1 | study"]}, InputError, "write random='1 | study'"),
        ({"tau2": "EM"}, UnknownName, "REML"),
        ({"interval": "q"}, UnknownName, "z"),
        ({"dfs": "kr"}, UnknownName, "contain"),
        ({"level": 95}, OptionError, "between 0 and 1"),
        ({"V": np.eye(3)}, InputError, "24"),
        ({"V": -np.eye(24)}, InputError, "positive"),
        ({"V": np.ones((24, 24))}, InputError, "positive definite"),
        ({"V": np.eye(24) + np.eye(24, k=1)}, InputError, "symmetric"),
        ({"moderators": np.ones((24, 2))}, NotEstimable, "singular"),
        ({"random": "1 | study", "R": {"lab": np.eye(4)}}, UnknownName, "study"),
        ({"random": "1 | lab", "R": {"lab": np.eye(3)}}, InputError, "shape"),
    ],
)
def test_nonsense_is_refused_with_a_remedy(options, error, words):
    with pytest.raises(error, match=words.replace("|", r"\|")):
        lam.multilevel(table(), **options)


def test_too_little_data_is_refused():
    one = lam.EvidenceTable.from_estimates([0.1], vi=[0.1])
    with pytest.raises(TooFewStudies):
        lam.multilevel(one)
    two = lam.EvidenceTable.from_estimates([0.1, 0.2], vi=[0.1, 0.1], studies=["a", "a"])
    with pytest.raises(InputError, match="one level"):
        lam.multilevel(two)
    few = lam.EvidenceTable.from_estimates(
        [0.1, 0.2, 0.3], vi=[0.1] * 3, studies=["a", "a", "b"], moderators={"o": [1, 2, 3]}
    )
    with pytest.raises(NotEstimable, match="variance parameters"):
        lam.multilevel(few, random="o | study", struct="UN")
    bad = lam.EvidenceTable.from_estimates([0.1, 0.2, 0.3], vi=[0.1, 0.0, 0.1])
    with pytest.raises(InputError, match="sampling variance"):
        lam.multilevel(bad, random=None)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("random", ["1 | study/row", "1 | district/study/row", "1 | district/study"])
def test_hessian_of_nested_intercepts_is_that_of_the_gradient(random, method):
    rng = np.random.default_rng(8)
    study = rng.integers(0, 12, 40)
    table = lam.EvidenceTable.from_estimates(
        rng.normal(size=40),
        vi=rng.uniform(0.05, 0.3, 40),
        studies=[f"s{i}" for i in study],
        moderators={"x": rng.normal(size=40), "district": [f"d{i // 4}" for i in study]},
    )
    likelihood = lam.multilevel(table, random=random, moderators="x", tau2=method).likelihood
    at = rng.uniform(0.05, 0.4, likelihood.size)
    h = 1e-5 * np.eye(at.size)
    slopes = [(likelihood.objective(at + e)[1] - likelihood.objective(at - e)[1]) / 2e-5 for e in h]
    observed, expected = likelihood.curvature(at)
    np.testing.assert_allclose(observed, np.stack(slopes), rtol=1e-6, atol=1e-7)
    assert np.linalg.eigvalsh(expected).min() > 0


@pytest.mark.parametrize(
    "fitted",
    [
        lambda rows, m: lam.multilevel(rows, random="1 | study", moderators=m, interval="t"),
        lambda rows, m: lam.multilevel(rows, random="1 | study", moderators=m, cluster="study"),
        lambda rows, m: lam.cluster_robust(lam.multilevel(rows, random="1 | study", moderators=m), "study"),
        lambda rows, m: lam.robust_variance(rows, moderators=m, cluster="study"),
    ],
)
def test_a_contrast_is_the_coefficient_of_the_design_that_has_it(fitted):
    """The mean at time 2.5 is a contrast of one design and the intercept of another; df and all are the same."""
    rows = table()
    time = np.array(TIME, dtype=float)
    one = fitted(rows, np.column_stack([np.ones(24), time]))
    other = fitted(rows, np.column_stack([np.ones(24), time - 2.5]))
    row = one.contrasts([1.0, 2.5]).iloc[0]
    assert row["estimate"] == pytest.approx(other.estimate[0], rel=1e-8)
    assert row["std_error"] == pytest.approx(other.se[0], rel=1e-8)
    assert row["p_value"] == pytest.approx(other.p_value[0], rel=1e-7)
    low, high = next(iter(other.interval().values()))
    assert [row["conf_low"], row["conf_high"]] == pytest.approx([low, high], rel=1e-7)
